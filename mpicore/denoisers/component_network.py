"""Noise2Noise on the frequency components of a system matrix: a two-dimensional network that sees their neighbours."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.components import CLASSES, cycles, fold, neighbours, quadrant_weights, unfold
from mpicore.denoisers.base import Array, Float32, Folder, State, lowest, register
from mpicore.denoisers.trained import TrainedDenoiser, half_precision, load_weights
from mpicore.denoisers.whole_matrix import TwoStepSpatialWiener, alternate_mean, wiener_gains
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner
from mpicore.seeds import generator
from mpicore.settings import Settings
from mpicore.symmetry import from_sine_lines, require_odd

if TYPE_CHECKING:
    from torch import Tensor

    from mpicore.losses import Scheme
    from mpicore.unet import ComponentNetwork

#: Steps in the harmonics of x and y to the neighbours of a component, all next ones, and the next of its own parity.
AROUND = tuple(
    (i, j)
    for i in range(-2, 3)
    for j in range(-2, 3)
    if (i, j) != (0, 0) and (max(abs(i), abs(j)) == 1 or i % 2 == j % 2 == 0)
)
#: Power from which on a component is taken to hold signal, in units of that of the noise.
_POWER = 1e-4


class OwnWiener(TwoStepSpatialWiener):
    """The spatial Wiener filter in two steps, with gains from the very period that it denoises.

    Gains from both periods would tell the network about the noise of the other one, which is its target. Here the power
    of a coefficient is its mean square over a window, less that of the noise. Both periods choose the windows. The unit
    of a column is the mean over the pixels that mirror it, so that the parity of components stays exact.
    """

    def units_of_noise(self, u1: Array, u2: Array) -> tuple[Float32, Float32]:
        """As without the symmetry, with the same power for all pixels that mirror each other."""
        y1, y2 = super().units_of_noise(u1, u2)
        first = self.learned(self.deviation)
        scale = first.max()
        power = np.square(first / scale).reshape(self.shape)
        power = (power + power[::-1] + power[:, ::-1] + power[::-1, ::-1]) / 4
        self.deviation = (scale * np.sqrt(power)).reshape(first.shape).astype(first.dtype)
        factor = (first / self.deviation).astype(np.float32)
        return y1 * factor, y2 * factor

    def lines(self, u: Array) -> Float32:
        """Sine lines of all columns u (P, N) in units of the noise, shape (P, lines)."""
        self.learned(self.deviation)
        return self.in_noise(self._check(u))

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Choose the window of each step by the noisy error."""
        first, second = self._transform(y1), self._transform(y2)

        def error(tried: Float32) -> float:
            return float(np.mean((first * tried - second) ** 2))

        self.window = lowest(self.windows, lambda window: error(_first(first, window)))
        gains = _first(first, self.window)
        self.small_window = lowest(self.small_windows, lambda window: error(_second(first, gains, window)))

    def shrink(self, y: Array) -> Array:
        """Denoise one period of lines (P, lines), white noise of unit variance among them."""
        coefficients = self._transform(y)
        gains = _first(coefficients, self.learned(self.window))
        return self._back(coefficients * _second(coefficients, gains, self.small_window))


def _first(coefficients: Float32, window: tuple[int, int, int]) -> Float32:
    """Wiener gains of the first step."""
    return wiener_gains(alternate_mean(np.square(coefficients), window) - 1)


def _second(coefficients: Float32, gains: Float32, window: tuple[int, int, int]) -> Float32:
    """Wiener gains of the second step: of what the first has filtered, noise has the power of its gains."""
    return wiener_gains(alternate_mean(np.square(coefficients * gains) - np.square(gains), window))


