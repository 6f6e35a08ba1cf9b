"""A small two-dimensional U-Net (Ronneberger et al. 2015), and the two networks that are built around it."""

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
        channels: of the input.
        width: C, at least 1.
        dropout: probability of dropping a channel of the deepest map, in [0, 1).
        outputs: channels of the output.
    """

    def __init__(self, channels: int, width: int = 16, dropout: float = 0.0, outputs: int = 1) -> None:
        super().__init__()
        checks.count(width, "width")
        checks.probability(dropout, "dropout")
        self.down = nn.ModuleList(
            [_block(channels, width), _block(width, 2 * width), _block(2 * width, 4 * width, dropout)]
        )
        self.up = nn.ModuleList([_block(6 * width, 2 * width), _block(3 * width, width)])
        self.last = nn.Conv2d(width, outputs, 1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's types leave it out

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, channels, ny, nx) to (B, outputs, ny, nx)."""
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


class ComponentNetwork(nn.Module):
    """Frequency components of a system matrix, each corrected by what its neighbours say.

    e -> e + sum_k a_k(r) s_k x_k(r), with e the linear estimate of a component, and x_k the estimate itself, the noise
    that it leaves out, and the estimates of the neighbours. The weights a_k come from a U-Net that sees the same
    images, with the coordinates of the pixels and the level, on every second pixel: they are smooth. The factors s_k
    keep a correction at the size of the noise, however strong the component is. All images are one quadrant, in units
    of the noise; the network sees them continued across the lines of symmetry, each by its own parity.

    Images are not passed in: the network is given numbers of components, and looks them and their neighbours up in
    what :meth:`hold` has taken up.

    Args:
        beside: numbers of the neighbours of each component, shape (n, K); n where there is none.
        signs: with which each neighbour is taken, shape (n, K).
        parities: class of each component, shape (n,), see ``mpicore.components.CLASSES``.
        turns: by which exclusive or the class of each neighbour comes from that of the component, shape (K,).
        shape: (ny, nx) of the whole images.
        width, dropout: of :class:`UNet`.
    """

    beside: Tensor
    signs: Tensor
    mirror: Tensor
    rows: Tensor
    columns: Tensor
    coordinates: Tensor
    estimates: Tensor
    rests: Tensor

    #: Pixels beyond a line of symmetry; size of a correction and the lowest level, in units of the noise.
    margin, size, least = 5, 0.3, 0.05

    def __init__(
        self,
        beside: NDArray[np.integer[Any]],
        signs: NDArray[np.floating[Any]],
        parities: NDArray[np.integer[Any]],
        turns: NDArray[np.integer[Any]],
        shape: tuple[int, int],
        width: int = 16,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, channels = tuple(shape), len(turns) + 2
        self.unet = UNet(channels + 6, width, dropout, channels)
        self.margins = [min(self.margin, (size - 1) // 2) for size in shape]
        rows, columns = (_continued(size, margin) for size, margin in zip(shape, self.margins, strict=True))
        classes = np.asarray(parities)[:, None] ^ np.concatenate([[0, 0], turns])
        y, x = ((index + 0.5 * (1 - size % 2)) * 2 / size for index, size in zip((rows, columns), shape, strict=True))
        kept = {
            "beside": np.asarray(beside, np.int64),
            "signs": np.asarray(signs, np.float32),
            # -1 where an image is odd, in y and in x.
            "mirror": np.stack([1 - 2 * (classes >> 1), 1 - 2 * (classes & 1)]).astype(np.float32),
            "rows": np.where(rows < 0, -rows - (1 - shape[0] % 2), rows),
            "columns": np.where(columns < 0, -columns - (1 - shape[1] % 2), columns),
            "coordinates": np.stack(np.broadcast_arrays(y[:, None], x)).astype(np.float32),
        }
        for name, value in kept.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value)), persistent=False)
        self.quadrant = (shape[0] + 1) // 2, (shape[1] + 1) // 2
        self.register_buffer("estimates", torch.zeros(1, len(beside) + 1, *self.quadrant), persistent=False)
        self.register_buffer("rests", torch.zeros(1, len(beside), *self.quadrant), persistent=False)

    def hold(self, estimates: Tensor, noisy: Tensor) -> None:
        """Take up the linear estimates and the noisy images of all components, shape (periods, n, qy, qx) each."""
        device = self.signs.device
        self.rests = (noisy - estimates).to(device)
        self.estimates = F.pad(estimates, (0, 0, 0, 0, 0, 1)).to(device)

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers (B, 1, 1) to corrected quadrants (B, 1, qy qx); component c of period p has the number p n + c."""
        number = numbers[:, 0, 0].long()
        period, component = number // len(self.beside), number % len(self.beside)
        own, rest = self.estimates[period, component], self.rests[period, component]
        beside = self.estimates[period[:, None], self.beside[component]] * self.signs[component][:, :, None, None]
        images = torch.cat([own[:, None], rest[:, None], beside], dim=1)
        strength = own.square().mean(dim=(1, 2)).sqrt() + self.least
        level = torch.cat([own[:, None], beside], dim=1).square().mean(dim=(1, 2, 3)).sqrt() + self.least
        weights = self._weights(images, component, strength, level)
        factors = self._scaled((self.size / level).clamp_max(1), self.size, images.shape[1])
        return (own + (weights * factors * images).sum(dim=1)).flatten(1)[:, None]

    def extra_repr(self) -> str:
        """What tells it from another network of the same layers."""
        return f"shape={self.shape}, components={len(self.beside)}"

    def _weights(self, images: Tensor, component: Tensor, strength: Tensor, level: Tensor) -> Tensor:
        (down, right), (ny, nx) = self.margins, images.shape[2:]
        scaled = images * self._scaled(1 / level, self.size, images.shape[1])
        wide = scaled[:, :, self.rows][:, :, :, self.columns]
        in_y, in_x = self.mirror[:, component, :, None, None]
        wide = torch.cat([wide[:, :, :down] * in_y, wide[:, :, down:]], dim=2)
        wide = torch.cat([wide[:, :, :, :right] * in_x, wide[:, :, :, right:]], dim=3)
        told = torch.stack([level.log() / 3, (strength / level).log(), in_y[:, 0, 0, 0], in_x[:, 0, 0, 0]], dim=1)
        told = told[:, :, None, None].expand(-1, -1, *wide.shape[2:])
        x = torch.cat([wide, self.coordinates.expand(len(wide), -1, -1, -1), told], dim=1)
        x = F.pad(x, (0, -x.shape[3] % 2, 0, -x.shape[2] % 2))
        weights = F.interpolate(self.unet(F.avg_pool2d(x, 2)), scale_factor=2, mode="bilinear", align_corners=False)
        return weights[:, :, down : down + ny, right : right + nx]

    @staticmethod
    def _scaled(images: Tensor, rest: float, channels: int) -> Tensor:
        """Factors of the channels, (B, channels, 1, 1): one for all estimates (B,), another for what they leave out."""
        factors = images[:, None].repeat(1, channels)
        factors[:, 1] = rest
        return factors[:, :, None, None]


def _continued(size: int, margin: int) -> NDArray[np.integer[Any]]:
    """Positions along one side of a quadrant, from a margin beyond the line of symmetry on."""
    return np.arange(-margin, (size + 1) // 2)


def _block(channels_in: int, channels_out: int, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(channels_out, channels_out, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *([nn.Dropout2d(dropout)] if dropout else []))
