"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import positive_size
from .module import Module
from .parameter import Parameter

_Whole = int | Sequence[int]
_MODES = ("zeros", "reflect", "replicate", "circular")


def _per_dimension(value: Any, count: int, name: str, owner: str, minimum: int) -> tuple[int, ...]:
    """`value` for each of `count` dimensions; TypeError or ValueError, naming it and its owner, if that is not it."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) != count:
        raise ValueError(f"{owner}: {name} must be an integer or a tuple of {count}, got {value!r}")
    return tuple(positive_size(v, name, owner, minimum) for v in values)


class _Convolution(Module):
    """What convolutions and transposed convolutions of all dimensions have in common."""

    _dimensions: ClassVar[int]
    _transposed: ClassVar[bool] = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Whole,
        stride: _Whole,
        padding: _Whole | str,
        output_padding: _Whole,
        groups: int,
        bias: bool,
        dilation: _Whole,
        padding_mode: str,
        dtype: Any,
    ) -> None:
        super().__init__()
        owner, count = type(self).__name__, self._dimensions
        self.groups = positive_size(groups, "groups", owner, 1)
        self.in_channels = positive_size(in_channels, "in_channels", owner)
        self.out_channels = positive_size(out_channels, "out_channels", owner)
        for name, channels in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if channels % self.groups:
                raise ValueError(f"{owner}: {name} must be divisible by groups, got {channels} and {self.groups}")
        self.kernel_size = _per_dimension(kernel_size, count, "kernel_size", owner, 1)
        self.stride = _per_dimension(stride, count, "stride", owner, 1)
        self.dilation = _per_dimension(dilation, count, "dilation", owner, 1)
        self.output_padding = _per_dimension(output_padding, count, "output_padding", owner, 0)
        if padding_mode not in _MODES:
            raise ValueError(f"{owner}: padding_mode must be one of {', '.join(_MODES)}, got {padding_mode!r}")
        self.padding_mode = padding_mode
        self.padding: tuple[int, ...] | str
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{owner}: padding must be integers, 'same' or 'valid', got {padding!r}")
            if padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError(f"{owner}: padding='same' needs stride 1, got {self.stride}")
            self.padding = padding
        else:
            self.padding = _per_dimension(padding, count, "padding", owner, 0)
        first, second = self.out_channels, self.in_channels
        if self._transposed:
            first, second = second, first
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = Parameter(ag.empty(*shape, dtype=dtype))
        self.register_parameter("bias", Parameter(ag.empty(self.out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew: uniform in ±1/√fan_in, as PyTorch does."""
        if not self.weight.numel():
            return
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Channels, sizes, and what is not as usual."""
        count = self._dimensions
        parts = [str(self.in_channels), str(self.out_channels)]
        parts += [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        if self.padding != (0,) * count:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * count:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * count:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Forward(_Convolution):
    """A convolution."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Whole,
        stride: _Whole = 1,
        padding: _Whole | str = 0,
        dilation: _Whole = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, 0, groups, bias, dilation, padding_mode, dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, in_channels, …) or (in_channels, …) to (N, out_channels, …) or (out_channels, …)."""
        function = type(self)._function
        if self.padding_mode == "zeros":
            return function(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        input = ag.pad(input, self._widths(), self.padding_mode)
        return function(input, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """What is put before and behind each dimension, the last one first."""
        widths: list[int] = []
        for axis in reversed(range(self._dimensions)):
            if self.padding == "valid":
                widths += [0, 0]
            elif self.padding == "same":
                reach = self.dilation[axis] * (self.kernel_size[axis] - 1)
                widths += [reach // 2, reach - reach // 2]
            else:
                widths += [int(self.padding[axis])] * 2
        return widths


class _Transposed(_Convolution):
    """A transposed convolution."""

    _transposed = True
    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Whole,
        stride: _Whole = 1,
        padding: _Whole = 0,
        output_padding: _Whole = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: _Whole = 1,
        padding_mode: str = "zeros",
        *,
        dtype: Any = None,
    ) -> None:
        owner = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{owner}: only padding_mode='zeros' is supported, got {padding_mode!r}")
        super().__init__(
            *(in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation),
            padding_mode,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Shape (N, in_channels, …) or (in_channels, …) to (N, out_channels, …) or (out_channels, …).

        Args:
            input: the tensor.
            output_size: the spatial size wanted, with or without the dimensions before; it decides output_padding.

        Raises:
            ValueError: for an output size that the layer cannot give.
        """
        extra = self.output_padding if output_size is None else self._extra(input, tuple(output_size))
        function = type(self)._function
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Tensor, output_size: tuple[int, ...]) -> tuple[int, ...]:
        count = self._dimensions
        if len(output_size) not in (count, input.ndim):
            raise ValueError(
                f"{type(self).__name__}: output_size must have {count} or {input.ndim} elements, got {output_size}"
            )
        wanted = output_size[-count:]
        extra = []
        for axis in range(count):
            least = (input.shape[axis - count] - 1) * self.stride[axis] - 2 * int(self.padding[axis])
            least += self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            if not least <= wanted[axis] < least + self.stride[axis]:
                raise ValueError(
                    f"{type(self).__name__}: output_size {output_size} is out of reach for an input of shape "
                    f"{input.shape}: dimension {axis} can be {least} to {least + self.stride[axis] - 1}"
                )
            extra.append(wanted[axis] - least)
        return tuple(extra)


