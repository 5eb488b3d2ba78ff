"""Descriptive statistics and numerical differentiation: covariance, correlation, histograms, slopes, powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..broadcasting import normalize_dims
from ..declaration import attach
from ..dispatch import as_tensor_operand, cast
from ..tensor import Tensor, wrap
from .arguments import floating
from .diagonals import diagonal
from .joining import cat, stack
from .limits import clamp
from .linalg import matmul
from .linear_maps import slice_primitive
from .reduction import sum


class Histogram(NamedTuple):
    """What :func:`histogram` returns."""

    hist: Tensor
    bin_edges: Tensor


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Covariance matrix of variables in rows, observations in columns; a vector is one variable.

    Args:
        input: shape (variables, observations) or (observations,).
        correction: subtracted from the number of observations they are divided by.
        fweights: how often each observation was made, integers.
        aweights: how much each observation counts, floating.

    Raises:
        ValueError: for more than two dimensions, and for weights that do not fit or are negative.

    Example:
        >>> import autograd_core as ag
        >>> ag.cov(ag.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    tensor = as_tensor_operand(input, "cov")
    if tensor.ndim > 2:
        raise ValueError(f"cov: expected at most two dimensions, got shape {tensor.shape}")
    if tensor.dtype.kind != "f":
        tensor = cast(tensor, dtypes.get_default_dtype())
    rows = tensor.reshape(1, -1) if tensor.ndim < 2 else tensor
    weights = _weights(rows, fweights, aweights)
    if weights is None:
        count: Any = float(rows.shape[1])
        centred = rows - sum(rows, 1, keepdim=True) / count
        products = matmul(centred, centred.mT)
        divisor: Any = max(count - correction, 0.0)
    else:
        total = sum(weights)
        centred = rows - sum(rows * weights, 1, keepdim=True) / total
        products = matmul(centred * weights, centred.mT)
        divisor = total
        if correction:
            least = total
            if aweights is not None:
                own = cast(as_tensor_operand(aweights, "cov"), rows.dtype)
                least = sum(weights * own) / total
                divisor = total - least * correction
            else:
                divisor = total - correction
        divisor = clamp(divisor, min=0.0)
    result = products / divisor
    return result.reshape(()) if tensor.ndim < 2 else result


def _weights(rows: Tensor, fweights: Any, aweights: Any) -> Tensor | None:
    found: Tensor | None = None
    for given, name, kinds in ((fweights, "fweights", "iu"), (aweights, "aweights", "f")):
        if given is None:
            continue
        weight = as_tensor_operand(given, "cov")
        if weight.shape != (rows.shape[1],) or weight.dtype.kind not in kinds:
            wanted = "integers" if kinds == "iu" else "floating numbers"
            raise ValueError(
                f"cov: {name} must be {wanted} of shape {(rows.shape[1],)}, got {weight.dtype} of shape {weight.shape}"
            )
        if (weight._array < 0).any():
            raise ValueError(f"cov: {name} must not be negative")
        weight = cast(weight, rows.dtype)
        found = weight if found is None else found * weight
    return found


def corrcoef(input: Tensor) -> Tensor:
    """Correlation matrix of variables in rows, limited to [-1, 1]; arguments and errors as :func:`cov`."""
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    deviation = diagonal(covariance).sqrt()
    scaled = covariance / deviation.reshape(-1, 1) / deviation.reshape(1, -1)
    return clamp(scaled, -1.0, 1.0)


def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """Counts of elements in bins, each closed below and open above, the last one closed; no gradients.

    Args:
        input: any shape.
        bins: how many of equal width, or their edges.
        range: the lowest and the highest edge; those of the elements if it is left out.
        weight: what each element counts, of the input's shape.
        density: divide by the total and the widths, so that the integral is 1.

    Raises:
        TypeError: for integers and booleans.
        ValueError: for no bins, a range that descends, edges that do, and weights of another shape.
    """
    tensor = floating(input, "histogram")
    values = tensor._array.reshape(-1)
    if isinstance(bins, Tensor):
        edges = bins._array.astype(tensor.dtype)
        if edges.ndim != 1 or (np.diff(edges) < 0).any():
            raise ValueError("histogram: edges must be an ascending vector")
    else:
        if bins < 1:
            raise ValueError(f"histogram: bins must be positive, got {bins}")
        low, high = range if range is not None else (values.min(initial=np.inf), values.max(initial=-np.inf))
        if not values.size and range is None:
            low, high = 0.0, 1.0
        if low == high:
            low, high = low - 0.5, high + 0.5
        if not low < high:
            raise ValueError(f"histogram: a range from {low} to {high} is empty")
        edges = np.linspace(low, high, bins + 1, dtype=tensor.dtype)
    weights = None
    if weight is not None:
        if weight.shape != tensor.shape:
            raise ValueError(f"histogram: weights must have the shape {tensor.shape}, got {weight.shape}")
        weights = weight._array.reshape(-1).astype(np.float64)
    counts, _ = np.histogram(values, edges.astype(np.float64), weights=weights)
    counts = counts.astype(np.float64)
    if density:
        counts /= counts.sum() * np.diff(edges.astype(np.float64))
    return Histogram(wrap(counts.astype(tensor.dtype), None), wrap(edges, None))


def gradient(
    input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """Slopes of sampled values along dimensions, by central differences of second order.

    Args:
        input: values at points of a grid.
        spacing: the distance of neighbours, one for all dimensions or one each, or for each a vector of coordinates.
        dim: the dimensions, all if left out.
        edge_order: 1 for one-sided differences at both ends, 2 for those of second order.

    Returns:
        One tensor of the input's shape for each dimension.

    Raises:
        ValueError: for too few points, another `edge_order`, and spacings that do not fit.
        IndexError: if a dimension is out of range.

    Example:
        >>> import autograd_core as ag
        >>> ag.gradient(ag.tensor([1.0, 4.0, 9.0]))[0].tolist()
        [3.0, 4.0, 5.0]
    """
    tensor = as_tensor_operand(input, "gradient")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, got {edge_order}")
    dims = normalize_dims(dim, tensor.ndim, "gradient")
    many = isinstance(spacing, (list, tuple))
    if many and len(spacing) != len(dims):
        raise ValueError(f"gradient: {len(dims)} dimensions need as many spacings, got {len(spacing)}")
    if tensor.dtype.kind != "f":
        tensor = cast(tensor, dtypes.get_default_dtype())
    return tuple(
        _slopes(tensor, axis, spacing[place] if many else spacing, edge_order) for place, axis in enumerate(dims)
    )


def _slopes(tensor: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    size = tensor.shape[axis]
    if size < edge_order + 1:
        raise ValueError(f"gradient: dimension {axis} needs at least {edge_order + 1} points, got {size}")
    if isinstance(spacing, Tensor) and spacing.ndim:
        points = spacing._array.astype(np.float64)
        if points.shape != (size,):
            raise ValueError(f"gradient: dimension {axis} needs {size} coordinates, got shape {spacing.shape}")
        steps = np.diff(points)
    else:
        steps = np.full(size - 1, float(spacing))

    def part(start: int, stop: int) -> Tensor:
        index = (*(slice(None),) * axis, slice(start, stop))
        result: Tensor = slice_primitive(tensor, index=index)
        return result

    def along(values: np.ndarray) -> Tensor:
        shape = (-1, *(1,) * (tensor.ndim - axis - 1))
        return wrap(np.asarray(values, tensor.dtype).reshape(shape), None)

    def edge(places: tuple[int, int, int], near: float, far: float) -> Tensor:
        weights = -(2 * near + far) / (near * (near + far)), (near + far) / (near * far), -near / (far * (near + far))
        return stack([part(p, p + 1) * w for p, w in zip(places, weights, strict=True)]).sum(0)

    before, after = steps[:-1], steps[1:]
    # Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced grids", for three points.
    inner = (
        part(0, size - 2) * along(-after / (before * (before + after)))
        + part(1, size - 1) * along((after - before) / (before * after))
        + part(2, size) * along(before / (after * (before + after)))
    )
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / float(steps[0])
        last = (part(size - 1, size) - part(size - 2, size - 1)) / float(steps[-1])
    else:
        first = edge((0, 1, 2), steps[0], steps[1])
        last = -edge((size - 1, size - 2, size - 3), steps[-1], steps[-2])
    return cat([first, inner, last], axis)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of a vector, one row an element: descending from N - 1 to 0, or ascending.

    Raises:
        ValueError: for other than one dimension, and for negative `N`.
    """
    tensor = as_tensor_operand(x, "vander")
    if tensor.ndim != 1:
        raise ValueError(f"vander: expected a vector, got shape {tensor.shape}")
    return powers_of(tensor, tensor.shape[0] if N is None else N, increasing)


def powers_of(tensor: Tensor, count: int, increasing: bool) -> Tensor:
    """The first `count` powers of each element along a new last dimension, by repeated multiplication."""
    if count < 0:
        raise ValueError(f"vander: the number of columns must not be negative, got {count}")
    if count == 0:
        return wrap(np.zeros((*tensor.shape, 0), tensor.dtype), None)
    columns = [wrap(np.ones(tensor.shape, tensor.dtype), None)]
    for _ in range(1, count):
        columns.append(columns[-1] * tensor)
    return stack(columns if increasing else columns[::-1], -1)


for _function in (cov, corrcoef, histogram):
    attach(_function.__name__, _function)

__all__ = ["corrcoef", "cov", "gradient", "histogram", "vander"]
