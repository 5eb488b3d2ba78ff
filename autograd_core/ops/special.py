"""Special functions: error functions, the gamma family, modified Bessel functions, logits.

Values come from :mod:`autograd_core.kernels.special`, derivatives from the functions' own relations. PyTorch keeps
many of them in ``torch.special``: see :mod:`autograd_core.special`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..dispatch import elementwise
from ..formula import special as statements
from ..op import NONZERO, POSITIVE, UNIT, Domain
from ..tensor import Tensor
from .activation import sigmoid
from .calling import public
from .limits import clamp

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


# --- error functions --------------------------------------------------------------------------------------------


@elementwise(special=(0.0, 1e3, -1e3), domain=Domain(-4.0, 4.0), reference=statements.erf, torch="erf")
def erf(x: Any) -> Any:
    """Gauss error function."""
    return f.erf(x)


@erf.partial
def _(x: Any) -> Any:
    return _TWO_OVER_ROOT_PI * f.exp(-x * x)


@elementwise(special=(0.0, 1e3, -1e3), domain=Domain(-4.0, 4.0), reference=statements.erfc, torch="erfc")
def erfc(x: Any) -> Any:
    """1 - erf(x), without loss of digits for large x."""
    return f.erfc(x)


@erfc.partial
def _(x: Any) -> Any:
    return -_TWO_OVER_ROOT_PI * f.exp(-x * x)


@elementwise(special=(0.0, 1.0, -1.0, 2.0), domain=UNIT, reference=statements.erfinv, torch="erfinv")
def erfinv(x: Any) -> Any:
    """Inverse of the error function; infinite at -1 and 1, NaN outside."""
    return f.erfinv(x)


@erfinv.partial
def _(y: Any) -> Any:
    return (1 / _TWO_OVER_ROOT_PI) * f.exp(y * y)


@elementwise(
    special=(0.0, np.inf, -np.inf),
    reference=lambda x: 0.5 * statements.erfc(-x / math.sqrt(2)),
    torch="special.ndtr",
    method=False,
)
def ndtr(x: Any) -> Any:
    """The standard normal distribution function."""
    return 0.5 * f.erfc(-math.sqrt(0.5) * x)


@ndtr.partial
def _(x: Any) -> Any:
    return (1 / math.sqrt(2 * math.pi)) * f.exp(-0.5 * x * x)


# --- gamma family -----------------------------------------------------------------------------------------------


@elementwise(special=(0.0, -1.0, 1.0, 1e10), domain=POSITIVE, reference=statements.lgamma, torch="lgamma")
def lgamma(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function; infinite at 0, -1, -2 …"""
    return f.lgamma(x)


@lgamma.partial
def _(x: Any) -> Any:
    return f.digamma(x)


@elementwise(special=(0.0, -0.5, 1.0, 1e10), domain=POSITIVE, reference=statements.digamma, torch="digamma")
def digamma(x: Any) -> Any:
    """Logarithmic derivative of the gamma function; NaN at -1, -2 …"""
    return f.digamma(x)


@digamma.partial
def _(x: Any) -> Any:
    return f.polygamma(x, 1.0)


@elementwise(
    name="polygamma",
    special=(0.0, -0.5, 1.0),
    domain=POSITIVE,
    reference=lambda x, n: statements.polygamma(x, n),
    method=False,
)
def _polygamma(x: Any, *, n: Any = 1) -> Any:
    """n-th derivative of the digamma function, for n at least 1."""
    return f.polygamma(x, n)


@_polygamma.partial
def _(x: Any, n: Any) -> Any:
    return f.polygamma(x, n + 1)


@elementwise(special=(0.0, -0.5, 1.0), domain=POSITIVE, reference=lambda x: statements.polygamma(x, 1), method=False)
def trigamma(x: Any) -> Any:
    """First derivative of the digamma function, whose kernel has no loop of unknown length."""
    return f.polygamma(x, 1.0)


