"""Rounding and signs: piecewise constant, so their gradients are 0 wherever they exist."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..dispatch import elementwise
from ..op import NONZERO, REAL, Domain
from ..tensor import Tensor
from .calling import alias, public
from .creation import clone

# Between whole numbers, and between their halves.
_BETWEEN = Domain(kinks=tuple(float(n) for n in range(-3, 4)))
_BETWEEN_HALVES = Domain(kinks=tuple(n + 0.5 for n in range(-4, 4)))


@elementwise(promotes=False, domain=_BETWEEN, special=(0.0, -0.5, 2.0), reference=np.floor, torch="floor")
def floor(x: Any) -> Any:
    """Largest whole number not above x; its gradient is 0."""
    return f.floor(x)


@elementwise(promotes=False, domain=_BETWEEN, special=(0.0, -0.5, 2.0), reference=np.ceil, torch="ceil")
def ceil(x: Any) -> Any:
    """Smallest whole number not below x; its gradient is 0."""
    return f.ceil(x)


@elementwise(promotes=False, domain=_BETWEEN, special=(0.0, -0.5, 2.0), reference=np.trunc, torch="trunc")
def trunc(x: Any) -> Any:
    """x without its fraction; its gradient is 0."""
    return f.trunc(x)


@elementwise(
    name="round",
    promotes=False,
    domain=_BETWEEN_HALVES,
    special=(0.5, 1.5, -0.5),
    reference=np.rint,
    torch="round",
    method=False,
)
def _round(x: Any) -> Any:
    """Nearest whole number, the even one of two; its gradient is 0."""
    return f.round(x)


@elementwise(promotes=False, domain=NONZERO, special=(0.0,), reference=np.sign, torch="sign")
def sign(x: Any) -> Any:
    """-1, 0 or 1, NaN for NaN; its gradient is 0 everywhere."""
    return f.sign(x)


for _operation in (floor, ceil, trunc, _round, sign):

    @_operation.partial
    def _() -> Any:
        return 0


@public(_round, method=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest number with `decimals` digits after the point (before it, if negative); of two, the one that ends even.

    The gradient is 0.

    Raises:
        TypeError: for `decimals` with a tensor of integers.
    """
    if not input.is_floating_point():
        if decimals:
            raise TypeError(f"round: decimals needs a floating tensor, got {input.dtype}")
        copied: Tensor = clone(input)
        return copied
    if decimals == 0:
        return _round(input)
    scale = 10.0 ** np.abs(decimals)
    return _round(input * float(scale)) / float(scale) if decimals > 0 else _round(input / float(scale)) * float(scale)


@elementwise(domain=_BETWEEN, special=(0.0, -0.5, 2.0), reference=lambda x: np.fmod(x, 1), torch="frac")
def frac(x: Any) -> Any:
    """The fraction x - trunc(x), with the sign of x; its gradient is 1."""
    return x - f.trunc(x)


@frac.partial
def _() -> Any:
    return 1


@elementwise(domain=(NONZERO, NONZERO), special=(0.0,), reference=np.copysign, torch="copysign")
def copysign(x: Any, z: Any) -> Any:
    """The size of x with the sign of z, also of a zero; the gradient at x = 0, and that of z, is 0."""
    return f.copysign(x, z)


@copysign.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, 0), 0, f.copysign(f.copysign(1, x), x * f.copysign(1, z)))


@copysign.partial("z")
def _() -> Any:
    return 0


@elementwise(
    promotes=False, domain=(NONZERO, REAL), special=(0.0, 1.0, -1.0), reference=np.heaviside, torch="heaviside"
)
def heaviside(x: Any, values: Any) -> Any:
    """The unit step: 0 below 0, 1 above, `values` at 0; its gradient is 0, and that of `values` is 1 where x is 0."""
    return f.where(x < 0, 0, f.where(f.equal(x, 0), values, f.where(f.isnan(x), x, 1)))


@heaviside.partial("x")
def _() -> Any:
    return 0


@heaviside.partial("values")
def _(x: Any) -> Any:
    return f.where(f.equal(x, 0), 1, 0)


fix, sgn = trunc, sign
alias(trunc, "fix")
alias(sign, "sgn")

__all__ = ["ceil", "copysign", "fix", "floor", "frac", "heaviside", "round", "sgn", "sign", "trunc"]
