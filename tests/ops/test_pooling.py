"""Poolings: combinations of arguments and odd sizes against PyTorch, in both orders of memory."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.kernels.jit import compile_statistics

# One to three spatial dimensions: single pixels, channels that fill no vector, none at all, many.
SHAPES = {
    1: [(2, 3, 7), (1, 1, 1), (3, 17, 5)],
    2: [(2, 3, 7, 5), (1, 1, 1, 1), (2, 17, 6, 6), (0, 3, 4, 4), (1, 72, 4, 5)],
    3: [(1, 3, 4, 5, 3), (2, 9, 3, 3, 3)],
}
REGULAR = list(itertools.product((1, 2, 3, 4), (None, 1, 2, 5), (0, 1), (False, True)))


def channels_last(array: np.ndarray) -> np.ndarray:
    """The same values, with the channels closest together in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


def both(torch: Any, name: str, x: np.ndarray, *arguments: Any, **named: Any) -> None:
    """Compare values, indices if there are any, and gradients with PyTorch's; or that both refuse."""
    random = np.random.default_rng(1)
    for order in (np.ascontiguousarray, channels_last):
        ours, theirs = ag.from_numpy(order(x)).requires_grad_(), torch.from_numpy(x.copy()).requires_grad_()
        try:
            wanted = getattr(torch.nn.functional, name)(theirs, *arguments, **named)
        except RuntimeError:
            with pytest.raises(ValueError, match=name):
                getattr(ag, name)(ours, *arguments, **named)
            return
        values = wanted[0] if isinstance(wanted, tuple) else wanted
        if values.isinf().any():  # a window without elements, which PyTorch fills with minus infinity
            with pytest.raises(ValueError, match="leave a window without elements"):
                getattr(ag, name)(ours, *arguments, **named)
            return
        found = getattr(ag, name)(ours, *arguments, **named)
        if isinstance(wanted, tuple):
            assert_array_equal(found.indices.numpy(), wanted[1].numpy())
            found, wanted = found.values, wanted[0]
        assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-5, atol=1e-6)
        cotangent = random.standard_normal(wanted.shape).astype(np.float32)
        found.backward(ag.from_numpy(cotangent))
        wanted.backward(torch.from_numpy(cotangent))
        assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


def images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("dimensions", SHAPES)
@pytest.mark.parametrize("dilation", [1, 2])
def test_max_pool_with_any_arguments(torch: Any, dimensions: int, dilation: int) -> None:
    for shape, (kernel, stride, padding, ceil) in itertools.product(SHAPES[dimensions], REGULAR):
        name = f"max_pool{dimensions}d"
        both(torch, name, images(shape), kernel, stride, padding, dilation, ceil_mode=ceil, return_indices=True)


@pytest.mark.parametrize("dimensions", SHAPES)
@pytest.mark.parametrize("include", [True, False])
def test_avg_pool_with_any_arguments(torch: Any, dimensions: int, include: bool) -> None:
    for shape, (kernel, stride, padding, ceil) in itertools.product(SHAPES[dimensions], REGULAR):
        if dimensions == 3 and kernel > min(shape[2:]):
            continue  # PyTorch's is stricter in three dimensions than in two
        both(torch, f"avg_pool{dimensions}d", images(shape), kernel, stride, padding, ceil, include)
        if dimensions > 1:
            both(torch, f"avg_pool{dimensions}d", images(shape), kernel, stride, padding, ceil, include, 7)


@pytest.mark.parametrize("dimensions", SHAPES)
@pytest.mark.parametrize("out", [1, 2, 3, 5])
def test_adaptive_pools(torch: Any, dimensions: int, out: int) -> None:
    """semantics-106: windows from floor(i H / O) to ceil((i + 1) H / O)."""
    for shape in SHAPES[dimensions]:
        both(torch, f"adaptive_avg_pool{dimensions}d", images(shape), out)
        both(torch, f"adaptive_max_pool{dimensions}d", images(shape), out, return_indices=True)


@pytest.mark.parametrize("shape", [(3, 17, 7, 7), (2, 300, 1, 5), (1, 20, 16, 16), (1, 20, 17, 16), (3, 5, 3, 3)])
def test_averages_of_whole_images(torch: Any, shape: tuple[int, ...]) -> None:
    """Planes that fill blocks of a vector's lanes or do not, and pixels that fill vectors or do not."""
    both(torch, "adaptive_avg_pool2d", images(shape), 1)
    x = np.random.default_rng(2).standard_normal(shape)
    for order in (np.ascontiguousarray, channels_last):
        found = ag.adaptive_avg_pool2d(ag.from_numpy(order(x)), 1).numpy()
        assert_allclose(found, x.mean((2, 3), keepdims=True), rtol=1e-13, atol=1e-14)


