"""Single functions of many elements, which run in loops of ours on threads where NumPy has one thread."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag

torch = pytest.importorskip("torch")

SHAPE = (300, 700)


def _on_threads(threads, name, arrays, cotangent):
    before = ag.get_num_threads()
    ag.set_num_threads(threads)
    try:
        operands = [ag.tensor(array, requires_grad=True) for array in arrays]
        result = getattr(ag, name)(*operands)
        result.backward(ag.tensor(cotangent))
    finally:
        ag.set_num_threads(before)
    return [result.detach().numpy(), *[operand.grad.numpy() for operand in operands]]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("exp", [SHAPE]),
        ("neg", [SHAPE]),
        ("mul", [SHAPE, SHAPE]),
        ("mul", [SHAPE, (700,)]),
        ("mul", [SHAPE, (300, 1)]),
        ("mul", [(300, 1), (700,)]),
        ("maximum", [SHAPE, ()]),
    ],
)
def test_values_and_gradients_are_pytorchs_and_the_same_on_any_number_of_threads(name, shapes):
    random = np.random.default_rng(0)
    arrays = [random.uniform(-2.0, 2.0, shape).astype(np.float32) for shape in shapes]
    cotangent = random.standard_normal(SHAPE).astype(np.float32)
    one, two = (_on_threads(threads, name, arrays, cotangent) for threads in (1, 2))
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = getattr(torch, name)(*theirs)
    result.backward(torch.tensor(cotangent))
    wanted = [result.detach().numpy(), *[operand.grad.numpy() for operand in theirs]]
    for first, second, other in zip(one, two, wanted, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, other, rtol=1e-6, atol=2e-6 * float(np.abs(other).max()))
