"""A full disk: one line names the file, no half file stays, and what was there before is whole."""

import os
import resource
import shutil
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from companion import book as pages
from companion.__main__ import main
from companion.archive import HISTORY, Archive, Stored
from companion.cache import shared
from mpicore import files

LIMIT = 20_000


@contextmanager
def full_disk(size=LIMIT):
    """No file of this process may grow beyond so many bytes, as on a disk that has no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shared_data_are_whole_or_absent(tmp_path):
    arrays = {"small": np.ones(3), "u1": np.ones((100, 100))}
    with full_disk(), pytest.raises(OSError, match=f"cannot write {tmp_path}/pairs: .* bytes; the disk is full"):
        shared(tmp_path, "pairs", lambda: arrays)
    assert os.listdir(tmp_path) == ["pairs.lock"]
    np.testing.assert_array_equal(shared(tmp_path, "pairs", lambda: arrays)["u1"], arrays["u1"])


def test_a_copy_is_whole_or_absent(tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(2 * LIMIT))
    with full_disk(), pytest.raises(OSError, match=f"cannot write {tmp_path}/made/copy.bin: File too large"):
        files.copy(source, tmp_path / "made/copy.bin")
    assert os.listdir(tmp_path / "made") == []
    with pytest.raises(FileNotFoundError, match="lost"):
        files.copy(tmp_path / "lost.bin", tmp_path / "made/copy.bin")
    files.copy(source, tmp_path / "made/copy.bin")
    assert (tmp_path / "made/copy.bin").read_bytes() == source.read_bytes()


def run_of(folder, size):
    """A finished run whose weights have so many bytes, about."""
    folder.mkdir()
    files.save_tensors(folder / "weights.safetensors", {"w": np.ones(size, np.uint8)})
    items = pd.DataFrame({"variant": ["literal"], "index": [0]})
    return Stored(
        folder,
        {"config": {}},
        pd.DataFrame(columns=HISTORY),
        items.assign(snr_db=1.0, rmse=2.0),
        items.assign(ssim=0.5, psnr_db=3.0, object_error=0.1),
        folder / "weights.safetensors",
    )


def test_an_archive_stays_as_it_was(tmp_path):
    published = tmp_path / "published"
    small, large = (run_of(tmp_path / name, size) for name, size in (("small", 100), ("large", 2 * LIMIT)))
    Archive(published).publish({"aaaa": ("xspace", "n2n", small)}, {})
    before = everything(published)
    with (
        full_disk(),
        pytest.raises(OSError, match=r"cannot write .*/more\.weights\.safetensors: File too large"),
    ):
        Archive(published).publish({"aaaa": ("xspace", "n2n", small), "bbbb": ("xspace", "more", large)}, {})
    assert everything(published) == before
    assert Archive(published).run("aaaa") is not None


def test_a_book_is_staged_anew_after_it(tmp_path, book, monkeypatch):
    """The page, the table and MathJax are written in one move each; the folder is known as one that may go."""
    monkeypatch.setattr(pages, "check_executed", lambda path: None)
    monkeypatch.setattr(pages.take_home, "read_and_made", lambda notebooks: [])
    monkeypatch.setattr(pages.texts, "faults", lambda *arguments: [])
    source, staged = tmp_path / "book", tmp_path / "staged"
    source.mkdir()
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (source / "index.md").write_text("# Index\n")
    (tmp_path / "one.csv").write_text("a\n" + "1\n" * LIMIT)
    with full_disk(), pytest.raises(OSError, match=f"cannot write {staged}/tables/one.csv: File too large"):
        pages.stage(source, staged, [], [tmp_path / "one.csv"], book, "smoke")
    assert not [name for name in everything(staged) if "one" in name or "draft" in name]
    pages.stage(source, staged, [], [tmp_path / "one.csv"], book, "smoke")
    assert (staged / "tables/one.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert (staged / "index.md").read_text() == "# Index\n"


def test_a_command_ends_in_one_line(tmp_path, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    place = ["--root", str(tmp_path / "runs"), "--cache", str(tmp_path / "data"), "--threads", "1"]
    with full_disk():
        assert main(["run", "xspace-gaussian", "noisy", "--preset", "smoke", *place]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: cannot write {tmp_path}/data/test-") and line.endswith("the disk is full")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []
    shutil.rmtree(tmp_path / "data")
