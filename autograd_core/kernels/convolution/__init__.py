"""Convolution, its transpose and its weight gradient on arrays of one, two or three spatial dimensions.

All take and return arrays of shape (N, C, …) as users see them. What they return lies channels-last in memory; what
they take is fastest so, and is converted on the way otherwise.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import numpy as np

from ..boundary import contiguous
from ..jit import DISABLED, PARALLEL, thread_count
from . import plain
from .direct import (
    collect_parallel,
    collect_serial,
    correlate_parallel,
    correlate_serial,
    gather_parallel,
    gather_serial,
    lanes,
    lay_parallel,
    lay_serial,
    pack_parallel,
    pack_serial,
)
from .geometry import Frame, Gather, Geometry, convolution_tables, transpose_tables, weight_tables
from .layout import channels_last_empty, is_channels_last, line_of, volume

# Multiplications, and elements copied, from which a second thread pays.
_WORK, _COPIED = 1 << 19, 1 << 16
# Tasks to split work into at least, where images are few: the same for any number of threads.
_TASKS = 8
# Elements of a weight gradient up to which several sums over parts of the batch are kept and added.
_SUMMED = 1 << 16


class _Scratch(threading.local):
    """Memory that a call uses and the next one uses again, for each Python thread: fresh pages cost a copy's time."""

    def __init__(self) -> None:
        self.lines: dict[np.dtype[Any], np.ndarray] = {}


_memory = _Scratch()


def _scratch(size: int, dtype: np.dtype[Any]) -> np.ndarray:
    """A line of uninitialised memory, until the next call for one."""
    line = _memory.lines.get(dtype)
    if line is None or line.size < size:
        line = _memory.lines[dtype] = np.empty(size, dtype)
    return line[:size]


def _run(serial: Any, parallel: Any, work: int, threshold: int, *arguments: Any) -> None:
    if thread_count(work, threshold) > 1:
        with PARALLEL:
            parallel(*arguments)
    else:
        serial(*arguments)


