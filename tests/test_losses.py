"""Equations 4 to 7 on clean signals and on arrays worked by hand, and what the two schemes' noises have in common."""

import numpy as np
import pytest
import torch

from mpicore.losses import (
    Composed,
    Noise2Noise,
    Recorrupted,
    Supervised,
    composed_loss,
    gradient_difference,
    recorrupted_pair,
    squared_loss,
    total_variation,
    two_period_pair,
)
from mpicore.phantoms import random_phantoms
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def odd():
    """Sums of sines: odd periodic signals, u[N-k] = -u[k]."""

    def make(samples):
        harmonics, k = (torch.arange(*ends, dtype=torch.float64) for ends in ((1, 8), (0, samples)))
        waves = torch.sin(2 * torch.pi * torch.outer(harmonics, k) / samples)
        return torch.randn(5, 7, generator=seeded(), dtype=torch.float64) @ waves

    return make


@pytest.fixture
def pair():
    return torch.randn(6, 50, generator=seeded(1)), torch.randn(6, 50, generator=seeded(2))


# Equation 4 to 7


@pytest.mark.parametrize(
    "u, difference, variation",
    [
        ([0.0, 1, 3, -2], 8.0, 10.0),  # steps 1, 2, -5, 2: |1 - 2| + |2 + 5|, and their sum
        ([0.0, 1, 0, 2, 5], 10.0, 12.0),  # steps 1, -1, 2, 3, -5: |1 + 5| + |-1 - 3|; the middle one is its own mirror
        ([2.0, 2, 2, 2], 0.0, 0.0),
        ([0.0, 1, 0, -1], 0.0, 4.0),  # odd
        ([1.0, 0, -1, 0], 4.0, 4.0),  # even
    ],
)
def test_terms_on_arrays_worked_by_hand(u, difference, variation):
    u = torch.tensor(u)
    assert gradient_difference(u).item() == difference
    assert total_variation(u).item() == variation


def test_terms_give_one_value_per_signal():
    u = torch.randn(2, 3, 10, generator=seeded())
    for term in (gradient_difference, total_variation):
        assert term(u).shape == (2, 3)
        torch.testing.assert_close(term(u)[1, 2], term(u[1, 2]), rtol=0, atol=0)


@pytest.mark.parametrize("samples", [99, 100])
def test_gradient_difference_of_odd_signals_is_zero(odd, samples):
    u = odd(samples)
    assert torch.all(gradient_difference(u) < 1e-13 * total_variation(u))


@pytest.mark.parametrize("make", [Scanner.cartesian, Scanner.lissajous])
@pytest.mark.parametrize("channel", [0, 1])
def test_gradient_difference_of_simulated_signals_is_zero(make, channel):
    """Eq. 4 holds for every object on both trajectories, to the rounding of float32."""
    scanner = make(shape=(24, 24))
    clean = random_phantoms(3, scanner.shape, 0).reshape(3, -1) @ system_matrix(scanner, Particle(), channel).T
    u = torch.from_numpy(clean)
    assert torch.all(gradient_difference(u) < 2e-6 * total_variation(u))


