"""The network against plain one-dimensional convolutions with the same weights, and its stated properties."""

import pytest
import torch
import torch.nn.functional as F

from mpicore.layers import PReLU
from mpicore.network import EncoderDecoder, ResBlock


@pytest.fixture
def network():
    """Width 4, random weights and slopes; in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = EncoderDecoder(width=4, dropout=0.3).eval()
        for module in net.modules():
            if isinstance(module, PReLU):
                torch.nn.init.uniform_(module.weight, 0.05, 0.6)
    return net


def signals(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def plain(weights, u):
    """The network of these weights, written with torch's one-dimensional convolutions: (B, 1, N) -> (B, 1, N)."""
    w = {name: value.squeeze(2) if value.ndim == 4 else value for name, value in weights.items()}

    def conv(x, name, **options):
        return F.conv1d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options)

    def up(x, name, **options):
        return F.conv_transpose1d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=2, **options)

    def resblock(x, name):
        return conv(F.relu(conv(x, f"{name}.first", padding=1)), f"{name}.second", padding=1) + x

    samples = u.shape[2]
    rms = u.pow(2).mean(dim=2, keepdim=True).sqrt()
    periodic = torch.arange(-32, samples + 32 + (-samples) % 32) % samples
    x = conv((u / rms)[:, :, periodic], "stem", stride=2, padding=1)
    maps = []
    for level in range(4):
        maps.append(x)
        x = F.prelu(conv(x, f"encoder.{level}.0", stride=2), w[f"encoder.{level}.2.weight"])
        for block in (3, 4, 5):
            x = resblock(x, f"encoder.{level}.{block}")
    for level in range(4):
        x = torch.cat([up(x, f"decoder.{level}.up"), maps[3 - level]], dim=1)
        x = conv(conv(x, f"decoder.{level}.fuse.0", padding=1), f"decoder.{level}.fuse.1", padding=1)
        x = F.prelu(x, w[f"decoder.{level}.fuse.2.weight"])
    return up(x, "head", padding=1)[:, :, 32 : 32 + samples] * rms


@pytest.mark.parametrize("samples", [64, 65, 96, 101, 4950])
def test_network_is_a_plain_one_dimensional_network(network, samples):
    u = signals(3, 1, samples)
    with torch.no_grad():
        torch.testing.assert_close(network(u), plain(network.state_dict(), u), rtol=0, atol=1e-5)


def test_gradients_are_those_of_the_plain_network(network):
    """The whole backward pass, the hand-written one of the PReLU included, in double precision."""
    network.double()
    u = signals(2, 1, 70, dtype=torch.float64)
    target = signals(2, 1, 70, seed=1, dtype=torch.float64)
    ours = torch.autograd.grad((network(u) - target).abs().sum(), list(network.parameters()))
    twin = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}
    theirs = torch.autograd.grad((plain(twin, u) - target).abs().sum(), list(twin.values()))
    for got, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("samples", [64, 65, 101, 4950, 9900])
@pytest.mark.parametrize("batch", [1, 3])
def test_output_has_the_shape_of_the_input(network, samples, batch):
    with torch.no_grad():
        out = network(signals(batch, 1, samples))
    assert out.shape == (batch, 1, samples)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("factor", [2.0**20, 2.0**-30, 3.7e-9, 8.1e12])
def test_network_is_equivariant_to_scale(network, factor):
    """f(c u) = c f(u), each signal by its own RMS; exactly so for powers of two."""
    u = signals(3, 1, 200)
    with torch.no_grad():
        expected, out = factor * network(u), network(factor * u)
        mixed = network(torch.cat([u[:1], factor * u[1:2]]))
    tolerance = 0 if factor in (2.0**20, 2.0**-30) else 1e-5
    torch.testing.assert_close(out, expected, rtol=tolerance, atol=tolerance * expected.abs().max().item())
    torch.testing.assert_close(mixed[1], expected[1], rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_a_zero_signal_stays_zero(network):
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 100)).abs().max() < 1e-30


def test_dropout_acts_in_training_alone(network):
    u = signals(1, 1, 128)
    with torch.no_grad(), torch.random.fork_rng():
        torch.testing.assert_close(network(u), network(u), rtol=0, atol=0)
        network.train()
        assert not torch.equal(network(u), network(u))


def test_resblock_is_equation_2():
    """F(X) = W2 * max(0, W1 * X + B1) + X + B2."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        block = ResBlock(3).double()
    x = signals(2, 3, 20, dtype=torch.float64)
    w1, w2 = block.first.weight[:, :, 0], block.second.weight[:, :, 0]
    inner = F.relu(F.conv1d(x, w1, padding=1) + block.first.bias[:, None])
    expected = F.conv1d(inner, w2, padding=1) + x + block.second.bias[:, None]
    torch.testing.assert_close(block(x[:, :, None])[:, :, 0], expected, rtol=0, atol=1e-14)


def test_dimensions_are_those_of_figure_1():
    """N0 = 4950 is padded to 5024 = 2 N; then N, N/2 ... N/16 and back, at C, C, 2C, 4C, 8C channels."""
    assert EncoderDecoder(width=16).dimensions(4950) == [
        ("stem", 16, 2512),
        ("EcB 1", 16, 1256),
        ("EcB 2", 32, 628),
        ("EcB 3", 64, 314),
        ("EcB 4", 128, 157),
        ("DcB 1", 64, 314),
        ("DcB 2", 32, 628),
        ("DcB 3", 16, 1256),
        ("DcB 4", 16, 2512),
        ("up-sampling", 1, 5024),
    ]


def test_dimensions_leave_no_hooks(network):
    network.dimensions(64)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("shape", [(1, 1, 63), (1, 2, 100), (1, 100), (100,), (1, 1, 1, 100)])
def test_bad_shapes_are_named(network, shape):
    with pytest.raises(ValueError, match=r"u must have shape \(B, 1, N\) with N >= 64, got"):
        network(torch.ones(shape))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"width": 257}, "width must be at most 256, got 257"),
        ({"width": 4.0}, "width must be a whole number"),
        ({"dropout": 1}, r"dropout must be in \[0, 1\), got 1"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\), got -0.1"),
        ({"dropout": float("nan")}, "dropout must be finite, got nan"),
    ],
)
def test_bad_networks_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        EncoderDecoder(**options)


def test_reach_is_where_the_network_stops_looking(network):
    """A changed sign leaves the RMS alone: one sample beyond the reach nothing happens, at the reach something does."""
    reach = network.reach()
    network.double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():  # nothing cancels, nothing covers the faint edge
            parameter.abs_() if "weight" in name else parameter.zero_()
        changed = {reach: False, reach + 1: False}
        for position in range(1024, 1056):
            for distance in changed:
                for side in (-1, 1):
                    u = torch.full((2, 1, 2048), 1e-9, dtype=torch.float64)
                    u[:, 0, position + side * distance] = torch.tensor([1.0, -1.0])
                    first, second = network(u)[:, 0, position]
                    changed[distance] |= bool((first != second).item())
    assert changed == {reach: True, reach + 1: False}


def test_reach_does_not_depend_on_the_weights(network):
    """It is a property of the layers: even a network without any weight left has it."""
    before = network.reach()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert network.reach() == before
    assert all((parameter == 0).all() for parameter in network.parameters())
