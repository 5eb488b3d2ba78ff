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

# Why some rows stay above PyTorch's.
_CALL = (
    "Both read 4 MiB from the last-level cache at about 95 GB/s a core, 44 of PyTorch's 48 microseconds, and so does "
    "our kernel. What is left is the call through Python: 3 microseconds, and 7 behind a matrix that sweeps the inner "
    "caches; with two threads the reading takes half, and waking the second one comes on top."
)
_DOUBLE = (
    "Products are taken in double precision, whose conversions take 50 microseconds on one core where reading takes "
    "44. Pairs multiplied in float32 first would take no less, and be wrong by 1e-4 for the product of 6000 equal "
    "factors. The call through Python comes on top."
)
NOTES = {
    "sum of all": _CALL,
    "sum, last axis": _CALL,
    "mean, last axis": _CALL,
    "amax, last axis": _CALL,
    "prod, last axis": _DOUBLE,
}


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
    found = operation("reduction", "sum of all", _everything, _matrix, note=NOTES["sum of all"])
    for name, differentiable in NAMES.items():
        for axis, words in ((0, "first axis"), (1, "last axis")):
            label = f"{name}, {words}"
            arrays = _shuffled if name == "sort" else _matrix
            note = NOTES.get(label, "")
            found += operation("reduction", label, _along(name, axis), arrays, differentiable=differentiable, note=note)
    return found
