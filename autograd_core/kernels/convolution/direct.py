"""Direct convolution: register tiles of pixels by channels over packed weights and framed images.

Images lie channels-last. A task takes a few images, lays them into a buffer with zeros around them where windows reach
over the edge, and runs the tile of :mod:`..simd` over its pixels with the offsets of :mod:`.geometry`. Tasks write
disjoint outputs and every output is one sum in one order, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from ..jit import inline, prange, serial_and_parallel
from ..pieces import clear, copy, peek, poke, prefetch
from ..simd import LANES, ROWS, WIDTH, product_tile, transpose_tile

_ROWS = ROWS
_wide = product_tile(ROWS, 2)
_narrow = product_tile(ROWS, 1)
_part = product_tile(ROWS, 1, masked=True)
_transpose_in, _transpose_out = transpose_tile(), transpose_tile(masked=True)
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]


def lanes(dtype: np.dtype) -> int:
    """Elements of a vector."""
    return WIDTH // dtype.itemsize


@inline
def _lanes_of(array):
    return _LANES32 if array.itemsize == 4 else _LANES64


@inline
def lay_image(x, image, sizes, channels_first, buffer, start):
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
                clear(buffer, place, wide * channels)
                continue
            clear(buffer, place, left * channels)
            inside = place + left * channels
            if channels_first:
                for channel in range(channels):
                    first = source + ((channel * depth + from_plane) * height + from_line) * width
                    for i in range(copied):
                        poke(buffer, inside + i * channels + channel, peek(x, first + i))
            else:
                first = source + (from_plane * height + from_line) * width * channels
                copy(buffer, inside, x, first, copied * channels)
            clear(buffer, inside + copied * channels, (wide - left - copied) * channels)


def _lay_all(x, images, sizes, channels_first, buffer):
    pixels = sizes[7] * sizes[8] * sizes[9] * sizes[0]
    for image in prange(images):
        lay_image(x, image, sizes, channels_first, buffer, image * pixels)


lay_serial, lay_parallel = serial_and_parallel(_lay_all)


def _pack(weight, order, places, groups, columns, inner, taps, group_step, column_step, inner_step, packed):
    """Weights as panels of vectors: [group][block of columns][tap in `order`][inner channel][column in the block].

    `places` are the rows of a panel in which the elements of a column lie, if its elements follow each other in memory;
    it is empty if not.
    """
    lanes = _lanes_of(packed)
    width = (columns + lanes - 1) // lanes * lanes
    blocks = (width + 2 * lanes - 1) // (2 * lanes)
    used = order.size
    line = places.size
    for task in prange(groups * blocks):
        group, first = task // blocks, task % blocks * 2 * lanes
        # The last columns make panels of one vector each; those of a pair are one panel of two.
        panels, panel = (1, 2 * lanes) if columns - first >= 2 * lanes else ((width - first) // lanes, lanes)
        scaled = np.empty(line, np.int64)
        for i in range(line):
            scaled[i] = places[i] * panel
        for number in range(panels):
            column = first + number * panel
            start = (group * width + column) * used * inner
            source = group * group_step + column * column_step
            for part in range(0, panel, lanes):
                present = min(lanes, columns - column - part)
                from_part = source + part * column_step
                at = 0
                while at + lanes <= line:
                    _transpose_in(packed, start + part, scaled, at, weight, from_part + at, column_step, present)
                    at += lanes
                if at < line or line == 0:
                    for channel in range(inner):
                        for tap in range(used):
                            origin = from_part + order[tap] + channel * inner_step
                            if line and origin - from_part < at:
                                continue
                            place = start + part + (tap * inner + channel) * panel
                            for i in range(present):
                                poke(packed, place + i, peek(weight, origin + i * column_step))
                            clear(packed, place + present, lanes - present)


pack_serial, pack_parallel = serial_and_parallel(_pack)


@inline
def _tile(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w, w_start,
          initial, initial_start, columns):  # fmt: skip
    """The tile that fits the number of columns that are left; returns how many it took."""
    lanes = _lanes_of(out)
    if columns >= 2 * lanes:
        _wide(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, 2 * lanes, 2 * lanes, initial, initial_start, 0, lanes)  # fmt: skip
    elif columns >= lanes:
        _narrow(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
                w_start, lanes, lanes, initial, initial_start, 0, lanes)  # fmt: skip
    else:
        _part(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, lanes, lanes, initial, initial_start, 0, columns)  # fmt: skip


@inline
def fetch_ahead(x, start, x_rows, row, last_row, offset, count):
    """Have the pixels brought near that the tile after the one at `row` is the first to read.

    `offset` is where they lie from the start of their windows, `count` how many elements they have.
    """
    line = 64 // x.itemsize
    for i in range(row + _ROWS, min(row + 2 * _ROWS, last_row)):
        place = start + x_rows[i] + offset
        for at in range(0, count, line):
            prefetch(x, place + at)


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
                lay_image(x, first_image + image, sizes, channels_first, buffer, image * pixels)
            base = 0
        else:
            buffer = x
            base = first_image * pixels
        base += group * inner_channels
        out_start = first_image * out_image + group * columns
        column = first_column = blocks * split // splits * 2 * lanes
        stop = min(columns, blocks * (split + 1) // splits * 2 * lanes)
        while column < stop:
            left = columns - column
            w_start = (group * width + column) * panel_rows
            for phase in range(phases.shape[0]):
                row = phases[phase, 0]
                last_row = row + (phases[phase, 1] - row) // images * present
                # The last pixels of a window's last line are those that no window before it has read.
                span = phases[phase, 4]
                fresh = min(span, 2 * inner_channels)
                ahead = x_terms[phases[phase, 3] - 1] + span - fresh if phases[phase, 3] > phases[phase, 2] else 0
                while row + _ROWS <= last_row:
                    if column == first_column:
                        fetch_ahead(buffer, base, x_rows, row, last_row, ahead, fresh)
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


def _correlate(x, y, count, images, sums, splits, groups, x_image, x_channels, y_image, y_channels, bands, x_rows,
               out_rows, x_terms, y_terms, over_images, x_step, y_step, partial):  # fmt: skip
    """partial[sum, group, row, column] = the sum over the sum's images and their pixels of x at the row times y."""
    lanes = _lanes_of(partial)
    columns = y_channels // groups
    width = (columns + lanes - 1) // lanes * lanes
    rows = x_rows.size
    blocks = (width + 2 * lanes - 1) // (2 * lanes)
    items = bands.shape[0] * blocks
    for task in prange(sums * groups * splits):
        number, group, split = task // (groups * splits), task // splits % groups, task % splits
        start = (number * groups + group) * rows * width
        first_image, last_image = count * number // sums, count * (number + 1) // sums
        for item in range(items * split // splits, items * (split + 1) // splits):
            band, first = item // blocks, item % blocks * 2 * lanes
            first_row, last_row, first_term = bands[band, 0], bands[band, 1], bands[band, 2]
            for row in range(first_row, last_row):
                clear(partial, start + row * width + first, min(2 * lanes, width - first))
            for image in range(first_image, last_image, images):
                present = min(images, last_image - image)
                if over_images:
                    inner, last_term = present, bands[band, 3]
                else:
                    inner, last_term = bands[band, 4], first_term + (bands[band, 3] - first_term) // images * present
                x_start = image * x_image + group * (x_channels // groups)
                column = first
                while column < min(first + 2 * lanes, columns):
                    left = columns - column
                    here = start + column
                    y_start = image * y_image + group * columns + column
                    for row in range(first_row, last_row, _ROWS):
                        if left >= 2 * lanes:
                            _wide(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, first_term,
                                  last_term, inner, x_step, y, y_start, y_channels, y_step, partial,
                                  here + row * width, width, lanes)  # fmt: skip
                        elif left >= lanes:
                            _narrow(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, first_term,
                                    last_term, inner, x_step, y, y_start, y_channels, y_step, partial,
                                    here + row * width, width, lanes)  # fmt: skip
                        else:
                            _part(partial, here, out_rows, x, x_start, x_rows, row, x_terms, y_terms, first_term,
                                  last_term, inner, x_step, y, y_start, y_channels, y_step, partial,
                                  here + row * width, width, left)  # fmt: skip
                    column += 2 * lanes if left >= 2 * lanes else lanes


correlate_serial, correlate_parallel = serial_and_parallel(_correlate)


def _collect(partial, sums, places, groups, columns, inner, taps, rows, out):
    """Add the partial sums and put the weight gradient in the order of the weight: [group, column, inner, tap].

    `places` are the starts of the rows of `partial` in the order in which a column's elements follow each other.
    """
    lanes = _lanes_of(partial)
    width = partial.size // (sums * groups * rows)
    line = inner * taps
    blocks = width // lanes
    for task in prange(groups * blocks):
        group, column = task // blocks, task % blocks * lanes
        start = group * rows * width + column
        for number in range(1, sums):
            other = start + number * groups * rows * width
            for row in range(rows):
                for i in range(lanes):
                    at = row * width + i
                    poke(partial, start + at, peek(partial, start + at) + peek(partial, other + at))
        target = (group * columns + column) * line
        present = min(lanes, columns - column)
        at = 0
        while at + lanes <= line:
            _transpose_out(partial, start, places, at, out, target + at, line, present)
            at += lanes
        for last in range(at, line):
            for i in range(present):
                poke(out, target + i * line + last, peek(partial, start + places[last] + i))


collect_serial, collect_parallel = serial_and_parallel(_collect)
