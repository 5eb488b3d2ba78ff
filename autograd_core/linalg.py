"""Linear algebra with ``torch.linalg``'s names: solutions, factorisations, norms and products, batched.

>>> import autograd_core as ag
>>> ag.linalg.det(ag.eye(3) * 2).item()
8.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import dtypes
from .broadcasting import broadcast_shapes, normalize_dim
from .declaration import attach
from .dispatch import as_tensor_operand, cast
from .ops import decomposition as primitives
from .ops.descriptive import powers_of
from .ops.einsum import tensordot
from .ops.elementwise import abs as _abs, where
from .ops.extrema import amax, amin
from .ops.joining import cat
from .ops.linalg import matmul
from .ops.linear_maps import expand_primitive, permute_primitive
from .ops.reduction import sum as _sum
from .ops.shape import movedim, squeeze, unsqueeze
from .recording import apply, apply_with_residuals
from .tensor import Tensor, wrap


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


class SignAndLogarithm(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Tensor
    logabsdet: Tensor


class LeastSquares(NamedTuple):
    """What :func:`lstsq` found."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _matrix(value: Any, operation: str, square: bool = False) -> Tensor:
    tensor = as_tensor_operand(value, operation)
    if tensor.dtype.kind != "f":
        raise TypeError(f"{operation}: expected a floating tensor, got {tensor.dtype}")
    if tensor.ndim < 2:
        raise ValueError(f"{operation}: expected a matrix or a batch of matrices, got shape {tensor.shape}")
    if square and tensor.shape[-1] != tensor.shape[-2]:
        raise ValueError(f"{operation}: expected square matrices, got shape {tensor.shape}")
    return tensor


def _transposed(value: Tensor) -> Tensor:
    dims = tuple(range(value.ndim))
    result: Tensor = permute_primitive(value, dims=(*dims[:-2], dims[-1], dims[-2]))
    return result


def inv(A: Tensor) -> Tensor:
    """Inverse of square matrices of shape (…, n, n).

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.
        ValueError: if they are not square.
    """
    result: Tensor = apply(primitives.inv_primitive.op, (_matrix(A, "inv", square=True),), {})
    return result


def det(A: Tensor) -> Tensor:
    """Determinant of square matrices; its gradient is right for singular ones too."""
    result: Tensor = apply(primitives.det_primitive.op, (_matrix(A, "det", square=True),), {})
    return result


def slogdet(A: Tensor) -> SignAndLogarithm:
    """Sign and logarithm of the absolute determinant of square matrices."""
    logarithm, (sign,) = apply_with_residuals(primitives.slogdet_primitive.op, (_matrix(A, "slogdet", True),), {})
    return SignAndLogarithm(wrap(sign, None), logarithm)


def logdet(A: Tensor) -> Tensor:
    """Logarithm of the determinant of square matrices, NaN where that is negative."""
    sign, logarithm = slogdet(A)
    return where(sign < 0, np.nan, logarithm)


def _broadcast_batch(left: Tensor, right: Tensor, operation: str) -> tuple[Tensor, Tensor]:
    if left.shape[:-2] == right.shape[:-2]:
        return left, right
    batch = broadcast_shapes(left.shape[:-2], right.shape[:-2], operation=operation)
    return (
        expand_primitive(left, shape=(*batch, *left.shape[-2:])),
        expand_primitive(right, shape=(*batch, *right.shape[-2:])),
    )


