"""Every registered elementwise operation that has a derivative, where PyTorch has it too, and broadcast operands."""

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


# Parameters that PyTorch's function asks for, or that make its result the declared operation's.
_GIVEN: dict[str, tuple[float, ...]] = {"threshold": (0.5, -1.0), "softplus_scaled": (2.0, 20.0)}
# PyTorch has no derivative of these.
_FORWARD_ONLY = frozenset(("heaviside", "floor_divide"))
# Where differences of nearly equal numbers are left, relative to what they are small beside.
_TOLERANCES = {"sinc": 1e-3}

# Operations with an operand that is broadcast against a (1000, 1000), and its shape.
_BROADCAST = ("add", "mul", "hypot", "addcmul")
# What is left of a call of a loop on few elements, and what rows and columns take beside one line of the same bytes.
_SMALL_NOTE = (
    "1.7 µs of a recorded call do not depend on the size (64 elements, one thread; 0.25 more with options): Numba's "
    "call 0.23, the node and its tensor 0.53, the result's array 0.1, and Python's steps between them. Of three "
    "operands' 4.8 µs, 1.9 are the loop and Numba's call, 1.0 the checks of the operands and the result's array, 0.6 "
    "the node and its tensor (1.4 where all three are saved), the rest reads of dtypes and edges"
)
_BROADCAST_NOTE = (
    "one thread takes what moving the bytes takes, 95 µs for 8 MB in cache. Of two threads' 70 to 115 µs, up to 15 are "
    "more than PyTorch's: the call's own steps, 4 µs of Python when warm and three times that after large arrays"
)
# Of single operations on many elements.
_NOTES = {
    "gelu_exact": "some 36 vector instructions for 16 elements; 21 multiply, one a cycle, which is 0.37 ms of 0.6",
    "i1e": "computed in double precision for the last digit of single, four elements a vector with AVX2, where PyTorch "
    "stays in single precision",
    "logit": "two logarithms an element, of which one is chosen, so that digits are kept around 1/2 and at both ends; "
    "PyTorch's one loses those around 1/2. With AVX2 that shows",
}
_SMALLER: dict[str, tuple[int, ...]] = {"a row": (1000,), "a column": (1000, 1), "one element": ()}


def _call(op: Any) -> Callable[[Library], Callable[..., Any]]:
    if op.name == "polygamma":
        return lambda library: functools.partial(library.ops.polygamma, 2)
    given = _GIVEN.get(op.name, ())
    if not given:
        return _make(op)

    def make(library: Library) -> Callable[..., Any]:
        function = library.counterpart(op)
        return lambda *operands: function(*operands, *given)

    return make


def _draw_broadcast(random: np.random.Generator, count: int, shape: tuple[int, ...]) -> Arrays:
    shapes = [(1000, 1000)] * (count - 1) + [shape]
    return {f"x{index}": np.asarray(random.uniform(0.5, 2.0, own), np.float32) for index, own in enumerate(shapes)}


def _broadcast_rows() -> list[Row]:
    from autograd_core import REGISTRY

    return [
        row
        for name in _BROADCAST
        for smaller, shape in _SMALLER.items()
        for row in operation(
            "elementwise",
            f"{name} with {smaller}",
            _make(REGISTRY[name]),
            functools.partial(_draw_broadcast, count=len(REGISTRY[name].operands), shape=shape),
            section="broadcast to 10⁶ elements",
            counts=False,
            note=_BROADCAST_NOTE,
        )
    ]


def rows() -> list[Row]:
    """The registry's operations; their records say what they are called and where their operands lie."""
    from autograd_core import REGISTRY
    from autograd_core.op import Elementwise

    ops = [op for op in REGISTRY.values() if isinstance(op, Elementwise) and op.differentiable]
    found = [
        row
        for size, section, counts in SIZES
        for op in ops
        for row in operation(
            "elementwise",
            op.name,
            _call(op),
            functools.partial(_draw, op=op, size=size),
            section=section,
            counts=counts,
            differentiable=op.name not in _FORWARD_ONLY,
            tolerance=_TOLERANCES.get(op.name, 1e-4),
            note=_NOTES.get(op.name, "") if counts else _SMALL_NOTE,
        )
    ]
    return found + _broadcast_rows()
