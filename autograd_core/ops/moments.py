"""Means, variances and standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..broadcasting import Shape, normalize_dims
from ..declaration import attach, structural
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import Dim, converted, floating
from .blocks import count, first_along, mean_of, moments_of
from .index_maps import raw
from .linear_maps import expand_reduced


def _mean_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": (0, 1), "keepdim": False}),
        Sample((random.standard_normal((3, 4, 2)),), {"dim": (0, 2), "keepdim": True}),
        Sample((random.standard_normal(()),), {"dim": (), "keepdim": False}),
        Sample((random.standard_normal((90, 80)),), {"dim": (0,), "keepdim": False}),
    ]


@structural(
    "mean",
    torch="mean",
    reference=lambda x, dim, keepdim: np.mean(x, axis=dim, keepdims=keepdim),
    samples=_mean_samples,
)
def mean_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Arithmetic mean over dimensions; NaN of no elements."""
    return mean_of(x, dim, keepdim)


@mean_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, dim: tuple[int, ...]) -> Any:
    # Of no elements there is no gradient; 1 keeps the division from making NaN of the cotangent's own.
    return expand_reduced(cotangent / (count(x_shape, dim) or 1), x_shape, dim)


def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Arithmetic mean over all dimensions or over `dim`.

    Raises:
        TypeError: for integers, unless `dtype` says what to compute in.
        IndexError: if a dimension is out of range.
    """
    input = floating(input if dtype is None else converted(input, dtype, "mean"), "mean")
    parameters = {"dim": normalize_dims(dim, input.ndim, "mean"), "keepdim": keepdim}
    result: Tensor = apply(mean_primitive.op, (input,), parameters)
    return result


# --- variance ---------------------------------------------------------------------------------------------------


def _var_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": (0, 1), "correction": 1, "keepdim": False}),
        Sample((random.standard_normal((3, 4, 2)),), {"dim": (1,), "correction": 0, "keepdim": True}),
        Sample((random.standard_normal((3, 4)),), {"dim": (0,), "correction": 0.5, "keepdim": False}),
        Sample((random.standard_normal((90, 80)),), {"dim": (1,), "correction": 1, "keepdim": False}),
    ]


def _centred(x: Any, dim: tuple[int, ...]) -> Any:
    """`x` less its mean over `dim`, measured from the first element, so that a constant is exactly 0 from its mean."""
    shifted = x - first_along(raw(x), dim)
    return shifted - mean_primitive(shifted, dim=dim, keepdim=True)


def _scale(shape: Shape, dim: tuple[int, ...], correction: float) -> float:
    """One over the degrees of freedom, infinite where there are none."""
    degrees = count(shape, dim) - correction
    return 1 / degrees if degrees > 0 else float("inf")


@structural(
    "var",
    torch="var",
    reference=lambda x, dim, correction, keepdim: np.var(x, axis=dim, ddof=correction, keepdims=keepdim),
    samples=_var_samples,
)
def var_primitive(x: np.ndarray, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> np.ndarray:
    """Variance over dimensions, in two passes."""
    squares = moments_of(x, dim, keepdim)[1]
    return np.asarray(squares * squares.dtype.type(_scale(x.shape, dim, correction))).astype(x.dtype, copy=False)


@var_primitive.vjp("x")
def _(cotangent: Any, x: Any, dim: tuple[int, ...], correction: float) -> Any:
    centred = _centred(x, dim)
    return expand_reduced(cotangent * (2 * _scale(x.shape, dim, correction)), x.shape, dim) * centred


@structural(
    "std",
    torch="std",
    reference=lambda x, dim, correction, keepdim: np.std(x, axis=dim, ddof=correction, keepdims=keepdim),
    samples=_var_samples,
)
def std_primitive(x: np.ndarray, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> np.ndarray:
    """Standard deviation over dimensions."""
    squares = moments_of(x, dim, keepdim)[1]
    variance = squares * squares.dtype.type(_scale(x.shape, dim, correction))
    return np.asarray(np.sqrt(variance)).astype(x.dtype, copy=False)


@std_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...], correction: float) -> Any:
    centred = _centred(x, dim)
    # A constant has standard deviation 0 and, by convention, gradient 0, not 0 / 0.
    safe = y + (raw(y) == 0)
    return expand_reduced(cotangent / safe * _scale(x.shape, dim, correction), x.shape, dim) * centred


def _read(
    input: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None, operation: str
) -> tuple[Tensor, dict[str, Any]]:
    """The arguments of PyTorch's two signatures: with `correction`, and the older one with `unbiased`."""
    if isinstance(dim, bool):
        if unbiased is not None:
            raise TypeError(f"{operation}(): dim must be an int or several, got {dim}")
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{operation}(): give unbiased or correction, not both")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    tensor = floating(input, operation)
    return tensor, {"dim": normalize_dims(dim, tensor.ndim, operation), "correction": correction, "keepdim": keepdim}


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Variance, divided by the number of elements less `correction`.

    Args:
        input: any floating shape.
        dim: a dimension, several, or None for all. A bool in its place is `unbiased`, as in PyTorch.
        unbiased: True for a correction of 1, False for 0; the older way to say so.
        keepdim: keep the reduced dimensions with size 1.
        correction: 1 unless given. Where it leaves no degrees of freedom the variance is infinite, or NaN of a
            constant.

    Raises:
        TypeError: for integers, and if both `unbiased` and `correction` are given.
        IndexError: if a dimension is out of range.
    """
    tensor, parameters = _read(input, dim, unbiased, keepdim, correction, "var")
    result: Tensor = apply(var_primitive.op, (tensor,), parameters)
    return result


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Standard deviation; the gradient at a constant input is 0. Arguments and errors as :func:`var`."""
    tensor, parameters = _read(input, dim, unbiased, keepdim, correction, "std")
    result: Tensor = apply(std_primitive.op, (tensor,), parameters)
    return result


def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean; arguments and errors as :func:`var`."""
    tensor, parameters = _read(input, dim, unbiased, keepdim, correction, "var_mean")
    return apply(var_primitive.op, (tensor,), parameters), mean(tensor, parameters["dim"] or None, keepdim)


def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean; arguments and errors as :func:`var`."""
    tensor, parameters = _read(input, dim, unbiased, keepdim, correction, "std_mean")
    return apply(std_primitive.op, (tensor,), parameters), mean(tensor, parameters["dim"] or None, keepdim)


for _function in (mean, var, std):
    attach(_function.__name__, _function)

__all__ = ["mean", "std", "std_mean", "var", "var_mean"]
