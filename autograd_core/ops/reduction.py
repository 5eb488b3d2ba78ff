"""Reductions: sums, means, variances and extrema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..broadcasting import Shape, add_over, normalize_dim, normalize_dims
from ..dispatch import apply, apply_with_residuals, as_tensor_operand, attach, cast, structural
from ..op import Sample
from ..tensor import Tensor, wrap
from .elementwise import maximum, minimum
from .linear_maps import embed_primitive, expand_reduced, raw, reshape_primitive, sum_primitive

Dim = int | Sequence[int] | None


class ValuesAndIndices(NamedTuple):
    """What a reduction along one dimension returns when it finds elements."""

    values: Tensor
    indices: Tensor


def _size(shape: Shape, dim: tuple[int, ...]) -> int:
    size = 1
    for axis in dim:
        size *= shape[axis]
    return size


def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over all dimensions or over `dim`.

    Args:
        input: any shape; integers and booleans are summed as int64.
        dim: a dimension, several, or None for all.
        keepdim: keep the reduced dimensions with size 1.
        dtype: convert to this dtype first.

    Raises:
        IndexError: if a dimension is out of range.

    Example:
        >>> import autograd_core as ag
        >>> ag.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
        tensor([4., 6.])
    """
    input = as_tensor_operand(input, "sum")
    if dtype is not None:
        input = cast(input, dtypes.as_dtype(dtype))
    elif input.dtype.kind != "f":
        input = cast(input, dtypes.int64)
    result: Tensor = apply(
        sum_primitive.op, (input,), {"dim": normalize_dims(dim, input.ndim, "sum"), "keepdim": keepdim}
    )
    return result


@structural(
    "mean",
    reference=lambda x, dim, keepdim: np.mean(x, axis=dim, keepdims=keepdim),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"dim": (0, 1), "keepdim": False}),
        Sample((random.standard_normal((3, 4, 2)),), {"dim": (0, 2), "keepdim": True}),
    ],
)
def mean_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Arithmetic mean over dimensions; NaN of no elements."""
    # Divided, not multiplied by a reciprocal: the mean of equal numbers is that number.
    return np.asarray(add_over(x, dim, keepdim) / x.dtype.type(_size(x.shape, dim)))


@mean_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, dim: tuple[int, ...]) -> Any:
    return expand_reduced(cotangent / _size(x_shape, dim), x_shape, dim)


def _floating(input: Any, operation: str) -> Tensor:
    tensor = as_tensor_operand(input, operation)
    if tensor.dtype.kind != "f":
        raise TypeError(f"{operation}() needs a floating tensor, got {tensor.dtype}; convert it with .float()")
    return tensor


def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Arithmetic mean over all dimensions or over `dim`.

    Raises:
        TypeError: for integers, unless `dtype` says what to compute in.
        IndexError: if a dimension is out of range.
    """
    if dtype is not None:
        input = cast(as_tensor_operand(input, "mean"), dtypes.as_dtype(dtype))
    input = _floating(input, "mean")
    result: Tensor = apply(
        mean_primitive.op, (input,), {"dim": normalize_dims(dim, input.ndim, "mean"), "keepdim": keepdim}
    )
    return result


def _centred(x: Any, dim: tuple[int, ...]) -> Any:
    """`x` less its mean over `dim`. Measured from the first element, so that a constant is exactly 0 from its mean."""
    first = raw(x)[tuple(slice(1) if axis in dim else slice(None) for axis in range(x.ndim))]
    shifted = x - first
    return shifted - mean_primitive(shifted, dim=dim, keepdim=True)


