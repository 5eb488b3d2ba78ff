"""Cotangents of slices, which wait part by part until all of them are there. Expected values: PyTorch, and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.parts import Parts

CASES: dict[str, Callable[[Any], list[Any]]] = {
    "tiles of a dimension": lambda x: [x[:, 2:], x[:, :2]],
    "numbers": lambda x: [x[2], x[0], x[1], x[3]],
    "numbers in the middle": lambda x: [x[:, place].transpose(0, 1) for place in range(5)],
    "negative numbers": lambda x: [x[-1], x[-2], x[-3], x[-4]],
    "some of the places": lambda x: [x[1], x[3]],
    "the same twice": lambda x: [x[1], x[1], x[0], x[2]],
    "overlapping": lambda x: [x[:-1], x[1:], x[:2]],
    "as many elements as there are, not all": lambda x: [x[:2], x[1:3]],
    "many overlapping": lambda x: [x[:, start:] for start in range(4)] * 3,
    "steps": lambda x: [x[::2], x[1::2]],
    "two dimensions cut": lambda x: [x[:2, :2], x[2:, 2:], x[:2, 2:], x[2:, :2]],
    "an ellipsis and a new dimension": lambda x: [x[..., 0], x[..., None, 1], x[..., 1:]],
    "parts and the whole": lambda x: [x[0], x * 2, x[1:]],
    "the whole and parts": lambda x: [x * 2, x[0], x * x, x[1:]],
    "parts of parts": lambda x: [x[1:][0], x[1:][1:], x[0, 0]],
    "nothing": lambda x: [x[4:], x[:0], x[1:]],
    "all of it": lambda x: [x[:], x[...]],
}


def _gradients(library: Any, values: np.ndarray, form: Callable[[Any], list[Any]], leaf: bool) -> np.ndarray:
    given = library.tensor(values, requires_grad=True)
    # A weight for each element, so that none of the cotangents is like another.
    total = 0.0
    for number, part in enumerate(form(given if leaf else given * 1.0)):
        weights = np.arange(1.0, 1.0 + np.prod(part.shape)).reshape(tuple(part.shape)) + 0.1 * number
        total = total + (part * library.tensor(weights)).sum()
    total.backward()
    return np.asarray(given.grad)


@pytest.mark.parametrize("leaf", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_slices_of_one_tensor(name: str, leaf: bool) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(3).standard_normal((4, 5, 3))
    expected = _gradients(torch, values, CASES[name], leaf)
    np.testing.assert_allclose(_gradients(ag, values, CASES[name], leaf), expected, rtol=1e-14)


def test_gradients_of_parts_are_nobody_elses() -> None:
    x = ag.ones(2, 3, requires_grad=True)
    y = x * 1
    z = y[0] + y[1]
    z.backward(gradient := ag.ones(3))
    x.grad.add_(1)
    assert gradient.tolist() == [1.0, 1.0, 1.0]
    w = ag.ones(3, requires_grad=True)
    total = w[:2] + w[1:]
    total.retain_grad()
    total.sum().backward()
    w.grad.mul_(0)
    assert total.grad.tolist() == [1.0, 1.0]


def test_the_gradient_of_a_slice_of_the_whole() -> None:
    x = ag.ones(4, requires_grad=True)
    y = x * 2
    by_y, by_x = ag.grad((y[:2] * y[2:]).sum(), [y, x])
    assert by_y.tolist() == [2.0] * 4
    assert by_x.tolist() == [4.0] * 4


def test_slices_are_freed_as_others_are() -> None:
    x = ag.ones(4, requires_grad=True)
    y = x * x
    total = (y[:2] * y[2:]).sum()
    total.backward(retain_graph=True)
    total.backward()
    assert x.grad.tolist() == [4.0] * 4
    with pytest.raises(ag.GraphError, match="second time"):
        total.backward()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_memory_keeps_its_order(order: tuple[int, ...]) -> None:
    shape = (2, 4, 3, 5)
    turned = [shape[axis] for axis in order]
    part = np.ones([2 if size == 4 else size for size in turned]).transpose(np.argsort(order))
    parts = Parts(shape, (slice(None), slice(0, 2)), part)
    parts.append((slice(None), slice(2, 4)), 2 * part)
    whole = parts.whole()
    assert whole.transpose(order).flags.c_contiguous
    np.testing.assert_array_equal(whole, np.concatenate([part, 2 * part], 1))
