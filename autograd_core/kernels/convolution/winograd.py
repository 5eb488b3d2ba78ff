"""Where minimal filtering applies and pays, and what its kernels in :mod:`.minimal` are called with."""

from __future__ import annotations

import functools

import numpy as np

from ..simd import LANES, ROWS
from .call import COPIED, WORK, laid_out, run, scratch, work_of
from .direct import collect_parallel, collect_serial, pack_parallel, pack_serial
from .geometry import Frame, Geometry
from .layout import line_of
from .minimal import (
    GAP,
    correlate_parallel,
    correlate_serial,
    gather_parallel,
    gather_serial,
    kernel_parallel,
    kernel_serial,
)

_ORDER = np.arange(9)
_REVERSED = np.arange(8, -1, -1)
_NO_PLACES = np.empty(0, np.int64)
_LANES = LANES["float32"]


@functools.lru_cache(maxsize=1024)
def suits(geometry: Geometry, count: int, dtype: np.dtype) -> bool:
    """Whether the sizes are such that minimal filtering is right, exact enough and faster than tiles (measured).

    Only in float32: the transforms cost two digits, which nobody wants to lose who asked for float64.
    """
    g = geometry
    if (
        dtype != np.float32
        or g.groups != 1
        or g.w_size != (1, 3, 3)
        or g.stride != (1, 1, 1)
        or g.dilation != (1, 1, 1)
        or g.x_size[0] != 1
        or g.padding[0] != 0
        or max(g.padding) > 2
    ):
        return False
    whole = g.x_channels % _LANES == 0 and g.y_channels % _LANES == 0 and g.x_channels % ROWS == 0
    height, width = g.y_size[1:]
    patches = count * -(-height // 4) * -(-width // 4)
    # The 36 transformed places of the weight are worth it only if enough patches share them.
    return whole and min(height, width) >= 4 and patches >= 32


def _patches(total: int, channels: int) -> int:
    """How many patches a task takes: few enough for the cache, many enough to use the weights often."""
    most = 32 if channels <= 64 else 64
    return max(ROWS, min(most, -(-total // (4 * ROWS)) * ROWS))


@functools.lru_cache(maxsize=64)
def _in_place(inner: int) -> np.ndarray:
    return np.ascontiguousarray((np.arange(9) * inner + np.arange(inner)[:, None]).ravel())


def _gathered(
    source: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, transposed: bool, out: np.ndarray
) -> None:
    g = geometry
    count, channels, columns = source.shape[0], source.shape[1], out.shape[1]
    size = channels * columns
    memory = scratch(9 * size + 36 * (size + GAP), np.dtype(np.float32))
    packed, weight = memory[: 9 * size], memory[9 * size :]
    steps = (9, 9 * g.x_channels) if transposed else (9 * g.x_channels, 9)
    order, places = (_REVERSED, _NO_PLACES) if transposed else (_ORDER, _in_place(channels))
    line = w.reshape(-1) if w.flags.c_contiguous and w.flags.writeable else np.array(w, order="C").reshape(-1)
    arguments = (line, order, places, 1, columns, channels, 9, 9 * size, *steps, packed)
    run(pack_serial, pack_parallel, packed.size, COPIED, *arguments)
    run(kernel_serial, kernel_parallel, weight.size, COPIED, packed, columns, channels, weight)
    # What a patch product starts from (zeros) follows what is added to the outputs.
    initial = np.zeros(2 * columns + 2 * _LANES, np.float32)
    if bias is not None:
        initial[:columns] = bias
    top, left = (2 - p if transposed else p for p in g.padding[1:])
    (_, height, width), (_, out_height, out_width) = (g.y_size, g.x_size) if transposed else (g.x_size, g.y_size)
    total = count * -(-out_height // 4) * -(-out_width // 4)
    images = laid_out(source, Frame((1, height, width), (0, 0, 0), (1, height, width), False))
    run(
        gather_serial, gather_parallel, work_of(g, count), WORK,
        images, count, height, width, channels, top, left, out_height, out_width, columns,
        _patches(total, max(channels, columns)), weight, initial, line_of(out)[0],
    )  # fmt: skip


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, out: np.ndarray) -> None:
    """Write y."""
    _gathered(x, w, bias, geometry, False, out)


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write x."""
    _gathered(y, w, None, geometry, True, out)


# Bytes of transformed patches that are kept at a time for a weight gradient.
_BYTES = 1 << 22


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write w."""
    g = geometry
    count, channels, columns = x.shape[0], x.shape[1], y.shape[1]
    size = channels * columns
    (_, height, width), (_, y_height, y_width) = g.x_size, g.y_size
    total = count * -(-y_height // 4) * -(-y_width // 4)
    patches = min(total, max(64, _BYTES // (4 * 36 * (channels + columns))))
    parts = [36 * (patches * channels + GAP), 36 * (patches * columns + GAP), 36 * (size + GAP), 9 * size]
    memory = scratch(sum(parts), np.dtype(np.float32))
    x_transformed, y_transformed, sums, found = np.split(memory, np.cumsum(parts)[:-1])
    laid = laid_out(x, Frame(g.x_size, (0, 0, 0), g.x_size, False))
    lines = laid_out(y, Frame(g.y_size, (0, 0, 0), g.y_size, False))
    run(
        correlate_serial, correlate_parallel, work_of(g, count), WORK,
        laid, lines, count, height, width, channels, g.padding[1], g.padding[2], y_height, y_width, columns, patches,
        x_transformed, y_transformed, sums, found,
    )  # fmt: skip
    places = _in_place(channels) * columns
    arguments = (found, 1, places, 1, columns, channels, 9, 9 * channels, out.reshape(-1))
    run(collect_serial, collect_parallel, out.size, COPIED, *arguments)


__all__ = ["convolve", "suits", "transpose", "weight"]
