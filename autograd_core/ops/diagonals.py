"""Diagonals, grids and combinations."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import Shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand, cast
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .creation import clone
from .joining import cat, stack
from .linear_maps import (
    embed_primitive,
    expand_view_primitive,
    gather_primitive,
    reshape_primitive,
    sum_primitive,
)

# --- diagonals --------------------------------------------------------------------------------------------------


def _diagonal(x: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    found = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        # NumPy hands it out read-only, for no other reason than caution.
        found.flags.writeable = True
    return found


@structural(
    "diagonal",
    view=True,
    torch="diagonal",
    reference=lambda x, offset, dim1, dim2: np.diagonal(x, offset, dim1, dim2),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"offset": 0, "dim1": 0, "dim2": 1}),
        Sample((random.standard_normal((3, 2, 4)),), {"offset": -1, "dim1": 0, "dim2": 2}),
        Sample((random.standard_normal((2, 2)),), {"offset": 5, "dim1": 1, "dim2": 0}),
    ],
)
def diagonal_primitive(x: np.ndarray, *, offset: int, dim1: int, dim2: int) -> np.ndarray:
    """A diagonal of matrices, as a last dimension; a view."""
    return _diagonal(x, offset, dim1, dim2)


@diagonal_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, offset: int, dim1: int, dim2: int) -> Any:
    return diagonal_embed_primitive(cotangent, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2)


def _embedded(x: np.ndarray, shape: Shape, offset: int, dim1: int, dim2: int) -> np.ndarray:
    full = np.zeros(shape)
    matrices = np.moveaxis(full, (dim1, dim2), (-2, -1))
    for place in range(x.shape[-1]):
        matrices[..., place + max(0, -offset), place + max(0, offset)] = x[..., place]
    return full


@structural(
    "diagonal_embed",
    torch="diag_embed",
    reference=_embedded,
    samples=lambda random: [
        Sample((random.standard_normal(3),), {"shape": (3, 4), "offset": 0, "dim1": 0, "dim2": 1}),
        Sample((random.standard_normal((2, 2)),), {"shape": (3, 2, 4), "offset": -1, "dim1": 0, "dim2": 2}),
    ],
)
def diagonal_embed_primitive(x: np.ndarray, *, shape: Shape, offset: int, dim1: int, dim2: int) -> np.ndarray:
    """Zeros of a shape with a diagonal set: the transpose of taking it."""
    full = np.zeros(shape, x.dtype)
    _diagonal(full, offset, dim1, dim2)[...] = x
    return full


@diagonal_embed_primitive.vjp("x")
def _(cotangent: Any, offset: int, dim1: int, dim2: int) -> Any:
    return diagonal_primitive(cotangent, offset=offset, dim1=dim1, dim2=dim2)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A diagonal over two dimensions, `offset` above the main one, as a new last dimension; a view.

    Raises:
        ValueError: if both dimensions are the same.
        IndexError: if a dimension is out of range.
    """
    tensor = as_tensor_operand(input, "diagonal")
    first, second = (normalize_dim(d, tensor.ndim, "diagonal") for d in (dim1, dim2))
    if first == second:
        raise ValueError(f"diagonal: dimensions {dim1} and {dim2} must differ")
    result: Tensor = apply(diagonal_primitive.op, (tensor,), {"offset": int(offset), "dim1": first, "dim2": second})
    return result


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Zeros with the last dimension spread on a diagonal over two new ones.

    Raises:
        ValueError: if both dimensions are the same.
        IndexError: if a dimension is out of range.
    """
    tensor = as_tensor_operand(input, "diag_embed")
    if not tensor.ndim:
        raise ValueError("diag_embed: a 0-d tensor has no dimension to spread")
    first, second = (normalize_dim(d, tensor.ndim + 1, "diag_embed") for d in (dim1, dim2))
    if first == second:
        raise ValueError(f"diag_embed: dimensions {dim1} and {dim2} must differ")
    size = tensor.shape[-1] + abs(offset)
    shape = list(tensor.shape[:-1])
    for axis in sorted((first, second)):
        shape.insert(axis, size)
    parameters = {"shape": tuple(shape), "offset": int(offset), "dim1": first, "dim2": second}
    result: Tensor = apply(diagonal_embed_primitive.op, (tensor,), parameters)
    return result


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with a vector on a diagonal, or a copy of a matrix's diagonal.

    Raises:
        ValueError: for other than one or two dimensions.
    """
    tensor = as_tensor_operand(input, "diag")
    if tensor.ndim not in (1, 2):
        raise ValueError(f"diag: expected one or two dimensions, got shape {tensor.shape}")
    if tensor.ndim == 1:
        return diag_embed(tensor, diagonal)
    return clone(_take_diagonal(tensor, diagonal, 0, 1))


