"""Plain NumPy statements of special functions that NumPy lacks: what formulas mean on arrays.

They are slow and independent of the kernels, which are tested against them: solved, summed or integrated from the
definition. Accurate to some 1e-15 relative to the largest term. DLMF = NIST Digital Library of Mathematical Functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# Terms summed before the asymptotic tails of the gamma family take over.
_TERMS = 30


def keeping_dtype(function: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate in float64 and return the operand's own floating dtype."""

    def evaluate(x: Any, *arguments: Any) -> Any:
        array = np.asarray(x)
        with np.errstate(all="ignore"):
            result = np.asarray(function(array.astype(np.float64), *arguments))
        return result.astype(array.dtype if array.dtype.kind == "f" else np.float64)[()]

    return evaluate


def scalar(function: Callable[[float], float]) -> Callable[..., Any]:
    """A function of one number, applied to each element."""

    def each(array: np.ndarray) -> np.ndarray:
        return np.array([function(value) for value in array.ravel().tolist()], np.float64).reshape(array.shape)

    return keeping_dtype(each)


def _inverse_error_function(x: float) -> float:
    """By bisection: of erf near 0, of erfc near 1, where erf has no digits left."""
    if not abs(x) < 1:
        return math.copysign(math.inf, x) if abs(x) == 1 else math.nan
    low, high = 0.0, 6.0
    while low < (middle := (low + high) / 2) < high:
        below = math.erf(middle) < abs(x) if abs(x) < 0.5 else math.erfc(middle) > 1 - abs(x)
        low, high = (middle, high) if below else (low, middle)
    return math.copysign(low, x)


def _log_gamma(x: float) -> float:
    return math.inf if x <= 0 and (math.isinf(x) or x == math.floor(x)) else math.lgamma(x)


def _digamma(x: np.ndarray) -> np.ndarray:
    """The recurrence DLMF 5.5.2 upwards, then the asymptotic series 5.11.2; by reflection 5.5.4 below 0."""
    positive = np.where(x < 0, 1 - x, x)
    large = positive + _TERMS
    tail = np.log(large) - 1 / (2 * large)
    for k, bernoulli in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730), start=1):
        tail -= bernoulli / (2 * k * large ** (2 * k))
    value = tail - np.sum([1 / (positive + k) for k in range(_TERMS)], axis=0)
    whole = (x == np.floor(x)) | np.isneginf(x)
    reflected = np.where(whole, np.nan, value - np.pi / np.tan(np.pi * (x - np.rint(x))))
    return np.where(x == 0, np.copysign(np.inf, -x), np.where(x < 0, reflected, np.where(x == np.inf, x, value)))


def _polygamma(x: np.ndarray, n: float) -> np.ndarray:
    """(-1)^(n+1) n! Σ (x + k)^-(n+1), DLMF 5.15.1: terms, then the rest by Euler and Maclaurin."""
    s = int(n) + 1
    finite = np.where(np.isfinite(x), x, 1)
    terms = _TERMS + s + max(0, math.ceil(-float(finite.min(initial=0))))
    large = finite + terms
    total = np.sum([1 / (finite + k) ** s for k in range(terms)], axis=0)
    total = total + 1 / ((s - 1) * large ** (s - 1)) + 0.5 / large**s
    for k, bernoulli in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66), start=1):
        rising = math.prod(range(s, s + 2 * k - 1))
        total += bernoulli / math.factorial(2 * k) * rising / large ** (s + 2 * k - 1)
    total = np.where((finite <= 0) & (finite == np.floor(finite)), np.inf, total)
    value = (-1) ** s * math.factorial(s - 1) * total
    return np.where(np.isfinite(x), value, np.where(x == np.inf, 0, np.nan))


def _bessel(order: int, scaled: bool) -> Callable[[np.ndarray], np.ndarray]:
    """I_n(x) = 1/π ∫ e^(x cos θ) cos nθ dθ over [0, π], DLMF 10.32.3, by the midpoint rule, exact for periodic ones."""
    angles = (np.arange(512) + 0.5) * (np.pi / 512)

    def evaluate(x: np.ndarray) -> np.ndarray:
        size = np.where(np.isinf(x), 0, np.abs(x))[..., None]
        value = np.mean(np.exp(size * (np.cos(angles) - 1)) * np.cos(order * angles), axis=-1)
        value = np.where(np.isinf(x), 0 if scaled else np.inf, value if scaled else value * np.exp(np.abs(x)))
        return value * np.sign(x) if order % 2 else value

    return evaluate


erf = scalar(math.erf)
erfc = scalar(math.erfc)
erfinv = scalar(_inverse_error_function)
lgamma = scalar(_log_gamma)
digamma = keeping_dtype(_digamma)
polygamma = keeping_dtype(_polygamma)
i0 = keeping_dtype(_bessel(0, False))
i0e = keeping_dtype(_bessel(0, True))
i1 = keeping_dtype(_bessel(1, False))
i1e = keeping_dtype(_bessel(1, True))
