"""The multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .. import activation as activations
from ..container import Sequential
from ..dropout import Dropout
from ..layers import Identity, Linear, positive_size
from ..module import Module
from ..normalization import BatchNorm1d

Factory = TypeVar("Factory", bound=Callable[..., Module])

ACTIVATIONS: dict[str, Callable[[], Module]] = {
    "celu": activations.CELU,
    "elu": activations.ELU,
    "gelu": activations.GELU,
    "hardsigmoid": activations.Hardsigmoid,
    "hardswish": activations.Hardswish,
    "hardtanh": activations.Hardtanh,
    "identity": Identity,
    "leaky_relu": activations.LeakyReLU,
    "mish": activations.Mish,
    "prelu": activations.PReLU,
    "relu": activations.ReLU,
    "relu6": activations.ReLU6,
    "selu": activations.SELU,
    "sigmoid": activations.Sigmoid,
    "silu": activations.SiLU,
    "softplus": activations.Softplus,
    "softsign": activations.Softsign,
    "tanh": activations.Tanh,
}


class MLP(Sequential):
    """A fully connected network: affine maps with an activation after each but the last.

    Each hidden layer is Linear, then the normalisation if any, the activation, and dropout if any.

    Args:
        in_features: size of the last dimension of the input.
        hidden: sizes of the hidden layers; a single size for one layer, empty for an affine map.
        out_features: size of the last dimension of the output.
        activation: a name such as "relu", "tanh" or "gelu", or a function without arguments that makes a module, a
            class for instance.
        normalization: True for batch normalisation, False for none, or a function that makes a module for a given
            number of features.
        dropout: the probability of dropping a hidden unit.
        bias: whether the affine maps have biases.

    Shape:
        input (N, in_features), output (N, out_features); without normalisation any number of leading dimensions.

    Raises:
        ValueError: for an unknown activation, negative sizes, a probability outside [0, 1].
        TypeError: for sizes that are no integers, and for a module where a function that makes one is expected.

    Example:
        >>> import nn
        >>> nn.MLP(2, [8], 1, normalization=True)
        MLP(
          (0): Linear(in_features=2, out_features=8, bias=True)
          (1): BatchNorm1d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
          (2): ReLU()
          (3): Linear(in_features=8, out_features=1, bias=True)
        )
    """

    def __init__(
        self,
        in_features: int,
        hidden: int | Sequence[int],
        out_features: int,
        *,
        activation: str | Callable[[], Module] = "relu",
        normalization: bool | Callable[[int], Module] = False,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        widths = list(hidden) if isinstance(hidden, Sequence) else [hidden]
        for position, width in enumerate(widths):
            positive_size(width, f"hidden[{position}]", "MLP")
        make_activation = _activation(activation)
        make_normalization = _normalization(normalization)
        layers: list[Module] = []
        for width in widths:
            layers.append(Linear(in_features, width, bias))
            if make_normalization is not None:
                layers.append(make_normalization(width))
            layers.append(make_activation())
            if dropout:
                layers.append(Dropout(dropout))
            in_features = width
        layers.append(Linear(in_features, out_features, bias))
        self.extend(layers)


def _activation(activation: str | Callable[[], Module]) -> Callable[[], Module]:
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(f"MLP: unknown activation {activation!r}; known are {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[activation]
    return _factory(activation, "activation", "a name, or a function that makes a module")


def _normalization(normalization: bool | Callable[[int], Module]) -> Callable[[int], Module] | None:
    if normalization is False:
        return None
    if normalization is True:
        return BatchNorm1d
    return _factory(
        normalization, "normalization", "a bool, or a function that makes a module for a number of features"
    )


def _factory(given: Factory, name: str, expected: str) -> Factory:
    if isinstance(given, Module) or not callable(given):
        raise TypeError(f"MLP: {name} must be {expected}; got {type(given).__name__} {given!r}")
    return given


__all__ = ["MLP"]