@register("component_n2n")
class ComponentNoise2Noise(TrainedDenoiser):
    """Wiener estimate of each frequency component -> corrected by a small U-Net that sees its neighbours -> signals.

    A line is split into its parts by parity, each on one quadrant of the pixels; a part whose power shows in both
    periods is a component, and the rest is zero. The input are the estimate of :class:`OwnWiener`, what that leaves out
    of the noisy image, and the estimates of the components whose harmonics are up to two steps away in x and in y, see
    :class:`mpicore.unet.ComponentNetwork`. It is judged by the noisy image of the other period, ||f(y1) - y2||^2 and
    its swap (Noise2Noise, Lehtinen et al. 2018), on nine tenths of the lines; those of the last tenth choose the epoch.
    No clean signal is seen anywhere.

    A matrix of another strength than that of the fit, or in another unit, is denoised alike, f(c u) = c f(u): it is
    measured in units of its own power. With noise of another strength beside the signal it is another problem.
    Assumes that the noise is white and independent between the periods, and that the numbers of cycles of both drive
    fields are known.

    Args:
        scanner: gives pixels and drive frequencies; default ``Scanner.lissajous()``.
        width, dropout: of :class:`mpicore.unet.UNet`.
        seed: of the initial weights, of the lines that are held out, and of the training.
        training: a :class:`mpicore.settings.Settings`, or its keywords.
        device: ``auto``, ``cpu``, ``cuda``.

    Raises:
        ValueError: a scanner whose signals are not odd.
    """

    needs_scanner = True
    needs_odd = True
    whole = True
    units = False

    def __init__(
        self,
        scanner: Scanner | None = None,
        width: int = 16,
        dropout: float = 0.0,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        super().__init__(width, dropout, seed, training, device)
        self.scanner = require_odd(scanner or Scanner.lissajous(), self.name)
        self.linear = OwnWiener(self.scanner)
        self.linear.name = self.name
        self.numbers: NDArray[np.integer[Any]] | None = None
        self.network: ComponentNetwork | None = None
        self.power = 0.0

    def scheme(self) -> "Scheme":
        """Pairs of two periods, squared loss; numbers stand for the images that the network holds."""
        import torch

        from mpicore.losses import NumberedNoise2Noise

        network = self.learned(self.network)
        estimates, noisy = network.estimates[:, :-1], network.estimates[:, :-1] + network.rests
        data = [zlib.crc32(images.cpu().contiguous().numpy().data) for images in (estimates, noisy)]
        weights = torch.from_numpy(quadrant_weights(self.linear.shape)).flatten().to(noisy.device)
        return NumberedNoise2Noise(noisy.flatten(0, 1).flatten(1), weights, zlib.crc32(repr(data).encode()))

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Find the components and their linear estimates from both periods of all columns, shape (P, N), and train."""
        linear = self.linear.fit(u1, u2)
        self.samples = linear.samples
        periods = [linear.lines(u) for u in (u1, u2)]
        self.power = float(np.sqrt(np.mean([np.mean(np.square(y), dtype=np.float64) for y in periods])))
        cross = np.prod([self._folded(linear.shrink(y)) for y in periods], axis=0).mean(axis=(2, 3)).ravel()
        count = max(int(np.sum(cross > _POWER)), min(2 * self.settings.batch_size, len(cross)))
        self.numbers = numbers = np.sort(np.argsort(-cross, kind="stable")[:count])
        network = self._build()
        self._hold(periods)
        del periods
        filled = np.unique(numbers // 4)
        held = generator(self.seed, "held lines").permutation(filled)[: max(1, len(filled) // 10)]
        apart = np.isin(numbers // 4, held)
        self.history = self.train(network, _pairs(~apart), _pairs(apart), folder, progress)
        return self.restore(self.state())  # with the weights as they are stored, so that both denoise alike

    def denoise(self, u: Array) -> Float32:
        """Denoise one period of all columns, shape (P, N)."""
        network, numbers = self.learned(self.network), self.learned(self.numbers)
        y = self.linear.lines(u)
        scale = self._hold([y])
        found = self.over_batches(network, np.arange(len(numbers), dtype=np.float32)[:, None], _passed(network))
        images = np.zeros((y.shape[1], *self.linear.shape), np.float32)
        parts = found.reshape(-1, *network.quadrant)
        for k in range(len(CLASSES)):
            chosen = numbers % 4 == k
            images[numbers[chosen] // 4] += unfold(parts[chosen], k, self.linear.shape)
        deviation = self.linear.learned(self.linear.deviation)
        assert self.samples is not None
        return from_sine_lines(images.reshape(len(images), -1).T * (deviation * scale), self.samples)

    def state(self) -> State:
        """Weights of the U-Net in half precision, the unit of each column, the components, and both windows."""
        numbers, linear = self.learned(self.numbers), self.linear
        return {
            **half_precision(self.learned(self.network).unet),
            "samples": np.array(self.samples),
            "power": np.array(self.power),
            "deviation": linear.learned(linear.deviation),
            "components": numbers.astype(np.int32),
            "windows": np.array([linear.window, linear.small_window], np.int32),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up weights, components and windows; the rest follows from the scanner.

        Raises:
            ValueError: weights of another network, or a part is missing.
        """
        names = ("samples", "power", "deviation", "components", "windows")
        samples, power, self.linear.deviation, numbers, windows = self.stored_values(state, *names)
        self.samples = self.linear.samples = int(samples)
        self.power, self.numbers = float(power), numbers.astype(np.int64)
        first, second = windows.tolist()
        self.linear.window, self.linear.small_window = tuple(first), tuple(second)
        load_weights(self._build().unet, {name: value for name, value in state.items() if name not in names})
        return self

    def _build(self) -> "ComponentNetwork":
        """The network of these components and their neighbours, with the initial weights of the seed."""
        from mpicore.unet import ComponentNetwork

        numbers, (along_x, along_y) = self.learned(self.numbers), cycles(self.scanner)
        assert self.samples is not None
        position = np.full(4 * self.samples, len(numbers))
        position[numbers] = np.arange(len(numbers))
        turns = np.array([abs(i) % 2 + 2 * (abs(j) % 2) for i, j in AROUND])
        found = [neighbours(numbers // 4 + 1, i * along_x + j * along_y, self.samples) for i, j in AROUND]
        # Line 0 is none: 4 (0 - 1) counts from the end, where no component is.
        beside = [position[4 * (line - 1) + (numbers % 4 ^ turn)] for (line, _), turn in zip(found, turns, strict=True)]
        signs = np.stack([sign for _, sign in found], axis=1)
        network = self.seeded(
            lambda: ComponentNetwork(
                np.stack(beside, axis=1), signs, numbers % 4, turns, self.linear.shape, self.width, self.dropout
            )
        )
        assert isinstance(network, ComponentNetwork)
        self.network = network
        return network

    def _folded(self, lines: Array) -> Float32:
        """Parts of lines (P, lines) by parity, shape (lines, 4, qy, qx)."""
        return fold(np.ascontiguousarray(lines.T, np.float32).reshape(-1, *self.linear.shape))

    def _hold(self, periods: Sequence[Float32]) -> float:
        """Give the network these periods, each (P, lines) and in units of its power; returns that of the last one."""
        import torch

        network, numbers = self.learned(self.network), self.learned(self.numbers)
        estimates: list[Tensor] = []
        noisy: list[Tensor] = []
        scale = 1.0
        for y in periods:
            exponent = np.frexp(max(y.max(), -y.min()))[1]  # no square over- or underflows, and no bit changes
            power = np.mean(np.square(np.ldexp(y, -exponent)), dtype=np.float64)
            scale = float(np.ldexp(np.sqrt(power), exponent)) / self.power or 1.0
            scaled = y / np.float32(scale)
            for images, lines in ((estimates, self.linear.shrink(scaled)), (noisy, scaled)):
                images.append(torch.from_numpy(self._folded(lines).reshape(-1, *network.quadrant)[numbers]))
        network.hold(torch.stack(estimates), torch.stack(noisy))
        return scale


def _pairs(chosen: NDArray[np.bool_]) -> Recordings:
    """Numbers of the chosen components in the first and in the second period, shape (n, 1) each."""
    numbers = np.flatnonzero(chosen)[:, None].astype(np.float64)
    return Recordings(numbers, numbers + len(chosen))


def _passed(network: "ComponentNetwork") -> Callable[["Tensor"], "Tensor"]:
    return lambda numbers: network(numbers[:, None])[:, 0]
