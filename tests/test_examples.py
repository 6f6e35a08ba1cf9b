"""Examples in docstrings of the library are run, and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import mpicore

MODULES = ["mpicore", *(module.name for module in pkgutil.walk_packages(mpicore.__path__, "mpicore."))]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples(module):
    return [test for test in FINDER.find(importlib.import_module(module)) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_say(module):
    runner = doctest.DocTestRunner(verbose=False)
    for test in examples(module):
        said = []
        assert runner.run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize(
    "module", ["datasets", "noise", "recordings", "reconstruction", "metrics", "symmetry", "scanner", "denoisers"]
)
def test_what_a_reader_starts_with_has_an_example(module):
    assert examples(f"mpicore.{module}")