@trigamma.partial
def _(x: Any) -> Any:
    return f.polygamma(x, 2.0)


def polygamma(n: int, input: Tensor) -> Tensor:
    """n-th derivative of the digamma function.

    Raises:
        TypeError: if `n` is not an integer.
        ValueError: if it is negative.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"polygamma: n must be an int, got {type(n).__name__}")
    if n < 0:
        raise ValueError(f"polygamma: n must not be negative, got {n}")
    if n < 2:
        return trigamma(input) if n else digamma(input)
    return _polygamma(input, n=float(n))


@public(_polygamma, method=True)
def _of_order(input: Tensor, n: Any) -> Tensor:
    return _polygamma(input, n=float(n)) if n else digamma(input)


# --- modified Bessel functions ----------------------------------------------------------------------------------


@elementwise(special=(0.0, 8.0, -100.0), reference=statements.i0, torch="i0")
def i0(x: Any) -> Any:
    """Modified Bessel function of the first kind, order 0."""
    return f.i0(x)


@i0.partial
def _(x: Any) -> Any:
    return f.i1(x)


@elementwise(domain=NONZERO, special=(0.0, 8.0, -1000.0), reference=statements.i0e, torch="special.i0e", method=False)
def i0e(x: Any) -> Any:
    """exp(-|x|) I₀(x)."""
    return f.i0e(x)


@i0e.partial
def _(x: Any, y: Any) -> Any:
    return f.i1e(x) - f.sign(x) * y


@elementwise(special=(0.0, 8.0, -100.0), reference=statements.i1, torch="special.i1", method=False)
def i1(x: Any) -> Any:
    """Modified Bessel function of the first kind, order 1."""
    return f.i1(x)


@i1.partial
def _(x: Any, y: Any) -> Any:
    zero = f.equal(x, 0)
    return f.where(zero, 0.5, f.i0(x) - y / f.where(zero, 1, x))


@elementwise(domain=NONZERO, special=(0.0, 8.0, -1000.0), reference=statements.i1e, torch="special.i1e", method=False)
def i1e(x: Any) -> Any:
    """exp(-|x|) I₁(x)."""
    return f.i1e(x)


@i1e.partial
def _(x: Any, y: Any) -> Any:
    zero = f.equal(x, 0)
    return f.where(zero, 0.5, f.i0e(x) - y * (f.sign(x) + 1 / f.where(zero, 1, x)))


# --- logits -----------------------------------------------------------------------------------------------------


@elementwise(
    name="logit",
    domain=Domain(0.05, 0.95),
    special=(0.0, 1.0, 0.5, -1.0),
    reference=lambda x: np.log(x) - np.log1p(-x),
    torch="logit",
    method=False,
)
def _logit(x: Any) -> Any:
    """log(x / (1 - x)); NaN outside [0, 1]."""
    # Around ½ the quotient is near 1, and 2x - 1 is exact.
    middle = f.logical_and(x > 0.25, x < 0.75)
    return f.where(middle, f.log1p((2 * x - 1) / (1 - x)), f.log(x / (1 - x)))


@_logit.partial
def _(x: Any, y: Any) -> Any:
    # Outside, y is NaN.
    return f.where(f.logical_and(x >= 0, x <= 1), 1, y) / (x * (1 - x))


@public(_logit, method=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of :func:`sigmoid`.

    Args:
        input: probabilities.
        eps: clamp `input` to [eps, 1 - eps] first, with gradient 0 where that changes it; None: NaN outside [0, 1].
    """
    if eps is None:
        return _logit(input)
    if not input.is_floating_point():
        input = input.to(dtypes.get_default_dtype())
    return _logit(clamp(input, float(eps), 1 - float(eps)))


expit, gammaln, psi = sigmoid, lgamma, digamma

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "expit",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "lgamma",
    "logit",
    "ndtr",
    "polygamma",
]
