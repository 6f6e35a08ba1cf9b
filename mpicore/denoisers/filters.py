"""Filters that need no model of the scanner: what a signal is improved by before anything is learned about it."""

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, Held, State, lowest, register
from mpicore.recordings import binary_exponent, noisy_error
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import odd_part, require_odd


@register("average")
class TwoPeriodAverage(Denoiser):
    """The mean of both recorded periods: half the noise power, for twice the measuring time.

    Assumes that the noises of the two periods are independent. The only method that is given both periods of what it
    denoises.
    """

    periods = 2

    def denoise(self, u: Array) -> Float32:
        """Mean over the periods: shape (n, 2, N) -> (n, N)."""
        periods = checks.strong(checks.signals(u, "u", length=self.samples, dimensions=(3,)), "u")
        if periods.shape[1] != 2:
            raise ValueError(f"u must hold two periods of each object, shape (n, 2, N), got {periods.shape}")
        return periods.mean(axis=1, dtype=np.float32)


@register("antisymmetric")
class AntisymmetricProjection(Denoiser):
    """The odd part of a period, (u[k] - u[N-k]) / 2: half the power of white noise goes, and nothing of the signal.

    Assumes cosine drive, whose field-free point retraces its path so that every clean signal is odd (eq. 4). Exact.

    Args:
        sequence: of the scanner, if it is known: one whose signals are not odd is refused.

    Raises:
        ValueError: such a sequence; ``turned_antisymmetric`` takes it.
    """

    needs_odd = True

    def __init__(self, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__()
        if sequence is not None:
            require_odd(sequence, self.name)

    def denoise(self, u: Array) -> Float32:
        """Odd part of u, shape (n, N)."""
        return odd_part(self.checked(u))


class _Chosen(Denoiser):
    """A filter with parameters that are chosen by the noisy error of the validation pairs."""

    candidates: tuple[Any, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.chosen: Any = None

    def fit(
        self, u1: Array, u2: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Choose the parameters; the training pairs are not needed."""
        _, pairs = self.parts(u1, u2, validation)
        self.chosen = lowest(self.candidates, lambda c: noisy_error(lambda u: self.apply(u, c), pairs))
        return self

    def denoise(self, u: Array) -> Float32:
        """The filter with the chosen parameters, shape (n, N)."""
        return self.apply(self.checked(u), self.learned(self.chosen)).astype(np.float32)

    def apply(self, u: Array, candidate: Any) -> Array:
        """The filter with given parameters."""
        raise NotImplementedError

    def state(self) -> State:
        """Number of the chosen candidate, and N."""
        return self.with_samples({"chosen": np.array(self.candidates.index(self.learned(self.chosen)))})

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the chosen candidate."""
        (chosen,) = self.stored_values(self.without_samples(state), "chosen")
        self.chosen = self.candidates[int(chosen)]
        return self


@register("low_pass")
class LowPass(_Chosen):
    """All spectral lines above a cut-off are set to zero.

    Assumes that the signal lies at low frequencies and the noise everywhere. The cut-off, a share of the lines, is
    chosen by the noisy validation error.
    """

    candidates = tuple(float(share) for share in np.geomspace(1, 0.02, 25))

    def apply(self, u: Array, candidate: float) -> Array:
        """Keep this share of the lines."""
        spectrum = np.fft.rfft(u, axis=1)
        spectrum[:, max(1, round(candidate * spectrum.shape[1])) :] = 0
        return np.fft.irfft(spectrum, u.shape[1], axis=1)


@register("savitzky_golay")
class SavitzkyGolay(_Chosen):
    """A polynomial is fitted to each window of the signal (Savitzky and Golay 1964).

    Assumes that the signal is smooth over the window. Length of the window and order of the polynomial are chosen by
    the noisy validation error; the period is continued circularly.
    """

    candidates = tuple((window, order) for window in range(5, 36, 2) for order in (2, 3, 4) if order < window - 1)

    def apply(self, u: Array, candidate: tuple[int, int]) -> Array:
        """Window length and polynomial order."""
        from scipy.signal import savgol_filter

        filtered: Array = savgol_filter(u, *candidate, axis=1, mode="wrap")
        return filtered


@register("wavelet")
class WaveletShrinkage(_Chosen):
    """Wavelet coefficients are shrunk by thresholds that follow from the noise in each signal.

    Assumes white noise, whose level is estimated from the finest coefficients of each signal alone, and a signal that
    few wavelets describe. Soft thresholds by BayesShrink (Chang et al. 2000) or the universal threshold (Donoho and
    Johnstone 1994), in scikit-image; wavelet and rule are chosen by the noisy validation error.
    """

    candidates = tuple((w, m) for m in ("BayesShrink", "VisuShrink") for w in ("sym4", "sym8", "db2", "coif3"))

    def apply(self, u: Array, candidate: tuple[str, str]) -> Array:
        """Name of the wavelet, and the rule."""
        from skimage.restoration import denoise_wavelet

        wavelet, rule = candidate
        # scikit-image compares powers with the smallest step at 1, so signals must not be far from that.
        exponent = binary_exponent(u)
        unit = np.ldexp(u, -exponent)
        out = np.zeros(u.shape, np.float32)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Level value", category=UserWarning)
            for row, signal in zip(out, unit, strict=True):
                if signal.any():
                    row[:] = denoise_wavelet(signal, wavelet=wavelet, method=rule, mode="soft", rescale_sigma=True)
        return np.ldexp(out, exponent)
