"""Batches of products of small matrices by register tiles over the operands where they lie.

The library takes a buffer from a pool for each product unless it has kernels for small ones, which it has with AVX-512
only; threads then wait for each other, and 512 products of 16 × 16 take longer on two threads than on one.
"""

from __future__ import annotations

import numpy as np

from .jit import DISABLED, prange, serial_and_parallel
from .panels import pack_turned
from .simd import LANES, ROWS, WIDTH, product_tile

_tile2, _masked2, _masked1 = product_tile(ROWS, 2), product_tile(ROWS, 2, True), product_tile(ROWS, 1, True)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]
_ROWS = ROWS
# Products run in this many chunks, each with tables and a buffer of its own.
_CHUNKS = 16
# Whether the library lacks such kernels, and multiplications of a product up to which these are quicker.
BETTER, MOST = WIDTH == 32 and not DISABLED, 1 << 15


def _multiply(transpose_a, transpose_b, a, b, c):
    """c = op(a) @ op(b), matrix by matrix, where `a` or `b` may have one for all; op transposes where asked."""
    number, rows, columns = c.shape
    inner = a.shape[1] if transpose_a else a.shape[2]
    lanes = _LANES32 if c.itemsize == 4 else _LANES64
    a_line, b_line, c_line = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    a_row, a_step = (1, rows) if transpose_a else (inner, 1)
    for chunk in prange(_CHUNKS):
        nothing, terms = np.zeros(2 * lanes, c.dtype), np.zeros(1, np.int64)
        # Rows beyond the last are that one again.
        tiled = (rows + _ROWS - 1) // _ROWS * _ROWS
        a_rows, c_rows = np.empty(tiled, np.int64), np.empty(tiled, np.int64)
        for row in range(tiled):
            a_rows[row], c_rows[row] = min(row, rows - 1) * a_row, min(row, rows - 1) * columns
        w_step = (columns + lanes - 1) // lanes * lanes if transpose_b else columns
        turned, table = np.empty(inner * w_step if transpose_b else 0, c.dtype), np.empty(lanes, np.int64)
        for place in range(number * chunk // _CHUNKS, number * (chunk + 1) // _CHUNKS):
            a_start = place * rows * inner if a.shape[0] > 1 else 0
            b_start = place * inner * columns if b.shape[0] > 1 else 0
            w, w_start = b_line, b_start
            if transpose_b:
                pack_turned(b_line, b_start, inner, inner, columns, w_step, turned, 0, table)
                w, w_start = turned, 0
            for row in range(0, rows, _ROWS):
                for column in range(0, columns, 2 * lanes):
                    present, out_start = columns - column, place * rows * columns + column
                    if present >= 2 * lanes:
                        _tile2(c_line, out_start, c_rows, a_line, a_start, a_rows, row, terms, terms, 0, 1, inner,
                               a_step, w, w_start + column, 0, w_step, nothing, 0, 0, 0)  # fmt: skip
                    elif present > lanes:
                        _masked2(c_line, out_start, c_rows, a_line, a_start, a_rows, row, terms, terms, 0, 1, inner,
                                 a_step, w, w_start + column, 0, w_step, nothing, 0, 0, present - lanes)  # fmt: skip
                    else:
                        _masked1(c_line, out_start, c_rows, a_line, a_start, a_rows, row, terms, terms, 0, 1, inner,
                                 a_step, w, w_start + column, 0, w_step, nothing, 0, 0, present)  # fmt: skip


multiply_serial, multiply_parallel = serial_and_parallel(_multiply)
