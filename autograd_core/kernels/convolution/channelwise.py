"""Depthwise convolution: the tables and the weights in which channels are columns, for :mod:`.depthwise`."""

from __future__ import annotations

import functools

import numpy as np

from .call import TASKS, WORK, laid_out, run, scratch, work_of, zeros
from .depthwise import correlate_parallel, correlate_serial, gather_parallel, gather_serial
from .direct import lanes
from .geometry import Frame, Geometry
from .layout import line_of
from .lines import Lines, convolution_lines, transpose_lines

# A multiplication takes longer here than in a tile, for want of reuse.
_COST = 4


def _splits(tasks: int, parts: int) -> int:
    """Into how many of `parts` parts each task is divided."""
    return 1 if tasks >= TASKS else max(1, min(parts, -(-TASKS // tasks)))


def _gathered(
    source: np.ndarray, lines: Lines, w: np.ndarray, bias: np.ndarray | None, out: np.ndarray, work: int
) -> None:
    count, channels = source.shape[:2]
    line, channels_first = line_of(source)
    columns = np.ascontiguousarray(w.reshape(channels, -1)[:, lines.order].T).reshape(-1)
    initial = zeros(channels, out.dtype) if bias is None else np.array(bias)
    depth, height, width = lines.source
    line_splits = _splits(count, len(lines.reach))
    channel_splits = _splits(count * line_splits, -(-channels // lanes(out.dtype)))
    run(
        gather_serial, gather_parallel, _COST * work, WORK,
        line, count, channels, channels_first, depth * height, width, lines.width, lines.classes, lines.bounds,
        lines.terms, lines.reach, line_splits, channel_splits, columns, initial, zeros(lanes(out.dtype), out.dtype),
        line_of(out)[0],
    )  # fmt: skip


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, out: np.ndarray) -> None:
    """Write y."""
    _gathered(x, convolution_lines(geometry), w, bias, out, work_of(geometry, x.shape[0]))


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write x."""
    _gathered(y, transpose_lines(geometry), w, None, out, work_of(geometry, y.shape[0]))


@functools.lru_cache(maxsize=256)
def _weight_terms(geometry: Geometry, padded: int) -> np.ndarray:
    """The terms of y's lines, with the places of sums over blocks of channels for those of the weights."""
    terms = convolution_lines(geometry).terms.reshape(-1, 3).copy()
    terms[:, 2] = terms[:, 2] // geometry.x_channels * padded
    return terms.ravel()


@functools.lru_cache(maxsize=256)
def _places(channels: int, width: int) -> np.ndarray:
    """Where the sums of the channels lie: those of the last block may be of channels that the one before has, too."""
    places = np.arange(channels)
    rest = channels % width
    if rest and channels > width:
        places[-rest:] += width - rest
    return places


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write w."""
    g = geometry
    count, channels = x.shape[:2]
    lines = convolution_lines(g)
    width = lanes(x.dtype)
    blocks = -(-channels // width)
    sums = min(TASKS, count)
    partial = scratch(sums * g.taps * blocks * width, x.dtype)
    laid = [laid_out(array, Frame(size, (0, 0, 0), size, False)) for array, size in ((x, g.x_size), (y, g.y_size))]
    run(
        correlate_serial, correlate_parallel, _COST * work_of(g, count), WORK,
        *laid, count, channels, g.x_size[0] * g.x_size[1], g.x_size[2], g.y_size[2], g.stride[2], lines.bounds,
        _weight_terms(g, blocks * width), lines.reach, sums, _splits(sums, blocks), g.taps,
        zeros(width, x.dtype), partial,
    )  # fmt: skip
    found = partial.reshape(sums, g.taps, -1).sum(0)
    out.reshape(channels, -1)[:, lines.order] = found[:, _places(channels, width)].T


__all__ = ["convolve", "transpose", "weight"]
