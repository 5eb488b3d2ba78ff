"""Largest and smallest elements over the middle one of three dimensions, (outer, length, inner), of a flat line."""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel
from autograd_core.kernels.lines import largest, smallest

# Kept elements that one task takes, and elements of a line of which many tasks are made.
_COLUMNS = 1024
_BLOCK = 65536


@inline
def _raise_to(out, line):
    """Keep in `out` the larger of each pair; NaN wins."""
    for lane in range(out.size):
        best, value = out[lane], line[lane]
        out[lane] = best if (best >= value or best != best) else value


@inline
def _lower_to(out, line):
    for lane in range(out.size):
        best, value = out[lane], line[lane]
        out[lane] = best if (best <= value or best != best) else value


def _maximum(x, outer, length, inner, out):
    """Maxima over the middle dimension, of at least one step."""
    if inner == 1:
        blocks = max(1, length // _BLOCK)
        found = np.empty(outer * blocks, x.dtype)
        for task in prange(outer * blocks):
            row, block = task // blocks, task % blocks
            found[task] = largest(
                x[row * length + length * block // blocks : row * length + length * (block + 1) // blocks]
            )
        for row in range(outer):
            out[row] = largest(found[row * blocks : (row + 1) * blocks]) if blocks > 1 else found[row]
    else:
        groups = (inner + _COLUMNS - 1) // _COLUMNS
        for task in prange(outer * groups):
            row, first = task // groups, task % groups * _COLUMNS
            last = min(inner, first + _COLUMNS)
            start, target = row * length * inner, out[row * inner + first : row * inner + last]
            for lane in range(target.size):
                target[lane] = x[start + first + lane]
            for step in range(1, length):
                _raise_to(target, x[start + step * inner + first : start + step * inner + last])


def _minimum(x, outer, length, inner, out):
    """Minima over the middle dimension, of at least one step."""
    if inner == 1:
        blocks = max(1, length // _BLOCK)
        found = np.empty(outer * blocks, x.dtype)
        for task in prange(outer * blocks):
            row, block = task // blocks, task % blocks
            found[task] = smallest(
                x[row * length + length * block // blocks : row * length + length * (block + 1) // blocks]
            )
        for row in range(outer):
            out[row] = smallest(found[row * blocks : (row + 1) * blocks]) if blocks > 1 else found[row]
    else:
        groups = (inner + _COLUMNS - 1) // _COLUMNS
        for task in prange(outer * groups):
            row, first = task // groups, task % groups * _COLUMNS
            last = min(inner, first + _COLUMNS)
            start, target = row * length * inner, out[row * inner + first : row * inner + last]
            for lane in range(target.size):
                target[lane] = x[start + first + lane]
            for step in range(1, length):
                _lower_to(target, x[start + step * inner + first : start + step * inner + last])


def _attained(x, extremum, cotangent, outer, length, inner, out):
    """The gradient of an extremum: the cotangent shared evenly among the elements that attain it, NaN by NaN."""
    if inner == 1:
        for row in prange(outer):
            best, line = extremum[row], x[row * length : (row + 1) * length]
            result = out[row * length : (row + 1) * length]
            number = 0
            for place in range(line.size):
                number += line[place] == best or (line[place] != line[place] and best != best)
            share, none = cotangent[row] * x.dtype.type(1.0 / number), x.dtype.type(0)
            for place in range(line.size):
                result[place] = share if line[place] == best or (line[place] != line[place] and best != best) else none
    else:
        groups = (inner + _COLUMNS - 1) // _COLUMNS
        for task in prange(outer * groups):
            row, first = task // groups, task % groups * _COLUMNS
            last = min(inner, first + _COLUMNS)
            start = row * length * inner
            best = extremum[row * inner + first : row * inner + last]
            shares = cotangent[row * inner + first : row * inner + last]
            counts = np.zeros(last - first, np.int64)
            none = x.dtype.type(0)
            for step in range(length):
                line = x[start + step * inner + first : start + step * inner + last]
                for lane in range(counts.size):
                    counts[lane] += line[lane] == best[lane] or (line[lane] != line[lane] and best[lane] != best[lane])
            weight = np.empty(last - first, x.dtype)
            for lane in range(counts.size):
                weight[lane] = shares[lane] * x.dtype.type(1.0 / counts[lane])
            for step in range(length):
                line = x[start + step * inner + first : start + step * inner + last]
                result = out[start + step * inner + first : start + step * inner + last]
                for lane in range(weight.size):
                    equal = line[lane] == best[lane] or (line[lane] != line[lane] and best[lane] != best[lane])
                    result[lane] = weight[lane] if equal else none


maximum_serial, maximum_parallel = serial_and_parallel(_maximum)
minimum_serial, minimum_parallel = serial_and_parallel(_minimum)
attained_serial, attained_parallel = serial_and_parallel(_attained)
