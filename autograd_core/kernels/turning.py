"""Copies of strided arrays in row-major order: by tiles that are transposed in registers, and by threads.

What lies next to each other in the array lies elsewhere in its copy. Along those two dimensions, the array's own and
the copy's last, squares as wide as a vector are turned; NumPy goes along one of them and touches a line of memory for
each element of the other. Where one of the two is narrower than a vector, elements are copied one by one.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from .jit import DISABLED, PARALLEL, inline, prange, serial_and_parallel, thread_count
from .pieces import peek, poke
from .simd import WIDTH, transpose_tile

_turn = transpose_tile()
# Tiles side by side for one thread at a time.
_TOGETHER = 4
# Pieces that threads share planes in: each of them is long, so that what a piece costs is little beside it.
_PARTS = 16


class Turn(NamedTuple):
    """How to copy.

    Attributes:
        own: the dimension of the result in which the array's elements are neighbours.
        sizes, steps: of the dimensions of the result, neighbours that stay together joined, and how far apart their
            elements are in the array.
    """

    own: int
    sizes: np.ndarray
    steps: np.ndarray


@functools.lru_cache(1024)
def turn_of(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> Turn | None:
    """How to copy an array of this shape, with strides in bytes; None if that is nothing for the kernels here."""
    sizes: list[int] = []
    steps: list[int] = []
    for size, stride in zip(shape, strides, strict=True):
        if stride <= 0 or stride % itemsize:
            return None
        step = stride // itemsize
        if size == 1:
            continue
        if sizes and steps[-1] == size * step:
            sizes[-1], steps[-1] = sizes[-1] * size, step
        else:
            sizes.append(size)
            steps.append(step)
    if 1 not in steps[:-1] or steps[-1] == 1:
        return None
    return Turn(steps.index(1), np.array(sizes), np.array(steps))


@inline
def _corner(plane, own, sizes, steps):
    """Where in the array and in the result a plane begins."""
    start, target, width = 0, 0, sizes[-1]
    for axis in range(sizes.size - 2, -1, -1):
        if axis != own:
            start += plane % sizes[axis] * steps[axis]
            target += plane % sizes[axis] * width
            plane //= sizes[axis]
        width *= sizes[axis]
    return start, target


@inline
def _below(own, sizes):
    """How far apart rows are in the result."""
    step = 1
    for axis in range(own + 1, sizes.size):
        step *= sizes[axis]
    return step


def _turn_tiles(x, own, sizes, steps, out):
    """The planes that the array's neighbours and the result's span, tile after tile."""
    lanes = WIDTH // x.itemsize
    rows, columns, step, below = sizes[own], sizes[-1], steps[-1], _below(own, sizes)
    places = np.arange(lanes) * below
    stripes = (columns + _TOGETHER * lanes - 1) // (_TOGETHER * lanes)
    for task in prange(out.size // (rows * columns) * stripes):
        start, target = _corner(task // stripes, own, sizes, steps)
        first = task % stripes * _TOGETHER * lanes
        for row in range(0, rows, lanes):
            # The last tiles reach back over what has been turned.
            at = min(row, rows - lanes)
            for column in range(first, min(columns, first + _TOGETHER * lanes), lanes):
                place = min(column, columns - lanes)
                _turn(out, target + at * below + place, places, 0, x, start + place * step + at, step, lanes)


@inline
def _turn_plane(x, start, step, out, target, below, rows, columns):
    if rows > columns:
        for column in range(columns):
            for row in range(rows):
                poke(out, target + row * below + column, peek(x, start + column * step + row))
    else:
        for row in range(rows):
            for column in range(columns):
                poke(out, target + row * below + column, peek(x, start + column * step + row))


def _turn_elements(x, own, sizes, steps, out):
    """The same element by element."""
    rows, columns, step, below = sizes[own], sizes[-1], steps[-1], _below(own, sizes)
    planes = out.size // (rows * columns)
    parts = min(planes, _PARTS)
    for part in prange(parts):
        for plane in range(planes * part // parts, planes * (part + 1) // parts):
            start, target = _corner(plane, own, sizes, steps)
            _turn_plane(x, start, step, out, target, below, rows, columns)


tiles_serial, tiles_parallel = serial_and_parallel(_turn_tiles)
elements_serial, elements_parallel = serial_and_parallel(_turn_elements)


def turned(array: np.ndarray) -> np.ndarray | None:
    """A row-major copy of an array of floats; None if NumPy does as well, or its memory may not be written."""
    turn = None if DISABLED or not array.flags.writeable else turn_of(array.shape, array.strides, array.itemsize)
    if turn is None:
        return None
    own, sizes, steps = turn
    extent = int(((sizes - 1) * steps).sum()) + 1
    line = np.lib.stride_tricks.as_strided(array, (extent,), (array.itemsize,))
    out = np.empty(array.shape, array.dtype)
    arguments = (line, own, sizes, steps, out.reshape(-1))
    tiles = min(sizes[own], sizes[-1]) * array.itemsize >= WIDTH
    if thread_count(array.size) > 1:
        with PARALLEL:
            (tiles_parallel if tiles else elements_parallel)(*arguments)
    else:
        (tiles_serial if tiles else elements_serial)(*arguments)
    return out
