"""Sums of squared differences and their gradient, without an array of the squares."""

from __future__ import annotations

import numpy as np

from .jit import inline, prange, serial_and_parallel, summing

# Elements that are added in their own precision, and elements of a block, which a thread takes at a time.
_SEGMENT, _BLOCK = 4096, 32768


@summing
def _squares(first, second):
    total = first.dtype.type(0)
    for i in range(first.size):
        difference = first[i] - second[i]
        total += difference * difference
    return total


@inline
def _squares_of_block(first, second):
    total = 0.0
    for start in range(0, first.size, _SEGMENT):
        total += _squares(first[start : start + _SEGMENT], second[start : start + _SEGMENT])
    return total


def _square_error(first, second):
    """The sum of (first - second)^2, in double precision over segments; its order depends on the length alone."""
    blocks = (first.size + _BLOCK - 1) // _BLOCK
    partial = np.empty(blocks)
    for block in prange(blocks):
        start = block * _BLOCK
        partial[block] = _squares_of_block(first[start : start + _BLOCK], second[start : start + _BLOCK])
    total = 0.0
    for block in range(blocks):
        total += partial[block]
    return total


def _square_error_gradient(first, second, scale, out):
    """out = (first - second) scale, in the arrays' precision."""
    factor = first.dtype.type(scale)
    for i in prange(out.size):
        out[i] = (first[i] - second[i]) * factor


square_error_serial, square_error_parallel = serial_and_parallel(_square_error)
square_error_gradient_serial, square_error_gradient_parallel = serial_and_parallel(_square_error_gradient)
