"""Factorisations and solutions of linear systems; NumPy's LAPACK computes them.

The rules are written in matrix products and in each other, so they hold for batches and at every order. Sources:
Giles 2008, "An extended collection of matrix derivative results"; Murray 2016 for Cholesky; Walter and Lehmann 2012
for QR; Golub and Pereyra 1973 for the pseudo-inverse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declaration import structural
from ..op import Sample
from .linalg import matmul_primitive
from .linear_maps import cat_primitive, raw, reshape_primitive, swap_last


def _square(random: np.random.Generator, *batch: int) -> np.ndarray:
    """A well-conditioned matrix."""
    return random.standard_normal((*batch, 3, 3)) + 3 * np.eye(3)


def _positive(random: np.random.Generator, *batch: int) -> np.ndarray:
    root = random.standard_normal((*batch, 3, 3))
    return root @ np.swapaxes(root, -1, -2) + 2 * np.eye(3)


def _spread(random: np.random.Generator, rows: int, columns: int, *batch: int) -> np.ndarray:
    """A matrix with singular values well apart."""
    u, _, v = np.linalg.svd(random.standard_normal((*batch, rows, columns)), full_matrices=False)
    return np.asarray(u * (1.0 + np.arange(min(rows, columns))) @ v)


def _column(value: Any) -> Any:
    """A vector per matrix as a column, so that it scales rows."""
    return reshape_primitive(value, shape=(*value.shape, 1))


def _row(value: Any) -> Any:
    """A vector per matrix as a row, so that it scales columns."""
    return reshape_primitive(value, shape=(*value.shape[:-1], 1, value.shape[-1]))


def _scaled(value: Any, matrix: Any) -> Any:
    """A number per matrix times the matrix."""
    return reshape_primitive(value, shape=(*value.shape, 1, 1)) * matrix


def _lower(value: Any, half_diagonal: bool = False) -> Any:
    """The lower triangle, with its diagonal halved where asked."""
    mask = np.tril(np.ones(value.shape[-2:], raw(value).dtype))
    if half_diagonal:
        np.fill_diagonal(mask, 0.5)
    return value * mask


def _product(*factors: Any) -> Any:
    result = factors[0]
    for factor in factors[1:]:
        result = matmul_primitive(result, factor)
    return result


@structural(
    "inv",
    reference=np.linalg.inv,
    torch="linalg.inv",
    samples=lambda random: [Sample((_square(random),)), Sample((_square(random, 2),))],
)
def inv_primitive(x: np.ndarray) -> np.ndarray:
    """Inverse of square matrices."""
    return np.linalg.inv(x)


@inv_primitive.vjp("x")
def _(cotangent: Any, y: Any) -> Any:
    transposed = swap_last(y)
    return -_product(transposed, cotangent, transposed)


@structural(
    "solve",
    reference=np.linalg.solve,
    torch="linalg.solve",
    samples=lambda random: [
        Sample((_square(random), random.standard_normal((3, 2)))),
        Sample((_square(random, 2), random.standard_normal((2, 3, 1)))),
    ],
)
def solve_primitive(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The matrix that `x` multiplies into `z`."""
    return np.linalg.solve(x, z)


@solve_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any) -> Any:
    return -matmul_primitive(solve_primitive(swap_last(x), cotangent), swap_last(y))


@solve_primitive.vjp("z")
def _(cotangent: Any, x: Any) -> Any:
    return solve_primitive(swap_last(x), cotangent)


@structural(
    "solve_triangular",
    samples=lambda random: [
        Sample((_square(random), random.standard_normal((3, 2))), {"upper": True, "unitriangular": False}),
        Sample((_square(random), random.standard_normal((3, 2))), {"upper": False, "unitriangular": True}),
    ],
)
def solve_triangular_primitive(x: np.ndarray, z: np.ndarray, *, upper: bool, unitriangular: bool) -> np.ndarray:
    """As solve, reading one triangle of `x` only, with ones on its diagonal where `unitriangular`."""
    return np.linalg.solve(_triangle(x, upper, unitriangular), z)


def _triangle(x: np.ndarray, upper: bool, unitriangular: bool) -> np.ndarray:
    part = np.triu(x) if upper else np.tril(x)
    if unitriangular:
        diagonal = np.arange(x.shape[-1])
        part[..., diagonal, diagonal] = 1
    return part


@solve_triangular_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, upper: bool, unitriangular: bool) -> Any:
    pulled = solve_triangular_primitive(swap_last(x), cotangent, upper=not upper, unitriangular=unitriangular)
    mask = np.tril(np.ones(x.shape[-2:], raw(x).dtype), -1 if unitriangular else 0)
    return -matmul_primitive(pulled, swap_last(y)) * (mask.T if upper else mask)


