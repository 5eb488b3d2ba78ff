"""QR, singular values, eigenvalues, and what is solved by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..ops import decomposition as primitives
from ..ops.joining import cat
from ..ops.linalg import matmul
from ..ops.linear_maps import swap_last
from ..ops.reduction import sum as _sum
from ..ops.shape import squeeze, unsqueeze
from ..recording import apply
from ..tensor import Tensor, wrap
from .checks import as_matrix, one_dtype


class QR(NamedTuple):
    """An orthonormal and an upper triangular factor."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """Left singular vectors, singular values, and right singular vectors transposed."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigh(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class LeastSquares(NamedTuple):
    """What :func:`lstsq` found."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Q and R with A = Q R; ``mode`` is "reduced" or "r" (then Q is empty).

    Raises:
        NotImplementedError: for mode "complete".
    """
    matrix = as_matrix(A, "qr")
    if mode not in ("reduced", "r"):
        raise NotImplementedError(f"qr: mode must be 'reduced' or 'r', got {mode!r}")
    if matrix.shape[-2] < matrix.shape[-1]:
        # A = Q [R1 R2]: factor the square part and carry the rest along.
        size = matrix.shape[-2]
        q, first = apply(primitives.qr_primitive.op, (matrix[..., :size],), {})
        r = cat([first, matmul(swap_last(q), matrix[..., size:])], -1)
    else:
        q, r = apply(primitives.qr_primitive.op, (matrix,), {})
    return QR(wrap(np.empty(0, matrix.dtype), None) if mode == "r" else q, r)


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """Singular value decomposition A = U diag(S) Vh.

    Gradients are defined for the reduced form and distinct singular values; with ``full_matrices=True`` and a
    matrix that is not square, only matrices without gradients are accepted.
    """
    matrix = as_matrix(A, "svd")
    if full_matrices and matrix.shape[-1] != matrix.shape[-2]:
        if matrix.requires_grad:
            raise NotImplementedError("svd: the full decomposition has no derivative; pass full_matrices=False")
        return SVD(*(wrap(part, None) for part in np.linalg.svd(matrix._array)))
    return SVD(*apply(primitives.svd_primitive.op, (matrix,), {}))


def svdvals(A: Tensor) -> Tensor:
    """Singular values, descending."""
    return svd(A, full_matrices=False).S


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues and eigenvectors of symmetric matrices, read from one triangle.

    Raises:
        ValueError: if UPLO is neither "L" nor "U".
    """
    matrix = as_matrix(A, "eigh", square=True)
    if UPLO not in ("L", "U"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U', got {UPLO!r}")
    return Eigh(*apply(primitives.eigh_primitive.op, (_symmetric(matrix, UPLO),), {}))


def _symmetric(matrix: Tensor, triangle: str) -> Tensor:
    """The symmetric matrix that one triangle determines."""
    if np.array_equal(matrix._array, np.swapaxes(matrix._array, -1, -2)):
        return matrix
    ones = np.ones(matrix.shape[-2:], matrix.dtype)
    strict = wrap(np.tril(ones, -1) if triangle == "L" else np.triu(ones, 1), None)
    part = matrix * strict
    return part + swap_last(part) + matrix * wrap(np.eye(matrix.shape[-1], dtype=matrix.dtype), None)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO).eigenvalues


def pinv(A: Tensor, *, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """Moore-Penrose pseudo-inverse; singular values below ``rtol`` times the largest count as zero.

    `hermitian` is accepted for PyTorch's signature; the result is the same.
    """
    matrix = as_matrix(A, "pinv")
    rcond = max(matrix.shape[-2:]) * float(np.finfo(matrix.dtype).eps) if rtol is None else float(rtol)
    result: Tensor = apply(primitives.pinv_primitive.op, (matrix,), {"rcond": rcond})
    return result


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None) -> LeastSquares:
    """The X of least ‖A X − B‖, by the pseudo-inverse; differentiable in both."""
    matrix, right = one_dtype(as_matrix(A, "lstsq"), B, "lstsq")
    vector = right.ndim == matrix.ndim - 1
    target = unsqueeze(right, -1) if vector else right
    solution = matmul(pinv(matrix, rtol=rcond), target)
    rank = matrix_rank(matrix, rtol=rcond)
    rows, columns = matrix.shape[-2:]
    if rows > columns and bool((rank._array == columns).all()):
        residuals = _sum((matmul(matrix, solution) - target) ** 2, -2)
    else:
        residuals = wrap(np.empty(0, matrix.dtype), None)
    return LeastSquares(squeeze(solution, -1) if vector else solution, residuals, rank, svdvals(matrix.detach()))


def matrix_rank(A: Tensor, *, rtol: float | None = None) -> Tensor:
    """The number of singular values above ``rtol`` times the largest."""
    matrix = as_matrix(A, "matrix_rank")
    return wrap(np.asarray(np.linalg.matrix_rank(matrix._array, rtol=rtol)), None)
