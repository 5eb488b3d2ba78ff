"""Scaled dot-product attention, block by block of queries, so that the scores of a block stay in cache.

Only two numbers a query are kept for backward, its largest score and the reciprocal of its sum of exponentials, from
which backward makes the weights again (Rabe and Staats 2021, "Self-attention does not need O(n²) memory"; Dao et al.
2022, "FlashAttention", section 3.1).

Queries, keys and values are flat lines of (batch, heads, tokens, width); `steps` says how far batches, heads and tokens
lie apart, so that heads may be beside each other in a token, as projections leave them. Several heads of queries may
share one of keys and values, which are packed once for all of them.

Products are register tiles over panels: a matrix as the right-hand factor is packed in strips one or two vectors wide,
one row of a strip after the other. Rows come in multiples of the tile's and columns in whole strips, filled up with
zeros. (BLAS, whose products of this size pack both factors anew for every block, took half as long again.)
"""

from __future__ import annotations

import numpy as np

from .folds import largest
from .jit import inline, prange, serial_and_parallel
from .lines import dot_segment, exp, raise_line
from .simd import LANES, ROWS, product_tile

_wide = product_tile(ROWS, 2)
_narrow = product_tile(ROWS, 1)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]

# Queries in a block: about 128 of them against 512 keys are 256 KiB of scores.
_QUERIES = 128 // ROWS * ROWS
# Work is dealt in at most this many parts, each with buffers of its own.
_PARTS = 64

# A row of `steps` each.
_Q, _K, _V, _OUT = 0, 1, 2, 3


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
def _pack_transposed(x, start, step, rows, columns, strip, packed):
    """Strips of the transpose of that matrix: strips of its rows, one column after the other."""
    place = 0
    for first in range(0, rows, strip):
        width = min(strip, rows - first)
        for column in range(columns):
            target = packed[place : place + strip]
            for i in range(width):
                target[i] = x[start + (first + i) * step + column]
            for i in range(width, strip):
                target[i] = 0
            place += strip


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
def _multiply(a, row_step, inner_step, rows, inner, packed, strip, columns, out, out_step, added, tables, zeros):
    """out = a @ packed, or out += if `added`; a[row, i] is at row * row_step + i * inner_step."""
    x_rows, out_rows, terms = tables[0], tables[1], tables[2]
    for p in range(ROWS):
        x_rows[p], out_rows[p] = p * row_step, p * out_step
    wide = strip == 2 * (_LANES32 if a.itemsize == 4 else _LANES64)
    for column in range(0, columns, strip):
        panel = column * inner
        for row in range(0, rows, ROWS):
            start, out_start = row * row_step, row * out_step + column
            if added:
                if wide:
                    _wide(out, out_start, out_rows, a, start, x_rows, 0, terms, terms, 0, 1, inner, inner_step, packed,
                          panel, strip, strip, out, out_start, out_step, 0)  # fmt: skip
                else:
                    _narrow(out, out_start, out_rows, a, start, x_rows, 0, terms, terms, 0, 1, inner, inner_step,
                            packed, panel, strip, strip, out, out_start, out_step, 0)  # fmt: skip
            elif wide:
                _wide(out, out_start, out_rows, a, start, x_rows, 0, terms, terms, 0, 1, inner, inner_step, packed,
                      panel, strip, strip, zeros, 0, 0, 0)  # fmt: skip
            else:
                _narrow(out, out_start, out_rows, a, start, x_rows, 0, terms, terms, 0, 1, inner, inner_step, packed,
                        panel, strip, strip, zeros, 0, 0, 0)  # fmt: skip


@inline
def _add_mask(line, mask, batch, head, query):
    samples, heads, queries, _ = mask.shape
    given = mask[batch if samples > 1 else 0, head if heads > 1 else 0, query if queries > 1 else 0]
    for i in range(line.size):
        line[i] += given[i]


