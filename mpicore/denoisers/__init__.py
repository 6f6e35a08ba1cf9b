"""Denoisers under one small interface, known by name."""

from mpicore.denoisers import (
    calibration,
    ceilings,
    filters,
    forward_network,
    gaussian_process,
    networks,
    relaxed,
    spectral,
    subspace,
)
from mpicore.denoisers.base import Denoiser, create, find, names, register

__all__ = [
    "Denoiser",
    "calibration",
    "ceilings",
    "create",
    "find",
    "filters",
    "forward_network",
    "gaussian_process",
    "names",
    "networks",
    "register",
    "relaxed",
    "spectral",
    "subspace",
]
