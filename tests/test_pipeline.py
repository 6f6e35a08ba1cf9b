"""The whole chain at smoke size, run in a copy of the project so that nothing here is touched."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import run_graph

from companion import experiments

pytestmark = pytest.mark.book

PAPER = ["paper_snr_db", "paper_rmse", "paper_ssim", "paper_psnr_db"]


def jobs(process):
    """Names of the jobs that a dry run would do."""
    lines = process.stdout.splitlines()
    return {line.split()[1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))}


def snapshot(folder, pattern):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.glob(pattern))}


def test_every_table_is_written_with_its_columns(smoke):
    for name in ("table1", "table2", "table3", "loss_terms", "locked"):
        table = pd.read_csv(smoke / f"results/tables/{name}.csv")
        assert {"method", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db", *PAPER} <= set(table)
        assert ("variant" in table) == (name == "table2")
        assert table["snr_db"].notna().all()


def test_every_run_is_whole_and_has_its_record(smoke):
    records = list(smoke.glob("runs/*/*/*/record.json"))
    runs = experiments.read(smoke / "experiments.yml").runs("smoke").values()
    assert {path.parent.name for path in records} == {run.key for run in runs}
    assert len(records) == len({run.key for run in runs})
    assert not list(smoke.glob("runs/**/checkpoint*"))


def test_nothing_is_done_twice(smoke):
    process = run_graph(smoke, "--dry-run")
    assert process.returncode == 0, process.stderr
    assert "Nothing to be done" in process.stdout + process.stderr


def test_a_change_in_a_text_rebuilds_the_book_alone(smoke):
    text = smoke / "book/index.md"
    before = text.read_text()
    try:
        text.write_text(before + "\nOne more sentence.\n")
        assert jobs(run_graph(smoke, "--dry-run")) == {"book", "all"}
    finally:
        text.write_text(before)


def test_a_change_in_a_setting_repeats_what_depends_on_it(smoke):
    """Another weight of the loss makes a new run of `proposed`, and leaves the others alone."""
    path = smoke / "experiments.yml"
    before = path.read_text()
    try:
        values = yaml.safe_load(before)
        values["methods"]["proposed"]["options"]["alpha"] = 0.1
        path.write_text(yaml.safe_dump(values))
        process = run_graph(smoke, "--dry-run")
        trained = [line for line in process.stdout.splitlines() if "wildcards: run=" in line]
        assert len(trained) == 5 and all("-proposed" in line for line in trained)
    finally:
        path.write_text(before)


def test_forced_notebooks_are_byte_identical(smoke):
    before = snapshot(smoke, "build/pages/*.ipynb")
    tables = snapshot(smoke, "results/tables/*.csv")
    names = [path.stem for path in (smoke / "notebooks").glob("*.md")]
    process = run_graph(
        smoke, "--forcerun", *[f"notebook_{name}" for name in names], "--until", *[f"notebook_{n}" for n in names]
    )
    assert process.returncode == 0, process.stdout + process.stderr
    after = snapshot(smoke, "build/pages/*.ipynb")
    assert set(after) == {Path(f"build/pages/{name}.ipynb") for name in names}
    changed = [str(path) for path in before if before[path] != after[path]]
    assert not changed
    assert snapshot(smoke, "results/tables/*.csv") == tables


def test_a_damaged_run_stops_the_chain_by_name(smoke, tmp_path):
    """The pipeline refuses a run whose weights were altered, and says where it lies."""
    copy = tmp_path / "project"
    shutil.copytree(smoke, copy, ignore=shutil.ignore_patterns("_build", ".snakemake"))
    weights = next(copy.glob("runs/xspace-gaussian/n2n/*/weights.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    (copy / "results/tables/table1.csv").unlink()
    process = run_graph(copy, "results/tables/table1.csv")
    assert process.returncode != 0
    assert f"{weights.relative_to(copy)} is damaged" in process.stdout + process.stderr


def test_a_failing_notebook_stops_the_build_with_its_cell(smoke, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(smoke, copy, ignore=shutil.ignore_patterns("_build", ".snakemake"))
    source = copy / "notebooks/figure1.md"
    source.write_text(source.read_text().replace("figures.use_style()", "figures.use_style()\n1 / 0"))
    (copy / "build/pages/figure1.ipynb").unlink()
    process = run_graph(copy, "build/pages/figure1.ipynb")
    assert process.returncode != 0
    assert "1 / 0" in process.stderr and "ZeroDivisionError" in process.stderr
    assert not (copy / "build/pages/figure1.ipynb").exists()
