"""Scaled dot-product attention, block by block of queries, so that the scores of a block stay in cache.

Only two numbers a query are kept for backward, its largest score and the reciprocal of its sum of exponentials, from
which backward makes the weights again (Rabe and Staats 2021, "Self-attention does not need O(n²) memory"; Dao et al.
2022, "FlashAttention", section 3.1).

Queries, keys and values are flat lines of (batch, heads, tokens, width); `steps` says how far batches, heads and tokens
lie apart, so that heads may be beside each other in a token, as projections leave them, and queries, keys and values in
one projection's result. Several heads of queries may share one of keys and values, which are packed once for all.

Products are register tiles over panels: a matrix as the right-hand factor is packed in strips one or two vectors wide,
one row of a strip after the other. Rows come in multiples of the tile's and columns in whole strips, filled up with
zeros. (BLAS, whose products of this size pack both factors anew for every block, took half as long again.) Under the
causal mask tiles above the diagonal are left out, tile by tile; a row of scores is filled up with what becomes 0.
"""

from __future__ import annotations

import numpy as np

from .folds import largest
from .jit import inline, prange, serial_and_parallel
from .lines import dot_segment, exp, raise_line
from .panels import pack_turned
from .pieces import prefetch_second
from .simd import LANES, ROWS, product_tile

_wide = product_tile(ROWS, 2)
_narrow = product_tile(ROWS, 1)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]

# Queries in a block: about 128 of them against 512 keys are 256 KiB of scores.
_QUERIES = 128 // ROWS * ROWS
# Where the tile's sums over several terms have one.
_ONE_TERM = np.zeros(1, np.int64)
# Work is dealt in at most this many parts, each with buffers of its own.
_PARTS = 64

# A row of `steps` each.
_Q, _K, _V, _OUT = 0, 1, 2, 3
_ABOVE, _Q_OUT, _K_OUT, _V_OUT = 4, 5, 6, 7


@inline
def _strip(array, columns):
    """The width of the strips that a matrix with so many columns is packed in."""
    lanes = _LANES32 if array.itemsize == 4 else _LANES64
    return 2 * lanes if columns > lanes else lanes


@inline
def _whole(size, multiple):
    return (size + multiple - 1) // multiple * multiple


@inline
def _pack_rows(x, start, step, rows, columns, strip, factor, packed):
    """Strips of the matrix whose rows start at `start`, `step` apart, times a factor."""
    place = 0
    for first in range(0, columns, strip):
        width = min(strip, columns - first)
        for row in range(rows):
            origin = start + row * step + first
            source, target = x[origin : origin + width], packed[place : place + strip]
            for i in range(width):
                target[i] = source[i] * factor
            for i in range(width, strip):
                target[i] = 0
            place += strip


@inline
def _pack_transposed(x, start, step, rows, columns, strip, packed, table):
    """Strips of the transpose of that matrix: strips of its rows, one column after the other."""
    for first in range(0, rows, strip):
        present = min(strip, rows - first)
        pack_turned(x, start + first * step, step, columns, present, strip, packed, first * columns, table)


@inline
def _load(x, start, step, rows, columns, factor, out):
    """The matrix as rows without gaps, times a factor, and zeros up to a multiple of the tile's rows."""
    for row in range(rows):
        source, target = x[start + row * step : start + row * step + columns], out[row * columns : (row + 1) * columns]
        for i in range(target.size):
            target[i] = source[i] * factor
    for i in range(rows * columns, _whole(rows, ROWS) * columns):
        out[i] = 0


