"""Convolution and transposed convolution in one, two and three dimensions.

Convolution, its transpose and its weight gradient are three maps of one bilinear form: the derivative of each is the
two others, so derivatives of any order are convolutions again. The `size` of each is the spatial size of what it
makes; `padding` counts the zeros before the first element, and as many follow the last as the size asks for.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..broadcasting import Shape
from ..declaration import structural
from ..dispatch import as_tensor_operand, cast
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .linear_maps import permute_primitive, reshape_primitive, sum_primitive

if TYPE_CHECKING:
    from ..kernels import convolution as kernels
else:
    kernels = lazy_import("autograd_core.kernels.convolution")

# --- the bilinear form ------------------------------------------------------------------------------------------

# Shapes of x and weight, size of y, and the other parameters.
_SHAPES: tuple[tuple[Any, ...], ...] = (
    ((2, 3, 7), (4, 3, 3), (4,), {"stride": (2,), "padding": (1,), "dilation": (1,), "groups": 1}),
    ((2, 3, 5, 6), (5, 3, 3, 3), (5, 6), {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}),
    ((1, 4, 8, 5), (6, 2, 3, 2), (2, 2), {"stride": (3, 2), "padding": (0, 1), "dilation": (2, 3), "groups": 2}),
    ((2, 3, 4, 4), (3, 1, 2, 2), (4, 4), {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 3}),
    ((2, 3, 4, 3), (2, 3, 1, 1), (4, 3), {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}),
    ((1, 2, 3, 4, 3), (2, 2, 2, 3, 1), (2, 2, 5), {"stride": (1, 2, 1), "padding": (0, 0, 1), "dilation": (1,) * 3,
                                                   "groups": 1}),
)  # fmt: skip


def _samples(random: np.random.Generator, first: str, second: str) -> list[Sample]:
    """Two of the form's three operands, and the size of the third."""
    found = []
    for x, weight, size, parameters in _SHAPES:
        shapes = {"x": x, "weight": weight, "y": (x[0], weight[0], *size)}
        (left,) = shapes.keys() - {first, second}
        operands = tuple(random.standard_normal(shapes[name]) for name in (first, second))
        found.append(Sample(operands, {"size": shapes[left][2:], **parameters}))
    return found


def _geometry(
    x: Shape, weight: Shape, y_size: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> kernels.Geometry:
    return kernels.geometry_of(x, weight, y_size, stride, padding, dilation, groups)


def _volumes(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], *(1,) * (5 - array.ndim), *array.shape[2:])


def _convolution_reference(x: np.ndarray, weight: np.ndarray, size: Shape, **parameters: Any) -> np.ndarray:
    form = _geometry(x.shape, weight.shape, size, **parameters)
    y = kernels.plain.convolve(_volumes(x), _volumes(weight), form)
    return y.reshape(x.shape[0], weight.shape[0], *size)


