"""Put the book's sources together: texts, executed notebooks, tables, and a note that says what the numbers are."""

import shutil
from importlib import resources
from pathlib import Path

import yaml

from companion.experiments import Experiments, Preset
from companion.notebooks import check_executed
from mpicore import files

PAGES = "pages"  #: folder of the executed notebooks in the staged book
TABLES = "tables"  #: folder of the tables in the staged book
EXTRA = "extra"  #: folder of the staged book whose files are put beside the pages as they are


def preset_note(name: str, preset: Preset) -> str:
    """Markdown that opens every page: what the preset means for the numbers. Empty for the preset ``paper``."""
    if name == "paper":
        return ""
    training, sizes = preset.training, preset.sizes["x-space"]
    steps = training.epochs * (sizes[0] // training.batch_size)
    what = "previews" if name == "preview" else "meaningless: they only show that everything runs"
    return (
        f":::{{admonition}} Preset {name}\n:class: warning\n**The numbers on this page are {what}.** "
        f"They were computed at the preset `{name}`: "
        f"{sizes[0]} training signals and {steps} training steps per x-space network. "
        "The paper trained on 8000 signals, for much longer. "
        "The preset `paper` has the full sizes: `make book`.\n:::\n"
    )


def stage(source, target, notebooks, tables, experiments: Experiments, preset: str) -> None:
    """Copy everything the book needs into one fresh folder, MathJax among it.

    Args:
        source: folder of the texts, with ``_toc.yml``.
        target: the staged folder, made anew.
        notebooks: executed notebooks.
        tables: CSV files, and code, that the pages include.
        experiments, preset: for the note.

    Raises:
        ValueError: a notebook is missing, failed or was not executed, or the table of contents names a page that is
            not there.
    """
    source, target = Path(source), Path(target)
    for notebook in notebooks:
        check_executed(notebook)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for folder, paths in ((PAGES, notebooks), (TABLES, tables)):
        (target / folder).mkdir()
        for path in paths:
            shutil.copy(path, target / folder)
    # One file with all its fonts, out of the package django-static-mathjax.
    mathjax = resources.files("mathjax") / "static/mathjax/es5/tex-svg.js"
    files.write_text(target / EXTRA / "mathjax.js", mathjax.read_text(encoding="utf-8"))
    files.write_text(target / "preset.txt", preset_note(preset, experiments.presets[preset]))
    for page in _pages(yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))):
        if not any((target / f"{page}{suffix}").exists() for suffix in (".md", ".ipynb")):
            raise ValueError(f"_toc.yml names {page}, which is neither a text nor an executed notebook")


def _pages(entry):
    """All page names in a table of contents, at any depth."""
    if isinstance(entry, list):
        return [page for item in entry for page in _pages(item)]
    if isinstance(entry, dict):
        own = [entry[key] for key in ("root", "file") if key in entry]
        return own + [page for value in entry.values() if isinstance(value, list) for page in _pages(value)]
    return []
