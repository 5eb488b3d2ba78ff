"""What every operation promises, whatever it computes: asked of each record in the registry.

A new operation is tested here without a line added, if its record has a reference (or PyTorch a counterpart) and, where
it is not elementwise, samples.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.kernels.jit import compile_log, compile_statistics
from autograd_core.op import REGISTRY, Elementwise, Fused, Op
from tests.strategies import (
    FLOATS,
    LAYOUTS,
    call,
    constant,
    cotangent_for,
    defaults,
    elementwise_operands,
    lay_out,
    leaf,
    pull_back,
    samples,
    stride_zero,
)

# Not applied by users: it picks one output of an operation that has several, and runs only inside backward.
INTERNAL = {"output"}

OPS = [op for name, op in REGISTRY.items() if name not in INTERNAL]
ELEMENTWISE = [op for op in OPS if isinstance(op, Elementwise)]
OTHERS = [op for op in OPS if not isinstance(op, Elementwise)]
DIFFERENTIABLE = [op for op in OPS if op.differentiable]
FUSED = [op for op in OPS if isinstance(op, Fused)]


def each(ops: list[Op]) -> Any:
    return pytest.mark.parametrize("op", ops, ids=lambda op: op.name)


def _scatter_add(x: np.ndarray, shape: tuple[int, ...], index: Any) -> np.ndarray:
    # One element at a time: which element of the whole each value belongs to, by indexing the numbers of all elements.
    numbers = np.arange(math.prod(shape)).reshape(shape)[index]
    full = np.zeros(math.prod(shape), x.dtype)
    for number, value in zip(numbers.ravel(), np.broadcast_to(x, numbers.shape).ravel(), strict=True):
        full[number] += value
    return full.reshape(shape)


def _overwrite(x: np.ndarray, value: np.ndarray, index: Any) -> np.ndarray:
    result = np.array(x)
    result[index] = value
    return result


def _cross_entropy(x: np.ndarray, target: Any, weight: Any, ignore_index: int, label_smoothing: float, reduction: str) -> Any:
    losses, weights = [], []
    classes = x.shape[1]
    for row, label in zip(x, target, strict=True):
        if label == ignore_index:
            losses.append(0.0)
            continue
        logarithms = row - np.log(np.exp(row).sum())
        wanted = np.full(classes, label_smoothing / classes)
        wanted[label] += 1 - label_smoothing
        losses.append(-(wanted * weight * logarithms).sum())
        weights.append(weight[label])
    if reduction == "none":
        return np.array(losses)
    return np.sum(losses) / (np.sum(weights) if reduction == "mean" else 1)


# Independent statements of operations whose record has none, because no NumPy function says it.
REFERENCES: dict[str, Any] = {
    "cast": lambda x, dtype, source: x.astype(dtype),
    "clone": lambda x: x,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "embed": _scatter_add,
    "scatter_add_index": _scatter_add,
    "index_overwrite": _overwrite,
    "max_along": lambda x, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
    "min_along": lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    "cross_entropy": _cross_entropy,
}


def reference_of(op: Op) -> Any:
    return op.reference or REFERENCES.get(op.name)


def tolerance(dtype: Any, factor: float = 64) -> dict[str, float]:
    """A few dozen rounding errors of the dtype, relative and at magnitude 1."""
    epsilon = float(np.finfo(dtype).eps)
    return {"rtol": factor * epsilon, "atol": factor * epsilon}


def arrays_of(gradients: Any) -> list[np.ndarray | None]:
    return [None if gradient is None else gradient.numpy() for gradient in gradients]


# --- values -----------------------------------------------------------------------------------------------------


@each(OPS)
def test_has_an_independent_reference_and_arguments_to_try(op: Op) -> None:
    assert reference_of(op) is not None, f"{op.name}: give its record a reference, or add one to REFERENCES here"
    assert samples(op)
    assert op.summary, f"{op.name} has no docstring"


@each(OPS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_value_is_the_references_in_the_operands_dtype(op: Op, dtype: Any) -> None:
    for sample in samples(op, dtype):
        result = call(op, [constant(operand) for operand in sample.operands], sample.parameters)
        doubles = [o.astype(np.float64) if o.dtype.kind == "f" else o for o in sample.operands]
        if doubles[0].size == 0 and op.name == "erf":
            continue  # numpy.vectorize refuses empty arrays
        expected = np.asarray(reference_of(op)(*doubles, **sample.parameters))
        wanted = np.dtype(sample.parameters.get("dtype", dtype)) if expected.dtype.kind == "f" else expected.dtype
        assert result.dtype == wanted
        assert result.shape == expected.shape
        assert_allclose(result.numpy(), expected, **tolerance(dtype))


@each(ELEMENTWISE)
@given(data=st.data())
def test_any_shapes_and_memory_layouts_give_the_values_of_contiguous_copies(op: Elementwise, data: Any) -> None:
    arrays = data.draw(elementwise_operands(op))
    parameters = defaults(op)
    copies = [np.array(array, order="C") for array in arrays]
    result, gradients = pull_back(op, arrays, parameters)
    expected, expected_gradients = pull_back(op, copies, parameters)
    dtype = next(array.dtype for array in arrays if array.dtype.kind == "f")

    assert result.shape == np.broadcast_shapes(*(array.shape for array in arrays))
    assert_allclose(result.numpy() if not result.requires_grad else result.detach().numpy(), expected.detach().numpy(), **tolerance(dtype, 4))
    for array, gradient, wanted in zip(arrays, gradients, expected_gradients, strict=True):
        if gradient is None:
            assert array.dtype.kind != "f" or not op.differentiable
            continue
        assert gradient.shape == array.shape
        assert gradient.dtype == array.dtype
        assert_allclose(gradient.numpy(), wanted.numpy(), **tolerance(dtype))
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)


@each(OTHERS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", [*LAYOUTS, "stride zero"])
def test_any_memory_layout_gives_the_values_of_a_contiguous_copy(op: Op, layout: str, dtype: Any) -> None:
    for sample in samples(op, dtype):
        if layout == "stride zero":
            arrays = [stride_zero(operand) for operand in sample.operands]
        else:
            arrays = [lay_out(operand, layout) for operand in sample.operands]
        copies = [np.array(array, order="C") for array in arrays]
        result, gradients = pull_back(op, arrays, sample.parameters)
        expected, expected_gradients = pull_back(op, copies, sample.parameters)
        assert_allclose(result.detach().numpy(), expected.detach().numpy(), **tolerance(dtype))
        for gradient, wanted in zip(arrays_of(gradients), arrays_of(expected_gradients), strict=True):
            if wanted is not None:
                assert_allclose(gradient, wanted, **tolerance(dtype))


# --- gradients --------------------------------------------------------------------------------------------------


@each(DIFFERENTIABLE)
def test_gradient_agrees_with_a_central_difference(op: Op) -> None:
    step = 1e-6
    random = np.random.default_rng(2)
    for sample in samples(op):
        arrays = sample.operands
        directions = [random.standard_normal(a.shape) if a.dtype.kind == "f" else None for a in arrays]

        def moved(by: float, arrays: Any = arrays, directions: Any = directions, sample: Any = sample) -> np.ndarray:
            there = [a if d is None else a + by * d for a, d in zip(arrays, directions, strict=True)]
            return call(op, [constant(np.asarray(a)) for a in there], sample.parameters).numpy()

        result = call(op, [leaf(a) for a in arrays], sample.parameters)
        cotangent = cotangent_for(result)
        _, gradients = pull_back(op, arrays, sample.parameters, cotangent)
        numeric = float((cotangent * (moved(step) - moved(-step)) / (2 * step)).sum())
        analytic = sum(
            float((gradient.numpy() * direction).sum())
            for gradient, direction in zip(gradients, directions, strict=True)
            if gradient is not None
        )
        assert analytic == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@each(DIFFERENTIABLE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_have_the_shape_and_dtype_of_their_operands_and_lie_contiguously(op: Op, dtype: Any) -> None:
    for sample in samples(op, dtype):
        _, gradients = pull_back(op, sample.operands, sample.parameters)
        for operand, gradient in zip(sample.operands, gradients, strict=True):
            if operand.dtype.kind == "f":
                assert gradient is not None
                assert (gradient.shape, gradient.dtype) == (operand.shape, operand.dtype)
                assert gradient.is_contiguous()


@each(DIFFERENTIABLE)
def test_gradients_share_no_memory_with_anything_else(op: Op) -> None:
    for sample in samples(op):
        tensors = [leaf(operand) for operand in sample.operands]
        result = call(op, tensors, sample.parameters)
        cotangent = cotangent_for(result)
        result.backward(constant(cotangent))
        gradients = [t.grad.numpy() for t in tensors if t.requires_grad]
        others = [*sample.operands, result.detach().numpy(), cotangent]
        for gradient, other in itertools.product(gradients, others):
            assert not np.may_share_memory(gradient, other)
        for first, second in itertools.combinations(gradients, 2):
            assert not np.may_share_memory(first, second)


@each(OPS)
def test_operands_parameters_and_cotangent_are_left_as_they_were(op: Op) -> None:
    for sample in samples(op):
        held = [*sample.operands, *(v for v in sample.parameters.values() if isinstance(v, np.ndarray))]
        for entry in sample.parameters.get("index", ()):
            held += [entry] if isinstance(entry, np.ndarray) else []
        before = [array.copy() for array in held]
        result = call(op, [leaf(operand) for operand in sample.operands], sample.parameters)
        cotangent = cotangent_for(result) if result.requires_grad else None
        given_cotangent = None if cotangent is None else cotangent.copy()
        pull_back(op, sample.operands, sample.parameters, cotangent)
        for array, copy in zip(held, before, strict=True):
            assert_array_equal(array, copy)
        if cotangent is not None:
            assert_array_equal(cotangent, given_cotangent)


@each(DIFFERENTIABLE)
def test_gradient_is_linear_in_the_cotangent(op: Op) -> None:
    for sample in samples(op):
        result = call(op, [constant(operand) for operand in sample.operands], sample.parameters)
        first, second = cotangent_for(result, 3), cotangent_for(result, 4)

        def pulled(cotangent: Any, sample: Any = sample) -> list[np.ndarray | None]:
            return arrays_of(pull_back(op, sample.operands, sample.parameters, np.asarray(cotangent))[1])

        combined = zip(pulled(2 * first - 3 * second), pulled(first), pulled(second), strict=True)
        for together, one, other in combined:
            if together is not None:
                assert one is not None
                assert other is not None
                assert_allclose(together, 2 * one - 3 * other, rtol=1e-11, atol=1e-11)
        for zero in pulled(0 * first):
            assert zero is None or not zero.any()


# By definition the NaN is not looked at: the side not taken, the element dropped, and x**0 = 1**y = 1.
NAN_STAYS_UNSEEN = {"where", "masked_scale", "pow"}


@each([op for op in ELEMENTWISE if not op.predicate and op.name not in NAN_STAYS_UNSEEN])
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_in_gives_nan_out(op: Elementwise, dtype: Any) -> None:
    for position, domain in enumerate(op.domains):
        if domain.kind == "bool":
            continue
        arrays = [np.asarray(d.draw(np.random.default_rng(0), (5,))).astype(dtype) for d in op.domains]
        arrays[position][2] = np.nan
        result = call(op, [constant(array) for array in arrays], defaults(op)).numpy()
        assert_array_equal(np.isnan(result), [False, False, True, False, False])


@each([op for op in OTHERS if op.name not in {"index_overwrite", "cross_entropy"}])
def test_nan_anywhere_reaches_the_result(op: Op) -> None:
    """Moved, summed or compared: no operation drops a NaN that it reads."""
    for sample in samples(op):
        clean = reference_of(op)(*sample.operands, **sample.parameters)
        for position, operand in enumerate(sample.operands):
            poisoned = [operand.copy() for operand in sample.operands]
            poisoned[position] = np.full_like(operand, np.nan)
            result = call(op, [constant(operand) for operand in poisoned], sample.parameters)
            if operand.size and np.size(clean):
                assert np.isnan(result.numpy()).any()


# --- cost -------------------------------------------------------------------------------------------------------


@each(OPS)
def test_other_layouts_and_shapes_need_no_new_kernel(op: Op) -> None:
    first, *others = samples(op, np.float32)
    pull_back(op, first.operands, first.parameters)
    for sample in others:  # the second sample may take another path, with other options; once
        pull_back(op, sample.operands, sample.parameters)
    before = compile_statistics()
    log = len(compile_log())
    for sample, layout in itertools.product([first, *others], [*LAYOUTS, "stride zero"]):
        if layout == "stride zero":
            arrays = [stride_zero(operand) for operand in sample.operands]
        else:
            arrays = [lay_out(operand, layout) for operand in sample.operands]
        pull_back(op, arrays, sample.parameters)
    assert compile_statistics() == before, compile_log()[log:]


@each([op for op in DIFFERENTIABLE if len(op.operands) > 1 or op.variadic])
def test_only_the_operands_that_need_a_gradient_are_computed(op: Op) -> None:
    for sample in samples(op):
        _, all_gradients = pull_back(op, sample.operands, sample.parameters)
        for position, wanted in enumerate(all_gradients):
            if wanted is None:
                continue
            tensors = [constant(operand) for operand in sample.operands]
            tensors[position] = leaf(sample.operands[position])
            result = call(op, tensors, sample.parameters)
            node = result.grad_fn
            cotangent = cotangent_for(result)
            pulled = node.plan.pullback(node, cotangent, node.edges)
            assert [part is not None for part in pulled] == [index == position for index in range(len(tensors))]
            result.backward(constant(cotangent))
            assert_allclose(tensors[position].grad.numpy(), wanted.numpy(), rtol=1e-13, atol=1e-13)
            assert all(tensor.grad is None for index, tensor in enumerate(tensors) if index != position)


@each([op for op in DIFFERENTIABLE if len(op.operands) > 1 and op.joint_rule is None])
def test_only_what_the_needed_rules_ask_for_is_kept(op: Op) -> None:
    for index, rule in op.rules.items():
        asked = set(rule.names) - set(op.parameters)
        if isinstance(op, Fused) and op.derivative is None:
            asked |= set(op.operands)
        assert set(op.plan(1 << index, len(op.operands)).names) >= asked
        if isinstance(op, Elementwise):
            assert set(op.plan(1 << index, len(op.operands)).names) == asked


# --- fused operations -------------------------------------------------------------------------------------------


@each(FUSED)
def test_fused_operation_equals_its_composition(op: Fused) -> None:
    for sample in samples(op):
        result, gradients = pull_back(op, sample.operands, sample.parameters)
        tensors = [leaf(operand) for operand in sample.operands]
        composed = op.composition(*tensors, **sample.parameters)
        composed.backward(constant(cotangent_for(composed)))
        assert_allclose(result.detach().numpy(), composed.detach().numpy(), rtol=1e-12, atol=1e-12)
        for gradient, tensor in zip(gradients, tensors, strict=True):
            assert_allclose(gradient.numpy(), tensor.grad.numpy(), rtol=1e-11, atol=1e-11)


@each(FUSED)
def test_second_derivatives_of_a_fused_operation_are_its_compositions(op: Fused) -> None:
    def second(function: Any, sample: Any) -> list[np.ndarray]:
        tensors = [leaf(operand) for operand in sample.operands]
        result = function(tensors, sample.parameters)
        cotangent = leaf(cotangent_for(result))
        first = ag.grad(result, tensors, cotangent, create_graph=True)
        total = sum(((gradient * gradient).sum() for gradient in first[1:]), (first[0] * first[0]).sum())
        found = ag.grad(total, [*tensors, cotangent], materialize_grads=True)
        return [gradient.numpy() for gradient in found]

    for sample in samples(op):
        fused = second(lambda tensors, parameters: call(op, tensors, parameters), sample)
        composed = second(lambda tensors, parameters: op.composition(*tensors, **parameters), sample)
        for one, other in zip(fused, composed, strict=True):
            assert_allclose(one, other, rtol=1e-9, atol=1e-9)
