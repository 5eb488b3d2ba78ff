"""The decorators that declare structural and fused operations, and what they return.

A declared operation is called in one of two ways. On tensors it records; on arrays alone it returns arrays with no
graph, which is how the rules of derivatives are written once and serve both the fast first order and, on tensors,
every higher one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .op import Fused, Op, Rule, Samples, Structural, names_of, split_signature
from .recording import apply
from .tensor import Tensor, wrap

_ndarray = np.ndarray


class Declaration:
    """What the decorators return: call it, or hang the rules of its derivative on it.

    Calling it with arrays only returns arrays; with a tensor among the operands it records.
    """

    def __init__(self, op: Op) -> None:
        self.op = op
        self.__name__ = op.name
        self.__doc__ = op.summary

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Tensor):
                tensors = [wrap(o, None) if isinstance(o, _ndarray) else o for o in operands]
                return apply(self.op, tensors, parameters)
        result = self.op.forward(*operands, **parameters)
        return result[0] if self.op.residuals else result

    def vjp(self, operand: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare the rule of one operand, or of all together: ``rule(cotangent, saved…)``."""

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            rule = Rule(function, names_of(function, skip=1))
            if operand is None:
                self.op.joint_rule = rule
            else:
                self.op.rules[self.op.operands.index(operand)] = rule
            return function

        return declare

    def derivative(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Declare, for a fused operation, its pullback in other operations over saved values."""
        assert isinstance(self.op, Fused)
        self.op.derivative = Rule(function, names_of(function, skip=1))
        return function

    def __repr__(self) -> str:
        return f"<operation {self.op.name}>"


def structural(
    name: str, *, samples: Samples | None = None, **fields: Any
) -> Callable[[Callable[..., Any]], Declaration]:
    """Declare a structural or linear operation by its array implementation; keyword-only arguments are parameters."""

    def declare(function: Callable[..., Any]) -> Declaration:
        operands, parameters, variadic = split_signature(function)
        return Declaration(
            Structural(
                name=name,
                summary=summary_of(function),
                operands=operands,
                parameters=parameters,
                variadic=variadic,
                forward=function,
                samples=samples,
                **fields,
            )
        )

    return declare


def fused(
    name: str, *, forward: Callable[..., Any], samples: Samples | None = None, **fields: Any
) -> Callable[[Callable[..., Any]], Declaration]:
    """Declare a fused operation by the composition that defines it, with the kernel `forward` that computes it."""

    def declare(function: Callable[..., Any]) -> Declaration:
        operands, parameters, variadic = split_signature(function)
        return Declaration(
            Fused(
                name=name,
                summary=summary_of(function),
                operands=operands,
                parameters=parameters,
                variadic=variadic,
                forward=forward,
                composition=function,
                samples=samples,
                **fields,
            )
        )

    return declare


def summary_of(function: Callable[..., Any]) -> str:
    """The first paragraph of a declaration's docstring."""
    return (function.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


def attach(name: str, function: Callable[..., Any]) -> None:
    """Make `function`, whose first argument is a tensor, the Tensor method `name`."""
    if name in Tensor.__dict__:
        raise ValueError(f"Tensor has a method {name!r} already")
    setattr(Tensor, name, function)
