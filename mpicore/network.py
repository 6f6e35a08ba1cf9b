"""The paper's encoder-decoder network for one period of a signal.

Every feature map is a (B, C, 1, L) tensor in channels-last memory: the same convolutions as on (B, C, L), but without
the layout copies that 1-D convolutions make around every call on a CPU.
"""

import copy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mpicore import checks
from mpicore.layers import Dropout, PReLU

_LEVELS = 4  #: encoder and decoder blocks
_STRIDES = (2, 3, 4)


class ResBlock(nn.Module):
    """Eq. 2: F(X) = W2 * max(0, W1 * X + B1) + X + B2, with * a convolution over three positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Feature map (B, C, 1, L) to the same shape."""
        return self.second(F.relu_(self.first(x))).add_(x)


class EncoderBlock(nn.Sequential):
    """EcB: down-sampling by a strided convolution, dropout, PReLU, three resblocks."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, dropout: float) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, (1, stride), stride=(1, stride)),
            Dropout(dropout),
            PReLU(channels_out),
            *(ResBlock(channels_out) for _ in range(3)),
        )


class DecoderBlock(nn.Module):
    """DcB: up-sampling by a transposed convolution, concatenation with the encoder's map, two convolutions, PReLU."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels_in, channels_out, (1, stride), stride=(1, stride))
        self.fuse = nn.Sequential(
            _convolution(2 * channels_out, channels_out), _convolution(channels_out, channels_out), PReLU(channels_out)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Feature map (B, 2C, 1, L) and the encoder's (B, C, 1, s L) to (B, C, 1, s L), with s the stride."""
        return self.fuse(torch.cat([self.up(x), skip], dim=1))


class EncoderDecoder(nn.Module):
    """The network of Figure 1: a stem, four encoder blocks, four decoder blocks and a last up-sampling.

    The stem maps 1 x N0 to C x N with N = N0/2; each encoder block divides the length by the stride s, down to N/s^4,
    at C, 2C, 4C and 8C channels; the decoder blocks bring it back to C x N; the last up-sampling returns to 1 x N0. The
    input is padded circularly (a measured period is periodic) to a multiple of 2 s^4 with at least 2 s^4 samples on
    each side, and the output is cut back. Each signal is divided by its own RMS on the way in and multiplied by it on
    the way out, so that the network is equivariant to scale: f(c u) = c f(u).

    Args:
        width: channels C of the widest map, 1 to 256.
        dropout: probability of dropping a feature in the encoder blocks, in [0, 1).
        stride: s, by which an encoder block shortens and a decoder block lengthens, 2 to 4.

    Raises:
        ValueError: a width, dropout or stride out of range; on a call, a shape other than (B, 1, N) with N >= 4 s^4.
    """

    def __init__(self, width: int = 16, dropout: float = 0.0, stride: int = 2) -> None:
        super().__init__()
        if checks.count(width, "width") > 256:
            raise ValueError(f"width must be at most 256, got {width}")
        checks.probability(dropout, "dropout")
        checks.choice(stride, "stride", _STRIDES)
        channels = [width] + [width * 2**level for level in range(_LEVELS)]
        self.width, self.dropout, self.stride = width, dropout, stride
        self.reduction = 2 * stride**_LEVELS  #: samples per feature at the deepest level
        self.stem = nn.Conv2d(1, width, (1, 4), stride=(1, 2), padding=(0, 1))
        self.encoder = nn.ModuleList(EncoderBlock(*pair, stride, dropout) for pair in pairwise(channels))
        self.decoder = nn.ModuleList(
            DecoderBlock(*pair, stride) for pair in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.head = nn.ConvTranspose2d(width, 1, (1, 4), stride=(1, 2), padding=(0, 1))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's types leave it out

    def forward(self, u: Tensor) -> Tensor:
        """Denoise signals u of shape (B, 1, N), N >= 4 s^4; returns the same shape."""
        if u.ndim != 3 or u.shape[1] != 1 or u.shape[2] < 2 * self.reduction:
            raise ValueError(f"u must have shape (B, 1, N) with N >= {2 * self.reduction}, got {tuple(u.shape)}")
        samples = u.shape[2]
        left = self.reduction
        right = self.reduction + -samples % self.reduction
        scale = u.square().mean(dim=2, keepdim=True).sqrt().clamp_min(torch.finfo(u.dtype).tiny)
        x = F.pad(u / scale, (left, right), mode="circular")
        x = self.stem(x[:, :, None, :].contiguous(memory_format=torch.channels_last))
        skips: list[Tensor] = []
        for block in self.encoder:
            skips.append(x)
            x = block(x)
        for block in self.decoder:
            x = block(x, skips.pop())
        return self.head(x)[:, :, 0, left : left + samples] * scale

    def reach(self) -> int:
        """Samples between an output and the farthest input that can act on it, its part in the RMS left aside.

        A property of the layers and not of the weights: they are replaced by positive ones, which no ReLU stops.
        """
        network = copy.deepcopy(self).double().cpu().eval()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(0.1)
        samples = 64 * self.reduction
        # All power in one far sample: elsewhere a small change of the input leaves the RMS as it is.
        u = torch.zeros(1, 1, samples, dtype=torch.float64)
        u[..., 0] = 1
        u.requires_grad_(True)
        output = network(u)[0, 0]
        far = 0
        for position in range(samples // 2, samples // 2 + self.reduction):
            (gradient,) = torch.autograd.grad(output[position], u, retain_graph=True)
            seen = gradient[0, 0, 1:].nonzero()[:, 0] + 1
            far = max(far, position - int(seen.min()), int(seen.max()) - position)
        return far

    def dimensions(self, samples: int) -> list[tuple[str, int, int]]:
        """Name, channels and length of every feature map for a signal of N samples, read off a real pass."""
        found: list[tuple[str, int, int]] = []
        named: list[tuple[str, nn.Module]] = [("stem", self.stem)]
        named += [(f"EcB {i}", block) for i, block in enumerate(self.encoder, 1)]
        named += [(f"DcB {i}", block) for i, block in enumerate(self.decoder, 1)]
        named += [("up-sampling", self.head)]
        hooks = [
            module.register_forward_hook(lambda _m, _i, y, name=name: found.append((name, y.shape[1], y.shape[3])))
            for name, module in named
        ]
        try:
            with torch.no_grad():
                self(torch.ones(1, 1, samples, device=self.stem.weight.device))
        finally:
            for hook in hooks:
                hook.remove()
        return found


def _convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, (1, 3), padding=(0, 1))
