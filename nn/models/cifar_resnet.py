"""The narrow residual networks for images of CIFAR's size.

Source: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition", section 4.2.
"""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor

from ..activation import ReLU
from ..container import Sequential
from ..layers import Linear
from ..module import Module
from ..normalization import BatchNorm2d
from ..pooling import AdaptiveAvgPool2d
from .residual import (
    BasicBlock,
    Norm,
    PaddedShortcut,
    PlainBlock,
    PreActivationBlock,
    conv1x1,
    conv3x3,
    initialise,
    rectified,
)


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
        initialise(self, zero_init_residual)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W) to (N, num_classes)."""
        hidden = self.conv1(input)
        if not self._normalises_last:
            hidden = rectified(self.bn1, hidden)
        for stage in (self.layer1, self.layer2, self.layer3):
            hidden = stage(hidden)
        if self._normalises_last:
            hidden = rectified(self.bn1, hidden)
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


__all__ = ["CifarResNet", "cifar_resnet20", "cifar_resnet32", "cifar_resnet56", "cifar_resnet110"]
