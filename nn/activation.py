"""Activation functions as modules; each applies its namesake in :mod:`nn.functional`, elementwise unless it says so."""

from __future__ import annotations

from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional
from .layers import positive_size
from .module import Module
from .parameter import Parameter


class _Activation(Module):
    """An activation whose options are attributes, shown in the order of `_options`."""

    _options: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        """The options; `inplace` only where it is set."""
        shown = [f"{name}={getattr(self, name)!r}" for name in self._options]
        if getattr(self, "inplace", False):
            shown.append("inplace=True")
        return ", ".join(shown)


class _InPlaceActivation(_Activation):
    """An activation that can overwrite its input, and has no other option."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class ReLU(_InPlaceActivation):
    """max(x, 0); the derivative at 0 is 0.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.ReLU()(ag.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    _is_relu = True

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.relu(input, self.inplace)


class ReLU6(_InPlaceActivation):
    """min(max(x, 0), 6)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.relu6(input, self.inplace)


class SELU(_InPlaceActivation):
    """Scaled exponential linear unit (Klambauer et al. 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.selu(input, self.inplace)


class SiLU(_InPlaceActivation):
    """x σ(x), also called Swish."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.silu(input, self.inplace)


class Mish(_InPlaceActivation):
    """x tanh(softplus(x)) (Misra 2019)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.mish(input, self.inplace)


class Hardswish(_InPlaceActivation):
    """x hardsigmoid(x) (Howard et al. 2019)."""

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.hardswish(input, self.inplace)


class Hardsigmoid(_InPlaceActivation):
    """x / 6 + ½ limited to [0, 1]."""

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.hardsigmoid(input, self.inplace)


class LeakyReLU(_Activation):
    """x for positive x, else negative_slope · x."""

    _options = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(_Activation):
    """x for positive x, else weight · x, with a learned weight (He et al. 2015).

    Args:
        num_parameters: 1, or the number of channels (dimension 1 of the input).
        init: the weights' first value.
        dtype: of the weights.

    Shape:
        input (N, C, …) or any for a single weight; weight (num_parameters,).
    """

    _options = ("num_parameters",)
    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = positive_size(num_parameters, "num_parameters", "PReLU", minimum=1)
        self.init = float(init)
        self.weight = Parameter(ag.full(self.num_parameters, self.init, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.prelu(input, self.weight)


class ELU(_Activation):
    """x for positive x, else alpha (exp(x) - 1) (Clevert et al. 2016)."""

    _options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.elu(input, self.alpha, self.inplace)


class CELU(_Activation):
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017)."""

    _options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.celu(input, self.alpha, self.inplace)


class GELU(_Activation):
    """Gaussian error linear unit x Φ(x), or its approximation by tanh (Hendrycks and Gimpel 2016).

    Args:
        approximate: "none" or "tanh".
    """

    _options = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.gelu(input, self.approximate)


class Softplus(_Activation):
    """log(1 + exp(beta x)) / beta; x itself where beta x exceeds the threshold."""

    _options = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.softplus(input, self.beta, self.threshold)


class Softsign(_Activation):
    """x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.softsign(input)


class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.sigmoid(input)


class LogSigmoid(_Activation):
    """log σ(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.logsigmoid(input)


class Tanh(_Activation):
    """Hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.tanh(input)


class Hardtanh(_Activation):
    """x limited to [min_val, max_val].

    Raises:
        ValueError: if `min_val` does not lie below `max_val`.
    """

    _options = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: min_val must lie below max_val, got {min_val} and {max_val}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)


class Softmax(_Activation):
    """exp(x) / Σ exp(x) along the dimension `dim`."""

    _options = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.softmax(input, self.dim)


class LogSoftmax(_Activation):
    """The logarithm of softmax along the dimension `dim`."""

    _options = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.log_softmax(input, self.dim)


__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]
