"""Largest and smallest elements: of all, over dimensions, along one with their indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..broadcasting import Shape, normalize_dim, normalize_dims
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .arguments import Dim, Extremes, ValuesAndIndices
from .blocks import count, extremum_gradient_of, extremum_of, place_of_extremum
from .linear_maps import expand_reduced, kept_shape, raw, scatter_along_primitive


def _ties(x: Any, y: Any, dim: tuple[int, ...]) -> np.ndarray:
    """For each element its share of the gradient: one over the number of elements that attain the extremum."""
    values, extremum = raw(x), expand_reduced(raw(y), x.shape, dim)
    attained = (values == extremum) | (np.isnan(values) & np.isnan(extremum))
    # Counted in integers: float32 sums are wrong above 2**24 ties.
    number = np.add.reduce(attained, axis=dim, keepdims=True, dtype=np.int64)
    return np.asarray(attained * (1 / number).astype(values.dtype))


def _extremum_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(12).astype(float).reshape(3, 4),), {"dim": (0, 1), "keepdim": False}),
        Sample((random.permutation(24).astype(float).reshape(3, 4, 2),), {"dim": (1,), "keepdim": True}),
        Sample((random.standard_normal(()),), {"dim": (), "keepdim": False}),
    ]


@structural(
    "amax",
    torch="amax",
    reference=lambda x, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
    samples=_extremum_samples,
)
def amax_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Maximum over dimensions; ties share the gradient evenly."""
    return extremum_of(x, dim, keepdim, largest=True)


@structural(
    "amin",
    torch="amin",
    reference=lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    samples=_extremum_samples,
)
def amin_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Minimum over dimensions; ties share the gradient evenly."""
    return extremum_of(x, dim, keepdim, largest=False)


@amax_primitive.vjp("x")
@amin_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...]) -> Any:
    if isinstance(x, np.ndarray) and isinstance(cotangent, np.ndarray):
        kept = kept_shape(x.shape, dim)
        found = extremum_gradient_of(cotangent.reshape(kept), x, raw(y).reshape(kept), dim)
        if found is not None:
            return found
    return expand_reduced(cotangent, x.shape, dim) * _ties(x, y, dim)


def _reduce_extremum(declaration: Any, input: Any, dim: Dim, keepdim: bool, name: str) -> Tensor:
    input = as_tensor_operand(input, name)
    dims = normalize_dims(dim, input.ndim, name)
    if count(input.shape, dims) == 0:
        kind = ValueError if dim is None else IndexError
        raise kind(f"{name}: no elements to take an extremum of, shape {input.shape}, dim {dim}")
    result: Tensor = apply(declaration.op, (input,), {"dim": dims, "keepdim": keepdim})
    return result


def amax(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Maximum over all dimensions or over `dim`; elements that tie share the gradient evenly.

    Raises:
        ValueError: if the tensor has no elements.
        IndexError: if a dimension is out of range, or has no elements.
    """
    return _reduce_extremum(amax_primitive, input, dim, keepdim, "amax")


