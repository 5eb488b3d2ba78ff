"""Sums, products and moments over the middle one of three dimensions, (outer, length, inner), of a flat line.

A contiguous line is reduced in vectors of partial results. Else loops run over lanes: neighbouring elements of the
kept dimension or, where those are few, of several steps of the reduced one. Accumulators are float64, which keeps the
digits of long float32 sums, and what is added to what depends on the shape alone, never on the number of threads.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.folds import product_of_line, sum_of_line
from autograd_core.kernels.jit import inline, prange, serial_and_parallel, summing
from autograd_core.kernels.lines import exp, sum_of_exponentials

# Lanes a tile should have at least, and elements of the kept dimension it takes at most.
_LANES = 128
COLUMNS = 1024
# Tasks run in this many chunks, each with an accumulator of its own. A reduction with fewer outputs is cut into at most
# as many blocks, of at least _BLOCK elements; their results are combined in order.
CHUNKS = 16
_BLOCK = 131072


@inline
def division(outer, length, inner):
    """Kept elements in a column block, number of column blocks, steps in a block, and number of blocks."""
    columns = max(1, min(inner, COLUMNS))
    column_blocks = (inner + columns - 1) // columns
    rows = max(1, length)
    if outer * column_blocks < CHUNKS:
        rows = max(1, min(rows, max(_BLOCK // columns, (length + CHUNKS - 1) // CHUNKS)))
    return columns, column_blocks, rows, max(1, (length + rows - 1) // rows)


@inline
def locate(task, plan, length, inner):
    """Where a task's elements start and its results go, how many steps and columns it has, and steps in a tile."""
    columns, column_blocks, rows, blocks = plan
    block = task % blocks
    row = task // blocks // column_blocks
    first = task // blocks % column_blocks * columns
    width = min(columns, inner - first)
    count = min(rows, length - block * rows)
    steps = 1
    if width == inner:
        while steps * width < _LANES and 2 * steps <= count:
            steps *= 2
    return (row * length + block * rows) * inner + first, row * inner + first, count, width, steps, block


@summing
def _squares_of_line(line, centre):
    total = 0.0
    for i in range(line.size):
        distance = np.float64(line[i]) - centre
        total += distance * distance
    return total


@inline
def _add_tile(accumulator, tile):
    # A slice starts at zero, so its index needs no check for being negative, which would keep LLVM from vectorising.
    for lane in range(tile.size):
        accumulator[lane] += tile[lane]


@inline
def _add_tiles(accumulator, x, start, stride, lanes):
    """Add four tiles at once: the accumulator's memory is the bottleneck of adding them one by one."""
    a, b = x[start : start + lanes], x[start + stride : start + stride + lanes]
    c, d = x[start + 2 * stride : start + 2 * stride + lanes], x[start + 3 * stride : start + 3 * stride + lanes]
    for lane in range(a.size):
        # Four of them, pairwise, lose less than two ULP in their own precision; converting each would take longer.
        accumulator[lane] += (a[lane] + b[lane]) + (c[lane] + d[lane])


@inline
def _store(accumulator, steps, width, target, place, divisor):
    """Add the steps that share a tile pairwise and write the result over the divisor."""
    while steps > 1:
        steps //= 2
        for lane in range(steps * width):
            accumulator[lane] += accumulator[lane + steps * width]
    for lane in range(width):
        target[place + lane] = accumulator[lane] / divisor


@inline
def _combine(partial, blocks, out, divisor):
    """Add the results of the blocks in order and write them over the divisor."""
    total = partial[: out.size]
    for block in range(1, blocks):
        _add_tile(total, partial[block * out.size : (block + 1) * out.size])
    for place in range(out.size):
        out[place] = total[place] / divisor


