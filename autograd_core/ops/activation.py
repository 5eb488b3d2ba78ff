"""Activation functions: formula and derivative beside each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import formula as f
from ..dispatch import elementwise
from ..op import NONZERO, REAL, Domain

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_OVER_PI = math.sqrt(2 / math.pi)
_INVERSE_SQRT_TWO_PI = 1 / math.sqrt(2 * math.pi)


@elementwise(special=(0.0, 1e3, -1e3), reference=np.tanh)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; saturates at -1 and 1."""
    return f.tanh(x)


@tanh.partial
def _(y: Any) -> Any:
    return (1 - y) * (1 + y)


@elementwise(special=(0.0, 1e3, -1e3), reference=lambda x: 1 / (1 + np.exp(-x)))
def sigmoid(x: Any) -> Any:
    """Logistic function 1 / (1 + exp(-x))."""
    return f.sigmoid(x)


@sigmoid.partial
def _(y: Any) -> Any:
    return y * (1 - y)


@elementwise(promotes=False, domain=NONZERO, special=(0.0,), reference=lambda x: np.maximum(x, 0))
def relu(x: Any) -> Any:
    """Rectified linear unit, max(x, 0); its derivative at 0 is 0."""
    return f.maximum(x, 0)


@relu.partial
def _(y: Any) -> Any:
    return f.where(y > 0, 1, 0)


@elementwise(
    promotes=False,
    domain=NONZERO,
    special=(0.0,),
    reference=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    torch="nn.functional.leaky_relu",
    method=False,
)
def leaky_relu(x: Any, *, negative_slope: Any = 0.01) -> Any:
    """x for positive x, else negative_slope times x, also for the derivative at 0."""
    return f.where(x > 0, x, negative_slope * x)


@leaky_relu.partial
def _(x: Any, negative_slope: Any) -> Any:
    return f.where(x > 0, 1, negative_slope)


@elementwise(
    domain=NONZERO,
    special=(0.0, -1e3),
    reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    torch="nn.functional.elu",
    method=False,
)
def elu(x: Any, *, alpha: Any = 1.0) -> Any:
    """Exponential linear unit (Clevert et al. 2016): x for positive x, else alpha (exp(x) - 1)."""
    return f.where(x > 0, x, alpha * f.expm1(f.minimum(x, 0)))


@elu.partial
def _(x: Any, alpha: Any) -> Any:
    return f.where(x > 0, 1, alpha * f.exp(f.minimum(x, 0)))


@elementwise(
    special=(0.0, 1e3, -1e3), reference=lambda x: np.logaddexp(x, 0), torch="nn.functional.softplus", method=False
)
def softplus(x: Any) -> Any:
    """Smooth ReLU, log(1 + exp(x))."""
    return f.softplus(x)


@softplus.partial
def _(x: Any) -> Any:
    return f.sigmoid(x)


@elementwise(
    special=(0.0, 1e3, -1e3), reference=lambda x: x / (1 + np.exp(-x)), torch="nn.functional.silu", method=False
)
def silu(x: Any) -> Any:
    """Sigmoid-weighted linear unit or Swish, x sigmoid(x) (Ramachandran et al. 2017)."""
    return x * f.sigmoid(x)


@silu.partial
def _(x: Any) -> Any:
    return f.sigmoid(x) * (1 + x * (1 - f.sigmoid(x)))


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[np.float64])(x) if np.size(x) else np.asarray(x, np.float64)


@elementwise(
    name="gelu_exact",
    domain=REAL,
    special=(0.0, 1e3, -1e3),
    reference=lambda x: 0.5 * x * (1 + _erf(x * _SQRT_HALF)),
    torch="nn.functional.gelu",
    method=False,
)
def gelu_exact(x: Any) -> Any:
    """Gaussian error linear unit x Phi(x) (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + f.erf(_SQRT_HALF * x))


@gelu_exact.partial
def _(x: Any) -> Any:
    return 0.5 * (1 + f.erf(_SQRT_HALF * x)) + _INVERSE_SQRT_TWO_PI * x * f.exp(-0.5 * x * x)


@elementwise(special=(0.0,), domain=Domain(-4.0, 4.0), method=True)
def erf(x: Any) -> Any:
    """Gauss error function."""
    return f.erf(x)


@erf.partial
def _(x: Any) -> Any:
    return (2 / math.sqrt(math.pi)) * f.exp(-x * x)
