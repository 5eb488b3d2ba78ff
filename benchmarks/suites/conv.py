"""Convolutions on the shapes of ResNet-20, batch 32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

BATCH = 32
# Label: channels in, channels out, width of the image, of the kernel, stride, groups.
LAYERS = {
    "3→16, 3×3, 32²": (3, 16, 32, 3, 1, 1),
    "16→16, 3×3, 32²": (16, 16, 32, 3, 1, 1),
    "16→32, 3×3, stride 2, 32²": (16, 32, 32, 3, 2, 1),
    "32→32, 3×3, 16²": (32, 32, 16, 3, 1, 1),
    "64→64, 3×3, 8²": (64, 64, 8, 3, 1, 1),
    "64→64, 1×1, 16²": (64, 64, 16, 1, 1, 1),
    "64 depthwise, 3×3, 16²": (64, 64, 16, 3, 1, 64),
}


def _draw(random: np.random.Generator, layer: tuple[int, ...]) -> Arrays:
    narrow, wide, width, kernel, _, groups = layer
    return {
        "x": random.standard_normal((BATCH, narrow, width, width), np.float32),
        "weight": random.standard_normal((wide, narrow // groups, kernel, kernel), np.float32),
        "bias": random.standard_normal(wide, np.float32),
    }


def _convolution(layer: tuple[int, ...]) -> Callable[[Library], Callable[..., Any]]:
    *_, kernel, stride, groups = layer

    def make(library: Library) -> Callable[..., Any]:
        function = library.functional.conv2d
        options = {"stride": stride, "padding": kernel // 2, "groups": groups}
        return lambda x, weight, bias: function(x, weight, bias, **options)

    return make


def rows() -> list[Row]:
    """One layer each."""
    found: list[Row] = []
    for label, layer in LAYERS.items():
        found += operation("conv", label, _convolution(layer), functools.partial(_draw, layer=layer))
    return found
