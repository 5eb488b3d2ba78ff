"""Modules that are loaded when first used, so that importing the package does not import Numba."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def lazy_import(name: str) -> ModuleType:
    """Return the module `name`, whose code runs at the first access to one of its attributes.

    After that it is an ordinary module and an access costs what it always costs. The package that `name` lies in is
    imported at once.
    """
    found = sys.modules.get(name)
    if found is not None:
        return found
    specification = importlib.util.find_spec(name)
    if specification is None or specification.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}")
    specification.loader = importlib.util.LazyLoader(specification.loader)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module