@structural(
    "convolution",
    reference=_convolution_reference,
    samples=lambda random: _samples(random, "x", "weight"),
)
def convolution_primitive(
    x: np.ndarray, weight: np.ndarray, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> np.ndarray:
    """Sums of weight times x over a window that moves over x."""
    form = _geometry(x.shape, weight.shape, size, stride, padding, dilation, groups)
    return kernels.convolve(x, weight, None, form, size)


@convolution_primitive.vjp("x")
def _convolution_by_x(
    cotangent: Any, weight: Any, x_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Any:
    return convolution_transpose_primitive(
        cotangent, weight, size=x_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@convolution_primitive.vjp("weight")
def _convolution_by_weight(
    cotangent: Any, x: Any, weight_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Any:
    return convolution_weight_primitive(
        x, cotangent, size=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def _transpose_reference(y: np.ndarray, weight: np.ndarray, size: Shape, **parameters: Any) -> np.ndarray:
    shape = (y.shape[0], weight.shape[1] * parameters["groups"], *size)
    form = _geometry(shape, weight.shape, y.shape[2:], **parameters)
    return kernels.plain.transpose(_volumes(y), _volumes(weight), form).reshape(shape)


@structural(
    "convolution_transpose",
    reference=_transpose_reference,
    samples=lambda random: _samples(random, "y", "weight"),
)
def convolution_transpose_primitive(
    operand: np.ndarray, weight: np.ndarray, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> np.ndarray:
    """The transpose of convolution with a weight: each element spread over the window it was the sum of."""
    shape = (operand.shape[0], weight.shape[1] * groups, *size)
    form = _geometry(shape, weight.shape, operand.shape[2:], stride, padding, dilation, groups)
    return kernels.transpose(operand, weight, form, size)


@convolution_transpose_primitive.vjp("operand")
def _(
    cotangent: Any, weight: Any, operand_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Any:
    return convolution_primitive(
        cotangent, weight, size=operand_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@convolution_transpose_primitive.vjp("weight")
def _(
    cotangent: Any, operand: Any, weight_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Any:
    return convolution_weight_primitive(
        cotangent, operand, size=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def _weight_reference(x: np.ndarray, y: np.ndarray, size: Shape, **parameters: Any) -> np.ndarray:
    shape = (y.shape[1], x.shape[1] // parameters["groups"], *size)
    form = _geometry(x.shape, shape, y.shape[2:], **parameters)
    return kernels.plain.weight(_volumes(x), _volumes(y), form).reshape(shape)


@structural(
    "convolution_weight",
    reference=_weight_reference,
    samples=lambda random: _samples(random, "x", "y"),
)
def convolution_weight_primitive(
    x: np.ndarray, other: np.ndarray, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> np.ndarray:
    """Sums over images and places of x times another tensor, for each tap between them: the weight's gradient."""
    shape = (other.shape[1], x.shape[1] // groups, *size)
    form = _geometry(x.shape, shape, other.shape[2:], stride, padding, dilation, groups)
    return kernels.weight(x, other, form, size)


@convolution_weight_primitive.vjp("x")
def _(cotangent: Any, other: Any, x_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Any:
    return convolution_transpose_primitive(
        other, cotangent, size=x_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@convolution_weight_primitive.vjp("other")
def _(cotangent: Any, x: Any, other_shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Any:
    return convolution_primitive(
        x, cotangent, size=other_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def _along_channels(bias: np.ndarray, dimensions: int) -> np.ndarray:
    return bias.reshape(-1, *(1,) * dimensions)


@structural(
    "convolution_bias",
    reference=lambda x, weight, bias, size, **parameters: (
        _convolution_reference(x, weight, size, **parameters) + _along_channels(bias, len(size))
    ),
    samples=lambda random: [
        Sample((*sample.operands, random.standard_normal(sample.operands[1].shape[0])), sample.parameters)
        for sample in _samples(random, "x", "weight")
    ],
)
def convolution_bias_primitive(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    *,
    size: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """Convolution plus a number for each channel of the result."""
    form = _geometry(x.shape, weight.shape, size, stride, padding, dilation, groups)
    return kernels.convolve(x, weight, bias, form, size)


convolution_bias_primitive.vjp("x")(_convolution_by_x)
convolution_bias_primitive.vjp("weight")(_convolution_by_weight)


@convolution_bias_primitive.vjp("bias")
def _sum_over_pixels(cotangent: Any) -> Any:
    # Rows of channels, as they lie in memory.
    last = permute_primitive(cotangent, dims=(0, *range(2, cotangent.ndim), 1))
    return sum_primitive(reshape_primitive(last, shape=(-1, cotangent.shape[1])), dim=(0,), keepdim=False)


# --- arguments --------------------------------------------------------------------------------------------------


def _per_dimension(value: Any, count: int, name: str, operation: str, minimum: int) -> Shape:
    """`value` for each spatial dimension: an integer for all, or one each."""
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if len(values) == 1:
        values *= count
    if any(isinstance(v, bool) or not hasattr(v, "__index__") for v in values):
        raise TypeError(f"{operation}: {name} must be an integer or a tuple of {count}, got {value!r}")
    if len(values) != count:
        raise ValueError(f"{operation}: {name} must be an integer or a tuple of {count}, got {value!r}")
    found = tuple(v.__index__() for v in values)
    if min(found) < minimum:
        raise ValueError(f"{operation}: {name} must be at least {minimum}, got {value!r}")
    return found


def _check_shapes(
    operation: str, count: int, input: Shape, weight: Shape, bias: Shape | None, groups: Any, transposed: bool
) -> None:
    """Raise TypeError for groups that are no integer, and ValueError for shapes that do not fit."""
    if isinstance(groups, bool) or not isinstance(groups, int):
        raise TypeError(f"{operation}: groups must be an integer, got {groups!r}")
    if groups < 1:
        raise ValueError(f"{operation}: groups must be at least 1, got {groups}")
    if len(input) not in (count + 1, count + 2):
        raise ValueError(
            f"{operation}: expected an input of {count + 1} (without a batch) or {count + 2} dimensions, "
            f"got shape {input}"
        )
    if len(weight) != count + 2:
        raise ValueError(f"{operation}: expected a weight of {count + 2} dimensions, got shape {weight}")
    if 0 in weight[2:]:
        raise ValueError(f"{operation}: the kernel must have no size 0, got a weight of shape {weight}")
    if weight[0] % groups or weight[0] == 0:
        raise ValueError(
            f"{operation}: the first dimension of the weight must be a positive multiple of groups={groups}, "
            f"got shape {weight}"
        )
    channels, out_channels = weight[1] * groups, weight[0]
    if transposed:
        channels, out_channels = out_channels, channels
    if input[-count - 1] != channels:
        raise ValueError(
            f"{operation}: with groups={groups} a weight of shape {weight} takes {channels} channels, "
            f"got an input of shape {input}"
        )
    if bias is not None and bias != (out_channels,):
        raise ValueError(f"{operation}: bias must have shape ({out_channels},), got {bias}")


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


def _plainly(*arguments: Any) -> bool:
    """Whether all are integers, strings or tuples of integers: what can be looked up without taking 1.0 for 1."""
    for argument in arguments:
        kind = type(argument)
        if kind is tuple:
            for part in argument:
                if type(part) is not int:
                    return False
        elif kind is not int and kind is not str:
            return False
    return True


def _padded(
    padding: Any, size: Shape, kernel: Shape, stride: Shape, dilation: Shape, operation: str
) -> tuple[Any, ...]:
    """The zeros before the first element, and the size of the result, of a convolution."""
    reach = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"{operation}: padding must be integers, 'same' or 'valid', got {padding!r}")
        if padding == "same":
            if any(s != 1 for s in stride):
                raise ValueError(f"{operation}: padding='same' needs stride 1, got {stride}")
            # Where an odd number of zeros is needed, the extra one comes last.
            return tuple(r // 2 for r in reach), size
        before: Shape = (0,) * len(size)
    else:
        before = _per_dimension(padding, len(size), "padding", operation, 0)
    found = tuple((x + 2 * p - r - 1) // s + 1 for x, p, r, s in zip(size, before, reach, stride, strict=True))
    if min(found) < 1:
        whole = tuple(x + 2 * p for x, p in zip(size, before, strict=True))
        raise ValueError(
            f"{operation}: the kernel, of extent {tuple(r + 1 for r in reach)} with its dilation, is larger than the "
            f"padded input, of size {whole}"
        )
    return before, found


def _convolution_parameters(
    operation: str, count: int, input: Shape, weight: Shape, bias: Shape | None, *options: Any
) -> dict[str, Any]:
    """The parameters of a convolution of tensors of these shapes, checked."""
    stride, padding, dilation, groups = options
    _check_shapes(operation, count, input, weight, bias, groups, False)
    stride = _per_dimension(stride, count, "stride", operation, 1)
    dilation = _per_dimension(dilation, count, "dilation", operation, 1)
    before, size = _padded(padding, input[-count:], weight[2:], stride, dilation, operation)
    return {"size": size, "stride": stride, "padding": before, "dilation": dilation, "groups": groups}


def _transpose_parameters(
    operation: str, count: int, input: Shape, weight: Shape, bias: Shape | None, *options: Any
) -> dict[str, Any]:
    """The parameters of a transposed convolution of tensors of these shapes, checked."""
    stride, padding, output_padding, groups, dilation = options
    _check_shapes(operation, count, input, weight, bias, groups, True)
    stride = _per_dimension(stride, count, "stride", operation, 1)
    dilation = _per_dimension(dilation, count, "dilation", operation, 1)
    before = _per_dimension(padding, count, "padding", operation, 0)
    extra = _per_dimension(output_padding, count, "output_padding", operation, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"{operation}: output_padding must be smaller than the stride or the dilation, got {extra} with stride "
            f"{stride} and dilation {dilation}"
        )
    size = tuple(
        (y - 1) * s - 2 * p + d * (k - 1) + e + 1
        for y, s, p, d, k, e in zip(input[-count:], stride, before, dilation, weight[2:], extra, strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"{operation}: an input of shape {input} gives an output of size {size}")
    return {"size": size, "stride": stride, "padding": before, "dilation": dilation, "groups": groups}


# A network asks for the same few again and again, and checking them takes longer than a small convolution.
_known_convolution = functools.lru_cache(maxsize=1024)(_convolution_parameters)
_known_transpose = functools.lru_cache(maxsize=1024)(_transpose_parameters)


def _convolve(operation: str, count: int, input: Any, weight: Any, bias: Any, *options: Any) -> Tensor:
    input, weight, bias = _operands(operation, input, weight, bias)
    look_up = _known_convolution if _plainly(*options) else _convolution_parameters
    shape = input._array.shape
    parameters = look_up(operation, count, shape, weight._array.shape, None if bias is None else bias.shape, *options)
    single = len(shape) == count + 1
    if single:
        input = input.unsqueeze(0)
    result: Tensor
    if bias is None:
        result = apply(convolution_primitive.op, (input, weight), parameters)
    else:
        result = apply(convolution_bias_primitive.op, (input, weight, bias), parameters)
    return result.squeeze(0) if single else result


def _convolve_transposed(operation: str, count: int, input: Any, weight: Any, bias: Any, *options: Any) -> Tensor:
    input, weight, bias = _operands(operation, input, weight, bias)
    look_up = _known_transpose if _plainly(*options) else _transpose_parameters
    shape = input._array.shape
    parameters = look_up(operation, count, shape, weight._array.shape, None if bias is None else bias.shape, *options)
    single = len(shape) == count + 1
    if single:
        input = input.unsqueeze(0)
    result: Tensor = apply(convolution_transpose_primitive.op, (input, weight), parameters)
    if bias is not None:
        result = result + bias.reshape(-1, *(1,) * count)
    return result.squeeze(0) if single else result


# --- public functions -------------------------------------------------------------------------------------------

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
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


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
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


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
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


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
    return _convolve_transposed(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
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
    return _convolve_transposed(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
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
    return _convolve_transposed(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