def test_a_number_for_each_dimension_and_images_without_a_batch(torch: Any) -> None:
    x = images((2, 4, 9, 8))
    both(torch, "max_pool2d", x, (3, 2), (2, 1), (1, 0), (1, 2), return_indices=True)
    both(torch, "avg_pool2d", x, (3, 2), (2, 1), (1, 0))
    both(torch, "adaptive_avg_pool2d", x, (None, 3))
    single = ag.max_pool2d(ag.from_numpy(x[0]), 2, return_indices=True)
    wanted = torch.nn.functional.max_pool2d(torch.from_numpy(x[0]), 2, return_indices=True)
    assert_array_equal(single.values.numpy(), wanted[0].numpy())
    assert_array_equal(single.indices.numpy(), wanted[1].numpy())


def test_padding_of_a_max_pool_is_minus_infinity() -> None:
    """semantics-102."""
    x = ag.tensor(-np.ones((1, 1, 2, 2), np.float32))
    assert_array_equal(ag.max_pool2d(x, 2, padding=1).numpy(), -np.ones((1, 1, 2, 2)))


@pytest.mark.parametrize("channels", [1, 19])
def test_the_first_of_equals_receives_the_gradient_and_nan_wins(torch: Any, channels: int) -> None:
    """semantics-25, semantics-104."""
    x = channels_last(np.zeros((1, channels, 4, 4), np.float32))
    x[0, 0, 1, 1] = np.nan
    tensor = ag.from_numpy(x).requires_grad_()
    y = ag.max_pool2d(tensor, 3, 1)
    assert np.isnan(y.detach().numpy()[0, 0]).all()
    y.sum().backward()
    theirs = torch.from_numpy(x.copy()).requires_grad_()
    torch.nn.functional.max_pool2d(theirs, 3, 1).sum().backward()
    assert_array_equal(tensor.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_the_order_of_memory_is_kept(name: str) -> None:
    x = images((2, 5, 6, 6))
    last = getattr(ag, name)(ag.from_numpy(channels_last(x)), 2).numpy()
    assert last.transpose(0, 2, 3, 1).flags.c_contiguous
    assert getattr(ag, name)(ag.from_numpy(x), 2).numpy().flags.c_contiguous


def test_threads_do_not_change_the_result() -> None:
    x = ag.from_numpy(channels_last(images((4, 33, 40, 40)))).requires_grad_()
    found = []
    for threads in (1, 2):
        before = ag.get_num_threads()
        ag.set_num_threads(threads)
        try:
            y = ag.max_pool2d(x, 3, 2, 1) + ag.avg_pool2d(x, 3, 2, 1)
            (gradient,) = ag.grad((y * y).sum(), x)
            found.append((y.detach().numpy(), gradient.numpy()))
        finally:
            ag.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        assert_array_equal(one, two)


def test_no_shape_needs_a_new_kernel() -> None:
    def run(shape: tuple[int, ...]) -> None:
        x = ag.from_numpy(images(shape)).requires_grad_()
        y = x
        for name in ("max_pool2d", "avg_pool2d"):
            y = y + getattr(ag, name)(x, 3, 1, 1)
        y.sum().backward()

    run((2, 3, 8, 8))
    before = compile_statistics()
    run((3, 19, 5, 4))
    assert compile_statistics() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ag.max_pool2d(x, 2, padding=2), "half of the kernel"),
        (lambda x: ag.max_pool2d(x, 9), "does not fit"),
        (lambda x: ag.max_pool2d(x, 0), "at least 1"),
        (lambda x: ag.avg_pool2d(x, 2, divisor_override=0), "must not be 0"),
        (lambda x: ag.max_pool2d(x, (1, 2, 3)), "one integer or 2"),
        (lambda x: ag.max_pool3d(x[0], 1), "4 or 5 dimensions|got shape"),
        (lambda x: ag.adaptive_avg_pool2d(x, (1, 2, 3)), "one number or 2"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ag.zeros(1, 2, 4, 4))


def test_integers_are_refused() -> None:
    with pytest.raises(TypeError, match="floating"):
        ag.max_pool2d(ag.zeros(1, 1, 2, 2, dtype=ag.int64), 2)
