"""Rows that call one function of tensors: forward, and forward with backward."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from .libraries import Library
from .rows import Arrays, Build, Row, Task, every

FORWARD, BACKWARD = "forward", "forward + backward"

# Looks up names in a library and returns the function of tensors that is called.
Make = Callable[[Library], Callable[..., Any]]
Summary = Callable[[Any], Any]

_COTANGENT_SEED = 1


def _operands(library: Library, arrays: Arrays, constants: Collection[str]) -> tuple[list[Any], list[int]]:
    """The arrays as tensors in their order, and which of them are differentiated."""
    leaves = [
        index for index, (name, array) in enumerate(arrays.items()) if array.dtype.kind == "f" and name not in constants
    ]
    tensors = [library.tensor(array, index in leaves) for index, array in enumerate(arrays.values())]
    return tensors, leaves


def forward(make: Make, constants: Collection[str] = (), summary: Summary | None = None) -> Build:
    """How a subject builds the call of a function."""

    def build(library: Library, arrays: Arrays) -> Task:
        operands, _ = _operands(library, arrays, constants)
        call = library.forward(make(library), operands)
        if summary is None:
            return Task(call)
        return Task(call, lambda result: summary(library.array(result)))

    return build


def forward_backward(make: Make, constants: Collection[str] = (), summary: Summary | None = None) -> Build:
    """How a subject builds the call of a function and of backward from a fixed cotangent of its result."""

    def build(library: Library, arrays: Arrays) -> Task:
        operands, leaves = _operands(library, arrays, constants)
        function = make(library)
        shape = tuple(function(*operands).shape)
        random = np.random.default_rng(_COTANGENT_SEED)
        cotangent = library.tensor(np.asarray(random.standard_normal(shape, np.float32)))
        call = library.forward_backward(function, operands, leaves, cotangent)

        def outputs(result: Any) -> Any:
            gradients = library.gradients(result)
            return gradients if summary is None else [summary(library.array(gradient)) for gradient in gradients]

        return Task(call, outputs)

    return build


def operation(
    suite: str,
    label: str,
    make: Make,
    arrays: Callable[[np.random.Generator], Arrays],
    *,
    goals: tuple[float, float] = (1.0, 1.0),
    section: str = "",
    constants: Collection[str] = (),
    differentiable: bool = True,
    tolerance: float = 1e-4,
    summary: Summary | None = None,
    counts: bool = True,
    note: str = "",
) -> list[Row]:
    """The rows of one function: forward, and forward with backward if it is differentiable.

    Args:
        suite, label, section, arrays, tolerance, counts, note: as in :class:`benchmarks.rows.Row`; the order of the
            arrays is that of the function's operands.
        make: looks up names in a library and returns the function.
        goals: of forward and of forward with backward.
        constants: names of floating-point arrays that are not differentiated.
        differentiable: whether there is anything to differentiate.
        summary: for random results, from the array of one what can be compared.
    """
    ways = [(FORWARD, forward, goals[0]), (BACKWARD, forward_backward, goals[1])]
    return [
        Row(
            suite,
            label,
            goal,
            arrays,
            every(way(make, constants, summary)),
            section=f"{section}, {name}" if section else name,
            tolerance=tolerance,
            counts=counts,
            probe=make,
            note=note,
        )
        for name, way, goal in ways[: 1 + differentiable]
    ]
