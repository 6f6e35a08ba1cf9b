"""Files are whole or absent, and a tensor file that is not what was written is refused by its name."""

import hashlib
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from mpicore import files

TENSORS = {"matrix": np.arange(6, dtype=np.float32).reshape(2, 3), "scalar": np.array(2.5), "lines": np.array([3, 1])}
METADATA = {"step": 7, "history": [{"loss": 0.1}], "name": "ü"}


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "tensors.safetensors"
    files.save_tensors(path, TENSORS, METADATA)
    return path


def test_a_file_is_moved_into_place(tmp_path):
    path = tmp_path / "a" / "b" / "text.txt"
    with files.replacing(path) as temporary:
        assert temporary.parent == path.parent
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["text.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "text.txt"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["text.txt"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path):
    """The move is one step: whoever reads meanwhile has the old file or the new one, never a mixture."""
    path = tmp_path / "text.txt"
    files.write_text(path, "old")
    with open(path) as reader:
        files.write_text(path, "newer")
        assert reader.read() == "old"
    assert path.read_text() == "newer"


def test_an_error_leaves_no_new_file(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "new.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


KILLED = """
import os, signal, sys
from mpicore import files
with files.replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_has_left_goes_with_the_next_write(tmp_path, root):
    """And with that of the same file alone: names that only look alike stay."""
    path = tmp_path / "text.txt"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=root, check=False)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".text.txt.")
    alike = {".text.txt.mine", "other.draft", ".other.txt.1.draft"}
    for name in alike:
        (tmp_path / name).write_text("kept")
    files.write_text(path, "whole")
    assert set(os.listdir(tmp_path)) == alike | {"text.txt"}
    assert path.read_text() == "whole"


def test_a_draft_that_another_process_is_writing_stays(tmp_path, root):
    """Also where the two write one file."""
    path = tmp_path / "text.txt"
    with files.replacing(path) as first:
        files.write_text(path, "second")
        assert first.exists()
        first.write_text("first")
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["text.txt"]


FULL = """
import resource, sys
import numpy as np
from mpicore import files
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    files.save_tensors(sys.argv[1], {"a": np.zeros(10000)})
except OSError as error:
    print(error)
"""


def test_a_full_disk_names_the_file_and_leaves_no_part_of_it(tmp_path, root):
    path = tmp_path / "a.safetensors"
    process = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], cwd=root, check=True, capture_output=True, text=True
    )
    assert process.stdout == f"cannot write {path}: File too large\n"
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"cannot write into folder {tmp_path}/file/sub: Not a directory"):
        files.write_text(tmp_path / "file" / "sub" / "text.txt", "x")


def test_text_and_json_come_back(tmp_path):
    files.write_text(tmp_path / "text.txt", "µ\n")
    assert (tmp_path / "text.txt").read_bytes() == "µ\n".encode()
    files.write_json(tmp_path / "value.json", {"b": [1, 2.5, None], "a": "µ"})
    assert json.loads((tmp_path / "value.json").read_text()) == {"b": [1, 2.5, None], "a": "µ"}
    assert (tmp_path / "value.json").read_text().index('"a"') < (tmp_path / "value.json").read_text().index('"b"')


def test_digest_is_sha_256(tmp_path):
    """The digest of "abc" is the example of the standard, FIPS 180-4."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "array",
    [
        np.array(1.5),
        np.array(7),
        np.array([True, False]),
        np.arange(4, dtype=np.int32),
        np.zeros((0, 3), np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10.0, dtype=np.float32)[::-2],
        np.array([np.nan, np.inf, -0.0]),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_come_back_as_they_are(tmp_path, array):
    """Scalars, whole numbers, empty arrays and arrays of any memory order keep value, type and shape."""
    files.save_tensors(tmp_path / "t", {"array": array})
    arrays, metadata = files.load_tensors(tmp_path / "t")
    np.testing.assert_array_equal(arrays["array"], array, strict=True)
    assert metadata == {}


def test_tensors_and_metadata_come_back(stored):
    arrays, metadata = files.load_tensors(stored)
    assert metadata == METADATA
    assert arrays.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def header(path):
    data = path.read_bytes()
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])


def test_the_digest_does_not_depend_on_the_order(stored, tmp_path):
    """The same tensors and metadata have one digest, in whatever order they come."""
    files.save_tensors(tmp_path / "again", dict(reversed(TENSORS.items())), dict(reversed(METADATA.items())))
    assert header(tmp_path / "again") == header(stored)


def refused(path):
    return pytest.raises(ValueError, match=f"{path} is damaged .*; delete it to start over")


def test_truncated_files_are_refused(stored):
    """Cut anywhere: at the end, in the data, in the header, in its length, and empty."""
    data = stored.read_bytes()
    header = struct.unpack("<Q", data[:8])[0]
    for size in (len(data) - 1, 8 + header, 8 + header // 2, 8, 4, 0):
        stored.write_bytes(data[:size])
        with refused(stored):
            files.load_tensors(stored)


def test_altered_files_are_refused(stored):
    """One byte, wherever it is: in the data, in the metadata, in the name of a tensor, in the digest."""
    data = stored.read_bytes()
    digest = json.loads(header(stored)["__metadata__"]["content"])["digest"].encode()
    places = [len(data) - 1, data.index(b"history"), data.index(b"matrix"), data.index(digest)]
    for place in places:
        altered = bytearray(data)
        altered[place] ^= 1
        stored.write_bytes(altered)
        with refused(stored):
            files.load_tensors(stored)
    stored.write_bytes(data)
    files.load_tensors(stored)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "foreign"
    for data in (b"PK\x03\x04 not a tensor file at all", save(TENSORS), save(TENSORS, metadata={"format": "pt"})):
        path.write_bytes(data)
        with refused(path):
            files.load_tensors(path)


def test_a_swap_of_two_tensors_is_refused(stored):
    """The digest covers names, types and shapes as well as values."""
    arrays, _ = files.load_tensors(stored)
    text = json.dumps(METADATA, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    arrays["scalar"], arrays["lines"] = arrays["lines"], arrays["scalar"]
    forged = {"content": json.dumps({"metadata": text, "digest": digest})}
    for fields in (header(stored)["__metadata__"], forged):
        save_file(arrays, stored, metadata=fields)
        with refused(stored):
            files.load_tensors(stored)


@pytest.mark.parametrize("change", ["name", "type", "shape"])
def test_the_same_bytes_under_another_description_are_refused(stored, change):
    """Bytes and order stay, but their name, type or shape does not."""
    arrays, _ = files.load_tensors(stored)
    if change == "name":
        arrays["scalaR"] = arrays.pop("scalar")
    else:
        matrix = arrays["matrix"]
        arrays["matrix"] = matrix.view(np.int32) if change == "type" else matrix.reshape(3, 2)
    save_file(arrays, stored, metadata=header(stored)["__metadata__"])
    with refused(stored):
        files.load_tensors(stored)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.safetensors"):
        files.load_tensors(tmp_path / "missing.safetensors")
