"""Reading and writing by masks, and where they hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..broadcasting import broadcast_shapes
from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..recording import apply
from ..tensor import Tensor, wrap
from .arguments import scalar_for, written
from .inplace import in_place
from .linear_maps import (
    expand_view_primitive,
    gather_primitive,
    overwrite_primitive,
    reshape_primitive,
    slice_primitive,
)


def _masked(input: Any, mask: Any, operation: str) -> tuple[Tensor, np.ndarray]:
    """The tensor and the mask, broadcast against each other."""
    tensor = as_tensor_operand(input, operation)
    array = as_tensor_operand(mask, operation)._array
    if array.dtype.kind != "b":
        raise TypeError(f"{operation}: the mask must be bool, got {array.dtype}")
    shape = broadcast_shapes(tensor.shape, array.shape, operation=operation)
    if tensor.shape != shape:
        tensor = expand_view_primitive(tensor, shape=shape)
    return tensor, np.array(np.broadcast_to(array, shape))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with one number, or a 0-d tensor, where the mask holds; both shapes broadcast.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: for shapes that do not fit, and a value with dimensions.
    """
    tensor, number = scalar_for(input, value, "masked_fill")
    tensor, chosen = _masked(tensor, mask, "masked_fill")
    result: Tensor = f.where(chosen, number, tensor)
    return result


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in one dimension; both shapes broadcast. Errors as :func:`masked_fill`."""
    tensor, chosen = _masked(input, mask, "masked_select")
    if tensor.ndim == 0:
        tensor, chosen = tensor.reshape(1), chosen.reshape(1)
    result: Tensor = apply(gather_primitive.op, (tensor,), {"index": (chosen,)})
    return result


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the elements of `source`, one after the other, where the mask holds; it broadcasts.

    Raises:
        TypeError: if the mask is not bool, and for a source of another dtype.
        ValueError: for shapes that do not fit, and a source with too few elements.
    """
    tensor, value = written(input, as_tensor_operand(source, "masked_scatter"), "masked_scatter")
    tensor, chosen = _masked(tensor, mask, "masked_scatter")
    wanted = int(np.count_nonzero(chosen))
    if value.numel() < wanted:
        raise ValueError(f"masked_scatter: the mask holds at {wanted} places, the source has {value.numel()} elements")
    flat = slice_primitive(reshape_primitive(value, shape=(value.numel(),)), index=(slice(wanted),))
    if tensor.ndim == 0:
        line = masked_scatter(tensor.reshape(1), wrap(chosen.reshape(1), None), flat)
        return line.reshape(())
    result: Tensor = apply(overwrite_primitive.op, (tensor, flat), {"index": (chosen,)})
    return result


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Indices of the elements that are not zero: a row for each, or a tuple with a tensor for each dimension."""
    array = as_tensor_operand(input, "nonzero")._array
    if as_tuple:
        found = np.nonzero(np.atleast_1d(array))
        return tuple(wrap(index.astype(np.int64, copy=False), None) for index in found)
    return wrap(np.argwhere(array).astype(np.int64, copy=False), None)


for _function in (masked_fill, masked_select, masked_scatter, nonzero):
    attach(_function.__name__, _function)
for _function in (masked_fill, masked_scatter):
    attach(f"{_function.__name__}_", in_place(_function, _function.__name__))

__all__ = ["masked_fill", "masked_scatter", "masked_select", "nonzero"]
