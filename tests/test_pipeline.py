"""The whole chain at smoke size, run in a copy of the project so that nothing here is touched."""

import base64
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT, copy_project, run_companion, run_graph, variables

from companion import contents, experiments, project

PAPER = ["paper_snr_db", "paper_rmse", "paper_ssim", "paper_psnr_db"]
OUT = Path("build/smoke")
BOOK = f"{OUT}/_build/html/index.html"
BY_KEY = tuple(f"{OUT}/{part}/" for part in ("build/runs", "results/checked", "results/analyses"))


def jobs(process):
    """Names of the rules that a dry run would run, each as often as it would."""
    assert process.returncode == 0, process.stdout + process.stderr
    found = re.findall(r"^(?:local)?rule ([\w-]+):", process.stdout + process.stderr, re.MULTILINE)
    return sorted(found)


def snapshot(folder, pattern):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.glob(pattern))}


@pytest.fixture
def copy(smoke, tmp_path):
    """A copy of the finished build that a test may change; times of files as they were."""
    return Path(shutil.copytree(smoke, tmp_path / "project"))


@pytest.mark.book
def test_every_table_is_written_with_its_columns(smoke):
    for name in ("table1", "table2", "table3", "loss_terms", "own_lines", "projected1", "locked"):
        table = pd.read_csv(smoke / OUT / f"results/tables/{name}.csv")
        assert {"method", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db", *PAPER} <= set(table)
        assert ("variant" in table) == (name == "own_lines")
        assert table["snr_db"].notna().all()


@pytest.mark.book
def test_every_run_is_whole_and_has_its_record(smoke):
    records = list((smoke / OUT).glob("runs/*/record.json"))
    runs = experiments.read(smoke / "experiments.yml").runs("smoke").values()
    assert sorted(path.parent.name for path in records) == sorted({run.key for run in runs})
    assert not list(smoke.glob("build/smoke/runs/**/checkpoint*"))


def declared(folder):
    """The declared inputs of each output, as Snakemake has written them down; long names are cut into folders."""
    found, metadata = {}, folder / ".snakemake/metadata"
    for path in metadata.rglob("*"):
        if path.is_file():
            name = "".join(part.removeprefix("@") for part in path.relative_to(metadata).parts)
            found[base64.urlsafe_b64decode(name).decode()] = json.loads(path.read_text())["input"]
    return found


def undeclared(folder, opened):
    """Files of the project that jobs have opened and not declared, by output; and how many jobs there were."""
    inputs = declared(folder)
    stamps = {
        key: path for path in (folder / OUT).glob("build/runs/*.json") for key in json.loads(path.read_text()).values()
    }
    found, seen = {}, 0
    for log in sorted(opened.glob("*.opened")):
        words = log.with_suffix(".command").read_text().split("\0")
        # The stage is not an output, and names the pages that it takes; the finish changes what was just built.
        outputs = [BOOK] if {"stage", "finish"} & set(words) else [word for word in words if word in inputs]
        output = outputs[0]
        seen += 1
        for line in set(log.read_text().splitlines()):
            path = Path(line)
            if not path.is_relative_to(folder) or not path.is_file():
                continue
            name = path.relative_to(folder)
            if name.suffix == ".pyc":
                name = name.parent.parent / f"{name.name.split('.')[0]}.py"
            text = name.as_posix()
            made = (f"{OUT}/build/data/", f"{OUT}/build/source/", f"{OUT}/_build/")
            if text.startswith(("published/", "build/caches/", *made)):
                continue
            if text.startswith(f"{OUT}/runs/"):
                stamp = stamps.get(name.parts[3])
                text = stamp.relative_to(folder).as_posix() if stamp else text
            if text == "experiments.yml" and output.startswith(BY_KEY):
                continue
            if text not in inputs[output] and text not in outputs:
                found.setdefault(output, set()).add(text)
    return found, seen


@pytest.mark.book
def test_every_job_declares_all_that_it_reads(smoke):
    """Each file of the project that a job has opened is among its inputs.

    Code counts by its source, a run by what says that it is whole. Left out is what the job makes itself, what is kept
    under a hash of all that decides it (``build/smoke/build/data``), caches of foreign packages, and the archive: which
    runs it holds decides in the graph itself what the inputs are. Of ``experiments.yml`` the jobs of runs, checks and
    analyses have what they need in their parameters, as keys.
    """
    found, seen = undeclared(smoke, smoke.parent / "opened")
    assert seen > 60
    assert not found


@pytest.mark.book
def test_nothing_is_done_twice(smoke):
    process = run_graph(smoke, "--dry-run")
    assert jobs(process) == []
    assert "Nothing to be done" in process.stdout + process.stderr


@pytest.mark.book
def test_a_change_in_a_text_rebuilds_the_book_alone(copy):
    text = copy / "book/index.md"
    text.write_text(text.read_text() + "\nOne more sentence.\n")
    assert jobs(run_graph(copy, "--dry-run")) == ["all", "book"]


@pytest.mark.book
def test_a_change_in_the_code_of_figures_repeats_the_pages_that_draw(copy):
    """Among them no page without a figure, no run, no table and no analysis."""
    code = copy / "companion/figures.py"
    code.write_text(code.read_text() + "\n# changed\n")
    found = jobs(run_graph(copy, "--dry-run"))
    drawing = {
        f"page_{page.name}"
        for page in contents.pages(experiments.read(copy / "experiments.yml"), str(copy / "notebooks"))
        if "companion.figures" in project.cells(page.text, copy)
    }
    assert set(found) == {"all", "book", *drawing} and "page_benchmarks" not in drawing


@pytest.mark.book
def test_a_change_in_a_setting_trains_what_depends_on_it(copy):
    """Another weight of the loss makes new runs of `proposed`, and leaves the others alone: their keys are the same."""
    path = copy / "experiments.yml"
    before = experiments.read(path).runs("smoke")
    content = yaml.safe_load(path.read_text())
    content["methods"]["proposed"]["options"]["alpha"] = 0.1
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    after = experiments.read(path).runs("smoke")
    changed = {name.method for name in after if after[name].key != before[name].key}
    read_out = {name for name, method in experiments.read(path).methods.items() if method.of == "proposed"}
    assert changed == {"proposed"} | read_out and read_out
    known = {path.parent.name for path in (copy / OUT).glob("runs/*/record.json")}
    assert {name.method for name, run in after.items() if run.key not in known} == changed
    assert "run_xspace-gaussian" in jobs(run_graph(copy, "--dry-run"))


@pytest.mark.book
def test_forced_pages_are_byte_identical(copy):
    """Every fifth page, and the tables that pages write."""
    pages = sorted((copy / OUT).glob("build/pages/*.ipynb"))[::5]
    before = {path.relative_to(copy): path.read_bytes() for path in pages}
    tables = snapshot(copy, "build/smoke/results/tables/*.csv")
    rules = [f"page_{path.stem}" for path in before]
    process = run_graph(copy, "--forcerun", *rules, "--until", *rules)
    assert process.returncode == 0, process.stdout + process.stderr
    after = snapshot(copy, "build/smoke/build/pages/*.ipynb")
    assert [str(path) for path in before if before[path] != after.get(path)] == []
    assert snapshot(copy, "build/smoke/results/tables/*.csv") == tables


@pytest.mark.book
def test_a_damaged_run_stops_the_chain_by_name(copy):
    """The pipeline refuses a run whose weights were altered, and says where it lies."""
    key = experiments.read(copy / "experiments.yml").run("xspace-gaussian", "n2n", "smoke").key
    weights = OUT / "runs" / key / "weights.safetensors"
    data = bytearray((copy / weights).read_bytes())
    data[-1] ^= 1
    (copy / weights).write_bytes(data)
    target = OUT / "results/tables/table1.csv"
    (copy / target).unlink()
    process = run_companion(copy, "build", "--preset", "smoke", str(target))
    assert process.returncode != 0
    assert f"{weights} is damaged" in process.stdout + process.stderr


@pytest.mark.book
def test_a_failing_notebook_stops_the_build_with_its_cell(copy):
    source, page = copy / "notebooks/figure1.md", OUT / "build/pages/figure1.ipynb"
    source.write_text(source.read_text().replace("figures.use_style()", "figures.use_style()\n1 / 0"))
    process = run_companion(copy, "build", "--preset", "smoke", str(page))
    assert process.returncode != 0
    output = process.stdout + process.stderr
    assert "1 / 0" in output and "ZeroDivisionError" in output


@pytest.mark.book
def test_ones_own_denoiser_stays_in_the_leaderboards(copy):
    """It is there after each later build, and a second one beside it."""
    other = copy / "my folder" / "it's mine.py"
    other.parent.mkdir()
    other.write_text("class Mine:\n    def fit(self, u1, u2): pass\n    def denoise(self, u): return u\n")
    example = "examples/running_median.py:RunningMedian"
    process = run_companion(copy, "own", "--preset", "smoke", "--denoiser", example)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "running_median on xspace-gaussian" in process.stdout and "`make book` shows them" in process.stdout
    process = run_companion(copy, "own", "--preset", "smoke", "--denoisers", "my folder/it's mine.py:Mine")
    assert process.returncode == 0, process.stdout + process.stderr
    target = OUT / "results/leaderboard.csv"
    for _ in range(2):
        assert run_companion(copy, "build", "--preset", "smoke", str(target)).returncode == 0
        table = pd.read_csv(copy / target)
        assert {"running_median", "Mine"} <= set(table["method"])
        (copy / target).unlink()


@pytest.mark.book
def test_a_killed_build_is_gone_on_with(copy):
    """After SIGKILL to everything at once, the same command goes on, and no lock is in its way."""
    target = OUT / "build/pages/figure1.ipynb"
    (copy / target).unlink()
    command = [sys.executable, "-m", "companion", "build", "--preset", "smoke", str(target)]
    with open(copy / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=copy, env=variables(copy), start_new_session=True, stdout=log, stderr=subprocess.STDOUT
        )
        _wait_for(lambda: "notebooks/figure1.md" in _commands_of(process.pid))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    _wait_for(lambda: _is_free(copy / OUT / "build/.lock"))  # until the last of the killed is gone
    assert not (copy / target).exists()
    process = run_companion(copy, "build", "--preset", "smoke", str(target))
    assert process.returncode == 0, process.stdout + process.stderr
    assert (copy / target).exists()


@pytest.mark.book
def test_an_interrupted_build_ends_with_one_line(copy):
    target = OUT / "build/pages/figure1.ipynb"
    (copy / target).unlink()
    command = [sys.executable, "-m", "companion", "build", "--preset", "smoke", str(target)]
    process = subprocess.Popen(
        command, cwd=copy, env=variables(copy), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _wait_for(lambda: "notebooks/figure1.md" in _commands_of(process.pid))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in output + errors
    assert errors.strip() == "interrupted; the same command goes on"


def _commands_of(pid):
    """Command lines of all processes below one."""
    import psutil

    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            found += process.cmdline()
        except psutil.Error:
            continue  # it has ended
    return found


def _wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_free(lock: Path) -> bool:
    """Whether no process holds a lock."""
    with open(lock) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_two_builds_in_one_folder_are_refused_in_one_line(tmp_path):
    shutil.copy(ROOT / "experiments.yml", tmp_path)
    lock = tmp_path / OUT / "build/.lock"
    lock.parent.mkdir(parents=True)
    with open(lock, "w") as stream:
        stream.write("4711\n")
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)
        environment = variables(ROOT)
        command = [sys.executable, "-m", "companion", "build", "--preset", "smoke"]
        process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    said = f"error: another build runs in {tmp_path / OUT}, process 4711; wait until it has ended, or interrupt it"
    assert process.stderr == f"{said} and call this again\n"


@pytest.mark.book
def test_any_folder_will_do(tmp_path):
    """A space, an apostrophe and an umlaut in the path: the graph is read, and a run and a page are made.

    Here each run is a job of its own, as at the presets whose runs take long.
    """
    folder = copy_project(tmp_path / "it's a tëst" / "project")
    settings = folder / "experiments.yml"
    settings.write_text(settings.read_text().replace("together: true", "together: false"))
    target = OUT / "build/runs/xspace-gaussian-noisy.json"
    process = run_companion(folder, "build", "--preset", "smoke", "--dry-run")
    assert process.returncode == 0, process.stdout + process.stderr
    process = run_companion(folder, "build", "--preset", "smoke", str(target), str(OUT / "build/pages/figure1.ipynb"))
    assert process.returncode == 0, process.stdout + process.stderr
    assert [path.name for path in (folder / target).parent.iterdir()] == [target.name]
