"""Denoisers from outside: what they are given, what is asked of them, and how a mistake is named."""

import textwrap

import numpy as np
import pytest

from companion import evaluation, plugins
from companion.__main__ import main
from companion.setup import Setup
from mpicore import denoisers
from mpicore.denoisers import base
from mpicore.recordings import Recordings

EXAMPLE = "examples/running_median.py:RunningMedian"
METHODS = "    def fit(self, u1, u2):\n        pass\n    def denoise(self, u):\n        return u\n"
ALL = {"validation", "folder", "progress"}
U = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(autouse=True)
def forget():
    """Leave the registry as it was."""
    denoisers.names()
    before = dict(base._registry)
    yield
    base._registry.clear()
    base._registry.update(before)
    plugins._sources.clear()


@pytest.fixture
def loaded(tmp_path):
    """Write a file with these methods of a class ``Mine``, and give the denoiser."""

    def load(methods, name="mine"):
        path = tmp_path / f"{name}.py"
        path.write_text("import numpy as np\nclass Mine:\n" + textwrap.indent(textwrap.dedent(methods), "    "))
        return denoisers.create(plugins.load_file(f"{path}:Mine"))

    return load


@pytest.fixture
def written(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_the_example_is_short_and_gains(root, tiny):
    """As the book says: a file, a class with two methods, under 20 lines of code."""
    text = (root / EXAMPLE.split(":")[0]).read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 20
    name = plugins.load_file(str(root / EXAMPLE))
    assert name == "running_median"
    setup = Setup(tiny("xspace-gaussian", "noisy", sizes=(20, 4, 10)))
    denoiser = denoisers.create(name)
    pairs, held = setup.fitting_pairs(denoiser)
    assert denoiser.fit(*pairs, validation=held) is denoiser
    gained, noisy = (
        evaluation.evaluate(d, setup).signals["snr_db"].mean() for d in (denoiser, denoisers.create("noisy"))
    )
    assert gained > noisy + 3


def test_a_name_is_that_of_the_class_unless_it_says_otherwise(written):
    assert plugins.load_file(f"{written(f'class Mine:{chr(10)}{METHODS}')}:Mine") == "Mine"


def test_loading_twice_is_loading_once(written):
    address = f"{written(f'class Mine:{chr(10)}{METHODS}')}:Mine"
    assert plugins.load_file(address) == plugins.load_file(address)


def test_another_version_of_the_code_is_another_run(written, book):
    keys = []
    for comment in ("", "# changed\n"):
        name = plugins.load_file(f"{written(f'{comment}class Mine:{chr(10)}{METHODS}')}:Mine")
        keys.append(book.own("xspace-gaussian", name, plugins.source(name), "smoke").key)
        del base._registry[name], plugins._sources[name]
    assert keys[0] != keys[1]


def test_two_files_of_one_name_are_two_modules(written):
    """A class of the first finds its own module again, as dataclasses and pickle do."""
    names = []
    for folder in ("one", "two"):
        path = written(f"class {folder.title()}:\n{METHODS}", f"{folder}/mine.py")
        names.append(plugins.load_file(f"{path}:{folder.title()}"))
    modules = [denoisers.find(name).__module__ for name in names]
    assert names == ["One", "Two"] and modules[0] != modules[1]


@pytest.mark.parametrize(
    "signature, seen",
    [("u1, u2, validation", {"validation"}), ("u1, u2, **kw", ALL)],
)
def test_further_arguments_come_to_those_who_name_them_and_all_to_those_who_take_any(loaded, signature, seen):
    kept = "dict(validation=validation)" if "validation" in signature else "kw"
    denoiser = loaded(f"def fit(self, {signature}):\n    self.seen = {kept}\ndef denoise(self, u):\n    return u\n")
    denoiser.fit(U, U + 1, Recordings(U, U + 2), folder="somewhere", progress=True)
    assert set(denoiser.seen) == seen
    np.testing.assert_array_equal(denoiser.seen["validation"].u2, U + 2)


@pytest.mark.parametrize(
    "text, address, message",
    [
        ("", "mine.py", "a denoiser is given as path/to/file.py:Name, got 'mine.py'"),
        ("", "{}/lost.py:Mine", "there is no file .*lost.py"),
        ("class Other:\n    pass\n", "{}/mine.py:Mine", "mine.py has no class Mine; it has Other"),
        ("class Mine:\n    def fit(self):\n        pass\n", "{}/mine.py:Mine", "the class must have a method denoise"),
        (f"class n2n:\n{METHODS}", "{}/mine.py:n2n", "the name 'n2n' is taken"),
        (f"class Mine:\n    name = '../evil name/x'\n{METHODS}", "{}/mine.py:Mine", "name must be .*'../evil name/x'"),
        (f"class Mine:\n    name = 7\n{METHODS}", "{}/mine.py:Mine", "name must be letters.*7"),
        ("class Mine:\n    def fit(self:\n", "{}/mine.py:Mine", r"mine.py:2: .*"),
        ("import sys\nsys.exit(3)\n", "{}/mine.py:Mine", "mine.py:2: SystemExit: 3"),
        ("import nowhere_at_all\n", "{}/mine.py:Mine", "mine.py:1: ModuleNotFoundError: .*nowhere_at_all"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(written, tmp_path, text, address, message):
    written(text)
    with pytest.raises(ValueError, match=message) as caught:
        plugins.load_file(address.format(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body, message",
    [
        ("return u[:, :-1]", r"Mine: denoise must return an array of shape \(2, 4\), got shape \(2, 3\)"),
        ("return None", r"array of shape \(2, 4\), got NoneType"),
        ("return u.tolist()", r"array of shape \(2, 4\), got list"),
        ("return u.astype(complex)", "real numbers, got complex"),
        ("return np.where(u == 6, np.nan, u)", r"finite numbers, got nan at signal 1, sample 2"),
        ("u[:] = 0\n    return u", r"Mine: denoise failed, .*mine.py:6: ValueError: .*read-only"),
        ("return {}['x']", "mine.py:6: KeyError: 'x'"),
        ("import sys; sys.exit(3)", "Mine: denoise failed, .*mine.py:6: SystemExit: 3"),
        ("raise RuntimeError('two\\nlines')", "mine.py:6: RuntimeError: two lines"),
        ("return np.ones((2, 4), object)", "real numbers, got object"),
    ],
)
def test_what_is_wrong_with_an_answer_names_the_method(loaded, body, message):
    denoiser = loaded(f"def fit(self, u1, u2):\n    pass\ndef denoise(self, u):\n    {body}\n")
    given = U.copy()
    with pytest.raises(ValueError, match=message) as caught:
        denoiser.denoise(given)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(given, U)


def test_a_fit_that_writes_its_data_fails_and_leaves_them(loaded):
    denoiser = loaded("def fit(self, u1, u2):\n    u1 /= 2\ndef denoise(self, u):\n    return u\n")
    given = U.copy()
    with pytest.raises(ValueError, match=r"Mine: fit failed, .*mine.py:4: ValueError: .*read-only"):
        denoiser.fit(given, U + 1)
    np.testing.assert_array_equal(given, U)


def test_a_constructor_that_fails_names_its_line(written):
    path = written(f"class Mine:\n    def __init__(self, width=3):\n        self.x = {{}}['x']\n{METHODS}")
    name = plugins.load_file(f"{path}:Mine")
    assert denoisers.parameters(name) == {"width": 3}
    with pytest.raises(ValueError, match=r"Mine: the constructor failed, .*mine.py:3: KeyError: 'x'"):
        denoisers.create(name)


def test_an_interruption_is_no_error_of_theirs(loaded):
    denoiser = loaded("def fit(self, u1, u2):\n    raise KeyboardInterrupt\ndef denoise(self, u):\n    return u\n")
    with pytest.raises(KeyboardInterrupt):
        denoiser.fit(U, U + 1)


def test_whole_numbers_are_taken(loaded):
    denoiser = loaded("def fit(self, u1, u2):\n    pass\ndef denoise(self, u):\n    return u.astype(int)\n")
    assert denoiser.denoise(U).dtype == np.float32


def test_a_subclass_of_the_base_is_checked_as_well(written):
    text = "from mpicore.denoisers import Denoiser\nclass Mine(Denoiser):\n    def denoise(self, u):\n"
    text += "        return u[:1]\n"
    denoiser = denoisers.create(plugins.load_file(f"{written(text)}:Mine"))
    with pytest.raises(ValueError, match=r"shape \(2, 4\), got shape \(1, 4\)"):
        denoiser.denoise(U)


def test_both_periods_come_in_and_one_goes_out(loaded):
    denoiser = loaded(
        "periods = 2\ndef fit(self, u1, u2):\n    pass\ndef denoise(self, u):\n    return u.mean(axis=1)\n"
    )
    np.testing.assert_array_equal(denoiser.denoise(np.stack([U, U + 2], axis=1)), U + 1)


def test_a_listed_name_cannot_be_ones_own(book):
    with pytest.raises(ValueError, match="denoiser 'l1' has the name of a method in the experiments file"):
        book.own("xspace-gaussian", "l1", "0", "smoke")


def test_a_bad_address_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("companion.runs.find", lambda *arguments: tmp_path)  # as if all runs were there
    assert main(["own", "--preset", "smoke", "--denoiser", "nothing"]) == 1
    assert capsys.readouterr().err == "error: a denoiser is given as path/to/file.py:Name, got 'nothing'\n"


def test_without_the_runs_of_the_others_nothing_is_trained(tmp_path, capsys):
    assert main(["own", "--preset", "smoke", "--root", str(tmp_path), "--denoiser", EXAMPLE]) == 1
    error = capsys.readouterr().err
    assert "are not finished in" in error and "`make book PRESET=smoke` makes them" in error
    assert not list(tmp_path.iterdir())
