"""The same computations as a competent person writes them first: what the package is timed against."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def system_matrix(scanner, particle, channel):
    """One pass per sample over all pixels at once; every sample, no symmetry."""
    grid, gradient = scanner.grid, np.array(scanner.gradient)
    matrix = np.empty((scanner.num_samples, len(grid)), np.float32)
    for k, (position, velocity) in enumerate(zip(scanner.ffp, scanner.ffp_velocity, strict=True)):
        field = particle.beta * gradient * (position - grid)
        slope = particle.beta * gradient * velocity
        z = np.sqrt(field[:, 0] ** 2 + field[:, 1] ** 2)
        z[z < 1e-3] = 1e-3
        langevin = 1 / np.tanh(z) - 1 / z
        normal = langevin / z
        tangential = 1 - langevin**2 - 2 * normal
        along = (field @ slope) / z**2
        matrix[k] = normal * slope[channel] + (tangential - normal) * field[:, channel] * along
    return matrix


class Network(nn.Module):
    """The encoder-decoder in plain 1-D convolutions and stock layers, with the weights of an ``EncoderDecoder``."""

    def __init__(self, network):
        super().__init__()
        widths = [network.width] + [network.width * 2**level for level in range(4)]
        self.stem = nn.Conv1d(1, widths[0], 4, stride=2, padding=1)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(a, b, 2, stride=2),
                nn.Dropout(network.dropout),
                nn.PReLU(b),
                *(_Residual(b) for _ in range(3)),
            )
            for a, b in itertools.pairwise(widths)
        )
        pairs = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.decoder = nn.ModuleList(_Decoder(a, b) for a, b in pairs)
        self.head = nn.ConvTranspose1d(widths[0], 1, 4, stride=2, padding=1)
        own = self.state_dict()
        given = network.state_dict()
        self.load_state_dict({name: given[name].reshape(value.shape) for name, value in own.items()})

    def forward(self, u):
        """(B, 1, N) -> (B, 1, N)."""
        samples = u.shape[2]
        scale = u.square().mean(dim=2, keepdim=True).sqrt()
        x = self.stem(F.pad(u / scale, (32, 32 + -samples % 32), mode="circular"))
        skips = []
        for block in self.encoder:
            skips.append(x)
            x = block(x)
        for block in self.decoder:
            x = block(x, skips.pop())
        return self.head(x)[:, :, 32 : 32 + samples] * scale


class _Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x):
        return self.second(F.relu(self.first(x))) + x


class _Decoder(nn.Module):
    def __init__(self, width_in, width_out):
        super().__init__()
        self.up = nn.ConvTranspose1d(width_in, width_out, 2, stride=2)
        self.fuse = nn.Sequential(
            nn.Conv1d(2 * width_out, width_out, 3, padding=1),
            nn.Conv1d(width_out, width_out, 3, padding=1),
            nn.PReLU(width_out),
        )

    def forward(self, x, skip):
        return self.fuse(torch.cat([self.up(x), skip], dim=1))


def kaczmarz(A, u, relative_lambda, sweeps):
    """One image, row by row; non-negative and real after each sweep."""
    energy = np.sum(np.abs(A) ** 2, axis=1)
    lam = relative_lambda * energy.sum() / A.shape[1]
    root = np.sqrt(lam)
    x, v = np.zeros(A.shape[1], A.dtype), np.zeros(len(A), A.dtype)
    for _ in range(sweeps):
        for k, row in enumerate(A):
            step = (u[k] - row @ x - root * v[k]) / (energy[k] + lam)
            x += step * row.conj()
            v[k] += root * step
        x = np.maximum(x.real, 0).astype(A.dtype)
    return x.real
