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
from typing import NamedTuple

import numpy as np

from ..simd import ROWS

Sizes = tuple[int, int, int]


# Compared and hashed by identity: there is one for each set of sizes, and its tables are looked up at every call.
@dataclass(frozen=True, slots=True, eq=False)
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

    The pixels whose windows hold the same taps are a phase: those along an edge, where part of the window lies outside,
    and for a transpose every stride-th. `phases` has for each its first and last row, its first and last term, and the
    length of a term; `rows` are those of the input and the output, `terms` those of the input and the weight. `order`
    is the order in which the weight's taps are packed.
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
    """Tables for the weight gradient: a row for each tap and channel, a term for each line of a few images' pixels.

    The rows of a tap are a band, which has terms of its own: the pixels from which the tap meets something. `bands` has
    for each its first and last row and its first and last term, each for as many images as there are, and the
    length of a term. `x_step` and `y_step` are from one element of a term to the next. `places` are the rows of the
    channels and taps in the order in which a weight's elements follow each other.
    """

    frame: Frame
    images: int
    bands: np.ndarray
    x_rows: np.ndarray
    x_terms: np.ndarray
    y_terms: np.ndarray
    x_step: int
    y_step: int
    over_images: bool
    places: np.ndarray


# Pixels that a task takes at least, so that packed weights are read often enough and the pixels of each phase fill
# their tiles, and bytes that its images take at most.
_PIXELS, _BYTES = 1024, 1 << 19
# More phases than this are not worth their tables.
_PHASES = 64


