"""Tables for depthwise convolution, line by line: which lines and taps each line of pixels is the sum of.

Along a line, the places whose windows hold the same taps are a class: all places of a convolution, and for a transpose
every stride-th. A term is one line of the source with taps of one line of the kernel that lie side by side: as many as
the tile of :mod:`.line_tile` takes at a time, or one.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from .geometry import Geometry, Meeting, Sizes, windows, windows_around
from .line_tile import FIELDS, STEPS, TAPS


class Lines(NamedTuple):
    """The sums of each line.

    Attributes:
        source: spatial size of what is read.
        width: places in a line of what is written.
        classes: for each class its first place, from one place to the next, their number, and the columns of the source
            from one place's window to the next.
        bounds: for each line and class the first of its terms with three taps, of those with two, of those with one,
            and the last + 1.
        terms: for each term the source's line in elements, the column where the first place's taps begin, and the first
            tap's weights in elements.
        reach: for each line the first of the source's lines that it reads, and the last + 1.
        order: the order in which the taps of a channel are packed.
    """

    source: Sizes
    width: int
    classes: np.ndarray
    bounds: np.ndarray
    terms: np.ndarray
    reach: np.ndarray
    order: np.ndarray


# A class along a line: its row in the table, and its taps with the column that each meets from the first place.
_Class = tuple[tuple[int, int, int, int], list[Meeting]]


def _pieces(taps: list[Meeting], step: int) -> list[tuple[int, list[int]]]:
    """The taps of a class in pieces, those of most taps first: the column where each begins, and its taps."""
    taps = sorted(taps, key=lambda tap: tap[1])
    pieces = []
    while taps:
        near = 1
        while step in STEPS and near < min(TAPS, len(taps)) and taps[near][1] == taps[0][1] + near:
            near += 1
        pieces.append((taps[0][1], [tap for tap, _ in taps[:near]]))
        taps = taps[near:]
    return sorted(pieces, key=lambda piece: -len(piece[1]))


def _lines(
    classes: list[_Class], meetings: list[list[list[Meeting]]], source: Sizes, width: int, geometry: Geometry
) -> Lines:
    """The tables, given what each place meets in depth and height: taps and places of the source."""
    _, height, taps_wide = geometry.w_size
    channels = geometry.x_channels
    pieces = [_pieces(taps, row[3]) for row, taps in classes]
    # Taps are packed kernel line by kernel line, each in the order of the pieces.
    in_line = [tap for of_class in pieces for _, taps in of_class for tap in taps]
    packed = {tap: place for place, tap in enumerate(in_line)}
    order = [line * taps_wide + tap for line in range(geometry.taps // taps_wide) for tap in in_line]
    terms: list[tuple[int, int, int]] = []
    bounds, reach = [], []
    for deep, high in itertools.product(*meetings):
        met = [
            (at * source[1] + line, tap * height + row)
            for (tap, at), (row, line) in itertools.product(deep, high)
            if 0 <= at < source[0] and 0 <= line < source[1]
        ]
        lines = [line for line, _ in met]
        reach.append((min(lines, default=0), max(lines, default=-1) + 1))
        for of_class in pieces:
            numbers = [len(met) * sum(len(taps) == count for _, taps in of_class) for count in range(TAPS, 0, -1)]
            bounds.append([len(terms), *(len(terms) + np.cumsum(numbers))])
            for column, taps in of_class:
                for line, row in met:
                    place = (row * len(in_line) + packed[taps[0]]) * channels
                    terms.append((line * source[2] * channels, column, place))
    return Lines(
        source,
        width,
        np.array([row for row, _ in classes], np.int64),
        np.array(bounds, np.int64),
        np.array(terms, np.int64).reshape(-1, FIELDS).ravel(),
        np.array(reach, np.int64),
        np.array(order, np.int64),
    )


@functools.lru_cache(maxsize=256)
def convolution_lines(geometry: Geometry) -> Lines:
    """Lines of y, as sums over x and w."""
    g = geometry
    *meetings, along = windows(g)
    return _lines([((0, 1, g.y_size[2], g.stride[2]), along[0])], meetings, g.x_size, g.y_size[2], g)


@functools.lru_cache(maxsize=256)
def transpose_lines(geometry: Geometry) -> Lines:
    """Lines of x, as sums over y and w."""
    g = geometry
    *meetings, along = windows_around(g)
    width, stride = g.x_size[2], g.stride[2]
    classes = [((first, stride, -(-(width - first) // stride), 1), along[first]) for first in range(min(stride, width))]
    return _lines(classes, meetings, g.y_size, width, g)


__all__ = ["Lines", "convolution_lines", "transpose_lines"]