@inline
def _zero(line):
    for i in range(line.size):
        line[i] = 0


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
        tables = np.zeros((3, ROWS), np.int64)
        for task in range(tasks * part // parts, tasks * (part + 1) // parts):
            batch, shared = task // groups, task % groups
            start = batch * steps[_K, 0] + shared * steps[_K, 1]
            _pack_transposed(k, start, steps[_K, 2], keys, width, k_strip, k_packed)
            start = batch * steps[_V, 0] + shared * steps[_V, 1]
            _pack_rows(v, start, steps[_V, 2], keys, depth, v_strip, one, v_packed)
            for turn in range(heads // groups * blocks):
                head, first = shared * (heads // groups) + turn // blocks, turn % blocks * _QUERIES
                rows = min(_QUERIES, queries - first)
                high = _whole(rows, ROWS)
                seen = min(keys, first + rows) if causal else keys
                across = _whole(seen, k_strip)
                start = batch * steps[_Q, 0] + head * steps[_Q, 1] + first * steps[_Q, 2]
                _load(q, start, steps[_Q, 2], rows, width, scale, scaled)
                _multiply(
                    scaled, width, 1, high, width, k_packed, k_strip, across, scores, columns, False, tables, zeros
                )
                for row in range(rows):
                    line = scores[row * columns : row * columns + seen]
                    query = first + row
                    if mask.size:
                        _add_mask(line, mask, batch, head, query)
                    visible = min(seen, query + 1) if causal else seen
                    _zero(line[visible:])
                    line = line[:visible]
                    shift = largest(line)
                    total = 1.0
                    if shift == -np.inf:
                        shift = q.dtype.type(0)
                        _zero(line)
                    else:
                        total = raise_line(line, shift)
                    index = (batch * heads + head) * queries + query
                    statistics[0, index] = shift
                    statistics[1, index] = 1.0 / total
                # Whole panels of values are as long as there are keys: only those that are seen are multiplied.
                _multiply_part(scores, columns, high, seen, v_packed, keys, v_strip, deep, result, tables, zeros)
                start = batch * steps[_OUT, 0] + head * steps[_OUT, 1] + first * steps[_OUT, 2]
                for row in range(rows):
                    origin = start + row * steps[_OUT, 2]
                    target, source = out[origin : origin + depth], result[row * deep : row * deep + depth]
                    share = statistics[1, (batch * heads + head) * queries + first + row]
                    for i in range(target.size):
                        target[i] = source[i] * share


@inline
def _multiply_part(a, row_step, rows, inner, packed, packed_rows, strip, columns, out, tables, zeros):
    """out = a @ the first `inner` rows of a packed matrix that has `packed_rows`."""
    for column in range(0, columns, strip):
        panel = packed[column * packed_rows :]
        _multiply(a, row_step, 1, rows, inner, panel, strip, strip, out[column:], columns, False, tables, zeros)


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
        tables, zeros = np.zeros((3, ROWS), np.int64), np.zeros(2 * _LANES32, q.dtype)
        for task in range(tasks * part // parts, tasks * (part + 1) // parts):
            batch, shared = task // groups, task % groups
            key = batch * steps[_K, 0] + shared * steps[_K, 1]
            value = batch * steps[_V, 0] + shared * steps[_V, 1]
            _pack_transposed(k, key, steps[_K, 2], keys, width, k_strip, k_turned)
            _pack_transposed(v, value, steps[_V, 2], keys, depth, k_strip, v_turned)
            _pack_rows(k, key, steps[_K, 2], keys, width, w_strip, one, k_packed)
            _zero(k_sum)
            _zero(v_sum)
            for turn in range(heads // groups * blocks):
                head, first = shared * (heads // groups) + turn // blocks, turn % blocks * _QUERIES
                rows = min(_QUERIES, queries - first)
                high = _whole(rows, ROWS)
                seen = min(keys, first + rows) if causal else keys
                across = _whole(seen, k_strip)
                start = batch * steps[_Q, 0] + head * steps[_Q, 1] + first * steps[_Q, 2]
                place = batch * steps[_OUT, 0] + head * steps[_OUT, 1] + first * steps[_OUT, 2]
                step = steps[_OUT, 2]
                _load(q, start, steps[_Q, 2], rows, width, scale, scaled)
                _load(cotangent, place, step, rows, depth, one, above)
                _pack_rows(q, start, steps[_Q, 2], rows, width, w_strip, scale, q_packed)
                _pack_rows(cotangent, place, step, rows, depth, d_strip, one, above_packed)
                _multiply(
                    scaled, width, 1, high, width, k_turned, k_strip, across, weights, columns, False, tables, zeros
                )
                _multiply(
                    above, depth, 1, high, depth, v_turned, k_strip, across, slopes, columns, False, tables, zeros
                )
                for row in range(rows):
                    line = weights[row * columns : row * columns + columns]
                    slope = slopes[row * columns : row * columns + columns]
                    query = first + row
                    visible = min(seen, query + 1) if causal else seen
                    _zero(line[visible:])
                    _zero(slope[visible:])
                    line, slope = line[:visible], slope[:visible]
                    if mask.size:
                        _add_mask(line, mask, batch, head, query)
                    index = (batch * heads + head) * queries + query
                    shift, share = statistics[0, index], statistics[1, index]
                    origin = place + row * step
                    mean = dot_segment(above[row * depth : (row + 1) * depth], y[origin : origin + depth])
                    for i in range(line.size):
                        weight = exp(line[i] - shift) * share
                        line[i] = weight
                        slope[i] = weight * (slope[i] - mean)
                # Rows are keys here: the weights of a key lie a row of scores apart.
                tall = _whole(seen, ROWS)
                _multiply(
                    weights, 1, columns, tall, rows, above_packed, d_strip, deep, v_sum, deep, True, tables, zeros
                )
                _multiply(slopes, 1, columns, tall, rows, q_packed, w_strip, broad, k_sum, broad, True, tables, zeros)
                _multiply_part(slopes, columns, high, seen, k_packed, keys, w_strip, broad, result, tables, zeros)
                for row in range(rows):
                    origin = start + row * steps[_Q, 2]
                    target, source = q_out[origin : origin + width], result[row * broad : row * broad + width]
                    for i in range(target.size):
                        target[i] = source[i] * scale
            for token in range(keys):
                origin = key + token * steps[_K, 2]
                target, source = k_out[origin : origin + width], k_sum[token * broad : token * broad + width]
                for i in range(target.size):
                    target[i] = source[i]
                origin = value + token * steps[_V, 2]
                target, source = v_out[origin : origin + depth], v_sum[token * deep : token * deep + depth]
                for i in range(target.size):
                    target[i] = source[i]


attention_serial, attention_parallel = serial_and_parallel(_attention)
attention_vjp_serial, attention_vjp_parallel = serial_and_parallel(_attention_vjp)
