"""Where the elements of a convolution lie: tables of offsets for the kernels, worked out once for each set of sizes.

Convolution, its transpose and its weight gradient are one bilinear form of an input x, a weight w and an output y,

    sum over n, k, c, o, r of  y[n, k, o]  w[k, c, r]  x[n, c, o * stride + r * dilation - padding],

with x zero outside its bounds. Each of the three maps is the sum with one of the three left open. Sizes always have
three dimensions here: a row is a volume of depth and height 1.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..simd import ROWS

Sizes = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes of one bilinear form: spatial ones of x, y and w, how windows step, and channels."""

    x_size: Sizes
    y_size: Sizes
    w_size: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int
    x_channels: int
    y_channels: int

    @property
    def x_group(self) -> int:
        """Channels of x in a group."""
        return self.x_channels // self.groups

    @property
    def y_group(self) -> int:
        """Channels of y in a group."""
        return self.y_channels // self.groups

    @property
    def taps(self) -> int:
        """Positions in the kernel."""
        return math.prod(self.w_size)

    @property
    def is_product(self) -> bool:
        """Whether it is a matrix product of pixels and channels."""
        return (
            self.groups == 1
            and self.taps == 1
            and self.stride == (1, 1, 1)
            and self.padding == (0, 0, 0)
            and self.x_size == self.y_size
        )

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return self.groups == self.x_channels == self.y_channels and self.groups > 1


class Frame(NamedTuple):
    """How an image is laid into a buffer with zeros around it: `low` zeros before it, `size` in all.

    `needed` is false where the image itself serves.
    """

    source: Sizes
    low: Sizes
    size: Sizes
    needed: bool

    @property
    def pixels(self) -> int:
        """In the buffer."""
        return math.prod(self.size)


class Gather(NamedTuple):
    """Tables for sums over a window at each pixel: the pixels of a few images, phase by phase.

    The pixels whose windows hold the same taps are a phase: all of them for a convolution, every stride-th for its
    transpose. `phases` has for each its first and last row, its first and last term, and the length of a term;
    `rows` are those of the input and the output, `terms` those of the input and the weight. `order` is the order in
    which the weight's taps are packed.
    """

    frame: Frame
    images: int
    phases: np.ndarray
    x_rows: np.ndarray
    out_rows: np.ndarray
    x_terms: np.ndarray
    w_terms: np.ndarray
    order: np.ndarray


class Correlate(NamedTuple):
    """Tables for the weight gradient: a row for each tap and channel, a term for each line of a few images' pixels."""

    frame: Frame
    images: int
    rows: int
    x_rows: np.ndarray
    x_terms: np.ndarray
    y_terms: np.ndarray
    x_step: int
    inner: int


# Pixels that a task takes at least, so that packed weights are read often enough, and bytes its buffer takes at most.
_PIXELS, _BYTES = 128, 1 << 18


