"""Reductions and scans over the first and the last axis of a square matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

SIZE = 1024
# Names both libraries have, called with an axis; whether they are differentiable.
NAMES = {
    "sum": True,
    "mean": True,
    "amax": True,
    "argmax": False,
    "var": True,
    "std": True,
    "prod": True,
    "logsumexp": True,
    "cumsum": True,
    "cumprod": True,
    "logcumsumexp": True,
    "cummax": True,
    "sort": True,
}
# These return a pair: values, and indices that are left aside.
PAIRS = frozenset(("cummax", "sort"))


def _matrix(random: np.random.Generator) -> Arrays:
    # Around 1 and close to it, so that the product of a thousand stays in range.
    return {"x": 1 + 0.01 * random.standard_normal((SIZE, SIZE), np.float32)}


def _shuffled(random: np.random.Generator) -> Arrays:
    # No two are equal: sorting is free to order those either way.
    return {"x": random.permutation(SIZE * SIZE).reshape(SIZE, SIZE).astype(np.float32)}


def _along(name: str, axis: int) -> Callable[[Library], Callable[..., Any]]:
    def make(library: Library) -> Callable[..., Any]:
        function = getattr(library.ops, name)
        if name in PAIRS:
            return lambda x: function(x, axis)[0]
        return lambda x: function(x, axis)

    return make


def _everything(library: Library) -> Callable[..., Any]:
    return library.ops.sum  # type: ignore[no-any-return]


def rows() -> list[Row]:
    """Each function along both axes, and the sum of everything."""
    found = operation("reduction", "sum of all", _everything, _matrix)
    for name, differentiable in NAMES.items():
        for axis, words in ((0, "first axis"), (1, "last axis")):
            label = f"{name}, {words}"
            arrays = _shuffled if name == "sort" else _matrix
            found += operation("reduction", label, _along(name, axis), arrays, differentiable=differentiable)
    return found
