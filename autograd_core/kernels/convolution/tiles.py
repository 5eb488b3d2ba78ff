"""Convolution by tiles: the tables, packed weights and partial sums that the kernels of :mod:`.direct` work with."""

from __future__ import annotations

import functools

import numpy as np

from ..boundary import contiguous
from .call import COPIED, TASKS, WORK, columns_of, laid_out, run, scratch, sizes_of, work_of, zeros
from .direct import (
    collect_parallel,
    collect_serial,
    correlate_parallel,
    correlate_serial,
    gather_parallel,
    gather_serial,
    lanes,
    pack_parallel,
    pack_serial,
)
from .geometry import Frame, Gather, Geometry, convolution_tables, transpose_tables, weight_tables
from .layout import line_of

# Elements of a weight gradient up to which several sums over parts of the batch are kept and added.
_SUMMED = 1 << 16

_NO_PLACES = np.empty(0, np.int64)


@functools.lru_cache(maxsize=256)
def _panel_places(order: bytes, taps: int, inner: int) -> np.ndarray:
    """The row of a panel for each channel and tap, in the order of the weight; empty if some tap is not packed."""
    packed = np.frombuffer(order, np.int64)
    if len(packed) < taps:
        return _NO_PLACES
    return np.ascontiguousarray((np.argsort(packed) * inner + np.arange(inner)[:, None]).ravel())


def _packed(w: np.ndarray, tables: Gather, geometry: Geometry, transposed: bool) -> np.ndarray:
    """The weight as the tiles read it."""
    g = geometry
    columns, inner = (g.x_group, g.y_group) if transposed else (g.y_group, g.x_group)
    row, tap = g.x_group * g.taps, g.taps
    # Taps that only fall outside are not packed.
    packed = scratch(columns_of(columns, g.groups, w.dtype) * tables.order.size * inner, w.dtype)
    steps = (tap, row) if transposed else (row, tap)
    line = contiguous(w).reshape(-1)
    places = _NO_PLACES if transposed else _panel_places(tables.order.tobytes(), g.taps, inner)
    arguments = (line, tables.order, places, g.groups, columns, inner, g.taps, g.y_group * row, *steps, packed)
    run(pack_serial, pack_parallel, packed.size, COPIED, *arguments)
    return packed


def _gathered(
    source: np.ndarray, tables: Gather, packed: np.ndarray, initial: np.ndarray, groups: int, out: np.ndarray, work: int
) -> None:
    line, channels_first = line_of(source)
    count = source.shape[0]
    columns = out.shape[1] // groups
    tasks = -(-count // tables.images) * groups
    blocks = -(-columns // (2 * lanes(out.dtype)))
    splits = 1 if tasks >= TASKS else min(blocks, -(-TASKS // tasks))
    framed = channels_first or tables.frame.needed
    out_line, _ = line_of(out)
    run(
        gather_serial, gather_parallel, work, WORK,
        line, count, sizes_of(source.shape[1], tables.frame), channels_first, framed, groups, columns,
        out[0, 0].size, tables.images, splits, tables.phases, tables.x_rows, tables.out_rows, tables.x_terms,
        tables.w_terms, packed, initial, out_line,
    )  # fmt: skip


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, out: np.ndarray) -> None:
    """Write y."""
    g = geometry
    tables = convolution_tables(g, x.shape[0])
    columns = columns_of(g.y_group, g.groups, x.dtype)
    if bias is None:
        initial = zeros(columns, x.dtype)
    else:
        initial = np.zeros((g.groups, columns // g.groups), x.dtype)
        initial[:, : g.y_group] = bias.reshape(g.groups, -1)
        initial = initial.reshape(-1)
    _gathered(x, tables, _packed(w, tables, g, False), initial, g.groups, out, work_of(g, x.shape[0]))


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write x."""
    g = geometry
    tables = transpose_tables(g, y.shape[0])
    initial = zeros(columns_of(g.x_group, g.groups, y.dtype), y.dtype)
    _gathered(y, tables, _packed(w, tables, g, True), initial, g.groups, out, work_of(g, y.shape[0]))


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write w."""
    g = geometry
    count = x.shape[0]
    tables = weight_tables(g, count)
    rows = tables.x_rows.size
    width = columns_of(g.y_group, 1, x.dtype)
    chunks = -(-count // tables.images)
    sums = min(TASKS, chunks) if g.groups * rows * width <= _SUMMED else 1
    splits = 1 if sums * g.groups >= TASKS else -(-TASKS // (sums * g.groups))
    partial = scratch(sums * g.groups * rows * width, x.dtype)
    laid, lines = laid_out(x, tables.frame), laid_out(y, Frame(g.y_size, (0, 0, 0), g.y_size, False))
    run(
        correlate_serial, correlate_parallel, work_of(g, count), WORK,
        laid, lines, count, tables.images, sums, splits, g.groups, laid.size // count, g.x_channels,
        lines.size // count, g.y_channels, tables.bands, tables.x_rows, _row_places(rows, width), tables.x_terms,
        tables.y_terms, tables.over_images, tables.x_step, tables.y_step, partial,
    )  # fmt: skip
    places = _row_places(rows, width)[tables.places]
    arguments = (partial, sums, places, g.groups, g.y_group, g.x_group, g.taps, rows, out.reshape(-1))
    run(collect_serial, collect_parallel, out.size, COPIED, *arguments)


@functools.lru_cache(maxsize=256)
def _row_places(rows: int, width: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int64) * width


__all__ = ["convolve", "transpose", "weight"]
