"""Softmax and log-softmax along any dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..broadcasting import Shape, normalize_dim
from ..dispatch import apply, as_tensor_operand, attach, cast, fused
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..tensor import Tensor
from .elementwise import exp, log
from .extrema import amax_primitive
from .linear_maps import expand_reduced, sum_primitive

if TYPE_CHECKING:
    from ..kernels import softmax as kernels
else:
    kernels = lazy_import("autograd_core.kernels.softmax")


def _rows(array: np.ndarray, dim: int) -> np.ndarray:
    """`array` as a contiguous matrix whose rows run along `dim`."""
    if dim != array.ndim - 1:
        array = np.moveaxis(array, dim, -1)
    return contiguous(array).reshape(-1, array.shape[-1])


def _from_rows(rows: np.ndarray, shape: Shape, dim: int) -> np.ndarray:
    if dim == len(shape) - 1:
        return rows.reshape(shape)
    moved = (*shape[:dim], *shape[dim + 1 :], shape[dim])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), -1, dim))


def run_rows(kernel: Any, dim: int, *arrays: np.ndarray) -> np.ndarray:
    """Run a row kernel along `dim` of `arrays`, all of one shape."""
    shape = arrays[0].shape
    if arrays[0].size == 0:
        return np.empty(shape, arrays[0].dtype)
    lines = [_rows(array, dim) for array in arrays]
    out = np.empty(lines[0].shape, lines[0].dtype)
    kernel(*lines, out)
    return _from_rows(out, shape, dim)


def _samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": 1}),
        Sample((random.standard_normal((2, 3, 2)) * 5,), {"dim": 0}),
        Sample((random.standard_normal((3, 1)),), {"dim": 1}),
    ]


def _reference(x: np.ndarray, dim: int) -> np.ndarray:
    raised = np.exp(x - x.max(axis=dim, keepdims=True))
    return np.asarray(raised / raised.sum(axis=dim, keepdims=True))


def _dot_along(x: Any, z: Any, dim: int) -> Any:
    return expand_reduced(sum_primitive(x * z, dim=(dim,), keepdim=True), x.shape, (dim,))


def _softmax_forward(x: np.ndarray, *, dim: int) -> np.ndarray:
    return run_rows(kernels.softmax, dim, x)


def _log_softmax_forward(x: np.ndarray, *, dim: int) -> np.ndarray:
    return run_rows(kernels.log_softmax, dim, x)


@fused(
    "softmax",
    forward=_softmax_forward,
    reference=_reference,
    torch="softmax",
    samples=_samples,
)
def softmax_primitive(x: Any, *, dim: int) -> Any:
    """exp(x) / sum exp(x) along a dimension, shifted by the maximum."""
    # The shift cancels, so its derivative is left out: the maximum enters as a constant.
    largest = amax_primitive(x, dim=(dim,), keepdim=True).detach()
    raised = exp(x - largest)
    return raised / expand_reduced(sum_primitive(raised, dim=(dim,), keepdim=True), x.shape, (dim,))


@softmax_primitive.vjp("x")
def _(cotangent: Any, y: np.ndarray, dim: int) -> np.ndarray:
    return run_rows(kernels.softmax_vjp, dim, cotangent, y)


@softmax_primitive.derivative
def _(cotangent: Any, y: Any, dim: int) -> Any:
    return y * (cotangent - _dot_along(cotangent, y, dim))


@fused(
    "log_softmax",
    forward=_log_softmax_forward,
    reference=lambda x, dim: np.log(_reference(x, dim)),
    torch="log_softmax",
    samples=_samples,
)
def log_softmax_primitive(x: Any, *, dim: int) -> Any:
    """x - max - log sum exp(x - max) along a dimension: finite for logits of any size."""
    shifted = x - amax_primitive(x, dim=(dim,), keepdim=True).detach()
    return shifted - expand_reduced(log(sum_primitive(exp(shifted), dim=(dim,), keepdim=True)), x.shape, (dim,))


@log_softmax_primitive.vjp("x")
def _(cotangent: Any, y: np.ndarray, dim: int) -> np.ndarray:
    return run_rows(kernels.log_softmax_vjp, dim, cotangent, y)


@log_softmax_primitive.derivative
def _(cotangent: Any, y: Any, dim: int) -> Any:
    return cotangent - exp(y) * expand_reduced(
        sum_primitive(cotangent, dim=(dim,), keepdim=True), cotangent.shape, (dim,)
    )


def _call(declaration: Any, input: Any, dim: int, dtype: Any) -> Tensor:
    name = declaration.op.name
    input = as_tensor_operand(input, name)
    if dtype is not None:
        input = cast(input, dtypes.as_dtype(dtype))
    if input.dtype.kind != "f":
        raise TypeError(f"{name}() needs a floating tensor, got {input.dtype}")
    dim = normalize_dim(dim, input.ndim, name)
    if input.ndim == 0:
        result: Tensor = _call(declaration, input.reshape(1), 0, None).reshape(())
    else:
        result = apply(declaration.op, (input,), {"dim": dim})
    return result


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum exp(x) along `dim`; a row of -inf alone is NaN, as in PyTorch.

    Args:
        input: any floating shape.
        dim: the dimension whose entries sum to 1.
        dtype: convert to this dtype first.

    Raises:
        TypeError: for integers.
        IndexError: if the dimension is out of range.
    """
    return _call(softmax_primitive, input, dim, dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The logarithm of softmax along `dim`, finite for large logits; arguments and errors as :func:`softmax`."""
    return _call(log_softmax_primitive, input, dim, dtype)


attach("softmax", softmax)
attach("log_softmax", log_softmax)

__all__ = ["log_softmax", "softmax"]
