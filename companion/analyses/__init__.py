"""What pages show beyond the values of the runs: made once each, by name, and read by the notebooks.

A module of this folder that uses :func:`companion.analyses.registry.analysis` adds its own; nothing else must know it.
"""

import pkgutil
from importlib import import_module

from companion.analyses.matrix import drawn, mapped
from companion.analyses.registry import compare, compute, key, make, names, needs, published, read, with_arrays, write

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "compare",
    "compute",
    "drawn",
    "key",
    "make",
    "mapped",
    "names",
    "needs",
    "published",
    "read",
    "with_arrays",
    "write",
]