def _one_dtype(left: Tensor, right: Any, operation: str) -> tuple[Tensor, Tensor]:
    other = as_tensor_operand(right, operation)
    dtype = dtypes.promote(left.dtype, other.dtype)
    return cast(left, dtype), cast(other, dtype)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The X with A X = B (with ``left=False``: X A = B) for square A of shape (…, n, n).

    Args:
        A: shape (…, n, n).
        B: shape (…, n, k), or (…, n) for one right-hand side a matrix.

    Raises:
        numpy.linalg.LinAlgError: if a matrix is singular.
        ValueError: if shapes do not fit.
    """
    matrix, right = _one_dtype(_matrix(A, "solve", square=True), B, "solve")
    if not left:
        return _transposed(solve(_transposed(matrix), _transposed(right)))
    vector = right.ndim == 1 or (right.ndim == matrix.ndim - 1 and right.shape == matrix.shape[:-1])
    if vector:
        right = unsqueeze(right, -1)
    if right.shape[-2] != matrix.shape[-1]:
        raise ValueError(f"solve: shapes {matrix.shape} and {tuple(np.shape(B))} do not fit")
    matrix, right = _broadcast_batch(matrix, right, "solve")
    result: Tensor = apply(primitives.solve_primitive.op, (matrix, right), {})
    return squeeze(result, -1) if vector else result


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """As :func:`solve`, reading only one triangle of `A`."""
    matrix, right = _one_dtype(_matrix(A, "solve_triangular", square=True), B, "solve_triangular")
    if not left:
        turned = solve_triangular(_transposed(matrix), _transposed(right), upper=not upper, unitriangular=unitriangular)
        return _transposed(turned)
    if right.ndim < 2 or right.shape[-2] != matrix.shape[-1]:
        raise ValueError(f"solve_triangular: shapes {matrix.shape} and {right.shape} do not fit")
    matrix, right = _broadcast_batch(matrix, right, "solve_triangular")
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
    result: Tensor = apply(primitives.cholesky_primitive.op, (_matrix(A, "cholesky", square=True),), {})
    return _transposed(result) if upper else result


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The X with L Lᵀ X = B, from a Cholesky factor; ``torch.cholesky_solve``."""
    factor = _transposed(L) if upper else L
    return solve_triangular(_transposed(factor), solve_triangular(factor, B, upper=False), upper=True)


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Q and R with A = Q R; ``mode`` is "reduced" or "r" (then Q is empty).

    Raises:
        NotImplementedError: for wide matrices, whose derivative is not defined here, and for mode "complete".
    """
    matrix = _matrix(A, "qr")
    if mode not in ("reduced", "r"):
        raise NotImplementedError(f"qr: mode must be 'reduced' or 'r', got {mode!r}")
    if matrix.shape[-2] < matrix.shape[-1]:
        # A = Q [R1 R2]: factor the square part and carry the rest along.
        size = matrix.shape[-2]
        q, first = apply(primitives.qr_primitive.op, (matrix[..., :size],), {})
        r = cat([first, matmul(_transposed(q), matrix[..., size:])], -1)
    else:
        q, r = apply(primitives.qr_primitive.op, (matrix,), {})
    return QR(wrap(np.empty(0, matrix.dtype), None) if mode == "r" else q, r)


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """Singular value decomposition A = U diag(S) Vh.

    Gradients are defined for the reduced form and distinct singular values; with ``full_matrices=True`` and a
    matrix that is not square, only matrices without gradients are accepted.
    """
    matrix = _matrix(A, "svd")
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
    matrix = _matrix(A, "eigh", square=True)
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
    return part + _transposed(part) + matrix * wrap(np.eye(matrix.shape[-1], dtype=matrix.dtype), None)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO).eigenvalues


def pinv(A: Tensor, *, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """Moore-Penrose pseudo-inverse; singular values below ``rtol`` times the largest count as zero.

    `hermitian` is accepted for PyTorch's signature; the result is the same.
    """
    matrix = _matrix(A, "pinv")
    rcond = max(matrix.shape[-2:]) * float(np.finfo(matrix.dtype).eps) if rtol is None else float(rtol)
    result: Tensor = apply(primitives.pinv_primitive.op, (matrix,), {"rcond": rcond})
    return result


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None) -> LeastSquares:
    """The X of least ‖A X − B‖, by the pseudo-inverse; differentiable in both."""
    matrix, right = _one_dtype(_matrix(A, "lstsq"), B, "lstsq")
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
    matrix = _matrix(A, "matrix_rank")
    return wrap(np.asarray(np.linalg.matrix_rank(matrix._array, rtol=rtol)), None)


def matrix_exp(A: Tensor) -> Tensor:
    """Exponential of square matrices."""
    result: Tensor = apply(primitives.matrix_exp_primitive.op, (_matrix(A, "matrix_exp", square=True),), {})
    return result


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Integer power of square matrices by repeated squaring; negative ones invert first."""
    matrix = _matrix(A, "matrix_power", square=True)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"matrix_power: the exponent must be an int, got {type(n).__name__}")
    if n < 0:
        return matrix_power(inv(matrix), -n)
    result: Tensor | None = None
    while n:
        if n & 1:
            result = matrix if result is None else matmul(result, matrix)
        n >>= 1
        if n:
            matrix = matmul(matrix, matrix)
    if result is None:
        eye = np.eye(matrix.shape[-1], dtype=matrix.dtype)
        return wrap(np.array(np.broadcast_to(eye, matrix.shape)), None)
    return result


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Product of several matrices in the order that takes the fewest multiplications.

    The first may be a row vector and the last a column vector.
    """
    factors = [as_tensor_operand(tensor, "multi_dot") for tensor in tensors]
    if len(factors) < 2:
        raise ValueError(f"multi_dot: expected at least two matrices, got {len(factors)}")
    first_vector, last_vector = factors[0].ndim == 1, factors[-1].ndim == 1
    if first_vector:
        factors[0] = unsqueeze(factors[0], 0)
    if last_vector:
        factors[-1] = unsqueeze(factors[-1], 1)
    sizes = [factor.shape[0] for factor in factors] + [factors[-1].shape[1]]
    result = _multiply(factors, _best_splits(sizes), 0, len(factors) - 1)
    if first_vector:
        result = squeeze(result, 0)
    return squeeze(result, -1) if last_vector else result


def _best_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each run of factors (Cormen et al., "Introduction to Algorithms", section 15.2)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length - 1
            candidates = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            best = min(candidates, key=candidates.__getitem__)
            cost[i, j], splits[i, j] = candidates[best], best
    return splits


def _multiply(factors: list[Tensor], splits: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return factors[i]
    k = splits[i, j]
    return matmul(_multiply(factors, splits, i, k), _multiply(factors, splits, k + 1, j))


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Norm of the elements along `dim`, or of all: any order, infinite ones and 0 included."""
    from .ops.norms import vector_norm as norm

    return norm(x, ord, dim, keepdim, dtype=dtype)


