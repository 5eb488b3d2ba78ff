"""log, log2, log10, log1p, softplus and the inverse hyperbolic functions built on them.

x = 2^k m with m between sqrt(1/2) and sqrt(2), so that f = m - 1 is small and log x = k ln 2 + log(1 + f) loses nothing
near x = 1. In single precision log(1 + f) = f - f^2/2 + f^3 P(f). In double precision a division shortens the
polynomial: with s = f / (2 + f), log(1 + f) = f - (f^2/2 - s (f^2/2 + s^2 P(s^2))).
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline
from autograd_core.kernels.vecmath.exponential import (
    _exp_of_negative_float32,
    _exp_of_negative_float64,
    copysign_float32,
    copysign_float64,
)

_ZERO32, _ONE32, _HALF32 = np.float32(0), np.float32(1), np.float32(0.5)
_ZERO64, _ONE64, _TWO64, _HALF64 = np.float64(0), np.float64(1), np.float64(2), np.float64(0.5)
_INFINITY32, _INFINITY64 = np.float32(np.inf), np.float64(np.inf)
_NAN32, _NAN64 = np.float32(np.nan), np.float64(np.nan)

# Subnormal numbers are scaled up before their exponent is read.
_TINY32, _TINY64 = np.float32(2.0**-126), np.float64(2.0**-1022)
_SCALE32, _SCALE64 = np.float32(2.0**25), np.float64(2.0**54)

_SHIFT32, _SHIFT64 = np.int32(23), np.int64(52)
_FRACTION32, _FRACTION64 = np.int32(0x007FFFFF), np.int64(0x000FFFFFFFFFFFFF)
# The bits of sqrt(1/2), where a binade is cut, and what moves them to those of 1.
_ROOT32, _ROOT64 = np.int32(0x3F3504F3), np.int64(0x3FE6A09E667F3BCD)
_OFFSET32, _OFFSET64 = np.int32(0x3F800000 - 0x3F3504F3), np.int64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
_BIAS32, _BIAS_SCALED32 = np.int32(127), np.int32(127 + 25)
# An integer below 2^52 as a double: put it in the fraction of 2^52 and subtract. AVX2 cannot convert 64-bit integers.
_CONVERT64, _CONVERTED64 = np.int64(0x4330000000000000), np.float64(2.0**52 + 1023)
_CONVERTED_SCALED64 = np.float64(2.0**52 + 1023 + 54)
_EXPONENT64 = np.int64(0x7FF)

_EXPONENT_BITS32, _EXPONENT_BITS64 = np.int32(0x7F800000), np.int64(0x7FF0000000000000)
_RECIPROCAL32, _RECIPROCAL64 = np.int32(0x7F000000), np.int64(0x7FE0000000000000)
# The upper half of a double.
_SHORT64 = np.int64(-(2**32))

# log2(e), log10(e), ln 2 and log10(2) in two parts, the first short enough that k times it is exact.
_LOG2E_HIGH32, _LOG2E_LOW32 = np.float32(1.442695), np.float32(1.925963e-08)
_LOG10E_HIGH32, _LOG10E_LOW32 = np.float32(0.4342945), np.float32(-1.010305e-08)
_LOG2E_HIGH64, _LOG2E_LOW64 = np.float64(1.44269504072144627571e00), np.float64(1.67517131648865118353e-10)
_LOG10E_HIGH64, _LOG10E_LOW64 = np.float64(4.34294481878168880939e-01), np.float64(2.50829467116452752298e-11)
_LN2_32, _LN2_64 = np.float32(0.6931471805599453), np.float64(0.6931471805599453)
_LN2_HIGH32, _LN2_LOW32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LN2_HIGH64, _LN2_LOW64 = np.float64(6.93147180369123816490e-01), np.float64(1.90821492927058770002e-10)
_LOG10_2_HIGH32, _LOG10_2_LOW32 = np.float32(0.30102539), np.float32(4.6050388e-06)
_LOG10_2_HIGH64, _LOG10_2_LOW64 = np.float64(3.01029995663611771306e-01), np.float64(3.69423907715893078616e-13)
_SQRT2_LESS_ONE32, _SQRT2_LESS_ONE64 = np.float32(0.41421356), np.float64(0.41421356237309503)
# Above, x^2 + 1 is x^2.
_LARGE32, _LARGE64 = np.float32(2.0**13), np.float64(2.0**28)

_LOG32 = tuple(
    map(
        np.float32,
        (0.33333316, -0.25000817, 0.2000231, -0.16624339, 0.14180563, -0.13130398, 0.12886654, -0.07861018),
    )
)
_LOG64 = tuple(
    map(
        np.float64,
        (
            0.6666666666666676,
            0.39999999999754277,
            0.28571428674424443,
            0.222222049490223,
            0.18183257600597127,
            0.15321385488978423,
            0.1472682392657784,
        ),
    )
)


@inline
def _split_float32(x):
    """The k and f of a positive number."""
    tiny = x < _TINY32
    bits = np.int32(float32_to_bits(x * _SCALE32 if tiny else x) + _OFFSET32)
    k = np.float32(np.int32(np.int32(bits >> _SHIFT32) - (_BIAS_SCALED32 if tiny else _BIAS32)))
    return k, bits_to_float32(np.int32(np.int32(bits & _FRACTION32) + _ROOT32)) - _ONE32


@inline
def _split_float64(x):
    tiny = x < _TINY64
    bits = float64_to_bits(x * _SCALE64 if tiny else x) + _OFFSET64
    k = bits_to_float64(((bits >> _SHIFT64) & _EXPONENT64) | _CONVERT64)
    k -= _CONVERTED_SCALED64 if tiny else _CONVERTED64
    return k, bits_to_float64((bits & _FRACTION64) + _ROOT64) - _ONE64


@inline
def _tail_float32(f):
    """log(1 + f) - f"""
    c = _LOG32
    square = f * f
    p = (((((((c[7] * f + c[6]) * f + c[5]) * f) + c[4]) * f + c[3]) * f + c[2]) * f + c[1]) * f + c[0]
    return (p * f - _HALF32) * square


@inline
def _series_float64(f):
    """s (f^2/2 + s^2 P(s^2)), and f^2/2."""
    c = _LOG64
    s = f / (_TWO64 + f)
    z = s * s
    w = z * z
    p = ((c[6] * w + c[4]) * w + c[2]) * w + c[0] + z * ((c[5] * w + c[3]) * w + c[1])
    half = _HALF64 * f * f
    return s * (half + z * p), half


@inline
def _special_float32(x, y):
    """`y`, the logarithm of a positive finite `x`, else what the logarithm is."""
    y = y if x < _INFINITY32 else x  # infinity and NaN
    return (-_INFINITY32 if x == _ZERO32 else _NAN32) if x <= _ZERO32 else y


@inline
def _special_float64(x, y):
    y = y if x < _INFINITY64 else x
    return (-_INFINITY64 if x == _ZERO64 else _NAN64) if x <= _ZERO64 else y


@inline
def log_float32(x):
    k, f = _split_float32(x)
    y = (_tail_float32(f) + k * _LN2_LOW32) + f + k * _LN2_HIGH32
    return _special_float32(x, y)


@inline
def log_float64(x):
    k, f = _split_float64(x)
    tail, half = _series_float64(f)
    y = k * _LN2_HIGH64 - ((half - (tail + k * _LN2_LOW64)) - f)
    return _special_float64(x, y)


@inline
def log2_float32(x):
    k, f = _split_float32(x)
    y = (_tail_float32(f) * _LOG2E_HIGH32 + f * _LOG2E_LOW32) + f * _LOG2E_HIGH32 + k
    return _special_float32(x, y)


@inline
def log10_float32(x):
    k, f = _split_float32(x)
    y = (_tail_float32(f) * _LOG10E_HIGH32 + f * _LOG10E_LOW32 + k * _LOG10_2_LOW32) + f * _LOG10E_HIGH32
    return _special_float32(x, y + k * _LOG10_2_HIGH32)


@inline
def _two_parts_float64(f):
    """log(1 + f) as a short number, which a short constant can be multiplied with exactly, and the rest."""
    tail, half = _series_float64(f)
    high = bits_to_float64(float64_to_bits(f - half) & _SHORT64)
    return high, ((f - high) - half) + tail


@inline
def log2_float64(x):
    k, f = _split_float64(x)
    high, low = _two_parts_float64(f)
    product = high * _LOG2E_HIGH64
    rest = (low + high) * _LOG2E_LOW64 + low * _LOG2E_HIGH64
    total = k + product
    return _special_float64(x, (rest + ((k - total) + product)) + total)


@inline
def log10_float64(x):
    k, f = _split_float64(x)
    high, low = _two_parts_float64(f)
    product = high * _LOG10E_HIGH64
    rest = k * _LOG10_2_LOW64 + ((low + high) * _LOG10E_LOW64 + low * _LOG10E_HIGH64)
    large = k * _LOG10_2_HIGH64
    total = large + product
    return _special_float64(x, (rest + ((large - total) + product)) + total)


@inline
def _log_of_sum_float32(u, lost, extra):
    """log(u + lost) + extra ln 2, where u was rounded and `lost` is what that took from it."""
    bits = np.int32(float32_to_bits(u) + _OFFSET32)
    exponent = np.int32(bits & _EXPONENT_BITS32)
    # 2^-k; at the largest u zero, where what was lost does not matter.
    scale = bits_to_float32(np.int32(_RECIPROCAL32 - (_RECIPROCAL32 if exponent > _RECIPROCAL32 else exponent)))
    k = np.float32(np.int32(np.int32(bits >> _SHIFT32) - _BIAS32)) + extra
    short = bits_to_float32(np.int32(np.int32(bits & _FRACTION32) + _ROOT32)) - _ONE32
    f = short + lost * scale
    rest = (short - f) + lost * scale  # what even f lacks
    y = (_tail_float32(f) + (k * _LN2_LOW32 + rest)) + f + k * _LN2_HIGH32
    return _special_float32(u, y)


@inline
def _log1p_float32(x, extra):
    """log(1 + x) + extra ln 2 for x >= -1.

    What is lost in u = 1 + x is (1 - (u - b)) + (x - b) with b = u - 1 (Knuth's two-sum).
    """
    u = _ONE32 + x
    b = u - _ONE32
    return _log_of_sum_float32(u, (_ONE32 - (u - b)) + (x - b), extra)


@inline
def _log_of_sum_float64(u, lost, extra):
    bits = float64_to_bits(u) + _OFFSET64
    exponent = bits & _EXPONENT_BITS64
    scale = bits_to_float64(_RECIPROCAL64 - (_RECIPROCAL64 if exponent > _RECIPROCAL64 else exponent))
    k = (bits_to_float64(((bits >> _SHIFT64) & _EXPONENT64) | _CONVERT64) - _CONVERTED64) + extra
    short = bits_to_float64((bits & _FRACTION64) + _ROOT64) - _ONE64
    f = short + lost * scale
    rest = (short - f) + lost * scale
    tail, half = _series_float64(f)
    y = k * _LN2_HIGH64 - ((half - (tail + (k * _LN2_LOW64 + rest))) - f)
    return _special_float64(u, y)


@inline
def _log1p_float64(x, extra):
    u = _ONE64 + x
    b = u - _ONE64
    return _log_of_sum_float64(u, (_ONE64 - (u - b)) + (x - b), extra)


@inline
def log1p_float32(x):
    """log(1 + x)"""
    return copysign_float32(_log1p_float32(x, _ZERO32), x)  # the sign is lost only from -0


@inline
def log1p_float64(x):
    return copysign_float64(_log1p_float64(x, _ZERO64), x)


@inline
def softplus_float32(x):
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)"""
    e = _exp_of_negative_float32(-abs(x))
    halve = e > _SQRT2_LESS_ONE32  # k is 0 or 1 here, so no bits need to be read
    f = _HALF32 * e - _HALF32 if halve else e
    y = _tail_float32(f) + f
    y = y + _LN2_32 if halve else y
    return y + (_ZERO32 if x < _ZERO32 else x)


@inline
def softplus_float64(x):
    e = _exp_of_negative_float64(-abs(x))
    halve = e > _SQRT2_LESS_ONE64
    f = _HALF64 * e - _HALF64 if halve else e
    tail, half = _series_float64(f)
    y = f - (half - tail)
    y = y + _LN2_64 if halve else y
    return y + (_ZERO64 if x < _ZERO64 else x)


@inline
def asinh_float32(x):
    """log(|x| + sqrt(x^2 + 1)), as log1p so that small x keep their accuracy; log 2|x| for large x."""
    a = abs(x)
    square = a * a
    large = a > _LARGE32
    t = a - _ONE32 if large else a + square / (_ONE32 + np.sqrt(_ONE32 + square))
    return copysign_float32(_log1p_float32(t, _ONE32 if large else _ZERO32), x)


@inline
def asinh_float64(x):
    a = abs(x)
    square = a * a
    large = a > _LARGE64
    t = a - _ONE64 if large else a + square / (_ONE64 + np.sqrt(_ONE64 + square))
    return copysign_float64(_log1p_float64(t, _ONE64 if large else _ZERO64), x)


@inline
def acosh_float32(x):
    """log(x + sqrt(x^2 - 1)); log 2x for large x."""
    t = x - _ONE32
    root = np.sqrt(t * t + (t + t))
    large = x > _LARGE32
    u = x if large else x + root
    lost = _ZERO32 if large else root - (u - x)
    y = _log_of_sum_float32(u, lost, _ONE32 if large else _ZERO32)
    return _NAN32 if x < _ONE32 else y


@inline
def acosh_float64(x):
    t = x - _ONE64
    root = np.sqrt(t * t + (t + t))
    large = x > _LARGE64
    u = x if large else x + root
    lost = _ZERO64 if large else root - (u - x)
    y = _log_of_sum_float64(u, lost, _ONE64 if large else _ZERO64)
    return _NAN64 if x < _ONE64 else y


@inline
def atanh_float32(x):
    """log((1 + x) / (1 - x)) / 2"""
    a = abs(x)
    t = a + a
    t = t + t * (a / (_ONE32 - a)) if a < _HALF32 else t / (_ONE32 - a)
    return copysign_float32(_HALF32 * _log1p_float32(t, _ZERO32), x)


@inline
def atanh_float64(x):
    a = abs(x)
    t = a + a
    t = t + t * (a / (_ONE64 - a)) if a < _HALF64 else t / (_ONE64 - a)
    return copysign_float64(_HALF64 * _log1p_float64(t, _ZERO64), x)