def _sum(x, averaged, outer, length, inner, out):
    """Sums over the middle dimension, or averages."""
    divisor = np.float64(length) if averaged else 1.0
    plan = division(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(CHUNKS):
        first, last = tasks * chunk // CHUNKS, tasks * (chunk + 1) // CHUNKS
        if inner == 1 and blocks == 1:
            for row in range(first, last):
                out[row] = sum_of_line(x[row * length : (row + 1) * length]) / divisor
            first = last
        accumulator = np.empty(COLUMNS if inner > 1 else 0)
        for task in range(first, last):
            start, place, count, width, steps, block = locate(task, plan, length, inner)
            if inner == 1:
                partial[block * out.size + place] = sum_of_line(x[start : start + count])
                continue
            lanes, stride = steps * width, steps * inner
            for lane in range(lanes):
                accumulator[lane] = 0.0
            full = count // steps
            for _ in range(full // 4):
                _add_tiles(accumulator, x, start, stride, lanes)
                start += 4 * stride
            for _ in range(full % 4):
                _add_tile(accumulator, x[start : start + lanes])
                start += stride
            _add_tile(accumulator, x[start : start + count % steps * width])
            if blocks > 1:
                _store(accumulator, steps, width, partial, block * out.size + place, 1.0)
            else:
                _store(accumulator, steps, width, out, place, divisor)
    if blocks > 1:
        _combine(partial, blocks, out, divisor)


@inline
def _add_squares(accumulator, tile, centre):
    for lane in range(tile.size):
        distance = tile[lane] - centre[lane]
        accumulator[lane] += distance * distance


@inline
def _add_pairs_of_squares(accumulator, x, start, stride, lanes, centre):
    a, b = x[start : start + lanes], x[start + stride : start + stride + lanes]
    c, d = x[start + 2 * stride : start + 2 * stride + lanes], x[start + 3 * stride : start + 3 * stride + lanes]
    for lane in range(a.size):
        middle = centre[lane]
        first, second, third, fourth = a[lane] - middle, b[lane] - middle, c[lane] - middle, d[lane] - middle
        accumulator[lane] += (first * first + second * second) + (third * third + fourth * fourth)


def _squares(x, centre, outer, length, inner, out):
    """Sums of (x - centre)^2 over the middle dimension; `centre` is a float64 line over the kept ones."""
    plan = division(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(CHUNKS):
        accumulator = np.empty(COLUMNS)
        middle = np.empty(COLUMNS)
        for task in range(tasks * chunk // CHUNKS, tasks * (chunk + 1) // CHUNKS):
            if inner == 1 and blocks == 1:
                out[task] = _squares_of_line(x[task * length : (task + 1) * length], centre[task])
                continue
            start, place, count, width, steps, block = locate(task, plan, length, inner)
            if inner == 1:
                partial[block * out.size + place] = _squares_of_line(x[start : start + count], centre[place])
                continue
            lanes, stride = steps * width, steps * inner
            for step in range(steps):
                for lane in range(width):
                    middle[step * width + lane] = centre[place + lane]
            for lane in range(lanes):
                accumulator[lane] = 0.0
            full = count // steps
            for _ in range(full // 4):
                _add_pairs_of_squares(accumulator, x, start, stride, lanes, middle)
                start += 4 * stride
            for _ in range(full % 4):
                _add_squares(accumulator, x[start : start + lanes], middle)
                start += stride
            _add_squares(accumulator, x[start : start + count % steps * width], middle)
            if blocks > 1:
                _store(accumulator, steps, width, partial, block * out.size + place, 1.0)
            else:
                _store(accumulator, steps, width, out, place, 1.0)
    if blocks > 1:
        _combine(partial, blocks, out, 1.0)


@inline
def _multiply_tile(accumulator, tile):
    for lane in range(tile.size):
        accumulator[lane] *= tile[lane]


@inline
def _multiply_tiles(accumulator, x, start, stride, lanes):
    a, b = x[start : start + lanes], x[start + stride : start + stride + lanes]
    c, d = x[start + 2 * stride : start + 2 * stride + lanes], x[start + 3 * stride : start + 3 * stride + lanes]
    for lane in range(a.size):
        accumulator[lane] *= (np.float64(a[lane]) * np.float64(b[lane])) * (np.float64(c[lane]) * np.float64(d[lane]))


def _product(x, outer, length, inner, out):
    """Products over the middle dimension, computed in float64."""
    plan = division(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(CHUNKS):
        first, last = tasks * chunk // CHUNKS, tasks * (chunk + 1) // CHUNKS
        if inner == 1 and blocks == 1:
            for row in range(first, last):
                out[row] = product_of_line(x[row * length : (row + 1) * length])
            first = last
        accumulator = np.empty(COLUMNS if inner > 1 else 0)
        for task in range(first, last):
            start, place, count, width, steps, block = locate(task, plan, length, inner)
            if inner == 1:
                partial[block * out.size + place] = product_of_line(x[start : start + count])
                continue
            lanes, stride = steps * width, steps * inner
            for lane in range(lanes):
                accumulator[lane] = 1.0
            full = count // steps
            for _ in range(full // 4):
                _multiply_tiles(accumulator, x, start, stride, lanes)
                start += 4 * stride
            for _ in range(full % 4):
                _multiply_tile(accumulator, x[start : start + lanes])
                start += stride
            _multiply_tile(accumulator, x[start : start + count % steps * width])
            while steps > 1:
                steps //= 2
                for lane in range(steps * width):
                    accumulator[lane] *= accumulator[lane + steps * width]
            if blocks > 1:
                for lane in range(width):
                    partial[block * out.size + place + lane] = accumulator[lane]
            else:
                for lane in range(width):
                    out[place + lane] = accumulator[lane]
    if blocks > 1:
        total = partial[: out.size]
        for block in range(1, blocks):
            _multiply_tile(total, partial[block * out.size : (block + 1) * out.size])
        for place in range(out.size):
            out[place] = total[place]


@inline
def _add_exponentials(accumulator, a, b, centre):
    for lane in range(a.size):
        accumulator[lane] += exp(a[lane] - centre[lane]) + exp(b[lane] - centre[lane])


@inline
def _add_few_exponentials(accumulator, tile, centre):
    for lane in range(tile.size):
        accumulator[lane] += exp(tile[lane] - centre[lane])


def _exponentials(x, centre, outer, length, inner, out):
    """Sums of exp(x - centre) over the middle dimension; `centre`, a line over the kept ones, is the largest there."""
    plan = division(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(CHUNKS):
        accumulator = np.empty(COLUMNS)
        middle = np.empty(COLUMNS, x.dtype)
        for task in range(tasks * chunk // CHUNKS, tasks * (chunk + 1) // CHUNKS):
            start, place, count, width, steps, block = locate(task, plan, length, inner)
            if inner == 1:
                total = sum_of_exponentials(x[start : start + count], centre[place])
                if blocks > 1:
                    partial[block * out.size + place] = total
                else:
                    out[place] = total
                continue
            lanes, stride = steps * width, steps * inner
            for step in range(steps):
                for lane in range(width):
                    middle[step * width + lane] = centre[place + lane]
            for lane in range(lanes):
                accumulator[lane] = 0.0
            full = count // steps
            for _ in range(full // 2):
                _add_exponentials(
                    accumulator, x[start : start + lanes], x[start + stride : start + stride + lanes], middle
                )
                start += 2 * stride
            for _ in range(full % 2):
                _add_few_exponentials(accumulator, x[start : start + lanes], middle)
                start += stride
            _add_few_exponentials(accumulator, x[start : start + count % steps * width], middle)
            if blocks > 1:
                _store(accumulator, steps, width, partial, block * out.size + place, 1.0)
            else:
                _store(accumulator, steps, width, out, place, 1.0)
    if blocks > 1:
        _combine(partial, blocks, out, 1.0)


@inline
def _pull_exponentials(cotangent, line, result, out):
    for lane in range(out.size):
        out[lane] = cotangent[lane] * exp(line[lane] - result[lane])


@inline
def _pull_exponentials_of_line(cotangent, line, result, out):
    for lane in range(out.size):
        out[lane] = cotangent * exp(line[lane] - result)


def _logsumexp_gradient(x, result, cotangent, outer, length, inner, out):
    """cotangent * exp(x - result): the gradient of the logarithm of a sum of exponentials."""
    for task in prange(outer * length if inner > 1 else outer):
        if inner == 1:
            first, last = task * length, (task + 1) * length
            _pull_exponentials_of_line(cotangent[task], x[first:last], result[task], out[first:last])
        else:
            first, place = task * inner, task // length * inner
            _pull_exponentials(
                cotangent[place : place + inner],
                x[first : first + inner],
                result[place : place + inner],
                out[first : first + inner],
            )


@inline
def _copy(line, out):
    for lane in range(out.size):
        out[lane] = line[lane]


def _spread(x, outer, length, inner, out):
    """The transpose of a sum: each element of `x` to all places that it would be the sum of."""
    rows = outer * length
    for chunk in prange(CHUNKS):
        place, stop = rows * chunk // CHUNKS, rows * (chunk + 1) // CHUNKS
        while place < stop:
            row = place // length
            if inner == 1:
                following = min(stop, (row + 1) * length)
                result, value = out[place:following], x[row]
                for lane in range(result.size):
                    result[lane] = value
                place = following
            else:
                _copy(x[row * inner : (row + 1) * inner], out[place * inner : (place + 1) * inner])
                place += 1


sum_serial, sum_parallel = serial_and_parallel(_sum)
squares_serial, squares_parallel = serial_and_parallel(_squares)
product_serial, product_parallel = serial_and_parallel(_product)
exponentials_serial, exponentials_parallel = serial_and_parallel(_exponentials)
logsumexp_gradient_serial, logsumexp_gradient_parallel = serial_and_parallel(_logsumexp_gradient)
spread_serial, spread_parallel = serial_and_parallel(_spread)