@structural(
    "var",
    reference=lambda x, dim, correction, keepdim: np.var(x, axis=dim, ddof=correction, keepdims=keepdim),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"dim": (0, 1), "correction": 1, "keepdim": False}),
        Sample((random.standard_normal((3, 4, 2)),), {"dim": (1,), "correction": 0, "keepdim": True}),
    ],
)
def var_primitive(x: np.ndarray, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> np.ndarray:
    """Variance over dimensions, in two passes."""
    centred = _centred(x, dim)
    degrees = _size(x.shape, dim) - correction
    total = add_over(centred * centred, dim, keepdim)
    return total * x.dtype.type(1 / degrees if degrees > 0 else np.nan)


@var_primitive.vjp("x")
def _(cotangent: Any, x: Any, dim: tuple[int, ...], correction: float) -> Any:
    degrees = _size(x.shape, dim) - correction
    centred = _centred(x, dim)
    return expand_reduced(cotangent * (2 / degrees if degrees > 0 else np.nan), x.shape, dim) * centred


def var(input: Tensor, dim: Dim = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Variance, divided by the number of elements less `correction`; NaN where that is not positive.

    Raises:
        TypeError: for integers.
        IndexError: if a dimension is out of range.
    """
    input = _floating(input, "var")
    parameters = {"dim": normalize_dims(dim, input.ndim, "var"), "correction": correction, "keepdim": keepdim}
    result: Tensor = apply(var_primitive.op, (input,), parameters)
    return result


@structural(
    "std",
    reference=lambda x, dim, correction, keepdim: np.std(x, axis=dim, ddof=correction, keepdims=keepdim),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"dim": (0, 1), "correction": 1, "keepdim": False}),
        Sample((random.standard_normal((3, 4, 2)),), {"dim": (1,), "correction": 0, "keepdim": True}),
    ],
)
def std_primitive(x: np.ndarray, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> np.ndarray:
    """Standard deviation over dimensions."""
    return np.sqrt(var_primitive(x, dim=dim, correction=correction, keepdim=keepdim))


@std_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...], correction: float) -> Any:
    degrees = _size(x.shape, dim) - correction
    centred = _centred(x, dim)
    # A constant has standard deviation 0 and, by convention, gradient 0, not 0 / 0.
    safe = y + (raw(y) == 0)
    scale = cotangent / safe * (1 / degrees if degrees > 0 else np.nan)
    return expand_reduced(scale, x.shape, dim) * centred


def std(input: Tensor, dim: Dim = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Standard deviation; the gradient at a constant input is 0. Arguments as :func:`var`."""
    input = _floating(input, "std")
    parameters = {"dim": normalize_dims(dim, input.ndim, "std"), "correction": correction, "keepdim": keepdim}
    result: Tensor = apply(std_primitive.op, (input,), parameters)
    return result


# --- extrema ----------------------------------------------------------------------------------------------------


def _ties(x: Any, y: Any, dim: tuple[int, ...]) -> np.ndarray:
    """For each element its share of the gradient: one over the number of elements that attain the extremum."""
    values, extremum = raw(x), expand_reduced(raw(y), x.shape, dim)
    attained = (values == extremum) | (np.isnan(values) & np.isnan(extremum))
    # Counted in integers: float32 sums are wrong above 2**24 ties.
    count = np.add.reduce(attained, axis=dim, keepdims=True, dtype=np.int64)
    return attained / count.astype(values.dtype)


def _extremum_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(12).astype(float).reshape(3, 4),), {"dim": (0, 1), "keepdim": False}),
        Sample((random.permutation(24).astype(float).reshape(3, 4, 2),), {"dim": (1,), "keepdim": True}),
    ]


@structural("amax", reference=lambda x, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim), samples=_extremum_samples)
def amax_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Maximum over dimensions; ties share the gradient evenly."""
    return np.maximum.reduce(x, axis=dim, keepdims=keepdim)


@amax_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...]) -> Any:
    return expand_reduced(cotangent, x.shape, dim) * _ties(x, y, dim)


@structural("amin", reference=lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim), samples=_extremum_samples)
def amin_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Minimum over dimensions; ties share the gradient evenly."""
    return np.minimum.reduce(x, axis=dim, keepdims=keepdim)


@amin_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...]) -> Any:
    return expand_reduced(cotangent, x.shape, dim) * _ties(x, y, dim)


def _reduce_extremum(declaration: Any, input: Any, dim: Dim, keepdim: bool) -> Tensor:
    name = declaration.op.name
    input = as_tensor_operand(input, name)
    dims = normalize_dims(dim, input.ndim, name)
    if _size(input.shape, dims) == 0:
        raise ValueError(f"{name}: no elements to take an extremum of, shape {input.shape}, dim {dim}")
    result: Tensor = apply(declaration.op, (input,), {"dim": dims, "keepdim": keepdim})
    return result


