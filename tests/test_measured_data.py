"""The measured files: refused unless they are the listed ones, whole or absent, and read in their own layout."""

import http.server
import threading
from functools import partial

import h5py
import measured_files
import numpy as np
import pytest

from companion import measured_data
from companion.__main__ import main


@pytest.fixture
def source(tmp_path):
    """A folder with small files of the same layout."""
    folder = tmp_path / "source"
    folder.mkdir()
    measured_files.write(folder)
    return folder


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_list_of_the_project_names_its_source(root):
    found = measured_data.listed(root / "book/measured_files.csv")
    assert all(len(file.sha256) == 64 and set(file.sha256) <= set("0123456789abcdef") for file in found.values())
    assert measured_data.COMMIT in measured_data.ADDRESS and measured_data.ADDRESS.startswith("https://")
    page = (root / "notebooks/measured_signals.md").read_text(encoding="utf-8")
    assert measured_data.COMMIT in page and "MIT licence" in page and measured_data.REPOSITORY in page


@pytest.mark.parametrize("kind", ["folder", "file", "http"])
def test_files_come_from_a_folder_or_an_address(source, tmp_path, kind):
    target, names = tmp_path / "target", source / "files.csv"
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(source))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = {"folder": str(source), "file": source.as_uri(), "http": f"http://127.0.0.1:{server.server_port}/"}[kind]
    try:
        found = measured_data.download(target, address, names)
    finally:
        server.shutdown()
        server.server_close()
    assert tree(target) == sorted(set(tree(source)) - {"files.csv"})
    assert all(path.read_bytes() == (source / path.relative_to(target)).read_bytes() for path in found)
    assert measured_data.present(target, names) == found


def test_the_setting_names_the_source_and_whole_files_are_not_fetched_again(source, tmp_path, monkeypatch):
    target, names = tmp_path / "target", source / "files.csv"
    monkeypatch.setenv("MEASURED_FROM", str(source))
    measured_data.download(target, names=names)
    monkeypatch.setenv("MEASURED_FROM", str(tmp_path / "nowhere"))
    measured_data.download(target, names=names)
    (target / "LICENSE.md").write_text("altered")
    with pytest.raises(OSError, match=r"LICENSE\.md"):
        measured_data.download(target, names=names)


def test_another_content_is_refused_by_name_and_nothing_of_it_stays(source, tmp_path):
    target, names = tmp_path / "target", source / "files.csv"
    (source / "example/test/second.h5").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"example/test/second\.h5 from .* is not kept: its SHA-256 is"):
        measured_data.download(target, str(source), names)
    assert tree(target) == ["LICENSE.md", "example/first.h5"]
    assert measured_data.present(target, names) == [] and measured_data.read(target, names) is None


def test_a_file_that_was_altered_later_is_refused_by_name(source, tmp_path):
    target, names = tmp_path / "target", source / "files.csv"
    measured_data.download(target, str(source), names)
    with h5py.File(target / "example/first.h5", "a") as file:
        file["matrix"][3, 5] += 1
    with pytest.raises(ValueError, match=r"example/first\.h5 does not have the SHA-256"):
        measured_data.read(target, names)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/files", "file:///nowhere/files", "/nowhere/files"])
def test_a_source_that_cannot_be_had_is_one_line(address, tmp_path, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["measured", "--source", address, "--folder", str(tmp_path / "kept")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(("error: cannot get ", "error: [Errno 2]")) and "LICENSE.md" in line
    assert tree(tmp_path) == []


def test_an_answer_that_is_cut_short_is_refused(source, tmp_path, monkeypatch):
    class Short(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"Do what")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Short)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises((OSError, ValueError), match=r"LICENSE\.md"):
            measured_data.download(tmp_path / "kept", f"http://127.0.0.1:{server.server_port}", source / "files.csv")
    finally:
        server.shutdown()
        server.server_close()
    assert tree(tmp_path / "kept") == []


def test_a_list_lacks_no_part(source):
    lines = (source / "files.csv").read_text().splitlines()
    (source / "files.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match="must list licence, first, second, recorder, chains, got"):
        measured_data.listed(source / "files.csv")


def test_what_is_read_is_what_was_written(source):
    data = measured_data.read(source, source / "files.csv")
    rows = measured_files.calibration(0)
    np.testing.assert_array_equal(data.first.rows, rows)
    assert np.flatnonzero(data.first.empty).tolist() == [0, 10, 20]
    empty = rows[[0, 10, 20]]
    np.testing.assert_allclose(data.first.signals, np.delete(rows, [0, 10, 20], axis=0) - empty.mean(axis=0))
    assert np.mean(data.first.noise**2) == pytest.approx(np.mean(np.var(empty, axis=0, ddof=1)))
    assert data.sampling_frequency == measured_files.RATE and data.averages == 1000
    assert data.drive_frequency * measured_files.SAMPLES == pytest.approx(measured_files.RATE)
    assert data.chains.shape == (3, 400) and data.chain_frequency[-1] == 1.2e6
