"""A small two-dimensional U-Net (Ronneberger et al. 2015), and the network that puts it between two products with A."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mpicore import checks


class UNet(nn.Module):
    """Three levels of two 3 x 3 convolutions each, at C, 2C and 4C channels.

    The last convolution starts at zero, so that an untrained network returns zero.

    Args:
        channels: of the input; the output has one.
        width: C, at least 1.
        dropout: probability of dropping a channel of the deepest map, in [0, 1).
    """

    def __init__(self, channels: int, width: int = 16, dropout: float = 0.0) -> None:
        super().__init__()
        checks.count(width, "width")
        checks.probability(dropout, "dropout")
        self.down = nn.ModuleList(
            [_block(channels, width), _block(width, 2 * width), _block(2 * width, 4 * width, dropout)]
        )
        self.up = nn.ModuleList([_block(6 * width, 2 * width), _block(3 * width, width)])
        self.last = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's types leave it out

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, channels, ny, nx) to (B, 1, ny, nx)."""
        ny, nx = x.shape[2:]
        x = F.pad(x, (0, -nx % 4, 0, -ny % 4)).contiguous(memory_format=torch.channels_last)
        fine = self.down[0](x)
        middle = self.down[1](F.max_pool2d(fine, 2))
        x = self.down[2](F.max_pool2d(middle, 2))
        x = self.up[0](torch.cat([F.interpolate(x, scale_factor=2), middle], dim=1))
        x = self.up[1](torch.cat([F.interpolate(x, scale_factor=2), fine], dim=1))
        return self.last(x)[:, :, :ny, :nx]


class ForwardNetwork(nn.Module):
    """Coordinates of a signal -> linear estimates of the distribution -> U-Net -> coordinates of what A gives of it.

    z -> x = B z, one image per estimate; x_0 = its first image; the distribution is x_0 + U(x), and its coordinates are
    A (x_0 + U(x)). Each signal is divided by the RMS of its coordinates on the way in and multiplied on the way out.

    Args:
        estimates: B, shape (K, rank, pixels).
        matrix: A, shape (rank, pixels).
        shape: (ny, nx) of the images.
        width, dropout: of :class:`UNet`.
        nonnegative: replace negative concentrations by zero.
    """

    estimates: Tensor
    matrix: Tensor

    def __init__(
        self,
        estimates: NDArray[np.floating[Any]],
        matrix: NDArray[np.floating[Any]],
        shape: tuple[int, int],
        width: int = 16,
        dropout: float = 0.0,
        nonnegative: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.nonnegative = tuple(shape), nonnegative
        self.unet = UNet(len(estimates), width, dropout)
        linear, forward = (torch.as_tensor(array, dtype=torch.float32) for array in (estimates, matrix))
        # What follows from the scanner and the noise spectrum is computed anew and not stored with the weights. Images
        # are scaled so that each estimate of coordinates of unit RMS has about unit RMS.
        unit = linear.square().mean(dim=(1, 2)).sqrt() * linear.shape[1] ** 0.5
        self.register_buffer("estimates", (linear / unit[:, None, None]).transpose(0, 1).flatten(1), persistent=False)
        self.register_buffer("matrix", forward.T.contiguous() * unit[0], persistent=False)
        self.unit = float(unit[0])

    def distribution(self, z: Tensor) -> Tensor:
        """Coordinates (B, rank) to distributions (B, 1, ny, nx), in the units of the linear estimate."""
        scale = z.square().mean(dim=1, keepdim=True).sqrt().clamp_min(torch.finfo(z.dtype).tiny)
        return self._images(z / scale) * (self.unit * scale[:, :, None, None])

    def forward(self, z: Tensor) -> Tensor:
        """Coordinates (B, 1, rank) of noisy signals to those of denoised ones, the same shape."""
        scale = z.square().mean(dim=2, keepdim=True).sqrt().clamp_min(torch.finfo(z.dtype).tiny)
        images = self._images((z / scale)[:, 0])
        return (images.flatten(1) @ self.matrix)[:, None] * scale

    def extra_repr(self) -> str:
        """What tells it from another network of the same layers."""
        return f"shape={self.shape}, nonnegative={self.nonnegative}"

    def _images(self, z: Tensor) -> Tensor:
        x = (z @ self.estimates).view(len(z), -1, *self.shape)
        images = x[:, :1] + self.unet(x)
        return F.relu(images) if self.nonnegative else images


def _block(channels_in: int, channels_out: int, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(channels_out, channels_out, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *([nn.Dropout2d(dropout)] if dropout else []))
