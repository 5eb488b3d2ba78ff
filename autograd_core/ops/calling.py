"""From declarations to what users call: public forms with PyTorch's signatures, aliases, in-place activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..declaration import attach
from ..dispatch import ElementwiseFunction, apply_to_one
from ..tensor import Tensor
from .inplace import in_place

Function = TypeVar("Function", bound=Callable[..., Any])


def public(operation: ElementwiseFunction, *, method: bool = False) -> Callable[[Function], Function]:
    """Make the decorated function the user's form of a declared operation, and its Tensor method if `method`."""

    def decorate(function: Function) -> Function:
        operation.op.function = function
        if method:
            attach(operation.op.name, function)
        return function

    return decorate


def alias(function: Callable[..., Any], *names: str, in_place_too: bool = True) -> None:
    """Attach Tensor methods under other names, with their in-place forms; a second name is no second operation."""
    for name in names:
        attach(name, function)
        if in_place_too:
            attach(f"{name}_", in_place(function, name))


def activate(
    operation: ElementwiseFunction, input: Tensor, inplace: bool, parameters: dict[str, float] | None = None
) -> Tensor:
    """Apply an activation, to floats for its parameters, in the order in which it declares them.

    In place if asked to, which saves no memory here but changes `input` as in PyTorch.
    """
    if inplace:
        result: Tensor = in_place(operation, operation.__name__)(input, **(parameters or {}))
        return result
    return apply_to_one(operation.op, input, parameters) if parameters else operation(input)


def is_floating(value: Any) -> bool:
    """Whether a tensor, an array or a number brings a floating dtype with it."""
    if isinstance(value, Tensor):
        return value._array.dtype.kind == "f"
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind == "f"
    return isinstance(value, float)


def is_boolean(value: Any) -> bool:
    """Whether a tensor, an array or a number is boolean."""
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return value.dtype.kind == "b"
    return isinstance(value, bool)


__all__: list[str] = []
