"""Data are made once, whoever asks, and whole or not there at all."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from companion.cache import lock, shared

ARRAYS = {"u1": np.arange(12, dtype=np.float32).reshape(3, 4), "pixels": np.arange(5), "mask": np.array([True, False])}

#: A process that notes that it makes, and takes its time over it.
MAKER = """
import sys, time
import numpy as np
from companion.cache import shared
folder, pause = sys.argv[1], float(sys.argv[2])
def make():
    with open(folder + "/log", "a") as log:
        log.write("made\\n")
    time.sleep(pause)
    return {"u1": np.arange(3.0), "u2": np.arange(4.0)}
found = shared(folder + "/data", "pairs-1234", make)
print(sorted(found), float(found["u1"].sum() + found["u2"].sum()))
"""

#: A process that holds a lock until it is killed.
HOLDER = """
import sys, time
from companion.cache import lock
with lock(sys.argv[1]):
    print(1, flush=True)
    time.sleep(600)
"""


def make():
    return {name: array.copy() for name, array in ARRAYS.items()}


def never():
    raise AssertionError("made a second time")


@pytest.fixture
def maker(tmp_path, root):
    """Start a process that asks for the arrays."""

    def start(pause):
        command = [sys.executable, "-c", MAKER, str(tmp_path), str(pause)]
        return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)

    return start


def waited(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_mapped_arrays_are_those_that_were_made(tmp_path):
    made, found = shared(tmp_path, "pairs-1234", make), shared(tmp_path, "pairs-1234", never)
    for arrays in (made, found):
        assert arrays.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert isinstance(arrays[name], np.memmap)
            np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_without_a_folder_arrays_are_made_and_kept_by_the_caller(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shared(None, "pairs-1234", make).keys() == ARRAYS.keys()
    assert os.listdir(tmp_path) == []


def test_other_names_are_other_arrays(tmp_path):
    shared(tmp_path, "pairs-1234", make)
    other = shared(tmp_path, "pairs-12345", lambda: {"u1": np.zeros(2)})
    assert other.keys() == {"u1"}
    assert shared(tmp_path, "pairs-1234", never).keys() == ARRAYS.keys()


def test_arrays_in_another_order_of_memory_are_kept(tmp_path):
    turned = np.arange(12.0).reshape(3, 4).T
    np.testing.assert_array_equal(shared(tmp_path, "matrix-1", lambda: {"u1": turned})["u1"], turned)


def test_what_is_written_into_a_mapped_array_does_not_reach_the_file(tmp_path):
    found = shared(tmp_path, "pairs-1234", make)
    found["u1"][:] = -1
    np.testing.assert_array_equal(shared(tmp_path, "pairs-1234", never)["u1"], ARRAYS["u1"])


def test_an_error_while_making_leaves_nothing(tmp_path):
    with pytest.raises(AssertionError):
        shared(tmp_path, "pairs-1234", never)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert shared(tmp_path, "pairs-1234", make).keys() == ARRAYS.keys()


def test_two_processes_that_ask_at_once_make_the_arrays_once(tmp_path, maker):
    first, second = maker(1), maker(1)
    outputs = {process.communicate(timeout=120)[0] for process in (first, second)}
    assert outputs == {"['u1', 'u2'] 9.0\n"}
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_killed_process_leaves_nothing_that_counts(tmp_path, maker):
    """Killed while it makes, with a part already written: the next one makes all of it, and clears that away."""
    process = maker(600)
    waited((tmp_path / "log").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "data/.pairs-1234.killed").mkdir()  # where it writes
    (tmp_path / "data/.pairs-1234.killed/u1.npy").write_bytes(b"part")
    found = shared(tmp_path / "data", "pairs-1234", make)
    assert found.keys() == ARRAYS.keys()
    assert [path.name for path in (tmp_path / "data").iterdir() if path.is_dir()] == ["pairs-1234"]


@pytest.mark.parametrize("written", [0, 1])
def test_a_process_killed_while_it_writes_leaves_nothing_that_counts(tmp_path, root, written):
    """After no array or one of two; SIGKILL comes from within the write itself."""
    code = f"""
import os, signal, sys
import numpy as np
from companion import cache
save, left = np.save, [{written}]
def killed(*arguments):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    save(*arguments)
np.save = killed
cache.shared(sys.argv[1], "pairs-1234", lambda: {{"u1": np.zeros(3), "u2": np.zeros(4)}})
"""
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "pairs-1234").exists()
    assert list(tmp_path.glob(".pairs-1234.*"))
    assert shared(tmp_path, "pairs-1234", make).keys() == ARRAYS.keys()
    assert not list(tmp_path.glob(".pairs-1234.*"))


def test_a_lock_is_waited_for_and_ends_with_its_process(tmp_path, root):
    path = str(tmp_path / "lock")
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "1\n"
    held = subprocess.Popen([sys.executable, "-c", HOLDER, path], cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        os.set_blocking(held.stdout.fileno(), False)
        assert not held.stdout.readline()  # still waiting
        process.kill()
        os.set_blocking(held.stdout.fileno(), True)
        assert held.stdout.readline() == "1\n"
    finally:
        for each in (process, held):
            each.kill()
            each.wait()
    with lock(path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        shared(tmp_path / "file", "pairs-1234", make)
