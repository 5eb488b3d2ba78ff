"""Limits: clamping, extremes that ignore NaN, and replacing what is not finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..dispatch import apply_to, apply_to_one, elementwise
from ..op import REAL, Domain
from ..tensor import Tensor
from .calling import alias, is_floating, public
from .creation import clone
from .elementwise import maximum, minimum

_INSIDE = Domain(kinks=(-1.0, 1.0))


@elementwise(
    name="clamp_numbers",
    promotes=False,
    domain=_INSIDE,
    special=(-1.0, 1.0, 1e3),
    reference=lambda x, low, high: np.minimum(np.maximum(x, low), high),
    torch="",
    method=False,
)
def _clamp_numbers(x: Any, *, low: Any = -1.0, high: Any = 1.0) -> Any:
    """x limited to [low, high]; the gradient is 1 inside and at the limits, 0 outside and for NaN."""
    return f.minimum(f.maximum(x, low), high)


@_clamp_numbers.partial
def _(x: Any, low: Any, high: Any) -> Any:
    return f.where(f.logical_and(x >= low, x <= high), 1, 0)


@elementwise(
    name="clamp_tensors",
    promotes=False,
    domain=(REAL, Domain(-2.0, -1.0), Domain(1.0, 2.0)),
    reference=lambda x, low, high: np.minimum(np.maximum(x, low), high),
    torch="clamp",
    method=False,
)
def _clamp_tensors(x: Any, low: Any, high: Any) -> Any:
    """x limited to [low, high]; where a limit holds, it receives the gradient instead of x."""
    return f.minimum(f.maximum(x, low), high)


@_clamp_tensors.partial("x")
def _(x: Any, low: Any, high: Any) -> Any:
    return f.where(f.logical_and(x >= low, x <= high), 1, 0)


@_clamp_tensors.partial("low")
def _(x: Any, low: Any, high: Any) -> Any:
    return f.where(f.logical_and(x < low, low < high), 1, 0)


@_clamp_tensors.partial("high")
def _(x: Any, low: Any, high: Any) -> Any:
    return f.where(f.logical_or(x > high, low > high), 1, 0)


def _limit(input: Tensor, low: Any, high: Any) -> Tensor:
    if low is None and high is None:
        raise ValueError("clamp: at least one of min and max must be given")
    if not (is_floating(input) or is_floating(low) or is_floating(high)):
        # Integers have no infinity to stand for a limit that is not given.
        limited = input if low is None else maximum(input, low)
        return limited if high is None else minimum(limited, high)
    low = -math.inf if low is None else low
    high = math.inf if high is None else high
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        if not is_floating(input):
            input = input.to(dtypes.get_default_dtype())
        return apply_to_one(_clamp_numbers.op, input, {"low": float(low), "high": float(high)})
    return apply_to(_clamp_tensors.op, (input, low, high))


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limit every element to [min, max]; where `min` exceeds `max` the result is `max`.

    The gradient is 1 inside and at the limits, 0 outside and for NaN (which stays NaN). Limits that are tensors receive
    the gradient where they hold.

    Args:
        input: any shape.
        min, max: numbers or tensors, broadcast; None for no limit.

    Raises:
        ValueError: if neither is given.
    """
    return _limit(input, min, max)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Limit every element from below, as :func:`clamp`."""
    return _limit(input, min, None)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Limit every element from above, as :func:`clamp`."""
    return _limit(input, None, max)


clip = clamp
alias(clamp, "clamp", "clip")
alias(clamp_min, "clamp_min")
alias(clamp_max, "clamp_max")


# --- NaN and infinities -----------------------------------------------------------------------------------------


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.fmax, torch="fmax")
def fmax(x: Any, z: Any) -> Any:
    """Larger of two, or the one that is not NaN; at a tie the first receives the gradient."""
    return f.fmax(x, z)


@fmax.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.logical_or(x >= z, f.isnan(z)), 1, 0)


@fmax.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.logical_or(x >= z, f.isnan(z)), 0, 1)


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.fmin, torch="fmin")
def fmin(x: Any, z: Any) -> Any:
    """Smaller of two, or the one that is not NaN; at a tie the first receives the gradient."""
    return f.fmin(x, z)


@fmin.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.logical_or(x <= z, f.isnan(z)), 1, 0)


@fmin.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.logical_or(x <= z, f.isnan(z)), 0, 1)


@elementwise(
    name="nan_to_num",
    promotes=False,
    special=(np.nan, np.inf, -np.inf),
    reference=lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    torch="nan_to_num",
    method=False,
)
def _nan_to_num(x: Any, *, nan: Any = 0.0, posinf: Any = 1e30, neginf: Any = -1e30) -> Any:
    """x with numbers for NaN and infinities, whose gradient is 0."""
    finite = f.where(f.equal(x, math.inf), posinf, f.where(f.equal(x, -math.inf), neginf, x))
    return f.where(f.isnan(x), nan, finite)


@_nan_to_num.partial
def _(x: Any) -> Any:
    return f.where(f.isfinite(x), 1, 0)


# The largest finite numbers; NumPy's finfo takes longer than a small operation.
_LARGEST = {dtypes.float32: (2 - 2.0**-23) * 2.0**127, dtypes.float64: (2 - 2.0**-52) * 2.0**1023}


@public(_nan_to_num, method=True)
def nan_to_num(
    input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replace NaN by `nan`, and infinities by `posinf` and `neginf`; there the gradient is 0.

    None means 0 for NaN, and the dtype's largest finite number and its negative for infinities.
    """
    largest = _LARGEST.get(input.dtype)
    if largest is None:
        copied: Tensor = clone(input)
        return copied
    parameters = {
        "nan": 0.0 if nan is None else float(nan),
        "posinf": largest if posinf is None else float(posinf),
        "neginf": -largest if neginf is None else float(neginf),
    }
    return apply_to_one(_nan_to_num.op, input, parameters)


__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "nan_to_num"]
