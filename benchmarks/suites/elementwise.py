"""Every registered elementwise operation that has a derivative, where PyTorch has it too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

# Sizes, and whether they count in the geometric mean that the suite aims at.
SIZES = ((10_000, "10⁴ elements", False), (1_000_000, "10⁶ elements", True))


def _draw(random: np.random.Generator, op: Any, size: int) -> Arrays:
    arrays = {}
    for name, domain in zip(op.operands, op.domains, strict=True):
        values = domain.draw(random, (size,))
        arrays[name] = values if values.dtype == bool else values.astype(np.float32)
    return arrays


def _make(op: Any) -> Callable[[Library], Callable[..., Any]]:
    return lambda library: library.counterpart(op)


def rows() -> list[Row]:
    """The registry's operations; their records say what they are called and where their operands lie."""
    from autograd_core import REGISTRY
    from autograd_core.op import Elementwise

    ops = [op for op in REGISTRY.values() if isinstance(op, Elementwise) and op.differentiable]
    return [
        row
        for size, section, counts in SIZES
        for op in ops
        for row in operation(
            "elementwise",
            op.name,
            _make(op),
            functools.partial(_draw, op=op, size=size),
            section=section,
            counts=counts,
        )
    ]
