"""Depthwise convolution: every channel has a kernel of its own, so channels are lanes and nothing is broadcast."""

from __future__ import annotations

import numpy as np

from ..jit import inline, prange, serial_and_parallel
from ..simd import LANES, ROWS, clear, product_tile
from .direct import fetch_ahead, lay_image

_ROWS = ROWS
_wide = product_tile(ROWS, 2, spread=False)
_narrow = product_tile(ROWS, 1, spread=False)
_part = product_tile(ROWS, 1, masked=True, spread=False)
# Elements that no near cache holds; for fewer, fetching ahead only costs its instructions.
_LARGE = 1 << 20
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]


@inline
def _tile(lanes, left, out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step,
          w, w_start, w_scale, w_step, initial, initial_start, initial_step):  # fmt: skip
    """The tile that fits the number of channels that are left."""
    if left >= 2 * lanes:
        _wide(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, w_scale, w_step, initial, initial_start, initial_step, lanes)  # fmt: skip
    elif left >= lanes:
        _narrow(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
                w_start, w_scale, w_step, initial, initial_start, initial_step, lanes)  # fmt: skip
    else:
        _part(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
              w_start, w_scale, w_step, initial, initial_start, initial_step, left)  # fmt: skip


def _gather(x, count, sizes, channels_first, framed, out_pixels, images, splits, phases, x_rows, out_rows, x_terms,
            w_terms, weight, initial, out):  # fmt: skip
    """out[pixel, channel] = initial[channel] + the sum over the pixel's window of x times weight[tap, channel]."""
    channels = sizes[0]
    pixels = sizes[7] * sizes[8] * sizes[9] * channels
    lanes = _LANES32 if out.itemsize == 4 else _LANES64
    blocks = (channels + 2 * lanes - 1) // (2 * lanes)
    chunks = (count + images - 1) // images
    for task in prange(chunks * splits):
        chunk, split = task // splits, task % splits
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
        out_start = first_image * out_pixels * channels
        first_channel = blocks * split // splits * 2 * lanes
        last_channel = min(channels, blocks * (split + 1) // splits * 2 * lanes)
        for phase in range(phases.shape[0]):
            last_row = phases[phase, 0] + (phases[phase, 1] - phases[phase, 0]) // images * present
            for row in range(phases[phase, 0], last_row, _ROWS):
                whole = row + _ROWS <= last_row
                if not whole:
                    # The last pixel stands in for those that a whole tile has too many.
                    for i in range(_ROWS):
                        rest_x[i] = x_rows[min(row + i, last_row - 1)]
                        rest_out[i] = out_rows[min(row + i, last_row - 1)]
                channel = first_channel
                if x.size > _LARGE and phases[phase, 3] > phases[phase, 2]:
                    ahead = x_terms[phases[phase, 3] - 1] + (phases[phase, 4] - 1) * channels + first_channel
                    fetch_ahead(buffer, base, x_rows, row, last_row, ahead, last_channel - first_channel)
                while channel < last_channel:
                    left = channels - channel
                    if whole:
                        _tile(lanes, left, out, out_start + channel, out_rows, buffer, base + channel, x_rows, row,
                              x_terms, w_terms, phases[phase, 2], phases[phase, 3], phases[phase, 4], channels, weight,
                              channel, channels, channels,
                              initial, channel, 0)  # fmt: skip
                    else:
                        _tile(lanes, left, out, out_start + channel, rest_out, buffer, base + channel, rest_x, 0,
                              x_terms, w_terms, phases[phase, 2], phases[phase, 3], phases[phase, 4], channels, weight,
                              channel, channels, channels,
                              initial, channel, 0)  # fmt: skip
                    channel += 2 * lanes if left >= 2 * lanes else lanes


gather_serial, gather_parallel = serial_and_parallel(_gather)


def _correlate(x, y, count, images, sums, splits, x_image, y_image, channels, x_rows, out_rows, x_terms, y_terms, inner,
               x_step, partial):  # fmt: skip
    """partial[sum, tap, channel] = the sum over the sum's images and their pixels of x at the tap times y."""
    lanes = _LANES32 if partial.itemsize == 4 else _LANES64
    rows = x_rows.size
    terms = x_terms.size // images
    blocks = (channels + 2 * lanes - 1) // (2 * lanes)
    for task in prange(sums * splits):
        number, split = task // splits, task % splits
        first_channel = blocks * split // splits * 2 * lanes
        last_channel = min(channels, blocks * (split + 1) // splits * 2 * lanes)
        start = number * rows * channels
        for row in range(rows):
            clear(partial, start + row * channels + first_channel, last_channel - first_channel)
        last_image = count * (number + 1) // sums
        for image in range(count * number // sums, last_image, images):
            last_term = terms * min(images, last_image - image)
            channel = first_channel
            while channel < last_channel:
                left = channels - channel
                for row in range(0, rows, _ROWS):
                    here = start + channel
                    _tile(lanes, left, partial, here, out_rows, x, image * x_image + channel, x_rows, row, x_terms,
                          y_terms, 0, last_term, inner, x_step, y, image * y_image + channel, channels, channels,
                          partial, here + row * channels, channels)  # fmt: skip
                channel += 2 * lanes if left >= 2 * lanes else lanes


correlate_serial, correlate_parallel = serial_and_parallel(_correlate)
