"""Pooling of images whose memory is channels-last, as it is behind a convolution, and of others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

GOALS = (0.7, 0.7)
# Label: function, shape of the images, arguments.
POOLS: dict[str, tuple[str, tuple[int, ...], tuple[Any, ...]]] = {
    "max 2×2, 32×32×32²": ("max_pool2d", (32, 32, 32, 32), (2,)),
    "max 3×3, stride 2, 16×64×56²": ("max_pool2d", (16, 64, 56, 56), (3, 2, 1)),
    "max 2×2, 32×20×24²": ("max_pool2d", (32, 20, 24, 24), (2,)),
    "average 2×2, 32×32×32²": ("avg_pool2d", (32, 32, 32, 32), (2,)),
    "average 3×3, stride 1, 32×64×16²": ("avg_pool2d", (32, 64, 16, 16), (3, 1, 1)),
    "adaptive average to 1, 64×64×8²": ("adaptive_avg_pool2d", (64, 64, 8, 8), (1,)),
    "adaptive average to 1, 16×512×7²": ("adaptive_avg_pool2d", (16, 512, 7, 7), (1,)),
    "adaptive max to 3², 32×64×16²": ("adaptive_max_pool2d", (32, 64, 16, 16), (3,)),
}

# Of a forward of 24 µs at 64×64×8² (one thread, Zen 4) the kernel takes 13 to 15, which is reading 1 MiB from the
# last-level cache at 70 to 84 GB/s, and two views 5.
_CALLS = "forward: reading takes half of the time, 13 of 24 µs; the rest is recording it and two views"


def _draw(random: np.random.Generator, shape: tuple[int, ...], channels_last: bool) -> Arrays:
    samples, channels, height, width = shape
    drawn = (samples, height, width, channels) if channels_last else shape
    return {"x": random.standard_normal(drawn, np.float32)}


def _pooling(name: str, arguments: tuple[Any, ...], channels_last: bool) -> Callable[[Library], Callable[..., Any]]:
    def make(library: Library) -> Callable[..., Any]:
        function = getattr(library.functional, name)
        if not channels_last:
            return lambda x: function(x, *arguments)
        # Views on both sides: gradients come back in the order they were computed in, without a copy.
        return lambda x: function(x.permute(0, 3, 1, 2), *arguments).permute(0, 2, 3, 1)

    return make


def rows() -> list[Row]:
    """Each pooling in both orders of memory; PyTorch is faster channels-last, so those rows make up the mean."""
    found: list[Row] = []
    for channels_last, section, goals in ((True, "channels-last", GOALS), (False, "N, C, H, W", GOALS)):
        for label, (name, shape, arguments) in POOLS.items():
            draw = functools.partial(_draw, shape=shape, channels_last=channels_last)
            make = _pooling(name, arguments, channels_last)
            note = _CALLS if channels_last and label.startswith("adaptive average") else ""
            found += operation(
                "pooling", label, make, draw, goals=goals, section=section, counts=channels_last, note=note
            )
    return found
