"""Smooth activation functions: formula and derivative beside each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..dispatch import apply_to_one, elementwise
from ..formula import special as statements
from ..op import NONZERO, REAL
from ..tensor import Tensor
from .calling import activate, public

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_OVER_PI = math.sqrt(2 / math.pi)
_INVERSE_SQRT_TWO_PI = 1 / math.sqrt(2 * math.pi)


@elementwise(special=(0.0, 1e3, -1e3), reference=np.tanh, torch="tanh")
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; saturates at -1 and 1."""
    return f.tanh(x)


@tanh.partial
def _(y: Any) -> Any:
    return (1 - y) * (1 + y)


@elementwise(special=(0.0, 1e3, -1e3), reference=lambda x: 1 / (1 + np.exp(-x)), torch="sigmoid")
def sigmoid(x: Any) -> Any:
    """Logistic function 1 / (1 + exp(-x))."""
    return f.sigmoid(x)


@sigmoid.partial
def _(y: Any) -> Any:
    return y * (1 - y)


@elementwise(
    special=(0.0, 1e3, -1e3),
    reference=lambda x: -np.logaddexp(0, -x),
    torch="nn.functional.logsigmoid",
    method=False,
)
def logsigmoid(x: Any) -> Any:
    """Logarithm of the logistic function, finite for every finite x."""
    return -f.softplus(-x)


@logsigmoid.partial
def _(x: Any) -> Any:
    return f.sigmoid(-x)


# --- exponential units ------------------------------------------------------------------------------------------


def _negative(x: Any) -> Any:
    """x below 0, else 0: what the exponential sees. NaN stays, and at 0 the second derivative is 0."""
    return f.where(x >= 0, 0, x)


@elementwise(
    name="elu",
    domain=NONZERO,
    special=(0.0, -1e3),
    reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    torch="nn.functional.elu",
    method=False,
)
def _elu(x: Any, *, alpha: Any = 1.0) -> Any:
    """x for positive x, else alpha (exp(x) - 1) (Clevert et al. 2016)."""
    return f.where(x > 0, x, alpha * f.expm1(_negative(x)))


@_elu.partial
def _(x: Any, alpha: Any) -> Any:
    return f.where(x <= 0, alpha * f.exp(_negative(x)), 1)


@public(_elu)
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Exponential linear unit: x for positive x, else alpha (exp(x) - 1) (Clevert et al. 2016)."""
    return activate(_elu, input, inplace, {"alpha": float(alpha)})


# Klambauer et al. 2017, "Self-normalizing neural networks": the fixed point of mean 0 and variance 1.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@elementwise(
    name="selu",
    domain=NONZERO,
    special=(0.0, -1e3),
    reference=lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x)),
    torch="nn.functional.selu",
    method=False,
)
def _selu(x: Any) -> Any:
    """An elu with fixed scales, which keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017)."""
    return f.where(x > 0, _SELU_SCALE * x, _SELU_SCALE * _SELU_ALPHA * f.expm1(_negative(x)))


@_selu.partial
def _(x: Any) -> Any:
    return f.where(x <= 0, _SELU_SCALE * _SELU_ALPHA * f.exp(_negative(x)), _SELU_SCALE)


@public(_selu)
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017)."""
    return activate(_selu, input, inplace)


@elementwise(
    name="celu",
    domain=NONZERO,
    special=(0.0, -1e3),
    reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
    torch="nn.functional.celu",
    method=False,
)
def _celu(x: Any, *, alpha: Any = 1.0) -> Any:
    """x for positive x, else alpha (exp(x / alpha) - 1): an elu with a continuous derivative (Barron 2017)."""
    return f.where(x > 0, x, alpha * f.expm1(_negative(x) / alpha))


@_celu.partial
def _(x: Any, alpha: Any) -> Any:
    return f.where(x <= 0, f.exp(_negative(x) / alpha), 1)


@public(_celu)
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Continuously differentiable exponential linear unit: x for positive x, else alpha (exp(x / alpha) - 1).

    Raises:
        ValueError: if `alpha` is 0.

    Source: Barron 2017.
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    return activate(_celu, input, inplace, {"alpha": float(alpha)})


@elementwise(
    name="softplus",
    special=(0.0, 1e3, -1e3),
    reference=lambda x: np.logaddexp(x, 0),
    torch="nn.functional.softplus",
    method=False,
)
def _softplus(x: Any) -> Any:
    """log(1 + exp(x)), a smooth ReLU."""
    return f.softplus(x)


@_softplus.partial
def _(x: Any) -> Any:
    return f.sigmoid(x)


