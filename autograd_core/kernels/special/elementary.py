"""Powers, lengths and remainders: libm's are calls, or slow; in single precision double arithmetic replaces them."""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline
from autograd_core.kernels.vecmath import exp_float64, log_float64

# Up to this quotient of two single-precision numbers, division in double finds the whole part exactly: numerator and
# multiple of the denominator are at least 2^-24 denominators apart, more than the quotient's rounding.
_EXACT = 2.0**27


@inline
def power_float32(x, exponent):
    """exp(exponent ln |x|) in double, where its error is far below single precision's; signs and limits as in C."""
    a, b = np.float64(abs(x)), np.float64(exponent)
    value = exp_float64(b * log_float64(a))
    half = 0.5 * b
    odd = (np.floor(b) == b) & (np.floor(half) != half)
    negative = np.copysign(1.0, np.float64(x)) < 0.0
    value = -value if negative & odd else value
    value = np.nan if (x < 0.0) & (a < np.inf) & (np.floor(b) != b) & (b == b) else value
    value = 1.0 if (b == 0.0) | (x == 1.0) | ((x == -1.0) & (abs(b) == np.inf)) else value
    return np.float32(value)


@inline
def power_float64(x, exponent):
    return x**exponent


@inline
def hypot_float32(x, z):
    a, b = np.float64(abs(x)), np.float64(abs(z))
    return np.float32(np.inf if (a == np.inf) | (b == np.inf) else np.sqrt(a * a + b * b))


@inline
def hypot_float64(x, z):
    """The larger, times the root of 1 + the square of the quotient, which cannot overflow."""
    a, b = abs(x), abs(z)
    larger, smaller = (a, b) if a > b else (b, a)
    quotient = smaller / larger
    value = larger * np.sqrt(1.0 + quotient * quotient)
    value = larger + smaller if larger == 0.0 else value
    return np.inf if (a == np.inf) | (b == np.inf) else value


@inline
def fmod_float32(x, z):
    a, b = np.float64(x), np.float64(z)
    quotient = a / b
    if (abs(quotient) < _EXACT) & (abs(b) < np.inf):
        return np.float32(np.copysign(a - np.trunc(quotient) * b, a))
    return np.float32(np.fmod(a, b))


@inline
def fmod_float64(x, z):
    # Of two positive numbers Python's remainder is C's.
    return np.copysign(abs(x) % abs(z), x)


@inline
def remainder_float32(x, z):
    a, b = np.float64(x), np.float64(z)
    quotient = a / b
    if (abs(quotient) < _EXACT) & (abs(b) < np.inf):
        rest = a - np.trunc(quotient) * b
        rest += b if (rest != 0.0) & ((rest < 0.0) != (b < 0.0)) else 0.0
        return np.float32(rest)
    return np.float32(np.remainder(a, b))


@inline
def remainder_float64(x, z):
    return x % z


@inline
def floor_divide_float32(x, z):
    a, b = np.float64(x), np.float64(z)
    quotient = a / b
    if (abs(quotient) < _EXACT) & (abs(b) < np.inf):
        return np.float32(np.floor(quotient))
    return np.float32(a // b)


@inline
def floor_divide_float64(x, z):
    return x // z
