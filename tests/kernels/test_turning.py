"""Copies of strided arrays in row-major order, against NumPy's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_array_equal

import autograd_core as ag
from autograd_core.kernels import boundary, turning

SHAPES = ((19, 33), (5, 40, 17), (3, 2, 37), (2, 3, 20, 18), (16, 16), (1, 64, 1, 32), (2, 5, 3, 4, 6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_order_of_dimensions(shape: tuple[int, ...], dtype: Any) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    taken = 0
    for order in itertools.permutations(range(len(shape))):
        view = array.transpose(order)
        found = turning.turned(view)
        if found is not None:
            taken += 1
            assert found.flags.c_contiguous
            assert_array_equal(found, view)
    assert taken


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parts_of_arrays(data: st.DataObject) -> None:
    """Slices with steps, whose memory has gaps, in any order of dimensions."""
    shape = data.draw(st.lists(st.integers(1, 40), min_size=2, max_size=4))
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    parts = [
        slice(data.draw(st.integers(0, size - 1)), None, data.draw(st.sampled_from((1, 1, 2, 3)))) for size in shape
    ]
    view = array[tuple(parts)].transpose(data.draw(st.permutations(range(len(shape)))))
    found = turning.turned(view)
    if found is not None:
        assert_array_equal(found, view)


def test_every_bit_is_copied() -> None:
    """Also those of NaNs."""
    bits = np.random.default_rng(1).integers(0, 2**32, (48, 80), dtype=np.uint32)
    bits[::3] |= 0x7F800001
    found = turning.turned(bits.view(np.float32).T)
    assert found is not None
    assert_array_equal(found.view(np.uint32), bits.T)


def test_what_is_left_to_numpy() -> None:
    array = np.zeros((64, 64), np.float32)
    assert turning.turned(array) is None
    assert turning.turned(array[:, ::-1].T) is None
    assert turning.turned(np.broadcast_to(array[0], (64, 64)).T) is None
    assert turning.turned(array[:, ::2].T) is None  # no neighbours
    assert turning.turned(np.lib.stride_tricks.sliding_window_view(array[0], 8)) is None
    array.flags.writeable = False
    assert turning.turned(array.T) is None


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.bool_])
def test_the_boundary_copies_large_arrays_of_every_dtype(kind: Any) -> None:
    array = np.random.default_rng(2).integers(0, 2, (300, 500)).astype(kind)
    assert array.size > boundary.TURNED
    for found in (boundary.row_major(array.T), boundary.contiguous(array.T)):
        assert found.flags.c_contiguous
        assert_array_equal(found, array.T)
    assert_array_equal(boundary.flat(array.T), array.T.ravel())
    assert_array_equal(boundary.reshaped(array.T, (250, 600)), array.T.reshape(250, 600))
    assert np.shares_memory(boundary.reshaped(array.T[::2], (250, 1, 300)), array)


def test_derivatives_pass_through_turned_copies() -> None:
    x = ag.tensor(np.arange(300.0 * 500).reshape(300, 500), requires_grad=True)
    weight = np.random.default_rng(3).standard_normal((500 * 300,))
    (x.t().contiguous().reshape(-1) * ag.tensor(weight)).sum().backward()
    assert_array_equal(x.grad.numpy(), weight.reshape(500, 300).T)
