"""Denoisers from outside: a class in a file, or one that an installed package offers through an entry point.

What comes from outside is wrapped: it gets copies of the data that cannot be written, and what it gives is checked, so
that a mistake in it is named where it is made.
"""

import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.reading import NAME
from mpicore import files
from mpicore.denoisers import Denoiser, names, register

#: A package lists its denoisers under ``[project.entry-points."mpicore.denoisers"]``.
GROUP = "mpicore.denoisers"
_sources: dict[str, str] = {}


def load_file(address: str) -> str:
    """Register the class that an address names, such as ``folder/file.py:Name``.

    The class needs two methods, ``fit(u1, u2)`` and ``denoise(u)``; of the further arguments of
    :meth:`mpicore.denoisers.base.Denoiser.fit` its ``fit`` gets those that it names, or all with ``**keywords``.

    Returns:
        The class's attribute ``name``, or else the name of the class.

    Raises:
        ValueError: no such file or class, a file that cannot be imported, a class without the two methods, or a name
            that is taken or is none.
    """
    path, _, attribute = address.rpartition(":")
    if not path or not attribute:
        raise ValueError(f"a denoiser is given as path/to/file.py:Name, got {address!r}")
    if not Path(path).is_file():
        raise ValueError(f"{address}: there is no file {path}")
    module = _imported(Path(path), address)
    classes = sorted(name for name, value in vars(module).items() if inspect.isclass(value))
    if attribute not in classes:
        raise ValueError(f"{address}: {path} has no class {attribute}; it has {', '.join(classes) or 'none'}")
    return _add(getattr(module, attribute), address, Path(path))


def load_entry_points() -> list[str]:
    """Register the denoisers that installed packages offer; returns their names.

    Raises:
        ValueError: as :func:`load_file`.
    """
    found = []
    for point in entry_points(group=GROUP):
        try:
            cls = point.load()
        except (Exception, SystemExit) as error:  # whatever their package raises
            raise ValueError(f"{point.value}: {_said(error)}") from error
        path = inspect.getsourcefile(cls)
        if path is None:
            raise ValueError(f"{point.value}: its code is in no file, and another version could not be told from it")
        found.append(_add(cls, point.value, Path(path)))
    return found


def source(name: str) -> str:
    """Digest of the file that a denoiser from outside comes from."""
    return _sources[name]


def _imported(path: Path, address: str) -> ModuleType:
    where = str(path.resolve())
    # Two files of one name are two modules; dataclasses and pickle look for a module by its name.
    name = f"mpicore_plugin_{hashlib.sha256(where.encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, where)
    if spec is None or spec.loader is None:
        raise ValueError(f"{address}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"{address}: {error.filename}:{error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:  # whatever stands in their file
        raise ValueError(f"{address}: {_where(error, where)}{_said(error)}") from error
    return module


def _add(cls: type, address: str, path: Path) -> str:
    name, digest = getattr(cls, "name", "") or cls.__name__, files.digest(path)
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ValueError(f"{address}: name must be letters, digits, _ and - and begin with no sign, got {name!r}")
    if _sources.get(name) == digest:
        return name  # loaded before
    for method in ("fit", "denoise"):
        if not callable(getattr(cls, method, None)):
            raise ValueError(f"{address}: the class must have a method {method}")
    if name in names():
        raise ValueError(f"{address}: the name {name!r} is taken; set another as the class's attribute `name`")
    register(name)(_adapted(cls, name, str(path.resolve())))
    _sources[name] = digest
    return name


def _adapted(cls: Any, name: str, path: str) -> type[Denoiser]:
    """The class as a denoiser: its arguments by name, its inputs as copies, its output checked."""
    parameters = inspect.signature(cls.fit).parameters
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def fit(self: Any, u1: Any, u2: Any, validation: Any = None, folder: Any = None, progress: bool = False) -> Any:
        held = None if validation is None else type(validation)(*map(_sealed, validation.arrays))
        further = {"validation": held, "folder": folder, "progress": progress}
        given = {key: value for key, value in further.items() if anything or key in parameters}
        _called(f"{name}: fit", path, cls.fit, self, _sealed(u1), _sealed(u2), **given)
        return self

    def denoise(self: Any, u: Any) -> NDArray[np.float32]:
        expected = (len(u), np.shape(u)[-1])
        return _checked(f"{name}: denoise", expected, _called(f"{name}: denoise", path, cls.denoise, self, _sealed(u)))

    content = (
        {"fit": fit, "denoise": denoise}
        | _constructor(cls, name, path)
        | {"__doc__": cls.__doc__, "__module__": cls.__module__}
    )
    bases = (cls,) if issubclass(cls, Denoiser) else (cls, Denoiser)
    return type(cls.__name__, bases, content | ({} if issubclass(cls, Denoiser) else {"history": ()}))


def _constructor(cls: Any, name: str, path: str) -> dict[str, Any]:
    """Their own constructor, if there is one, whose errors say where they come from."""
    own = cls.__init__
    if own in (object.__init__, Denoiser.__init__):
        return {}

    @functools.wraps(own)
    def begin(self: Any, *arguments: Any, **options: Any) -> None:
        _called(f"{name}: the constructor", path, own, self, *arguments, **options)

    return {"__init__": begin}


def _sealed(u: Any) -> NDArray[Any]:
    """A copy that cannot be written: the data are shared with every other method."""
    copy = np.array(u)
    copy.setflags(write=False)
    return copy


def _called(what: str, path: str, method: Callable[..., Any], *arguments: Any, **further: Any) -> Any:
    try:
        return method(*arguments, **further)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # whatever their code raises
        raise ValueError(f"{what} failed, {_where(error, path)}{_said(error)}") from error


def _checked(what: str, shape: tuple[int, int], found: Any) -> NDArray[np.float32]:
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{what} must return an array of shape {shape}, got {type(found).__name__}")
    if found.shape != shape:
        raise ValueError(f"{what} must return an array of shape {shape}, got shape {found.shape}")
    if found.dtype.kind not in "fiu":
        raise ValueError(f"{what} must return real numbers, got {found.dtype}")
    finite = np.isfinite(found)
    if not finite.all():
        row, sample = (int(axis[0]) for axis in np.nonzero(~finite))
        raise ValueError(
            f"{what} must return finite numbers, got {found[row, sample]} at signal {row}, sample {sample}"
        )
    return np.asarray(found, np.float32)


def _said(error: BaseException) -> str:
    """Kind and text of an error, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _where(error: BaseException, path: str) -> str:
    """The last line of their own file that an error came through."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f"{lines[-1].filename}:{lines[-1].lineno}: " if lines else ""
