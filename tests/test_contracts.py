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
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.kernels.jit import compile_log, compile_statistics
from autograd_core.op import REGISTRY, Elementwise, Fused, Op
from tests.strategies import (
    FLOATS,
    LAYOUTS,
    call,
    constant,
    cotangents_for,
    defaults,
    elementwise_operands,
    lay_out,
    leaf,
    outputs,
    pull_back,
    samples,
    stride_zero,
    values,
)

# Not applied by users: it picks one output of an operation that has several, and runs only inside backward.
INTERNAL = {"output"}

OPS = [op for name, op in REGISTRY.items() if name not in INTERNAL]
ELEMENTWISE = [op for op in OPS if isinstance(op, Elementwise)]
OTHERS = [op for op in OPS if not isinstance(op, Elementwise)]
DIFFERENTIABLE = [op for op in OPS if op.differentiable]
FUSED = [op for op in OPS if isinstance(op, Fused)]


# Operations on matrices that equal rows would make singular, and that LAPACK refuses to run on NaN.
FACTORISATIONS = {"cholesky", "det", "eigh", "inv", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd"}
# Rounding errors grow with the condition number of the samples' matrices.
ILL_CONDITIONED = FACTORISATIONS | {"matrix_exp"}


def each(ops: list[Op]) -> Any:
    return pytest.mark.parametrize("op", ops, ids=lambda op: op.name)


def _scatter_add(x: np.ndarray, shape: tuple[int, ...], index: Any) -> np.ndarray:
    # One element at a time: which element of the whole each value belongs to, by indexing the numbers of all elements.
    numbers = np.arange(math.prod(shape)).reshape(shape)[index]
    full = np.zeros(math.prod(shape), x.dtype)
    for number, value in zip(numbers.ravel(), np.broadcast_to(x, numbers.shape).ravel(), strict=True):
        full[number] += value
    return full.reshape(shape)


def _fold_windows(x: np.ndarray, shape: tuple[int, ...], dim: int, size: int, step: int) -> np.ndarray:
    full = np.zeros(shape)
    for window in range(x.shape[dim]):
        place = (slice(None),) * dim + (slice(window * step, window * step + size),)
        full[place] += np.moveaxis(x.take(window, axis=dim), -1, dim)
    return full


def _triangle(x: np.ndarray, upper: bool, unitriangular: bool) -> np.ndarray:
    part = np.triu(x) if upper else np.tril(x)
    return part - np.diag(np.diag(part)) + np.eye(len(part)) if unitriangular else part


def _pseudo_inverse(x: np.ndarray) -> np.ndarray:
    transposed = np.swapaxes(x, -1, -2)
    if x.shape[-2] < x.shape[-1]:
        return transposed @ np.linalg.inv(x @ transposed)
    return np.linalg.inv(transposed @ x) @ transposed


def _overwrite(x: np.ndarray, value: np.ndarray, index: Any) -> np.ndarray:
    result = np.array(x)
    result[index] = value
    return result


def _nll_loss(
    x: np.ndarray, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float = 0.0
) -> Any:
    losses, weights = [], []
    classes = x.shape[1]
    weight = np.ones(classes) if weight is None else weight
    for row, label in zip(x, target, strict=True):
        if label == ignore_index:
            losses.append(0.0)
            continue
        wanted = np.full(classes, label_smoothing / classes)
        wanted[label] += 1 - label_smoothing
        losses.append(-(wanted * weight * row).sum())
        weights.append(weight[label])
    if reduction == "none":
        return np.array(losses)
    return np.sum(losses) / (np.sum(weights) if reduction == "mean" else 1)


def _cross_entropy(x: np.ndarray, **parameters: Any) -> Any:
    return _nll_loss(x - np.log(np.exp(x).sum(1, keepdims=True)), **parameters)


# Independent statements of operations whose record has none, because no NumPy function says it.
REFERENCES: dict[str, Any] = {
    "cast": lambda x, dtype, source: x.astype(dtype),
    "cholesky": np.linalg.cholesky,
    "clone": lambda x: x,
    "cross_entropy": _cross_entropy,
    "eigh": np.linalg.eigh,
    "einsum": lambda *arrays, inputs, output: np.einsum(*itertools.chain(*zip(arrays, inputs, strict=True)), output),
    "embed": _scatter_add,
    "erf": lambda x: np.reshape([math.erf(value) for value in x.ravel()], x.shape),
    "fold_windows": _fold_windows,
    "index_overwrite": _overwrite,
    "max_along": lambda x, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
    "min_along": lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    "nll_loss": _nll_loss,
    "pinv": lambda x, rcond: _pseudo_inverse(x),
    "qr": np.linalg.qr,
    "scatter_add_index": _scatter_add,
    "slogdet": lambda x: np.log(np.abs(np.linalg.det(x))),
    "solve_triangular": lambda x, z, upper, unitriangular: np.linalg.inv(_triangle(x, upper, unitriangular)) @ z,
    "svd": lambda x: np.linalg.svd(x, full_matrices=False),
}


def reference_of(op: Op) -> Any:
    return op.reference or REFERENCES.get(op.name)


def tolerance(dtype: Any, factor: float = 64) -> dict[str, float]:
    """A few dozen rounding errors of the dtype, relative and at magnitude 1."""
    epsilon = float(np.finfo(dtype).eps)
    return {"rtol": factor * epsilon, "atol": factor * epsilon}


def assert_all_close(actual: Any, expected: Any, **tolerances: float) -> None:
    """As assert_allclose, over arrays side by side, where None stands beside None."""
    for one, other in zip(actual, expected, strict=True):
        if one is None or other is None:
            assert one is other
        else:
            assert_allclose(one, other, **tolerances)


# --- values -----------------------------------------------------------------------------------------------------


@each(OPS)
def test_has_an_independent_reference_and_arguments_to_try(op: Op) -> None:
    known = reference_of(op) is not None or op.torch
    assert known, f"{op.name}: give its record a reference or PyTorch's name, or add one to REFERENCES here"
    assert samples(op)
    assert op.summary, f"{op.name} has no docstring"


@each([op for op in OPS if reference_of(op)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_value_is_the_references_in_the_operands_dtype(op: Op, dtype: Any) -> None:
    for sample in samples(op, dtype):
        results = values(call(op, [constant(operand) for operand in sample.operands], sample.parameters))
        doubles = [o.astype(np.float64) if o.dtype.kind == "f" else o for o in sample.operands]
        expected = reference_of(op)(*doubles, **sample.parameters)
        for result, reference in zip(results, expected if isinstance(expected, tuple) else (expected,), strict=True):
            reference = np.asarray(reference)
            floating = reference.dtype.kind == "f"
            assert result.dtype == (sample.parameters.get("dtype", dtype) if floating else reference.dtype)
            assert result.shape == reference.shape
            assert_allclose(result, reference, **tolerance(dtype, 64 if op.name not in ILL_CONDITIONED else 1024))


@each(ELEMENTWISE)
@given(data=st.data())
def test_any_shapes_and_memory_layouts_give_the_values_of_contiguous_copies(op: Elementwise, data: Any) -> None:
    arrays = data.draw(elementwise_operands(op))
    copies = [np.array(array, order="C") for array in arrays]
    result, gradients = pull_back(op, arrays, defaults(op))
    expected, expected_gradients = pull_back(op, copies, defaults(op))
    dtype = next(array.dtype for array in arrays if array.dtype.kind == "f")

    assert result.shape == np.broadcast_shapes(*(array.shape for array in arrays))
    assert_all_close(values(result), values(expected), **tolerance(dtype, 4))
    assert_all_close(gradients, expected_gradients, **tolerance(dtype))
    for array, copy, gradient in zip(arrays, copies, gradients, strict=True):
        assert_array_equal(array, copy)
        if op.differentiable and array.dtype.kind == "f":
            assert gradient.shape == array.shape
            assert gradient.dtype == array.dtype


@each(OTHERS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", [*LAYOUTS, "stride zero"])
def test_any_memory_layout_gives_the_values_of_a_contiguous_copy(op: Op, layout: str, dtype: Any) -> None:
    for sample in samples(op, dtype):
        arrays = relaid(op, sample, layout)
        copies = [np.array(array, order="C") for array in arrays]
        result, gradients = pull_back(op, arrays, sample.parameters)
        expected, expected_gradients = pull_back(op, copies, sample.parameters)
        assert_all_close(values(result), values(expected), **tolerance(dtype, 256))
        assert_all_close(gradients, expected_gradients, **tolerance(dtype, 256))


def relaid(op: Op, sample: Any, layout: str) -> list[np.ndarray]:
    """The operands of a sample in another memory layout."""
    if layout != "stride zero":
        return [lay_out(operand, layout) for operand in sample.operands]
    if op.name in FACTORISATIONS:  # equal rows would make a singular matrix; equal matrices in a batch do not
        return [stride_zero(operand) if operand.ndim > 2 else operand for operand in sample.operands]
    return [stride_zero(operand) for operand in sample.operands]


# --- gradients --------------------------------------------------------------------------------------------------


@each(DIFFERENTIABLE)
def test_gradient_agrees_with_a_central_difference(op: Op) -> None:
    step = 1e-6
    random = np.random.default_rng(2)
    for sample in samples(op):
        directions = [random.standard_normal(a.shape) if a.dtype.kind == "f" else None for a in sample.operands]
        cotangents = cotangents_for(call(op, [constant(a) for a in sample.operands], sample.parameters))
        _, gradients = pull_back(op, sample.operands, sample.parameters, cotangents)

        def inner(by: float, sample: Any = sample, directions: Any = directions, cotangents: Any = cotangents) -> float:
            """The inner product of the results with the cotangents, some way along the direction."""
            there = [a if d is None else a + by * d for a, d in zip(sample.operands, directions, strict=True)]
            moved = outputs(call(op, [constant(np.asarray(a)) for a in there], sample.parameters))
            return float(sum((c * m.numpy()).sum() for c, m in zip(cotangents, moved, strict=True)))

        numeric = (inner(step) - inner(-step)) / (2 * step)
        analytic = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True) if g is not None)
        assert analytic == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@each(DIFFERENTIABLE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_have_the_shape_and_dtype_of_their_operands_and_lie_contiguously(op: Op, dtype: Any) -> None:
    for sample in samples(op, dtype):
        _, gradients = pull_back(op, sample.operands, sample.parameters)
        for operand, gradient in zip(sample.operands, gradients, strict=True):
            if operand.dtype.kind == "f":
                assert (gradient.shape, gradient.dtype) == (operand.shape, operand.dtype)
                assert gradient.flags.c_contiguous


@each(DIFFERENTIABLE)
def test_gradients_share_no_memory_with_anything_else(op: Op) -> None:
    for sample in samples(op):
        cotangents = cotangents_for(call(op, [constant(a) for a in sample.operands], sample.parameters))
        result, found = pull_back(op, sample.operands, sample.parameters, cotangents)
        gradients = [gradient for gradient in found if gradient is not None]
        for gradient, other in itertools.product(gradients, [*sample.operands, *values(result), *cotangents]):
            assert not np.may_share_memory(gradient, other)
        for first, second in itertools.combinations(gradients, 2):
            assert not np.may_share_memory(first, second)


@each(OPS)
def test_operands_parameters_and_cotangents_are_left_as_they_were(op: Op) -> None:
    for sample in samples(op):
        cotangents = cotangents_for(call(op, [constant(a) for a in sample.operands], sample.parameters))
        held = [*sample.operands, *cotangents]
        for value in sample.parameters.values():
            held += [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, np.ndarray)]
        before = [array.copy() for array in held]
        pull_back(op, sample.operands, sample.parameters, cotangents)
        for array, copy in zip(held, before, strict=True):
            assert_array_equal(array, copy)


@each(DIFFERENTIABLE)
def test_gradient_is_linear_in_the_cotangent(op: Op) -> None:
    for sample in samples(op):
        result = call(op, [constant(operand) for operand in sample.operands], sample.parameters)
        first, second = cotangents_for(result, 3), cotangents_for(result, 4)
        mixed = [np.asarray(2 * a - 3 * b) for a, b in zip(first, second, strict=True)]
        zeros = [np.zeros_like(a) for a in first]
        of_first, of_second, of_mixed, of_zeros = (
            pull_back(op, sample.operands, sample.parameters, cotangents)[1]
            for cotangents in (first, second, mixed, zeros)
        )
        pairs = zip(of_first, of_second, strict=True)
        expected = [None if a is None else 2 * a - 3 * b for a, b in pairs]
        assert_all_close(of_mixed, expected, rtol=1e-10, atol=1e-10)
        assert not any(zero is not None and zero.any() for zero in of_zeros)


# By definition the NaN is not looked at: the side not taken, the element dropped, x**0 = 1**y = 1, what is only asked
# for its sign, and functions whose purpose it is to replace NaN.
NAN_STAYS_UNSEEN = {"where", "pow", "copysign", "heaviside", "fmax", "fmin", "nan_to_num"}


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


# As in PyTorch a coordinate that is NaN lies outside the image.
NAN_LIES_OUTSIDE = {("grid_sample", "grid")}


@each([op for op in OTHERS if op.name not in FACTORISATIONS])
def test_an_operand_of_nan_reaches_the_result(op: Op) -> None:
    """Moved, summed or compared: no operation drops a NaN that it reads."""
    for sample in samples(op):
        if sample.parameters.get("ignore_nan") or sample.parameters.get("order") == 0:
            continue  # leaves NaN out on purpose; counts what is not zero
        for position, operand in enumerate(sample.operands):
            name = op.operands[min(position, len(op.operands) - 1)]
            if operand.dtype.kind != "f" or (op.name, name) in NAN_LIES_OUTSIDE:
                continue
            poisoned = list(sample.operands)
            poisoned[position] = np.full_like(operand, np.nan)
            results = outputs(call(op, [constant(operand) for operand in poisoned], sample.parameters))
            if operand.size and any(result.numel() for result in results):
                assert any(np.isnan(result.numpy()).any() for result in results)


# --- cost -------------------------------------------------------------------------------------------------------


@each(OPS)
def test_other_layouts_and_shapes_need_no_new_kernel(op: Op) -> None:
    found = samples(op, np.float32)
    for sample in found:  # a sample may take another path than the others, once
        pull_back(op, sample.operands, sample.parameters)
    before, log = compile_statistics(), len(compile_log())
    for sample, layout in itertools.product(found, [*LAYOUTS, "stride zero"]):
        pull_back(op, relaid(op, sample, layout), sample.parameters)
    assert compile_statistics() == before, compile_log()[log:]


@each([op for op in DIFFERENTIABLE if len(op.operands) > 1 or op.variadic])
def test_only_the_operands_that_need_a_gradient_are_computed(op: Op) -> None:
    for sample in samples(op):
        _, gradients = pull_back(op, sample.operands, sample.parameters)
        for position, wanted in enumerate(gradients):
            if wanted is None:
                continue
            tensors = [constant(operand) for operand in sample.operands]
            tensors[position] = leaf(sample.operands[position])
            result = call(op, tensors, sample.parameters)
            cotangents = cotangents_for(result)
            if op.outputs == 1:
                node = result.grad_fn
                pulled = node.plan.pullback(node, cotangents[0], node.edges)
                assert [part is not None for part in pulled] == [index == position for index in range(len(tensors))]
            ag.backward(outputs(result), [constant(cotangent) for cotangent in cotangents])
            assert_allclose(tensors[position].grad.numpy(), wanted, rtol=1e-13, atol=1e-13)
            assert all(tensor.grad is None for index, tensor in enumerate(tensors) if index != position)


@each([op for op in ELEMENTWISE if op.differentiable])
def test_only_what_the_needed_rules_ask_for_is_kept_until_backward(op: Op) -> None:
    for index, rule in op.rules.items():
        assert set(op.plan(1 << index, len(op.operands)).names) == set(rule.names) - set(op.parameters)


# --- fused operations -------------------------------------------------------------------------------------------


@each(FUSED)
def test_fused_operation_equals_its_composition(op: Fused) -> None:
    for sample in samples(op):
        result, gradients = pull_back(op, sample.operands, sample.parameters)
        tensors = [leaf(operand) for operand in sample.operands]
        composed = op.composition(*tensors, **sample.parameters)
        ag.backward(outputs(composed), [constant(cotangent) for cotangent in cotangents_for(composed)])
        assert_all_close(values(result), values(composed), rtol=1e-12, atol=1e-12)
        assert_all_close(
            gradients, [t.grad.numpy() if t.requires_grad else None for t in tensors], rtol=1e-11, atol=1e-11
        )


@each(FUSED)
def test_second_derivatives_of_a_fused_operation_are_its_compositions(op: Fused) -> None:
    def second(function: Any, sample: Any) -> list[np.ndarray]:
        tensors = [leaf(operand) for operand in sample.operands]
        result = function(tensors, sample.parameters)
        floating = [tensor for tensor in tensors if tensor.requires_grad]
        cotangents = [leaf(cotangent) for cotangent in cotangents_for(result)]
        first = ag.grad(outputs(result), floating, cotangents, create_graph=True, materialize_grads=True)
        squares = [(gradient * gradient).sum() for gradient in first]
        total = sum(squares[1:], squares[0])
        return [g.numpy() for g in ag.grad(total, [*floating, *cotangents], materialize_grads=True)]

    for sample in samples(op):
        fused = second(lambda tensors, parameters: call(op, tensors, parameters), sample)
        composed = second(lambda tensors, parameters: op.composition(*tensors, **parameters), sample)
        assert_all_close(fused, composed, rtol=1e-9, atol=1e-9)
