"""Whatever is in a file, reading it ends: in a recording, or in one line, within limits, and with nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from mdf_files import store, tables, truth

from mpicore import mdf
from mpicore.mdf import guard, measurement, recording

SIGNALS = truth(J=2)


@pytest.fixture
def path(tmp_path):
    return store(tmp_path / "file.mdf", tables(SIGNALS))


def refused(path, message):
    """In a process of its own and in this one, with one line that names the file; nothing is left beside it."""
    before = sorted(os.listdir(path.parent)), path.read_bytes()
    with pytest.raises(ValueError, match=message) as raised:
        guard.inspect(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert (sorted(os.listdir(path.parent)), path.read_bytes()) == before


def test_the_process_reads_what_can_be_read(path):
    found = mdf.read(path)
    np.testing.assert_array_equal(found.signals(), SIGNALS)
    assert mdf.read(str(path)).path == Path(path)


def test_the_process_tells_what_cannot(path):
    path.write_bytes(path.read_bytes()[:5000])
    before = sorted(os.listdir(path.parent))
    with pytest.raises(ValueError, match=r"file\.mdf: the file cannot be read, not HDF5 or damaged \(.*truncated"):
        mdf.read(path)
    assert sorted(os.listdir(path.parent)) == before


@pytest.mark.parametrize(
    "program, message",
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"the HDF5 library breaks down on it \(SIGSEGV\)"),
        ("import time; time.sleep(60)", "reading it takes more than 0.5 s; it is damaged"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "reading it takes more than 10 s of computing"),
        ("import sys; sys.exit(3)", "reading it fails with status 3"),
        ("import sys; sys.exit('no such module')", r"reading it fails with status 1 \(no such module\)"),
        ("print('[]')", "reading it fails with status 0"),
    ],
)
def test_a_process_that_dies_is_one_line(path, monkeypatch, program, message):
    monkeypatch.setattr(guard, "_PROGRAM", program + " # {paths} {path}")
    monkeypatch.setattr(guard, "_WAIT", 0.5 if "sleep" in program else 60)
    with pytest.raises(ValueError, match=message) as raised:
        mdf.read(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_the_process_has_limits(path):
    """Of memory, and of what it may write."""
    program = f"""
import os, sys
sys.path[:] = {sys.path!r}
from mpicore.mdf import guard
guard.limit()
for ask in (lambda: bytearray(2**32), lambda: os.write(os.open({str(path)!r} + "x", os.O_CREAT | os.O_WRONLY), b"x")):
    try:
        ask()
        print("given")
    except (MemoryError, OSError) as error:
        print(type(error).__name__)
