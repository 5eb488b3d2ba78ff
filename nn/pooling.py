"""Pooling layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from autograd_core import Tensor

from . import functional
from .module import Module

_Numbers = int | Sequence[int]
_Function = Callable[..., Any]


class _MaxPool(Module):
    """The largest element of each window; subclasses say in how many dimensions."""

    _function: ClassVar[_Function]

    def __init__(
        self,
        kernel_size: _Numbers,
        stride: _Numbers | None = None,
        padding: _Numbers = 0,
        dilation: _Numbers = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Shape (N, C, …) or (C, …) to the same with smaller images; with indices a named tuple."""
        return type(self)._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window of a sequence; padding counts as minus infinity.

    Args:
        kernel_size, stride, padding, dilation: the stride is the kernel's size unless given.
        return_indices: return a named tuple of values and their places.
        ceil_mode: whether a last window may reach beyond the end.

    Shape:
        input (N, C, L) or (C, L).

    Raises:
        ValueError: when called with what does not fit.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.MaxPool1d(2)(ag.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
        [[[3.0, 2.0]]]
    """

    _function = staticmethod(functional.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of an image; padding counts as minus infinity.

    Args:
        kernel_size, stride, padding, dilation: one number or two; the stride is the kernel's size unless given.
        return_indices: return a named tuple of values and their places in each plane.
        ceil_mode: whether a last window may reach beyond the end.

    Shape:
        input (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: when called with what does not fit.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.MaxPool2d(3, stride=2, padding=1)(ag.ones(1, 4, 8, 8)).shape
        (1, 4, 4, 4)
    """

    _function = staticmethod(functional.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of each window of a volume; arguments and errors as :class:`MaxPool2d`, with three numbers.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W).
    """

    _function = staticmethod(functional.max_pool3d)


class AvgPool1d(Module):
    """The average of each window of a sequence.

    Args:
        kernel_size, stride, padding: the stride is the kernel's size unless given.
        ceil_mode: whether a last window may reach beyond the end.
        count_include_pad: whether the zeros of the padding count.

    Shape:
        input (N, C, L) or (C, L).

    Raises:
        ValueError: when called with what does not fit.
    """

    def __init__(
        self,
        kernel_size: _Numbers,
        stride: _Numbers | None = None,
        padding: _Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        one = [value[0] if isinstance(value, Sequence) else value for value in (kernel_size, stride, padding)]
        self.kernel_size = (one[0],)
        self.stride = self.kernel_size if one[1] is None else (one[1],)
        self.padding = (one[2],)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, L) or (C, L) to the same, shorter."""
        pooled: Tensor = functional.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )
        return pooled

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """The average of each window; subclasses say in how many dimensions."""

    _function: ClassVar[_Function]

    def __init__(
        self,
        kernel_size: _Numbers,
        stride: _Numbers | None = None,
        padding: _Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …) or (C, …) to the same with smaller images."""
        options = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        pooled: Tensor = type(self)._function(input, self.kernel_size, self.stride, self.padding, *options)
        return pooled

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The average of each window of an image.

    Args:
        kernel_size, stride, padding: one number or two; the stride is the kernel's size unless given.
        ceil_mode: whether a last window may reach beyond the end.
        count_include_pad: whether the zeros of the padding count.
        divisor_override: what to divide the sums by instead of the number of elements.

    Shape:
        input (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: when called with what does not fit.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.AvgPool2d(2)(ag.ones(1, 4, 8, 8)).shape
        (1, 4, 4, 4)
    """

    _function = staticmethod(functional.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The average of each window of a volume; arguments and errors as :class:`AvgPool2d`, with three numbers.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W).
    """

    _function = staticmethod(functional.avg_pool3d)


class _LPPool(Module):
    """The power average of each window; subclasses say in how many dimensions."""

    _function: ClassVar[_Function]

    def __init__(
        self, norm_type: float, kernel_size: _Numbers, stride: _Numbers | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …) or (C, …) to the same with smaller images."""
        options = (float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        pooled: Tensor = type(self)._function(input, *options)
        return pooled

    def extra_repr(self) -> str:
        """The exponent and the window."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """(Σ xᵖ)^(1/p) over each window of a sequence.

    Args:
        norm_type: p.
        kernel_size, stride: the stride is the kernel's size unless given.
        ceil_mode: whether a last window may reach beyond the end.

    Shape:
        input (N, C, L) or (C, L).
    """

    _function = staticmethod(functional.lp_pool1d)


class LPPool2d(_LPPool):
    """(Σ xᵖ)^(1/p) over each window of an image; arguments as :class:`LPPool1d`, one number or two.

    Shape:
        input (N, C, H, W) or (C, H, W).
    """

    _function = staticmethod(functional.lp_pool2d)


class LPPool3d(_LPPool):
    """(Σ xᵖ)^(1/p) over each window of a volume; arguments as :class:`LPPool1d`, one number or three.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W).
    """

    _function = staticmethod(functional.lp_pool3d)


class _AdaptivePool(Module):
    """Windows that divide each dimension as equally as can be; subclasses say in how many and what is taken."""

    _function: ClassVar[_Function]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """Shape (N, C, …) or (C, …) to the same with images of the size asked for."""
        return type(self)._function(input, self.output_size)

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Shape (N, C, …) or (C, …) to the same with images of the size asked for; with indices a named tuple."""
        return type(self)._function(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_AdaptivePool):
    """Averages of a sequence divided into `output_size` windows as equal as can be; input (N, C, L) or (C, L)."""

    _function = staticmethod(functional.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Averages of images divided into windows as equal as can be.

    Args:
        output_size: one number or two; None keeps a size.

    Shape:
        input (N, C, H, W) or (C, H, W).

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.AdaptiveAvgPool2d((1, 1))(ag.ones(2, 3, 7, 5)).shape
        (2, 3, 1, 1)
    """

    _function = staticmethod(functional.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """Averages of volumes divided into windows as equal as can be; input (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(functional.adaptive_avg_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of a sequence divided into `output_size` windows; input (N, C, L) or (C, L)."""

    _function = staticmethod(functional.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of images divided into windows as equal as can be.

    Args:
        output_size: one number or two; None keeps a size.
        return_indices: return a named tuple of values and their places in each plane.

    Shape:
        input (N, C, H, W) or (C, H, W).
    """

    _function = staticmethod(functional.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of volumes divided into windows; input (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(functional.adaptive_max_pool3d)


__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]
