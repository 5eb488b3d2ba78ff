"""Layers that rearrange or resize images, undo poolings, or normalise across channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from autograd_core import Tensor

from . import functional
from .layers import positive_size
from .module import Module

_Numbers = int | Sequence[int]


class Unfold(Module):
    """The patches that a window takes from images, as columns.

    Args:
        kernel_size, dilation, padding, stride: of the window, one number or two.

    Shape:
        input (N, C, H, W), output (N, C · kernel, patches).

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Unfold(3, padding=1)(ag.ones(2, 4, 5, 5)).shape
        (2, 36, 25)
    """

    def __init__(
        self, kernel_size: _Numbers, dilation: _Numbers = 1, padding: _Numbers = 0, stride: _Numbers = 1
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, H, W) to (N, C · kernel, patches)."""
        columns: Tensor = functional.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
        return columns

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Images from the columns of :class:`Unfold`; where patches overlap their elements are added.

    Args:
        output_size: height and width of the images.
        kernel_size, dilation, padding, stride: of the window, one number or two.

    Shape:
        input (N, C · kernel, patches), output (N, C, H, W).
    """

    def __init__(
        self,
        output_size: _Numbers,
        kernel_size: _Numbers,
        dilation: _Numbers = 1,
        padding: _Numbers = 0,
        stride: _Numbers = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C · kernel, patches) to (N, C, H, W)."""
        options = (self.kernel_size, self.dilation, self.padding, self.stride)
        images: Tensor = functional.fold(input, self.output_size, *options)
        return images

    def extra_repr(self) -> str:
        """The size and the window."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Upsample(Module):
    """Images of another size, as :func:`nn.functional.interpolate` makes them.

    Args:
        size: the wanted spatial size.
        scale_factor: instead of a size, by how much.
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear".
        align_corners: whether the centres of the corner elements keep their places.
        recompute_scale_factor: whether places follow from the rounded sizes.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Upsample(scale_factor=2, mode="bilinear")(ag.ones(1, 3, 4, 4)).shape
        (1, 3, 8, 8)
    """

    def __init__(
        self,
        size: _Numbers | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.scale_factor: Any
        if isinstance(scale_factor, Sequence):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …) to the same with images of another size."""
        options = (self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)
        resized: Tensor = functional.interpolate(input, *options)
        return resized

    def extra_repr(self) -> str:
        """The factor or the size, and the mode."""
        what = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` of images by nearest elements."""

    def __init__(self, size: _Numbers | None = None, scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """:class:`Upsample` of images by bilinear interpolation with aligned corners."""

    def __init__(self, size: _Numbers | None = None, scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Channels into pixels: (…, C r², H, W) to (…, C, H r, W r), r being `upscale_factor`.

    Source: Shi et al. 2016.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = positive_size(upscale_factor, "upscale_factor", "PixelShuffle", 1)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (…, C r², H, W) to (…, C, H r, W r)."""
        return functional.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels into channels, the inverse of :class:`PixelShuffle`."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = positive_size(downscale_factor, "downscale_factor", "PixelUnshuffle", 1)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (…, C, H r, W r) to (…, C r², H, W)."""
        return functional.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels of `groups` groups dealt out in turn (Zhang et al. 2018, "ShuffleNet")."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = positive_size(groups, "groups", "ChannelShuffle", 1)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …), kept."""
        return functional.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"


class LocalResponseNorm(Module):
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta (Krizhevsky et al. 2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …), kept."""
        return functional.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The formula's numbers."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class _MaxUnpool(Module):
    """Largest elements back at their places; subclasses say in how many dimensions."""

    _dimensions: ClassVar[int]

    def __init__(self, kernel_size: _Numbers, stride: _Numbers | None = None, padding: _Numbers = 0) -> None:
        super().__init__()
        self.kernel_size = self._per_dimension(kernel_size)
        self.stride = self._per_dimension(kernel_size if stride is None else stride)
        self.padding = self._per_dimension(padding)

    def _per_dimension(self, value: _Numbers) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, Sequence) else (value,) * self._dimensions

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """What a max pooling returned, to the shape before it, with zeros where nothing was found."""
        function = getattr(functional, f"max_unpool{self._dimensions}d")
        full: Tensor = function(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return full

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Undoes :class:`nn.MaxPool1d` as far as that can be: what it dropped is 0."""

    _dimensions = 1


class MaxUnpool2d(_MaxUnpool):
    """Undoes :class:`nn.MaxPool2d` as far as that can be: what it dropped is 0.

    Example:
        >>> import autograd_core as ag, nn
        >>> values, indices = nn.MaxPool2d(2, return_indices=True)(ag.tensor([[[[1.0, 4.0], [3.0, 2.0]]]]))
        >>> nn.MaxUnpool2d(2)(values, indices).tolist()
        [[[[0.0, 4.0], [0.0, 0.0]]]]
    """

    _dimensions = 2


class MaxUnpool3d(_MaxUnpool):
    """Undoes :class:`nn.MaxPool3d` as far as that can be: what it dropped is 0."""

    _dimensions = 3


__all__ = [
    "ChannelShuffle",
    "Fold",
    "LocalResponseNorm",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "PixelShuffle",
    "PixelUnshuffle",
    "Unfold",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
]
