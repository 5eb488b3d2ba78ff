"""What one operation costs beside its arithmetic: 8 elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

SIZE = 8
GOALS = (0.8, 0.5)

# Taken on a Zen 4 with Python 3.11, where NumPy's own call takes 0.27 to 0.4 µs of each operation. A node costs 0.1 µs
# to make, a tensor 0.11, the shape, number, version cell and thread's mode together 0.13, two calls of Python 0.07.
_PRODUCT = "NumPy's product takes 0.34 of 1.8 µs; the rest is checking shapes, and making a tensor and a node in Python"
_CHAIN = "1.3 µs an operation: 0.3 NumPy's, 0.4 objects made in Python, the rest reads; PyTorch's are 1.6 µs each"


def _vectors(count: int) -> Callable[[np.random.Generator], Arrays]:
    def draw(random: np.random.Generator) -> Arrays:
        return {f"operand{index}": random.uniform(0.5, 1.5, SIZE).astype(np.float32) for index in range(count)}

    return draw


def _matrices(random: np.random.Generator) -> Arrays:
    return {name: random.standard_normal((4, 4), np.float32) for name in ("first", "second")}


def _chain(library: Library) -> Callable[..., Any]:
    """Eight operations, one upon the other."""
    add, mul = library.ops.add, library.ops.mul

    def chain(x: Any, z: Any) -> Any:
        for _ in range(4):
            x = add(mul(x, z), z)
        return x

    return chain


def rows() -> list[Row]:
    """One operation each, and eight."""
    return [
        *operation("overhead", "add", lambda library: library.ops.add, _vectors(2), goals=GOALS),
        *operation("overhead", "mul", lambda library: library.ops.mul, _vectors(2), goals=GOALS),
        *operation("overhead", "matmul 4×4", lambda library: library.ops.matmul, _matrices, goals=GOALS, note=_PRODUCT),
        *operation("overhead", "exp", lambda library: library.ops.exp, _vectors(1), goals=GOALS),
        *operation("overhead", "chain of 8", _chain, _vectors(2), goals=GOALS, note=_CHAIN),
    ]
