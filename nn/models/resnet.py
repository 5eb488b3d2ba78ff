"""Residual networks: the family for ImageNet with torchvision's names, and the narrow one for CIFAR.

A block adds what it was given to what it computed, so gradients reach every layer directly. `state_dict` keys and
layouts of the first family are torchvision's, so that its weights load.

Sources: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition"; 2016, "Identity mappings in deep
residual networks" (blocks that normalise first); Goyal et al. 2017, section 5.1 (the last weight of a block 0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import autograd_core as ag
from autograd_core import Tensor

from .. import functional, init
from ..activation import ReLU
from ..container import Sequential
from ..convolution import Conv2d
from ..layers import Identity, Linear
from ..module import Module
from ..normalization import BatchNorm2d
from ..parameter import Parameter
from ..pooling import AdaptiveAvgPool2d, MaxPool2d

Norm = Callable[[int], Module]


def conv3x3(narrow: int, wide: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Conv2d:
    """A 3×3 convolution that keeps the size at stride 1, without bias, since a normalisation follows."""
    return Conv2d(narrow, wide, 3, stride, dilation, dilation, groups, bias=False)


def conv1x1(narrow: int, wide: int, stride: int = 1) -> Conv2d:
    """A 1×1 convolution without bias."""
    return Conv2d(narrow, wide, 1, stride, bias=False)


def _rectified(norm: Module, input: Tensor, residual: Tensor | None = None) -> Tensor:
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
        hidden = _rectified(self.bn1, self.conv1(input))
        return _rectified(self.bn2, self.conv2(hidden), shortcut)


class PlainBlock(BasicBlock):
    """The block without its shortcut, to compare with: deep networks of it do not train."""

    def forward(self, input: Tensor) -> Tensor:
        """relu(F(x))."""
        return _rectified(self.bn2, self.conv2(_rectified(self.bn1, self.conv1(input))))


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
        hidden = self.conv1(_rectified(self.bn1, input))
        output: Tensor = self.conv2(_rectified(self.bn2, hidden)) + shortcut
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
        hidden = _rectified(self.bn1, self.conv1(input))
        hidden = _rectified(self.bn2, self.conv2(hidden))
        return _rectified(self.bn3, self.conv3(hidden), shortcut)


Block = BasicBlock | Bottleneck


def _initialise(module: Module, zero_init_residual: bool) -> None:
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


class ResNet(Module):
    """A residual network of four stages; `resnet18` to `resnet152` make the published ones.

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        layers: the number of blocks of each of the four stages.
        num_classes: size of the output.
        zero_init_residual: start with the last normalisation's weight of each block at 0, so that blocks start as
            identities.
        groups, width_per_group: of the 3×3 convolutions of bottlenecks.
        replace_stride_with_dilation: for each of the last three stages, whether to dilate instead of striding.
        norm_layer: makes a normalisation for a number of channels; batch normalisation unless given.
        stem: "imagenet" for a 7×7 convolution of stride 2 and a max pooling, "cifar" for one 3×3 convolution of stride
            1, for small images.
        in_channels: channels of the images.

    Shape:
        input (N, in_channels, H, W), output (N, num_classes).

    Raises:
        ValueError: for another stem, or a number of stages other than four.

    Example:
        >>> import autograd_core as ag, nn
        >>> model = nn.models.ResNet(nn.models.BasicBlock, [1, 1, 1, 1], num_classes=10, stem="cifar")
        >>> model(ag.ones(2, 3, 32, 32)).shape
        (2, 10)
    """

    normalized_pairs: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "bn1"),)

    def __init__(
        self,
        block: type[Block],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
        *,
        stem: str = "imagenet",
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if stem not in ("imagenet", "cifar"):
            raise ValueError(f"ResNet: stem must be 'imagenet' or 'cifar', got {stem!r}")
        dilate = (False,) * 3 if replace_stride_with_dilation is None else tuple(replace_stride_with_dilation)
        if len(layers) != 4 or len(dilate) != 3:
            raise ValueError(
                f"ResNet: layers must have four entries and replace_stride_with_dilation three, got {layers} and "
                f"{replace_stride_with_dilation}"
            )
        self._make_norm = BatchNorm2d if norm_layer is None else norm_layer
        self._options = {"groups": groups, "base_width": width_per_group, "norm_layer": norm_layer}
        self.inplanes = 64
        self.dilation = 1
        small = stem == "cifar"
        self.conv1 = conv3x3(in_channels, 64) if small else Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = self._make_norm(64)
        self.relu = ReLU(inplace=True)
        self.maxpool = Identity() if small else MaxPool2d(3, 2, 1)
        self.layer1 = self._make_stage(block, 64, layers[0])
        self.layer2 = self._make_stage(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_stage(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_stage(block, 512, layers[3], 2, dilate[2])
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)
        _initialise(self, zero_init_residual)

    def _make_stage(
        self, block: type[Block], planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> Sequential:
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        wide = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != wide:
            downsample = Sequential(conv1x1(self.inplanes, wide, stride), self._make_norm(wide))
        found: list[Module] = [
            block(self.inplanes, planes, stride, downsample, dilation=before, **self._options)  # type: ignore[arg-type]
        ]
        self.inplanes = wide
        more = {"dilation": self.dilation, **self._options}
        found += [block(wide, planes, **more) for _ in range(1, blocks)]  # type: ignore[arg-type]
        return Sequential(*found)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W) to (N, num_classes)."""
        hidden = self.maxpool(_rectified(self.bn1, self.conv1(input)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            hidden = stage(hidden)
        logits: Tensor = self.fc(self.avgpool(hidden).flatten(1))
        return logits


def resnet18(**options: Any) -> ResNet:
    """ResNet-18; options as :class:`ResNet` takes them."""
    return ResNet(BasicBlock, (2, 2, 2, 2), **options)


def resnet34(**options: Any) -> ResNet:
    """ResNet-34; options as :class:`ResNet` takes them."""
    return ResNet(BasicBlock, (3, 4, 6, 3), **options)


def resnet50(**options: Any) -> ResNet:
    """ResNet-50; options as :class:`ResNet` takes them."""
    return ResNet(Bottleneck, (3, 4, 6, 3), **options)


def resnet101(**options: Any) -> ResNet:
    """ResNet-101; options as :class:`ResNet` takes them."""
    return ResNet(Bottleneck, (3, 4, 23, 3), **options)


def resnet152(**options: Any) -> ResNet:
    """ResNet-152; options as :class:`ResNet` takes them."""
    return ResNet(Bottleneck, (3, 8, 36, 3), **options)


class CifarResNet(Module):
    """A narrow residual network of three stages for small images: 6 n + 2 layers for n blocks a stage.

    Args:
        blocks: n, the blocks of each stage.
        num_classes: size of the output.
        in_channels: channels of the images.
        width: channels of the first stage, doubled in each of the others.
        block: :class:`BasicBlock`, :class:`PreActivationBlock`, or :class:`PlainBlock` for a network without shortcuts.
        projection: whether shortcuts that change shape are 1×1 convolutions (option B) instead of zeros (option A).
        zero_init_residual: start with the last normalisation's weight of each block at 0.
        norm_layer: makes a normalisation for a number of channels; batch normalisation unless given.

    Shape:
        input (N, in_channels, H, W), output (N, num_classes).

    Example:
        >>> import autograd_core as ag, nn
        >>> sum(parameter.numel() for parameter in nn.models.cifar_resnet20().parameters())
        269722

    Source: He et al. 2015, section 4.2.
    """

    def __init__(
        self,
        blocks: int,
        num_classes: int = 10,
        *,
        in_channels: int = 3,
        width: int = 16,
        block: type[BasicBlock] = BasicBlock,
        projection: bool = False,
        zero_init_residual: bool = False,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        make = BatchNorm2d if norm_layer is None else norm_layer
        first = issubclass(block, PreActivationBlock)
        self.conv1 = conv3x3(in_channels, width)
        self.bn1 = make(4 * width if first else width)
        self.relu = ReLU(inplace=True)
        self._normalises_last = first
        # Read by nn.fuse_batch_norm.
        self.normalized_pairs = () if first else (("conv1", "bn1"),)
        narrow = width
        stages = []
        for stage in range(3):
            wide = width << stage
            found: list[Module] = []
            for number in range(blocks):
                stride = 2 if stage and not number else 1
                shortcut: Module | None = None
                if stride > 1 and not issubclass(block, PlainBlock):
                    shortcut = (
                        Sequential(conv1x1(narrow, wide, stride), make(wide))
                        if projection
                        else PaddedShortcut(narrow, wide, stride)
                    )
                found.append(block(narrow, wide, stride, shortcut, norm_layer=norm_layer))
                narrow = wide
            stages.append(Sequential(*found))
        self.layer1, self.layer2, self.layer3 = stages
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(narrow, num_classes)
        _initialise(self, zero_init_residual)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W) to (N, num_classes)."""
        hidden = self.conv1(input)
        if not self._normalises_last:
            hidden = _rectified(self.bn1, hidden)
        for stage in (self.layer1, self.layer2, self.layer3):
            hidden = stage(hidden)
        if self._normalises_last:
            hidden = _rectified(self.bn1, hidden)
        logits: Tensor = self.fc(self.avgpool(hidden).flatten(1))
        return logits


def cifar_resnet20(num_classes: int = 10, **options: Any) -> CifarResNet:
    """ResNet-20 for CIFAR; options as :class:`CifarResNet` takes them."""
    return CifarResNet(3, num_classes, **options)


def cifar_resnet32(num_classes: int = 10, **options: Any) -> CifarResNet:
    """ResNet-32 for CIFAR; options as :class:`CifarResNet` takes them."""
    return CifarResNet(5, num_classes, **options)


def cifar_resnet56(num_classes: int = 10, **options: Any) -> CifarResNet:
    """ResNet-56 for CIFAR; options as :class:`CifarResNet` takes them."""
    return CifarResNet(9, num_classes, **options)


def cifar_resnet110(num_classes: int = 10, **options: Any) -> CifarResNet:
    """ResNet-110 for CIFAR; options as :class:`CifarResNet` takes them."""
    return CifarResNet(18, num_classes, **options)


__all__ = [
    "BasicBlock",
    "Bottleneck",
    "CifarResNet",
    "PaddedShortcut",
    "PlainBlock",
    "PreActivationBlock",
    "ResNet",
    "cifar_resnet20",
    "cifar_resnet32",
    "cifar_resnet56",
    "cifar_resnet110",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
]
