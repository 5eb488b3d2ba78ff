"""Largest and smallest elements over the middle one of three dimensions, (outer, length, inner), of a flat line."""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.folds import largest, smallest
from autograd_core.kernels.jit import inline, prange, serial_and_parallel
from autograd_core.kernels.reduce import CHUNKS, COLUMNS, division

# Kept elements that one task takes where it looks for places.
_NARROW = 256

# A NaN wins no comparison when it comes, and loses none once it is held: so what comes is asked for one.


@inline
def _larger(first, second):
    return first if first > second else second


@inline
def _smaller(first, second):
    return first if first < second else second


@inline
def _any_nan(a, b, c, d):
    return (np.isnan(a) | np.isnan(b)) | (np.isnan(c) | np.isnan(d))


@inline
def _raise_to(best, a, b, c, d):
    nan = best.dtype.type(np.nan)
    for lane in range(best.size):
        found = _larger(_larger(_larger(a[lane], b[lane]), _larger(c[lane], d[lane])), best[lane])
        best[lane] = nan if _any_nan(a[lane], b[lane], c[lane], d[lane]) else found


@inline
def _lower_to(best, a, b, c, d):
    nan = best.dtype.type(np.nan)
    for lane in range(best.size):
        found = _smaller(_smaller(_smaller(a[lane], b[lane]), _smaller(c[lane], d[lane])), best[lane])
        best[lane] = nan if _any_nan(a[lane], b[lane], c[lane], d[lane]) else found


@inline
def _extremum_of_rows(x, highest, start, stride, count, out):
    """The extrema of `count` rows, of as many elements as `out` has, that begin `stride` apart."""
    width = out.size
    for lane in range(width):
        out[lane] = -np.inf if highest else np.inf
    last = start + (count - 1) * stride
    for _ in range((count + 3) // 4):
        # Beyond the last row that one is taken again, which changes nothing.
        second, third, fourth = (
            min(last, start + stride),
            min(last, start + 2 * stride),
            min(last, start + 3 * stride),
        )
        a, b = x[start : start + width], x[second : second + width]
        c, d = x[third : third + width], x[fourth : fourth + width]
        if highest:
            _raise_to(out, a, b, c, d)
        else:
            _lower_to(out, a, b, c, d)
        start += 4 * stride


def _extremum(x, highest, outer, length, inner, out):
    """Maxima or minima over the middle dimension, of at least one step."""
    columns, column_blocks, rows, blocks = division(outer, length, inner)
    tasks = outer * column_blocks * blocks
    found = out if blocks == 1 else np.empty(blocks * out.size, x.dtype)
    for chunk in prange(CHUNKS):
        begin, end = tasks * chunk // CHUNKS, tasks * (chunk + 1) // CHUNKS
        if inner == 1 and blocks == 1:
            for row in range(begin, end):
                line = x[row * length : (row + 1) * length]
                out[row] = largest(line) if highest else smallest(line)
            begin = end
        for task in range(begin, end):
            block, row = task % blocks, task // blocks // column_blocks
            first = task // blocks % column_blocks * columns
            width, count = min(columns, inner - first), min(rows, length - block * rows)
            start, place = (row * length + block * rows) * inner + first, block * out.size + row * inner + first
            if inner > 1:
                _extremum_of_rows(x, highest, start, inner, count, found[place : place + width])
            else:
                line = x[start : start + count]
                found[place] = largest(line) if highest else smallest(line)
    if blocks > 1:
        _extremum_of_rows(found, highest, 0, out.size, blocks, out)


def _argextremum(x, highest, outer, length, inner, out):
    """Where the maxima or minima over the middle dimension are: the first of equal ones, and of NaN before all."""
    groups = (inner + _NARROW - 1) // _NARROW
    for task in prange(outer * groups):
        row, first = task // groups, task % groups * _NARROW
        width = min(_NARROW, inner - first)
        start = row * length * inner + first
        best, places = np.empty(width, x.dtype), np.zeros(width, np.int32)
        for lane in range(width):
            best[lane] = x[start + lane]
        for step in range(1, length):
            line = x[start + step * inner : start + step * inner + width]
            for lane in range(best.size):
                value, held = line[lane], best[lane]
                better = value > held if highest else value < held
                taken = better | (np.isnan(value) & (held == held))
                best[lane] = value if taken else held
                places[lane] = np.int32(step) if taken else places[lane]
        for lane in range(width):
            out[row * inner + first + lane] = places[lane]


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
        groups = (inner + COLUMNS - 1) // COLUMNS
        for task in prange(outer * groups):
            row, first = task // groups, task % groups * COLUMNS
            last = min(inner, first + COLUMNS)
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


extremum_serial, extremum_parallel = serial_and_parallel(_extremum)
argextremum_serial, argextremum_parallel = serial_and_parallel(_argextremum)
attained_serial, attained_parallel = serial_and_parallel(_attained)
