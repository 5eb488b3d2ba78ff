"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

from typing import Any

from ..broadcasting import normalize_dim
from ..dispatch import as_tensor_operand
from ..ops.elementwise import abs as _abs
from ..ops.extrema import amax, amin
from ..ops.linear_maps import permute_primitive
from ..ops.reduction import sum as _sum
from ..ops.shape import squeeze, unsqueeze
from ..tensor import Tensor
from .checks import as_matrix
from .factorizations import svdvals
from .systems import inv


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Norm of the elements along `dim`, or of all: any order, infinite ones and 0 included."""
    from ..ops.norms import vector_norm as norm

    return norm(x, ord, dim, keepdim, dtype=dtype)


def matrix_norm(A: Tensor, ord: float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False) -> Tensor:
    """Norm of matrices: "fro", "nuc", or the orders ±1, ±2 and ±inf.

    Raises:
        ValueError: for another order, or dims that are not two.
    """
    tensor = as_matrix(A, "matrix_norm")
    rows, columns = (normalize_dim(d, tensor.ndim, "matrix_norm") for d in dim)
    if rows == columns:
        raise ValueError(f"matrix_norm: dims {dim} must differ")
    if ord == "fro":
        return vector_norm(tensor, 2, (rows, columns), keepdim)
    if ord in (1, -1, float("inf"), float("-inf")):
        across, along = (rows, columns) if ord in (1, -1) else (columns, rows)
        totals = _sum(_abs(tensor), across, keepdim=True)
        chosen = (amax if float(ord) > 0 else amin)(totals, along, keepdim=True)
        return chosen if keepdim else squeeze(chosen, (rows, columns))
    if ord in ("nuc", 2, -2):
        others = [d for d in range(tensor.ndim) if d not in (rows, columns)]
        values = svdvals(permute_primitive(tensor, dims=(*others, rows, columns)))
        norm = _sum(values, -1) if ord == "nuc" else (amax if ord == 2 else amin)(values, -1)
        if keepdim:
            for d in sorted((rows, columns)):
                norm = unsqueeze(norm, d)
        return norm
    raise ValueError(f"matrix_norm: the order must be 'fro', 'nuc', ±1, ±2 or ±inf, got {ord!r}")


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Vector norm, or matrix norm where `dim` names two dimensions or `ord` is a matrix norm's."""
    tensor = as_tensor_operand(A, "norm")
    two = (isinstance(dim, (tuple, list)) and len(dim) == 2) or (dim is None and tensor.ndim == 2)
    if ord is not None and two:
        return matrix_norm(tensor, ord, tuple(dim) if dim is not None else (-2, -1), keepdim)
    return vector_norm(tensor, 2 if ord is None else ord, dim, keepdim)


def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """Condition number: ratio of the extreme singular values, or ‖A‖ ‖A⁻¹‖ in the norm `p`."""
    matrix = as_matrix(A, "cond")
    if p in (None, 2, -2):
        values = svdvals(matrix)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    assert p is not None
    return matrix_norm(matrix, p) * matrix_norm(inv(matrix), p)