@solve_triangular_primitive.vjp("z")
def _(cotangent: Any, x: Any, upper: bool, unitriangular: bool) -> Any:
    return solve_triangular_primitive(swap_last(x), cotangent, upper=not upper, unitriangular=unitriangular)


@structural(
    "det",
    reference=np.linalg.det,
    torch="linalg.det",
    samples=lambda random: [Sample((_square(random),)), Sample((_square(random, 2),))],
)
def det_primitive(x: np.ndarray) -> np.ndarray:
    """Determinant of square matrices."""
    return np.asarray(np.linalg.det(x))


@det_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any) -> Any:
    values = raw(y)
    if values.size and (values == 0).any():
        return _scaled(cotangent, _cofactors(x))
    return _scaled(cotangent * y, swap_last(inv_primitive(x)))


def _cofactors(x: Any) -> Any:
    """The matrix of cofactors, finite for singular matrices too: products of the other singular values."""
    u, s, vh = svd_primitive(x)
    size = s.shape[-1]
    parts = []
    for skipped in range(size):
        part = 1.0
        for other in range(size):
            if other != skipped:
                part = part * s[..., other]
        parts.append(part)
    sign = det_primitive(matmul_primitive(u, vh))
    total: Any = 0.0
    for index, part in enumerate(parts):
        left = u[..., :, index : index + 1]
        right = vh[..., index : index + 1, :]
        total = total + _scaled(sign * part, matmul_primitive(left, right))
    return total


@structural(
    "slogdet",
    residuals=("sign",),
    samples=lambda random: [Sample((_square(random),)), Sample((-_square(random, 2),))],
)
def slogdet_primitive(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the determinant's absolute value; its sign beside it."""
    sign, logarithm = np.linalg.slogdet(x)
    return np.asarray(logarithm), np.asarray(sign)


@slogdet_primitive.vjp("x")
def _(cotangent: Any, x: Any) -> Any:
    return _scaled(cotangent, swap_last(inv_primitive(x)))


@structural(
    "cholesky",
    samples=lambda random: [Sample((_positive(random),)), Sample((_positive(random, 2),))],
)
def cholesky_primitive(x: np.ndarray) -> np.ndarray:
    """Lower triangular factor L of symmetric positive definite matrices, x = L Lᵀ."""
    # Both triangles count, as their mean, so that the derivative is the symmetric one and can be checked.
    return np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2)


@cholesky_primitive.vjp("x")
def _(cotangent: Any, y: Any) -> Any:
    inverse = inv_primitive(y)
    middle = _lower(matmul_primitive(swap_last(y), _lower(cotangent)), half_diagonal=True)
    pulled = _product(swap_last(inverse), middle, inverse)
    return (pulled + swap_last(pulled)) * 0.5


@structural(
    "qr",
    outputs=2,
    samples=lambda random: [Sample((_spread(random, 4, 3),)), Sample((_spread(random, 3, 3, 2),))],
)
def qr_primitive(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal Q and upper triangular R with x = Q R, for matrices no wider than high."""
    q, r = np.linalg.qr(x)
    return q, r


@qr_primitive.vjp()
def _(cotangent: Any, y: Any) -> list[Any]:
    q_cotangent, r_cotangent = cotangent
    q, r = y
    inverse_transposed = swap_last(inv_primitive(r))
    middle = matmul_primitive(r, swap_last(r_cotangent)) - matmul_primitive(swap_last(q_cotangent), q)
    # The lower triangle, mirrored: the part of the tangent that keeps Q orthonormal.
    strictly = np.tril(np.ones(middle.shape[-2:], raw(middle).dtype), -1)
    lower = _lower(middle)
    symmetric = lower + swap_last(middle * strictly)
    return [matmul_primitive(q_cotangent + matmul_primitive(q, symmetric), inverse_transposed)]


def _gaps(values: Any) -> Any:
    """1 / (values[j] - values[i]) off the diagonal, 0 on it."""
    size = values.shape[-1]
    eye = np.eye(size, dtype=raw(values).dtype)
    return (1 - eye) / (_row(values) - _column(values) + eye)


@structural(
    "eigh",
    outputs=2,
    samples=lambda random: [Sample((_positive(random),)), Sample((_positive(random, 2),))],
)
def eigh_primitive(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices."""
    values, vectors = np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)
    return values, vectors


@eigh_primitive.vjp()
def _(cotangent: Any, y: Any) -> list[Any]:
    value_cotangent, vector_cotangent = cotangent
    values, vectors = y
    turned = swap_last(vectors)
    eye = np.eye(values.shape[-1], dtype=raw(values).dtype)
    inner = _row(value_cotangent) * eye + _gaps(values) * matmul_primitive(turned, vector_cotangent)
    pulled = _product(vectors, inner, turned)
    return [(pulled + swap_last(pulled)) * 0.5]


