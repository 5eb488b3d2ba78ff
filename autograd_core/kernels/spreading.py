"""Operands that are smaller than the result, read inside the loop over it instead of being expanded in advance.

Long rows of the result are taken one by one. An operand's row is read where it lies, and an operand that has one
element for the whole row is read once for it: which these are is part of the loop's source.

Short rows are taken a block of them at a time. What an operand has for a block lies side by side in the operand
already, or is put so into a buffer that stays in the first cache: a stored number is then a few hundredths of the time
that reading an expanded array from memory would take, and the loop is the same for every way of broadcasting.

A walk (:func:`autograd_core.kernels.boundary.walk_over`) says where that is.
"""

from __future__ import annotations

from .boundary import ONCE, WHOLE
from .jit import inline, outline


@inline
def row_size(walk):
    """The elements of a row."""
    return walk[1 + walk[0]]


@inline
def block_size(walk):
    """The most elements a block has."""
    return walk[1]


@inline
def piece_size(walk, size, pieces):
    """Elements that each of the threads takes: whole blocks."""
    blocks = (size + walk[1] - 1) // walk[1]
    return (blocks + pieces - 1) // pieces * walk[1]


@inline
def _place(walk, number):
    """Where the strides of an operand begin."""
    return 2 + walk[0] + number * (walk[0] + 1)


@inline
def is_whole(walk, number):
    """Whether the operand has all elements of the result."""
    return walk[_place(walk, number) + walk[0]] == WHOLE


@inline
def _row_start(walk, number, row):
    """Where the operand has the row of this number."""
    dimensions, place = walk[0], _place(walk, number)
    offset = 0
    for axis in range(dimensions - 2, -1, -1):
        following = row // walk[2 + axis] if axis else 0
        offset += (row - following * walk[2 + axis]) * walk[place + axis]
        row = following
    return offset


@outline
def row_start(walk, number, row):
    """Where the operand has the row of this number. A function of its own, so that the loop over rows stays small."""
    return _row_start(walk, number, row)


@inline
def row_step(walk, number):
    """How far apart an operand has one row and the next, or -1 if that is not the same for all rows."""
    dimensions, place = walk[0], _place(walk, number)
    if is_whole(walk, number):
        return row_size(walk)
    if dimensions <= 2:
        return walk[place] if dimensions == 2 else 0
    return -1


@inline
def step_in_row(walk, number):
    """How far apart an operand has one element and the next of a row: 1, or 0 if one is all it has for it."""
    return walk[_place(walk, number) + walk[0] - 1]


@outline
def fill(walk, number, x, buffer, start, stop, first):
    """Put what the operand has for a block into the buffer, unless that is what it holds since the first block."""
    dimensions, place = walk[0], _place(walk, number)
    if walk[place + dimensions] == ONCE:
        if not first:
            return
        stop = start + buffer.size
    size, step = walk[1 + dimensions], walk[place + dimensions - 1]
    row = start // size
    column = start - row * size
    position, count = 0, stop - start
    while position < count:
        offset = _row_start(walk, number, row) + column * step
        run = min(count - position, size - column)
        if step == 0:
            buffer[position : position + run] = x[offset]
        else:
            buffer[position : position + run] = x[offset : offset + run]
        position += run
        row += 1
        column = 0


__all__ = ["block_size", "fill", "is_whole", "piece_size", "row_size", "row_start", "row_step", "step_in_row"]
