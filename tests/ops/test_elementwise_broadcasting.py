"""Operands of elementwise operations that are smaller than the result, read where they lie, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import REGISTRY
from autograd_core.kernels.boundary import walk_over

torch = pytest.importorskip("torch")

# Long rows, short ones, columns, single elements, channels, several blocks and chunks, and nothing at all.
SHAPES = (
    ((40, 1000), (1000,)),
    ((40, 1000), (1, 1000)),
    ((40, 1000), (40, 1)),
    ((40, 1000), ()),
    ((7, 5003), (5003,)),
    ((300, 70), (300, 1)),
    ((20, 16, 70), (16, 1)),
    ((5003, 7), (5003, 1)),
    ((5003, 7), (7,)),
    ((7, 11, 600), (11, 1)),
    ((7, 11, 600), (7, 1, 600)),
    ((7, 1, 600), (1, 11, 1)),
    ((33, 16, 7, 7), (16, 1, 1)),
    ((1, 5003), (9, 1)),
    ((100, 1, 30), (20, 1)),
    ((70_001,), (1,)),
    ((2, 3), (3,)),
    ((0, 4), (4,)),
    ((1, 1), (1,)),
)
# How an array lies in memory.
LAYOUTS = {
    "row by row": lambda array: array,
    "column by column": lambda array: np.asarray(array, order="F"),
    "backwards": lambda array: np.flip(np.flip(array).copy()) if array.ndim else array,
    "with gaps": lambda array: np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("first", "second"), SHAPES)
def test_broadcast_values_and_gradients_are_pytorchs(first, second, dtype, layout):
    random = np.random.default_rng(0)
    arrays = [LAYOUTS[layout](random.uniform(0.5, 2.0, shape).astype(dtype)) for shape in (first, second)]
    ours = [ag.from_numpy(array).requires_grad_() for array in arrays]
    theirs = [torch.tensor(array.copy()).requires_grad_() for array in arrays]
    found, wanted = ag.hypot(*ours), torch.hypot(*theirs)
    assert found.shape == tuple(wanted.shape)
    tolerance = 1e-6 if dtype is np.float32 else 1e-14
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=tolerance)
    cotangent = random.standard_normal(found.shape).astype(dtype)
    found.backward(ag.tensor(cotangent))
    wanted.backward(torch.tensor(cotangent))
    for own, other in zip(ours, theirs, strict=True):
        assert (own.grad.shape, own.grad.dtype) == (tuple(other.shape), dtype)
        scale = float(other.grad.abs().max()) if other.numel() else 1.0
        np.testing.assert_allclose(own.grad.numpy(), other.grad.numpy(), rtol=0, atol=50 * tolerance * scale)


@pytest.mark.parametrize("threads", [1, 2])
def test_three_operands_of_different_shapes_and_an_expanded_one(threads):
    random = np.random.default_rng(1)
    arrays = [random.standard_normal(shape).astype(np.float32) for shape in ((300, 700), (700,), (300, 1))]
    expanded = np.broadcast_to(arrays[2], (300, 700))
    before = ag.get_num_threads()
    ag.set_num_threads(threads)
    try:
        ours = [ag.tensor(array, requires_grad=True) for array in arrays]
        found = ag.addcmul(ours[0], ours[1], ours[2].expand(300, 700), value=0.5)
        found.sum().backward()
        constant = ag.addcmul(ag.tensor(arrays[0]), ag.tensor(arrays[1]), ag.from_numpy(expanded.copy()), value=0.5)
    finally:
        ag.set_num_threads(before)
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    wanted = torch.addcmul(*theirs, value=0.5)
    wanted.sum().backward()
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(constant.numpy(), wanted.detach().numpy(), rtol=1e-6, atol=1e-6)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own.grad.numpy(), other.grad.numpy(), rtol=1e-5, atol=1e-4)


def test_a_condition_is_broadcast_as_the_choices_are():
    random = np.random.default_rng(2)
    condition = random.random((1, 900)) < 0.5
    left, right = random.standard_normal((50, 1)), random.standard_normal((50, 900))
    found = ag.where(ag.tensor(condition), ag.tensor(left), ag.tensor(right))
    np.testing.assert_array_equal(found.numpy(), np.where(condition, left, right))


def test_arguments_that_no_quick_form_holds_for_are_found_in_broadcast_operands():
    x, z = np.full((40, 1000), 7.5), np.linspace(1.0, 2.0, 1000)
    x[3, 4] = 1e30
    found = ag.fmod(ag.tensor(x), ag.tensor(z)).numpy()
    np.testing.assert_array_equal(found, np.fmod(x, z))


def test_operands_are_not_expanded(monkeypatch):
    """What the kernel is given is as large as what the user gave."""
    loop = REGISTRY["hypot"].loop
    sizes = []
    run = type(loop).run

    def watched(self, dtype, size, arguments, walk=None):
        sizes.extend(argument.size for argument in arguments if isinstance(argument, np.ndarray))
        return run(self, dtype, size, arguments, walk)

    monkeypatch.setattr(type(loop), "run", watched)
    ag.hypot(ag.ones(300, 100), ag.ones(300, 1).expand(300, 100))
    assert sizes == [30_000, 300, 30_000]


def test_walks_join_dimensions_that_broadcast_alike():
    walk, still = walk_over((4, 5, 6, 7), ((4, 5, 6, 7), (6, 7), (4, 5, 1, 1)))
    assert still is None
    assert walk[0] == 2
    assert walk[2:4].tolist() == [20, 42]


@pytest.mark.parametrize("shape", [(50, 1), (900,)])
def test_conditions_and_numbers_of_rows_and_columns(shape):
    random = np.random.default_rng(3)
    condition = random.random(shape) < 0.5
    left, right = random.standard_normal((50, 900)), random.standard_normal((50, 1))
    found = ag.where(ag.tensor(condition), ag.tensor(left), ag.tensor(right))
    np.testing.assert_array_equal(found.numpy(), np.where(condition, left, right))
    found = ag.where(ag.tensor(condition), ag.tensor(left), 2.0)
    np.testing.assert_array_equal(found.numpy(), np.where(condition, left, 2.0))


def test_a_column_that_no_quick_form_holds_for():
    x, z = np.full((40, 1), 7.5), np.random.default_rng(4).uniform(1.0, 2.0, (40, 1000))
    x[3] = 1e30
    np.testing.assert_array_equal(ag.fmod(ag.tensor(x), ag.tensor(z)).numpy(), np.fmod(x, z))