_take_diagonal = diagonal


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements, flattened, on a diagonal."""
    return diag_embed(as_tensor_operand(input, "diagflat").reshape(-1), offset)


def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal.

    Raises:
        ValueError: for other than two dimensions.
    """
    tensor = as_tensor_operand(input, "trace")
    if tensor.ndim != 2:
        raise ValueError(f"trace: expected a matrix, got shape {tensor.shape}")
    if tensor.dtype.kind != "f":
        tensor = cast(tensor, dtypes.int64)
    result: Tensor = sum_primitive(diagonal(tensor), dim=(0,), keepdim=False)
    return result


def block_diag(*tensors: Any) -> Tensor:
    """The matrix with matrices one after the other on its diagonal; numbers and vectors count as one row.

    Raises:
        ValueError: for more than two dimensions.
    """
    parts = [as_tensor_operand(tensor, "block_diag") for tensor in tensors]
    if not parts:
        return wrap(np.zeros((1, 0), dtypes.get_default_dtype()), None)
    if any(part.ndim > 2 for part in parts):
        raise ValueError(f"block_diag: expected matrices, got shapes {', '.join(str(p.shape) for p in parts)}")
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = dtypes.promote(dtype, part.dtype)
    parts = [reshape_primitive(cast(p, dtype), shape=(1,) * (2 - p.ndim) + p.shape) for p in parts]
    width, start, rows = sum(part.shape[1] for part in parts), 0, []
    for part in parts:
        stop = start + part.shape[1]
        shape, index = (part.shape[0], width), (slice(None), slice(start, stop))
        rows.append(apply(embed_primitive.op, (part,), {"shape": shape, "index": index}))
        start = stop
    return cat(rows, 0)


# --- grids and combinations -------------------------------------------------------------------------------------


def _listed(tensors: tuple[Any, ...], operation: str, highest: int) -> list[Tensor]:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    found = [as_tensor_operand(tensor, operation) for tensor in tensors]
    if not found:
        raise ValueError(f"{operation}: needs at least one tensor")
    if any(tensor.ndim > highest for tensor in found):
        raise ValueError(f"{operation}: expected vectors, got shapes {', '.join(str(t.shape) for t in found)}")
    return found


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinates of the grid that vectors span: for each of them a view of the grid's shape.

    Args:
        tensors: vectors, or numbers, which count as vectors of one; separately or as one sequence.
        indexing: "ij" for one dimension after the other, "xy" with the first two exchanged.

    Raises:
        ValueError: for more dimensions, and for another `indexing`.
    """
    found = _listed(tensors, "meshgrid", 1)
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    swapped = indexing == "xy" and len(found) > 1
    if swapped:
        found[0], found[1] = found[1], found[0]
    shape = tuple(tensor.numel() for tensor in found)
    grids = []
    for place, tensor in enumerate(found):
        turned = reshape_primitive(tensor, shape=(-1, *(1,) * (len(found) - place - 1)))
        grids.append(apply(expand_view_primitive.op, (turned,), {"shape": shape}))
    if swapped:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of an element of each vector, as rows; a single vector as it is.

    Raises:
        ValueError: for more dimensions.
    """
    found = _listed(tensors, "cartesian_prod", 1)
    if len(found) == 1:
        return found[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*found)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, in its order, as rows.

    Raises:
        ValueError: for other than one dimension, and for negative `r`.
    """
    tensor = as_tensor_operand(input, "combinations")
    if tensor.ndim != 1 or r < 0:
        raise ValueError(f"combinations: expected a vector and r >= 0, got shape {tensor.shape} and {r}")
    if r == 0:
        return wrap(np.zeros(0, tensor.dtype), None)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(tensor.numel()), r)), np.int64).reshape(-1, r)
    result: Tensor = apply(gather_primitive.op, (tensor,), {"index": (places,)})
    return result


METHODS = (diagonal, diag_embed, diag, diagflat, trace)
for _function in METHODS:
    attach(_function.__name__, _function)

__all__ = [
    "block_diag",
    "cartesian_prod",
    "combinations",
    "meshgrid",
    *(_function.__name__ for _function in METHODS),
]
