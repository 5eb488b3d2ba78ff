"""Depthwise convolution: the tables and the weights in which channels are columns, for :mod:`.depthwise`."""

from __future__ import annotations

import numpy as np

from .call import TASKS, WORK, laid_out, run, scratch, sizes_of, work_of, zeros
from .depthwise import correlate_parallel, correlate_serial, gather_parallel, gather_serial
from .direct import lanes
from .geometry import Frame, Gather, Geometry, convolution_tables, transpose_tables, weight_tables
from .layout import line_of

# A multiplication takes longer here than in a tile, for want of reuse.
_COST = 4


def _splits(tasks: int, channels: int, dtype: np.dtype) -> int:
    """Into how many parts the channels are divided."""
    return 1 if tasks >= TASKS else min(-(-channels // (2 * lanes(dtype))), -(-TASKS // tasks))


def _gathered(
    source: np.ndarray, tables: Gather, w: np.ndarray, bias: np.ndarray | None, out: np.ndarray, work: int
) -> None:
    count, channels = source.shape[:2]
    line, channels_first = line_of(source)
    out_line, _ = line_of(out)
    columns = np.ascontiguousarray(w.reshape(channels, -1)[:, tables.order].T).reshape(-1)
    initial = zeros(channels, out.dtype) if bias is None else np.array(bias)
    run(
        gather_serial, gather_parallel, _COST * work, WORK,
        line, count, sizes_of(channels, tables.frame), channels_first, channels_first or tables.frame.needed,
        out[0, 0].size, tables.images, _splits(-(-count // tables.images), channels, out.dtype), tables.phases,
        tables.x_rows, tables.out_rows, tables.x_terms, tables.w_terms, columns, initial, out_line,
    )  # fmt: skip


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, out: np.ndarray) -> None:
    """Write y."""
    _gathered(x, convolution_tables(geometry, x.shape[0]), w, bias, out, work_of(geometry, x.shape[0]))


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write x."""
    _gathered(y, transpose_tables(geometry, y.shape[0]), w, None, out, work_of(geometry, y.shape[0]))


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write w."""
    g = geometry
    count, channels = x.shape[:2]
    tables = weight_tables(g, count)
    rows = tables.x_rows.size
    sums = min(TASKS, -(-count // tables.images))
    partial = scratch(sums * rows * channels, x.dtype)
    laid, lines = laid_out(x, tables.frame), laid_out(y, Frame(g.y_size, (0, 0, 0), g.y_size, False))
    run(
        correlate_serial, correlate_parallel, _COST * work_of(g, count), WORK,
        laid, lines, count, tables.images, sums, _splits(sums, channels, x.dtype), laid.size // count,
        lines.size // count, channels, tables.x_rows, np.arange(rows) * channels, tables.x_terms, tables.y_terms,
        int(tables.bands[0, 4]), tables.x_step, partial,
    )  # fmt: skip
    found = partial.reshape(sums, rows, channels)[:, : g.taps].sum(0)
    out.reshape(channels, -1)[...] = found.T


__all__ = ["convolve", "transpose", "weight"]