@inline
def _announce(x, kind, task, groups, share, steps, rows, columns):
    """Ask for the memory of what a task will read: rows that lie apart are not foreseen by the processor."""
    batch, head = task // groups, task % groups * share
    start = batch * steps[kind, 0] + head * steps[kind, 1]
    if steps[kind, 2] > columns:
        for row in range(rows):
            for place in range(0, columns, 64 // x.itemsize):
                prefetch_second(x, start + row * steps[kind, 2] + place)


@inline
def _tile(a, start, x_rows, inner, inner_step, packed, panel, strip, out, out_start, out_rows, initial, origin, step):
    """A tile as wide as a strip: what `initial` holds and the product of some rows of `a` with a part of a panel."""
    if strip == 2 * (_LANES32 if a.itemsize == 4 else _LANES64):
        _wide(out, out_start, out_rows, a, start, x_rows, 0, _ONE_TERM, _ONE_TERM, 0, 1, inner, inner_step, packed,
              panel, strip, strip, initial, origin, step, 0)  # fmt: skip
    else:
        _narrow(out, out_start, out_rows, a, start, x_rows, 0, _ONE_TERM, _ONE_TERM, 0, 1, inner, inner_step, packed,
                panel, strip, strip, initial, origin, step, 0)  # fmt: skip


# In the three products the row `first` of the whole matrix of scores is the first here, and of a row only the columns
# up to the diagonal count; without a causal mask `first` is so large that all do.


@inline
def _multiply_scores(a, width, rows, packed, strip, columns, first, out, step, tables, zeros):
    """out = a @ packed, where rows are queries and columns keys."""
    for p in range(ROWS):
        tables[0, p], tables[1, p] = p * width, p * step
    for column in range(0, columns, strip):
        for row in range(max(0, column - first) // ROWS * ROWS, rows, ROWS):
            _tile(a, row * width, tables[0], width, 1, packed, column * width, strip,
                  out, row * step + column, tables[1], zeros, 0, 0)  # fmt: skip


@inline
def _multiply_seen(a, step, rows, seen, first, packed, packed_rows, strip, columns, out, tables, zeros):
    """out = a @ packed, where rows are queries and what is added up are keys."""
    for p in range(ROWS):
        tables[0, p], tables[1, p] = p * step, p * columns
    for column in range(0, columns, strip):
        for row in range(0, rows, ROWS):
            _tile(a, row * step, tables[0], min(seen, first + row + ROWS), 1, packed, column * packed_rows, strip,
                  out, row * columns + column, tables[1], zeros, 0, 0)  # fmt: skip


@inline
def _add_turned(a, step, rows, queries, first, packed, strip, columns, out, tables):
    """out += aᵀ @ packed, where rows are keys and what is added up are queries."""
    for p in range(ROWS):
        tables[0, p], tables[1, p] = p, p * columns
    for column in range(0, columns, strip):
        for row in range(0, rows, ROWS):
            begin = max(0, row - first)
            if begin < queries:
                place = row * columns + column
                _tile(a, row + begin * step, tables[0], queries - begin, step, packed,
                      column * queries + begin * strip, strip, out, place, tables[1], out, place, columns)  # fmt: skip


@inline
def _add_mask(line, mask, batch, head, query):
    samples, heads, queries, _ = mask.shape
    given = mask[batch if samples > 1 else 0, head if heads > 1 else 0, query if queries > 1 else 0]
    for i in range(line.size):
        line[i] += given[i]


@inline
def _fill(line, value):
    for i in range(line.size):
        line[i] = value


def _attention(q, k, v, mask, causal, factor, sizes, steps, statistics, out):
    """softmax(q kᵀ scale + mask) v; `statistics` receives largest score and reciprocal sum of each query.

    A query that may look at nothing gets 0.
    """
    batches, heads, groups, queries, keys, width, depth = sizes
    blocks = (queries + _QUERIES - 1) // _QUERIES
    tasks = batches * groups
    parts = min(_PARTS, tasks)
    scale, one = q.dtype.type(factor), q.dtype.type(1)
    k_strip, v_strip = _strip(q, keys), _strip(q, depth)
    columns, deep = _whole(keys, k_strip), _whole(depth, v_strip)
    for part in prange(parts):
        scaled, scores = np.empty(_QUERIES * width, q.dtype), np.empty(_QUERIES * columns, q.dtype)
        k_packed, v_packed = np.empty(columns * width, q.dtype), np.empty(keys * deep, q.dtype)
        result, zeros = np.empty(_QUERIES * deep, q.dtype), np.zeros(2 * _LANES32, q.dtype)
        tables, table = np.zeros((2, ROWS), np.int64), np.empty(_LANES32, np.int64)
        for task in range(tasks * part // parts, tasks * (part + 1) // parts):
            batch, shared = task // groups, task % groups
            start = batch * steps[_K, 0] + shared * steps[_K, 1]
            _pack_transposed(k, start, steps[_K, 2], keys, width, k_strip, k_packed, table)
            start = batch * steps[_V, 0] + shared * steps[_V, 1]
            _pack_rows(v, start, steps[_V, 2], keys, depth, v_strip, one, v_packed)
            _announce(k, _K, task + 1, groups, 1, steps, keys, width)
            _announce(v, _V, task + 1, groups, 1, steps, keys, depth)
            _announce(q, _Q, task + 1, groups, heads // groups, steps, min(queries, _QUERIES), width)
            for turn in range(heads // groups * blocks):
                head, first = shared * (heads // groups) + turn // blocks, turn % blocks * _QUERIES
                rows = min(_QUERIES, queries - first)
                high = _whole(rows, ROWS)
                seen = min(keys, first + rows) if causal else keys
                across = _whole(seen, k_strip)
                diagonal = first if causal else keys
                start = batch * steps[_Q, 0] + head * steps[_Q, 1] + first * steps[_Q, 2]
                _load(q, start, steps[_Q, 2], rows, width, scale, scaled)
                _multiply_scores(
                    scaled, width, high, k_packed, k_strip, across, diagonal, scores, columns, tables, zeros
                )
                for row in range(rows):
                    query = first + row
                    visible = min(seen, query + 1) if causal else seen
                    line = scores[row * columns : row * columns + min(columns, _whole(visible + ROWS, k_strip))]
                    if mask.size:
                        _add_mask(line[:visible], mask, batch, head, query)
                    _fill(line[visible:], -np.inf)
                    shift = largest(line)
                    total = 1.0
                    if shift == -np.inf:
                        shift = q.dtype.type(0)
                        _fill(line, q.dtype.type(0))
                    else:
                        total = raise_line(line, shift)
                    index = (batch * heads + head) * queries + query
                    statistics[0, index] = shift
                    statistics[1, index] = 1.0 / total
                _multiply_seen(
                    scores, columns, high, seen, diagonal, v_packed, keys, v_strip, deep, result, tables, zeros
                )
                start = batch * steps[_OUT, 0] + head * steps[_OUT, 1] + first * steps[_OUT, 2]
                for row in range(rows):
                    origin = start + row * steps[_OUT, 2]
                    target, source = out[origin : origin + depth], result[row * deep : row * deep + depth]
                    share = statistics[1, (batch * heads + head) * queries + first + row]
                    for i in range(target.size):
                        target[i] = source[i] * share


def _attention_vjp(cotangent, q, k, v, y, mask, causal, factor, sizes, steps, statistics, q_out, k_out, v_out):
    """Cotangents of queries, keys and values."""
    batches, heads, groups, queries, keys, width, depth = sizes
    blocks = (queries + _QUERIES - 1) // _QUERIES
    tasks = batches * groups
    parts = min(_PARTS, tasks)
    scale, one = q.dtype.type(factor), q.dtype.type(1)
    k_strip, d_strip, w_strip = _strip(q, keys), _strip(q, depth), _strip(q, width)
    columns, deep, broad = _whole(_whole(keys, k_strip), ROWS), _whole(depth, d_strip), _whole(width, w_strip)
    for part in prange(parts):
        scaled, above = np.empty(_QUERIES * width, q.dtype), np.empty(_QUERIES * depth, q.dtype)
        weights, slopes = np.empty(_QUERIES * columns, q.dtype), np.empty(_QUERIES * columns, q.dtype)
        k_turned, v_turned = np.empty(columns * width, q.dtype), np.empty(columns * depth, q.dtype)
        k_packed, q_packed = np.empty(keys * broad, q.dtype), np.empty(_QUERIES * broad, q.dtype)
        above_packed, result = np.empty(_QUERIES * deep, q.dtype), np.empty(_QUERIES * broad, q.dtype)
        k_sum, v_sum = np.empty(columns * broad, q.dtype), np.empty(columns * deep, q.dtype)
        tables, table = np.zeros((2, ROWS), np.int64), np.empty(_LANES32, np.int64)
        zeros = np.zeros(2 * _LANES32, q.dtype)
        for task in range(tasks * part // parts, tasks * (part + 1) // parts):
            batch, shared = task // groups, task % groups
            key = batch * steps[_K, 0] + shared * steps[_K, 1]
            value = batch * steps[_V, 0] + shared * steps[_V, 1]
            _pack_transposed(k, key, steps[_K, 2], keys, width, k_strip, k_turned, table)
            _pack_transposed(v, value, steps[_V, 2], keys, depth, k_strip, v_turned, table)
            _pack_rows(k, key, steps[_K, 2], keys, width, w_strip, one, k_packed)
            _announce(k, _K, task + 1, groups, 1, steps, keys, width)
            _announce(v, _V, task + 1, groups, 1, steps, keys, depth)
            _announce(q, _Q, task + 1, groups, heads // groups, steps, min(queries, _QUERIES), width)
            _announce(cotangent, _ABOVE, task + 1, groups, heads // groups, steps, min(queries, _QUERIES), depth)
            _announce(y, _OUT, task + 1, groups, heads // groups, steps, min(queries, _QUERIES), depth)
            _fill(k_sum, q.dtype.type(0))
            _fill(v_sum, q.dtype.type(0))
            for turn in range(heads // groups * blocks):
                head, first = shared * (heads // groups) + turn // blocks, turn % blocks * _QUERIES
                rows = min(_QUERIES, queries - first)
                high = _whole(rows, ROWS)
                seen = min(keys, first + rows) if causal else keys
                across = _whole(seen, k_strip)
                diagonal = first if causal else keys
                start = batch * steps[_Q, 0] + head * steps[_Q, 1] + first * steps[_Q, 2]
                place = batch * steps[_OUT, 0] + head * steps[_OUT, 1] + first * steps[_OUT, 2]
                over = batch * steps[_ABOVE, 0] + head * steps[_ABOVE, 1] + first * steps[_ABOVE, 2]
                step = steps[_ABOVE, 2]
                _load(q, start, steps[_Q, 2], rows, width, scale, scaled)
                _load(cotangent, over, step, rows, depth, one, above)
                _pack_rows(q, start, steps[_Q, 2], rows, width, w_strip, scale, q_packed)
                _pack_rows(cotangent, over, step, rows, depth, d_strip, one, above_packed)
                _multiply_scores(
                    scaled, width, high, k_turned, k_strip, across, diagonal, weights, columns, tables, zeros
                )
                _multiply_scores(
                    above, depth, high, v_turned, k_strip, across, diagonal, slopes, columns, tables, zeros
                )
                for row in range(rows):
                    query = first + row
                    visible = min(seen, query + 1) if causal else seen
                    end = row * columns + min(columns, _whole(visible + ROWS, k_strip))
                    line, slope = weights[row * columns : end], slopes[row * columns : end]
                    if mask.size:
                        _add_mask(line[:visible], mask, batch, head, query)
                    _fill(line[visible:], -np.inf)
                    # Where no tile was computed there may be anything, and NaN times 0 is NaN.
                    _fill(slope[visible:], q.dtype.type(0))
                    index = (batch * heads + head) * queries + query
                    shift, share = statistics[0, index], statistics[1, index]
                    origin = place + row * steps[_OUT, 2]
                    mean = dot_segment(above[row * depth : (row + 1) * depth], y[origin : origin + depth])
                    for i in range(line.size):
                        weight = exp(line[i] - shift) * share
                        line[i] = weight
                        slope[i] = weight * (slope[i] - mean)
                # Rows are keys here: the weights of a key lie a row of scores apart.
                tall = _whole(seen, ROWS)
                _add_turned(weights, columns, tall, rows, diagonal, above_packed, d_strip, deep, v_sum, tables)
                _add_turned(slopes, columns, tall, rows, diagonal, q_packed, w_strip, broad, k_sum, tables)
                _multiply_seen(
                    slopes, columns, high, seen, diagonal, k_packed, keys, w_strip, broad, result, tables, zeros
                )
                start = batch * steps[_Q_OUT, 0] + head * steps[_Q_OUT, 1] + first * steps[_Q_OUT, 2]
                for row in range(rows):
                    origin = start + row * steps[_Q_OUT, 2]
                    target, source = q_out[origin : origin + width], result[row * broad : row * broad + width]
                    for i in range(target.size):
                        target[i] = source[i] * scale
            key = batch * steps[_K_OUT, 0] + shared * steps[_K_OUT, 1]
            value = batch * steps[_V_OUT, 0] + shared * steps[_V_OUT, 1]
            for token in range(keys):
                origin = key + token * steps[_K_OUT, 2]
                target, source = k_out[origin : origin + width], k_sum[token * broad : token * broad + width]
                for i in range(target.size):
                    target[i] = source[i]
                origin = value + token * steps[_V_OUT, 2]
                target, source = v_out[origin : origin + depth], v_sum[token * deep : token * deep + depth]
                for i in range(target.size):
                    target[i] = source[i]


attention_serial, attention_parallel = serial_and_parallel(_attention)
attention_vjp_serial, attention_vjp_parallel = serial_and_parallel(_attention_vjp)
