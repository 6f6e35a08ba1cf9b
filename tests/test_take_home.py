"""Notebooks that leave the book: their texts, the files that they fetch, and that they run beside the package alone."""

import functools
import hashlib
import http.server
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

import fresh
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from companion import fetch, kernel, notebooks, repository, take_home
from companion.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = repository.Repository("https://github.com/owner/name", "https://owner.github.io/name/", "abc")
# Pages whose notebooks are run; `.ci/weekly` names all of them by a word.
TRIED = os.environ.get("TAKE_HOME", "benchmarks loss_terms table1").split()


@contextmanager
def served(folder):
    """The address of a folder, served to this machine; and the paths that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def staged(tmp_path):
    """A book of one page with all that is written for the book alone."""
    folder = tmp_path / "book"
    (folder / "pages").mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "note.txt").write_text(":::{admonition} Preset toy\n:class: warning\nNot meant.\n:::\n")
    (folder / "tables/a.csv").write_text('Method,SNR\n"a | b","{glue:text}`snr:.1f` dB"\n')
    text = "# Page\n\n```{include} ../note.txt\n```\n\n"
    text += "It is {glue:text}`snr:.2f` dB, see {numref}`tab-a` and [](b.ipynb).\n"
    table = "```{csv-table} The values.\n:name: tab-a\n:file: ../tables/a.csv\n:header-rows: 1\n```"
    glue = nbformat.v4.new_output(
        "display_data",
        {"application/papermill.record/text/plain": "20.456"},
        metadata={"scrapbook": {"name": "snr", "mime_prefix": "application/papermill.record/"}},
    )
    figure = {"mystnb": {"figure": {"name": "fig-a", "caption": "What {numref}`tab-a` has."}}}
    cells = [
        nbformat.v4.new_markdown_cell(text),
        nbformat.v4.new_code_cell("n = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("n = 2", metadata={"tags": ["injected-parameters", "remove-cell"]}),
        nbformat.v4.new_code_cell(
            "draw()", metadata=figure, outputs=[glue, nbformat.v4.new_output("stream", text="x")]
        ),
        nbformat.v4.new_markdown_cell(table),
    ]
    page = nbformat.v4.new_notebook(cells=cells, metadata={"reads": {"experiments.yml": "0" * 64}, "source": "a.md"})
    nbformat.write(page, folder / "pages/a.ipynb")
    values = {"pages/a": take_home.glued(folder / "pages/a.ipynb")}
    numbers = {"tab-a": "Table 3.1", "fig-a": "Fig. 2", "eq-a": "(1.1)"}
    return take_home.Book(folder, values, numbers, {"pages/b": "The other page"}, ORIGIN)


def test_a_notebook_to_take_home_has_all_in_its_place(staged):
    made = take_home.notebook("pages/a", staged)
    nbformat.validate(made)
    texts = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert "> **Preset toy**" in texts[0] and "> Not meant." in texts[0]
    assert "It is 20.46 dB, see Table 3.1 and [The other page](https://owner.github.io/name/pages/b.html)." in texts[0]
    assert texts[1] == "**Fig. 2.** What Table 3.1 has."
    assert texts[2] == "**Table 3.1.** The values.\n\n| Method | SNR |\n|---|---|\n| a \\| b | 20.5 dB |"
    first, parameters, drawn = (cell for cell in made.cells if cell.cell_type == "code")
    assert '"experiments.yml"' in first.source and ORIGIN.files in first.source and ORIGIN.package in first.source
    assert parameters.source == "n = 2" and parameters.metadata.tags == ["parameters"]
    assert [output.output_type for output in drawn.outputs] == ["stream"]
    assert take_home.notebook("pages/a", staged) == made


@pytest.mark.parametrize(
    "text, shown",
    [
        ("{cite:p}`goodwill2010,smith2011`", "(Goodwill 2010, Smith 2011)"),
        ("{func}`~mpicore.metrics.snr_db` and {term}`words <word>`", "`mpicore.metrics.snr_db` and words"),
        ("{eq}`eq-a`", "(1.1)"),
        ("```{math}\n:label: eq-a\nx = 1\n```", "$$\nx = 1\n\\tag{1.1}\n$$"),
        ("[text](../words.md#loss)", "[text](https://owner.github.io/name/words.html#loss)"),
        ("[text](https://example.org/a)", "[text](https://example.org/a)"),
        ("{glue:text}`a.ipynb::snr:.0f`", "20"),
        ("$x_{i}$ and `code`", "$x_{i}$ and `code`"),
    ],
)
def test_texts_are_those_of_plain_markdown(staged, text, shown):
    assert take_home.plain(text, "pages/a", staged) == shown


def test_without_an_address_other_pages_are_named_alone(staged):
    alone = take_home.Book(staged.folder, staged.glued, staged.numbers, staged.titles)
    assert take_home.plain("[](b.ipynb)", "pages/a", alone) == "*The other page*"
    (first, *_) = (cell for cell in take_home.notebook("pages/a", alone).cells if cell.cell_type == "code")
    assert "http" not in first.source


def test_a_value_that_is_not_there_is_named(staged):
    with pytest.raises(KeyError, match="nothing"):
        take_home.plain("{glue:text}`nothing:.1f`", "pages/a", staged)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_files_come_by_digest_from_the_first_place_that_has_them(tmp_path):
    right, wrong, target = (tmp_path / name for name in ("right", "wrong place", "target"))
    for folder, content in ((right, b"right"), (wrong, b"wrong")):
        (folder / "a").mkdir(parents=True)
        (folder / "a/some file.csv").write_bytes(content)
    wanted = {"a/some file.csv": digest(b"right")}
    with served(right) as (address, asked):
        assert fetch.fetch(wanted, [str(wrong), "http://127.0.0.1:1/", address], target) == 1
        assert (target / "a/some file.csv").read_bytes() == b"right"
        (target / "a/some file.csv").write_bytes(b"changed")
        assert fetch.fetch(wanted, [address], target) == 1
        assert fetch.fetch(wanted, [address], target) == 0
        assert len(asked) == 2
    with pytest.raises(OSError, match=r"other, one of 1 files .* cannot be had from .*wrong place; set MPICORE_FILES"):
        fetch.fetch({"other": digest(b"")}, [str(wrong)], target)
    with pytest.raises(ValueError, match="leads out"):
        fetch.fetch({"../x": digest(b"")}, [str(right)], target)


def test_a_notebook_enters_the_folder_of_its_files_once(tmp_path, monkeypatch):
    place = tmp_path / "place"
    place.mkdir()
    (place / "experiments.yml").write_bytes(b"known: 1\n")
    wanted = {"experiments.yml": digest(b"known: 1\n")}
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(fetch.SETTING, raising=False)
    with pytest.raises(SystemExit, match="no place is known"):
        fetch.enter(wanted)
    monkeypatch.setenv(fetch.SETTING, str(place))
    for _ in range(2):
        fetch.enter(wanted, ["http://127.0.0.1:1/"])
        assert Path.cwd() == tmp_path / fetch.FOLDER


def test_an_executed_notebook_lists_what_it_reads_and_not_what_it_writes(tmp_path, monkeypatch):
    for name in ("experiments.yml", "read.csv", "unread.csv"):
        (tmp_path / name).write_text(name)
    source = tmp_path / "source.md"
    body = "\n".join(
        [
            "from pathlib import Path",
            "from mpicore import files",
            "Path('read.csv').read_text()",
            "files.write_text('written.csv', '')",
            "Path('written.csv').read_text()",
        ]
    )
    head = "---\nkernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n\n"
    source.write_text(f"{head}```{{code-cell}}\n:tags: [parameters]\n\nn = 1\n```\n\n```{{code-cell}}\n{body}\n```\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebooks.execute(source, tmp_path / "build/result.ipynb", folder=tmp_path)
    reads = nbformat.read(tmp_path / "build/result.ipynb", 4).metadata[notebooks.READS]
    assert reads == {name: digest(name.encode()) for name in ("experiments.yml", "read.csv")}


def test_code_caches_and_other_folders_are_not_what_a_notebook_reads(tmp_path):
    names = ["experiments.yml", ".venv/a.py", "mpicore/a.py", "build/caches/a", "a/__pycache__/b.pyc", "results/a.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    notes = tmp_path / ".notes"
    notes.write_text(
        "".join(f"read {tmp_path / name}\n" for name in names[1:]) + f"read {tmp_path}x/y\nread /etc/hosts\n"
    )
    assert kernel.read_files(notes, tmp_path) == ["experiments.yml", "results/a.csv"]


def test_the_repository_is_one_setting(tmp_path):
    nowhere = repository.read({}, tmp_path)
    assert nowhere == repository.Repository()
    assert [nowhere.files, nowhere.package, nowhere.colab("a.ipynb"), nowhere.binder("a.ipynb")] == [""] * 4
    found = repository.read({repository.REPOSITORY: "https://github.com/Owner/name.git"}, tmp_path)
    assert (found.address, found.book) == ("https://github.com/Owner/name", "https://owner.github.io/name/")
    colab = urlsplit(found.colab("downloads/a.ipynb"))
    assert parse_qs(colab.fragment) == {"fileId": ["https://owner.github.io/name/downloads/a.ipynb"]}
    binder = urlsplit(found.binder("a/b c.ipynb"))
    assert binder.path == "/v2/gh/Owner/name/HEAD" and parse_qs(binder.query) == {"urlpath": ["lab/tree/a/b c.ipynb"]}
    own = {
        repository.REPOSITORY: "https://github.com/owner/owner.github.io",
        repository.ADDRESS: "https://example.org/b",
    }
    assert repository.read(own, tmp_path).book == "https://example.org/b/"
    elsewhere = repository.read({repository.REPOSITORY: "https://example.org/a/b"}, tmp_path)
    assert elsewhere.package.endswith("git+https://example.org/a/b") and not elsewhere.book
    assert elsewhere.binder("a") == elsewhere.colab("a") == ""
    for wrong in ("github.com/a/b", "https://github.com/a", "https://github.com/a/b/c"):
        with pytest.raises(ValueError, match=repository.REPOSITORY):
            repository.read({repository.REPOSITORY: wrong})


@pytest.mark.parametrize("setting, shown", [("https://github.com/a/b", ["Binder", "Colab"]), ("", [])])
def test_a_page_offers_its_notebook_and_where_it_runs(staged, monkeypatch, setting, shown):
    """The download is the notebook to take home; buttons to run it are there with a repository alone."""
    monkeypatch.setenv(repository.REPOSITORY, setting)
    monkeypatch.delenv(repository.ADDRESS, raising=False)
    app = SimpleNamespace(srcdir=staged.folder, outdir="_build/html")
    download = {"label": "download-source-button", "url": "_sources/pages/a.ipynb"}
    context = {"pathto": lambda name, kind: f"../{name}", "header_buttons": [{"type": "group", "buttons": [download]}]}
    take_home._offer(app, "pages/a", "page.html", context, document=object())
    assert download["url"] == "../downloads/a.ipynb"
    buttons = [button for group in context["header_buttons"][1:] for button in group["buttons"]]
    assert [button["text"] for button in buttons] == shown
    assert all(unquote(button["url"]).endswith("/downloads/a.ipynb") for button in buttons)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the project."""
    return fresh.build_wheel(tmp_path_factory.mktemp("wheel"))


