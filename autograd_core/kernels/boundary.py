"""The one boundary every array passes on its way into a jitted loop.

Kernels are compiled for one-dimensional, contiguous, writeable arrays of one dtype, so the number of compiled
versions never depends on how a caller's array lies in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..broadcasting import Shape


def flat(array: np.ndarray) -> np.ndarray:
    """Return `array` as one contiguous, writeable dimension: a view where possible, else a copy."""
    # ravel decides by the contiguity flag; a copy is needed too for read-only memory, a type of its own to Numba.
    line = array.ravel()
    return line if line.flags.writeable else line.copy()


def contiguous(array: np.ndarray) -> np.ndarray:
    """Return `array` C-contiguous and writeable with its shape kept: itself where possible, else a copy."""
    flags = array.flags
    return array if flags.c_contiguous and flags.writeable else np.array(array, order="C")


def spread(operand: Any, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
    """Return `operand`, an array or a number, as a flat line of `shape`'s size: broadcast if it is smaller."""
    if isinstance(operand, np.ndarray):
        if operand.shape == shape:
            return flat(operand)
        if operand.dtype.kind == "b":
            dtype = operand.dtype
    full = np.empty(shape, dtype)
    full[...] = operand
    return full.ravel()
