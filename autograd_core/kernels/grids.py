"""Where the points of a grid lie in an image: which elements each reads, with which weights, and how those change.

Along each dimension a point reads one element (the nearest), two (linear) or four (cubic); in the image it reads all
combinations of them. A combination outside the image has the weight 0.
"""

from __future__ import annotations

import numpy as np

from .jit import inline, prange, serial_and_parallel

ZEROS, BORDER, REFLECTION = range(3)
# Keys 1981, "Cubic convolution interpolation for digital image processing"; the constant is PyTorch's.
CUBIC = -0.75

# Points that are worked on at a time.
_POINTS = 256


@inline
def _hold(like, place, rate, top):
    """A place held inside 0 to `top`, and its derivative, which ends at the edges."""
    none = like.dtype.type(0)
    if place <= none:
        return none, none
    if place >= top:
        return top, none
    return place, rate if place < top else none  # a NaN stays one, without a derivative


@inline
def _reflect(like, place, rate, low, span, top):
    """A place mirrored at `low` and at `low + span` until it lies between them, and then held."""
    kind = like.dtype.type
    if span == 0:
        return span, span
    distance = abs(place - low)
    turned = rate if place > low else -rate if place < low else kind(0)
    flips = np.floor(distance / span)
    pairs = np.floor(flips * kind(0.5))
    if flips - pairs - pairs == 1:
        return _hold(like, (flips + kind(1)) * span + low - distance, -turned, top)
    return _hold(like, distance - flips * span + low, turned, top)


@inline
def _pad(like, place, rate, padding, low, span, top):
    if padding == BORDER:
        return _hold(like, place, rate, top)
    if padding == REFLECTION:
        return _reflect(like, place, rate, low, span, top)
    return place, rate


@inline
def _inner(like, distance):
    """The cubic weight of an element at a distance from 0 to 1, and its derivative by the distance."""
    kind = like.dtype.type
    curve, lift = kind(CUBIC + 2), kind(CUBIC + 3)
    value = (curve * distance - lift) * distance * distance + kind(1)
    return value, (kind(3) * curve * distance - kind(2) * lift) * distance


@inline
def _outer(like, distance):
    """The same from 1 to 2."""
    kind = like.dtype.type
    curve = kind(CUBIC)
    value = ((curve * distance - kind(5) * curve) * distance + kind(8) * curve) * distance - kind(4) * curve
    return value, (kind(3) * curve * distance - kind(10) * curve) * distance + kind(8) * curve


@inline
def _find(points, column, size, padding, align, place, rate):
    """Where points lie along a dimension, and how that changes with their coordinate; both before padding if cubic."""
    kind = points.dtype.type
    one, half, whole, top = kind(1), kind(0.5), kind(size), kind(size - 1)
    low, span = (kind(0), top) if align else (-half, whole)
    scale = half * span
    if align:
        for point in range(points.shape[0]):
            place[point] = (points[point, column] + one) * scale
    else:
        for point in range(points.shape[0]):
            place[point] = ((points[point, column] + one) * whole - one) * half
    rate[:] = scale
    if padding != ZEROS:
        for point in range(points.shape[0]):
            place[point], rate[point] = _pad(points, place[point], scale, padding, low, span, top)


