"""Affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..declaration import Declaration, fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor
from .linalg import matmul_primitive
from .linear_maps import swap_last
from .rectifiers import relu

if TYPE_CHECKING:
    from ..kernels import affine
else:
    affine = lazy_import("autograd_core.kernels.affine")

_NO_PARAMETERS: dict[str, Any] = {}


# --- affine maps ------------------------------------------------------------------------------------------------


def _linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, rectified: bool = False) -> np.ndarray:
    if x.ndim == 2:
        return affine.forward(contiguous(x), contiguous(weight), contiguous(bias), rectified)
    rows = contiguous(x).reshape(-1, x.shape[-1])
    result = affine.forward(rows, contiguous(weight), contiguous(bias), rectified)
    return result.reshape(*x.shape[:-1], weight.shape[0])


def _pull_back(
    cotangent: np.ndarray, result: np.ndarray | None, x: np.ndarray, weight: np.ndarray, needs: tuple[bool, ...]
) -> Sequence[Any]:
    """Cotangents of x, weight and bias; `result` is what ReLU made of the map's, None where there was no ReLU."""
    rows, lines, weight = contiguous(cotangent), contiguous(x), contiguous(weight)
    # Made in its own shape: a view of a matrix would look shared to the engine, which then copies it.
    out = target = np.empty(x.shape, x.dtype) if needs[0] else None
    if x.ndim != 2:
        rows, lines = rows.reshape(-1, weight.shape[0]), lines.reshape(-1, weight.shape[1])
        target = None if out is None else out.reshape(-1, weight.shape[1])
        result = None if result is None else result.reshape(-1, weight.shape[0])
    pulled = affine.vjp(rows, result, lines, weight, target, needs[1] or needs[2])
    return out, pulled[0] if needs[1] else None, pulled[1] if needs[2] else None


def _samples(random: np.random.Generator) -> list[Sample]:
    shapes = (((3, 4), (2, 4), (2,)), ((2, 3, 4), (5, 4), (5,)), ((4,), (5, 4), (5,)))
    return [Sample(tuple(random.standard_normal(s) for s in chosen)) for chosen in shapes]


@fused(
    "linear",
    forward=_linear_forward,
    reference=lambda x, weight, bias: x @ weight.T + bias,
    torch="nn.functional.linear",
    samples=_samples,
)
def linear_primitive(x: Any, weight: Any, bias: Any) -> Any:
    """x weightᵀ + bias over the last dimension."""
    if x.ndim == 1:
        return (matmul_primitive(x.reshape(1, -1), swap_last(weight)) + bias).reshape(-1)
    return matmul_primitive(x, swap_last(weight)) + bias


@linear_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, needs: tuple[bool, ...]) -> Sequence[Any]:
    return _pull_back(cotangent, None, x, weight, needs)


@fused(
    "linear_relu",
    forward=lambda x, weight, bias: _linear_forward(x, weight, bias, rectified=True),
    reference=lambda x, weight, bias: np.maximum(x @ weight.T + bias, 0),
    samples=_samples,
)
def linear_relu_primitive(x: Any, weight: Any, bias: Any) -> Any:
    """max(x weightᵀ + bias, 0) over the last dimension: how most layers of a perceptron go on."""
    return relu(linear_primitive(x, weight, bias))


@linear_relu_primitive.vjp()
def _(
    cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, y: np.ndarray, needs: tuple[bool, ...]
) -> Sequence[Any]:
    return _pull_back(cotangent, y, x, weight, needs)


def _affine(declaration: Declaration, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply an affine map, or one with ReLU behind it, to operands of any sort; `bias` may be missing of the former."""
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
            return apply_with_residuals(declaration.op, (input, weight, bias), _NO_PARAMETERS)[0]  # type: ignore[arg-type]
    except AttributeError:
        pass
    name = declaration.op.name
    input, weight = as_tensor_operand(input, name), as_tensor_operand(weight, name)
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"{name}: input of shape {input.shape} does not fit a weight of shape {weight.shape}; "
            f"expected (..., in_features) and (out_features, in_features)"
        )
    dtype = weight._array.dtype
    if input._array.dtype is not dtype:
        dtype = dtypes.promote(input.dtype, dtype)
        input, weight = cast(input, dtype), cast(weight, dtype)
    if bias is None:
        return input @ weight.T
    bias = as_tensor_operand(bias, name)
    if bias.shape != (weight.shape[0],):
        raise ValueError(f"{name}: bias must have shape ({weight.shape[0]},), got {bias.shape}")
    result: Tensor = apply(declaration.op, (input, weight, cast(bias, dtype)), _NO_PARAMETERS)
    return result


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
    return _affine(linear_primitive, input, weight, bias)


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """ReLU of :func:`linear`, in the same pass; the same arguments, result and errors.

    Example:
        >>> import autograd_core as ag
        >>> ag.linear_relu(ag.tensor([[1.0, -2.0]]), ag.eye(2), ag.tensor([0.5, 0.5])).tolist()
        [[1.5, 0.0]]
    """
    if bias is None:
        return relu(linear(input, weight))
    return _affine(linear_relu_primitive, input, weight, bias)


__all__ = ["linear", "linear_relu"]
