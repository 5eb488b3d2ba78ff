"""Linear algebra beside PyTorch: values, first and second gradients, batches, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(29)
A = R.standard_normal((3, 3)) + 3 * np.eye(3)
BATCH = R.standard_normal((2, 3, 3)) + 3 * np.eye(3)
B = R.standard_normal((3, 2))
V = R.standard_normal(3)
W = R.standard_normal(4)
M = R.standard_normal((3, 4))
TALL = R.standard_normal((4, 3))
WIDE = R.standard_normal((2, 3, 4))


def positive(L: Any, x: Any) -> Any:
    """A symmetric positive definite matrix that depends on all of `x`."""
    return x @ x.mT + L.eye(x.shape[-1], dtype=x.dtype)


@table(
    case(lambda L, x, z: (L.einsum("ij,jk->ik", x, z), L.einsum("ij,jk", x, z), L.einsum("ij,jk->k", x, z)), A, B),
    case(lambda L, x: (L.einsum("ii", x), L.einsum("ii->i", x), L.einsum("ij->ji", x), L.einsum("ij->", x)), A),
    case(lambda L, x, z: (L.einsum("...ij,jk->...ik", x, z), L.einsum("bij,jk->bik", x, z)), BATCH, B),
    case(lambda L, x, z: L.einsum("b...,...->b...", x, z), BATCH, A),
    case(lambda L, x, z: (L.einsum("i,j->ij", x, z), L.einsum("i,j", x, z)), V, W),
    case(lambda L, x, y, z: L.einsum("ij,jk,k->i", x, y, z), A, B, V[:2]),
    case(lambda L, x: L.einsum("bii->bi", x), BATCH),
    case(lambda L, x, z: L.einsum("ij,jk", x, z), A[:0], B),
    case(lambda L, x, z: (L.tensordot(x, z, 1), L.tensordot(x, z, ([1], [0])), L.tensordot(x, z, dims=0)), A, B),
    case(lambda L, x, z: (L.inner(x, z), L.outer(x, z), L.vdot(x, z), x.ger(z), x.dot(z)), V, V[::-1].copy()),
    case(lambda L, x, z: (L.kron(x, z), L.kron(z, x)), A, B),
    case(lambda L, x, z: L.inner(x, z), M, W),
    case(lambda L, x, y, z: (L.addmm(x, y, z), x.addmm(y, z, beta=0.5, alpha=2)), B, A, B),
    case(lambda L, x, y, z: (L.addmv(x, y, z), x.addmv(y, z, beta=0, alpha=3)), V, A, V),
    case(lambda L, x, y, z: L.addr(x, y, z, alpha=-1), M, V, W),
    case(lambda L, x, y, z: (L.addbmm(x, y, z), L.baddbmm(x, y, z, beta=2)), A, BATCH, BATCH),
    case(lambda L, x: (x.matrix_power(3), L.linalg.matrix_power(x, -2), L.matrix_power(x.detach(), 0)), A),
    case(lambda L, x, y, z: L.linalg.multi_dot([x, y, z]), M, TALL, B),
    case(lambda L, x, y: L.linalg.multi_dot([x, y]), W, TALL),
    case(lambda L, x, z: (L.linalg.cross(x, z), L.cross(x, z, dim=0)), A, A[::-1].copy()),
    case(lambda L, x, z: (L.linalg.vecdot(x, z), L.linalg.vecdot(x, z, dim=0)), A, A[::-1].copy()),
)
def test_products(torch: Any, given: Case) -> None:
    check(torch, given)


@table(
    case(lambda L, x, z: (L.linalg.solve(x, z), L.linalg.solve(x, z[:, 0])), A, B),
    case(lambda L, x, z: L.linalg.solve(x, z, left=False), A, B.T.copy()),
    case(lambda L, x, z: L.linalg.solve(x, z), BATCH, B),
    case(lambda L, x, z: L.linalg.solve(x, z), BATCH, R.standard_normal((2, 3))),
    case(lambda L, x, z: L.linalg.solve_triangular(x, z, upper=True), A, B),
    case(lambda L, x, z: L.linalg.solve_triangular(x, z, upper=False, unitriangular=True), A, B),
    case(lambda L, x, z: L.linalg.solve_triangular(x, z, upper=True, left=False), A, B.T.copy()),
    case(lambda L, x: (L.linalg.inv(x), L.inverse(x), x.inverse()), A),
    case(lambda L, x: (L.linalg.inv(x), L.linalg.det(x), L.linalg.slogdet(x)[1], *L.linalg.slogdet(x.detach())), BATCH),
    case(lambda L, x: (L.det(x), x.det(), L.logdet(x @ x.mT), x.slogdet()[1]), A),
    case(lambda L, x: (L.linalg.pinv(x), L.pinverse(x)), TALL),
    case(lambda L, x: L.linalg.pinv(x), WIDE),
    case(lambda L, x: (L.linalg.cholesky(positive(L, x)), L.linalg.cholesky(positive(L, x), upper=True)), A),
    case(lambda L, x, z: L.cholesky_solve(z, L.linalg.cholesky(positive(L, x))), A, B),
    case(lambda L, x, z: z.cholesky_solve(L.linalg.cholesky(positive(L, x), upper=True), upper=True), A, B),
    case(lambda L, x: L.cholesky_inverse(L.linalg.cholesky(positive(L, x))), A),
    case(lambda L, x: L.linalg.qr(x), TALL),
    case(lambda L, x: L.linalg.qr(x), BATCH),
    case(lambda L, x: L.linalg.svdvals(x), TALL),
    case(lambda L, x: (L.linalg.svd(x, full_matrices=False).S, L.linalg.matrix_norm(x, "nuc")), WIDE),
    case(lambda L, x: (L.linalg.eigvalsh(positive(L, x)), L.linalg.eigh(positive(L, x)).eigenvalues), A),
    case(lambda L, x: L.linalg.eigvalsh(positive(L, x), "U"), BATCH),
    case(lambda L, x: (L.matrix_exp(x), x.matrix_exp(), L.linalg.matrix_exp(x * 0)), A / 3),
    case(lambda L, x: (L.linalg.matrix_norm(x), *(L.linalg.matrix_norm(x, o) for o in (1, -1, np.inf, 2, -2))), A),
    case(lambda L, x: L.linalg.matrix_norm(x, dim=(0, 2), keepdim=True), WIDE),
    case(lambda L, x: tuple(L.linalg.vector_norm(x, o, 1) for o in (0, 1, 2, 3, np.inf, -np.inf, 0.5)), M),
    case(lambda L, x: (L.linalg.norm(x), L.linalg.norm(x, 2), L.linalg.norm(x, dim=1), L.linalg.norm(x, "fro")), M),
    case(lambda L, x: (L.linalg.cond(x), *(L.linalg.cond(x.detach(), o) for o in (1, "fro"))), A),
    case(lambda L, x, z: L.linalg.tensorsolve(x.reshape(3, 1, 3), z), A, V[:, None]),
    case(lambda L, x: L.linalg.tensorinv(x.reshape(3, 1, 3), ind=1), A),
    case(lambda L, x: (L.linalg.diagonal(x), L.linalg.diagonal(x, offset=1)), BATCH),
    case(lambda L, x, z: L.linalg.lstsq(x, z).solution, TALL, R.standard_normal((4, 2)), second=False),
    case(lambda L, x: L.linalg.matrix_rank(x.detach()), TALL),
)
def test_factorisations(torch: Any, given: Case) -> None:
    check(torch, given)


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (1, 1)])
def test_matrices_of_size_0_and_1(torch: Any, shape: Any) -> None:
    x = np.ones(shape) + 1
    check(torch, case(lambda L, x: (L.linalg.det(x), L.linalg.inv(x), x @ x, L.matrix_exp(x)), x), np.float64)
    check(torch, case(lambda L, x: L.linalg.cholesky(x), x), np.float64)


def test_refusals(torch: Any) -> None:
    singular = np.ones((2, 2))
    refused(torch, lambda L, x: L.linalg.inv(x), M)
    refused(torch, lambda L, x: L.linalg.inv(x), V)
    refused(torch, lambda L, x: L.linalg.det(x), np.array([[1, 2], [3, 4]]))
    refused(torch, lambda L, x, z: L.linalg.solve(x, z), A, W)
    refused(torch, lambda L, x: L.linalg.inv(x), singular)
    refused(torch, lambda L, x: L.linalg.cholesky(x), -singular)
    refused(torch, lambda L, x: L.linalg.eigh(x, "X"), A)
    refused(torch, lambda L, x: L.linalg.matrix_norm(x, "other"), A)
    refused(torch, lambda L, x: L.linalg.matrix_power(x, 1.5), A)
    refused(torch, lambda L, x: L.linalg.multi_dot([x]), A)
    refused(torch, lambda L, x: L.einsum("ij->ijk", x), A)
    refused(torch, lambda L, x: L.einsum("i", x), A)
    refused(torch, lambda L, x, z: L.einsum("ij,jk", x, z), A, W[:, None])
    refused(torch, lambda L, x: L.einsum("ij,jk", x), A)
    refused(torch, lambda L, x, z: L.tensordot(x, z, 2), A, B)
    refused(torch, lambda L, x, z: L.linalg.cross(x, z), M, M)
    refused(torch, lambda L, x, z: L.addmm(x, z, z), A, B)
    refused(torch, lambda L, x, z: L.outer(x, z), A, V)
    refused(torch, lambda L, x, z: L.linalg.tensorsolve(x, z), A, W)
    refused(torch, lambda L, x: L.linalg.tensorinv(x, 1), M)
    refused(torch, lambda L, x: L.linalg.vander(x, N=1), V)