def matrix_norm(A: Tensor, ord: float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False) -> Tensor:
    """Norm of matrices: "fro", "nuc", or the orders ±1, ±2 and ±inf.

    Raises:
        ValueError: for another order, or dims that are not two.
    """
    tensor = _matrix(A, "matrix_norm")
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
    matrix = _matrix(A, "cond")
    if p in (None, 2, -2):
        values = svdvals(matrix)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    assert p is not None
    return matrix_norm(matrix, p) * matrix_norm(inv(matrix), p)


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross product of vectors of three along `dim`; the other dimensions broadcast."""
    left, right = _one_dtype(as_tensor_operand(input, "cross"), other, "cross")
    if left.ndim != right.ndim:
        raise ValueError(f"cross: shapes {left.shape} and {right.shape} must have as many dimensions")
    axis = normalize_dim(dim, left.ndim, "cross")
    if left.shape[axis] != 3 or right.shape[axis] != 3:
        raise ValueError(f"cross: dimension {dim} must have size 3, got shapes {left.shape} and {right.shape}")

    def turned(tensor: Tensor, by: int) -> Tensor:
        index = (*(slice(None),) * axis, np.roll(np.arange(3), by))
        return tensor[index]

    return turned(left, -1) * turned(right, 1) - turned(left, 1) * turned(right, -1)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sum of products along `dim`."""
    return _sum(x * y, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A diagonal of matrices, as a vector each."""
    from .ops.diagonals import diagonal as take

    return take(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers from 0 to N - 1 of each element along a new last dimension; N is the last dimension's size if left out.

    Raises:
        ValueError: for 0-d tensors and for N below 2.
    """
    tensor = as_tensor_operand(x, "vander")
    if not tensor.ndim or (N is not None and N <= 1):
        raise ValueError(f"vander: expected a dimension and N above 1, got shape {tensor.shape} and {N}")
    return powers_of(tensor, tensor.shape[-1] if N is None else N, increasing=True)


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
    tensor, right = _one_dtype(as_tensor_operand(A, "tensorsolve"), B, "tensorsolve")
    if dims is not None:
        tensor = movedim(tensor, tuple(dims), tuple(range(-len(dims), 0)))
    shape = tensor.shape[right.ndim :]
    size = math.prod(shape)
    if tensor.numel() != size * size or right.numel() != size:
        raise ValueError(f"tensorsolve: shapes {tensor.shape} and {right.shape} do not fit")
    return solve(tensor.reshape(size, size), right.reshape(size)).reshape(*shape)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of L Lᵀ, from a Cholesky factor (of LᵀL with `upper`); ``torch.cholesky_inverse``."""
    factor = _matrix(L, "cholesky_inverse", square=True)
    eye = wrap(np.eye(factor.shape[-1], dtype=factor.dtype), None)
    return cholesky_solve(expand_primitive(eye, shape=factor.shape), factor, upper)


inverse = inv
pinverse = pinv


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Product of several matrices; as :func:`multi_dot`."""
    return multi_dot(matrices) if len(matrices) > 1 else as_tensor_operand(matrices[0], "chain_matmul")


_METHODS = (
    cholesky, cholesky_inverse, cholesky_solve, cross, det, inverse, logdet, matrix_exp, matrix_power, pinverse, qr,
    slogdet,
)  # fmt: skip
for _function in _METHODS:
    attach({"inv": "inverse", "pinv": "pinverse"}.get(_function.__name__, _function.__name__), _function)

__all__ = [
    "QR",
    "SVD",
    "Eigh",
    "LeastSquares",
    "SignAndLogarithm",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