@inline
def _read(points, sizes, taps, padding, align, derivative, index, weight):
    """Along each dimension what points read: the elements' indices, with their weights or the weights' derivatives.

    The grid's last coordinate belongs to the first dimension.
    """
    count, axes = points.shape
    kind = points.dtype.type
    place, rate, read = np.empty(count, points.dtype), np.empty(count, points.dtype), np.empty(count, points.dtype)
    for axis in range(axes):
        size = sizes[axis]
        none, top = kind(0), kind(size - 1)
        _find(points, axes - 1 - axis, size, ZEROS if taps == 4 else padding, align, place, rate)
        for tap in range(taps):
            values, numbers = weight[axis, tap], index[axis, tap]
            if taps == 1:
                for point in range(count):
                    read[point] = np.rint(place[point])
                    values[point] = none if derivative else kind(1)
            elif taps == 2:
                shift = kind(tap)
                for point in range(count):
                    read[point] = np.floor(place[point]) + shift
                if derivative:
                    sign = kind(2 * tap - 1)
                    for point in range(count):
                        values[point] = sign * rate[point]
                else:
                    for point in range(count):
                        values[point] = kind(1) - abs(place[point] - read[point])
            else:
                _cubes(place, rate, tap, derivative, values, read)
                if padding != ZEROS:
                    low, span = (none, top) if align else (kind(-0.5), kind(size))
                    for point in range(count):
                        read[point], _ = _pad(points, read[point], none, padding, low, span, top)
            for point in range(count):
                inside = read[point] >= none and read[point] <= top
                numbers[point] = np.int32(read[point]) if inside else np.int32(0)
                values[point] = values[point] if inside else none


@inline
def _cubes(place, rate, tap, derivative, values, read):
    """What points read at their `tap`-th element of four, and its weight or the weight's derivative."""
    kind = place.dtype.type
    shift = kind(tap - 1)
    for point in range(place.size):
        read[point] = np.floor(place[point]) + shift
        distance = place[point] - read[point]
        sign = kind(1) if tap < 2 else kind(-1)
        if tap == 0 or tap == 3:
            value, change = _outer(place, sign * distance)
        else:
            value, change = _inner(place, sign * distance)
        values[point] = sign * change * rate[point] if derivative else value


def _locate(grid, sizes, taps, padding, align, places, weights):
    """What each point of a grid (images, points, dimensions) reads: places in the flat image, and weights."""
    images, points, axes = grid.shape
    blocks = (points + _POINTS - 1) // _POINTS
    for task in prange(images * blocks):
        image, first = task // blocks, task % blocks * _POINTS
        last = min(points, first + _POINTS)
        index, weight = np.empty((axes, taps, last - first), np.int32), np.empty((axes, taps, last - first), grid.dtype)
        _read(grid[image, first:last], sizes, taps, padding, align, False, index, weight)
        for tap in range(places.shape[1]):
            place, product = places[image, tap, first:last], weights[image, tap, first:last]
            rest, step = tap, np.int32(1)
            for axis in range(axes - 1, -1, -1):
                numbers, values = index[axis, rest % taps], weight[axis, rest % taps]
                if axis == axes - 1:
                    place[:] = numbers
                    product[:] = values
                else:
                    for point in range(last - first):
                        place[point] += step * numbers[point]
                    for point in range(last - first):
                        product[point] *= values[point]
                step *= np.int32(sizes[axis])
                rest //= taps


def _slopes(grid, sizes, taps, padding, align, products, out):
    """The cotangent of the grid from those of the weights."""
    images, points, axes = grid.shape
    blocks = (points + _POINTS - 1) // _POINTS
    for task in prange(images * blocks):
        image, first = task // blocks, task % blocks * _POINTS
        last = min(points, first + _POINTS)
        count = last - first
        index, weight = np.empty((axes, taps, count), np.int32), np.empty((axes, taps, count), grid.dtype)
        slope, term, total = np.empty_like(weight), np.empty(count, grid.dtype), np.empty(count, grid.dtype)
        _read(grid[image, first:last], sizes, taps, padding, align, False, index, weight)
        _read(grid[image, first:last], sizes, taps, padding, align, True, index, slope)
        for wanted in range(axes):
            total[:] = 0
            for tap in range(products.shape[1]):
                term[:] = products[image, tap, first:last]
                rest = tap
                for axis in range(axes - 1, -1, -1):
                    factor = slope[axis, rest % taps] if axis == wanted else weight[axis, rest % taps]
                    for point in range(count):
                        term[point] *= factor[point]
                    rest //= taps
                for point in range(count):
                    total[point] += term[point]
            for point in range(count):
                out[image, first + point, axes - 1 - wanted] = total[point]


locate_serial, locate_parallel = serial_and_parallel(_locate)
slopes_serial, slopes_parallel = serial_and_parallel(_slopes)
