"""Trigonometric and hyperbolic functions, their inverses, and degrees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import formula as f
from ..dispatch import elementwise
from ..op import NONZERO, REAL, UNIT, Domain
from .calling import alias


@elementwise(special=(0.0,), reference=np.sin, torch="sin")
def sin(x: Any) -> Any:
    """Sine."""
    return f.sin(x)


@sin.partial
def _(x: Any) -> Any:
    return f.cos(x)


@elementwise(special=(0.0,), reference=np.cos, torch="cos")
def cos(x: Any) -> Any:
    """Cosine."""
    return f.cos(x)


@cos.partial
def _(x: Any) -> Any:
    return -f.sin(x)


@elementwise(domain=Domain(-1.3, 1.3), special=(0.0,), reference=np.tan, torch="tan")
def tan(x: Any) -> Any:
    """Tangent."""
    return f.tan(x)


@tan.partial
def _(y: Any) -> Any:
    return 1 + y * y


@elementwise(domain=UNIT, special=(0.0, 1.0, -1.0, 2.0), reference=np.arcsin, torch="asin")
def asin(x: Any) -> Any:
    """Inverse sine, in [-π/2, π/2]; NaN outside [-1, 1], and the gradient at the ends is infinite."""
    return f.arcsin(x)


@asin.partial
def _(x: Any) -> Any:
    return 1 / f.sqrt((1 - x) * (1 + x))


@elementwise(domain=UNIT, special=(0.0, 1.0, -1.0, 2.0), reference=np.arccos, torch="acos")
def acos(x: Any) -> Any:
    """Inverse cosine, in [0, π]; NaN outside [-1, 1], and the gradient at the ends is infinite."""
    return f.arccos(x)


@acos.partial
def _(x: Any) -> Any:
    return -1 / f.sqrt((1 - x) * (1 + x))


@elementwise(special=(0.0, np.inf, -np.inf), reference=np.arctan, torch="atan")
def atan(x: Any) -> Any:
    """Inverse tangent, in [-π/2, π/2]."""
    return f.arctan(x)


@atan.partial
def _(x: Any) -> Any:
    return 1 / (1 + x * x)


def _origin(x: Any, z: Any) -> Any:
    return f.logical_and(f.equal(x, 0), f.equal(z, 0))


def _slope(x: Any, z: Any) -> tuple[Any, Any, Any, Any]:
    """Whether |x| > |z|; the smaller divided by the larger; 1 + its square; the larger: no square overflows.

    Where both are 0 the larger is given as 1, so that the derivatives are finite and can be left out.
    """
    steep = f.abs(x) > f.abs(z)
    larger = f.where(_origin(x, z), 1, f.where(steep, x, z))
    quotient = f.where(steep, z, x) / larger
    return steep, quotient, 1 + quotient * quotient, larger


@elementwise(domain=(NONZERO, NONZERO), special=(0.0,), reference=np.arctan2, torch="atan2")
def atan2(x: Any, z: Any) -> Any:
    """The angle of the point with ordinate x and abscissa z, in [-π, π]; its gradients at the origin are 0."""
    return f.arctan2(x, z)


@atan2.partial("x")
def _(x: Any, z: Any) -> Any:
    steep, quotient, square, larger = _slope(x, z)
    return f.where(_origin(x, z), 0, f.where(steep, quotient, 1) / square / larger)


@atan2.partial("z")
def _(x: Any, z: Any) -> Any:
    steep, quotient, square, larger = _slope(x, z)
    return f.where(_origin(x, z), 0, -f.where(steep, 1, quotient) / square / larger)


@elementwise(special=(0.0, 1e-8), reference=np.sinh, torch="sinh")
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return f.sinh(x)


@sinh.partial
def _(x: Any) -> Any:
    return f.cosh(x)


@elementwise(special=(0.0, 1e3), reference=np.cosh, torch="cosh")
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return f.cosh(x)


@cosh.partial
def _(x: Any) -> Any:
    return f.sinh(x)


@elementwise(special=(0.0, 1e-8, 1e30), reference=np.arcsinh, torch="asinh")
def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    return f.asinh(x)


@asinh.partial
def _(x: Any) -> Any:
    return 1 / f.sqrt(1 + x * x)


@elementwise(domain=Domain(1.2, 4.0), special=(1.0, 0.0, 1e30), reference=np.arccosh, torch="acosh")
def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine; NaN below 1, and its gradient at 1 is infinite."""
    return f.acosh(x)


@acosh.partial
def _(x: Any) -> Any:
    return 1 / f.sqrt((x - 1) * (x + 1))


@elementwise(domain=UNIT, special=(0.0, 1.0, -1.0, 2.0), reference=np.arctanh, torch="atanh")
def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent; infinite at -1 and 1, NaN outside."""
    return f.atanh(x)


@atanh.partial
def _(x: Any) -> Any:
    return 1 / ((1 - x) * (1 + x))


# d/dt sin(t) / t = t Σ c_k t^2k, used up to |t| = 0.3 π; the next term is below 1e-17 of the first.
_SINC_SERIES = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 10)]


@elementwise(special=(0.0, 1.0, 1e-9), reference=np.sinc, torch="sinc")
def sinc(x: Any) -> Any:
    """sin(πx) / (πx), 1 at 0."""
    zero = f.equal(x, 0)
    return f.where(zero, 1, f.sin(math.pi * x) / f.where(zero, 1, math.pi * x))


@sinc.partial
def _(x: Any, y: Any) -> Any:
    # (cos t - y) / x loses its digits near 0, where both terms are 1.
    near = f.abs(x) < 0.3
    square = (math.pi * x) * (math.pi * x)
    series: Any = _SINC_SERIES[-1]
    for coefficient in reversed(_SINC_SERIES[:-1]):
        series = series * square + coefficient
    return f.where(near, math.pi**2 * x * series, (f.cos(math.pi * x) - y) / f.where(near, 1, x))


@elementwise(domain=REAL, reference=np.deg2rad, torch="deg2rad")
def deg2rad(x: Any) -> Any:
    """Degrees to radians."""
    return math.pi / 180 * x


@deg2rad.partial
def _() -> Any:
    return math.pi / 180


@elementwise(domain=REAL, reference=np.rad2deg, torch="rad2deg")
def rad2deg(x: Any) -> Any:
    """Radians to degrees."""
    return 180 / math.pi * x


@rad2deg.partial
def _() -> Any:
    return 180 / math.pi


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
for _function in (asin, acos, atan, atan2, asinh, acosh, atanh):
    alias(_function, f"arc{_function.__name__[1:]}")

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sin",
    "sinc",
    "sinh",
    "tan",
]
