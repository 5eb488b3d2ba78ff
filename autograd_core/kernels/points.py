"""Sums of a few elements of each plane for each point, and the two maps that undo them.

Planes are lines (images, channels, size), points have `places` and weights (images, taps, points). The three sums of

    weight[i, t, p] * x[i, c, places[i, t, p]] * y[i, c, p]

that leave out y, x or the weights are the maps here, each also for channels that come last in memory: (images, size,
channels). What a point reads are rows of channels; planes are turned block by block to have such rows. Each map writes
disjoint lines or points from a thread, in an order that does not depend on how many there are.
"""

from __future__ import annotations

import numpy as np

from .jit import inline, prange, serial_and_parallel
from .lanes import combine_rows
from .lines import dot_segment
from .planes import PLANES, planes_in, planes_out

# Points that are worked on at a time: their rows stay in the nearest cache.
_POINTS = 256
# Points for which planes are turned once more, so that threads can share an image.
_MANY = 4096


# A weight of 0 is that of a tap outside the image: what lies in its place, an infinity perhaps, does not count.


@inline
def _holds_nan(line):
    found = np.int32(0)
    for i in range(line.size):
        found |= np.int32(np.isnan(line[i]))
    return found != 0


@inline
def _read(line, weight, places, first, last, size, near, shares, out, pixel):
    """What points read of a line of rows of `size` channels, as rows of `out` from `pixel` on.

    `near` and `shares` receive the places and the weights of each point side by side.
    """
    taps = places.shape[0]
    for tap in range(taps):
        for point in range(first, last):
            near[(point - first) * taps + tap] = places[tap, point]
            shares[(point - first) * taps + tap] = weight[tap, point]
    for point in range(last - first):
        combine_rows(line, 0, near, shares, point * taps, (point + 1) * taps, out, pixel + point, size)


@inline
def _read_again(rows, weight, places, first, targets):
    """Where points, from the `first` on, read a NaN, which may be an infinity times 0: with a look at each weight."""
    for number in range(targets.shape[0]):
        target = targets[number]
        if _holds_nan(target):
            target[:] = 0
            for tap in range(places.shape[0]):
                a, p = rows[np.uint32(places[tap, first + number])], weight[tap, first + number]
                if p != 0:
                    for channel in range(target.size):
                        target[channel] += p * a[channel]


@inline
def _pick(line, weight, places, target):
    """What points read that read one element of a line each."""
    for point in range(target.size):
        # Multiplied in any case: a choice between two numbers is no branch.
        p, value = weight[point], line[np.uint32(places[point])]
        target[point] = p * value if p != 0 else p


@inline
def _give(rows, weight, places, point, source):
    """Add what a point gives to the rows that it reads."""
    for tap in range(places.shape[0]):
        row, p = rows[np.uint32(places[tap, point])], weight[tap, point]
        if p != 0:
            for channel in range(source.size):
                row[channel] += p * source[channel]


def _take(x, weight, places, out):
    """Without y: for each point and channel the sum over its taps."""
    images, channels, points = out.shape
    size, taps = x.shape[2], weight.shape[1]
    if taps == 1:
        # To turn planes takes longer than to read one element of each.
        for task in prange(images * channels):
            image, channel = task // channels, task % channels
            _pick(x[image, channel], weight[image, 0], places[image, 0], out[image, channel])
        return
    blocks = (channels + PLANES - 1) // PLANES
    for task in prange(images * blocks):
        image, block = task // blocks, task % blocks
        line = planes_in(x[image].reshape(-1), block, channels, size, 0, size)
        near, shares = np.empty(_POINTS * taps, np.int64), np.empty(_POINTS * taps, x.dtype)
        found = np.empty(_POINTS * PLANES, x.dtype)
        for first in range(0, points, _POINTS):
            last = min(points, first + _POINTS)
            _read(line, weight[image], places[image], first, last, PLANES, near, shares, found, 0)
            there = found[: (last - first) * PLANES]
            if _holds_nan(there):
                again = there.reshape(last - first, PLANES)
                _read_again(line.reshape(size, PLANES), weight[image], places[image], first, again)
            planes_out(found, out[image].reshape(-1), block, channels, points, first, last)


