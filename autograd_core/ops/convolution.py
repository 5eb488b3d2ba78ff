"""Convolution and transposed convolution in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..dispatch import as_tensor_operand, cast
from ..recording import apply
from ..tensor import Tensor
from .bilinear_form import convolution_bias_primitive, convolution_primitive, convolution_transpose_primitive
from .convolution_arguments import parameters_of


def _operands(operation: str, input: Any, weight: Any, bias: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """The tensors in one dtype.

    Raises:
        TypeError: if they are not floating.
    """
    input, weight = as_tensor_operand(input, operation), as_tensor_operand(weight, operation)
    dtype = weight._array.dtype
    if input._array.dtype is not dtype or dtype.kind != "f":
        dtype = dtypes.promote(dtype, input.dtype)
        if dtype.kind != "f":
            raise TypeError(f"{operation}: expected floating tensors, got {input.dtype} and {weight.dtype}")
        input, weight = cast(input, dtype), cast(weight, dtype)
    return input, weight, None if bias is None else cast(as_tensor_operand(bias, operation), dtype)


def _convolve(
    operation: str, count: int, transposed: bool, input: Any, weight: Any, bias: Any, *options: Any
) -> Tensor:
    input, weight, bias = _operands(operation, input, weight, bias)
    shape = input._array.shape
    bias_shape = None if bias is None else bias.shape
    parameters = parameters_of(operation, count, transposed, shape, weight._array.shape, bias_shape, options)
    single = len(shape) == count + 1
    if single:
        input = input.unsqueeze(0)
    result: Tensor
    if transposed:
        result = apply(convolution_transpose_primitive.op, (input, weight), parameters)
        if bias is not None:
            result = result + bias.reshape(-1, *(1,) * count)
    elif bias is None:
        result = apply(convolution_primitive.op, (input, weight), parameters)
    else:
        result = apply(convolution_bias_primitive.op, (input, weight, bias), parameters)
    return result.squeeze(0) if single else result


_Whole = int | Sequence[int]


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole | str = 0,
    dilation: _Whole = 1,
    groups: int = 1,
) -> Tensor:
    """Sums of `weight` times `input` over a window that moves along it (cross-correlation, as in PyTorch).

    Args:
        input: shape (N, C, L), or (C, L).
        weight: shape (K, C / groups, R).
        bias: shape (K,), or None.
        stride: elements the window moves by.
        padding: zeros at both ends; "valid" for none, "same" for as many as keep the length.
        dilation: distance of the window's elements.
        groups: into which channels of input and output are divided; each is convolved by itself.

    Returns:
        Shape (N, K, ⌊(L + 2 padding - dilation (R - 1) - 1) / stride⌋ + 1).

    Raises:
        TypeError: for arguments that are no integers, and tensors that are not floating.
        ValueError: if shapes do not fit, and if the window is larger than the padded input.

    Example:
        >>> import autograd_core as ag
        >>> ag.conv1d(ag.tensor([[1.0, 2.0, 3.0, 4.0]]), ag.tensor([[[1.0, -1.0]]]))
        tensor([[-1., -1., -1.]])

    Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
    """
    return _convolve("conv1d", 1, False, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole | str = 0,
    dilation: _Whole = 1,
    groups: int = 1,
) -> Tensor:
    """As :func:`conv1d`, over images: input (N, C, H, W) or (C, H, W), weight (K, C / groups, R, S).

    The result lies channels-last in memory, and an input that does is read without conversion.

    Example:
        >>> import autograd_core as ag
        >>> ag.conv2d(ag.ones(8, 3, 32, 32), ag.ones(16, 3, 3, 3), stride=2, padding=1).shape
        (8, 16, 16, 16)
    """
    return _convolve("conv2d", 2, False, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole | str = 0,
    dilation: _Whole = 1,
    groups: int = 1,
) -> Tensor:
    """As :func:`conv1d`, over volumes: input (N, C, D, H, W) or (C, D, H, W), weight (K, C / groups, Q, R, S).

    Example:
        >>> import autograd_core as ag
        >>> ag.conv3d(ag.ones(1, 2, 4, 4, 4), ag.ones(3, 2, 3, 3, 3)).shape
        (1, 3, 2, 2, 2)
    """
    return _convolve("conv3d", 3, False, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole = 0,
    output_padding: _Whole = 0,
    groups: int = 1,
    dilation: _Whole = 1,
) -> Tensor:
    """The transpose of :func:`conv1d`: each element of `input` times `weight`, added up `stride` apart.

    Args:
        input: shape (N, C, L), or (C, L).
        weight: shape (C, K / groups, R).
        bias: shape (K,), or None.
        stride: distance of the windows that are added up.
        padding: elements cut off at both ends.
        output_padding: elements more at the end, since several lengths give one under convolution.
        groups, dilation: as for :func:`conv1d`.

    Returns:
        Shape (N, K, (L - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1).

    Raises:
        TypeError: for arguments that are no integers, and tensors that are not floating.
        ValueError: if shapes do not fit, for an output_padding that is neither smaller than the stride nor than the
            dilation, and if nothing is left of the result.

    Example:
        >>> import autograd_core as ag
        >>> ag.conv_transpose1d(ag.tensor([[1.0, 2.0]]), ag.tensor([[[1.0, 10.0]]]), stride=2)
        tensor([[ 1., 10.,  2., 20.]])
    """
    return _convolve(
        "conv_transpose1d", 1, True, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole = 0,
    output_padding: _Whole = 0,
    groups: int = 1,
    dilation: _Whole = 1,
) -> Tensor:
    """As :func:`conv_transpose1d`, over images: input (N, C, H, W) or (C, H, W), weight (C, K / groups, R, S).

    Example:
        >>> import autograd_core as ag
        >>> ag.conv_transpose2d(ag.ones(1, 3, 4, 4), ag.ones(3, 5, 2, 2), stride=2).shape
        (1, 5, 8, 8)
    """
    return _convolve(
        "conv_transpose2d", 2, True, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Whole = 1,
    padding: _Whole = 0,
    output_padding: _Whole = 0,
    groups: int = 1,
    dilation: _Whole = 1,
) -> Tensor:
    """As :func:`conv_transpose1d`, over volumes: input (N, C, D, H, W), weight (C, K / groups, Q, R, S).

    Example:
        >>> import autograd_core as ag
        >>> ag.conv_transpose3d(ag.ones(1, 2, 2, 2, 2), ag.ones(2, 1, 2, 2, 2), stride=2).shape
        (1, 1, 4, 4, 4)
    """
    return _convolve(
        "conv_transpose3d", 3, True, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
