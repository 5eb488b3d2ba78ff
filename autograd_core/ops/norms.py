"""Norms of vectors, and distances between points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, formula as f
from ..broadcasting import broadcast_shapes, normalize_dim, normalize_dims
from ..declaration import attach, fused, structural
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import Dim, converted, floating
from .blocks import count, fold, run, squares_of, sum_of
from .decomposition import svd_primitive
from .elementwise import where
from .extrema import amax_primitive, amin_primitive
from .inplace import in_place
from .linear_maps import expand_reduced, expand_view_primitive, raw, reshape_primitive, sum_primitive

if TYPE_CHECKING:
    from ..kernels import distance as kernels
else:
    kernels = lazy_import("autograd_core.kernels.distance")


def _norm_reference(x: np.ndarray, order: float, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    if order == 0:
        return np.asarray(np.sum(x != 0, axis=dim, keepdims=keepdim) * 1.0)
    return np.asarray(np.sum(np.abs(x) ** order, axis=dim, keepdims=keepdim) ** (1 / order))


def _norm_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"order": 2.0, "dim": (0, 1), "keepdim": False}),
        Sample((random.standard_normal((3, 4)),), {"order": 1.0, "dim": (1,), "keepdim": True}),
        Sample((random.uniform(0.5, 2, (2, 3, 2)),), {"order": 3.0, "dim": (0, 2), "keepdim": False}),
        Sample((random.uniform(0.5, 2, (4,)),), {"order": 0.5, "dim": (0,), "keepdim": False}),
        Sample((random.uniform(-2, -0.5, (4,)),), {"order": -1.5, "dim": (0,), "keepdim": False}),
        Sample((random.standard_normal((3,)),), {"order": 0.0, "dim": (0,), "keepdim": False}),
        Sample((random.standard_normal((90, 80)),), {"order": 2.0, "dim": (1,), "keepdim": False}),
    ]


@structural("norm", torch="norm", reference=_norm_reference, samples=_norm_samples)
def norm_primitive(x: np.ndarray, *, order: float, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """(Σ |x|^order)^(1 / order) over dimensions for a finite order; for 0 the number of elements not zero."""
    if order == 2:
        result = np.sqrt(squares_of(x, dim, keepdim))
    elif order == 1:
        result = sum_of(np.abs(x), dim, keepdim)
    elif order == 0:
        result = fold(np.add, x != 0, dim, keepdim)
    else:
        result = sum_of(np.abs(x) ** order, dim, keepdim) ** (1 / order)
    return np.asarray(result).astype(x.dtype, copy=False)


@norm_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, order: float, dim: tuple[int, ...]) -> Any:
    # Where the norm is 0 the gradient is 0, the subgradient of least norm, and not 0 / 0.
    zero = raw(y) == 0
    if order == 0:
        return expand_reduced(cotangent, x.shape, dim) * np.zeros((), raw(cotangent).dtype)
    if order == 1:
        return expand_reduced(cotangent, x.shape, dim) * f.sign(x)
    if zero.any():
        cotangent = f.where(zero, 0.0, cotangent)
        y = y + zero
    if order == 2:
        return expand_reduced(cotangent / y, x.shape, dim) * x
    # Elements that are 0 meet the sign's 0, not the power's infinity.
    size = f.abs(x) + (raw(x) == 0)
    share = (size / expand_reduced(y, x.shape, dim)) ** (order - 1)
    return expand_reduced(cotangent, x.shape, dim) * share * f.sign(x)


def vector_norm(input: Tensor, ord: float = 2, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Norm of the elements along `dim`, or of all.

    Args:
        input: any floating shape.
        ord: the order: any number, infinities included; 0 counts the elements that are not zero.
        dim: a dimension, several, or None for all elements.
        keepdim: keep the reduced dimensions with size 1.
        dtype: convert to this dtype first.

    Raises:
        TypeError: for integers.
        ValueError: for a negative or infinite order of no elements.
        IndexError: if a dimension is out of range.
    """
    tensor = floating(converted(input, dtype, "norm"), "norm")
    dims = normalize_dims(dim, tensor.ndim, "norm")
    order = float(ord)
    if (order < 0 or order == math.inf) and count(tensor.shape, dims) == 0:
        raise ValueError(f"norm: the order {ord:g} has no value for no elements, shape {tensor.shape}, dim {dim}")
    if math.isinf(order):
        extremum = amax_primitive if order > 0 else amin_primitive
        largest: Tensor = apply(extremum.op, (f.abs(tensor),), {"dim": dims, "keepdim": keepdim})
        return largest
    result: Tensor = apply(norm_primitive.op, (tensor,), {"order": order, "dim": dims, "keepdim": keepdim})
    return result


