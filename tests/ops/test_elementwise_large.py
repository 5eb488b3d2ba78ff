"""Single functions of many elements, which run in loops of ours on threads where NumPy has one thread."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag
import autograd_core.op as op_module
from autograd_core.kernels import jit

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


@pytest.mark.skipif(jit.DISABLED, reason="without a compiler there are NumPy's functions only")
@pytest.mark.parametrize("name", ["sinh", "log1p", "expm1", "tan", "acos", "log10"])
def test_functions_that_numpy_computes_singly_go_through_loops_but_for_few_elements(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As on processors without AVX-512; both ways give the function to two units in the last place."""
    operation = op_module.REGISTRY[name]
    monkeypatch.setattr(op_module, "_wide_numpy", lambda: False)
    monkeypatch.setattr(operation, "forward", operation._resolve)
    x = np.random.default_rng(5).uniform(0.05, 0.95, 1000).astype(np.float32)
    results = {size: operation.forward(x[:size].copy()) for size in (3, 1000)}
    np.testing.assert_array_equal(results[1000], operation.loop.unary(x))
    np.testing.assert_array_equal(results[3], operation.numpy(x[:3]))
    for size, result in results.items():
        exact = operation.numpy(x[:size].astype(np.float64))
        assert np.all(np.abs(result - exact) <= 2 * np.spacing(np.abs(result))), size
        assert result.dtype == np.float32


@pytest.mark.skipif(jit.DISABLED, reason="without a compiler there are NumPy's functions only")
def test_angles_go_through_loops_there_too_whichever_operand_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = op_module.REGISTRY["atan2"]
    monkeypatch.setattr(op_module, "_wide_numpy", lambda: False)
    monkeypatch.setattr(operation, "forward", operation._resolve)
    y, x = np.random.default_rng(5).standard_normal((2, 1000)).astype(np.float32)
    np.testing.assert_array_equal(operation.forward(y, x), operation.loop((y, x), y.dtype)[0])
    np.testing.assert_array_equal(operation.forward(y[:3], x[:3]), np.arctan2(y[:3], x[:3]))
    for operands in ((2.0, x), (y, 2.0), (y[:1], x), (y.reshape(10, 100), x[:100])):
        exact = np.arctan2(*[np.asarray(operand, np.float64) for operand in operands])
        found = operation.forward(*operands)
        assert found.dtype == np.float32
        assert np.all(np.abs(found - exact) <= 2 * np.spacing(np.abs(found)))
