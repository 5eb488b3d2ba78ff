"""In-place forms: compute out of place, write back, and give the tensor its new history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..dispatch import apply, as_tensor_operand, attach, cast, structural
from ..graph import mode
from ..op import Sample
from ..tensor import Tensor, cell_of, wrap
from .indexing import check_in_place
from .linear_maps import expand_primitive, gather_primitive, raw


@structural(
    "index_overwrite",
    samples=lambda random: [
        Sample((random.standard_normal((4, 3)), random.standard_normal(3)), {"index": (slice(1, 3),)}),
        Sample((random.standard_normal((4, 3)), random.standard_normal((2, 3))), {"index": (np.array([0, 2]),)}),
    ],
)
def overwrite_primitive(x: np.ndarray, value: np.ndarray, *, index: tuple[Any, ...]) -> np.ndarray:
    """A copy of `x` with `value` written at an index."""
    result = x.copy()
    result[index] = value
    return result


@overwrite_primitive.vjp("x")
def _(cotangent: Any, index: tuple[Any, ...]) -> Any:
    # Overwritten with 0, not multiplied by it: an infinite cotangent there must not become NaN.
    return overwrite_primitive(cotangent, np.zeros((), raw(cotangent).dtype), index=index)


@overwrite_primitive.vjp("value")
def _(cotangent: Any, index: tuple[Any, ...]) -> Any:
    # Of an index that repeats, the last write wins, and only it gets the gradient.
    order = np.full(cotangent.shape, -1, np.int64)
    selected = order[index]
    order[index] = np.arange(selected.size).reshape(selected.shape)
    winners = order[index] == np.arange(selected.size).reshape(selected.shape)
    return gather_primitive(cotangent, index=index) * winners.astype(raw(cotangent).dtype)


def overwrite(tensor: Tensor, index: tuple[Any, ...], value: Tensor) -> None:
    """Write `value` into `tensor` at `index` and record that it happened."""
    replaced: Tensor = apply(overwrite_primitive.op, (tensor, cast(value, tensor.dtype)), {"index": index})
    _write_back(tensor, replaced)


def _write_back(tensor: Tensor, result: Tensor) -> None:
    np.copyto(tensor._array, result._array)
    # The change is counted after recording: what the new node saved is its own copy or is caught at backward.
    cell_of(tensor)[0] += 1
    if mode.enabled:
        # Unrecorded changes, an optimiser's for instance, leave a tensor's place in the graph alone.
        tensor._node = result._node


def in_place(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The in-place form of an operation whose result has its first operand's shape."""

    def method(self: Tensor, *arguments: Any, **named: Any) -> Tensor:
        recording = any(isinstance(a, Tensor) and a._node is not None for a in (*arguments, *named.values()))
        check_in_place(self, f"{name}_", recording)
        operand = self
        if mode.enabled and (self._node is not None or recording):
            # The node may save its operand, which is about to be overwritten: it gets a copy.
            operand = wrap(self._array.copy(), self._node)
        result = function(operand, *arguments, **named)
        if result.shape != self.shape:
            raise ValueError(
                f"{name}_: the result's shape {result.shape} is not the tensor's own {self.shape}, in which it is stored"
            )
        if dtypes.category(result.dtype) > dtypes.category(self.dtype):
            raise TypeError(f"{name}_: a result of dtype {result.dtype} cannot be stored in a {self.dtype} tensor")
        _write_back(self, cast(result, self.dtype))
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"In-place form of :func:`{name}`; returns the tensor itself."
    return method


def copy_(self: Tensor, source: Any) -> Tensor:
    """Overwrite all elements with those of `source`, broadcast and converted."""
    operand = as_tensor_operand(source, "copy_")
    check_in_place(self, "copy_", mode.enabled and operand._node is not None)
    try:
        full = operand if operand.shape == self.shape else expand_primitive(operand, shape=self.shape)
    except ValueError:
        raise ValueError(f"copy_: shape {operand.shape} cannot be broadcast to {self.shape}") from None
    _write_back(self, cast(full, self.dtype))
    return self


def fill_(self: Tensor, value: float) -> Tensor:
    """Set every element to `value`; no gradient passes to what was there."""
    check_in_place(self, "fill_", False)
    if self._node is not None and mode.enabled:
        overwrite(self, (Ellipsis,), as_tensor_operand(value, "fill_"))
        return self
    self._array.fill(value)
    cell_of(self)[0] += 1
    return self


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0; no gradient passes to what was there."""
    return fill_(self, 0)


for _function in (copy_, fill_, zero_):
    attach(_function.__name__, _function)
