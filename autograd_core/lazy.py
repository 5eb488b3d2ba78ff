"""Modules that are loaded when first used, so that importing the package does not import Numba."""

from __future__ import annotations

import importlib.util
import sys
import threading
from types import ModuleType, TracebackType
from typing import Any

from .errors import CompilerMissingError

# What the import system asks of modules before their code has run.
_KNOWN = frozenset(("__class__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__"))

# One for all: two modules that are loaded at once may need each other.
_loading = threading.RLock()


class _Lazy(ModuleType):
    """A module whose code has not run yet: the first access to what it defines runs it.

    The standard library's LazyLoader, on some versions of Python, shows other threads a module that is still empty,
    and forgets why loading failed. Here others wait, and each access tries again and raises the same error.
    """

    def __getattribute__(self, name: str) -> Any:
        if name not in _KNOWN:
            _load(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _KNOWN:
            _load(self)
        ModuleType.__setattr__(self, name, value)


def _load(module: _Lazy) -> None:
    with _loading:
        specification: Any = module.__spec__
        # Another thread was quicker, or the module's own code asks.
        if type(module) is not _Lazy or specification.loader_state == "loading":
            return
        content = ModuleType.__getattribute__(module, "__dict__")
        before = dict(content)
        specification.loader_state = "loading"
        try:
            specification.loader.exec_module(module)
        except BaseException as error:
            content.clear()
            content.update(before)
            explained = _explained(error)
            if explained is None:
                raise
            raise explained from error
        finally:
            specification.loader_state = None
        module.__class__ = ModuleType  # type: ignore[assignment]


def _explained(error: BaseException) -> ImportError | None:
    """What to say where the compiler is missing, or does not go with the other packages; None for other errors."""
    if not isinstance(error, (ImportError, OSError)) or isinstance(error, CompilerMissingError):
        return None
    concerned = {(getattr(error, "name", None) or "").partition(".")[0]}
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        concerned.add(str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        trace = trace.tb_next
    if not concerned & {"numba", "llvmlite"}:
        return None
    import importlib.metadata

    import numpy as np

    try:
        needed = importlib.metadata.requires("autograd-core") or []
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        needed = []
    wanted = next((entry for entry in needed if entry.startswith("numba")), "numba")
    python = ".".join(map(str, sys.version_info[:2]))
    return CompilerMissingError(
        f"this operation's kernel is compiled by Numba, which cannot be imported ({error}). Install a release of it "
        f"that goes with Python {python} and NumPy {np.__version__}: python -m pip install --upgrade '{wanted}'",
        name="numba",
    )


def lazy_import(name: str) -> ModuleType:
    """Return the module `name`, whose code runs at the first access to one of its attributes.

    After that it is an ordinary module and an access costs what it always costs. The package that `name` lies in is
    imported at once.

    Raises:
        ModuleNotFoundError: if there is none of that name.
    """
    found = sys.modules.get(name)
    if found is not None:
        return found
    specification = importlib.util.find_spec(name)
    if specification is None or specification.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}")
    module = importlib.util.module_from_spec(specification)
    module.__class__ = _Lazy
    sys.modules[name] = module
    return module