@pytest.mark.parametrize("samples", [99, 100])
def test_gradient_difference_sees_the_even_part_alone(odd, samples):
    """Even signals have D[N-1-k] = -D[k], so all their variation counts; odd ones may be added without a change."""
    k = torch.arange(samples, dtype=torch.float64)
    even = torch.cos(2 * torch.pi * 3 * k / samples) + 0.3 * torch.cos(2 * torch.pi * 5 * k / samples)
    middle = 0 if samples % 2 == 0 else (even[samples // 2 + 1] - even[samples // 2]).abs()
    torch.testing.assert_close(gradient_difference(even), total_variation(even) - middle)
    torch.testing.assert_close(gradient_difference(even + odd(samples)), gradient_difference(even).expand(5))


def test_a_plain_reversal_is_one_sample_off(odd):
    """u(T - t) is u[-k], not u[::-1]; forward differences taken literally at t and T - t are one sample apart."""
    u = odd(100)
    reversed_in_time = torch.roll(u.flip(-1), 1, -1)
    torch.testing.assert_close(reversed_in_time, -u)
    assert torch.all(gradient_difference(reversed_in_time) < 1e-13 * total_variation(u))
    assert torch.all(gradient_difference(u.flip(-1)) > 0.05 * total_variation(u))
    step = torch.roll(u, -1, -1) - u
    literal = (step - torch.roll(step.flip(-1), 1, -1))[:, :50].abs().sum(-1)
    assert torch.all(literal > 0.05 * total_variation(u))


def test_composed_loss_is_equation_7():
    """L1 = 6, L_GD = 8 and L_TV = 10 by hand for the first signal; the second is its target and constant."""
    prediction, target = torch.tensor([[0.0, 1, 3, -2], [7, 7, 7, 7]]), torch.tensor([[1.0, 1, 1, 1], [7, 7, 7, 7]])
    torch.testing.assert_close(composed_loss(prediction, target), torch.tensor((6 + 0.05 * 8 + 0.01 * 10) / 2))
    torch.testing.assert_close(composed_loss(prediction, target, alpha=0.5, beta=2), torch.tensor((6 + 4 + 20) / 2.0))
    torch.testing.assert_close(composed_loss(prediction, target, alpha=0, beta=0), torch.tensor(3.0))
    torch.testing.assert_close(composed_loss(prediction, target, alpha=0, beta=1), torch.tensor(8.0))
    torch.testing.assert_close(composed_loss(prediction, target, alpha=1, beta=0), torch.tensor(7.0))


def test_squared_loss_by_hand():
    prediction, target = torch.tensor([[0.0, 1, 3, -2], [7, 7, 7, 7]]), torch.tensor([[1.0, 1, 1, 1], [7, 7, 7, 7]])
    torch.testing.assert_close(squared_loss(prediction, target), torch.tensor((1 + 0 + 4 + 9) / 2.0))


def test_losses_scale_with_the_signal(pair):
    """The composed loss is of degree one, so its weights do not depend on units; the squared one of degree two."""
    u, v = pair
    torch.testing.assert_close(composed_loss(8 * u, 8 * v), 8 * composed_loss(u, v))
    torch.testing.assert_close(squared_loss(8 * u, 8 * v), 64 * squared_loss(u, v))


def test_losses_have_the_gradient_of_their_difference_quotient():
    u = torch.randn(2, 9, generator=seeded(), dtype=torch.float64, requires_grad=True)
    v = torch.randn(2, 9, generator=seeded(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda u: composed_loss(u, v), u)
    assert torch.autograd.gradcheck(lambda u: squared_loss(u, v), u)


# The training pairs


def test_two_period_pair_swaps_by_a_fair_coin_per_signal():
    u1, u2 = torch.zeros(4000, 3), torch.ones(4000, 3)
    source, target = two_period_pair(u1, u2, seeded())
    torch.testing.assert_close(source + target, torch.ones(4000, 3))
    assert torch.all(source == source[:, :1]), "a signal is swapped as a whole"
    assert abs(source[:, 0].mean().item() - 0.5) < 5 * 0.5 / np.sqrt(4000)


def test_pairs_repeat_with_their_generator(pair):
    for make in (two_period_pair, lambda a, b, g: recorrupted_pair(a, b, g, 0.7)):
        first, second, other = (make(*pair, seeded(seed)) for seed in (3, 3, 4))
        torch.testing.assert_close(first, second, rtol=0, atol=0)
        assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_recorrupted_pair_is_one_period_and_one_noise(strength):
    """input / a + a target = (a + 1/a) y, whatever z is, and (input - target) / (a + 1/a) = z has its level."""
    u1, u2 = (torch.randn(400, 500, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    source, target = recorrupted_pair(u1, u2, seeded(), sigma=0.7, strength=strength)
    y = (source / strength + strength * target) / (strength + 1 / strength)
    first, second = (torch.isclose(y, u, rtol=0, atol=1e-12).all(dim=1) for u in (u1, u2))
    assert torch.all(first ^ second)
    assert abs(first.double().mean().item() - 0.5) < 5 * 0.5 / np.sqrt(400)
    z = (source - target) / (strength + 1 / strength)
    assert abs(z.square().mean().item() / 0.7**2 - 1) < 5 * np.sqrt(2 / z.numel())


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.5])
def test_recorruption_decorrelates_at_the_true_noise_level_alone(ratio, strength):
    """cov(input - clean, target - clean) = sigma_noise^2 - sigma_z^2, within five standard errors.

    The mean of n products of jointly normal numbers has the variance (v1 v2 + c^2) / n, for variances v1, v2 and
    covariance c.
    """
    noise, size = 0.8, (600, 500)
    rng = np.random.default_rng(0)
    clean = np.sin(np.arange(size[1]) / 9)
    u1, u2 = (torch.from_numpy(clean + noise * rng.standard_normal(size)) for _ in range(2))
    level = ratio * noise
    pair = recorrupted_pair(u1, u2, seeded(5), sigma=level, strength=strength)
    source, target = (u.numpy() - clean for u in pair)
    covariance = noise**2 - level**2
    variances = (noise**2 + (strength * level) ** 2) * (noise**2 + (level / strength) ** 2)
    error = np.sqrt((variances + covariance**2) / source.size)
    found = np.mean(source * target)
    assert abs(found - covariance) < 5 * error
    if ratio == 1:
        assert abs(found) < 5 * error
    else:
        assert abs(found) > 50 * error


# The schemes


SCHEMES = {
    Noise2Noise(): (two_period_pair, squared_loss),
    Composed(alpha=0.3, beta=0.2): (two_period_pair, lambda p, t: composed_loss(p, t, 0.3, 0.2)),
    Recorrupted(sigma=0.6, strength=0.4): (lambda a, b, g: recorrupted_pair(a, b, g, 0.6, 0.4), squared_loss),
    Supervised(): (lambda noisy, clean, g: (noisy, clean), squared_loss),
}


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_a_scheme_is_its_pair_and_its_loss(scheme, pair):
    make, loss = SCHEMES[scheme]
    torch.testing.assert_close(scheme.pair(*pair, seeded()), make(*pair, seeded()), rtol=0, atol=0)
    torch.testing.assert_close(scheme.loss(*pair), loss(*pair), rtol=0, atol=0)


def test_the_papers_weights_are_the_defaults(pair):
    assert Composed() == Composed(alpha=0.05, beta=0.01)
    assert Recorrupted(sigma=1.0) == Recorrupted(sigma=1.0, strength=0.5)
    assert Composed().loss(*pair) == composed_loss(*pair)


def test_a_scheme_is_told_by_its_repr():
    assert repr(Recorrupted(0.5)) == "Recorrupted(sigma=0.5, strength=0.5)"
    assert len({repr(scheme) for scheme in [*SCHEMES, Composed(), Recorrupted(0.6)]}) == len(SCHEMES) + 2


@pytest.mark.parametrize(
    "make, options, message",
    [
        (Composed, {"alpha": -0.1}, "alpha must be at least 0, got -0.1"),
        (Composed, {"beta": -1}, "beta must be at least 0, got -1"),
        (Composed, {"beta": float("nan")}, "beta must be finite, got nan"),
        (Recorrupted, {"sigma": -1}, "sigma must be at least 0, got -1"),
        (Recorrupted, {"sigma": float("inf")}, "sigma must be finite, got inf"),
        (Recorrupted, {"sigma": 1, "strength": 0}, "strength must be positive, got 0"),
    ],
)
def test_bad_schemes_are_named(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("loss", [squared_loss, composed_loss])
def test_shapes_that_differ_are_refused(loss):
    """A target of shape (N,) would be broadcast without a word."""
    with pytest.raises(ValueError, match=r"prediction and target must have one shape, got \(6, 50\) and \(50,\)"):
        loss(torch.ones(6, 50), torch.ones(50))
