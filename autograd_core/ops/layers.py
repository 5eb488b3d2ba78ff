"""Affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .linalg import matmul_primitive
from .linear_maps import swap_last

if TYPE_CHECKING:
    from ..kernels import affine
else:
    affine = lazy_import("autograd_core.kernels.affine")


# --- affine maps ------------------------------------------------------------------------------------------------


def _linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    if x.ndim == 2:
        return affine.forward(contiguous(x), contiguous(weight), contiguous(bias))
    rows = contiguous(x).reshape(-1, x.shape[-1])
    return affine.forward(rows, contiguous(weight), contiguous(bias)).reshape(*x.shape[:-1], weight.shape[0])


@fused(
    "linear",
    forward=_linear_forward,
    reference=lambda x, weight, bias: x @ weight.T + bias,
    torch="nn.functional.linear",
    samples=lambda random: [
        Sample(tuple(random.standard_normal(s) for s in ((3, 4), (2, 4), (2,)))),
        Sample(tuple(random.standard_normal(s) for s in ((2, 3, 4), (5, 4), (5,)))),
        Sample(tuple(random.standard_normal(s) for s in ((4,), (5, 4), (5,)))),
    ],
)
def linear_primitive(x: Any, weight: Any, bias: Any) -> Any:
    """x weightᵀ + bias over the last dimension."""
    if x.ndim == 1:
        return (matmul_primitive(x.reshape(1, -1), swap_last(weight)) + bias).reshape(-1)
    return matmul_primitive(x, swap_last(weight)) + bias


@linear_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, needs: tuple[bool, ...]) -> Sequence[Any]:
    rows, lines, weight = contiguous(cotangent), contiguous(x), contiguous(weight)
    if x.ndim != 2:
        rows, lines = rows.reshape(-1, weight.shape[0]), lines.reshape(-1, weight.shape[1])
    if not needs[0]:
        return None, *affine.parameter_vjp(rows, lines)
    # Made in its own shape: a view of a matrix would look shared to the engine, which then copies it.
    out = np.empty(x.shape, x.dtype)
    target = out if x.ndim == 2 else out.reshape(-1, weight.shape[1])
    if needs[1] or needs[2]:
        return out, *affine.vjp(rows, lines, weight, target)
    affine.input_vjp(rows, weight, target)
    return out, None, None


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map of the last dimension, ``input @ weight.T + bias``.

    Args:
        input: shape (…, in_features).
        weight: shape (out_features, in_features).
        bias: shape (out_features,), or None.

    Returns:
        Shape (…, out_features).

    Raises:
        ValueError: if shapes do not fit.
    """
    try:
        # Rows of one dtype: all that layers of a network give, and no need to look further.
        x, w, b = input._array, weight._array, bias._array  # type: ignore[union-attr]
        if (
            x.ndim == 2
            and x.dtype is w.dtype is b.dtype
            and x.dtype.kind == "f"
            and w.shape == (b.size, x.shape[1])
            and b.ndim == 1
        ):
            return apply(linear_primitive.op, (input, weight, bias), {})
    except AttributeError:
        pass
    input, weight = as_tensor_operand(input, "linear"), as_tensor_operand(weight, "linear")
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input of shape {input.shape} does not fit a weight of shape {weight.shape}; "
            f"expected (..., in_features) and (out_features, in_features)"
        )
    dtype = weight._array.dtype
    if input._array.dtype is not dtype:
        dtype = dtypes.promote(input.dtype, dtype)
        input, weight = cast(input, dtype), cast(weight, dtype)
    if bias is None:
        return input @ weight.T
    bias = as_tensor_operand(bias, "linear")
    if bias.shape != (weight.shape[0],):
        raise ValueError(f"linear: bias must have shape ({weight.shape[0]},), got {bias.shape}")
    result: Tensor = apply(linear_primitive.op, (input, weight, cast(bias, dtype)), {})
    return result


__all__ = ["linear"]