def amin(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Minimum over all dimensions or over `dim`; arguments and errors as :func:`amax`."""
    return _reduce_extremum(amin_primitive, input, dim, keepdim, "amin")


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Extremes:
    """Minimum and maximum, of all elements or along one dimension; ties share the gradient evenly.

    Raises:
        ValueError: if the tensor has no elements.
        IndexError: if the dimension is out of range, or has no elements.
    """
    if dim is not None:
        dim = normalize_dim(dim, as_tensor_operand(input, "aminmax").ndim, "aminmax")
    return Extremes(
        _reduce_extremum(amin_primitive, input, dim, keepdim, "aminmax"),
        _reduce_extremum(amax_primitive, input, dim, keepdim, "aminmax"),
    )


# --- along one dimension, with indices --------------------------------------------------------------------------


def _along_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(12).astype(float).reshape(3, 4),), {"dim": 1, "keepdim": False}),
        Sample((random.permutation(24).astype(float).reshape(3, 4, 2),), {"dim": 0, "keepdim": True}),
    ]


def _pick(x: np.ndarray, indices: np.ndarray, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    kept = np.take_along_axis(x, indices, axis=dim)
    return kept if keepdim else np.squeeze(kept, axis=dim), indices


@structural(
    "max_along",
    torch="max",
    residuals=("indices",),
    reference=lambda x, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
    samples=_along_samples,
)
def max_along_primitive(x: np.ndarray, *, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Maximum along one dimension and where it is; the whole gradient goes to that element."""
    return _pick(x, place_of_extremum(x, dim, True, largest=True), dim, keepdim)


@structural(
    "min_along",
    torch="min",
    residuals=("indices",),
    reference=lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    samples=_along_samples,
)
def min_along_primitive(x: np.ndarray, *, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Minimum along one dimension and where it is; the whole gradient goes to that element."""
    return _pick(x, place_of_extremum(x, dim, True, largest=False), dim, keepdim)


def place_along(cotangent: Any, indices: np.ndarray, shape: Shape, dim: int) -> Any:
    """Zeros of `shape` with each cotangent at the index along `dim` that its value came from."""
    if cotangent.ndim != len(shape):
        cotangent = expand_reduced(cotangent, indices.shape, (dim,))
    return scatter_along_primitive(cotangent, index=indices, dim=dim, size=shape[dim])


@max_along_primitive.vjp("x")
@min_along_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, indices: np.ndarray, dim: int) -> Any:
    return place_along(cotangent, indices, x_shape, dim)


def along(declaration: Any, input: Any, dim: int, keepdim: bool, name: str, **parameters: Any) -> ValuesAndIndices:
    """Run an operation that finds one element along a dimension: its values, recorded, and their indices.

    Raises:
        IndexError: if the dimension is out of range or empty.
    """
    input = as_tensor_operand(input, name)
    dim = normalize_dim(dim, input.ndim, name)
    if input.ndim == 0:
        found = along(declaration, input.reshape(1), 0, False, name, **parameters)
        return ValuesAndIndices(*found)
    if input.shape[dim] == 0:
        raise IndexError(f"{name}: dimension {dim} of shape {input.shape} has no elements")
    values, (indices,) = apply_with_residuals(declaration.op, (input,), {"dim": dim, "keepdim": keepdim, **parameters})
    return ValuesAndIndices(values, wrap(indices if keepdim else np.squeeze(indices, axis=dim), None))


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Maximum of all elements; or along one dimension, with indices; or of two tensors, elementwise.

    Args:
        input: any shape.
        dim: None for the overall maximum, whose gradient ties share; a dimension for a pair
            ``(values, indices)``, where the indexed element gets the gradient; a tensor for :func:`maximum`.
        keepdim: with a dimension, keep it with size 1.
        other: the other tensor, by PyTorch's name.

    Raises:
        ValueError: if the tensor has no elements.
        IndexError: if the dimension is out of range, or has no elements.
    """
    other = dim if isinstance(dim, Tensor) else other
    if other is not None:
        return f.maximum(as_tensor_operand(input, "max"), other)
    return amax(input) if dim is None else along(max_along_primitive, input, dim, keepdim, "max")


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Minimum; arguments, results and errors as :func:`max`."""
    other = dim if isinstance(dim, Tensor) else other
    if other is not None:
        return f.minimum(as_tensor_operand(input, "min"), other)
    return amin(input) if dim is None else along(min_along_primitive, input, dim, keepdim, "min")


# --- indices only -----------------------------------------------------------------------------------------------


def _arg_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": None, "keepdim": False}),
        Sample((random.standard_normal((3, 4)),), {"dim": 1, "keepdim": True}),
    ]


@structural(
    "argmax",
    torch="argmax",
    differentiable=False,
    reference=lambda x, dim, keepdim: np.argmax(x, axis=dim, keepdims=keepdim),
    samples=_arg_samples,
)
def argmax_primitive(x: np.ndarray, *, dim: int | None, keepdim: bool) -> np.ndarray:
    """Index of the maximum, the first of several."""
    return place_of_extremum(x, dim, keepdim, largest=True)


@structural(
    "argmin",
    torch="argmin",
    differentiable=False,
    reference=lambda x, dim, keepdim: np.argmin(x, axis=dim, keepdims=keepdim),
    samples=_arg_samples,
)
def argmin_primitive(x: np.ndarray, *, dim: int | None, keepdim: bool) -> np.ndarray:
    """Index of the minimum, the first of several."""
    return place_of_extremum(x, dim, keepdim, largest=False)


def _arg(declaration: Any, input: Any, dim: int | None, keepdim: bool) -> Tensor:
    name = declaration.op.name
    input = as_tensor_operand(input, name)
    if dim is not None:
        dim = normalize_dim(dim, input.ndim, name)
    if (input.numel() if dim is None or not input.ndim else input.shape[dim]) == 0:
        raise IndexError(f"{name}: no elements to choose from, shape {input.shape}, dim {dim}")
    parameters = {"dim": dim if input.ndim else None, "keepdim": keepdim}
    result: Tensor = apply(declaration.op, (input,), parameters)
    return result


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the maximum, of the flattened tensor or along `dim`; the first of several.

    Raises:
        IndexError: if there are no elements, or the dimension is out of range.
    """
    return _arg(argmax_primitive, input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the minimum; arguments and errors as :func:`argmax`."""
    return _arg(argmin_primitive, input, dim, keepdim)


PUBLIC = (amax, amin, aminmax, max, min, argmax, argmin)
for _function in PUBLIC:
    attach(_function.__name__, _function)

__all__ = [_function.__name__ for _function in PUBLIC]
