"""Images resampled and rearranged: interpolation, sampling along grids, blocks and channels for pixels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

GOALS = (1.0, 1.0)
# Label: arguments of interpolate, shape of the images (N, C, H, W).
RESIZED: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "nearest, twice as large, 16×32×32²": ({"scale_factor": 2, "mode": "nearest"}, (16, 32, 32, 32)),
    "bilinear, twice as large, 16×32×32²": ({"scale_factor": 2, "mode": "bilinear"}, (16, 32, 32, 32)),
    "bilinear, half as large, 16×32×64²": ({"scale_factor": 0.5, "mode": "bilinear"}, (16, 32, 64, 64)),
    "bicubic, twice as large, 16×32×32²": ({"scale_factor": 2, "mode": "bicubic"}, (16, 32, 32, 32)),
    "area, a third as large, 16×32×48²": ({"size": (16, 16), "mode": "area"}, (16, 32, 48, 48)),
}
# Label: function, its arguments, shape of what it takes.
REARRANGED: dict[str, tuple[str, tuple[Any, ...], tuple[int, ...]]] = {
    "pixel_shuffle by 2, 16×64×32²": ("pixel_shuffle", (2,), (16, 64, 32, 32)),
    "unfold 3×3, 16×32×32²": ("unfold", (3, 1, 1), (16, 32, 32, 32)),
    "fold 3×3 to 32², 16×32": ("fold", ((32, 32), 3, 1, 1), (16, 288, 1024)),
}
SAMPLED = ("bilinear", "nearest", "bicubic")


def _draw(random: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"x": random.standard_normal(shape, np.float32)}


def _draw_with_grid(random: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Images, and a grid of the same height and width, of which a tenth of the points lie outside."""
    grid = random.uniform(-1.05, 1.05, (shape[0], *shape[2:], 2))
    return _draw(random, shape) | {"grid": grid.astype(np.float32)}


def _resize(named: dict[str, Any]) -> Callable[[Library], Callable[..., Any]]:
    return lambda library: lambda x: library.functional.interpolate(x, **named)


def _rearrange(name: str, arguments: tuple[Any, ...]) -> Callable[[Library], Callable[..., Any]]:
    return lambda library: lambda x: getattr(library.functional, name)(x, *arguments)


def _sample(mode: str) -> Callable[[Library], Callable[..., Any]]:
    return lambda library: lambda x, grid: library.functional.grid_sample(x, grid, mode=mode, align_corners=False)


def rows() -> list[Row]:
    """Every way of resampling, of rearranging, and of sampling along a grid that is itself differentiated."""
    found: list[Row] = []
    for label, (named, shape) in RESIZED.items():
        draw = functools.partial(_draw, shape=shape)
        found += operation("images", label, _resize(named), draw, goals=GOALS, section="interpolate")
    for label, (name, arguments, shape) in REARRANGED.items():
        draw = functools.partial(_draw, shape=shape)
        found += operation("images", label, _rearrange(name, arguments), draw, goals=GOALS, section="rearrange")
    for mode in SAMPLED:
        draw = functools.partial(_draw_with_grid, shape=(8, 32, 32, 32))
        label = f"{mode}, 8×32×32²"
        found += operation("images", label, _sample(mode), draw, goals=GOALS, section="grid_sample")
    return found
