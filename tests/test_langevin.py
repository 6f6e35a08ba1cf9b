"""The Langevin function and its derivative, against 60 digits and their own identities."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.optimize import brentq

from mpicore.langevin import langevin, langevin_derivative

ARGUMENTS = [1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.29, 0.3, 0.31, 1.0, 3.0, 10.0, 40.0, 1e3, 1e5]


def exact_langevin(x):
    """L(x) and L'(x) by the textbook formulas in 60 decimal digits."""
    with localcontext() as context:
        context.prec = 60
        x = Decimal(float(x))
        decay = (-2 * x).exp()
        return float((1 + decay) / (1 - decay) - 1 / x), float(1 / x**2 - 4 * decay / (1 - decay) ** 2)


@pytest.mark.parametrize(
    "x, value, slope",
    [
        (0.1, 0.0333111322539896101, 0.33266772338816501),
        (1.0, 0.313035285499331304, 0.275938339033689534),
        (10.0, 0.900000004122307253, 0.00999999175538547626),
    ],
)
def test_langevin_at_known_values(x, value, slope):
    """Values computed independently to 18 digits; cancellation leaves 15 of them."""
    assert langevin(x) == pytest.approx(value, rel=2e-15)
    assert langevin_derivative(x) == pytest.approx(slope, rel=2e-15)


@pytest.mark.parametrize("x", ARGUMENTS)
def test_langevin_against_60_digits(x):
    value, slope = exact_langevin(x)
    assert langevin(x) == pytest.approx(value, rel=2e-14)
    assert langevin_derivative(x) == pytest.approx(slope, rel=2e-14)


@pytest.mark.parametrize("x", ARGUMENTS)
def test_langevin_in_single_precision(x):
    """float32 in, float32 out, right to one unit in the last place, where the textbook formula loses all digits."""
    single = np.array([x], np.float32)
    value, slope = exact_langevin(single[0])
    for got, expected in ((langevin(single), value), (langevin_derivative(single), slope)):
        assert got.dtype == np.float32
        assert got[0] == pytest.approx(expected, rel=float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_langevin_limits(dtype):
    """0 and 1/3 at zero, exactly; +-(1 - 1/x) and 1/x^2 far out, without overflow."""
    x = np.array([0.0, -0.0, 1e3, -1e3, 1e15, -1e15], dtype)
    rounding = 2 * float(np.finfo(dtype).eps)
    with np.errstate(all="raise", under="ignore"):
        value, slope = langevin(x), langevin_derivative(x)
    assert value.dtype == slope.dtype == dtype
    np.testing.assert_array_equal(value[:2], 0)
    np.testing.assert_array_equal(slope[:2], dtype(1 / 3))
    np.testing.assert_allclose(value[2:], [0.999, -0.999, 1 - 1e-15, 1e-15 - 1], rtol=rounding, atol=0)
    np.testing.assert_allclose(slope[2:], [1e-6, 1e-6, 1e-30, 1e-30], rtol=2 * rounding, atol=0)


def test_langevin_is_odd_and_its_derivative_even():
    x = np.array(ARGUMENTS)
    np.testing.assert_array_equal(langevin(-x), -langevin(x))
    np.testing.assert_array_equal(langevin_derivative(-x), langevin_derivative(x))


def test_langevin_accepts_whole_numbers():
    assert langevin(1) == langevin(1.0)
    assert langevin(np.array([1])).dtype == np.float64


@pytest.mark.parametrize("function", [langevin, langevin_derivative])
def test_series_and_closed_form_meet(function):
    """The values just below and at the switch, x = 0.3, agree to what rounding leaves of the closed form there."""
    below, above = function(np.array([np.nextafter(0.3, 0), 0.3]))
    assert below == pytest.approx(above, rel=2e-14)


def test_derivative_is_the_slope_of_langevin():
    """Central difference of fourth order, whose own error is h^4 / 30 |L^(5)| < 1e-13 at h = 1e-3."""
    x, h = np.linspace(-12, 12, 401), 1e-3
    slope = (8 * (langevin(x + h) - langevin(x - h)) - (langevin(x + 2 * h) - langevin(x - 2 * h))) / (12 * h)
    np.testing.assert_allclose(langevin_derivative(x), slope, rtol=0, atol=2e-12)


def test_widths_at_half_maximum():
    """Full widths of the tangential and the normal point spread function, in units of the thermal field."""
    tangential = brentq(lambda x: langevin_derivative(x) - 1 / 6, 1, 4, xtol=1e-13)
    normal = brentq(lambda x: langevin(x) / x - 1 / 6, 1, 9, xtol=1e-13)
    assert 2 * tangential == pytest.approx(4.1610480483803, abs=1e-12)
    assert 2 * normal == pytest.approx(9.46663879955036, abs=1e-12)
