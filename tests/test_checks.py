"""Every check names what was given and what is allowed, and returns good input as it is."""

import numpy as np
import pytest

from mpicore import checks


@pytest.mark.parametrize("value", [1, 0.5, "2.5", np.float32(3)])
def test_numbers_are_returned_as_floats(value):
    assert checks.positive(value, "x") == checks.finite(value, "x") == float(value)
    assert type(checks.positive(value, "x")) is float


@pytest.mark.parametrize("value", [0, -1.0])
def test_positive_refuses_what_is_not_above_zero(value):
    with pytest.raises(ValueError, match=f"x must be positive, got {value}"):
        checks.positive(value, "x")
    assert checks.finite(value, "x") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("check", [checks.positive, checks.finite])
def test_numbers_must_be_finite(check, value):
    with pytest.raises(ValueError, match=f"x must be finite, got {value}"):
        check(value, "x")


@pytest.mark.parametrize("value", [None, "five", [1, 2]])
def test_numbers_must_be_numbers(value):
    with pytest.raises(ValueError, match="x must be a number, got"):
        checks.finite(value, "x")


def test_count_returns_an_int():
    assert type(checks.count(np.int64(3), "n")) is int
    assert checks.count(0, "n", minimum=0) == 0


@pytest.mark.parametrize("value", [0, -2, 1.0, True, "3", None])
def test_count_refuses_all_but_whole_numbers_from_its_minimum(value):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got"):
        checks.count(value, "n")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signals_keep_their_precision(dtype):
    u = np.ones((2, 3), dtype)
    assert checks.signals(u, "u") is u


def test_whole_numbers_become_floats():
    np.testing.assert_array_equal(checks.signals([[1, 2]], "u"), np.array([[1.0, 2.0]]), strict=True)


@pytest.mark.parametrize(
    "u, options, message",
    [
        (np.ones(3), {}, r"u must have 2 axes, got shape \(3,\)"),
        (np.ones((1, 1, 3)), {"dimensions": (1, 2)}, r"u must have 1 or 2 axes, got shape \(1, 1, 3\)"),
        (np.ones((0, 3)), {}, r"u must hold at least one signal, got shape \(0, 3\)"),
        (np.ones((1, 3), complex), {}, "u must be real numbers, got dtype complex128"),
        ([["a", "b"]], {}, "u must be real numbers, got dtype <U1"),
        (np.ones((1, 3)), {"length": 4}, "u must have 4 samples per signal, got 3"),
        (np.ones((1, 5)), {"length": 4}, "u must have 4 samples per signal, got 5"),
        ([[1.0, 2.0], [3.0, np.nan]], {}, r"u must be finite, found nan at index \(1, 1\)"),
        ([[1.0, -np.inf]], {}, r"u must be finite, found -inf at index \(0, 1\)"),
        ([[1.0, np.inf]], {}, r"u must be finite, found inf at index \(0, 1\)"),
    ],
)
def test_bad_signals_are_named(u, options, message):
    with pytest.raises(ValueError, match=message):
        checks.signals(u, "u", **options)


def test_choice_lists_what_is_allowed():
    assert checks.choice("a", "letter", ("a", "b")) == "a"
    with pytest.raises(ValueError, match="letter must be one of a, b; got 'c'"):
        checks.choice("c", "letter", ("a", "b"))


def test_a_bound_that_is_allowed_is_returned_and_one_beyond_is_refused():
    assert checks.at_least(2, "x", 2) == 2
    with pytest.raises(ValueError, match=r"x must be at least 2, got 1\.9"):
        checks.at_least(1.9, "x", 2)
    assert checks.probability(0, "x") == 0 and checks.probability(0.999, "x") == 0.999
    for value in (1, 1.0, -1e-9, 2):
        with pytest.raises(ValueError, match=r"x must be in \[0, 1\), got"):
            checks.probability(value, "x")