def run(notebook, python, home):
    """Run a notebook in a folder, with a kernel of that interpreter alone; the error of it, or nothing."""

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(argv=[str(python), "-I", "-m", "ipykernel_launcher", "-f", "{connection_file}"])

    home.mkdir(exist_ok=True)
    client = NotebookClient(
        notebook, kernel_manager_class=Kernel, timeout=None, startup_timeout=600, resources={"metadata": {"path": home}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return str(error)
    return ""


def test_the_wheel_alone_says_in_one_line_what_is_missing(wheel, tmp_path):
    """The library without an extra: commands of the companion, and the first cell of a notebook to take home."""
    alone = fresh.environment(tmp_path / "environment", wheel)
    first = "from companion import fetch; fetch.enter({}, [])"
    for arguments, words in [
        (["-m", "companion", "build"], r"\w+ is not installed.*`book`"),
        (["-m", "companion", "table", "table1", "--output", "a.csv"], "pandas is not installed.*`book`"),
        (
            ["-c", first],
            "needs ipykernel, ipython, matplotlib, matplotlib-inline, pandas, pydantic, pyyaml: install .* `notebooks`",
        ),
    ]:
        process = subprocess.run([alone, "-I", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        (line,) = process.stderr.splitlines()
        assert process.returncode == 1 and re.search(words, line), line


@pytest.mark.parametrize("command", ["build", "lab", "run xspace-gaussian noisy", "table table1 --output a.csv"])
def test_outside_the_project_a_command_says_so(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "there is no experiments.yml" in line and "work in a copy of the repository" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.book
def test_no_notebook_to_take_home_holds_what_only_the_book_understands(smoke):
    downloads = sorted((smoke / "build/smoke/_build/html" / take_home.FOLDER).glob("*.ipynb"))
    assert {path.name for path in downloads} == {path.name for path in smoke.glob("build/smoke/build/pages/*.ipynb")}
    for path in downloads:
        text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
        assert not re.search(r"\{[a-z][\w:-]*\}`|^(```|:::)\{", text, re.MULTILINE), path.name


@pytest.mark.book
def test_notebooks_run_at_home_beside_the_wheel_and_a_mirror(smoke, wheel, tmp_path, monkeypatch):
    """Outside the project, in a fresh environment, with its files over HTTP; without them, one sentence says so."""
    folder = smoke / "build/smoke/_build/html" / take_home.FOLDER
    pages = sorted(path.stem for path in folder.glob("*.ipynb")) if TRIED == ["all"] else TRIED
    python = fresh.environment(tmp_path / "environment", wheel, "notebooks")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def tried(page, place):
        monkeypatch.setenv(fetch.SETTING, place)
        return run(nbformat.read(folder / f"{page}.ipynb", 4), python, tmp_path / page)

    refused = tried(pages[0], str(tmp_path / "nothing"))
    assert "cannot be had from" in refused and fetch.SETTING in refused
    with served(smoke) as (address, asked):
        failed = {page: error[-3000:] for page in pages if (error := tried(page, address))}
    assert not failed and asked
