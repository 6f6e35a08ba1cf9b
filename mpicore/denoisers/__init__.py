"""Denoisers under one small interface, known by name. A new file in this folder is found by itself."""

from mpicore.denoisers.base import Denoiser, circumstances, create, find, names, parameters, register

__all__ = ["Denoiser", "circumstances", "create", "find", "names", "parameters", "register"]
