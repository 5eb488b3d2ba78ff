"""Pooling: maxima and weighted sums over windows of images.

Images come as C-contiguous blocks (outer, pixels, inner): channels-last images with their channels as `inner`, others
with a plane each and an `inner` of 1. The window of pixel q of the result reads the pixels
``places[begin[q]:begin[q + 1]]``, so kernels know nothing of dimensions, strides or padding. Maps transposed to these
come with the table of what reads each pixel: threads write disjoint pixels, and results do not depend on their number.

`bands` cuts the result: pixels from bands[i, 0] to bands[i, 1] read none before bands[i, 2] or from bands[i, 3] on. A
band is a thread's task. Of planes it takes several at a time, turned so that they lie as channels do: what works on
rows of channels then works on planes, and the turning stays in the caches.
"""

from __future__ import annotations

import numpy as np

from .jit import DISABLED, inline, prange, serial_and_parallel, summing
from .lanes import add_chosen_rows, combine_rows, max_of_rows, mean_of_rows, spread_chosen_rows
from .pieces import mean_of_lines
from .planes import PLANES, planes_in, planes_out
from .simd import LANES

_LANES32, _LANES64 = LANES["float32"], LANES["float64"]
# Pixels up to which planes are summed up several at a time, which spares adding up the lanes of each.
_SHORT = 256


@inline
def _tasks(outer, bands):
    return outer * bands.shape[0]


@inline
def _band(task, bands):
    """The image of a task or its block of planes, its first and last pixel, and the range of what they read."""
    count = bands.shape[0]
    band = task % count
    return task // count, bands[band, 0], bands[band, 1], bands[band, 2], bands[band, 3]


@inline
def _blocks(planes):
    return (planes + PLANES - 1) // PLANES


def _max_pool(x, bands, begin, places, out, index):
    """Largest element of each window, and the pixel it came from: the first of equals, the last NaN if there is one."""
    outer, pixels, inner = out.shape
    size = x.shape[1]
    line, out_line, index_line = x.reshape(-1), out.reshape(-1), index.reshape(-1)
    if inner == 1:
        # Only bits are moved, so numbers of pixels pass for float32.
        index_bits = index_line.view(np.float32)
        for task in prange(_tasks(_blocks(outer), bands)):
            block, first, last, low, high = _band(task, bands)
            turned = planes_in(line, block, outer, size, low, high)
            best, chosen = np.empty((last - first) * PLANES, x.dtype), np.empty((last - first) * PLANES, index.dtype)
            for pixel in range(first, last):
                at, end = begin[pixel], begin[pixel + 1]
                max_of_rows(turned, -low, places, at, end, best, chosen, pixel - first, PLANES)
            planes_out(best, out_line, block, outer, pixels, first, last)
            planes_out(chosen.view(np.float32), index_bits, block, outer, pixels, first, last)
        return
    for task in prange(_tasks(outer, bands)):
        image, first, last, _, _ = _band(task, bands)
        start, to = image * size, image * pixels
        for pixel in range(first, last):
            at, end = begin[pixel], begin[pixel + 1]
            max_of_rows(line, start, places, at, end, out_line, index_line, to + pixel, inner)


def _max_pool_scatter(x, index, out):
    """Send each element of a plane to the pixel it was chosen from; those that come to one pixel are added."""
    outer, pixels = x.shape[:2]
    for plane in prange(outer):
        line, index_line, out_line = x[plane, :, 0], index[plane, :, 0], out[plane, :, 0]
        out_line[:] = 0
        for pixel in range(pixels):
            out_line[index_line[pixel]] += line[pixel]


def _max_pool_transpose(x, index, bands, begin, places, out):
    """As the scatter, for channels-last images: each pixel takes what has been chosen from it."""
    outer, pixels, inner = out.shape
    line, index_line, out_line = x.reshape(-1), index.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, bands)):
        image, first, last, _, _ = _band(task, bands)
        start, to = image * x.shape[1], image * pixels
        for pixel in range(first, last):
            at, end = begin[pixel], begin[pixel + 1]
            add_chosen_rows(line, index_line, start, places, at, end, pixel, out_line, to + pixel, inner)


def _max_pool_spread(x, index, bands, begin, places, out):
    """As the transpose, for windows that do not overlap; the table is theirs, and `out` is 0 where there is none."""
    outer, pixels, inner = x.shape
    line, index_line, out_line = x.reshape(-1), index.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, bands)):
        image, first, last, _, _ = _band(task, bands)
        start, to = image * pixels, image * out.shape[1]
        for pixel in range(first, last):
            at, end = begin[pixel], begin[pixel + 1]
            spread_chosen_rows(line, index_line, start + pixel, to, places, at, end, out_line, inner)


@summing
def _sum_of_line(line):
    total = line.dtype.type(0)
    for i in range(line.size):
        total += line[i]
    return total


def _mean_of_images(x, outer, pixels, inner, scale, out):
    """Sums over all pixels of each image, times `scale`, which has the dtype of flat lines."""
    factor = x.dtype.type(scale)
    lanes = _LANES32 if x.itemsize == 4 else _LANES64
    if inner == 1 and outer >= lanes and pixels <= _SHORT and not DISABLED:
        for block in prange((outer + lanes - 1) // lanes):
            # The last block reaches back over planes that are done, or are being done by another thread, alike.
            plane = min(block * lanes, outer - lanes)
            mean_of_lines(x, plane * pixels, pixels, factor, out, plane)
    elif inner == 1:
        for plane in prange(outer):
            out[plane] = _sum_of_line(x[plane * pixels : (plane + 1) * pixels]) * factor
    else:
        for image in prange(outer):
            mean_of_rows(x, image * pixels, pixels, factor, out, image, inner)


@inline
def _spread_over_line(value, weights, out):
    for i in range(out.size):
        out[i] = value * weights[i]


def _resample(x, bands, begin, places, weights, out):
    """Sums over windows of elements, each times the weight that its window gives it."""
    outer, pixels, inner = out.shape
    size = x.shape[1]
    line, out_line = x.reshape(-1), out.reshape(-1)
    if inner == 1 and size == 1 and places.size == pixels:
        for plane in prange(outer):
            _spread_over_line(line[plane], weights, out_line[plane * pixels : (plane + 1) * pixels])
        return
    if inner == 1:
        for task in prange(_tasks(_blocks(outer), bands)):
            block, first, last, low, high = _band(task, bands)
            turned = planes_in(line, block, outer, size, low, high)
            sums = np.empty((last - first) * PLANES, x.dtype)
            for pixel in range(first, last):
                at, end = begin[pixel], begin[pixel + 1]
                combine_rows(turned, -low, places, weights, at, end, sums, pixel - first, PLANES)
            planes_out(sums, out_line, block, outer, pixels, first, last)
        return
    for task in prange(_tasks(outer, bands)):
        image, first, last, _, _ = _band(task, bands)
        start, to = image * size, image * pixels
        for pixel in range(first, last):
            at, end = begin[pixel], begin[pixel + 1]
            combine_rows(line, start, places, weights, at, end, out_line, to + pixel, inner)


resample_serial, resample_parallel = serial_and_parallel(_resample)
max_pool_serial, max_pool_parallel = serial_and_parallel(_max_pool)
max_pool_scatter_serial, max_pool_scatter_parallel = serial_and_parallel(_max_pool_scatter)
max_pool_transpose_serial, max_pool_transpose_parallel = serial_and_parallel(_max_pool_transpose)
max_pool_spread_serial, max_pool_spread_parallel = serial_and_parallel(_max_pool_spread)
mean_of_images_serial, mean_of_images_parallel = serial_and_parallel(_mean_of_images)
