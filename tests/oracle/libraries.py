"""This library and PyTorch side by side: one call in both, values, dtypes, first and second gradients compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from tests.strategies import leaf

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

F = torch.nn.functional


def to_torch(value: Any) -> Any:
    """A value as PyTorch takes it; arrays are copied, since it has no negative strides."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value, order="C"))
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(to_torch(entry) for entry in value)
    return value


def results_of(result: Any) -> list[Any]:
    """The tensors a call returned, in order: one, several, or a named tuple of them."""
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in results_of(part)]
    return [result]


def array_of(tensor: Any) -> np.ndarray:
    # PyTorch keeps some zeros without memory, which numpy() has to be told to make.
    return tensor.detach().numpy(force=True) if isinstance(tensor, torch.Tensor) else tensor.detach().numpy()


def assert_same(actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None) -> None:
    """Equal shapes and dtypes, close values; NaN and infinities in the same places."""
    ours, theirs = array_of(actual), array_of(expected)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.dtype.kind != "f":
        assert_array_equal(ours, theirs)
        return
    epsilon = float(np.finfo(ours.dtype).eps)
    assert_allclose(ours, theirs, rtol=rtol or 64 * epsilon, atol=atol if atol is not None else 64 * epsilon)


def compare(function: Callable[..., Any], *arrays: Any, orders: int = 2, **tolerances: float) -> None:
    """`function(library, *tensors)` in both libraries: results, then gradients of first and second order.

    The second order differentiates the sum of squares of the first gradients, by the operands and the cotangents.
    """
    ours = [leaf(np.array(a)) if isinstance(a, np.ndarray) else a for a in arrays]
    theirs = [to_torch(np.array(a)) if isinstance(a, np.ndarray) else a for a in arrays]
    for tensor in theirs:
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            tensor.requires_grad_()
    found, expected = results_of(function(ag, *ours)), results_of(function(torch, *theirs))
    if len(found) == 1:  # an operation of one result; PyTorch may return indices with it
        expected = expected[:1]
    assert len(found) == len(expected)
    for actual, wanted in zip(found, expected, strict=True):
        assert_same(actual, wanted, **tolerances)
        assert actual.requires_grad == wanted.requires_grad
    if orders:
        _compare_gradients(ours, theirs, found, expected, orders, tolerances)


def torch_gradients(outputs: Any, inputs: Any, cotangents: Any, create_graph: bool) -> Any:
    """PyTorch's gradients, or None where it has no derivative of what was computed."""
    try:
        return torch.autograd.grad(outputs, inputs, cotangents, create_graph=create_graph, materialize_grads=True)
    except RuntimeError as error:
        if "is not implemented" in str(error):
            return None
        raise


def _compare_gradients(
    ours: list[Any], theirs: list[Any], found: list[Any], expected: list[Any], orders: int, tolerances: dict[str, float]
) -> None:
    generator = np.random.default_rng(5)
    found = [tensor for tensor in found if tensor.requires_grad]
    expected = [tensor for tensor in expected if tensor.requires_grad]
    if not found:
        return
    cotangents = [np.asarray(generator.standard_normal(t.shape)).astype(t.dtype) for t in found]
    our_cotangents = [leaf(c) for c in cotangents]
    their_cotangents = [to_torch(c).requires_grad_() for c in cotangents]
    our_inputs = [t for t in ours if isinstance(t, ag.Tensor) and t.requires_grad]
    their_inputs = [t for t in theirs if isinstance(t, torch.Tensor) and t.requires_grad]
    again = orders > 1
    wanted = torch_gradients(expected, their_inputs, their_cotangents, again)
    if wanted is None:
        return
    first = ag.grad(found, our_inputs, our_cotangents, create_graph=again, materialize_grads=True)
    for actual, reference in zip(first, wanted, strict=True):
        assert_same(actual, reference, **tolerances)
    if not again or not any(t.requires_grad for t in wanted):
        return
    our_total = sum(((g * g).sum() for g in first[1:]), (first[0] * first[0]).sum())
    their_total = sum(((g * g).sum() for g in wanted[1:]), (wanted[0] * wanted[0]).sum())
    if not our_total.requires_grad:
        # PyTorch carries along zeros that depend on nothing here.
        zeros = torch_gradients(their_total, [*their_inputs, *their_cotangents], None, False)
        assert zeros is None or not any(array_of(zero).any() for zero in zeros)
        return
    second = ag.grad(our_total, [*our_inputs, *our_cotangents], materialize_grads=True)
    their_second = torch_gradients(their_total, [*their_inputs, *their_cotangents], None, False)
    for actual, reference in zip(second, their_second or second, strict=True):
        epsilon = float(np.finfo(np.dtype(actual.dtype)).eps)
        scale = max(1.0, float(np.max(np.abs(array_of(reference)), initial=0, where=np.isfinite(array_of(reference)))))
        tolerance = {"rtol": 1024 * epsilon, "atol": 1024 * epsilon * scale}
        assert_same(actual, reference, **{**tolerance, **tolerances})


# --- operands of the tables -------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(11)
VECTOR = RANDOM.standard_normal(5)
MATRIX = RANDOM.standard_normal((3, 4))
CUBE = RANDOM.standard_normal((2, 3, 4))
DISTINCT = RANDOM.permutation(24).astype(np.float64).reshape(2, 3, 4)
SCALAR = np.array(0.7)
EMPTY = np.zeros((0, 3))


def table(cases: dict[str, Any]) -> Any:
    """Parametrise by a table of ``name: (function(library, *tensors), *operands)``."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def namespace(library: Any) -> Any:
    """Where a library keeps losses and layers as functions."""
    return library if library is ag else F
