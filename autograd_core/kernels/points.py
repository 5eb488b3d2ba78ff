"""Sums of a few elements of each plane for each point, and the two maps that undo them.

Planes are lines (images, channels, size), points have `places` and weights (images, points, taps). The three sums of

    weight[i, p, t] * x[i, c, places[i, p, t]] * y[i, c, p]

that leave out y, x or the weights are the maps here. Each writes disjoint lines or points from a thread, in an order
that does not depend on how many there are.
"""

from __future__ import annotations

from .jit import prange, serial_and_parallel

# Points a thread takes at a time.
_POINTS = 256


def _take(x, weight, places, out):
    """Without y: for each point and channel the sum over its taps."""
    images, channels, points = out.shape
    taps = places.shape[2]
    for plane in prange(images * channels):
        image, channel = plane // channels, plane % channels
        line = x[image, channel]
        for point in range(points):
            total = x.dtype.type(0)
            for tap in range(taps):
                total += weight[image, point, tap] * line[places[image, point, tap]]
            out[image, channel, point] = total


def _put(y, weight, places, out):
    """Without x: what each element is given by the points that read it."""
    images, channels, points = y.shape
    taps = places.shape[2]
    for plane in prange(images * channels):
        image, channel = plane // channels, plane % channels
        line = out[image, channel]
        line[:] = 0
        for point in range(points):
            value = y[image, channel, point]
            for tap in range(taps):
                line[places[image, point, tap]] += weight[image, point, tap] * value


def _products(x, y, places, out):
    """Without the weights: for each point and tap the sum over channels."""
    images, channels, points = y.shape
    taps = places.shape[2]
    blocks = (points + _POINTS - 1) // _POINTS
    for task in prange(images * blocks):
        image, first = task // blocks, task % blocks * _POINTS
        last = min(points, first + _POINTS)
        for point in range(first, last):
            for tap in range(taps):
                out[image, point, tap] = 0
        for channel in range(channels):
            line = x[image, channel]
            for point in range(first, last):
                value = y[image, channel, point]
                for tap in range(taps):
                    out[image, point, tap] += line[places[image, point, tap]] * value


take_serial, take_parallel = serial_and_parallel(_take)
put_serial, put_parallel = serial_and_parallel(_put)
products_serial, products_parallel = serial_and_parallel(_products)
