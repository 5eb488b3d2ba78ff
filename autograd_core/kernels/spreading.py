"""Operands that are smaller than the result, read inside the loop over it instead of being expanded in advance.

A loop takes the result a block at a time. What an operand has for a block lies side by side in the operand already, or
is put so into a buffer that stays in the first cache: a stored number is then a few hundredths of the time that reading
an expanded array from memory would take, and the formula's own loop is the same for every way of broadcasting.

A walk (:func:`autograd_core.kernels.boundary.walk_over`) says where that is.
"""

from __future__ import annotations

from .boundary import EACH, LONG_ROW, ONCE, ROWS, WHOLE
from .jit import inline, kernel


@inline
def block_size(walk):
    """The most elements a block has."""
    return walk[1]


@inline
def block_end(walk, start, end):
    """Where the block from `start` on ends: long rows are not left within a block."""
    row = walk[1 + walk[0]]
    stop = min(end, start + walk[1])
    return min(stop, (start // row + 1) * row) if row >= LONG_ROW else stop


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
def lies_in_line(walk, number):
    """Whether the operand has each block's elements side by side."""
    way = walk[_place(walk, number) + walk[0]]
    return (way == WHOLE) | (way == ROWS)


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


@inline
def line_start(walk, number, start):
    """Where the operand has the block that begins at `start`, if it lies in line."""
    dimensions, place = walk[0], _place(walk, number)
    if walk[place + dimensions] == WHOLE:
        return start
    size = walk[1 + dimensions]
    row = start // size
    return _row_start(walk, number, row) + start - row * size


@kernel
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


__all__ = ["EACH", "block_end", "block_size", "fill", "lies_in_line", "line_start", "piece_size"]
