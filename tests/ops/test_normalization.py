"""Normalisation against PyTorch and double precision: arguments, memory layouts, large means, what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag


def both(torch: Any, function: Any, *arrays: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Result and gradients of ``function(namespace, *tensors)`` here and in PyTorch, for one random cotangent."""
    found = []
    for library, names, make in ((ag, ag, ag.from_numpy), (torch, torch.nn.functional, torch.from_numpy)):
        tensors = [make(array).requires_grad_() for array in arrays]
        result = function(names, *tensors)
        cotangent = np.random.default_rng(1).standard_normal(tuple(result.shape)).astype(arrays[0].dtype)
        result.backward(make(cotangent))
        found.append([result.detach().numpy(), *[tensor.grad.numpy() for tensor in tensors]])
        assert library is ag or tensors
    return found[0], found[1]


def assert_same(torch: Any, function: Any, *arrays: np.ndarray, tolerance: float = 1e-10) -> None:
    ours, theirs = both(torch, function, *arrays)
    for actual, expected in zip(ours, theirs, strict=True):
        assert actual.dtype == expected.dtype
        assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def channels_last(array: np.ndarray) -> np.ndarray:
    order = (0, *range(2, array.ndim), 1)
    return np.ascontiguousarray(array.transpose(order)).transpose(0, -1, *range(1, array.ndim - 1))


@pytest.mark.parametrize("shape", [(70, 33), (5, 3, 7), (2, 5, 9, 11), (3, 40, 4, 5), (2, 3, 4, 3, 5), (6, 4, 1, 1)])
@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_batch_norm_of_any_rank_and_memory_order(
    torch: Any, random: np.random.Generator, shape: tuple[int, ...], last: bool, training: bool
) -> None:
    x, (weight, bias, mean) = random.standard_normal(shape) * 3 + 2, random.standard_normal((3, shape[1]))
    variance = random.random(shape[1]) + 0.5
    given = channels_last(x) if last else x

    def norm(library: Any, x: Any, weight: Any, bias: Any) -> Any:
        make = ag.from_numpy if library is ag else torch.from_numpy
        return library.batch_norm(x, make(mean.copy()), make(variance.copy()), weight, bias, training)

    assert_same(torch, norm, given, weight, bias)
    result = ag.batch_norm(ag.from_numpy(given), None, None, training=True).numpy()
    # As the input lies, so does the result.
    assert [stride > 0 for stride in result.strides] == [True] * len(shape)
    if last and len(shape) > 2:
        assert result.transpose(0, *range(2, len(shape)), 1).flags.c_contiguous
    else:
        assert result.flags.c_contiguous


@pytest.mark.parametrize("shape", [(64, 20), (8, 3, 6, 5)])
@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("added", [False, True], ids=["", "residual"])
def test_batch_norm_with_relu(
    torch: Any, random: np.random.Generator, shape: tuple[int, ...], last: bool, added: bool
) -> None:
    x, residual = random.standard_normal((2, *shape))
    weight, bias = random.standard_normal((2, shape[1]))
    lay_out = channels_last if last else np.ascontiguousarray

    def block(library: Any, x: Any, weight: Any, bias: Any, *residual: Any) -> Any:
        if library is ag:
            return ag.batch_norm_relu(x, None, None, weight, bias, True, residual=residual[0] if residual else None)
        normalised = library.batch_norm(x, None, None, weight, bias, True)
        return library.relu(normalised + residual[0] if residual else normalised)

    assert_same(torch, block, lay_out(x), weight, bias, *([lay_out(residual)] if added else []))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (40, 3), (2, 3, 130), (9000,), (3, 5000)])
