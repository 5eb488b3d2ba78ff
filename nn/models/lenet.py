"""LeNet-5."""

from __future__ import annotations

from autograd_core import Tensor

from .. import functional
from ..activation import Tanh
from ..container import Sequential
from ..convolution import Conv2d
from ..layers import Flatten, Linear
from ..module import Module
from ..pooling import AvgPool2d


class LeNet5(Module):
    """Two convolutions with average pooling, and three affine maps, with tanh between them.

    As published but for two simplifications that are usual now: every map of the second convolution sees all of the
    first's, and the output is affine instead of radial basis functions.

    Args:
        num_classes: size of the output.
        in_channels: channels of the images.

    Shape:
        input (N, in_channels, 32, 32), or 28 × 28, which is padded; output (N, num_classes).

    Raises:
        ValueError: when called with images of another size.

    Example:
        >>> import autograd_core as ag, nn
        >>> model = nn.models.LeNet5()
        >>> model(ag.ones(2, 1, 28, 28)).shape, sum(parameter.numel() for parameter in model.parameters())
        ((2, 10), 61706)

    Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition".
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.features = Sequential(
            Conv2d(in_channels, 6, 5), Tanh(), AvgPool2d(2), Conv2d(6, 16, 5), Tanh(), AvgPool2d(2), Flatten()
        )
        self.classifier = Sequential(Linear(400, 120), Tanh(), Linear(120, 84), Tanh(), Linear(84, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, in_channels, 28 or 32, 28 or 32) to (N, num_classes)."""
        if input.shape[-2:] == (28, 28):
            input = functional.pad(input, (2, 2, 2, 2))
        if input.ndim != 4 or input.shape[-2:] != (32, 32):
            raise ValueError(f"LeNet5: expected images (N, C, 32, 32) or (N, C, 28, 28), got shape {input.shape}")
        logits: Tensor = self.classifier(self.features(input))
        return logits


__all__ = ["LeNet5"]
