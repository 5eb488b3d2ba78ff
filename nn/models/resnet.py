"""The residual networks for ImageNet; `state_dict` keys and layouts are torchvision's, so that its weights load.

Source: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from autograd_core import Tensor

from ..activation import ReLU
from ..container import Sequential
from ..convolution import Conv2d
from ..layers import Identity, Linear
from ..module import Module
from ..normalization import BatchNorm2d
from ..pooling import AdaptiveAvgPool2d, MaxPool2d
from .residual import BasicBlock, Block, Bottleneck, Norm, conv1x1, conv3x3, initialise, rectified


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
        initialise(self, zero_init_residual)

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
        hidden = self.maxpool(rectified(self.bn1, self.conv1(input)))
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


__all__ = ["ResNet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
