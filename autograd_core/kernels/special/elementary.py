"""Powers, lengths and remainders: libm's are calls, or slow; in single precision double arithmetic replaces them."""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline
from autograd_core.kernels.vecmath import exp_float64, log_float64

# Up to this quotient of two single-precision numbers, division in double finds the whole part exactly, since numerator
# and multiple of the denominator are at least 2^-24 denominators apart; and that multiple is exact in double as well.
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
def _rest(a, b):
    """What whole multiples of b leave of a: both positive, of single precision and held in double."""
    quotient = a / b
    while (quotient >= _EXACT) & (quotient < np.inf):  # first of b times a power of 2
        step = b * 2.0 ** (np.floor(np.log2(quotient)) - 25.0)
        a -= np.floor(a / step) * step
        quotient = a / b
    return a if (b == np.inf) & (a < np.inf) else a - np.floor(quotient) * b


@inline
def fmod_float32(x, z):
    return np.float32(np.copysign(_rest(np.float64(abs(x)), np.float64(abs(z))), np.float64(x)))


@inline
def fmod_float64(x, z):
    # Of two positive numbers Python's remainder is C's.
    return np.copysign(abs(x) % abs(z), x)


@inline
def remainder_float32(x, z):
    b = np.float64(z)
    rest = np.copysign(_rest(np.float64(abs(x)), np.float64(abs(z))), np.float64(x))
    return np.float32(rest + b if (rest != 0.0) & ((rest < 0.0) != (b < 0.0)) else rest)


@inline
def remainder_float64(x, z):
    return x % z


@inline
def near_fmod_float32(x, z):
    """fmod where the quotient is below 2^27, without the loop that others take."""
    a, b = np.float64(abs(x)), np.float64(abs(z))
    rest = a if (b == np.inf) & (a < np.inf) else a - np.floor(a / b) * b
    return np.float32(np.copysign(rest, np.float64(x)))


@inline
def near_fmod_float64(x, z):
    return fmod_float64(x, z)


@inline
def near_remainder_float32(x, z):
    """As :func:`near_fmod_float32`."""
    a, b = np.float64(abs(x)), np.float64(abs(z))
    rest = a if (b == np.inf) & (a < np.inf) else a - np.floor(a / b) * b
    rest = np.copysign(rest, np.float64(x))
    return np.float32(rest + np.float64(z) if (rest != 0.0) & ((rest < 0.0) != (z < 0.0)) else rest)


@inline
def near_remainder_float64(x, z):
    return remainder_float64(x, z)


@inline
def floor_divide_float32(x, z):
    a, b = np.float64(x), np.float64(z)
    quotient = a / b
    value = np.floor(quotient)
    value = -1.0 if (abs(b) == np.inf) & (abs(a) < np.inf) & (quotient == 0.0) & (a * b < 0.0) else value
    return np.float32(np.nan if (abs(a) == np.inf) & (b != 0.0) else value)


@inline
def floor_divide_float64(x, z):
    return x // z
