"""Matrix products by register tiles over packed panels, called inside kernels.

A tile is a few rows by two or three vectors of the result, held in registers over the whole inner dimension. Of the
right-hand matrix a block is packed at a time, as strips as wide as a tile, one row of a strip after the other; it
stays in the second cache while all rows of the left-hand matrix pass by (Goto and van de Geijn 2008, "Anatomy of
high-performance matrix multiplication", section 4, with the roles of the caches as Smith et al. 2014 give them to the
innermost loops). Rows of the left-hand matrix are read where they lie.

Every element is one sum in one order, whatever part of the result is computed with it: results do not depend on how a
product is split over threads.
"""

from __future__ import annotations

import numpy as np

from .jit import inline, outline
from .pieces import clear, copy, copy_fixed, peek, poke
from .simd import LANES, ROWS, WIDTH, product_tile, transpose_tile

# Vectors side by side in the widest tile: with 32 registers, three by eight rows need the fewest reads.
_WIDEST = 3 if WIDTH == 64 else 2
_tile3, _tile2, _tile1 = product_tile(ROWS, _WIDEST), product_tile(ROWS, 2), product_tile(ROWS, 1)
_transpose = transpose_tile()
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]
_ROWS = ROWS
_copy_rows = copy_fixed(ROWS)
_copy_wide32, _copy_wide64 = copy_fixed(_WIDEST * _LANES32), copy_fixed(_WIDEST * _LANES64)

# Terms of a sum, and columns in vectors, in a block of packed strips.
_TERMS = 384
_BLOCK = 24 if WIDTH == 64 else 30
# What a product starts from.
NOTHING, A_ROW = 0, 1


@inline
def _lanes_of(array):
    return _LANES32 if array.itemsize == 4 else _LANES64


@inline
def _strip(vectors):
    """How many of the vectors that are left the next strip takes: never one, if two strips of two will do."""
    if vectors == _WIDEST + 1:
        return 2
    return min(vectors, _WIDEST)


