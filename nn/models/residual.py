"""Residual blocks: a block adds what it was given to what it computed, so gradients reach every layer directly.

Sources: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition"; 2016, "Identity mappings in deep
residual networks" (blocks that normalise first); Goyal et al. 2017, section 5.1 (the last weight of a block 0).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import autograd_core as ag
from autograd_core import Tensor

from .. import functional, init
from ..activation import ReLU
from ..convolution import Conv2d
from ..module import Module
from ..normalization import BatchNorm2d
from ..parameter import Parameter

Norm = Callable[[int], Module]


def conv3x3(narrow: int, wide: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Conv2d:
    """A 3×3 convolution that keeps the size at stride 1, without bias, since a normalisation follows."""
    return Conv2d(narrow, wide, 3, stride, dilation, dilation, groups, bias=False)


def conv1x1(narrow: int, wide: int, stride: int = 1) -> Conv2d:
    """A 1×1 convolution without bias."""
    return Conv2d(narrow, wide, 1, stride, bias=False)


def rectified(norm: Module, input: Tensor, residual: Tensor | None = None) -> Tensor:
    """ReLU of a normalisation, plus a residual: in one pass where the normalisation can."""
    if isinstance(norm, BatchNorm2d):
        fused: Tensor = norm(input, residual, rectified=True)
        return fused
    output = norm(input)
    return functional.relu(output if residual is None else output + residual)


class PaddedShortcut(Module):
    """The shortcut without parameters: every `stride`-th pixel, and channels of zeros behind those there are.

    Source: He et al. 2015, section 3.3, option A.
    """

    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.added = wide - narrow
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, narrow, H, W) to (N, wide, ⌈H / stride⌉, ⌈W / stride⌉)."""
        chosen = input[:, :, :: self.stride, :: self.stride] if self.stride > 1 else input
        return ag.pad(chosen, (0, 0, 0, 0, 0, self.added)) if self.added else chosen

    def extra_repr(self) -> str:
        """What is added and what is left out."""
        return f"added={self.added}, stride={self.stride}"


class BasicBlock(Module):
    """Two 3×3 convolutions, normalised, with ReLU between them and after the addition of the input.

    Args:
        inplanes: channels of the input.
        planes: channels of the output.
        stride: of the first convolution.
        downsample: what brings the input to the output's shape; None where it has it.
        groups, base_width, dilation: must be 1, 64 and 1; there for :class:`Bottleneck`'s sake.
        norm_layer: makes a normalisation for a number of channels; batch normalisation unless given.

    Shape:
        input (N, inplanes, H, W), output (N, planes, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    expansion: ClassVar[int] = 1
    # For nn.fuse_batch_norm: which normalisation each convolution feeds.
    normalized_pairs: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64 or dilation != 1:
            raise ValueError(
                f"{type(self).__name__}: groups, base_width and dilation must be 1, 64 and 1, "
                f"got {groups}, {base_width} and {dilation}"
            )
        make = BatchNorm2d if norm_layer is None else norm_layer
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = make(planes)
        self.relu = ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = make(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """relu(F(x) + x)."""
        shortcut = input if self.downsample is None else self.downsample(input)
        hidden = rectified(self.bn1, self.conv1(input))
        return rectified(self.bn2, self.conv2(hidden), shortcut)


class PlainBlock(BasicBlock):
    """The block without its shortcut, to compare with: deep networks of it do not train."""

    def forward(self, input: Tensor) -> Tensor:
        """relu(F(x))."""
        return rectified(self.bn2, self.conv2(rectified(self.bn1, self.conv1(input))))


class PreActivationBlock(BasicBlock):
    """The block that normalises and rectifies before each convolution, so that nothing stands on the shortcut.

    Source: He et al. 2016.
    """

    normalized_pairs = (("conv1", "bn2"),)

    def __init__(
        self, inplanes: int, planes: int, *arguments: Any, norm_layer: Norm | None = None, **named: Any
    ) -> None:
        super().__init__(inplanes, planes, *arguments, norm_layer=norm_layer, **named)  # type: ignore[misc]
        self.bn1 = (BatchNorm2d if norm_layer is None else norm_layer)(inplanes)

    def forward(self, input: Tensor) -> Tensor:
        """F(x) + x."""
        shortcut = input if self.downsample is None else self.downsample(input)
        hidden = self.conv1(rectified(self.bn1, input))
        output: Tensor = self.conv2(rectified(self.bn2, hidden)) + shortcut
        return output


class Bottleneck(Module):
    """1×1 to fewer channels, 3×3 on them, 1×1 to four times as many, each normalised; ReLU after the addition.

    The stride is the 3×3 convolution's, as torchvision has it. Arguments as :class:`BasicBlock`; `groups` and
    `base_width` set the width of the 3×3 convolution as in ResNeXt (Xie et al. 2017) and wide networks.

    Shape:
        input (N, inplanes, H, W), output (N, 4 planes, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    expansion: ClassVar[int] = 4
    normalized_pairs: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        make = BatchNorm2d if norm_layer is None else norm_layer
        width = int(planes * (base_width / 64)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = make(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = make(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = make(planes * self.expansion)
        self.relu = ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """relu(F(x) + x)."""
        shortcut = input if self.downsample is None else self.downsample(input)
        hidden = rectified(self.bn1, self.conv1(input))
        hidden = rectified(self.bn2, self.conv2(hidden))
        return rectified(self.bn3, self.conv3(hidden), shortcut)


Block = BasicBlock | Bottleneck


def initialise(module: Module, zero_init_residual: bool) -> None:
    """He's initialisation by fan-out for convolutions, 1 and 0 for normalisations; the last weights of blocks 0."""
    for part in module.modules():
        if isinstance(part, Conv2d):
            init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, BatchNorm2d):
            part.reset_parameters()
    if not zero_init_residual:
        return
    for part in module.modules():
        last = part.bn3 if isinstance(part, Bottleneck) else part.bn2 if isinstance(part, BasicBlock) else None
        if isinstance(getattr(last, "weight", None), Parameter) and not isinstance(part, PreActivationBlock):
            init.zeros_(last.weight)  # type: ignore[union-attr]


__all__ = ["BasicBlock", "Bottleneck", "PaddedShortcut", "PlainBlock", "PreActivationBlock"]
