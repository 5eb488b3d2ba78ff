"""Kernels over contiguous lines, against NumPy in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd_core.kernels import folds, lines
from autograd_core.kernels.jit import kernel

FLOATS = (np.float32, np.float64)
SIZES = (1, 5, 16, 17, 64, 1000, 3 * lines.SEGMENT + 7)


@kernel
def extremes(line: Any) -> Any:
    return folds.largest(line), folds.smallest(line)


@kernel
def sums(first: Any, second: Any) -> Any:
    return lines.sum_line(first), lines.dot_line(first, second)


@kernel
def sum_of_line(line: Any) -> Any:
    return folds.sum_of_line(line)


@kernel
def raised(line: Any, shift: Any, out: Any, kept: Any) -> Any:
    return lines.exponentials(line, shift, out), lines.sum_of_exponentials(line, shift), lines.raise_line(kept, shift)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_the_largest_and_the_smallest_element(random: np.random.Generator, dtype: Any, size: int) -> None:
    line = random.standard_normal(size).astype(dtype)
    for values in (line, -np.abs(line), np.zeros_like(line), np.full_like(line, -np.inf), np.full_like(line, np.inf)):
        assert extremes(values) == (values.max(), values.min())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
# Processors make the NaN that has its sign set: 0 / 0 gives it.
@pytest.mark.parametrize("nan", [np.nan, -np.nan])
def test_a_nan_of_either_sign_wins_wherever_it_is(dtype: Any, size: int, nan: float) -> None:
    for place in {0, size // 2, size - 1}:
        for other in (-np.inf, 0.0, np.inf):
            line = np.full(size, other, dtype)
            line[place] = nan
            assert np.isnan(extremes(line)).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [*SIZES, 63, 65, 1_000_003])
def test_the_sum_of_a_line(random: np.random.Generator, dtype: Any, size: int) -> None:
    line = random.random(size).astype(dtype)
    exact = np.float64(line.astype(np.longdouble).sum())
    np.testing.assert_allclose(sum_of_line(line), exact, rtol=(2 if dtype is np.float32 else 32) * np.finfo(dtype).eps)
    # What does not belong to the line is not read.
    wide = np.full(size + 64, np.nan, dtype)
    wide[:size] = line
    assert sum_of_line(wide[:size]) == sum_of_line(line)
    constant = np.full(size, 0.1, np.float32)
    assert np.float32(sum_of_line(constant) / size) == np.float32(0.1)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_sums_keep_their_digits(random: np.random.Generator, dtype: Any, size: int) -> None:
    first, second = random.random((2, size)).astype(dtype)
    exact = first.astype(np.longdouble).sum(), (first.astype(np.longdouble) * second).sum()
    np.testing.assert_allclose(sums(first, second), np.float64(exact), rtol=16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_exponentials_of_what_is_not_positive_are_within_two_units_in_the_last_place(dtype: Any) -> None:
    limit = -103.0 if dtype is np.float32 else -745.0
    line = np.concatenate([np.linspace(limit, 0, 100_003), -np.geomspace(1e-30, 1, 1001), [-np.inf]]).astype(dtype)
    out = np.empty_like(line)
    kept = line.copy()
    sums = raised(line, dtype(0), out, kept)
    exact = np.exp(line.astype(np.longdouble))
    unit = np.maximum(np.spacing(exact.astype(dtype)), np.finfo(dtype).smallest_subnormal)
    assert np.max(np.abs(out - exact) / unit) < 2
    assert out[-1] == 0
    assert (kept == out).all()
    np.testing.assert_allclose(sums, float(exact.sum()), rtol=16 * np.finfo(dtype).eps)
    missing = np.array([np.nan], dtype)
    assert np.isnan(raised(missing, dtype(0), out[:1], missing.copy())).all()
