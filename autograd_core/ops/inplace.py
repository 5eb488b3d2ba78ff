"""In-place forms: compute out of place, write back, and give the tensor its new history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..declaration import attach
from ..dispatch import as_tensor_operand, cast
from ..tensor import Tensor, cell_of, wrap
from .history import check_in_place, is_recorded, overwrite, store


def in_place(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The in-place form of an operation whose result has its first operand's shape."""

    def method(self: Tensor, *arguments: Any, **named: Any) -> Tensor:
        check_in_place(self, f"{name}_")
        operand = self
        if is_recorded(self, *arguments, *named.values()):
            # The node may save its operand, which is about to be overwritten: it gets a copy.
            operand = wrap(self._array.copy(), self._node)
        result = function(operand, *arguments, **named)
        if result.shape != self.shape:
            raise ValueError(
                f"{name}_: a result of shape {result.shape} cannot be stored in a tensor of shape {self.shape}"
            )
        if dtypes.category(result.dtype) > dtypes.category(self.dtype):
            raise TypeError(f"{name}_: a result of dtype {result.dtype} cannot be stored in a {self.dtype} tensor")
        store(self, cast(result, self.dtype))
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"In-place form of :func:`{name}`; returns the tensor itself."
    return method


def copy_(self: Tensor, source: Any) -> Tensor:
    """Overwrite all elements with those of `source`, broadcast and converted.

    Raises:
        ValueError: if `source` cannot be broadcast to the tensor's shape.
        GraphError: for leaves that require gradients.
    """
    check_in_place(self, "copy_")
    operand = as_tensor_operand(source, "copy_")
    if operand.shape != self.shape:
        try:
            np.broadcast_to(operand._array, self.shape)
        except ValueError:
            raise ValueError(f"copy_: shape {operand.shape} cannot be broadcast to {self.shape}") from None
    _fill(self, operand)
    return self


def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to `value`, a number or a 0-d tensor; no gradient passes to what was there.

    Raises:
        ValueError: if `value` has dimensions.
        GraphError: for leaves that require gradients.
    """
    check_in_place(self, "fill_")
    operand = as_tensor_operand(value, "fill_")
    if operand.ndim:
        raise ValueError(f"fill_: the value must be a number or a 0-d tensor, got shape {operand.shape}")
    _fill(self, operand)
    return self


def _fill(tensor: Tensor, value: Tensor) -> None:
    if is_recorded(tensor, value):
        overwrite(tensor, (Ellipsis,), value)
    else:
        tensor._array[...] = value._array
        cell_of(tensor)[0] += 1


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0; no gradient passes to what was there."""
    return fill_(self, 0)


for _function in (copy_, fill_, zero_):
    attach(_function.__name__, _function)
