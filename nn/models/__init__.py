"""Networks of the literature: multi-layer perceptrons, LeNet, residual networks.

Example:
    >>> import nn
    >>> sum(parameter.numel() for parameter in nn.models.resnet18().parameters())
    11689512
"""

from .cifar_resnet import CifarResNet, cifar_resnet20, cifar_resnet32, cifar_resnet56, cifar_resnet110
from .lenet import LeNet5
from .mlp import MLP
from .residual import BasicBlock, Bottleneck, PaddedShortcut, PlainBlock, PreActivationBlock
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152

__all__ = [
    "MLP",
    "BasicBlock",
    "Bottleneck",
    "CifarResNet",
    "LeNet5",
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