@inline
def _aligned(size, array):
    """A line of memory that starts at a line of the cache, and has room for a vector too many."""
    lanes = WIDTH // array.itemsize
    whole = np.empty(size + 2 * lanes, array.dtype)
    return whole[(-(whole.ctypes.data // array.itemsize)) % lanes :]


@inline
def _pack_plain(b, start, step, terms, columns, width, packed, place):
    """A strip of a matrix whose rows are `step` apart; columns that do not exist become 0."""
    wide = _WIDEST * _lanes_of(packed)
    if columns == wide:
        for k in range(terms):
            if packed.itemsize == 4:
                _copy_wide32(packed, place + k * wide, b, start + k * step)
            else:
                _copy_wide64(packed, place + k * wide, b, start + k * step)
        return
    for k in range(terms):
        copy(packed, place + k * width, b, start + k * step, columns)
        clear(packed, place + k * width + columns, width - columns)


@inline
def pack_turned(b, start, step, terms, columns, width, packed, place, table):
    """As above, for a matrix of which the transpose lies in memory, its rows `step` apart."""
    lanes = _lanes_of(packed)
    for i in range(lanes):
        table[i] = i * width
    for first in range(0, width, lanes):
        count = min(lanes, columns - first)
        origin = start + first * step
        whole = terms // lanes * lanes
        for k in range(0, whole, lanes):
            _transpose(packed, place + first + k * width, table, 0, b, origin + k, step, count)
        for k in range(whole, terms):
            for i in range(count):
                poke(packed, place + first + k * width + i, peek(b, origin + i * step + k))
            clear(packed, place + first + k * width + count, lanes - count)


@inline
def _pack_columns(a, start, step, terms, rows, packed):
    """A few columns of a matrix, side by side; those that do not exist are the last one again."""
    if rows == _ROWS:
        for k in range(terms):
            _copy_rows(packed, k * _ROWS, a, start + k * step)
        return
    for k in range(terms):
        for p in range(_ROWS):
            poke(packed, k * _ROWS + p, peek(a, start + k * step + min(p, rows - 1)))


@outline
def multiply(transpose_a, transpose_b, a, b, origin, initial, c, rows, columns):
    """c = op(a) @ op(b) for the given first and last + 1 of c's rows and columns; op transposes where asked.

    All matrices are C-contiguous, and `initial` is a row: with `origin` A_ROW it is added to each row.
    """
    lanes = _lanes_of(c)
    inner = a.shape[0] if transpose_a else a.shape[1]
    a_step, b_step, c_step = a.shape[1], b.shape[1], c.shape[1]
    a_line, b_line, c_line = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    blocks = (inner + _TERMS - 1) // _TERMS
    longest = ((inner + blocks - 1) // blocks + lanes - 1) // lanes * lanes
    widest = min(_BLOCK * lanes, (columns[1] - columns[0] + lanes - 1) // lanes * lanes)
    packed = _aligned(longest * widest, c)
    sides = _aligned(longest * _ROWS if transpose_a else 0, c)
    corner = _aligned(_ROWS * _WIDEST * lanes, c)
    nothing = np.zeros(_WIDEST * lanes, c.dtype)
    terms = np.zeros(1, np.int64)
    a_rows, c_rows, corner_rows = np.empty(_ROWS, np.int64), np.empty(_ROWS, np.int64), np.empty(_ROWS, np.int64)
    table = np.empty(lanes, np.int64)
    for p in range(_ROWS):
        c_rows[p] = p * c_step
        corner_rows[p] = p * _WIDEST * lanes
    for low in range(0, inner, longest):
        count = min(longest, inner - low)
        for left in range(columns[0], columns[1], widest):
            right = min(columns[1], left + widest)
            vectors = (right - left + lanes - 1) // lanes
            done = 0
            while done < vectors:
                taken = _strip(vectors - done)
                width, column = taken * lanes, left + done * lanes
                present = min(width, right - column)
                if transpose_b:
                    pack_turned(
                        b_line, column * b_step + low, b_step, count, present, width, packed, done * lanes * count,
                        table,
                    )  # fmt: skip
                else:
                    _pack_plain(
                        b_line, low * b_step + column, b_step, count, present, width, packed, done * lanes * count
                    )
                done += taken
            for row in range(rows[0], rows[1], _ROWS):
                high = min(_ROWS, rows[1] - row)
                if transpose_a:
                    _pack_columns(a_line, low * a_step + row, a_step, count, high, sides)
                    source, source_start, source_step = sides, 0, _ROWS
                    for p in range(_ROWS):
                        a_rows[p] = p
                else:
                    source, source_start, source_step = a_line, row * a_step + low, 1
                    for p in range(_ROWS):
                        a_rows[p] = min(p, high - 1) * a_step
                done = 0
                while done < vectors:
                    taken = _strip(vectors - done)
                    width, column = taken * lanes, left + done * lanes
                    place = row * c_step + column
                    present = min(width, right - column)
                    out, out_start, out_rows = c_line, place, c_rows
                    start, start_place, start_step = nothing, 0, 0
                    if low > 0:
                        start, start_place, start_step = c_line, place, c_step
                    elif origin == A_ROW:
                        start, start_place = initial, column
                    aside = present < width or high < _ROWS
                    if aside:
                        # The tile is whole, of which a part is wanted.
                        out, out_start, out_rows = corner, 0, corner_rows
                        if low > 0 or origin != NOTHING:
                            for p in range(high):
                                copy(corner, corner_rows[p], start, start_place + p * start_step, present)
                            start, start_place, start_step = corner, 0, _WIDEST * lanes
                    panel = done * lanes * count
                    if taken == _WIDEST:
                        _tile3(out, out_start, out_rows, source, source_start, a_rows, 0, terms, terms, 0, 1, count,
                               source_step, packed, panel, width, width, start, start_place, start_step, 0)  # fmt: skip
                    elif taken == 2:
                        _tile2(out, out_start, out_rows, source, source_start, a_rows, 0, terms, terms, 0, 1, count,
                               source_step, packed, panel, width, width, start, start_place, start_step, 0)  # fmt: skip
                    else:
                        _tile1(out, out_start, out_rows, source, source_start, a_rows, 0, terms, terms, 0, 1, count,
                               source_step, packed, panel, width, width, start, start_place, start_step, 0)  # fmt: skip
                    if aside:
                        for p in range(high):
                            copy(c_line, place + p * c_step, corner, corner_rows[p], present)
                    done += taken