def _images(pixels: int, framed: int, channels: int) -> int:
    """How many images a task takes at a time."""
    wanted = -(-_PIXELS // max(pixels, 1))
    return max(1, min(wanted, _BYTES // max(4 * framed * channels, 1)))


def _offsets(lines: tuple[np.ndarray, ...] | list[np.ndarray], size: Sizes) -> np.ndarray:
    """The row-major numbers of all combinations of places in three dimensions."""
    depth, height, width = lines
    return ((depth[:, None, None] * size[1] + height[:, None]) * size[2] + width).ravel()


def _whole(values: np.ndarray | list[int], multiple: int = 1) -> np.ndarray:
    """As int64, its end repeated up to a multiple."""
    array = np.asarray(values, np.int64)
    return np.ascontiguousarray(np.pad(array, (0, -array.size % multiple), mode="edge" if array.size else "constant"))


def _frame(source: Sizes, low: Sizes, size: Sizes) -> Frame:
    inside = low == (0, 0, 0) and all(have >= want for have, want in zip(source, size, strict=True))
    return Frame(source, low, source, False) if inside else Frame(source, low, size, True)


def x_frame(geometry: Geometry) -> Frame:
    """The frame that all windows of x lie in."""
    g = geometry
    size = [(y - 1) * s + (w - 1) * d + 1 for y, s, w, d in zip(g.y_size, g.stride, g.w_size, g.dilation, strict=True)]
    return _frame(g.x_size, g.padding, (size[0], size[1], size[2]))


@functools.lru_cache(maxsize=256)
def convolution_tables(geometry: Geometry) -> Gather:
    """Tables of the map from x and w to y."""
    g = geometry
    frame = x_frame(g)
    taps = [np.arange(w) * d for w, d in zip(g.w_size, g.dilation, strict=True)]
    places = [np.arange(y) * s for y, s in zip(g.y_size, g.stride, strict=True)]
    phase = (places, [np.arange(y) for y in g.y_size], taps, [np.arange(w) for w in g.w_size])
    return _gather(frame, [phase], g.y_size, g.w_size, g.groups, g.x_channels, g.y_channels)


@functools.lru_cache(maxsize=256)
def transpose_tables(geometry: Geometry) -> Gather:
    """Tables of the map from y and w to x: for each remainder of a place by the stride a phase with taps of its own."""
    g = geometry
    dimensions = []
    for x, y, w, s, p, d in zip(g.x_size, g.y_size, g.w_size, g.stride, g.padding, g.dilation, strict=True):
        found = []
        for remainder in range(min(s, x)):
            # The last taps come first, so that places in y rise.
            taps = np.array([r for r in reversed(range(w)) if (remainder + p - r * d) % s == 0], np.int64)
            found.append((np.arange(remainder, x, s), taps, (remainder + p - taps * d) // s))
        dimensions.append((y, found))
    low, size = [], []
    for y, found in dimensions:
        used = [(shifts.min(), shifts.max() + len(places)) for places, _, shifts in found if len(shifts)]
        before = max(0, -min((first for first, _ in used), default=0))
        low.append(int(before))
        size.append(int(max(max((last for _, last in used), default=y) + before, 1)))
    frame = _frame(g.y_size, (low[0], low[1], low[2]), (size[0], size[1], size[2]))
    low = list(frame.low)
    phases: list[tuple[Any, ...]] = []
    for combination in itertools.product(*(found for _, found in dimensions)):
        counts = [np.arange(len(places)) for places, _, _ in combination]
        shifts = [shifts + before for (_, _, shifts), before in zip(combination, low, strict=True)]
        phases.append((counts, [c[0] for c in combination], shifts, [c[1] for c in combination]))
    return _gather(frame, phases, g.x_size, g.w_size, g.groups, g.y_channels, g.x_channels)


def _gather(
    frame: Frame,
    phases: list[tuple[Any, ...]],
    out_size: Sizes,
    w_size: Sizes,
    groups: int,
    channels: int,
    out_channels: int,
) -> Gather:
    pixels = math.prod(out_size)
    images = _images(pixels, frame.pixels, channels)
    image = np.arange(images)[:, None]
    rows, outs, terms, w_terms, order, bounds = [], [], [], [], [], []
    row = term = position = 0
    group = channels // groups
    for places, out_places, shifts, taps in phases:
        found = _offsets(places, frame.size)
        rows.append((image * frame.pixels + found).ravel() * channels)
        outs.append((image * pixels + _offsets(out_places, out_size)).ravel() * out_channels)
        order.append(_offsets(taps, w_size))
        run = len(shifts[2])
        # Neighbouring taps of a line read neighbouring memory: one long term instead of several short ones.
        if groups == 1 and run > 1 and bool(np.all(np.diff(shifts[2]) == 1)):
            shifts = [*shifts[:2], shifts[2][:1]]
        else:
            run = 1
        of_phase = _offsets(shifts, frame.size) * channels
        terms.append(of_phase)
        w_terms.append((position + np.arange(len(of_phase)) * run) * group)
        bounds.append((row, row + len(rows[-1]), term, term + len(of_phase), run * group))
        row += len(rows[-1])
        term += len(of_phase)
        position += len(order[-1])
    return Gather(
        frame,
        images,
        np.array(bounds, np.int64).reshape(-1, 5),
        _whole(np.concatenate(rows)),
        _whole(np.concatenate(outs)),
        _whole(np.concatenate(terms)),
        _whole(np.concatenate(w_terms)),
        _whole(np.concatenate(order)),
    )


@functools.lru_cache(maxsize=256)
def weight_tables(geometry: Geometry) -> Correlate:
    """Tables of the map from x and y to w."""
    g = geometry
    frame = x_frame(g)
    taps = _offsets([np.arange(w) * d for w, d in zip(g.w_size, g.dilation, strict=True)], frame.size)
    rows = (taps[:, None] * g.x_channels + np.arange(g.x_group)).ravel()
    depth, height, width = g.y_size
    lines = _offsets([np.arange(depth) * g.stride[0], np.arange(height) * g.stride[1], np.zeros(1, int)], frame.size)
    images = _images(math.prod(g.y_size), frame.pixels + math.prod(g.y_size), max(g.x_channels, g.y_channels))
    image = np.arange(images)[:, None]
    return Correlate(
        frame,
        images,
        len(rows),
        _whole(rows, ROWS),
        _whole(((image * frame.pixels + lines) * g.x_channels).ravel()),
        _whole((image * math.prod(g.y_size) + np.arange(depth * height) * width).ravel()),
        g.stride[2] * g.x_channels,
        width,
    )


__all__ = ["Correlate", "Frame", "Gather", "Geometry", "convolution_tables", "transpose_tables", "weight_tables"]
