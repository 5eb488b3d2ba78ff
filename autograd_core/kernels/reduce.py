"""Sums, products and moments over the middle one of three dimensions, (outer, length, inner), of a flat line.

Loops run over lanes: neighbouring elements of the kept dimension or, where those are few, of several steps of the
reduced one. So LLVM vectorises them without reordering anything. Accumulators are float64, which keeps the digits of
long float32 sums, and what is added to what depends on the shape alone, never on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel
from autograd_core.kernels.vecmath import exp_float32, exp_float64

# Lanes a tile should have at least, and elements of the kept dimension it takes at most.
_LANES = 64
_COLUMNS = 1024
# A reduction with few outputs is cut into blocks of this many elements, whose results are then combined in order.
_BLOCK = 32768
# Tasks run in this many chunks, each with an accumulator of its own.
_CHUNKS = 16


@inline
def _plan(outer, length, inner):
    """Kept elements in a column block, number of column blocks, steps in a block, and number of blocks."""
    columns = max(1, min(inner, _COLUMNS))
    column_blocks = (inner + columns - 1) // columns
    rows = max(1, length)
    if outer * column_blocks < _CHUNKS:
        rows = max(1, min(rows, _BLOCK // columns))
    return columns, column_blocks, rows, max(1, (length + rows - 1) // rows)


@inline
def _locate(task, plan, length, inner):
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


@inline
def _store(accumulator, steps, width, target, place):
    """Add the steps that share a tile pairwise and write the result."""
    while steps > 1:
        steps //= 2
        for lane in range(steps * width):
            accumulator[lane] += accumulator[lane + steps * width]
    for lane in range(width):
        target[place + lane] = accumulator[lane]


@inline
def _combine(partial, blocks, out):
    """Add the results of the blocks in order."""
    for place in range(out.size):
        total = 0.0
        for block in range(blocks):
            total += partial[block * out.size + place]
        out[place] = total


def _sum(x, outer, length, inner, out):
    """Sums over the middle dimension."""
    plan = _plan(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(_COLUMNS)
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            start, place, count, width, steps, block = _locate(task, plan, length, inner)
            lanes = steps * width
            for lane in range(lanes):
                accumulator[lane] = 0.0
            for _ in range(count // steps):
                for lane in range(lanes):
                    accumulator[lane] += x[start + lane]
                start += steps * inner
            for lane in range(count % steps * width):
                accumulator[lane] += x[start + lane]
            if blocks > 1:
                _store(accumulator, steps, width, partial, block * out.size + place)
            else:
                _store(accumulator, steps, width, out, place)
    if blocks > 1:
        _combine(partial, blocks, out)


def _squares(x, centre, outer, length, inner, out):
    """Sums of (x - centre)^2 over the middle dimension; `centre` is a float64 line over the kept ones."""
    plan = _plan(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size if blocks > 1 else 0)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(_COLUMNS)
        middle = np.empty(_COLUMNS)
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            start, place, count, width, steps, block = _locate(task, plan, length, inner)
            lanes = steps * width
            for step in range(steps):
                for lane in range(width):
                    middle[step * width + lane] = centre[place + lane]
            for lane in range(lanes):
                accumulator[lane] = 0.0
            for _ in range(count // steps):
                for lane in range(lanes):
                    distance = x[start + lane] - middle[lane]
                    accumulator[lane] += distance * distance
                start += steps * inner
            for lane in range(count % steps * width):
                distance = x[start + lane] - middle[lane]
                accumulator[lane] += distance * distance
            if blocks > 1:
                _store(accumulator, steps, width, partial, block * out.size + place)
            else:
                _store(accumulator, steps, width, out, place)
    if blocks > 1:
        _combine(partial, blocks, out)


def _product(x, outer, length, inner, out):
    """Products over the middle dimension; in float64 they leave the range only where the result does."""
    plan = _plan(outer, length, inner)
    blocks = plan[3]
    tasks = outer * plan[1] * blocks
    partial = np.empty(blocks * out.size)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(_COLUMNS)
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            start, place, count, width, steps, block = _locate(task, plan, length, inner)
            lanes = steps * width
            for lane in range(lanes):
                accumulator[lane] = 1.0
            for _ in range(count // steps):
                for lane in range(lanes):
                    accumulator[lane] *= x[start + lane]
                start += steps * inner
            for lane in range(count % steps * width):
                accumulator[lane] *= x[start + lane]
            while steps > 1:
                steps //= 2
                for lane in range(steps * width):
                    accumulator[lane] *= accumulator[lane + steps * width]
            for lane in range(width):
                partial[block * out.size + place + lane] = accumulator[lane]
    for place in range(out.size):
        total = 1.0
        for block in range(blocks):
            total *= partial[block * out.size + place]
        out[place] = total


sum_serial, sum_parallel = serial_and_parallel(_sum)
squares_serial, squares_parallel = serial_and_parallel(_squares)
product_serial, product_parallel = serial_and_parallel(_product)
