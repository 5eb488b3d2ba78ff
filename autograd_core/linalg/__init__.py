"""Linear algebra with ``torch.linalg``'s names: solutions, factorisations, norms and products, batched.

>>> import autograd_core as ag
>>> ag.linalg.det(ag.eye(3) * 2).item()
8.0
"""

from __future__ import annotations

from ..declaration import attach
from ..ops.einsum import tensordot
from ..ops.linalg import matmul
from .factorizations import QR, SVD, Eigh, LeastSquares, eigh, eigvalsh, lstsq, matrix_rank, pinv, qr, svd, svdvals
from .norms import cond, matrix_norm, norm, vector_norm
from .products import chain_matmul as chain_matmul, cross, diagonal, matrix_exp, matrix_power, multi_dot, vander, vecdot
from .systems import (
    SignAndLogarithm,
    cholesky,
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
    det,
    inv,
    logdet as logdet,
    slogdet,
    solve,
    solve_triangular,
    tensorinv,
    tensorsolve,
)

inverse = inv
pinverse = pinv

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
