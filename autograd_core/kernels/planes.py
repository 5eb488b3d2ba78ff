"""Blocks of planes turned so that their pixels lie as channels do, and back.

Images whose channels come first are planes of memory, one for each channel of each image. Kernels for windows run over
rows of channels; a block of planes, turned, has such rows: ``turned[pixel * PLANES + plane]``.
"""

from __future__ import annotations

import numpy as np

from .jit import DISABLED, inline
from .simd import WIDTH, transpose_tile

# Planes in a block: a register of the widest processors, several of others.
PLANES = 16
_PLACES = np.arange(PLANES) * PLANES
_turn_in, _turn_out = transpose_tile(), transpose_tile(masked=True)


@inline
def planes_in(line, block, planes, size, low, high):
    """The pixels from `low` to `high` of a block, of `planes` planes of `size` pixels; absent planes hold anything."""
    first = block * PLANES
    count, pixels = min(PLANES, planes - first), high - low
    turned = np.empty(pixels * PLANES, line.dtype)
    lanes = WIDTH // line.itemsize
    if DISABLED or pixels < lanes:
        for plane in range(count):
            start = (first + plane) * size + low
            for pixel in range(pixels):
                turned[pixel * PLANES + plane] = line[start + pixel]
        return turned
    for plane in range(0, count, lanes):
        there = min(lanes, count - plane)
        start = (first + plane) * size + low
        for pixel in range(0, pixels, lanes):
            # The last tile reaches back over pixels that have been turned.
            at = min(pixel, pixels - lanes)
            _turn_in(turned, at * PLANES + plane, _PLACES, 0, line, start + at, size, there)
    return turned


@inline
def planes_out(turned, line, block, planes, size, low, high):
    """Write the pixels from `low` to `high` of a block to the planes that are there."""
    first = block * PLANES
    count, pixels = min(PLANES, planes - first), high - low
    lanes = WIDTH // line.itemsize
    if DISABLED or pixels < lanes:
        for plane in range(count):
            start = (first + plane) * size + low
            for pixel in range(pixels):
                line[start + pixel] = turned[pixel * PLANES + plane]
        return
    for plane in range(0, count, lanes):
        there = min(lanes, count - plane)
        start = (first + plane) * size + low
        for pixel in range(0, pixels, lanes):
            at = min(pixel, pixels - lanes)
            _turn_out(turned, at * PLANES + plane, _PLACES, 0, line, start + at, size, there)