"""
    process = subprocess.run(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout.split() == ["MemoryError", "OSError"], process.stderr


def test_memory_that_runs_out_is_told(path, monkeypatch, capsys):
    def inspect(_):
        raise MemoryError

    monkeypatch.setattr(guard, "inspect", inspect)
    monkeypatch.setattr(guard, "limit", lambda: None)
    guard.main(str(path))
    assert "needs more memory than 2048 MiB" in json.loads(capsys.readouterr().out)["error"]


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.mdf"):
        mdf.read(tmp_path / "missing.mdf")
    with pytest.raises(IsADirectoryError):
        mdf.read(tmp_path)
    os.mkfifo(tmp_path / "pipe.mdf")
    with pytest.raises(ValueError, match=r"pipe\.mdf is not a regular file"):
        mdf.read(tmp_path / "pipe.mdf")


@pytest.mark.parametrize("data", [b"", b"\x89HDF\r\n\x1a\n", b"text, no HDF5", bytes(5000)])
def test_what_is_no_hdf5_is_told(path, data):
    path.write_bytes(data)
    refused(path, r"the file cannot be read, not HDF5 or damaged")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_told(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "not HDF5 or damaged")


@pytest.mark.parametrize(
    "link, message",
    [
        (h5py.ExternalLink("other.mdf", "/measurement/data"), "/measurement/data is an external link, and must be"),
        (h5py.ExternalLink("/etc/passwd", "/"), "/measurement/data is an external link, and must be"),
        (h5py.SoftLink("/measurement/data"), "/measurement/data is a link, and must be a group or a data set"),
        (h5py.SoftLink("/nowhere"), "/measurement/data is a link, and must be a group or a data set"),
    ],
)
def test_links_are_not_followed(path, link, message):
    store(path.parent / "other.mdf", tables(SIGNALS))
    with h5py.File(path, "a") as file:
        del file["/measurement/data"]
        file["/measurement/data"] = link
    refused(path, message)


def test_a_link_anywhere_is_told(path):
    with h5py.File(path, "a") as file:
        file["/_mine/_here"] = h5py.SoftLink("/scanner")
    refused(path, "/_mine/_here is a link")


def test_a_group_in_itself_is_told(path):
    with h5py.File(path, "a") as file:
        file["/scanner/_again/_more"] = 1
        file["/scanner/_again/_back"] = file["/scanner"]
    refused(path, "group /scanner/_again/_back contains itself")


def test_too_many_groups_are_told(path):
    with h5py.File(path, "a") as file:
        file["/" + "/".join(["_a"] * 30)] = 1
    refused(path, "lies deeper than 16 groups")
    with h5py.File(path, "a") as file:
        del file["/_a"]
        group = file.create_group("/_0")
        for level in range(1, 15):  # few groups, but two ways into each
            inner = group.create_group("_a")
            group["_b"] = inner
            group = inner
            group[f"_{level}"] = level
    refused(path, "more than 5000")


def test_data_of_other_files_are_told(path, tmp_path):
    store(tmp_path / "other.mdf", tables(SIGNALS))
    layout = h5py.VirtualLayout(SIGNALS.shape, float)
    layout[...] = h5py.VirtualSource(tmp_path / "other.mdf", "/measurement/data", SIGNALS.shape)
    (tmp_path / "raw").write_bytes(SIGNALS.tobytes())
    for external in (False, True):
        with h5py.File(path, "a") as file:
            del file["/measurement/data"]
            if external:
                where = [(str(tmp_path / "raw"), 0, SIGNALS.nbytes)]
                file.create_dataset("/measurement/data", SIGNALS.shape, float, external=where)
            else:
                file.create_virtual_dataset("/measurement/data", layout)
        refused(path, "/measurement/data must be in this file, found values in other files")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shape": (10**9, 2, 2, 48)}, "must be stored in full, found 0 bytes of 1536000000000"),
        ({"shape": (10**9, 2, 2, 48), "chunks": (1, 2, 2, 48)}, "must be stored in full, found 0 chunks of 1000000000"),
        ({"shape": (10**12, 2, 2, 48), "chunks": (10**6, 2, 2, 48)}, "must be in chunks of at most 256 MiB, found"),
    ],
)
def test_absurd_sizes_are_told(path, options, message):
    with h5py.File(path, "a") as file:
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", dtype=float, **options)
    refused(path, f"/measurement/data {message}")


@pytest.mark.parametrize("name", ["/acquisition/receiver/transferFunction", "/calibration/snr", "/study/name"])
def test_absurd_sizes_of_metadata_are_told(path, name):
    """Zeros shrink a thousandfold; a text may be long as well."""
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        kind = "S4096" if name == "/study/name" else np.complex128
        file.create_dataset(name, (2, 2**17 * 65), kind, chunks=(1, 2**12), fillvalue=None)
    refused(path, f"{name} must be stored in full, found 0 chunks")


def test_metadata_beyond_the_limit_are_told(path, monkeypatch):
    monkeypatch.setattr(mdf.tree, "_BYTES", 2**10)
    monkeypatch.setattr(mdf.tree, "_STRINGS", 3)
    with h5py.File(path, "a") as file:
        file["/calibration/snr"] = np.ones((2, 2, 100))
    refused(path, "/calibration/snr must be at most 0 MiB, found shape")
    with h5py.File(path, "a") as file:
        del file["/calibration"], file["/acquisition/receiver/unit"]
        file["/acquisition/receiver/unit"] = np.array([b"V"] * 4)
    refused(path, "unit must be at most 3 texts, found 4 texts")


@pytest.mark.parametrize(
    "value",
    [h5py.Empty("f8"), np.zeros(2, [("a", "f8")]), np.void(b"1234"), b"", "x", np.array([], float), [[1.0]] * 3],
    ids=["none", "compound", "opaque", "no bytes", "text", "empty", "shape"],
)
@pytest.mark.parametrize(
    "name", ["/acquisition/receiver/numChannels", "/acquisition/drivefield/phase", "/measurement/isFastFrameAxis"]
)
def test_wrong_types_are_told(path, name, value):
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value
    refused(path, f"{name} must be ")


def test_references_and_types_of_hdf5_alone_are_told(path):
    with h5py.File(path, "a") as file:
        for name in ("/study/name", "/version"):
            del file[name]
        file["/study/name"] = np.array([file.ref], h5py.ref_dtype)
        file["/version"] = np.dtype("f8")  # a named type, which is no data set
    refused(path, "there is no /version")
    with h5py.File(path, "a") as file:
        del file["/version"]
        file["/version"] = "2.1.0"
    refused(path, "/study/name must be text")


def test_a_wounded_chunk_is_told(tmp_path):
    """Its checksum or its compression does not fit: the trial of the process finds it before the caller reads."""
    path = store(tmp_path / "file.mdf", tables(SIGNALS), {"chunks": (6, 2, 2, 48), "compression": "gzip"})
    with h5py.File(path) as file:
        chunk = file["/measurement/data"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 20 : chunk.byte_offset + 60] = bytes(40)
    path.write_bytes(data)
    refused(path, "/measurement/data must be whole, found what cannot be decoded")


def test_a_wound_that_the_trial_does_not_meet_is_told_as_well(tmp_path, monkeypatch):
    """Of many signals it reads the first and the last."""
    path = store(tmp_path / "file.mdf", tables(SIGNALS), {"chunks": (1, 2, 2, 48), "fletcher32": True})
    with h5py.File(path) as file:
        chunk = file["/measurement/data"].id.get_chunk_info(3)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 20] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(measurement, "_WHOLE", 0)
    monkeypatch.setattr(recording, "check", guard.inspect)
    found = mdf.read(path)
    with pytest.raises(ValueError, match=r"file\.mdf: /measurement/data cannot be read, not HDF5 or damaged"):
        found.signals()


def test_data_of_the_user_may_be_of_any_kind(path):
    """They are read on trial, and nothing follows but what the library dies of."""
    with h5py.File(path, "a") as file:
        file["/_reference"] = np.array([file.ref], h5py.ref_dtype)
        file.create_dataset("/_far", (10**9,), float)
        file.create_dataset("/_elsewhere", (4,), float, external=[("/nowhere/at/all", 0, 32)])
    found = mdf.read(path)
    assert found.deviations == ()
    mdf.write(found.mapped(lambda u: u, mdf.Provenance("x")), path.parent / "new.mdf")
    with h5py.File(path.parent / "new.mdf") as file:
        assert file["/_far"].shape == (10**9,) and file["/_reference"].dtype == h5py.ref_dtype


def test_names_are_told_in_plain_characters(path):
    with h5py.File(path, "a") as file:
        file["/_a\nb/_c"] = 1
        file["/_a\nb/_again"] = file["/_a\nb"]
        file["/scanner/x\ny"] = 1
    refused(path, r"group /_a\\nb/_again contains itself")
    with h5py.File(path, "a") as file:
        del file["/_a\nb/_again"]
    assert guard.inspect(path).deviations == (r"/scanner/x\ny: not known to the format, not used",)


def test_a_file_damaged_at_random_is_read_or_refused(tmp_path):
    """300 of them: none ends in another error, without end, or in the death of the caller."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    script = Path(__file__).parent / "mdf_fuzz.py"
    process = subprocess.run(
        [sys.executable, script, tmp_path / "work", "300"], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout)
    allowed = {"read", "refused", "late refusal", "no end"} | {kind for kind in told["kinds"] if kind.startswith("SIG")}
    assert set(told["kinds"]) <= allowed, told
    assert told["kinds"]["read"] > 20 and told["kinds"]["refused"] > 100, told
    assert told["memory"] < 512 and all(name.split("-")[0] in told["kinds"] for name in told["kept"]), told
