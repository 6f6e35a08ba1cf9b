"""The particle distribution behind a signal: gridded, by Kaczmarz, and from the denoisers that know the scanner."""

import numpy as np

from companion.experiments import Kaczmarz
from mpicore.reconstruction import XSpace, frequency_components, kaczmarz, select_frequencies
from mpicore.recordings import Recordings
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix


def estimates(recorded: Recordings, denoisers: dict, scanner: Scanner, settings: Kaczmarz) -> dict[str, np.ndarray]:
    """Every estimate of the distribution that the project has, for the first period of each object.

    Args:
        recorded: n noisy pairs; both periods select the lines for Kaczmarz.
        denoisers: fitted, by title, each with a method ``distribution``; the signals that the last of them denoises are
            gridded and reconstructed as well.
        scanner: as the methods know it.
        settings: of the Kaczmarz reconstruction.

    Returns:
        Images of shape (n, ny, nx) by title. X-space and Kaczmarz images have units of their own, the others those of
        the phantoms.
    """
    grid = XSpace(scanner)
    lines = select_frequencies(recorded.u1, recorded.u2, settings.snr_threshold)
    matrix = frequency_components(system_matrix(scanner, Particle()).T, lines).T
    best = list(denoisers.values())[-1]
    found = {}
    for title, u in (("noisy", recorded.u1), ("denoised", best.denoise(recorded.u1))):
        found[f"x-space, {title}"] = grid(u)
        solution = kaczmarz(matrix, frequency_components(u, lines), settings.relative_lambda, settings.sweeps)
        found[f"Kaczmarz, {title}"] = solution.reshape(-1, *scanner.shape)
    return found | {title: denoiser.distribution(recorded.u1) for title, denoiser in denoisers.items()}
