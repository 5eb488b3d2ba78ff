"""Convolution and its transpose: PyTorch as oracle, over all arguments and odd sizes; layouts, threads, errors."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.kernels.jit import compile_log, compile_statistics

torch = pytest.importorskip("torch")

DTYPES = (np.float32, np.float64)


def close(actual: Any, expected: Any) -> None:
    """Equal to within rounding of sums, relative to the largest value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    tolerance = 2e-5 if actual.dtype == np.float32 else 1e-12
    assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * max(1.0, np.abs(expected).max(initial=0)))


def compare(name: str, arrays: list[np.ndarray | None], orders: int = 2, **options: Any) -> None:
    """A function here and in PyTorch: values, gradients of all operands, and gradients of those gradients."""
    ours = [None if array is None else ag.tensor(array, requires_grad=True) for array in arrays]
    theirs = [None if array is None else torch.tensor(array, requires_grad=True) for array in arrays]
    result = getattr(ag, name)(*ours, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using padding='same' with even kernel lengths")
        expected = getattr(torch.nn.functional, name)(*theirs, **options)
    close(result.detach().numpy(), expected.detach().numpy())
    cotangent = np.random.default_rng(1).standard_normal(result.shape).astype(arrays[0].dtype)  # type: ignore[union-attr]
    our_cotangent = ag.tensor(cotangent, requires_grad=True)
    their_cotangent = torch.tensor(cotangent, requires_grad=True)
    our_operands = [tensor for tensor in ours if tensor is not None]
    their_operands = [tensor for tensor in theirs if tensor is not None]
    first = ag.grad(result, our_operands, our_cotangent, create_graph=orders > 1)
    wanted = torch.autograd.grad(expected, their_operands, their_cotangent, create_graph=orders > 1)
    for actual, reference in zip(first, wanted, strict=True):
        close(actual.detach().numpy(), reference.detach().numpy())
    if orders > 1:
        second = ag.grad(sum((g * g).sum() for g in first), [*our_operands, our_cotangent], materialize_grads=True)
        total = sum((g * g).sum() for g in wanted)
        again = torch.autograd.grad(total, [*their_operands, their_cotangent], materialize_grads=True)
        for actual, reference in zip(second, again, strict=True):
            close(actual.numpy(), reference.numpy())


def draw(shapes: Any, dtype: Any, seed: int = 0) -> list[np.ndarray | None]:
    random = np.random.default_rng(seed)
    return [None if shape is None else random.standard_normal(shape).astype(dtype) for shape in shapes]


# --- values and gradients ---------------------------------------------------------------------------------------

CASES: dict[str, Any] = {
    # name: (function, shape of input, of weight, whether there is a bias, options)
    "plain": ("conv2d", (2, 3, 8, 8), (4, 3, 3, 3), True, {"padding": 1}),
    "sequence": ("conv1d", (2, 3, 11), (5, 3, 4), True, {"stride": 3, "padding": 2}),
    "volume": ("conv3d", (2, 2, 5, 4, 6), (3, 2, 3, 2, 3), True, {"stride": (1, 2, 1), "padding": (1, 0, 2)}),
    "no batch": ("conv2d", (3, 6, 7), (2, 3, 3, 3), True, {}),
    "a tap that only meets zeros": (
        "conv2d",
        (1, 2, 1, 1),
        (2, 1, 2, 1),
        False,
        {"stride": 2, "padding": (1, 0), "groups": 2},
    ),
    "1×1 kernel": ("conv2d", (2, 17, 5, 6), (33, 17, 1, 1), True, {}),
    "1×1 kernel, stride": ("conv2d", (2, 5, 7, 7), (6, 5, 1, 1), False, {"stride": 2}),
    "1×1 image": ("conv2d", (3, 20, 1, 1), (18, 20, 3, 3), True, {"padding": 1}),
    "kernel as large as the image": ("conv2d", (2, 3, 5, 4), (7, 3, 5, 4), True, {}),
    "stride above kernel": ("conv2d", (2, 3, 11, 10), (4, 3, 2, 2), True, {"stride": (5, 3)}),
    "stride above image": ("conv2d", (2, 3, 4, 4), (4, 3, 2, 2), True, {"stride": 9}),
    "trailing pixels": ("conv2d", (1, 2, 8, 8), (3, 2, 3, 3), True, {"stride": 3}),
    "padding above kernel": ("conv2d", (2, 3, 4, 4), (4, 3, 2, 2), True, {"padding": 3}),
    "rectangular": ("conv2d", (2, 3, 9, 6), (4, 3, 5, 2), True, {"stride": (2, 1), "padding": (2, 1)}),
    "dilation": ("conv2d", (2, 3, 9, 9), (4, 3, 3, 2), True, {"dilation": (2, 3), "padding": 2}),
    "dilation and stride": ("conv2d", (2, 3, 9, 9), (4, 3, 3, 3), True, {"dilation": 2, "stride": 2, "padding": 2}),
    "same": ("conv2d", (2, 3, 6, 7), (4, 3, 3, 3), True, {"padding": "same"}),
    "same, even and dilated": ("conv2d", (2, 3, 6, 7), (4, 3, 4, 2), True, {"padding": "same", "dilation": (1, 3)}),
    "valid": ("conv2d", (2, 3, 6, 7), (4, 3, 3, 3), False, {"padding": "valid"}),
    "groups": ("conv2d", (2, 6, 5, 5), (9, 2, 3, 3), True, {"groups": 3, "padding": 1}),
    "groups of many": ("conv2d", (2, 40, 5, 5), (80, 20, 3, 3), False, {"groups": 2, "padding": 1}),
    "depthwise": ("conv2d", (2, 19, 7, 6), (19, 1, 3, 3), True, {"groups": 19, "padding": 1}),
    "depthwise, stride": ("conv2d", (2, 32, 7, 6), (32, 1, 3, 3), True, {"groups": 32, "padding": 1, "stride": 2}),
    "depthwise, multiplier": ("conv2d", (2, 5, 6, 6), (15, 1, 3, 3), True, {"groups": 5, "padding": 1}),
    "depthwise volume": ("conv3d", (2, 5, 3, 4, 4), (5, 1, 2, 3, 3), True, {"groups": 5, "padding": 1}),
    "vectors and a part": ("conv2d", (2, 35, 5, 5), (53, 35, 3, 3), True, {"padding": 1}),
    "one channel": ("conv2d", (3, 1, 9, 9), (1, 1, 3, 3), True, {"padding": 1}),
    "many images": ("conv2d", (13, 4, 3, 3), (6, 4, 3, 3), True, {"padding": 1}),
    "transposed": ("conv_transpose2d", (2, 3, 5, 6), (3, 4, 3, 3), True, {"padding": 1}),
    "transposed, stride": (
        *("conv_transpose2d", (2, 3, 4, 5), (3, 4, 4, 3), True),
        {"stride": 2, "padding": 1, "output_padding": (0, 1)},
    ),
    "transposed, gaps": ("conv_transpose2d", (2, 3, 4, 3), (3, 4, 2, 1), True, {"stride": 3, "output_padding": 2}),
    "transposed, dilation": ("conv_transpose2d", (2, 3, 4, 4), (3, 2, 3, 3), False, {"dilation": (2, 3), "stride": 2}),
    "transposed, groups": ("conv_transpose2d", (2, 6, 4, 4), (6, 5, 3, 3), True, {"groups": 2, "stride": 2}),
    "transposed, depthwise": ("conv_transpose2d", (2, 6, 4, 4), (6, 1, 3, 3), True, {"groups": 6, "stride": 2}),
    "transposed sequence": ("conv_transpose1d", (2, 3, 6), (3, 5, 4), True, {"stride": 2, "padding": 1}),
    "transposed volume": ("conv_transpose3d", (1, 3, 2, 3, 3), (3, 2, 2, 2, 3), True, {"stride": 2}),
    "transposed, no batch": ("conv_transpose1d", (3, 6), (3, 5, 4), True, {}),
    "no images": ("conv2d", (0, 3, 5, 5), (4, 3, 3, 3), True, {"padding": 1}),
    "no images, transposed": ("conv_transpose2d", (0, 3, 5, 5), (3, 4, 3, 3), True, {}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_values_and_gradients_of_two_orders_are_pytorchs(case: Any, dtype: Any) -> None:
    """Semantics rows 97 to 101: sizes, trailing pixels, overlaps, every argument, 'same' with even kernels."""
    name, x, weight, bias, options = case
    channels = weight[1] * options.get("groups", 1) if "transpose" in name else weight[0]
    compare(name, draw((x, weight, (channels,) if bias else None), dtype), **options)


@st.composite
def convolutions(draw_: Any) -> tuple[str, Any, dict[str, Any]]:
    """A function, shapes of input, weight and bias, and options that fit them."""
    count = draw_(st.integers(1, 3))
    each = lambda low, high: st.tuples(*(st.integers(low, high),) * count)  # noqa: E731
    size, kernel = draw_(each(1, 12 if count < 3 else 6)), draw_(each(1, 4))
    stride, padding, dilation = draw_(each(1, 4)), draw_(each(0, 3)), draw_(each(1, 3))
    groups = draw_(st.sampled_from([1, 1, 2, 3]))
    narrow = draw_(st.integers(1, 18))
    wide = draw_(st.sampled_from([1, 2, 8, 15, 16, 17, 31, 32, 33, 40]))
    if draw_(st.booleans()) and groups > 1:
        narrow = wide = 1
        groups *= 7
    images = draw_(st.sampled_from([1, 2, 3, 9]))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    bias = draw_(st.booleans())
    if draw_(st.booleans()):
        reach = zip(size, padding, dilation, kernel, strict=True)
        size = tuple(max(x, d * (k - 1) + 1 - 2 * p) for x, p, d, k in reach)
        shapes = (
            (images, narrow * groups, *size),
            (wide * groups, narrow, *kernel),
            (wide * groups,) if bias else None,
        )
        return f"conv{count}d", shapes, options
    padding = tuple(min(p, (d * (k - 1)) // 2) for p, d, k in zip(padding, dilation, kernel, strict=True))
    options["padding"] = padding
    options["output_padding"] = tuple(
        draw_(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    shapes = ((images, wide * groups, *size), (wide * groups, narrow, *kernel), (narrow * groups,) if bias else None)
    return f"conv_transpose{count}d", shapes, options


@settings(max_examples=60, deadline=None)
@given(case=convolutions(), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
def test_any_arguments_give_pytorchs_values_and_gradients(case: Any, dtype: Any, seed: int) -> None:
    name, shapes, options = case
    compare(name, draw(shapes, dtype, seed), orders=1, **options)


@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"])
def test_gradcheck_of_two_orders(name: str) -> None:
    count = int(name[-2])
    x, weight = draw(((2, 4, *(4, 5, 3)[:count]), (4, 2, *(2, 3, 2)[:count])), np.float64)
    bias = np.random.default_rng(1).standard_normal(4)
    operands = [ag.tensor(array, requires_grad=True) for array in (x, weight, bias)]
    function = lambda *tensors: getattr(ag, name)(*tensors, stride=2, padding=1, groups=2)  # noqa: E731
    assert ag.gradcheck(function, operands)
    assert ag.gradgradcheck(function, operands)


def test_a_large_sum_keeps_its_digits() -> None:
    """float32 against float64, at sizes that take every path of the kernels."""
    for channels, columns, size, kernel in ((3, 64, 20, 7), (64, 64, 9, 3), (130, 96, 8, 3), (96, 40, 9, 1)):
        x, weight = draw(((4, channels, size, size), (columns, channels, kernel, kernel)), np.float64, 3)
        results = []
        for dtype in (np.float32, np.float64):
            tensors = [ag.tensor(array.astype(dtype), requires_grad=True) for array in (x, weight)]
            y = ag.conv2d(*tensors, padding=kernel // 2)
            cotangent = np.random.default_rng(5).standard_normal(y.shape).astype(dtype)
            y.backward(ag.tensor(cotangent))
            results.append([y.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)])
        for single, double in zip(*results, strict=True):
            assert np.abs(single - double).max() <= 2e-5 * np.abs(double).max()


# --- memory, threads, compilation -------------------------------------------------------------------------------


def is_channels_last(array: np.ndarray) -> bool:
    return np.moveaxis(array, 1, -1).flags.c_contiguous


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_results_lie_channels_last_and_any_layout_is_read(name: str) -> None:
    x, weight = draw(((2, 6, 7, 5), (6, 6, 3, 3)), np.float32)
    assert x is not None
    expected = getattr(ag, name)(ag.tensor(x), ag.tensor(weight))
    assert is_channels_last(expected.numpy())
    layouts = (
        np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
        np.asfortranarray(x),
        np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1],
        np.repeat(x, 2, axis=3)[..., ::2],
    )
    for layout in layouts:
        assert_array_equal(layout, x)
        result = getattr(ag, name)(ag.from_numpy(layout), ag.tensor(weight))
        assert_array_equal(result.numpy(), expected.numpy())


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    threads = ag.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            ag.set_num_threads(number)
            outcome = []
            for groups, (channels, kernel) in itertools.product((1, 2), ((3, 3), (32, 3), (48, 1))):
                x, weight = draw(((8, channels * groups, 12, 12), (64, channels, kernel, kernel)), np.float32)
                tensors = [ag.tensor(array, requires_grad=True) for array in (x, weight)]
                y = ag.conv2d(*tensors, padding=kernel // 2, groups=groups)
                y.backward(ag.ones(*y.shape))
                outcome += [y.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)]
            found.append(outcome)
    finally:
        ag.set_num_threads(threads)
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)


def test_other_batches_and_channels_compile_nothing_new() -> None:
    def step(images: int, channels: int, size: int) -> None:
        x, weight = draw(((images, channels, size, size), (channels + 3, channels, 3, 3)), np.float32)
        tensors = [ag.tensor(array, requires_grad=True) for array in (x, weight)]
        ag.conv2d(*tensors, padding=1).sum().backward()

    step(4, 32, 16)
    step(1, 2, 4)
    before, log = compile_statistics(), len(compile_log())
    for images, channels, size in ((3, 32, 16), (16, 17, 12), (1, 40, 7), (2, 3, 5)):
        step(images, channels, size)
    assert compile_statistics() == before, compile_log()[log:]


def test_gradients_do_not_touch_their_operands() -> None:
    x, weight = draw(((2, 4, 6, 6), (4, 4, 1, 1)), np.float32)
    tensors = [ag.tensor(array, requires_grad=True) for array in (x, weight)]
    y = ag.conv2d(*tensors)
    y.backward(ag.ones(*y.shape))
    for tensor in tensors:
        assert not np.may_share_memory(tensor.grad.numpy(), tensor.detach().numpy())


# --- what is refused --------------------------------------------------------------------------------------------

WRONG: dict[str, Any] = {
    "dimensions of the input": ((3, 4), (2, 3, 3, 3), {}, ValueError, "3 .without a batch. or 4 dimensions"),
    "dimensions of the weight": ((1, 3, 4, 4), (2, 3, 3), {}, ValueError, "a weight of 4 dimensions"),
    "channels": ((1, 4, 5, 5), (2, 3, 3, 3), {}, ValueError, "takes 3 channels, got an input of shape"),
    "groups": ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, ValueError, "positive multiple of groups=2"),
    "no groups": ((1, 4, 5, 5), (3, 4, 3, 3), {"groups": 0}, ValueError, "groups must be at least 1, got 0"),
    "groups that are no integer": ((1, 4, 5, 5), (3, 4, 3, 3), {"groups": 1.0}, TypeError, "groups must be an integer"),
    "kernel above the image": ((1, 3, 2, 5), (2, 3, 3, 3), {}, ValueError, "larger than the padded input"),
    "dilated kernel above the image": ((1, 3, 4, 4), (2, 3, 3, 3), {"dilation": 2}, ValueError, r"extent \(5, 5\)"),
    "empty image": ((1, 3, 0, 5), (2, 3, 3, 3), {}, ValueError, "larger than the padded input"),
    "empty kernel": ((1, 3, 4, 4), (2, 3, 0, 3), {}, ValueError, "no size 0"),
    "stride 0": ((1, 3, 4, 4), (2, 3, 3, 3), {"stride": 0}, ValueError, "stride must be at least 1, got 0"),
    "strides of three": ((1, 3, 4, 4), (2, 3, 3, 3), {"stride": (1, 1, 1)}, ValueError, "a tuple of 2"),
    "stride of a float": ((1, 3, 4, 4), (2, 3, 3, 3), {"stride": 1.5}, TypeError, "stride must be an integer"),
    "dilation 0": ((1, 3, 4, 4), (2, 3, 3, 3), {"dilation": 0}, ValueError, "dilation must be at least 1"),
    "negative padding": ((1, 3, 4, 4), (2, 3, 3, 3), {"padding": -1}, ValueError, "padding must be at least 0"),
    "unknown padding": ((1, 3, 4, 4), (2, 3, 3, 3), {"padding": "full"}, ValueError, "'same' or 'valid', got 'full'"),
    "semantics-101": ((1, 3, 4, 4), (2, 3, 3, 3), {"padding": "same", "stride": 2}, ValueError, "needs stride 1"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_raise_errors_that_name_them_where_pytorch_raises_too(case: Any) -> None:
    x, weight, options, error, message = case
    with pytest.raises(error, match=message):
        ag.conv2d(ag.ones(*x), ag.ones(*weight), **options)
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        torch.nn.functional.conv2d(torch.ones(*x), torch.ones(*weight), **options)


def test_wrong_arguments_of_the_transpose() -> None:
    x, weight = ag.ones(1, 3, 4, 4), ag.ones(3, 2, 3, 3)
    with pytest.raises(ValueError, match="output_padding must be smaller than the stride or the dilation"):
        ag.conv_transpose2d(x, weight, output_padding=1)
    with pytest.raises(ValueError, match="gives an output of size"):
        ag.conv_transpose2d(x, weight, padding=4)
    with pytest.raises(ValueError, match="takes 2 channels"):
        ag.conv_transpose2d(x, ag.ones(2, 3, 3, 3))
    with pytest.raises(ValueError, match=r"bias must have shape \(2,\), got \(3,\)"):
        ag.conv_transpose2d(x, weight, ag.ones(3))
    with pytest.raises(TypeError, match="expected floating tensors"):
        ag.conv2d(ag.ones(1, 3, 4, 4, dtype=ag.int64), ag.ones(1, 3, 3, 3, dtype=ag.int64))
