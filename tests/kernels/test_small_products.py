"""Batches of small products by tiles beside NumPy's in double precision, as they are on processors without AVX-512."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.kernels import jit, small_products

pytestmark = pytest.mark.skipif(jit.DISABLED, reason="tiles are compiled")

# How many products, and their rows, terms and columns: whole tiles, parts of them, and less than a vector.
SHAPES = [(20, 16, 16, 16), (3, 9, 6, 40), (33, 5, 13, 7), (4, 7, 1, 18), (2, 1, 3, 1), (0, 2, 2, 2)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shared", ["neither", "first", "second"])
def test_products_are_numpys_however_operands_lie(shape: tuple[int, ...], dtype: Any, shared: str) -> None:
    random = np.random.default_rng(3)
    number, rows, inner, columns = shape
    x = random.standard_normal((1 if shared == "first" else number, rows, inner)).astype(dtype)
    z = random.standard_normal((1 if shared == "second" else number, inner, columns)).astype(dtype)
    exact = x.astype(np.float64) @ z.astype(np.float64)
    for transpose_x in (False, True):
        for transpose_z in (False, True):
            first = np.ascontiguousarray(x.swapaxes(1, 2)) if transpose_x else x
            second = np.ascontiguousarray(z.swapaxes(1, 2)) if transpose_z else z
            for multiply in (small_products.multiply_serial, small_products.multiply_parallel):
                found = np.full((number, rows, columns), np.nan, dtype)
                multiply(transpose_x, transpose_z, first, second, found)
                np.testing.assert_allclose(found, exact, rtol=0, atol=40 * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", ["plain", "transposed", "broadcast"])
def test_matrix_products_of_tensors_take_them(monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    random = np.random.default_rng(4)
    x, z = random.standard_normal((2, 60, 12, 12))
    second = {"plain": z, "transposed": z.swapaxes(1, 2), "broadcast": z[0]}[layout]
    monkeypatch.setattr(small_products, "BETTER", True)
    found = ag.matmul(ag.from_numpy(x), ag.from_numpy(second)).numpy()
    np.testing.assert_allclose(found, x @ second, rtol=0, atol=1e-13)
