"""Depthwise convolution: every channel has a kernel of its own, so channels are lanes and nothing is broadcast.

Lines of pixels are summed up from the lines around them, a few neighbouring places and one vector of channels at a
time, with the tables of :mod:`.lines`. Channels that fill no vector are taken together with some of those before them,
which are then written twice, alike.
"""

from __future__ import annotations

import numpy as np

from ..jit import inline, prange, serial_and_parallel
from ..pieces import clear, peek, poke, prefetch_second
from ..simd import LANES
from .line_tile import PLACES, line_tile

_PLACES = PLACES
_gather_tile, _correlate_tile = line_tile(), line_tile(correlate=True)
# Elements that no near cache holds; for fewer, fetching ahead only costs its instructions.
_LARGE = 1 << 20
_LANES32, _LANES64 = LANES["float32"], LANES["float64"]


@inline
def _lay_lines(x, image, lines, width, channels, first, last, buffer):
    """Copy some lines of a channels-first image into the buffer, channels-last."""
    for channel in range(channels):
        source = ((image * channels + channel) * lines + first) * width
        for i in range((last - first) * width):
            poke(buffer, i * channels + channel, peek(x, source + i))


@inline
def _fetch_ahead(x, start, reach, line, column, step, width, channels):
    """Have the columns brought nearer that the next tile is the first to read: those of lines new to this one.

    Not into the nearest cache: pixels of 128 channels lie 512 bytes apart and so share an eighth of it.
    """
    fresh = reach[line, 1] - reach[line - 1, 1] if line else reach[line, 1] - reach[line, 0]
    for source in range(reach[line, 1] - fresh, reach[line, 1]):
        place = start + (source * width + column) * channels
        for _ in range(_PLACES * step):
            prefetch_second(x, place)
            place += channels


def _gather(x, count, channels, channels_first, source_lines, source_width, width, classes, bounds, terms, reach,
            line_splits, channel_splits, weight, initial, zeros, out):  # fmt: skip
    """out[pixel, channel] = initial[channel] + the sum over the pixel's window of x times weight[tap, channel]."""
    lanes = _LANES32 if out.itemsize == 4 else _LANES64
    lines = reach.shape[0]
    large = x.size + out.size > _LARGE
    blocks = (channels + lanes - 1) // lanes
    for task in prange(count * line_splits * channel_splits):
        image, split = task // (line_splits * channel_splits), task // channel_splits % line_splits
        part = task % channel_splits
        first_line, last_line = lines * split // line_splits, lines * (split + 1) // line_splits
        first_block, last_block = blocks * part // channel_splits, blocks * (part + 1) // channel_splits
        if channels_first:
            low, high = source_lines, 0
            for line in range(first_line, last_line):
                if reach[line, 1] > reach[line, 0]:
                    low, high = min(low, reach[line, 0]), max(high, reach[line, 1])
            low = min(low, high)
            buffer = np.empty((high - low) * source_width * channels + 1, x.dtype)
            _lay_lines(x, image, source_lines, source_width, channels, low, high, buffer)
            start = -low * source_width * channels
        else:
            buffer = x
            start = image * source_lines * source_width * channels
        for line in range(first_line, last_line):
            for number in range(classes.shape[0]):
                first_place, place_step, places, step = (
                    classes[number, 0], classes[number, 1], classes[number, 2], classes[number, 3]
                )  # fmt: skip
                at = line * classes.shape[0] + number
                three, two, one, last = bounds[at, 0], bounds[at, 1], bounds[at, 2], bounds[at, 3]
                for place in range(0, places, _PLACES):
                    target = ((image * lines + line) * width + first_place + place * place_step) * channels
                    for block in range(first_block, last_block):
                        channel = max(0, min(block * lanes, channels - lanes))
                        if large:
                            _fetch_ahead(buffer, start + channel, reach, line, (place + _PLACES) * step, step,
                                         source_width, channels)  # fmt: skip
                        _gather_tile(out, target + channel, place_step * channels, places - place, buffer,
                                     start + channel, place * step, step, source_width, channels, terms, three, two,
                                     one, last, weight, channel, channels, initial, channel, zeros)  # fmt: skip


gather_serial, gather_parallel = serial_and_parallel(_gather)


def _correlate(x, y, count, channels, source_lines, source_width, width, step, bounds, terms, reach, sums,
               channel_splits, taps, zeros, partial):  # fmt: skip
    """partial[sum, tap, block, lane] = the sum over the sum's images and their pixels of x at the tap times y."""
    lanes = _LANES32 if partial.itemsize == 4 else _LANES64
    lines = bounds.shape[0]
    large = x.size + y.size > _LARGE
    blocks = (channels + lanes - 1) // lanes
    padded = blocks * lanes
    for task in prange(sums * channel_splits):
        number, part = task // channel_splits, task % channel_splits
        first_block, last_block = blocks * part // channel_splits, blocks * (part + 1) // channel_splits
        start = number * taps * padded
        for tap in range(taps):
            clear(partial, start + tap * padded + first_block * lanes, (last_block - first_block) * lanes)
        for image in range(count * number // sums, count * (number + 1) // sums):
            source = image * source_lines * source_width * channels
            for line in range(lines):
                three, two, one, last = bounds[line, 0], bounds[line, 1], bounds[line, 2], bounds[line, 3]
                for place in range(0, width, _PLACES):
                    target = ((image * lines + line) * width + place) * channels
                    for block in range(first_block, last_block):
                        channel = max(0, min(block * lanes, channels - lanes))
                        here = start + block * lanes
                        if large:
                            _fetch_ahead(x, source + channel, reach, line, (place + _PLACES) * step, step,
                                         source_width, channels)  # fmt: skip
                        _correlate_tile(y, target + channel, channels, width - place, x, source + channel, place * step,
                                        step, source_width, channels, terms, three, two, one, last, partial, here,
                                        padded, zeros, 0, zeros)  # fmt: skip


correlate_serial, correlate_parallel = serial_and_parallel(_correlate)