def amax(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Maximum over all dimensions or over `dim`; elements that tie share the gradient evenly.

    Raises:
        ValueError: if there are no elements.
        IndexError: if a dimension is out of range.
    """
    return _reduce_extremum(amax_primitive, input, dim, keepdim)


def amin(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Minimum over all dimensions or over `dim`; arguments and errors as :func:`amax`."""
    return _reduce_extremum(amin_primitive, input, dim, keepdim)


def _pick(x: np.ndarray, indices: np.ndarray, dim: int, keepdim: bool) -> np.ndarray:
    kept = np.take_along_axis(x, indices, axis=dim)
    return kept if keepdim else np.squeeze(kept, axis=dim)


def _place(cotangent: Any, indices: np.ndarray, shape: Shape, dim: int) -> Any:
    """Zeros with each reduced cotangent at the index its value came from."""
    index: list[Any] = list(np.ogrid[tuple(map(slice, indices.shape))])
    index[dim] = indices
    return embed_primitive(reshape_primitive(cotangent, shape=indices.shape), shape=shape, index=tuple(index))


def _along_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(12).astype(float).reshape(3, 4),), {"dim": 1, "keepdim": False}),
        Sample((random.permutation(24).astype(float).reshape(3, 4, 2),), {"dim": 0, "keepdim": True}),
    ]


@structural("max_along", residuals=("indices",), samples=_along_samples)
def max_along_primitive(x: np.ndarray, *, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Maximum along one dimension and where it is; the whole gradient goes to that element."""
    indices = np.expand_dims(np.argmax(x, axis=dim), dim)
    return _pick(x, indices, dim, keepdim), indices


@structural("min_along", residuals=("indices",), samples=_along_samples)
def min_along_primitive(x: np.ndarray, *, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Minimum along one dimension and where it is; the whole gradient goes to that element."""
    indices = np.expand_dims(np.argmin(x, axis=dim), dim)
    return _pick(x, indices, dim, keepdim), indices


@max_along_primitive.vjp("x")
@min_along_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, indices: np.ndarray, dim: int) -> Any:
    return _place(cotangent, indices, x_shape, dim)


def _along(declaration: Any, input: Any, dim: int, keepdim: bool) -> ValuesAndIndices:
    name = declaration.op.name.partition("_")[0]
    input = as_tensor_operand(input, name)
    dim = normalize_dim(dim, input.ndim, name)
    if input.ndim == 0:
        return ValuesAndIndices(input.clone(), wrap(np.zeros((), np.int64), None))
    if input.shape[dim] == 0:
        raise IndexError(f"{name}: dimension {dim} of shape {input.shape} has no elements")
    values, (indices,) = apply_with_residuals(declaration.op, (input,), {"dim": dim, "keepdim": keepdim})
    return ValuesAndIndices(values, wrap(indices if keepdim else np.squeeze(indices, axis=dim), None))


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Maximum of all elements; or along one dimension, with indices; or of two tensors, elementwise.

    Args:
        input: any shape.
        dim: None for the overall maximum, whose gradient ties share; a dimension for a pair
            ``(values, indices)``, where the indexed element gets the gradient; a tensor for :func:`maximum`.
        keepdim: with a dimension, keep it with size 1.

    Raises:
        ValueError: if there are no elements.
        IndexError: if the dimension is out of range or empty.
    """
    if dim is None:
        return amax(input)
    return maximum(input, dim) if isinstance(dim, Tensor) else _along(max_along_primitive, input, dim, keepdim)


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Minimum; arguments, results and errors as :func:`max`."""
    if dim is None:
        return amin(input)
    return minimum(input, dim) if isinstance(dim, Tensor) else _along(min_along_primitive, input, dim, keepdim)


def _arg(function: Any, name: str, input: Any, dim: int | None, keepdim: bool) -> Tensor:
    array = as_tensor_operand(input, name)._array
    if array.size == 0:
        raise ValueError(f"{name}: no elements, shape {array.shape}")
    if dim is None:
        return wrap(np.asarray(function(array)), None)
    axis = normalize_dim(dim, array.ndim, name)
    return wrap(np.asarray(function(array, axis=axis, keepdims=keepdim) if array.ndim else 0), None)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the maximum, of the flattened tensor or along `dim`; the first of several."""
    return _arg(np.argmax, "argmax", input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the minimum, of the flattened tensor or along `dim`; the first of several."""
    return _arg(np.argmin, "argmin", input, dim, keepdim)


def all(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are nonzero or True."""
    array = as_tensor_operand(input, "all")._array
    return wrap(np.asarray(np.all(array, axis=normalize_dims(dim, array.ndim, "all"), keepdims=keepdim)), None)


def any(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether any element is nonzero or True."""
    array = as_tensor_operand(input, "any")._array
    return wrap(np.asarray(np.any(array, axis=normalize_dims(dim, array.ndim, "any"), keepdims=keepdim)), None)


PUBLIC = (sum, mean, var, std, amax, amin, max, min, argmax, argmin, all, any)
for _function in PUBLIC:
    attach(_function.__name__, _function)

__all__ = ["ValuesAndIndices", *(_function.__name__ for _function in PUBLIC)]
