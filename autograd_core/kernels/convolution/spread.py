"""The transpose for few channels, as of photographs: products of pixels and all taps at once, spread over the windows.

A vector as wide as the channels of x would leave most of its lanes empty. Taps and channels together fill some: for
each pixel of y the products with the whole kernel are worked out, and each of the kernel's lines, whose taps and
channels lie side by side as the pixels and channels of x do, is added to the line of x that it meets.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from ..jit import prange, serial_and_parallel
from ..pieces import accumulate, clear
from ..simd import LANES, ROWS, product_tile
from .call import COPIED, WORK, columns_of, laid_out, run, scratch, work_of, zeros
from .direct import pack_parallel, pack_serial
from .geometry import Frame, Geometry, windows
from .layout import line_of

_ROWS = ROWS
_wide, _narrow = product_tile(ROWS, 2), product_tile(ROWS, 1)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]
# Pixels that are multiplied at least before their products are spread.
_PIXELS = 64
# Channels of y from which on the products take longer than spreading them (measured).
_INNER = 16
_FIRST, _NO_PLACES = np.zeros(1, np.int64), np.empty(0, np.int64)


class _Meetings(NamedTuple):
    """Where lines of products go.

    Attributes:
        bounds: for each line of y the first of its terms, and the last + 1.
        terms: for each the line of x and the line of the kernel, in elements of x and of products.
        columns: for each place in a line of y where in a line of x its first element goes, where in a line of the
            kernel that lies, and how many follow it.
    """

    bounds: np.ndarray
    terms: np.ndarray
    columns: np.ndarray


@functools.lru_cache(maxsize=256)
def _meetings(geometry: Geometry) -> _Meetings:
    g = geometry
    channels = g.x_channels
    meetings = [
        [[(tap, at) for tap, at in met if 0 <= at < size] for met in of_dimension]
        for of_dimension, size in zip(windows(g), g.x_size, strict=True)
    ]
    terms: list[tuple[int, int]] = []
    bounds = []
    for deep, high in itertools.product(*meetings[:2]):
        first = len(terms)
        for (tap, at), (row, line) in itertools.product(deep, high):
            kernel_line = (tap * g.w_size[1] + row) * g.w_size[2]
            terms.append(((at * g.x_size[1] + line) * g.x_size[2] * channels, kernel_line * channels))
        bounds.append((first, len(terms)))
    columns = [
        (met[0][1] * channels, met[0][0] * channels, len(met) * channels) if met else (0, 0, 0) for met in meetings[2]
    ]
    return _Meetings(np.array(bounds, np.int64), np.array(terms, np.int64).reshape(-1, 2), np.array(columns, np.int64))


def _spread(y, count, inner, width, x_image, bounds, terms, columns, together, padded, packed, initial, nothing,
            out):  # fmt: skip
    """Add to each pixel of x what the windows that hold it give it; `together` lines of y are multiplied at a time."""
    lanes = _LANES32 if out.itemsize == 4 else _LANES64
    lines = bounds.shape[0]
    for image in prange(count):
        clear(out, image * x_image, x_image)
        most = (together * width + _ROWS - 1) // _ROWS * _ROWS
        products = np.empty(most * padded, out.dtype)
        y_rows, out_rows = np.empty(most, np.int64), np.empty(most, np.int64)
        for first in range(0, lines, together):
            pixels = min(together, lines - first) * width
            rows = (pixels + _ROWS - 1) // _ROWS * _ROWS
            for row in range(rows):
                y_rows[row], out_rows[row] = min(row, pixels - 1) * inner, row * padded
            start = (image * lines + first) * width * inner
            for row in range(0, rows, _ROWS):
                for column in range(0, padded, 2 * lanes):
                    if padded - column >= 2 * lanes:
                        _wide(products, column, out_rows, y, start, y_rows, row, nothing, nothing, 0, 1, inner, 1,
                              packed, column * inner, 0, 2 * lanes, initial, 0, 0, 0)  # fmt: skip
                    else:
                        _narrow(products, column, out_rows, y, start, y_rows, row, nothing, nothing, 0, 1, inner, 1,
                                packed, column * inner, 0, lanes, initial, 0, 0, 0)  # fmt: skip
            for pixel in range(pixels):
                line, place = first + pixel // width, pixel % width
                target, source = image * x_image + columns[place, 0], pixel * padded + columns[place, 1]
                for term in range(bounds[line, 0], bounds[line, 1]):
                    accumulate(out, target + terms[term, 0], products, source + terms[term, 1], columns[place, 2])


_spread_serial, _spread_parallel = serial_and_parallel(_spread)


def suits(geometry: Geometry, dtype: np.dtype) -> bool:
    """Whether channels are so few that this is faster than tiles, and taps lie side by side as pixels do."""
    g = geometry
    few = 2 * g.x_channels <= (_LANES32 if dtype.itemsize == 4 else _LANES64)
    return g.groups == 1 and few and g.taps > 1 and g.y_channels >= _INNER and (g.dilation[2] == 1 or g.w_size[2] == 1)


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, out: np.ndarray) -> None:
    """Write x."""
    g = geometry
    count, inner = y.shape[:2]
    columns = g.taps * g.x_channels
    padded = columns_of(columns, 1, y.dtype)
    packed = scratch(padded * inner, y.dtype)
    turned = np.zeros((inner, padded), y.dtype)
    turned[:, :columns] = w.reshape(inner, g.x_channels, g.taps).swapaxes(1, 2).reshape(inner, columns)
    arguments = (turned.reshape(-1), _FIRST, _NO_PLACES, 1, padded, inner, 1, 0, 1, padded, packed)
    run(pack_serial, pack_parallel, packed.size, COPIED, *arguments)
    meetings = _meetings(g)
    width = g.y_size[2]
    together = min(len(meetings.bounds), -(-_PIXELS // width))
    lines = laid_out(y, Frame(g.y_size, (0, 0, 0), g.y_size, False))
    run(
        _spread_serial, _spread_parallel, work_of(g, count), WORK,
        lines, count, inner, width, math.prod(g.x_size) * g.x_channels, *meetings, together, padded, packed,
        zeros(2 * _LANES32, y.dtype), _FIRST, line_of(out)[0],
    )  # fmt: skip


__all__ = ["suits", "transpose"]