def images_at_a_time(count: int, pixels: int, elements: int) -> int:
    """How many of `count` images a task takes, each with so many pixels and elements to be read."""
    most = max(1, min(-(-_PIXELS // max(pixels, 1)), _BYTES // max(4 * elements, 1), count))
    # Evenly, and for an even number of tasks, since two threads are common.
    tasks = -(-count // most)
    if tasks > 1:
        tasks += tasks % 2
    return -(-count // tasks)


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


# A tap and the place it meets.
Meeting = tuple[int, int]


def windows(geometry: Geometry) -> list[list[list[Meeting]]]:
    """For each dimension and place of y, its window's taps and the places of x they meet, inside of x or not."""
    g = geometry
    return [
        [[(r, o * s + r * d - p) for r in range(w)] for o in range(y)]
        for y, w, s, p, d in zip(g.y_size, g.w_size, g.stride, g.padding, g.dilation, strict=True)
    ]


def windows_around(geometry: Geometry) -> list[list[list[Meeting]]]:
    """For each dimension and place of x, the taps that meet it and from which places of y, inside of y or not."""
    g = geometry
    return [
        [[(r, (i + p - r * d) // s) for r in range(w) if (i + p - r * d) % s == 0] for i in range(x)]
        for x, w, s, p, d in zip(g.x_size, g.w_size, g.stride, g.padding, g.dilation, strict=True)
    ]


class Phase(NamedTuple):
    """Places along one dimension whose windows hold the same taps.

    The taps `taps` meet the places `first` + `shifts`; `places` are where the sums go.
    """

    places: np.ndarray
    first: np.ndarray
    taps: np.ndarray
    shifts: np.ndarray


def _phases(meetings: list[list[Meeting]], size: int | None) -> list[Phase]:
    """The places of one dimension, by the taps of theirs that meet something within `size`, or by all taps."""
    found: dict[tuple[Meeting, ...], list[Meeting]] = {}
    for place, meeting in enumerate(meetings):
        met = sorted((at, tap) for tap, at in meeting if size is None or 0 <= at < size)
        first = met[0][0] if met else 0
        found.setdefault(tuple((tap, at - first) for at, tap in met), []).append((place, first))
    phases = []
    for key, members in found.items():
        places, firsts = np.array(members, np.int64).T
        taps, shifts = np.array(key, np.int64).reshape(-1, 2).T
        phases.append(Phase(places, firsts, taps, shifts))
    return phases


@functools.lru_cache(maxsize=256)
def convolution_tables(geometry: Geometry, count: int) -> Gather:
    """Tables of the map from x and w to y, for `count` images."""
    g = geometry
    return _gather(windows(g), g.x_size, g.y_size, g, count, g.x_channels, g.y_channels)


@functools.lru_cache(maxsize=256)
def transpose_tables(geometry: Geometry, count: int) -> Gather:
    """Tables of the map from y and w to x, for `count` images."""
    g = geometry
    return _gather(windows_around(g), g.y_size, g.x_size, g, count, g.y_channels, g.x_channels)


def _gather(
    meetings: list[list[list[Meeting]]],
    size: Sizes,
    out_size: Sizes,
    geometry: Geometry,
    count: int,
    channels: int,
    out_channels: int,
) -> Gather:
    dimensions = [_phases(of_dimension, extent) for of_dimension, extent in zip(meetings, size, strict=True)]
    frame = _frame(size, (0, 0, 0), size)
    if math.prod(map(len, dimensions)) > _PHASES:
        # Too many kinds of edges: with zeros around the image there are none.
        dimensions = [_phases(of_dimension, None) for of_dimension in meetings]
        met = [[at for meeting in of_dimension for _, at in meeting] for of_dimension in meetings]
        low = [max(0, -min(places, default=0)) for places in met]
        high = [max(places, default=0) + before + 1 for places, before in zip(met, low, strict=True)]
        frame = _frame(size, (low[0], low[1], low[2]), (high[0], high[1], high[2]))
    pixels, groups = math.prod(out_size), geometry.groups
    group = channels // groups
    images = images_at_a_time(count, pixels, frame.pixels * channels)
    image = np.arange(images)[:, None]
    rows: list[np.ndarray] = []
    outs: list[np.ndarray] = []
    terms: list[np.ndarray] = []
    w_terms: list[np.ndarray] = []
    bounds: list[tuple[int, ...]] = []
    row = term = 0
    packed: dict[int, int] = {}
    # The phases with the most taps come first and decide the order of packing: taps that are neighbours in the middle
    # of an image then are so along its edges, too.
    combinations = list(itertools.product(*dimensions))
    combinations.sort(key=lambda phases: -math.prod(len(phase.taps) for phase in phases))
    for combination in combinations:
        firsts = [phase.first + before for phase, before in zip(combination, frame.low, strict=True)]
        rows.append((image * frame.pixels + _offsets(firsts, frame.size)).ravel() * channels)
        places = _offsets([phase.places for phase in combination], out_size)
        outs.append((image * pixels + places).ravel() * out_channels)
        run = len(combination[2].taps)
        taps = _offsets([phase.taps for phase in combination], geometry.w_size).tolist()
        shifts = _offsets([phase.shifts for phase in combination], frame.size)
        positions = np.array([packed.setdefault(tap, len(packed)) for tap in taps], np.int64)
        # Neighbouring taps of a line read neighbouring memory: one long term instead of several short ones.
        lines = shifts.reshape(-1, max(run, 1)), positions.reshape(-1, max(run, 1))
        if groups == 1 and run > 1 and all(bool(np.all(np.diff(line, axis=1) == 1)) for line in lines):
            shifts, positions = lines[0][:, 0], lines[1][:, 0]
        else:
            run = 1
        bounds.append((row, row + len(rows[-1]), term, term + len(shifts), run * group))
        terms.append(shifts * channels)
        w_terms.append(positions * group)
        row += len(rows[-1])
        term += len(shifts)
    return Gather(
        frame,
        images,
        np.array(bounds, np.int64).reshape(-1, 5),
        _whole(np.concatenate(rows)),
        _whole(np.concatenate(outs)),
        _whole(np.concatenate(terms)),
        _whole(np.concatenate(w_terms)),
        _whole(list(packed)),
    )


# Lines of pixels shorter than this are not worth a loop each; the images then are what a term runs over.
_SHORT = 8


@functools.lru_cache(maxsize=256)
def weight_tables(geometry: Geometry, count: int) -> Correlate:
    """Tables of the map from x and y to w, for `count` images."""
    g = geometry
    pixels = math.prod(g.y_size)
    images = images_at_a_time(count, pixels, math.prod(g.x_size) * g.x_channels + pixels * g.y_channels)
    # A tap's rows are rounded up to whole tiles. Where channels are so few that this costs much, all taps share tiles
    # and so their terms, which needs zeros around the image.
    clipped = 4 * g.x_group >= 3 * (-(-g.x_group // ROWS) * ROWS)
    over_images = clipped and g.y_size[2] < _SHORT and images > g.y_size[2]
    frame = _frame(g.x_size, (0, 0, 0), g.x_size) if clipped else x_frame(g)
    meetings = []
    for y, w, s, p, d, x in zip(g.y_size, g.w_size, g.stride, g.padding, g.dilation, g.x_size, strict=True):
        meetings.append([[(o, o * s + r * d - p) for o in range(y) if 0 <= o * s + r * d - p < x] for r in range(w)])
    image = np.arange(1 if over_images else images)[:, None]
    rows, x_terms, y_terms, bands = [], [], [], []
    row = term = 0
    if clipped:
        for taps in itertools.product(*meetings):
            ys, xs = ([np.array([pair[k] for pair in met], np.int64) for met in taps] for k in (0, 1))
            inner = 1 if over_images else len(ys[2])
            if not over_images:
                ys, xs = [*ys[:2], ys[2][:1]], [*xs[:2], xs[2][:1]]
            rows.append(_whole(np.arange(g.x_group), ROWS))
            x_terms.append((image * frame.pixels + _offsets(xs, frame.size)).ravel() * g.x_channels)
            y_terms.append((image * pixels + _offsets(ys, g.y_size)).ravel())
            bands.append((row, row + len(rows[-1]), term, term + len(x_terms[-1]), inner))
            row += len(rows[-1])
            term += len(x_terms[-1])
        places = np.arange(g.taps) * len(rows[0]) + np.arange(g.x_group)[:, None]
    else:
        depth, height, width = g.y_size
        taps_at = _offsets([np.arange(w) * d for w, d in zip(g.w_size, g.dilation, strict=True)], frame.size)
        rows.append(_whole((taps_at[:, None] * g.x_channels + np.arange(g.x_group)).ravel(), ROWS))
        lines = _offsets(
            [np.arange(depth) * g.stride[0], np.arange(height) * g.stride[1], np.zeros(1, int)], frame.size
        )
        x_terms.append(((image * frame.pixels + lines) * g.x_channels).ravel())
        y_terms.append((image * pixels + np.arange(depth * height) * width).ravel())
        bands.append((0, len(rows[0]), 0, len(x_terms[0]), width))
        places = np.arange(g.taps) * g.x_group + np.arange(g.x_group)[:, None]
    return Correlate(
        frame,
        images,
        np.array(bands, np.int64),
        np.concatenate(rows),
        _whole(np.concatenate(x_terms)),
        _whole(np.concatenate(y_terms)),
        frame.pixels * g.x_channels if over_images else g.stride[2] * g.x_channels,
        pixels * g.y_channels if over_images else g.y_channels,
        over_images,
        _whole(places.ravel()),
    )


__all__ = [
    "Correlate",
    "Frame",
    "Gather",
    "Geometry",
    "Meeting",
    "convolution_tables",
    "transpose_tables",
    "weight_tables",
    "windows",
    "windows_around",
]
