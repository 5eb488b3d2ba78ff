"""Direct convolution: register tiles of pixels by channels over packed weights and framed images.

Images lie channels-last. A task takes a few images, lays them into a buffer with zeros around them where windows reach
over the edge, and runs the tile of :mod:`..simd` over its pixels with the offsets of :mod:`.geometry`. Tasks write
disjoint outputs and every output is one sum in one order, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from ..jit import inline, kernel, prange, serial_and_parallel
from ..simd import LANES, ROWS, product_tile

_ROWS = ROWS
_wide = product_tile(ROWS, 2)
_narrow = product_tile(ROWS, 1)
_part = product_tile(ROWS, 1, masked=True)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]


def lanes(dtype: np.dtype) -> int:
    """Elements of a vector."""
    return LANES[dtype.name]


@inline
def _lanes_of(array):
    return _LANES32 if array.itemsize == 4 else _LANES64


@inline
def _lay(x, image, sizes, channels_first, buffer, start):
    """Copy one image into the buffer at `start`, channels-last, with zeros around it.

    `sizes` holds: channels, the image's depth, height and width, the zeros before it and the buffer's size.
    """
    channels = sizes[0]
    depth, height, width = sizes[1], sizes[2], sizes[3]
    deep, high, wide = sizes[7], sizes[8], sizes[9]
    before, above, left = sizes[4], sizes[5], min(sizes[6], wide)
    copied = max(0, min(width, wide - left))
    source = image * channels * depth * height * width
    for plane in range(deep):
        for line in range(high):
            place = start + (plane * high + line) * wide * channels
            from_plane, from_line = plane - before, line - above
            if from_plane < 0 or from_plane >= depth or from_line < 0 or from_line >= height:
                for i in range(place, place + wide * channels):
                    buffer[i] = 0
                continue
            for i in range(place, place + left * channels):
                buffer[i] = 0
            inside = place + left * channels
            if channels_first:
                for channel in range(channels):
                    first = source + ((channel * depth + from_plane) * height + from_line) * width
                    for i in range(copied):
                        buffer[inside + i * channels + channel] = x[first + i]
            else:
                first = source + (from_plane * height + from_line) * width * channels
                for i in range(copied * channels):
                    buffer[inside + i] = x[first + i]
            for i in range(inside + copied * channels, place + wide * channels):
                buffer[i] = 0


def _lay_all(x, images, sizes, channels_first, buffer):
    pixels = sizes[7] * sizes[8] * sizes[9] * sizes[0]
    for image in prange(images):
        _lay(x, image, sizes, channels_first, buffer, image * pixels)


lay_serial, lay_parallel = serial_and_parallel(_lay_all)


def _pack(weight, order, groups, columns, inner, group_step, column_step, inner_step, packed):
    """Weights as panels of vectors: [group][block of columns][tap in `order`][inner channel][column in the block]."""
    lanes = _lanes_of(packed)
    width = (columns + lanes - 1) // lanes * lanes
    blocks = (width + 2 * lanes - 1) // (2 * lanes)
    taps = order.size
    for task in prange(groups * blocks):
        group, first = task // blocks, task % blocks * 2 * lanes
        # The last columns make panels of one vector each; those of a pair are one panel of two.
        panels, panel = (1, 2 * lanes) if columns - first >= 2 * lanes else ((width - first) // lanes, lanes)
        for number in range(panels):
            column = first + number * panel
            present = min(panel, columns - column)
            start = (group * width + column) * taps * inner
            source = group * group_step + column * column_step
            for tap in range(taps):
                for channel in range(inner):
                    place = start + (tap * inner + channel) * panel
                    origin = source + order[tap] + channel * inner_step
                    for i in range(present):
                        packed[place + i] = weight[origin + i * column_step]
                    for i in range(present, panel):
                        packed[place + i] = 0


pack_serial, pack_parallel = serial_and_parallel(_pack)


@inline
def _tile(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w, w_start,
          initial, initial_start, columns):  # fmt: skip
    """The tile that fits the number of columns that are left; returns how many it took."""
    lanes = _lanes_of(out)
    if columns >= 2 * lanes:
        _wide(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, 2 * lanes, initial, initial_start, 0, lanes)  # fmt: skip
    elif columns >= lanes:
        _narrow(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
                w_start, lanes, initial, initial_start, 0, lanes)  # fmt: skip
    else:
        _part(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, lanes, initial, initial_start, 0, columns)  # fmt: skip


def _gather(x, count, sizes, channels_first, framed, groups, columns, out_pixels, images, splits, phases, x_rows,
            out_rows, x_terms, w_terms, packed, initial, out):  # fmt: skip
    """out[pixel, column] = initial[column] + the sum over the pixel's window of x times the packed weights."""
    channels = sizes[0]
    inner_channels = channels // groups
    pixels = sizes[7] * sizes[8] * sizes[9] * channels
    lanes = _lanes_of(out)
    width = (columns + lanes - 1) // lanes * lanes
    panel_rows = packed.size // (groups * width)
    out_image = out_pixels * columns * groups
    blocks = (width + 2 * lanes - 1) // (2 * lanes)
    chunks = (count + images - 1) // images
    for task in prange(chunks * groups * splits):
        chunk, group, split = task // (groups * splits), task // splits % groups, task % splits
        first_image = chunk * images
        present = min(images, count - first_image)
        rest_x, rest_out = np.empty(_ROWS, np.int64), np.empty(_ROWS, np.int64)
        if framed:
            buffer = np.empty(present * pixels, x.dtype)
            for image in range(present):
                _lay(x, first_image + image, sizes, channels_first, buffer, image * pixels)
            base = 0
        else:
            buffer = x
            base = first_image * pixels
        base += group * inner_channels
        out_start = first_image * out_image + group * columns
        column = blocks * split // splits * 2 * lanes
        stop = min(columns, blocks * (split + 1) // splits * 2 * lanes)
        while column < stop:
            left = columns - column
            w_start = (group * width + column) * panel_rows
            for phase in range(phases.shape[0]):
                row = phases[phase, 0]
                last_row = row + (phases[phase, 1] - row) // images * present
                while row + _ROWS <= last_row:
                    _tile(out, out_start + column, out_rows, buffer, base, x_rows, row, x_terms, w_terms,
                          phases[phase, 2], phases[phase, 3], phases[phase, 4], 1, packed, w_start, initial,
                          group * width + column, left)  # fmt: skip
                    row += _ROWS
                if row < last_row:
                    # The last pixel stands in for those that a whole tile has too many.
                    for i in range(_ROWS):
                        rest_x[i] = x_rows[min(row + i, last_row - 1)]
                        rest_out[i] = out_rows[min(row + i, last_row - 1)]
                    _tile(out, out_start + column, rest_out, buffer, base, rest_x, 0, x_terms, w_terms,
                          phases[phase, 2], phases[phase, 3], phases[phase, 4], 1, packed, w_start, initial,
                          group * width + column, left)  # fmt: skip
            column += 2 * lanes if left >= 2 * lanes else lanes


gather_serial, gather_parallel = serial_and_parallel(_gather)


def _correlate(x, y, count, images, sums, splits, groups, x_image, x_channels, y_image, y_channels, x_rows, out_rows,
               x_terms, y_terms, inner, x_step, partial):  # fmt: skip
    """partial[sum, group, row, column] = the sum over the sum's images and their pixels of x at the row times y."""
    lanes = _lanes_of(partial)
    columns = y_channels // groups
    width = (columns + lanes - 1) // lanes * lanes
    rows = x_rows.size
    blocks = rows // _ROWS
    terms = x_terms.size // images
    for task in prange(sums * groups * splits):
        number, group, split = task // (groups * splits), task // splits % groups, task % splits
        first_block, last_block = blocks * split // splits, blocks * (split + 1) // splits
        start = (number * groups + group) * rows * width
        for i in range(start + first_block * _ROWS * width, start + last_block * _ROWS * width):
            partial[i] = 0
        image, last_image = count * number // sums, count * (number + 1) // sums
        while image < last_image:
            present = min(images, last_image - image)
            x_start = image * x_image + group * (x_channels // groups)
            last_term = terms * present
            column = 0
            while column < columns:
                left = columns - column
                y_start = image * y_image + group * columns + column
                for block in range(first_block, last_block):
                    row = block * _ROWS
                    here = start + column
                    if left >= 2 * lanes:
                        _wide(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, 0, last_term, inner,
                              x_step, y, y_start, y_channels, partial, here + row * width, width, lanes)  # fmt: skip
                    elif left >= lanes:
                        _narrow(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, 0, last_term,
                                inner, x_step, y, y_start, y_channels, partial, here + row * width, width,
                                lanes)  # fmt: skip
                    else:
                        _part(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, 0, last_term, inner,
                              x_step, y, y_start, y_channels, partial, here + row * width, width, left)  # fmt: skip
                column += 2 * lanes if left >= 2 * lanes else lanes
            image += present


correlate_serial, correlate_parallel = serial_and_parallel(_correlate)


@kernel
def collect(partial, sums, groups, columns, inner, taps, rows, out):
    """Add the partial sums and put the weight gradient in the order of the weight: [group, column, inner, tap]."""
    width = partial.size // (sums * groups * rows)
    block = groups * rows * width
    for number in range(1, sums):
        for i in range(block):
            partial[i] += partial[number * block + i]
    for group in range(groups):
        for tap in range(taps):
            for channel in range(inner):
                source = (group * rows + tap * inner + channel) * width
                place = (group * columns * inner + channel) * taps + tap
                for column in range(columns):
                    out[place + column * inner * taps] = partial[source + column]
