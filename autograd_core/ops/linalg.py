"""Products of matrices and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..broadcasting import broadcast_shapes
from ..declaration import structural
from ..dispatch import as_tensor_operand, cast
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .linear_maps import reshape_primitive, swap_last

if TYPE_CHECKING:
    from ..kernels import matmul as kernels
else:
    kernels = lazy_import("autograd_core.kernels.matmul")


def _normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape)


@structural(
    "matmul",
    reference=np.matmul,
    samples=lambda random: [
        Sample((_normal(random, 3, 4), _normal(random, 4, 2))),
        Sample((_normal(random, 2, 1, 3, 4), _normal(random, 3, 4, 2))),
        Sample((_normal(random, 3, 0), _normal(random, 0, 2))),
    ],
)
def matmul_primitive(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Matrix product over the last two dimensions, the others broadcast."""
    return kernels.matmul(x, z)


@matmul_primitive.vjp("x")
def _(cotangent: Any, z: Any) -> Any:
    return matmul_primitive(cotangent, swap_last(z))


@matmul_primitive.vjp("z")
def _(cotangent: Any, x: Any) -> Any:
    return matmul_primitive(swap_last(x), cotangent)


_NO_PARAMETERS: dict[str, Any] = {}


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Matrix product: of vectors (dot), matrices, and batches of matrices, which broadcast.

    Args:
        input: shape (…, n, k), or (k,).
        other: shape (…, k, m), or (k,).

    Returns:
        Shape (…, n, m), without the dimension a vector stands in for.

    Raises:
        ValueError: if shapes do not fit, or an operand is 0-d.

    Example:
        >>> import autograd_core as ag
        >>> (ag.eye(2) @ ag.tensor([3.0, 4.0])).tolist()
        [3.0, 4.0]
    """
    try:
        first, second = input._array, other._array
        own, others = first.shape, second.shape
        if len(own) == 2 == len(others) and first.dtype is second.dtype and own[1] == others[0]:
            product: Tensor = apply(matmul_primitive.op, (input, other), _NO_PARAMETERS)
            return product
    except AttributeError:
        pass
    x, z = as_tensor_operand(input, "matmul"), as_tensor_operand(other, "matmul")
    if x._array.dtype is not z._array.dtype:
        dtype = dtypes.promote(x.dtype, z.dtype)
        x, z = cast(x, dtype), cast(z, dtype)
    if x.ndim == 0 or z.ndim == 0:
        raise ValueError(f"matmul: both operands need a dimension, got shapes {x.shape} and {z.shape}")
    shapes = x.shape, z.shape
    inner = z.shape[-2] if z.ndim > 1 else z.shape[0]
    if x.shape[-1] != inner:
        raise ValueError(f"matmul: shapes {shapes[0]} and {shapes[1]} do not fit, {x.shape[-1]} against {inner}")
    if x.ndim == 1:
        x = reshape_primitive(x, shape=(1, *x.shape))
    if z.ndim == 1:
        z = reshape_primitive(z, shape=(*z.shape, 1))
    if x.ndim > 2 or z.ndim > 2:
        broadcast_shapes(x.shape[:-2], z.shape[:-2], operation="matmul")
    result: Tensor = apply(matmul_primitive.op, (x, z), {})
    if len(shapes[0]) == 1 or len(shapes[1]) == 1:
        kept = result.shape[:-2]
        kept += (result.shape[-2],) if len(shapes[0]) > 1 else ()
        kept += (result.shape[-1],) if len(shapes[1]) > 1 else ()
        result = reshape_primitive(result, shape=kept)
    return result


def _ranked(name: str, first: int, second: int) -> Any:
    def product(input: Tensor, other: Tensor) -> Tensor:
        for operand, rank in ((input, first), (other, second)):
            if np.ndim(getattr(operand, "_array", operand)) != rank:
                raise ValueError(f"{name}: expected {first}-d and {second}-d tensors, got {input.shape}, {other.shape}")
        return matmul(input, other)

    product.__name__ = product.__qualname__ = name
    product.__doc__ = f"Product of a {first}-d and a {second}-d tensor; as :func:`matmul`, without broadcasting."
    return product


mm = _ranked("mm", 2, 2)
mv = _ranked("mv", 2, 1)
bmm = _ranked("bmm", 3, 3)
dot = _ranked("dot", 1, 1)

__all__ = ["bmm", "dot", "matmul", "mm", "mv"]