def test_layer_and_rms_norm(torch: Any, random: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> None:
    tolerance = 1e-10 if dtype is np.float64 else 3e-4
    for dims in range(1, len(shape) + 1):
        last = shape[len(shape) - dims :]
        x, weight, bias = (random.standard_normal(s).astype(dtype) for s in (shape, last, last))
        assert_same(
            torch, lambda F, x, w, b, last=last: F.layer_norm(x, last, w, b, 1e-3), x, weight, bias, tolerance=tolerance
        )
        assert_same(torch, lambda F, x, w, last=last: F.layer_norm(x, last, w), x, weight, tolerance=tolerance)
        assert_same(torch, lambda F, x, last=last: F.layer_norm(x, last), x, tolerance=tolerance)
        assert_same(torch, lambda F, x, w, last=last: F.rms_norm(x, last, w), x, weight, tolerance=tolerance)
        assert_same(torch, lambda F, x, last=last: F.rms_norm(x, last, eps=0.1), x, tolerance=tolerance)


@pytest.mark.parametrize("shape", [(3, 6), (2, 6, 5), (3, 6, 4, 7), (2, 12, 10, 9), (1, 12, 2, 3, 4)])
def test_group_and_instance_norm(torch: Any, random: np.random.Generator, shape: tuple[int, ...]) -> None:
    x, (weight, bias) = random.standard_normal(shape), random.standard_normal((2, shape[1]))
    for groups in (1, 2, 3):
        assert_same(torch, lambda F, x, w, b, g=groups: F.group_norm(x, g, w, b), x, weight, bias)
        assert_same(torch, lambda F, x, g=groups: F.group_norm(x, g, eps=0.1), channels_last(x))
        assert_same(torch, lambda F, x, w, b, g=groups: F.group_norm(x, g, w, b), channels_last(x), weight, bias)
    if len(shape) == 2:
        return
    images = ag.from_numpy(channels_last(x)).requires_grad_()
    normalised = ag.group_norm(images, 2)
    normalised.backward(ag.ones(shape, dtype=ag.float64))
    for array in (normalised.detach().numpy(), images.grad.numpy()):
        assert np.moveaxis(array, 1, -1).flags.c_contiguous
    for statistics, affine in itertools.product((True, False), repeat=2):
        kept: dict[Any, Any] = {}

        def norm(library: Any, x: Any, *affine: Any, statistics: bool = statistics, kept: Any = kept) -> Any:
            make = ag.from_numpy if library is ag else torch.from_numpy
            kept[library] = [make(np.full(shape[1], value)) for value in (0.5, 2.0)]
            parameters = dict(zip(("weight", "bias"), affine, strict=False))
            return library.instance_norm(x, *kept[library], **parameters, use_input_stats=statistics, momentum=0.3)

        assert_same(torch, norm, channels_last(x) if affine else x, *((weight, bias) if affine else ()))
        ours, theirs = kept.values()
        for actual, expected in zip(ours, theirs, strict=True):
            assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-12)


