"""Elementwise operations keep the order in which their operands lie in memory: images stay channels-last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag

SHAPE = (2, 5, 3, 4)


def channels_last(seed: int, dtype: Any = np.float32) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(0.5, 2.0, SHAPE).astype(dtype)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 1, -1)), -1, 1)


def lies_channels_last(array: np.ndarray) -> bool:
    return np.moveaxis(array, 1, -1).flags.c_contiguous


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, z: x + z,
    "multiply": lambda x, z: x * z,
    "relu": lambda x, z: ag.relu(x),
    "tanh": lambda x, z: ag.tanh(x),
    "power": lambda x, z: x**z,
    "scalar": lambda x, z: 2.0 * x - 1,
    "silu": lambda x, z: ag.silu(x) * z,
    "where": lambda x, z: ag.where(x > 1, x, z),
    "by channel": lambda x, z: x * z[:1, :, :1, :1] + z[0, 0, 0, 0],
    "leaky": lambda x, z: ag.leaky_relu(x, negative_slope=0.1),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_results_and_cotangents_keep_the_order(function: Callable[..., Any]) -> None:
    arrays = [channels_last(0), channels_last(1)]
    results, seen = [], []
    for order in ("K", "C"):
        leaves = [ag.from_numpy(np.array(array, order=order)).requires_grad_() for array in arrays]
        inner = [leaf * 1.0 for leaf in leaves]
        cotangents: list[Any] = []
        inner[0].register_hook(lambda gradient, kept=cotangents: kept.append(gradient.numpy()))
        result = function(*inner)
        result.backward(ag.from_numpy(np.array(channels_last(2), order=order)))
        results.append([result.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)])
        seen.append(cotangents[0])
    assert lies_channels_last(results[0][0])
    assert lies_channels_last(seen[0])
    assert results[1][0].flags.c_contiguous
    for one, other in zip(*results, strict=True):
        assert_allclose(one, other, rtol=1e-6)


def test_gradients_that_are_added_keep_the_order() -> None:
    x = ag.from_numpy(channels_last(0)).requires_grad_()
    inner = x * 1.0
    seen: list[Any] = []
    inner.register_hook(lambda gradient: seen.append(gradient.numpy()))
    (ag.relu(inner) + inner + ag.tanh(inner)).backward(ag.from_numpy(channels_last(1)))
    assert lies_channels_last(seen[0])


def test_mixed_orders_give_the_values_of_one() -> None:
    x, z = channels_last(0), np.array(channels_last(1), order="C")
    for first, second in ((x, z), (z, x)):
        result = ag.atan2(ag.tensor(first), ag.tensor(second)).numpy()
        assert_allclose(result, np.arctan2(first, second), rtol=1e-6)
    mask = ag.relu(ag.from_numpy(x[:, :, ::2])).numpy()
    assert_array_equal(mask, x[:, :, ::2])


def test_a_leafs_gradient_lies_as_the_leaf_does() -> None:
    for array in (channels_last(0), np.array(channels_last(0), order="C")):
        x = ag.from_numpy(array).requires_grad_()
        weight = ag.tensor(np.random.default_rng(1).standard_normal((5, 5, 3, 3)).astype(np.float32))
        for _ in range(2):  # a first gradient, and one that is added to it
            ag.relu(ag.conv2d(x, weight, padding=1)).sum().backward()
            assert x.grad is not None
            assert x.grad.numpy().strides == array.strides
        (alone,) = ag.grad(ag.conv2d(x, weight, padding=1).sum(), x)
        assert alone.numpy().strides == array.strides
