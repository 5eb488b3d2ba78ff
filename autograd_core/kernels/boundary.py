"""The one boundary every array passes on its way into a jitted loop.

Kernels are compiled for one-dimensional, contiguous, writeable arrays of one dtype, so the number of compiled
versions never depends on how a caller's array lies in memory.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..broadcasting import Shape

# Elements from which on a kernel copies transposed arrays faster than NumPy.
TURNED = 1 << 14


def flat(array: np.ndarray) -> np.ndarray:
    """Return `array` as one contiguous, writeable dimension: a view where possible, else a copy."""
    # ravel decides by the contiguity flag; a copy is needed too for read-only memory, a type of its own to Numba.
    line = array.ravel() if array.flags.c_contiguous else row_major(array).reshape(-1)
    return line if line.flags.writeable else line.copy()


def contiguous(array: np.ndarray) -> np.ndarray:
    """Return `array` C-contiguous and writeable with its shape kept: itself where possible, else a copy."""
    return array if array.flags.carray else row_major(array)


def row_major(array: np.ndarray) -> np.ndarray:
    """A copy of `array` whose memory is in row-major order."""
    if array.size >= TURNED and array.dtype.char in "fd" and not array.flags.c_contiguous:
        from .turning import turned

        found = turned(array)
        if found is not None:
            return found
    return np.array(array, order="C")


def reshaped(array: np.ndarray, shape: Shape) -> np.ndarray:
    """The elements in row-major order in another shape: a view where memory allows, else a copy."""
    if array.size < TURNED or array.flags.c_contiguous:
        return array.reshape(shape)
    try:
        return array.reshape(shape, copy=False)
    except ValueError:
        return row_major(array).reshape(shape)


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


def compact(operand: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """An operand, an array or a number, as an array of the dtype or of booleans, without what expansion repeats."""
    if not isinstance(operand, np.ndarray):
        return np.asarray(operand, dtype)
    if operand.dtype != dtype and operand.dtype.kind != "b":
        operand = operand.astype(dtype)
    if 0 in operand.strides and operand.size > 1:
        once, always = slice(1), slice(None)
        operand = operand[tuple([always if stride else once for stride in operand.strides])]
    return operand


def spread(operand: np.ndarray, shape: Shape) -> np.ndarray:
    """Return `operand` as a flat line of `shape`'s size: broadcast if it is smaller."""
    if operand.shape == shape:
        return flat(operand)
    full = np.empty(shape, operand.dtype)
    full[...] = operand
    return full.ravel()


# A walk says what operands smaller than the result have for its rows, in a line of integers: the number of dimensions,
# the elements of a block of short rows, the sizes, and for each operand its strides and one of these ways to read it.
WHOLE, ONCE, EACH = range(3)
# Rows from the first length on are read where they lie, and from the second where an operand has one element for each;
# shorter ones are put side by side in a buffer. (A product of a million elements, rows of 64: 101 µs against 173 with a
# column, 114 against 104 with a row.)
LONG_ROW, LONG_ROW_OF_ONE, BLOCK = 256, 64, 2048


@functools.lru_cache(1024)
def walk_over(shape: Shape, shapes: tuple[Shape, ...]) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """The walk over operands that lie without gaps, whose `shapes` are broadcast to `shape`.

    Neighbouring dimensions in which each operand is either spread or not are one. Beside it the operands, by their
    places, that have one element for a whole row, or None if the rows are short: an operand is then taken as a whole or
    put into a buffer, for each block, or once if it is the same for all.
    """
    padded = [(1,) * (len(shape) - len(own)) + own for own in shapes]
    sizes: list[int] = []
    present: list[tuple[bool, ...]] = []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        here = tuple([own[axis] != 1 for own in padded])
        if present and present[-1] == here:
            sizes[-1] *= size
        else:
            sizes.append(size)
            present.append(here)
    row = sizes[-1]
    walk = [len(sizes), row * max(1, BLOCK // row), *sizes]
    for index in range(len(shapes)):
        strides = [0] * len(sizes)
        step = 1
        for axis in reversed(range(len(sizes))):
            if present[axis][index]:
                strides[axis] = step
                step *= sizes[axis]
        walk += [*strides, WHOLE if all(strides) else EACH if any(strides[:-1]) else ONCE]
    still = tuple([index for index, own in enumerate(present[-1]) if not own])
    return np.array(walk, np.int64), still if row >= (LONG_ROW_OF_ONE if still else LONG_ROW) else None