NORMS: dict[str, Any] = {
    "batch": (lambda x: ag.batch_norm(x, None, None, training=True, eps=0.0), 0),
    "layer": (lambda x: ag.layer_norm(x, x.shape[1:], eps=0.0), 1),
    "group": (lambda x: ag.group_norm(x.unsqueeze(1), 1, eps=0.0).squeeze(1), 1),
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("size", [(64, 20), (20, 700), (3000, 5), (4, 20000)])
@pytest.mark.parametrize("mean", [1e4, -3e4])
def test_large_means_keep_their_precision(random: np.random.Generator, name: str, size: Any, mean: float) -> None:
    """The result and the derivative, against those of the same float32 numbers in double precision."""
    function, axis = NORMS[name]
    x = (mean + 0.1 * random.standard_normal(size)).astype(np.float32)
    if name == "batch":
        x[0] = 0  # a first row that is unlike the others, as padding is
    cotangent = random.standard_normal(size)
    own, exact = ag.tensor(x, requires_grad=True), x.astype(np.float64)
    result = function(own)
    result.backward(ag.tensor(cotangent.astype(np.float32)))
    centred = exact - exact.mean(axis, keepdims=True)
    inverse = 1 / np.sqrt((centred * centred).mean(axis, keepdims=True))
    normalised = centred * inverse
    assert_allclose(result.detach().numpy(), normalised, atol=1e-3)
    slope = (cotangent * normalised).mean(axis, keepdims=True)
    gradient = inverse * (cotangent - cotangent.mean(axis, keepdims=True) - normalised * slope)
    assert_allclose(own.grad.numpy() / inverse, gradient / inverse, atol=2e-3)


@pytest.mark.parametrize("name", NORMS)
def test_constant_input_becomes_zero(name: str) -> None:
    function = {
        "batch": lambda x: ag.batch_norm(x, None, None, training=True),
        "layer": lambda x: ag.layer_norm(x, x.shape[1:]),
        "group": lambda x: ag.group_norm(x.unsqueeze(1), 1),
    }[name]
    for value in (3.7, 1e5, -1e-3):
        assert not function(ag.full((100, 100), value)).numpy().any()


def test_threads_change_nothing(random: np.random.Generator) -> None:
    wide = ag.tensor(random.standard_normal((700, 300)).astype(np.float32), requires_grad=True)
    images = ag.tensor(random.standard_normal((16, 8, 40, 40)).astype(np.float32), requires_grad=True)
    weight = ag.ones(300, requires_grad=True)
    channel = ag.ones(8, requires_grad=True)

    def run() -> list[bytes]:
        found = []
        for x, own, function in (
            (wide, weight, lambda: ag.batch_norm(wide, None, None, weight, training=True)),
            (wide, weight, lambda: ag.layer_norm(wide, 300, weight)),
            (images, channel, lambda: ag.batch_norm(images, None, None, channel, training=True)),
            (images, channel, lambda: ag.group_norm(images, 4, channel)),
            (wide, weight, lambda: ag.softmax(wide * weight, 1)),
            (wide, weight, lambda: ag.cross_entropy(wide * weight, ag.arange(700) % 300)),
        ):
            x.grad = own.grad = None
            result = function()
            (result * result).sum().backward()
            found += [t.numpy().tobytes() for t in (result.detach(), x.grad, own.grad)]
        return found

    outer = ag.get_num_threads()
    try:
        ag.set_num_threads(1)
        alone = run()
        ag.set_num_threads(2)
        assert run() == alone
    finally:
        ag.set_num_threads(outer)


def test_empty_inputs(torch: Any) -> None:
    for shape in ((0, 4), (0, 4, 3), (2, 4, 0)):
        x = np.zeros(shape)
        assert_same(torch, lambda F, x, w, b: F.layer_norm(x, (x.shape[-1],), w, b), x, *np.ones((2, shape[-1])))
    assert_same(torch, lambda F, x, w, b: F.group_norm(x, 2, w, b), np.zeros((0, 4, 3)), *np.ones((2, 4)))


REFUSED: dict[str, Any] = {
    "layer_norm of another shape": lambda F, one: F.layer_norm(one(2, 3), (2,)),
    "layer_norm over too many dimensions": lambda F, one: F.layer_norm(one(3), (2, 3)),
    "layer_norm weight": lambda F, one: F.layer_norm(one(2, 3), (3,), one(2)),
    "layer_norm over nothing": lambda F, one: F.layer_norm(one(2, 3), ()),
    "rms_norm of another shape": lambda F, one: F.rms_norm(one(2, 3), (2,)),
    "group_norm that does not divide": lambda F, one: F.group_norm(one(2, 4, 3), 3),
    "group_norm of one dimension": lambda F, one: F.group_norm(one(4), 2),
    "group_norm of one value": lambda F, one: F.group_norm(one(1, 4), 4),
    "group_norm weight": lambda F, one: F.group_norm(one(2, 4, 3), 2, one(3)),
    "group_norm of no groups": lambda F, one: F.group_norm(one(2, 4, 3), 0),
    "instance_norm of one value": lambda F, one: F.instance_norm(one(2, 3, 1)),
    "batch_norm of one dimension": lambda F, one: F.batch_norm(one(3), None, None, training=True),
    "batch_norm statistics": lambda F, one: F.batch_norm(one(2, 3), one(2), one(2)),
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_raise_in_both(torch: Any, attempt: Any) -> None:
    with pytest.raises((ValueError, RuntimeError, IndexError, ZeroDivisionError)):
        attempt(torch.nn.functional, torch.ones)
    with pytest.raises(ValueError, match=r"_norm"):
        attempt(ag, ag.ones)


def test_a_residual_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"batch_norm_relu: the residual must be float32 of shape \(2, 3\)"):
        ag.batch_norm_relu(ag.ones(2, 3), None, None, training=True, residual=ag.ones(3))
