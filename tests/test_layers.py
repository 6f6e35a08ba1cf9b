"""Quick layers against the stock ones, and what they state."""

import pytest
import torch
import torch.nn.functional as F

from mpicore.layers import Dropout, PReLU, _PReLUFunction


def signals(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("probability", [0.02, 0.3, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(probability):
    """Features are 0 or x / (1 - p), dropped with probability p within five standard errors, and passed back alike.

    The probability may be rounded to 16 bits. Neighbours that could share one random word are independent.
    """
    unit = Dropout(probability).train()
    x = (2 + signals(2, 3, 1, 50001).abs()).to(memory_format=torch.channels_last).requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        y = unit(x)
    assert y.shape == x.shape
    kept = y != 0
    torch.testing.assert_close(y[kept], x[kept] / (1 - probability), rtol=2**-16 / (1 - probability) + 1e-6, atol=0)
    share = probability * (1 - probability)
    assert abs(kept.double().mean().item() - (1 - probability)) < 5 * (share / x.numel()) ** 0.5 + 2**-17
    features = kept.permute(0, 2, 3, 1).flatten().double() - (1 - probability)
    for lag in range(1, 9):
        assert abs((features[lag:] * features[:-lag]).mean().item()) < 5 * share / x.numel() ** 0.5
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, y.detach() / x.detach())


@pytest.mark.parametrize("probability, training", [(0.0, True), (0.5, False)])
def test_dropout_that_drops_nothing_draws_nothing(probability, training):
    unit, x = Dropout(probability).train(training), signals(1, 2, 1, 9)
    before = torch.get_rng_state()
    assert unit(x) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_prelu_and_its_derivatives():
    """Value and both gradients are those of torch's own PReLU, and those of difference quotients."""
    unit = PReLU(3).double()
    torch.nn.init.uniform_(unit.weight, -0.5, 0.9, generator=torch.Generator().manual_seed(0))
    x = signals(2, 3, 1, 7, dtype=torch.float64).requires_grad_()
    torch.testing.assert_close(unit(x), F.prelu(x, unit.weight), rtol=0, atol=0)
    weight = signals(2, 3, 1, 7, seed=1, dtype=torch.float64)
    ours = torch.autograd.grad((unit(x) * weight).sum(), (x, unit.weight))
    theirs = torch.autograd.grad((F.prelu(x, unit.weight) * weight).sum(), (x, unit.weight))
    for got, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-14, atol=1e-14)
    assert torch.autograd.gradcheck(_PReLUFunction.apply, (x, unit.weight))