@elementwise(
    name="softplus_scaled",
    special=(0.0, 1e3, -1e3),
    reference=lambda x, beta, threshold: np.where(x * beta > threshold, x, np.logaddexp(x * beta, 0) / beta),
    torch="nn.functional.softplus",
    method=False,
)
def _softplus_scaled(x: Any, *, beta: Any = 2.0, threshold: Any = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, replaced by x where beta x exceeds the threshold."""
    return f.where(x * beta > threshold, x, f.softplus(x * beta) / beta)


@_softplus_scaled.partial
def _(x: Any, beta: Any, threshold: Any) -> Any:
    return f.where(x * beta > threshold, 1, f.sigmoid(x * beta))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Smooth ReLU, log(1 + exp(beta x)) / beta.

    Args:
        input: any shape.
        beta: steepness.
        threshold: the result is x where beta x exceeds it. With the defaults this changes no bit in float32.

    Raises:
        ValueError: if `beta` is 0.
    """
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    if beta == 1 and threshold == 20 and input.dtype == dtypes.float32:
        return _softplus(input)
    return apply_to_one(_softplus_scaled.op, input, {"beta": float(beta), "threshold": float(threshold)})


# --- gated by a sigmoid or a distribution -----------------------------------------------------------------------


@elementwise(
    name="silu",
    special=(0.0, 1e3, -1e3),
    reference=lambda x: x / (1 + np.exp(-x)),
    torch="nn.functional.silu",
    method=False,
)
def _silu(x: Any) -> Any:
    """x sigmoid(x), the sigmoid-weighted linear unit or Swish (Ramachandran et al. 2017)."""
    return x * f.sigmoid(x)


@_silu.partial
def _(x: Any) -> Any:
    return f.sigmoid(x) * (1 + x * (1 - f.sigmoid(x)))


@public(_silu)
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Sigmoid-weighted linear unit or Swish, x sigmoid(x) (Ramachandran et al. 2017)."""
    return activate(_silu, input, inplace)


@elementwise(
    name="mish",
    special=(0.0, 1e3, -1e3),
    reference=lambda x: x * np.tanh(np.logaddexp(x, 0)),
    torch="nn.functional.mish",
    method=False,
)
def _mish(x: Any) -> Any:
    """x tanh(log(1 + exp(x))) (Misra 2019)."""
    return x * f.tanh(f.softplus(x))


@_mish.partial
def _(x: Any) -> Any:
    gate = f.tanh(f.softplus(x))
    return gate + x * f.sigmoid(x) * ((1 - gate) * (1 + gate))


@public(_mish)
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + exp(x))), a smooth self-gated unit (Misra 2019)."""
    return activate(_mish, input, inplace)


@elementwise(
    domain=REAL,
    special=(0.0, 1e3, -1e3),
    reference=lambda x: 0.5 * x * (1 + statements.erf(x * _SQRT_HALF)),
    torch="nn.functional.gelu",
    method=False,
)
def gelu_exact(x: Any) -> Any:
    """Gaussian error linear unit x Phi(x) (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + f.erf(_SQRT_HALF * x))


@gelu_exact.partial
def _(x: Any) -> Any:
    return 0.5 * (1 + f.erf(_SQRT_HALF * x)) + _INVERSE_SQRT_TWO_PI * x * f.exp(-0.5 * x * x)


def _inner(x: Any) -> Any:
    return _SQRT_TWO_OVER_PI * (x + 0.044715 * (x * x * x))


@elementwise(
    special=(0.0, 1e3, -1e3),
    reference=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    method=False,
)
def gelu_tanh(x: Any) -> Any:
    """x Phi(x) with tanh for the error function (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + f.tanh(_inner(x)))


@gelu_tanh.partial
def _(x: Any) -> Any:
    gate = f.tanh(_inner(x))
    slope = _SQRT_TWO_OVER_PI * (1 + 3 * 0.044715 * (x * x))
    return 0.5 * (1 + gate) + 0.5 * x * ((1 - gate) * (1 + gate)) * slope


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    Args:
        input: any shape.
        approximate: "none", or "tanh" for 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))).

    Raises:
        ValueError: for another approximation.
    """
    if approximate == "none":
        return gelu_exact(input)
    if approximate == "tanh":
        return gelu_tanh(input)
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


# --- others -----------------------------------------------------------------------------------------------------


@elementwise(
    special=(0.0, 1e3, -1e3), reference=lambda x: x / (1 + np.abs(x)), torch="nn.functional.softsign", method=False
)
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return x / (1 + f.abs(x))


@softsign.partial
def _(x: Any) -> Any:
    return 1 / ((1 + f.abs(x)) * (1 + f.abs(x)))


@elementwise(
    special=(0.0, 1e3, -1e3), reference=lambda x: x - np.tanh(x), torch="nn.functional.tanhshrink", method=False
)
def tanhshrink(x: Any) -> Any:
    """x - tanh(x)."""
    return x - f.tanh(x)


@tanhshrink.partial
def _(x: Any) -> Any:
    return f.tanh(x) * f.tanh(x)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit: the first half along `dim` times the sigmoid of the second (Dauphin et al. 2017).

    Raises:
        ValueError: if the size of `dim` is odd.
    """
    if input.ndim == 0 or input.shape[dim] % 2:
        raise ValueError(f"glu: dimension {dim} of shape {input.shape} cannot be halved")
    half = input.shape[dim] // 2
    before = (slice(None),) * (dim % input.ndim)
    return input[(*before, slice(half))] * sigmoid(input[(*before, slice(half, None))])


swish = silu

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "logsigmoid",
    "mish",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "swish",
    "tanh",
    "tanhshrink",
]