def _put(y, weight, places, out):
    """Without x: what each element is given by the points that read it."""
    images, channels, points = y.shape
    size = out.shape[2]
    blocks = (channels + PLANES - 1) // PLANES
    for task in prange(images * blocks):
        image, block = task // blocks, task % blocks
        rows = np.zeros((size, PLANES), y.dtype)
        for first in range(0, points, _POINTS):
            last = min(points, first + _POINTS)
            turned = planes_in(y[image].reshape(-1), block, channels, points, first, last)
            given = turned.reshape(last - first, PLANES)
            for point in range(first, last):
                _give(rows, weight[image], places[image], point, given[point - first])
        planes_out(rows.reshape(-1), out[image].reshape(-1), block, channels, size, 0, size)


def _products(x, y, places, out):
    """Without the weights: for each point and tap the sum over channels."""
    images, channels, points = y.shape
    size, taps = x.shape[2], places.shape[1]
    parts = (points + _MANY - 1) // _MANY
    for task in prange(images * parts):
        image, low = task // parts, task % parts * _MANY
        high = min(points, low + _MANY)
        out[image, :, low:high] = 0
        for block in range((channels + PLANES - 1) // PLANES):
            there = min(PLANES, channels - block * PLANES)
            rows = planes_in(x[image].reshape(-1), block, channels, size, 0, size).reshape(size, PLANES)
            turned = planes_in(y[image].reshape(-1), block, channels, points, low, high)
            given = turned.reshape(high - low, PLANES)
            for point in range(low, high):
                for tap in range(taps):
                    row = rows[np.uint32(places[image, tap, point])]
                    out[image, tap, point] += dot_segment(row[:there], given[point - low, :there])


def _take_last(x, weight, places, out):
    """As `take`, for channels that come last."""
    images, points, channels = out.shape
    taps = weight.shape[1]
    blocks = (points + _POINTS - 1) // _POINTS
    for task in prange(images * blocks):
        image, first = task // blocks, task % blocks * _POINTS
        last = min(points, first + _POINTS)
        near, shares = np.empty(_POINTS * taps, np.int64), np.empty(_POINTS * taps, x.dtype)
        line, found = x[image].reshape(-1), out[image].reshape(-1)
        _read(line, weight[image], places[image], first, last, channels, near, shares, found, first)
        if _holds_nan(out[image, first:last].reshape(-1)):
            _read_again(x[image], weight[image], places[image], first, out[image, first:last])


def _put_last(y, weight, places, out):
    """As `put`, for channels that come last."""
    images, points, _ = y.shape
    for image in prange(images):
        out[image] = 0
        for point in range(points):
            _give(out[image], weight[image], places[image], point, y[image, point])


def _products_last(x, y, places, out):
    """As `products`, for channels that come last."""
    images, points, _ = y.shape
    taps = places.shape[1]
    blocks = (points + _POINTS - 1) // _POINTS
    for task in prange(images * blocks):
        image, first = task // blocks, task % blocks * _POINTS
        for point in range(first, min(points, first + _POINTS)):
            for tap in range(taps):
                row = x[image, np.uint32(places[image, tap, point])]
                out[image, tap, point] = dot_segment(row, y[image, point])


take_serial, take_parallel = serial_and_parallel(_take)
put_serial, put_parallel = serial_and_parallel(_put)
products_serial, products_parallel = serial_and_parallel(_products)
take_last_serial, take_last_parallel = serial_and_parallel(_take_last)
put_last_serial, put_last_parallel = serial_and_parallel(_put_last)
products_last_serial, products_last_parallel = serial_and_parallel(_products_last)
