"""Sums, products and moments over one dimension of a contiguous (outer, length, inner) block of memory.

Every loop adds lanes: neighbouring elements of the kept dimensions or, where those are few, of several steps of the
reduced one, so that LLVM vectorises it without reordering anything. Accumulators are float64, so a long float32 sum
keeps its digits, and what is added to what depends on the shape alone, never on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel
from autograd_core.kernels.vecmath import exp_float32, exp_float64

# Lanes a tile should have at least, and kept elements it takes at most.
_LANES = 64
_COLUMNS = 1024
# Elements of one task; a reduction with fewer outputs than tasks is cut into blocks of this size.
_BLOCK = 32768
# Tasks run in this many chunks, each with an accumulator of its own.
_CHUNKS = 16


@inline
def _steps_per_tile(inner, length):
    """How many steps of the reduced dimension share a tile: a power of two, 1 where the kept elements are enough."""
    steps = 1
    while steps * inner < _LANES and 2 * steps <= length:
        steps *= 2
    return steps


@inline
def _fold(accumulator, steps, columns):
    """Add the steps that share a tile pairwise into its first `columns` lanes."""
    while steps > 1:
        steps //= 2
        for lane in range(steps * columns):
            accumulator[lane] += accumulator[lane + steps * columns]


@inline
def _plan(outer, length, inner):
    """Column blocks of the kept dimension, blocks of the reduced one, and the length of such a block."""
    columns = min(inner, _COLUMNS)
    column_blocks = (inner + columns - 1) // columns if inner else 0
    rows = length
    if outer * column_blocks < _CHUNKS:
        rows = max(1, min(length, _BLOCK // max(1, columns)))
    blocks = (length + rows - 1) // rows if length else 1
    return columns, column_blocks, blocks, rows


def _sum(x, outer, length, inner, out):
    """Sums of `x`, a flat line, over the middle dimension into the line `out` (outer, inner)."""
    columns, column_blocks, blocks, rows = _plan(outer, length, inner)
    tasks = outer * column_blocks * blocks
    partial = np.empty((blocks if blocks > 1 else 0) * outer * inner)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(max(2 * _LANES, _COLUMNS))
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            block = task % blocks
            row = task // blocks // column_blocks
            first = (task // blocks) % column_blocks * columns
            width = min(columns, inner - first)
            count = min(rows, length - block * rows)
            start = (row * length + block * rows) * inner + first
            steps = _steps_per_tile(width, count) if width == inner else 1
            lanes = steps * width
            for lane in range(lanes):
                accumulator[lane] = 0.0
            for step in range(count // steps):
                base = start + step * steps * inner
                for lane in range(lanes):
                    accumulator[lane] += x[base + lane]
            base = start + count // steps * steps * inner
            for lane in range(count % steps * width):
                accumulator[lane] += x[base + lane]
            _fold(accumulator, steps, width)
            if blocks > 1:
                for lane in range(width):
                    partial[(block * outer + row) * inner + first + lane] = accumulator[lane]
            else:
                for lane in range(width):
                    out[row * inner + first + lane] = accumulator[lane]
    if blocks > 1:
        for place in range(outer * inner):
            total = 0.0
            for block in range(blocks):
                total += partial[block * outer * inner + place]
            out[place] = total


def _squares(x, centre, outer, length, inner, out):
    """Sums of (x - centre)^2 over the middle dimension; `centre` is a float64 line (outer, inner)."""
    columns, column_blocks, blocks, rows = _plan(outer, length, inner)
    tasks = outer * column_blocks * blocks
    partial = np.empty((blocks if blocks > 1 else 0) * outer * inner)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(max(2 * _LANES, _COLUMNS))
        middle = np.empty(max(2 * _LANES, _COLUMNS))
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            block = task % blocks
            row = task // blocks // column_blocks
            first = (task // blocks) % column_blocks * columns
            width = min(columns, inner - first)
            count = min(rows, length - block * rows)
            start = (row * length + block * rows) * inner + first
            steps = _steps_per_tile(width, count) if width == inner else 1
            lanes = steps * width
            for step in range(steps):
                for lane in range(width):
                    middle[step * width + lane] = centre[row * inner + first + lane]
            for lane in range(lanes):
                accumulator[lane] = 0.0
            for step in range(count // steps):
                base = start + step * steps * inner
                for lane in range(lanes):
                    distance = x[base + lane] - middle[lane]
                    accumulator[lane] += distance * distance
            base = start + count // steps * steps * inner
            for lane in range(count % steps * width):
                distance = x[base + lane] - middle[lane]
                accumulator[lane] += distance * distance
            _fold(accumulator, steps, width)
            if blocks > 1:
                for lane in range(width):
                    partial[(block * outer + row) * inner + first + lane] = accumulator[lane]
            else:
                for lane in range(width):
                    out[row * inner + first + lane] = accumulator[lane]
    if blocks > 1:
        for place in range(outer * inner):
            total = 0.0
            for block in range(blocks):
                total += partial[block * outer * inner + place]
            out[place] = total


def _product(x, outer, length, inner, out):
    """Products over the middle dimension."""
    columns, column_blocks, blocks, rows = _plan(outer, length, inner)
    tasks = outer * column_blocks * blocks
    partial = np.empty((blocks if blocks > 1 else 0) * outer * inner)
    for chunk in prange(_CHUNKS):
        accumulator = np.empty(max(2 * _LANES, _COLUMNS))
        for task in range(tasks * chunk // _CHUNKS, tasks * (chunk + 1) // _CHUNKS):
            block = task % blocks
            row = task // blocks // column_blocks
            first = (task // blocks) % column_blocks * columns
            width = min(columns, inner - first)
            count = min(rows, length - block * rows)
            start = (row * length + block * rows) * inner + first
            steps = _steps_per_tile(width, count) if width == inner else 1
            lanes = steps * width
            for lane in range(lanes):
                accumulator[lane] = 1.0
            for step in range(count // steps):
                base = start + step * steps * inner
                for lane in range(lanes):
                    accumulator[lane] *= x[base + lane]
            base = start + count // steps * steps * inner
            for lane in range(count % steps * width):
                accumulator[lane] *= x[base + lane]
            while steps > 1:
                steps //= 2
                for lane in range(steps * width):
                    accumulator[lane] *= accumulator[lane + steps * width]
            if blocks > 1:
                for lane in range(width):
                    partial[(block * outer + row) * inner + first + lane] = accumulator[lane]
            else:
                for lane in range(width):
                    out[row * inner + first + lane] = accumulator[lane]
    if blocks > 1:
        for place in range(outer * inner):
            total = 1.0
            for block in range(blocks):
                total *= partial[block * outer * inner + place]
            out[place] = total


sum_serial, sum_parallel = serial_and_parallel(_sum)
squares_serial, squares_parallel = serial_and_parallel(_squares)
product_serial, product_parallel = serial_and_parallel(_product)
