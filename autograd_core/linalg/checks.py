"""What all of linear algebra asks of its operands."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..broadcasting import broadcast_shapes
from ..dispatch import as_tensor_operand, cast
from ..ops.linear_maps import expand_primitive
from ..tensor import Tensor


def as_matrix(value: Any, operation: str, square: bool = False) -> Tensor:
    """A floating matrix or batch of matrices, square ones if asked."""
    tensor = as_tensor_operand(value, operation)
    if tensor.dtype.kind != "f":
        raise TypeError(f"{operation}: expected a floating tensor, got {tensor.dtype}")
    if tensor.ndim < 2:
        raise ValueError(f"{operation}: expected a matrix or a batch of matrices, got shape {tensor.shape}")
    if square and tensor.shape[-1] != tensor.shape[-2]:
        raise ValueError(f"{operation}: expected square matrices, got shape {tensor.shape}")
    return tensor


def broadcast_batch(left: Tensor, right: Tensor, operation: str) -> tuple[Tensor, Tensor]:
    """Two batches of matrices with their leading dimensions broadcast."""
    if left.shape[:-2] == right.shape[:-2]:
        return left, right
    batch = broadcast_shapes(left.shape[:-2], right.shape[:-2], operation=operation)
    return (
        expand_primitive(left, shape=(*batch, *left.shape[-2:])),
        expand_primitive(right, shape=(*batch, *right.shape[-2:])),
    )


def one_dtype(left: Tensor, right: Any, operation: str) -> tuple[Tensor, Tensor]:
    """Both operands in the dtype that they promote to."""
    other = as_tensor_operand(right, operation)
    dtype = dtypes.promote(left.dtype, other.dtype)
    return cast(left, dtype), cast(other, dtype)
