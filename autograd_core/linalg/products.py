"""Powers, exponentials and products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..broadcasting import normalize_dim
from ..dispatch import as_tensor_operand
from ..ops import decomposition as primitives
from ..ops.descriptive import powers_of
from ..ops.diagonals import diagonal as _diagonal
from ..ops.linalg import matmul
from ..ops.reduction import sum as _sum
from ..ops.shape import squeeze, unsqueeze
from ..recording import apply
from ..tensor import Tensor, wrap
from .checks import as_matrix, one_dtype
from .systems import inv


def matrix_exp(A: Tensor) -> Tensor:
    """Exponential of square matrices."""
    result: Tensor = apply(primitives.matrix_exp_primitive.op, (as_matrix(A, "matrix_exp", square=True),), {})
    return result


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Integer power of square matrices by repeated squaring; negative ones invert first."""
    matrix = as_matrix(A, "matrix_power", square=True)
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


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross product of vectors of three along `dim`; the other dimensions broadcast."""
    left, right = one_dtype(as_tensor_operand(input, "cross"), other, "cross")
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
    return _diagonal(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers from 0 to N - 1 of each element along a new last dimension; N is the last dimension's size if left out.

    Raises:
        ValueError: for 0-d tensors and for N below 2.
    """
    tensor = as_tensor_operand(x, "vander")
    if not tensor.ndim or (N is not None and N <= 1):
        raise ValueError(f"vander: expected a dimension and N above 1, got shape {tensor.shape} and {N}")
    return powers_of(tensor, tensor.shape[-1] if N is None else N, increasing=True)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Product of several matrices; as :func:`multi_dot`."""
    return multi_dot(matrices) if len(matrices) > 1 else as_tensor_operand(matrices[0], "chain_matmul")
