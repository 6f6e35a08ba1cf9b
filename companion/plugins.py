"""Denoisers from outside: a class in a file, or one that an installed package offers through an entry point."""

import importlib.util
import inspect
import sys
from importlib.metadata import entry_points
from pathlib import Path

from mpicore import files
from mpicore.denoisers import Denoiser, names, register

#: A package lists its denoisers under ``[project.entry-points."mpicore.denoisers"]``.
GROUP = "mpicore.denoisers"
_sources: dict[str, str] = {}


def load_file(address: str) -> str:
    """Register the class that an address names, such as ``folder/file.py:Name``.

    The class needs two methods, ``fit(u1, u2)`` and ``denoise(u)``; of the further arguments of
    :meth:`mpicore.denoisers.base.Denoiser.fit` its ``fit`` gets those that it names.

    Returns:
        The class's attribute ``name``, or else the name of the class.

    Raises:
        ValueError: no such file or class, a class without the two methods, or a name that is taken.
    """
    path, _, attribute = address.rpartition(":")
    if not path or not attribute:
        raise ValueError(f"a denoiser is given as path/to/file.py:Name, got {address!r}")
    if not Path(path).is_file():
        raise ValueError(f"{address}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"mpicore_plugin_{Path(path).stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the standard library looks for the source of a class
    spec.loader.exec_module(module)
    classes = sorted(name for name, value in vars(module).items() if inspect.isclass(value))
    if attribute not in classes:
        raise ValueError(f"{address}: {path} has no class {attribute}; it has {', '.join(classes) or 'none'}")
    return _add(getattr(module, attribute), address, files.digest(path))


def load_entry_points() -> list[str]:
    """Register the denoisers that installed packages offer; returns their names.

    Raises:
        ValueError: as :func:`load_file`.
    """
    found = []
    for point in entry_points(group=GROUP):
        cls = point.load()
        found.append(_add(cls, point.value, files.digest(inspect.getsourcefile(cls))))
    return found


def source(name: str) -> str:
    """Digest of the file that a denoiser from outside comes from."""
    return _sources[name]


def _add(cls, address, digest):
    name = getattr(cls, "name", "") or cls.__name__
    if _sources.get(name) == digest:
        return name  # loaded before
    for method in ("fit", "denoise"):
        if not callable(getattr(cls, method, None)):
            raise ValueError(f"{address}: the class must have a method {method}")
    if name in names():
        raise ValueError(f"{address}: the name {name!r} is taken; set another as the class's attribute `name`")
    register(name)(cls if issubclass(cls, Denoiser) else _adapted(cls))
    _sources[name] = digest
    return name


def _adapted(cls):
    """The class as a denoiser, whose ``fit`` gets the arguments that it names."""
    accepted = inspect.signature(cls.fit).parameters

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        further = {"validation": validation, "folder": folder, "progress": progress}
        cls.fit(self, u1, u2, **{key: value for key, value in further.items() if key in accepted})
        return self

    return type(cls.__name__, (cls, Denoiser), {"fit": fit, "__doc__": cls.__doc__, "__module__": cls.__module__})
