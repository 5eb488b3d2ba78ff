"""Products by tiles over packed panels, against products in double precision."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.kernels import affine, jit, matmul, panels

compiled = pytest.mark.skipif(jit.DISABLED, reason="tiles exist in compiled code only")


@jit.kernel
def _multiply(transpose_a, transpose_b, a, b, origin, initial, c, rows, columns):
    panels.multiply(transpose_a, transpose_b, a, b, origin, initial, c, rows, columns)


# Below, at and above the tile's rows, the vectors' lanes, the widest strip and the longest block of terms.
SIZES = [(1, 1, 1), (8, 16, 48), (9, 17, 49), (3, 400, 70), (21, 800, 130), (40, 33, 400)]


def _error_bound(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What rounding may do to each sum: Higham 2002, "Accuracy and Stability of Numerical Algorithms", (3.13)."""
    return np.abs(a) @ np.abs(b) * (a.shape[1] + 2) * np.finfo(a.dtype).eps / 2


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_of_every_orientation_and_size(dtype):
    random = np.random.default_rng(0)
    for (rows, terms, columns), first, second in itertools.product(SIZES, (False, True), (False, True)):
        a, b = (
            random.standard_normal((rows, terms)).astype(dtype),
            random.standard_normal((terms, columns)).astype(dtype),
        )
        row = random.standard_normal(columns).astype(dtype)
        product = a.astype(np.longdouble) @ b.astype(np.longdouble)
        given = np.ascontiguousarray(a.T) if first else a, np.ascontiguousarray(b.T) if second else b
        for origin, added in ((panels.NOTHING, 0), (panels.A_ROW, row)):
            out = np.full((rows, columns), np.nan, dtype)
            _multiply(first, second, *given, origin, row, out, (0, rows), (0, columns))
            bound = _error_bound(a, b) + (terms + 2) * np.finfo(dtype).eps * np.abs(added)
            assert np.all(np.abs(out - (product + added)) <= bound), (rows, terms, columns, first, second, origin)


@compiled
def test_a_part_is_what_the_whole_has_there_and_nothing_else_is_written():
    random = np.random.default_rng(1)
    a, b = random.standard_normal((50, 500), np.float32), random.standard_normal((500, 200), np.float32)
    nothing = np.empty(0, np.float32)
    whole = np.empty((50, 200), np.float32)
    _multiply(False, False, a, b, panels.NOTHING, nothing, whole, (0, 50), (0, 200))
    part = np.full((50, 200), 7, np.float32)
    _multiply(False, False, a, b, panels.NOTHING, nothing, part, (5, 30), (33, 150))
    np.testing.assert_array_equal(part[5:30, 33:150], whole[5:30, 33:150])
    part[5:30, 33:150] = 7
    assert np.all(part == 7)


@compiled
@pytest.mark.skipif(jit.thread_count(1 << 30, 0) < 2, reason="needs two threads")
def test_layers_on_threads_give_what_one_thread_gives():
    random = np.random.default_rng(2)
    x, weight = random.standard_normal((130, 200), np.float32), random.standard_normal((260, 200), np.float32)
    bias, cotangent = random.standard_normal(260, np.float32), random.standard_normal((130, 260), np.float32)
    found = []
    threads = ag.get_num_threads()
    try:
        for count in (1, 2):
            ag.set_num_threads(count)
            x_out, rectified_out = np.empty_like(x), np.empty_like(x)
            plain, result = affine.forward(x, weight, bias), affine.forward(x, weight, bias, True)
            through = affine.vjp(cotangent, result, x, weight, rectified_out)
            pulled = affine.vjp(cotangent, None, x, weight, x_out)
            found.append((plain, result, *pulled, x_out, *through, rectified_out))
    finally:
        ag.set_num_threads(threads)
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 7), (1024, 1, 1024), (130, 300, 1), (1, 300, 130), (70, 1, 2000)])
def test_vectors_and_outer_products(shape):
    random = np.random.default_rng(3)
    rows, terms, columns = shape
    a, b = random.standard_normal((rows, terms), np.float32), random.standard_normal((terms, columns), np.float32)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    for first, second in itertools.product((a, np.asfortranarray(a)), (b, np.asfortranarray(b))):
        assert np.all(np.abs(matmul.matmul(first, second) - expected) <= _error_bound(a, b))
