"""Linear systems: inverses, determinants, solutions, Cholesky factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..dispatch import as_tensor_operand
from ..ops import decomposition as primitives
from ..ops.elementwise import where
from ..ops.linear_maps import expand_primitive, swap_last
from ..ops.shape import movedim, squeeze, unsqueeze
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .checks import as_matrix, broadcast_batch, one_dtype


class SignAndLogarithm(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Tensor
    logabsdet: Tensor


def inv(A: Tensor) -> Tensor:
    """Inverse of square matrices of shape (…, n, n).

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.
        ValueError: if they are not square.
    """
    result: Tensor = apply(primitives.inv_primitive.op, (as_matrix(A, "inv", square=True),), {})
    return result


def det(A: Tensor) -> Tensor:
    """Determinant of square matrices; its gradient is right for singular ones too."""
    result: Tensor = apply(primitives.det_primitive.op, (as_matrix(A, "det", square=True),), {})
    return result


def slogdet(A: Tensor) -> SignAndLogarithm:
    """Sign and logarithm of the absolute determinant of square matrices."""
    logarithm, (sign,) = apply_with_residuals(primitives.slogdet_primitive.op, (as_matrix(A, "slogdet", True),), {})
    return SignAndLogarithm(wrap(sign, None), logarithm)


def logdet(A: Tensor) -> Tensor:
    """Logarithm of the determinant of square matrices, NaN where that is negative."""
    sign, logarithm = slogdet(A)
    return where(sign < 0, np.nan, logarithm)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The X with A X = B (with ``left=False``: X A = B) for square A of shape (…, n, n).

    Args:
        A: shape (…, n, n).
        B: shape (…, n, k), or (…, n) for one right-hand side a matrix.

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.
        ValueError: if shapes do not fit.
    """
    matrix, right = one_dtype(as_matrix(A, "solve", square=True), B, "solve")
    if not left:
        return swap_last(solve(swap_last(matrix), swap_last(right)))
    vector = right.ndim == 1 or (right.ndim == matrix.ndim - 1 and right.shape == matrix.shape[:-1])
    if vector:
        right = unsqueeze(right, -1)
    if right.shape[-2] != matrix.shape[-1]:
        raise ValueError(f"solve: shapes {matrix.shape} and {tuple(np.shape(B))} do not fit")
    matrix, right = broadcast_batch(matrix, right, "solve")
    result: Tensor = apply(primitives.solve_primitive.op, (matrix, right), {})
    return squeeze(result, -1) if vector else result


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """As :func:`solve`, reading only one triangle of `A`."""
    matrix, right = one_dtype(as_matrix(A, "solve_triangular", square=True), B, "solve_triangular")
    if not left:
        turned = solve_triangular(swap_last(matrix), swap_last(right), upper=not upper, unitriangular=unitriangular)
        return swap_last(turned)
    if right.ndim < 2 or right.shape[-2] != matrix.shape[-1]:
        raise ValueError(f"solve_triangular: shapes {matrix.shape} and {right.shape} do not fit")
    matrix, right = broadcast_batch(matrix, right, "solve_triangular")
    result: Tensor = apply(
        primitives.solve_triangular_primitive.op,
        (matrix, right),
        {"upper": bool(upper), "unitriangular": bool(unitriangular)},
    )
    return result


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with A = L Lᵀ for symmetric positive definite matrices (its transpose with `upper`).

    Raises:
        numpy.linalg.LinAlgError: if a matrix is not positive definite.
    """
    result: Tensor = apply(primitives.cholesky_primitive.op, (as_matrix(A, "cholesky", square=True),), {})
    return swap_last(result) if upper else result


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The X with L Lᵀ X = B, from a Cholesky factor; ``torch.cholesky_solve``."""
    factor = swap_last(L) if upper else L
    return solve_triangular(swap_last(factor), solve_triangular(factor, B, upper=False), upper=True)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of L Lᵀ, from a Cholesky factor (of LᵀL with `upper`); ``torch.cholesky_inverse``."""
    factor = as_matrix(L, "cholesky_inverse", square=True)
    eye = wrap(np.eye(factor.shape[-1], dtype=factor.dtype), None)
    return cholesky_solve(expand_primitive(eye, shape=factor.shape), factor, upper)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of a tensor as a map from its last dimensions to its first `ind`.

    Raises:
        ValueError: if the two groups of dimensions have not the same number of elements.
    """
    tensor = as_tensor_operand(A, "tensorinv")
    if ind <= 0:
        raise ValueError(f"tensorinv: ind must be positive, got {ind}")
    to, of = tensor.shape[:ind], tensor.shape[ind:]
    size = math.prod(to)
    if size != math.prod(of):
        raise ValueError(f"tensorinv: dimensions {to} and {of} hold different numbers of elements")
    return inv(tensor.reshape(size, size)).reshape(*of, *to)


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """The X with tensordot(A, X, X.ndim) = B; `dims` of A are moved to its end first.

    Raises:
        ValueError: if shapes do not fit.
    """
    tensor, right = one_dtype(as_tensor_operand(A, "tensorsolve"), B, "tensorsolve")
    if dims is not None:
        tensor = movedim(tensor, tuple(dims), tuple(range(-len(dims), 0)))
    shape = tensor.shape[right.ndim :]
    size = math.prod(shape)
    if tensor.numel() != size * size or right.numel() != size:
        raise ValueError(f"tensorsolve: shapes {tensor.shape} and {right.shape} do not fit")
    return solve(tensor.reshape(size, size), right.reshape(size)).reshape(*shape)
