"""Matrix products: square, thin, transposed, batched."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

SQUARES = (64, 128, 256, 512, 1024)
# Label and the shapes of both operands.
SHAPES = {
    "thin 4096×64×64": ((4096, 64), (64, 64)),
    "flat 8×1024×1024": ((8, 1024), (1024, 1024)),
    "inner 64×16384×64": ((64, 16384), (16384, 64)),
    "outer 1024×8×1024": ((1024, 8), (8, 1024)),
    "matrix × vector 1024": ((1024, 1024), (1024,)),
    "batch of 32, 64×64": ((32, 64, 64), (32, 64, 64)),
    "batch of 32, 128×128": ((32, 128, 128), (32, 128, 128)),
    "batch of 512, 16×16": ((512, 16, 16), (512, 16, 16)),
    "batch of 32 × one 128×128": ((32, 128, 128), (128, 128)),
}
TRANSPOSED = 512
# Squares on a Zen 4 core: both libraries reach 90 to 105 GFLOP/s, of a measured peak of 118.
NOTE = "bound by arithmetic: PyTorch runs at 0.8 to 0.9 of the measured peak, which leaves no more than that"


def _draw(random: np.random.Generator, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> Arrays:
    return {name: random.standard_normal(shape, np.float32) for name, shape in zip("ab", shapes, strict=True)}


def _product(library: Library) -> Callable[..., Any]:
    return library.ops.matmul  # type: ignore[no-any-return]


def _transposed(first: bool, second: bool) -> Callable[[Library], Callable[..., Any]]:
    def make(library: Library) -> Callable[..., Any]:
        matmul, transpose = library.ops.matmul, library.ops.transpose

        def product(a: Any, b: Any) -> Any:
            return matmul(transpose(a, 0, 1) if first else a, transpose(b, 0, 1) if second else b)

        return product

    return make


def rows() -> list[Row]:
    """Products of standard normal matrices."""
    found: list[Row] = []
    for size in SQUARES:
        draw = functools.partial(_draw, shapes=((size, size), (size, size)))
        found += operation("matmul", f"square {size}", _product, draw, note=NOTE if size >= 256 else "")
    draw = functools.partial(_draw, shapes=((TRANSPOSED, TRANSPOSED),) * 2)
    for label, first, second in (("aᵀb", True, False), ("abᵀ", False, True), ("aᵀbᵀ", True, True)):
        found += operation("matmul", f"{label} {TRANSPOSED}", _transposed(first, second), draw, note=NOTE)
    for label, shapes in SHAPES.items():
        found += operation("matmul", label, _product, functools.partial(_draw, shapes=shapes))
    return found
