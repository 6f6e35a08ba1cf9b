"""Denoisers under one small interface, known by name. A new file in this folder is found by itself.

Example:
    >>> import numpy as np
    >>> from mpicore import denoisers
    >>> rng = np.random.default_rng(0)
    >>> clean = np.sin(2 * np.pi * np.arange(200) / 200) * rng.uniform(1, 2, (50, 1))
    >>> u1, u2 = clean + 0.5 * rng.standard_normal((2, 50, 200))
    >>> denoiser = denoisers.create("wiener").fit(u1, u2)
    >>> bool(np.mean((denoiser.denoise(u1) - clean) ** 2) < 0.1 * np.mean((u1 - clean) ** 2))
    True
"""

from mpicore.denoisers.base import Denoiser, circumstances, create, find, names, parameters, register

__all__ = ["Denoiser", "circumstances", "create", "find", "names", "parameters", "register"]
