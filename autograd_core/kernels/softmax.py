"""Softmax, log-softmax and cross-entropy along the rows of a matrix, and softmax along a middle dimension.

Rows are shifted by their maximum, so that exp cannot overflow. A row that holds a NaN or +inf, or nothing but -inf,
gives NaN, as the sum then is NaN too; so the maximum need not look for one. Short rows are taken many at a time, so
that exp runs over all of them as one line; otherwise most of its vectors would be empty.
"""

from __future__ import annotations

import numpy as np

from .folds import largest_number
from .jit import inline, prange, serial_and_parallel
from .lines import (
    dot_line,
    dot_segment,
    exp,
    exponentials,
    exponentiate,
    sum_line,
    sum_of_exponentials,
    sum_segment,
)
from .vecmath import log_float64

# Rows shorter than this share a block.
_SHORT = 48
# As do rows shorter than this where exp is to be taken of them: 64 elements alone take twice as long.
_LONG = 200
# Elements whose largest is found one by one, as a vector would be mostly empty.
_FEW = 16
# Elements of a block of rows: what a thread takes at a time.
_BLOCK = 2048
# Lanes of a tile along a dimension that is not the last.
_LANES = 256


@inline
def _rows_in_block(columns):
    return max(1, _BLOCK // max(1, columns))


@inline
def _largest_of_few(line):
    best = line[0]
    for i in range(1, line.size):
        # The very choice that processors have as one instruction: a branch would often be guessed wrong.
        best = line[i] if line[i] > best else best
    return best


@inline
def shift_of(line):
    """The largest number of a line that is to be shared with others."""
    return _largest_of_few(line) if line.size < _FEW else largest_number(line)


@inline
def _shift_rows(x, out):
    """out = exp(x - maximum of the row), for short rows."""
    for row in range(x.shape[0]):
        line, result = x[row], out[row]
        shift = shift_of(line)
        for i in range(line.size):
            result[i] = line[i] - shift


def _softmax(x, out):
    """exp(x - max) / sum exp(x - max), row by row."""
    rows, columns = x.shape
    step = _rows_in_block(columns)
    for block in prange((rows + step - 1) // step):
        first, last = block * step, min(rows, block * step + step)
        part, result = x[first:last], out[first:last]
        if columns < _LONG:
            _shift_rows(part, result)
            exponentiate(result.reshape(-1))
            for row in range(result.shape[0]):
                line = result[row]
                scale = x.dtype.type(1) / sum_segment(line)
                for i in range(line.size):
                    line[i] *= scale
        else:
            for row in range(result.shape[0]):
                line = result[row]
                scale = x.dtype.type(1.0 / exponentials(part[row], largest_number(part[row]), line))
                for i in range(line.size):
                    line[i] *= scale


def _softmax_vjp(cotangent, y, out):
    """y * (cotangent - sum(cotangent * y)), row by row."""
    rows, columns = y.shape
    step = _rows_in_block(columns)
    for block in prange((rows + step - 1) // step):
        for row in range(block * step, min(rows, block * step + step)):
            given, line, result = cotangent[row], y[row], out[row]
            mean = dot_segment(given, line) if columns < _SHORT else y.dtype.type(dot_line(given, line))
            for i in range(line.size):
                result[i] = line[i] * (given[i] - mean)


@inline
def take_logarithms(line):
    for i in range(line.size):
        line[i] = log_float64(line[i])


def _log_softmax(x, out):
    """x - max - log sum exp(x - max), row by row; the logarithms of a block's rows are taken side by side."""
    rows, columns = x.shape
    step = _rows_in_block(columns)
    for block in prange((rows + step - 1) // step):
        first, last = block * step, min(rows, block * step + step)
        part, result = x[first:last], out[first:last]
        heights = np.empty(last - first)
        if columns < _LONG:
            _shift_rows(part, result)
            raised = result.copy()
            exponentiate(raised.reshape(-1))
            for row in range(result.shape[0]):
                heights[row] = sum_segment(raised[row])
            take_logarithms(heights)
            for row in range(result.shape[0]):
                line, height = result[row], x.dtype.type(heights[row])
                for i in range(line.size):
                    line[i] -= height
        else:
            shifts = np.empty(last - first, x.dtype)
            for row in range(result.shape[0]):
                shifts[row] = largest_number(part[row])
                heights[row] = sum_of_exponentials(part[row], shifts[row])
            take_logarithms(heights)
            for row in range(result.shape[0]):
                source, line = part[row], result[row]
                shift, height = shifts[row], x.dtype.type(heights[row])
                for i in range(line.size):
                    line[i] = (source[i] - shift) - height


def _log_softmax_vjp(cotangent, y, out):
    """cotangent - exp(y) sum(cotangent), row by row."""
    rows, columns = y.shape
    step = _rows_in_block(columns)
    for block in prange((rows + step - 1) // step):
        first, last = block * step, min(rows, block * step + step)
        given, part, result = cotangent[first:last], y[first:last], out[first:last]
        if columns < _SHORT:
            source, target = part.reshape(-1), result.reshape(-1)
            for i in range(source.size):
                target[i] = exp(source[i])
            for row in range(result.shape[0]):
                above, line = given[row], result[row]
                total = sum_segment(above)
                for i in range(line.size):
                    line[i] = above[i] - line[i] * total
        else:
            for row in range(result.shape[0]):
                above, source, line = given[row], part[row], result[row]
                total = y.dtype.type(sum_line(above))
                for i in range(line.size):
                    line[i] = above[i] - exp(source[i]) * total


softmax_serial, softmax_parallel = serial_and_parallel(_softmax)
softmax_vjp_serial, softmax_vjp_parallel = serial_and_parallel(_softmax_vjp)
log_softmax_serial, log_softmax_parallel = serial_and_parallel(_log_softmax)
log_softmax_vjp_serial, log_softmax_vjp_parallel = serial_and_parallel(_log_softmax_vjp)


# --- along a dimension that is not the last ----------------------------------------------------------------------


@inline
def _tile_of(task, tiles, length, inner):
    """Where the tile of a task starts in the flat array, and how many lanes it has."""
    first = task % tiles * _LANES
    return task // tiles * length * inner + first, min(_LANES, inner - first)


@inline
def _raise_lanes(x, start, width, length, inner, best, total, out):
    """Maxima of the lanes, and the sums of exp(x - maximum), which `out` receives unless it is empty."""
    head = best[:width]
    line = x[start : start + width]
    for i in range(head.size):
        head[i] = line[i]
    for k in range(1, length):
        line = x[start + k * inner : start + k * inner + width]
        for i in range(head.size):
            value = line[i]
            head[i] = value if value > head[i] else head[i]
    sums = total[:width]
    for i in range(sums.size):
        sums[i] = 0
    for k in range(length):
        line = x[start + k * inner : start + k * inner + width]
        if out.size:
            result = out[start + k * inner : start + k * inner + width]
            for i in range(sums.size):
                value = exp(line[i] - head[i])
                result[i] = value
                sums[i] += value
        else:
            for i in range(sums.size):
                sums[i] += exp(line[i] - head[i])


def _softmax_lanes(x, outer, length, inner, out):
    """Softmax over the middle dimension of a flat (outer, length, inner) array."""
    tiles = (inner + _LANES - 1) // _LANES
    for task in prange(outer * tiles):
        best, total = np.empty(_LANES, x.dtype), np.empty(_LANES, x.dtype)
        start, width = _tile_of(task, tiles, length, inner)
        _raise_lanes(x, start, width, length, inner, best, total, out)
        for i in range(width):
            total[i] = x.dtype.type(1) / total[i]
        for k in range(length):
            result = out[start + k * inner : start + k * inner + width]
            for i in range(result.size):
                result[i] *= total[i]


def _log_softmax_lanes(x, outer, length, inner, out):
    """Log-softmax over the middle dimension of a flat (outer, length, inner) array."""
    tiles = (inner + _LANES - 1) // _LANES
    for task in prange(outer * tiles):
        best, total = np.empty(_LANES, x.dtype), np.empty(_LANES, x.dtype)
        start, width = _tile_of(task, tiles, length, inner)
        _raise_lanes(x, start, width, length, inner, best, total, x[:0])
        for i in range(width):
            total[i] = log_float64(np.float64(total[i]))
        for k in range(length):
            line = x[start + k * inner : start + k * inner + width]
            result = out[start + k * inner : start + k * inner + width]
            for i in range(result.size):
                result[i] = (line[i] - best[i]) - total[i]


def _softmax_vjp_lanes(cotangent, y, outer, length, inner, out):
    """y * (cotangent - sum(cotangent * y)) over the middle dimension."""
    tiles = (inner + _LANES - 1) // _LANES
    for task in prange(outer * tiles):
        total = np.zeros(_LANES, y.dtype)
        start, width = _tile_of(task, tiles, length, inner)
        for k in range(length):
            given = cotangent[start + k * inner : start + k * inner + width]
            line = y[start + k * inner : start + k * inner + width]
            for i in range(line.size):
                total[i] += given[i] * line[i]
        for k in range(length):
            given = cotangent[start + k * inner : start + k * inner + width]
            line = y[start + k * inner : start + k * inner + width]
            result = out[start + k * inner : start + k * inner + width]
            for i in range(line.size):
                result[i] = line[i] * (given[i] - total[i])


def _log_softmax_vjp_lanes(cotangent, y, outer, length, inner, out):
    """cotangent - exp(y) sum(cotangent) over the middle dimension."""
    tiles = (inner + _LANES - 1) // _LANES
    for task in prange(outer * tiles):
        total = np.zeros(_LANES, y.dtype)
        start, width = _tile_of(task, tiles, length, inner)
        for k in range(length):
            given = cotangent[start + k * inner : start + k * inner + width]
            for i in range(given.size):
                total[i] += given[i]
        for k in range(length):
            given = cotangent[start + k * inner : start + k * inner + width]
            line = y[start + k * inner : start + k * inner + width]
            result = out[start + k * inner : start + k * inner + width]
            for i in range(line.size):
                result[i] = given[i] - exp(line[i]) * total[i]


softmax_lanes_serial, softmax_lanes_parallel = serial_and_parallel(_softmax_lanes)
softmax_vjp_lanes_serial, softmax_vjp_lanes_parallel = serial_and_parallel(_softmax_vjp_lanes)
log_softmax_lanes_serial, log_softmax_lanes_parallel = serial_and_parallel(_log_softmax_lanes)
log_softmax_vjp_lanes_serial, log_softmax_vjp_lanes_parallel = serial_and_parallel(_log_softmax_vjp_lanes)
