"""What gradcheck refuses: inputs at which finite differences would say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import float64
from ..tensor import Tensor

LARGEST = 1e150


def as_inputs(inputs: Any) -> tuple[Any, ...]:
    """A tensor or a sequence of arguments as a tuple."""
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)


def differentiated(inputs: Sequence[Any]) -> list[int]:
    """The positions of the inputs that require gradients."""
    return [position for position, value in enumerate(inputs) if isinstance(value, Tensor) and value.requires_grad]


def require_checkable(inputs: Sequence[Any], names: Sequence[str], explicit: bool) -> None:
    """Raise unless finite differences at `inputs` mean something; `explicit` says that the user chose the step.

    Raises:
        TypeError: for float32 without `explicit`.
        ValueError: if nothing requires a gradient, for computed tensors, for values that are not finite or beyond
            1e150, for read-only memory, and for memory that overlaps itself or another input.
    """
    positions = differentiated(inputs)
    if not positions:
        raise ValueError("gradcheck: no input requires a gradient; make one with requires_grad=True")
    for position in positions:
        _require_sound(inputs[position], names[position], explicit)
    tensors = [(names[position], value._array) for position, value in enumerate(inputs) if isinstance(value, Tensor)]
    for number, (name, array) in enumerate(tensors):
        for other_name, other in tensors[:number]:
            if np.may_share_memory(array, other) and _share(array, other):
                raise ValueError(
                    f"gradcheck: {other_name} and {name} share memory, so that moving one moves the other; "
                    "clone() one of them"
                )


def _require_sound(tensor: Tensor, name: str, explicit: bool) -> None:
    array = tensor._array
    if not tensor.is_leaf:
        function = tensor.grad_fn
        raise ValueError(
            f"gradcheck: {name} was computed (by '{function.name if function else '?'}'), so it cannot be moved on its "
            "own; pass .detach().requires_grad_(), or make it with dtype=float64 instead of converting it afterwards"
        )
    if array.dtype is not float64 and not explicit:
        raise TypeError(
            f"gradcheck: {name} is {array.dtype}, in which differences over eps=1e-6 are rounding noise; use float64 "
            "inputs, or give eps and atol or rtol for this precision (eps=1e-2, atol=1e-3, rtol=1e-2, say)"
        )
    if overlaps_itself(array):
        raise ValueError(
            f"gradcheck: several elements of {name} (shape {array.shape}, strides {array.strides}) are the same "
            "memory, so that moving one moves the others; clone() it first"
        )
    if not array.flags.writeable:
        raise ValueError(f"gradcheck: the memory of {name} is read-only and cannot be moved; clone() it first")
    if not array.size:
        return
    # Comparing so, and not the other way round, refuses NaN as well.
    sound = np.abs(array) <= LARGEST
    if not sound.all():
        index = tuple(int(i) for i in np.argwhere(~sound)[0])
        raise ValueError(
            f"gradcheck: {name} holds {array[index]!r} at {index}: values that are not finite or beyond {LARGEST:g} "
            "cannot be moved by a small step; was the memory never filled?"
        )


def overlaps_itself(array: np.ndarray) -> bool:
    """Whether two elements of `array` occupy the same memory, as in a broadcast view."""
    if array.size <= 1:
        return False
    extents = sorted((abs(stride), size) for stride, size in zip(array.strides, array.shape, strict=True) if size > 1)
    reach = array.itemsize
    for stride, size in extents:
        if stride < reach:
            break
        reach += stride * (size - 1)
    else:
        return False
    # The dimensions interleave; whether elements collide is then a question of numbers, answered by listing them.
    offsets = np.zeros(1, np.int64)
    for stride, size in extents:
        offsets = np.add.outer(offsets, stride * np.arange(size)).ravel()
    offsets.sort()
    return bool((np.diff(offsets) < array.itemsize).any())


def _share(first: np.ndarray, second: np.ndarray) -> bool:
    try:
        return bool(np.shares_memory(first, second, max_work=100_000))  # type: ignore[arg-type]  # NumPy's stubs know two values only
    except np.exceptions.TooHardError:
        return True