def norm(
    input: Tensor, p: float | str | None = "fro", dim: Dim = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Norm of all elements or along `dim`; 0 where it is 0, so is its gradient.

    Args:
        input: any floating shape.
        p: the order, any number, infinities included; "fro" and None mean 2; "nuc" is the sum of the singular values
            of a matrix.
        dim: a dimension, several, or None for all.
        keepdim: keep the reduced dimensions with size 1.
        dtype: convert to this dtype first.

    Raises:
        TypeError: for integers.
        ValueError: for an unknown order, one that has no value for no elements, and "nuc" of anything but matrices.
        IndexError: if a dimension is out of range.
    """
    if p == "nuc":
        return _nuclear(floating(converted(input, dtype, "norm"), "norm"), dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: the order must be a number, 'fro' or 'nuc', got {p!r}")
    return vector_norm(input, 2 if p is None or isinstance(p, str) else p, dim, keepdim, dtype=dtype)


def _nuclear(tensor: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    dims = normalize_dims(dim, tensor.ndim, "norm")
    if len(dims) != 2:
        raise ValueError(f"norm: 'nuc' needs two dimensions, got {dim} of shape {tensor.shape}")
    _, values, _ = apply(svd_primitive.op, (tensor.movedim(dims, (-2, -1)),), {})
    total: Tensor = sum_primitive(values, dim=(values.ndim - 1,), keepdim=False)
    if keepdim:
        total = reshape_primitive(total, shape=tuple(1 if d in dims else s for d, s in enumerate(tensor.shape)))
    return total


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Norm of the difference of two tensors, which broadcast.

    Raises:
        TypeError: for integers.
    """
    return vector_norm(as_tensor_operand(input, "dist") - other, p)


# --- distances between all pairs --------------------------------------------------------------------------------


def _cdist_forward(x: np.ndarray, z: np.ndarray, *, order: float) -> np.ndarray:
    out = np.empty((x.shape[0], x.shape[1], z.shape[1]), x.dtype)
    if out.size:
        run(kernels, "pairwise", out.size * x.shape[2], contiguous(x), contiguous(z.transpose(0, 2, 1)), order, out)
    return out


def _cdist_reference(x: np.ndarray, z: np.ndarray, order: float) -> np.ndarray:
    return np.asarray(np.linalg.norm(x[:, :, None] - z[:, None], order, axis=-1))


@fused(
    "cdist",
    torch="cdist",
    forward=_cdist_forward,
    reference=_cdist_reference,
    samples=lambda random: [
        Sample((random.standard_normal((2, 3, 4)), random.standard_normal((2, 2, 4))), {"order": order})
        for order in (2.0, 1.0, math.inf, 3.0)
    ],
)
def cdist_primitive(x: Any, z: Any, *, order: float) -> Any:
    """Norms of the differences of all rows of two matrices."""
    rows = reshape_primitive(x, shape=(x.shape[0], x.shape[1], 1, x.shape[2]))
    others = reshape_primitive(z, shape=(z.shape[0], 1, z.shape[1], z.shape[2]))
    return vector_norm(rows - others, order, -1)


@cdist_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, z: np.ndarray, y: np.ndarray, order: float) -> list[Any]:
    pulled = [np.zeros(x.shape, x.dtype), np.zeros(z.shape, z.dtype)]
    if y.size:
        pull: Any = kernels.pairwise_vjp
        pull(*map(contiguous, (cotangent, y, x, z)), order, *pulled)
    return pulled


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """Distances between all rows of two matrices, or of batches of them, which broadcast.

    Args:
        x1: shape (…, P, M).
        x2: shape (…, R, M).
        p: order of the norm, not negative; infinity included.
        compute_mode: accepted for PyTorch's sake. Distances are always computed from differences, never from a matrix
            product, which would lose the digits of small ones.

    Returns:
        Shape (…, P, R).

    Raises:
        TypeError: for integers and for dtypes that differ.
        ValueError: for shapes that do not fit and for a negative order.
    """
    first, second = floating(x1, "cdist"), floating(x2, "cdist")
    if first.dtype is not second.dtype:
        dtype = dtypes.promote(first.dtype, second.dtype)
        first, second = cast(first, dtype), cast(second, dtype)
    if first.ndim < 2 or second.ndim < 2 or first.shape[-1] != second.shape[-1]:
        raise ValueError(f"cdist: shapes {first.shape} and {second.shape} must be (..., P, M) and (..., R, M)")
    if p < 0:
        raise ValueError(f"cdist: p must not be negative, got {p}")
    batch = broadcast_shapes(first.shape[:-2], second.shape[:-2], operation="cdist")
    blocks = []
    for tensor in (first, second):
        if tensor.shape[:-2] != batch:
            tensor = expand_view_primitive(tensor, shape=(*batch, *tensor.shape[-2:]))
        blocks.append(reshape_primitive(tensor, shape=(math.prod(batch), *tensor.shape[-2:])))
    result: Tensor = apply(cdist_primitive.op, blocks, {"order": float(p)})
    return reshape_primitive(result, shape=(*batch, first.shape[-2], second.shape[-2]))


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale each slice along `dim` whose norm exceeds `maxnorm` down to it, less 1e-7 as in PyTorch.

    Args:
        input: at least two dimensions.
        p: order of the norm, positive.
        dim: the dimension whose slices are scaled.
        maxnorm: the largest norm, not negative.

    Raises:
        TypeError: for integers.
        ValueError: for fewer dimensions, an order that is not positive and a negative limit.
    """
    tensor = floating(input, "renorm")
    if tensor.ndim < 2:
        raise ValueError(f"renorm: expected at least two dimensions, got shape {tensor.shape}")
    if not p > 0 or not maxnorm >= 0:
        raise ValueError(f"renorm: p must be positive and maxnorm not negative, got {p} and {maxnorm}")
    axis = normalize_dim(dim, tensor.ndim, "renorm")
    others = tuple(place for place in range(tensor.ndim) if place != axis)
    size = vector_norm(tensor, p, others, keepdim=True)
    result: Tensor = tensor * where(size > maxnorm, float(maxnorm) / (size + 1e-7), 1.0)
    return result


for _function in (norm, dist, renorm):
    attach(_function.__name__, _function)
attach("renorm_", in_place(renorm, "renorm"))

__all__ = ["cdist", "dist", "norm", "renorm"]
