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


def dense_order(array: np.ndarray) -> tuple[int, ...] | None:
    """The order of dimensions in which `array` fills memory without gaps, None if that is row-major or there is none.

    An image tensor that came from a convolution is one: N, C, H, W to its user, N, H, W, C in memory.
    """
    flags = array.flags
    if flags.c_contiguous or array.ndim < 2 or not array.size:
        return None
    strides = array.strides
    order = tuple(sorted(range(array.ndim), key=lambda axis: -abs(strides[axis])))
    return order if array.transpose(order).flags.c_contiguous else None


def empty_in_order(shape: Shape, dtype: np.dtype[Any], order: tuple[int, ...]) -> np.ndarray:
    """An uninitialised array whose memory has its dimensions in this order, the last one fastest.

    It is no view of an array of another shape: the engine adds in place only into memory that is nobody else's.
    """
    strides = [0] * len(shape)
    step = dtype.itemsize
    for axis in reversed(order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return np.ndarray(shape, dtype, strides=strides)


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