class Conv1d(_Forward):
    """Convolution over sequences.

    Args:
        in_channels, out_channels: of input and output.
        kernel_size: of the window.
        stride, padding, dilation, groups: as in :func:`autograd_core.conv1d`.
        bias: whether a number is added for each output channel.
        padding_mode: what lies around the input: "zeros", "reflect", "replicate" or "circular".
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (N, in_channels, L), output (N, out_channels, L'); weight (out_channels, in_channels / groups, R).

    Raises:
        TypeError, ValueError: for sizes that are no integers or too small, and channels that groups do not divide.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Conv1d(4, 6, 3, padding="same")(ag.ones(2, 4, 10)).shape
        (2, 6, 10)
    """

    _dimensions = 1
    _function = staticmethod(functional.conv1d)


class Conv2d(_Forward):
    """Convolution over images: the arguments of :class:`Conv1d`, integers for both dimensions or pairs.

    Shape:
        input (N, in_channels, H, W), output (N, out_channels, H', W'); weight (out_channels, in_channels / groups, R,
        S). The output lies channels-last in memory.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Conv2d(3, 16, 3, stride=2, padding=1)
        Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))
    """

    _dimensions = 2
    _function = staticmethod(functional.conv2d)


class Conv3d(_Forward):
    """Convolution over volumes: the arguments of :class:`Conv1d`, integers for all dimensions or triples.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Conv3d(1, 2, (1, 3, 3))(ag.ones(1, 1, 4, 5, 5)).shape
        (1, 2, 4, 3, 3)
    """

    _dimensions = 3
    _function = staticmethod(functional.conv3d)


class ConvTranspose1d(_Transposed):
    """Transposed convolution over sequences.

    Args:
        in_channels, out_channels: of input and output.
        kernel_size: of the window.
        stride, padding, output_padding, groups, dilation: as in :func:`autograd_core.conv_transpose1d`.
        bias: whether a number is added for each output channel.
        padding_mode: "zeros".
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (N, in_channels, L), output (N, out_channels, L'); weight (in_channels, out_channels / groups, R).

    Raises:
        TypeError, ValueError: for sizes that are no integers or too small, and channels that groups do not divide.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1)(ag.ones(2, 4, 10)).shape
        (2, 6, 20)
    """

    _dimensions = 1
    _function = staticmethod(functional.conv_transpose1d)


class ConvTranspose2d(_Transposed):
    """Transposed convolution over images: the arguments of :class:`ConvTranspose1d`, integers or pairs.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.ConvTranspose2d(8, 4, 2, stride=2)(ag.ones(1, 8, 4, 4)).shape
        (1, 4, 8, 8)
    """

    _dimensions = 2
    _function = staticmethod(functional.conv_transpose2d)


class ConvTranspose3d(_Transposed):
    """Transposed convolution over volumes: the arguments of :class:`ConvTranspose1d`, integers or triples.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.ConvTranspose3d(2, 1, 2, stride=2)(ag.ones(1, 2, 2, 2, 2)).shape
        (1, 1, 4, 4, 4)
    """

    _dimensions = 3
    _function = staticmethod(functional.conv_transpose3d)


__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]
