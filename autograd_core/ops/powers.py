"""Exponentials and logarithms in other bases and near 1, products with logarithms, and lengths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..declaration import attach
from ..dispatch import as_tensor_operand, cast, elementwise
from ..op import NONZERO, POSITIVE, REAL
from ..tensor import Tensor
from .elementwise import pow
from .inplace import in_place

_LOG_2 = math.log(2)
_LOG_10 = math.log(10)


@elementwise(special=(0.0, 1e3, -1e3), reference=np.exp2, torch="exp2")
def exp2(x: Any) -> Any:
    """2 to the power x."""
    return f.exp2(x)


@exp2.partial
def _(y: Any) -> Any:
    return _LOG_2 * y


@elementwise(special=(0.0, 1e-8), reference=np.expm1, torch="expm1")
def expm1(x: Any) -> Any:
    """exp(x) - 1, exact near 0."""
    return f.expm1(x)


@expm1.partial
def _(x: Any) -> Any:
    # Not y + 1, which has no digits left for large negative x.
    return f.exp(x)


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.log2, torch="log2")
def log2(x: Any) -> Any:
    """Logarithm to base 2."""
    return f.log2(x)


@log2.partial
def _(x: Any) -> Any:
    return 1 / (_LOG_2 * x)


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.log10, torch="log10")
def log10(x: Any) -> Any:
    """Logarithm to base 10."""
    return f.log10(x)


@log10.partial
def _(x: Any) -> Any:
    return 1 / (_LOG_10 * x)


@elementwise(domain=POSITIVE, special=(0.0, 1e-8), reference=np.log1p, torch="log1p")
def log1p(x: Any) -> Any:
    """log(1 + x), exact near 0."""
    return f.log1p(x)


@log1p.partial
def _(x: Any) -> Any:
    return 1 / (1 + x)


@elementwise(special=(0.0, 1e3, -1e3, np.inf, -np.inf), reference=np.logaddexp, torch="logaddexp")
def logaddexp(x: Any, z: Any) -> Any:
    """log(exp(x) + exp(z)), without overflow."""
    # Equal infinities have no difference.
    return f.where(f.equal(x, z), x + _LOG_2, f.maximum(x, z) + f.softplus(-f.abs(x - z)))


@logaddexp.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.sigmoid(x - z)


@logaddexp.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.sigmoid(z - x)


@elementwise(special=(0.0, 1e3, -1e3, np.inf, -np.inf), reference=np.logaddexp2, torch="logaddexp2")
def logaddexp2(x: Any, z: Any) -> Any:
    """Logarithm to base 2 of the sum of two powers of 2, without overflow."""
    return f.where(f.equal(x, z), x + 1, f.maximum(x, z) + f.softplus(-_LOG_2 * f.abs(x - z)) * (1 / _LOG_2))


@logaddexp2.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.sigmoid(_LOG_2 * (x - z))


@logaddexp2.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.sigmoid(_LOG_2 * (z - x))


def _xlogy(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, z)))


@elementwise(domain=(REAL, POSITIVE), special=(0.0,), reference=_xlogy, torch="xlogy")
def xlogy(x: Any, z: Any) -> Any:
    """x log(z); 0 where x is 0, unless z is NaN."""
    return f.where(f.isnan(z), z, f.where(f.equal(x, 0), 0, x * f.log(z)))


@xlogy.partial("x")
def _(x: Any, z: Any) -> Any:
    empty = f.logical_and(f.equal(x, 0), z <= 0)
    return f.where(empty, 0, f.log(f.where(empty, 1, z)))


@xlogy.partial("z")
def _(x: Any, z: Any) -> Any:
    return x / z


@elementwise(
    domain=(REAL, POSITIVE),
    special=(0.0,),
    reference=lambda x, z: np.where(x == 0, 0, x * np.log1p(np.where(x == 0, 0, z))),
    torch="special.xlog1py",
    method=False,
)
def xlog1py(x: Any, z: Any) -> Any:
    """x log(1 + z); 0 where x is 0, unless z is NaN."""
    return f.where(f.isnan(z), z, f.where(f.equal(x, 0), 0, x * f.log1p(z)))


@xlog1py.partial("x")
def _(x: Any, z: Any) -> Any:
    empty = f.logical_and(f.equal(x, 0), z <= -1)
    return f.where(empty, 0, f.log1p(f.where(empty, 0, z)))


@xlog1py.partial("z")
def _(x: Any, z: Any) -> Any:
    return x / (1 + z)


@elementwise(domain=(NONZERO, NONZERO), special=(0.0,), reference=np.hypot, torch="hypot")
def hypot(x: Any, z: Any) -> Any:
    """Length sqrt(x² + z²), without overflow; its gradient at (0, 0) is 0."""
    return f.hypot(x, z)


@hypot.partial("x")
def _(x: Any, y: Any) -> Any:
    return x / f.where(f.equal(y, 0), 1, y)


@hypot.partial("z")
def _(z: Any, y: Any) -> Any:
    return z / f.where(f.equal(y, 0), 1, y)


def float_power(input: Any, exponent: Any) -> Tensor:
    """Power in float64, whatever the operands' dtypes."""
    base = cast(as_tensor_operand(input, "float_power"), dtypes.float64)
    if isinstance(exponent, (int, float)):
        return pow(base, exponent)
    return pow(base, cast(as_tensor_operand(exponent, "float_power"), dtypes.float64))


attach("float_power", float_power)
attach("float_power_", in_place(float_power, "float_power"))

__all__ = [
    "exp2",
    "expm1",
    "float_power",
    "hypot",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "xlog1py",
    "xlogy",
]
