"""The arguments of convolutions, checked: what a user writes becomes the size of the result and a window."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..broadcasting import Shape
from .bilinear_form import Window


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
    return {"size": size, "window": Window(stride, before, dilation, groups)}


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
    return {"size": size, "window": Window(stride, before, dilation, groups)}


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


# A network asks for the same few again and again, and checking them takes longer than a small convolution.
_known_convolution = functools.lru_cache(maxsize=1024)(_convolution_parameters)
_known_transpose = functools.lru_cache(maxsize=1024)(_transpose_parameters)


def parameters_of(
    operation: str, count: int, transposed: bool, input: Shape, weight: Shape, bias: Shape | None, options: Any
) -> dict[str, Any]:
    """The size of the result and the window, for tensors of these shapes and the options that the user gave.

    Raises:
        TypeError: for options that are no integers.
        ValueError: if shapes and options do not fit.
    """
    if _plainly(*options):
        look_up = _known_transpose if transposed else _known_convolution
        return look_up(operation, count, input, weight, bias, *options)
    work_out = _transpose_parameters if transposed else _convolution_parameters
    return work_out(operation, count, input, weight, bias, *options)