def geometry_of(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    y_size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Geometry:
    """The geometry of x of shape (N, C, …), a weight of shape (K, C / groups, …) and y of a spatial size."""
    return Geometry(
        volume(x_shape[2:]),
        volume(y_size),
        volume(w_shape[2:]),
        volume(stride),
        volume(padding, 0),
        volume(dilation),
        groups,
        x_shape[1],
        w_shape[0],
    )


@functools.lru_cache(maxsize=256)
def _sizes(channels: int, frame: Frame) -> np.ndarray:
    return np.array([channels, *frame.source, *frame.low, *frame.size], np.int64)


@functools.lru_cache(maxsize=256)
def _zeros(size: int, dtype: np.dtype[Any]) -> np.ndarray:
    return np.zeros(size, dtype)


def _columns(columns: int, groups: int, dtype: np.dtype[Any]) -> int:
    """Columns of all groups, each rounded up to whole vectors."""
    width = lanes(dtype)
    return groups * -(-columns // width) * width


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
    packed = _scratch(_columns(columns, g.groups, w.dtype) * tables.order.size * inner, w.dtype)
    steps = (tap, row) if transposed else (row, tap)
    line = contiguous(w).reshape(-1)
    places = _NO_PLACES if transposed else _panel_places(tables.order.tobytes(), g.taps, inner)
    arguments = (line, tables.order, places, g.groups, columns, inner, g.taps, g.y_group * row, *steps, packed)
    _run(pack_serial, pack_parallel, packed.size, _COPIED, *arguments)
    return packed


def _laid(array: np.ndarray, frame: Frame) -> np.ndarray:
    """Images channels-last in their frames, as one line: the array's own memory where it is that already."""
    line, channels_first = line_of(array)
    if not channels_first and not frame.needed:
        return line
    laid = np.empty(array.shape[0] * array.shape[1] * frame.pixels, array.dtype)
    sizes = _sizes(array.shape[1], frame)
    _run(lay_serial, lay_parallel, laid.size, _COPIED, line, array.shape[0], sizes, channels_first, laid)
    return laid


def _gathered(
    source: np.ndarray, tables: Gather, packed: np.ndarray, initial: np.ndarray, groups: int, out: np.ndarray, work: int
) -> None:
    line, channels_first = line_of(source)
    count = source.shape[0]
    columns = out.shape[1] // groups
    tasks = -(-count // tables.images) * groups
    blocks = -(-columns // (2 * lanes(out.dtype)))
    splits = 1 if tasks >= _TASKS else min(blocks, -(-_TASKS // tasks))
    framed = channels_first or tables.frame.needed
    out_line, _ = line_of(out)
    _run(
        gather_serial, gather_parallel, work, _WORK,
        line, count, _sizes(source.shape[1], tables.frame), channels_first, framed, groups, columns,
        out[0, 0].size, tables.images, splits, tables.phases, tables.x_rows, tables.out_rows, tables.x_terms,
        tables.w_terms, packed, initial, out_line,
    )  # fmt: skip


def _work(geometry: Geometry, images: int) -> int:
    g = geometry
    return int(images * np.prod(g.y_size) * g.taps * g.x_group * g.y_channels)


def _volumes(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], *volume(array.shape[2:]))


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, size: Any) -> np.ndarray:
    """y of spatial `size` from x and w, with a bias for each of its channels or None."""
    g = geometry
    shape = (x.shape[0], g.y_channels, *size)
    if DISABLED:
        y = plain.convolve(_volumes(x), w.reshape(*w.shape[:2], *g.w_size), g).reshape(shape)
        return y if bias is None else y + bias.reshape(-1, *(1,) * len(size))
    out = channels_last_empty(shape, x.dtype)
    if not out.size:
        return out
    if not x.size or not w.size:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(size))
        return out
    tables = convolution_tables(g, x.shape[0])
    columns = _columns(g.y_group, g.groups, x.dtype)
    if bias is None:
        initial = _zeros(columns, x.dtype)
    else:
        initial = np.zeros((g.groups, columns // g.groups), x.dtype)
        initial[:, : g.y_group] = bias.reshape(g.groups, -1)
        initial = initial.reshape(-1)
    _gathered(x, tables, _packed(w, tables, g, False), initial, g.groups, out, _work(g, x.shape[0]))
    return out


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, size: Any) -> np.ndarray:
    """x of spatial `size` from y and w."""
    g = geometry
    shape = (y.shape[0], g.x_channels, *size)
    if DISABLED:
        return plain.transpose(_volumes(y), w.reshape(*w.shape[:2], *g.w_size), g).reshape(shape)
    out = channels_last_empty(shape, y.dtype)
    if not out.size:
        return out
    if not y.size or not w.size:
        out[...] = 0
        return out
    tables = transpose_tables(g, y.shape[0])
    initial = _zeros(_columns(g.x_group, g.groups, y.dtype), y.dtype)
    _gathered(y, tables, _packed(w, tables, g, True), initial, g.groups, out, _work(g, y.shape[0]))
    return out


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, size: Any) -> np.ndarray:
    """w of spatial `size` from x and y."""
    g = geometry
    shape = (g.y_channels, g.x_group, *size)
    if DISABLED:
        return plain.weight(_volumes(x), _volumes(y), g).reshape(shape)
    if not x.size or not y.size:
        return np.zeros(shape, x.dtype)
    out = np.empty(shape, x.dtype)
    if not out.size:
        return out
    count = x.shape[0]
    tables = weight_tables(g, count)
    rows = tables.x_rows.size
    width = _columns(g.y_group, 1, x.dtype)
    chunks = -(-count // tables.images)
    sums = min(_TASKS, chunks) if g.groups * rows * width <= _SUMMED else 1
    splits = 1 if sums * g.groups >= _TASKS else -(-_TASKS // (sums * g.groups))
    partial = _scratch(sums * g.groups * rows * width, x.dtype)
    laid, lines = _laid(x, tables.frame), _laid(y, Frame(g.y_size, (0, 0, 0), g.y_size, False))
    _run(
        correlate_serial, correlate_parallel, _work(g, count), _WORK,
        laid, lines, count, tables.images, sums, splits, g.groups, laid.size // count, g.x_channels,
        lines.size // count, g.y_channels, tables.bands, tables.x_rows, _row_places(rows, width), tables.x_terms,
        tables.y_terms, tables.over_images, tables.x_step, tables.y_step, partial,
    )  # fmt: skip
    places = _row_places(rows, width)[tables.places]
    arguments = (partial, sums, places, g.groups, g.y_group, g.x_group, g.taps, rows, out.reshape(-1))
    _run(collect_serial, collect_parallel, out.size, _COPIED, *arguments)
    return out


@functools.lru_cache(maxsize=256)
def _row_places(rows: int, width: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int64) * width


__all__ = ["Geometry", "channels_last_empty", "convolve", "geometry_of", "is_channels_last", "transpose", "weight"]
