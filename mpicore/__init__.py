"""Magnetic particle imaging: simulation, denoising without clean data, reconstruction."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mpicore")
except PackageNotFoundError:  # the sources alone, not installed
    __version__ = "unknown"
