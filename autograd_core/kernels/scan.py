"""Running sums, products, extrema and recurrences along the middle of (outer, length, inner) blocks.

Where something lies behind the dimension it is walked side by side, which LLVM vectorises; else one row after the
other. Accumulators are float64. With `reverse` everything runs from the end.
"""

from __future__ import annotations

import math

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel, summing

# Rows, or kept elements, that one task takes.
_ROWS = 8
_COLUMNS = 512
# Elements of a row that are looked at together for a new extremum.
_STRETCH = 64


@inline
def _tasks(outer, inner):
    """How many tasks there are: groups of rows where nothing lies behind the dimension, else blocks of columns."""
    return (outer + _ROWS - 1) // _ROWS if inner == 1 else outer * ((inner + _COLUMNS - 1) // _COLUMNS)


@inline
def _block(task, inner):
    """The row and the columns of a task."""
    column_blocks = (inner + _COLUMNS - 1) // _COLUMNS
    first = task % column_blocks * _COLUMNS
    return task // column_blocks, first, min(inner, first + _COLUMNS)


@inline
def _add(total, value):
    return total + value


@inline
def _multiply(total, value):
    return total * value


@inline
def _accumulate(task, x, reverse, start, combine, out):
    """What `combine` makes of `start` and all elements up to each one, in the rows or columns of a task."""
    outer, length, inner = x.shape
    if inner == 1:
        first, last = task * _ROWS, min(outer, (task + 1) * _ROWS)
        while first + 4 <= last:
            # Four rows side by side: each step waits for the one before it in its own row only.
            a, b, c, d = start, start, start, start
            for step in range(length):
                place = length - 1 - step if reverse else step
                a = combine(a, x[first, place, 0])
                b = combine(b, x[first + 1, place, 0])
                c = combine(c, x[first + 2, place, 0])
                d = combine(d, x[first + 3, place, 0])
                out[first, place, 0] = a
                out[first + 1, place, 0] = b
                out[first + 2, place, 0] = c
                out[first + 3, place, 0] = d
            first += 4
        for row in range(first, last):
            total = start
            for step in range(length):
                place = length - 1 - step if reverse else step
                total = combine(total, x[row, place, 0])
                out[row, place, 0] = total
    else:
        row, first, last = _block(task, inner)
        totals = np.full(last - first, start)
        for step in range(length):
            place = length - 1 - step if reverse else step
            values, results = x[row, place, first:last], out[row, place, first:last]
            for lane in range(totals.size):
                totals[lane] = combine(totals[lane], values[lane])
                results[lane] = totals[lane]


def _cumsum(x, reverse, out):
    """Running sums."""
    for task in prange(_tasks(x.shape[0], x.shape[2])):
        _accumulate(task, x, reverse, 0.0, _add, out)


def _cumprod(x, reverse, out):
    """Running products."""
    for task in prange(_tasks(x.shape[0], x.shape[2])):
        _accumulate(task, x, reverse, 1.0, _multiply, out)


def _recurrence(factor, x, reverse, out):
    """y[i] = factor[i] y[i - 1] + x[i], from y[-1] = 0."""
    outer, length, inner = x.shape
    for task in prange(_tasks(outer, inner)):
        if inner == 1:
            for row in range(task * _ROWS, min(outer, (task + 1) * _ROWS)):
                value = 0.0
                for step in range(length):
                    place = length - 1 - step if reverse else step
                    # The first factor meets nothing; 0 times an infinite one would be NaN.
                    value = x[row, place, 0] + (factor[row, place, 0] * value if step else 0.0)
                    out[row, place, 0] = value
        else:
            row, first, last = _block(task, inner)
            held = np.zeros(last - first)
            for step in range(length):
                place = length - 1 - step if reverse else step
                values, factors = x[row, place, first:last], factor[row, place, first:last]
                results = out[row, place, first:last]
                for lane in range(held.size):
                    held[lane] = values[lane] + (factors[lane] * held[lane] if step else 0.0)
                    results[lane] = held[lane]


@summing
def _reaches(line, sign, best):
    """Whether any element of a line is as large as `best`, both times `sign`, or one of them is NaN."""
    # Counted in the elements' dtype, of which the comparisons are: integers are wider.
    none, bound = line.dtype.type(0), sign * best
    number, one = none, line.dtype.type(1)
    for lane in range(line.size):
        number += none if sign * line[lane] < bound else one
    return number > none


def _cummax(x, sign, out, index):
    """Running maxima, of `sign` times `x`, and where they are: the last of equal ones; NaN once seen stays."""
    outer, length, inner = x.shape
    values, extrema, found_at = x.reshape(-1), out.reshape(-1), index.reshape(-1)
    sign = x.dtype.type(sign)
    for task in prange(_tasks(outer, inner)):
        if inner == 1:
            for row in range(task * _ROWS, min(outer, (task + 1) * _ROWS)):
                best, found = x[row, 0, 0], 0
                for start in range(0, length, _STRETCH):
                    stop = min(length, start + _STRETCH)
                    first, last = row * length + start, row * length + stop
                    line, results, places = values[first:last], extrema[first:last], found_at[first:last]
                    # Most stretches hold nothing new, which vectors find out and write at once.
                    if not _reaches(line, sign, best):
                        for lane in range(results.size):
                            results[lane] = best
                        for lane in range(places.size):
                            places[lane] = found
                        continue
                    for lane in range(line.size):
                        value = line[lane]
                        if value != value or (best == best and sign * value >= sign * best):
                            best, found = value, start + lane
                        results[lane] = best
                        places[lane] = found
        else:
            row, first, last = _block(task, inner)
            for column in range(first, last):
                out[row, 0, column] = x[row, 0, column]
                index[row, 0, column] = 0
            for place in range(1, length):
                for column in range(first, last):
                    value, best = x[row, place, column], out[row, place - 1, column]
                    taken = value != value or (best == best and sign * value >= sign * best)
                    out[row, place, column] = value if taken else best
                    index[row, place, column] = place if taken else index[row, place - 1, column]


def _logcumsumexp(x, out):
    """Running logarithms of sums of exponentials: the largest so far, and the sum of exponentials below it."""
    outer, length, inner = x.shape
    for task in prange(_tasks(outer, inner)):
        row, first, last = task * _ROWS, 0, 1
        rows = min(outer, row + _ROWS)
        if inner > 1:
            row, first, last = _block(task, inner)
            rows = row + 1
        for walked in range(row, rows):
            for column in range(first, last):
                largest, total = -math.inf, 0.0
                for place in range(length):
                    value = np.float64(x[walked, place, column])
                    if value > largest:
                        total = total * math.exp(largest - value) + 1.0
                        largest = value
                    elif value > -math.inf:
                        total += math.exp(value - largest) if value < largest else 1.0
                    elif value != value:
                        total = value
                    out[walked, place, column] = largest + math.log(total)


cumsum_serial, cumsum_parallel = serial_and_parallel(_cumsum)
cumprod_serial, cumprod_parallel = serial_and_parallel(_cumprod)
recurrence_serial, recurrence_parallel = serial_and_parallel(_recurrence)
cummax_serial, cummax_parallel = serial_and_parallel(_cummax)
logcumsumexp_serial, logcumsumexp_parallel = serial_and_parallel(_logcumsumexp)
