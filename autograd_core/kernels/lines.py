"""What kernels do to a contiguous line: sums over it, and functions in the line's own precision.

Sums are taken in vectors of partial sums, in the line's precision over segments and in double precision over those,
so that long float32 lines keep their digits.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from .jit import DISABLED, inline, summing
from .vecmath import (
    exp_nonpositive_float32,
    exp_nonpositive_float64,
    sigmoid_float32,
    sigmoid_float64,
    tanh_float32,
    tanh_float64,
)

# Elements that are added in the line's own precision before they go into a double.
SEGMENT = 4096


def exp(x):
    """e^x for x <= 0, in the precision of x."""
    return exp_nonpositive_float32(x) if isinstance(x, np.float32) else exp_nonpositive_float64(x)


def sigmoid(x):
    """1 / (1 + e^-x) in the precision of x."""
    return sigmoid_float32(x) if isinstance(x, np.float32) else sigmoid_float64(x)


def tanh(x):
    """Hyperbolic tangent in the precision of x."""
    return tanh_float32(x) if isinstance(x, np.float32) else tanh_float64(x)


if not DISABLED:

    @overload(exp, jit_options={"forceinline": True})
    def _exp(x):
        if x == types.float32:
            return lambda x: exp_nonpositive_float32(x)
        return lambda x: exp_nonpositive_float64(x)

    @overload(sigmoid, jit_options={"forceinline": True})
    def _sigmoid(x):
        if x == types.float32:
            return lambda x: sigmoid_float32(x)
        return lambda x: sigmoid_float64(x)

    @overload(tanh, jit_options={"forceinline": True})
    def _tanh(x):
        if x == types.float32:
            return lambda x: tanh_float32(x)
        return lambda x: tanh_float64(x)


@summing
def sum_segment(line):
    total = line.dtype.type(0)
    for i in range(line.size):
        total += line[i]
    return total


@summing
def dot_segment(first, second):
    total = first.dtype.type(0)
    for i in range(first.size):
        total += first[i] * second[i]
    return total


@summing
def _exponentials_segment(line, shift, out):
    total = line.dtype.type(0)
    for i in range(line.size):
        value = exp(line[i] - shift)
        out[i] = value
        total += value
    return total


@summing
def _raise_segment(line, shift):
    total = line.dtype.type(0)
    for i in range(line.size):
        value = exp(line[i] - shift)
        line[i] = value
        total += value
    return total


@summing
def _sum_of_exponentials_segment(line, shift):
    total = line.dtype.type(0)
    for i in range(line.size):
        total += exp(line[i] - shift)
    return total


@inline
def sum_line(line):
    """The sum of a line, in double precision."""
    total = 0.0
    for start in range(0, line.size, SEGMENT):
        total += sum_segment(line[start : start + SEGMENT])
    return total


@inline
def dot_line(first, second):
    """The inner product of two lines, in double precision."""
    total = 0.0
    for start in range(0, first.size, SEGMENT):
        total += dot_segment(first[start : start + SEGMENT], second[start : start + SEGMENT])
    return total


@inline
def exponentials(line, shift, out):
    """Write exp(line - shift) and return its sum, in double precision."""
    total = 0.0
    for start in range(0, line.size, SEGMENT):
        total += _exponentials_segment(line[start : start + SEGMENT], shift, out[start : start + SEGMENT])
    return total


@inline
def raise_line(line, shift):
    """Replace a line by exp(line - shift) and return its sum, in double precision.

    One array under two names, as `line` and as `out`, would look to LLVM like two that overlap.
    """
    total = 0.0
    for start in range(0, line.size, SEGMENT):
        total += _raise_segment(line[start : start + SEGMENT], shift)
    return total


@inline
def sum_of_exponentials(line, shift):
    """The sum of exp(line - shift), in double precision."""
    total = 0.0
    for start in range(0, line.size, SEGMENT):
        total += _sum_of_exponentials_segment(line[start : start + SEGMENT], shift)
    return total


@inline
def exponentiate(line):
    """Replace a line by its exponentials."""
    for i in range(line.size):
        line[i] = exp(line[i])
