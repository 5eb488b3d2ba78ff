"""Softmax and log-softmax along any dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..broadcasting import normalize_dim
from ..declaration import attach, fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .blocks import around, run
from .elementwise import exp, log
from .extrema import amax_primitive
from .linear_maps import expand_reduced, sum_primitive

if TYPE_CHECKING:
    from ..kernels import softmax as kernels
else:
    kernels = lazy_import("autograd_core.kernels.softmax")


# Elements a thread should have at least: exp makes each of them several times as dear as an addition.
_WORK = 4
# With fewer elements behind the dimension, it is moved to the end; with more, tiles of them are vectors.
_FEW_LANES = 16


def run_along(name: str, dim: int, *arrays: np.ndarray) -> np.ndarray:
    """Run the kernel `name`, which works along the rows of matrices, along `dim` of arrays of one shape."""
    shape = arrays[0].shape
    out = np.empty(shape, arrays[0].dtype)
    if not out.size:
        return out
    outer, length, inner = around(shape, dim)
    work = _WORK * out.size
    if inner == 1:
        rows = [contiguous(array).reshape(outer, length) for array in arrays]
        run(kernels, name, work, *rows, out.reshape(outer, length))
    elif inner >= _FEW_LANES:
        lines = [contiguous(array).reshape(-1) for array in arrays]
        run(kernels, f"{name}_lanes", work, *lines, outer, length, inner, out.reshape(-1))
    else:
        turned = [contiguous(array.reshape(outer, length, inner).swapaxes(1, 2)) for array in arrays]
        result = np.empty((outer * inner, length), out.dtype)
        run(kernels, name, work, *[array.reshape(-1, length) for array in turned], result)
        out.reshape(outer, length, inner)[...] = result.reshape(outer, inner, length).swapaxes(1, 2)
    return out


def _samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": 1}),
        Sample((random.standard_normal((2, 3, 2)) * 5,), {"dim": 0}),
        Sample((random.standard_normal((3, 1)),), {"dim": 1}),
        # Each way the kernels go: long rows, a wide dimension behind, a narrow one.
        Sample((random.standard_normal((2, 70)),), {"dim": 1}),
        Sample((random.standard_normal((2, 3, 20)),), {"dim": 1}),
    ]


def _reference(x: np.ndarray, dim: int) -> np.ndarray:
    raised = np.exp(x - x.max(axis=dim, keepdims=True))
    return np.asarray(raised / raised.sum(axis=dim, keepdims=True))


def _dot_along(x: Any, z: Any, dim: int) -> Any:
    return expand_reduced(sum_primitive(x * z, dim=(dim,), keepdim=True), x.shape, (dim,))


def _softmax_forward(x: np.ndarray, *, dim: int) -> np.ndarray:
    return run_along("softmax", dim, x)


def _log_softmax_forward(x: np.ndarray, *, dim: int) -> np.ndarray:
    return run_along("log_softmax", dim, x)


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
    return run_along("softmax_vjp", dim, cotangent, y)


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
    return run_along("log_softmax_vjp", dim, cotangent, y)


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