@structural(
    "svd",
    outputs=3,
    samples=lambda random: [Sample((_spread(random, 4, 3),)), Sample((_spread(random, 2, 3, 2),))],
)
def svd_primitive(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Singular value decomposition U diag(S) Vh, reduced."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, vh


@svd_primitive.vjp()
def _(cotangent: Any, y: Any) -> list[Any]:
    u_cotangent, s_cotangent, vh_cotangent = cotangent
    u, s, vh = y
    dtype = raw(s).dtype
    size = s.shape[-1]
    eye = np.eye(size, dtype=dtype)
    gaps = _gaps(s * s)
    ut, v, v_cotangent = swap_last(u), swap_last(vh), swap_last(vh_cotangent)
    rotation_u = gaps * _antisymmetric(matmul_primitive(ut, u_cotangent))
    rotation_v = gaps * _antisymmetric(matmul_primitive(vh, v_cotangent))
    inner = rotation_u * _row(s) + _column(s) * rotation_v + _row(s_cotangent) * eye
    pulled = _product(u, inner, vh)
    rows, columns = u.shape[-2], vh.shape[-1]
    if rows > size:
        outside = u_cotangent - matmul_primitive(u, matmul_primitive(ut, u_cotangent))
        pulled = pulled + matmul_primitive(outside / _row(s), vh)
    if columns > size:
        outside = v_cotangent - matmul_primitive(v, matmul_primitive(vh, v_cotangent))
        pulled = pulled + matmul_primitive(u / _row(s), swap_last(outside))
    return [pulled]


def _antisymmetric(value: Any) -> Any:
    return value - swap_last(value)


@structural(
    "pinv",
    samples=lambda random: [
        Sample((_spread(random, 4, 3),), {"rcond": 1e-15}),
        Sample((_spread(random, 2, 3, 2),), {"rcond": 1e-15}),
    ],
)
def pinv_primitive(x: np.ndarray, *, rcond: float) -> np.ndarray:
    """Moore-Penrose pseudo-inverse."""
    return np.linalg.pinv(x, rcond)


@pinv_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any) -> Any:
    turned, transposed = swap_last(y), swap_last(cotangent)
    left = transposed - _product(x, y, transposed)
    right = transposed - _product(transposed, y, x)
    return _product(left, y, turned) + _product(turned, y, right) - _product(turned, cotangent, turned)


# Padé approximant of degree 13 for norms up to 5.37 (Higham 2005, "The scaling and squaring method revisited").
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_PADE_NORM = 5.371920351148152


@structural(
    "matrix_exp",
    torch="linalg.matrix_exp",
    samples=lambda random: [
        Sample((random.standard_normal((3, 3)),)),
        Sample((4 * random.standard_normal((2, 2, 2)),)),
    ],
)
def matrix_exp_primitive(x: np.ndarray) -> np.ndarray:
    """Exponential of square matrices, by scaling and squaring."""
    if not x.size:
        return x.copy()
    work = x.astype(np.float64)
    norm = float(np.abs(work).sum(axis=-2).max())
    if not np.isfinite(norm):
        return np.full_like(x, np.nan)
    squarings = max(0, int(np.ceil(np.log2(norm / _PADE_NORM)))) if norm else 0
    work = work / 2.0**squarings
    eye = np.broadcast_to(np.eye(x.shape[-1]), work.shape)
    square = work @ work
    fourth = square @ square
    sixth = fourth @ square
    b = _PADE
    odd = work @ (
        sixth @ (b[13] * sixth + b[11] * fourth + b[9] * square)
        + b[7] * sixth + b[5] * fourth + b[3] * square + b[1] * eye
    )  # fmt: skip
    even = (
        sixth @ (b[12] * sixth + b[10] * fourth + b[8] * square)
        + b[6] * sixth + b[4] * fourth + b[2] * square + b[0] * eye
    )  # fmt: skip
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result.astype(x.dtype)


@matrix_exp_primitive.vjp("x")
def _(cotangent: Any, x: Any) -> Any:
    # exp of [[Xᵀ, G], [0, Xᵀ]] holds the derivative along G in its corner (Mathias 1996).
    size = x.shape[-1]
    turned = swap_last(x)
    zeros = np.zeros(x.shape, raw(x).dtype)
    last = x.ndim - 1
    upper = cat_primitive(turned, cotangent, dim=last)
    lower = cat_primitive(zeros if isinstance(turned, np.ndarray) else turned * 0, turned, dim=last)
    return matrix_exp_primitive(cat_primitive(upper, lower, dim=last - 1))[..., :size, size:]


__all__ = [
    "cholesky_primitive",
    "det_primitive",
    "eigh_primitive",
    "inv_primitive",
    "matrix_exp_primitive",
    "pinv_primitive",
    "qr_primitive",
    "slogdet_primitive",
    "solve_primitive",
    "solve_triangular_primitive",
    "svd_primitive",
]
