"""arctan, arctan2, arcsin, arccos and cbrt.

Coefficients are minimax fits of (arctan t - t)/t^3 and (arcsin t - t)/t^3.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline
from autograd_core.kernels.vecmath.exponential import copysign_float32, copysign_float64

_ZERO32, _ONE32, _TWO32, _HALF32 = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
_ZERO64, _ONE64, _TWO64, _HALF64 = np.float64(0), np.float64(1), np.float64(2), np.float64(0.5)
_MINUS64 = np.float64(-1)

# pi, pi/2 and pi/4, and what their roundings lack.
_PI32, _PI_LOW32 = np.float32(3.1415927), np.float32(-8.742278e-08)
_PI64, _PI_LOW64 = np.float64(3.141592653589793), np.float64(1.2246467991473532e-16)
_HALF_PI32, _HALF_PI_LOW32 = np.float32(1.5707964), np.float32(-4.371139e-08)
_HALF_PI64, _HALF_PI_LOW64 = np.float64(1.5707963267948966), np.float64(6.123233995736766e-17)
_QUARTER_PI64, _QUARTER_PI_LOW64 = np.float64(0.7853981633974483), np.float64(3.061616997868383e-17)
_THREE_QUARTERS_PI64, _THREE_QUARTERS_PI_LOW64 = np.float64(2.356194490192345), np.float64(9.184850993605148e-17)

# tan(pi/8) and tan(3 pi/8): in double precision arctan t is reduced to |t| below the first.
_LOW_TURN64, _HIGH_TURN64 = np.float64(0.41421356237309503), np.float64(2.414213562373095)

# Coordinates beyond the first have sums that overflow; they are multiplied by the second.
_FAR64, _NEARER64 = np.float64(2.0**1000), np.float64(2.0**-10)

# For the cube root. (1 - d)^(-1/3) = 1 + d/3 + 2/9 d^2 + 14/81 d^3 + ...
_INFINITY32, _INFINITY64 = np.float32(np.inf), np.float64(np.inf)
_TINY32, _SCALE32, _UNSCALE32 = np.float32(2.0**-126), np.float32(2.0**24), np.float32(2.0**-8)
_TINY64, _SCALE64, _UNSCALE64 = np.float64(2.0**-1022), np.float64(2.0**54), np.float64(2.0**-18)
_THIRD32, _NINTHS32, _REST32 = np.float32(1 / 3), np.float32(2 / 9), np.float32(14 / 81)
_THIRD64, _NINTHS64, _REST64 = np.float64(1 / 3), np.float64(2 / 9), np.float64(14 / 81)
# The bits of x^(-1/3) are nearly these less a third of those of x; the constant gives the least error, three per cent.
_GUESS32, _GUESS64 = np.float32(1419900000.0), np.float64(1430186295.0)
# Rounds to 8 and 17 binary digits, whose cubes are exact.
_ROUND32, _SHORT32 = np.int32(1 << 15), np.int32(-(1 << 16))
_ROUND64, _SHORT64 = np.int64(1 << 35), np.int64(-(1 << 36))
_HALF_BITS64, _CONVERT64, _TWO_52 = np.int64(32), np.int64(0x4330000000000000), np.float64(2.0**52)

_ATAN32 = tuple(
    map(
        np.float32,
        (
            -0.33333325,
            0.19999221,
            -0.14270596,
            0.109824985,
            -0.08485644,
            0.05928031,
            -0.032428738,
            0.011556759,
            -0.0019317059,
        ),
    )
)
_ATAN64 = tuple(
    map(
        np.float64,
        (
            -0.33333333333333315,
            0.19999999999981222,
            -0.14285714282563436,
            0.11111110886834377,
            -0.09090900405951373,
            0.0769210280673589,
            -0.06663546853856743,
            0.05850863318114612,
            -0.050517669411115726,
            0.03836086287384109,
            -0.018212465393689196,
        ),
    )
)
_ASIN32 = tuple(map(np.float32, (0.16666713, 0.07496526, 0.045341156, 0.02473723, 0.041316018)))
_ASIN64 = tuple(
    map(
        np.float64,
        (
            0.1666666666666652,
            0.07500000000117506,
            0.04464285698361186,
            0.03038195352554994,
            0.022371878046371255,
            0.017358068535380675,
            0.013900010579042837,
            0.012079726192492882,
            0.006887636199982532,
            0.0186078301516966,
            -0.014866366487008875,
            0.031033219424643863,
        ),
    )
)


@inline
def _arctan_float32(t):
    """arctan t - t for t of magnitude up to 1."""
    c = _ATAN32
    z = t * t
    w = z * z
    p = ((c[8] * w + (c[7] * z + c[6])) * w + (c[5] * z + c[4])) * w + (c[3] * z + c[2])
    return (p * w + (c[1] * z + c[0])) * (z * t)


@inline
def _arctan_float64(t):
    """arctan t - t for t of magnitude up to tan(pi/8)."""
    c = _ATAN64
    z = t * t
    w = z * z
    p = ((c[10] * w + (c[9] * z + c[8])) * w + (c[7] * z + c[6])) * w + (c[5] * z + c[4])
    return ((p * w + (c[3] * z + c[2])) * w + (c[1] * z + c[0])) * (z * t)


@inline
def arctan_float32(x):
    a = abs(x)
    inverse = a > _ONE32
    t = (_ONE32 if inverse else a) / (a if inverse else _ONE32)
    p = _arctan_float32(t)
    y = (_HALF_PI32 - t) - (p - _HALF_PI_LOW32) if inverse else t + p
    return copysign_float32(y, x)


@inline
def arctan_float64(x):
    a = abs(x)
    middle, large = a > _LOW_TURN64, a > _HIGH_TURN64
    above = _MINUS64 if large else (a - _ONE64 if middle else a)
    below = a if large else (a + _ONE64 if middle else _ONE64)
    t = above / below
    p = _arctan_float64(t)
    high = _HALF_PI64 if large else (_QUARTER_PI64 if middle else _ZERO64)
    low = _HALF_PI_LOW64 if large else (_QUARTER_PI_LOW64 if middle else _ZERO64)
    return copysign_float64(high + (t + (p + low)), x)


@inline
def arctan2_float32(y, x):
    """The angle of the point (x, y): that of the smaller coordinate over the larger, from the axis it is close to.

    Coordinates that are equal have the quotient 1, also if both are infinite, and 0 at the origin.
    """
    a, b = abs(y), abs(x)
    steep, left = a > b, copysign_float32(_ONE32, x) < _ZERO32
    equal = a == b
    above = (_ZERO32 if a == _ZERO32 else _ONE32) if equal else (b if steep else a)
    below = _ONE32 if equal else (a if steep else b)
    t = above / below
    t = -t if steep != left else t
    p = _arctan_float32(t)
    high = _HALF_PI32 if steep else (_PI32 if left else _ZERO32)
    low = _HALF_PI_LOW32 if steep else (_PI_LOW32 if left else _ZERO32)
    return copysign_float32((high + t) + (p + low), y)


@inline
def arctan2_float64(y, x):
    a, b = abs(y), abs(x)
    steep, left = a > b, copysign_float64(_ONE64, x) < _ZERO64
    equal = a == b
    above = (_ZERO64 if a == _ZERO64 else _ONE64) if equal else (b if steep else a)
    below = _ONE64 if equal else (a if steep else b)
    scale = _NEARER64 if below > _FAR64 else _ONE64
    above, below = above * scale, below * scale
    # Beyond pi/8 from the axis, from the diagonal.
    middle = above > _LOW_TURN64 * below
    t = (above - below if middle else above) / (above + below if middle else below)
    t = -t if steep != left else t
    p = _arctan_float64(t)
    diagonal, diagonal_low = (
        (_THREE_QUARTERS_PI64, _THREE_QUARTERS_PI_LOW64) if left else (_QUARTER_PI64, _QUARTER_PI_LOW64)
    )
    axis = _HALF_PI64 if steep else (_PI64 if left else _ZERO64)
    axis_low = _HALF_PI_LOW64 if steep else (_PI_LOW64 if left else _ZERO64)
    high, low = (diagonal, diagonal_low) if middle else (axis, axis_low)
    return copysign_float64(high + (t + (p + low)), y)


@inline
def _arcsin_float32(t, z):
    """arcsin t - t for t up to 1/2, where z = t^2."""
    c = _ASIN32
    return ((((c[4] * z + c[3]) * z + c[2]) * z + c[1]) * z + c[0]) * (z * t)


@inline
def _arcsin_float64(t, z):
    c = _ASIN64
    w = z * z
    p = ((c[11] * z + c[10]) * w + (c[9] * z + c[8])) * w + (c[7] * z + c[6])
    p = ((p * w + (c[5] * z + c[4])) * w + (c[3] * z + c[2])) * w + (c[1] * z + c[0])
    return p * (z * t)


@inline
def arcsin_float32(x):
    """Beyond 1/2, pi/2 - 2 arcsin(sqrt((1 - x) / 2))."""
    a = abs(x)
    large = a > _HALF32
    z = _HALF32 * (_ONE32 - a) if large else a * a
    t = np.sqrt(z) if large else a
    p = _arcsin_float32(t, z)
    twice = _TWO32 * t
    y = _HALF_PI32 - twice
    lost = (_HALF_PI32 - y) - twice
    y = y - ((_TWO32 * p - _HALF_PI_LOW32) - lost) if large else t + p
    return copysign_float32(y, x)


@inline
def arcsin_float64(x):
    a = abs(x)
    large = a > _HALF64
    z = _HALF64 * (_ONE64 - a) if large else a * a
    t = np.sqrt(z) if large else a
    p = _arcsin_float64(t, z)
    twice = _TWO64 * t
    y = _HALF_PI64 - twice
    lost = (_HALF_PI64 - y) - twice
    y = y - ((_TWO64 * p - _HALF_PI_LOW64) - lost) if large else t + p
    return copysign_float64(y, x)


@inline
def arccos_float32(x):
    """pi/2 - arcsin x near zero, else twice arcsin(sqrt((1 - |x|) / 2)), or pi less that."""
    a = abs(x)
    large = a > _HALF32
    z = _HALF32 * (_ONE32 - a) if large else a * a
    t = np.sqrt(z) if large else x
    p = _arcsin_float32(t, z)
    negative = (_PI32 - _TWO32 * t) - (_TWO32 * p - _PI_LOW32)
    far = negative if x < _ZERO32 else _TWO32 * t + _TWO32 * p
    return far if large else (_HALF_PI32 - t) - (p - _HALF_PI_LOW32)


@inline
def arccos_float64(x):
    a = abs(x)
    large = a > _HALF64
    z = _HALF64 * (_ONE64 - a) if large else a * a
    t = np.sqrt(z) if large else x
    p = _arcsin_float64(t, z)
    negative = (_PI64 - _TWO64 * t) - (_TWO64 * p - _PI_LOW64)
    far = negative if x < _ZERO64 else _TWO64 * t + _TWO64 * p
    return far if large else (_HALF_PI64 - t) - (p - _HALF_PI_LOW64)


@inline
def cbrt_float32(x):
    """The cube root.

    Bit arithmetic guesses |x|^(-1/3), a step of Newton's kind betters it, and x times its square is cut to so few
    digits t that t^3 is exact. What x exceeds t^3 by then gives the rest, as a series.
    """
    a = abs(x)
    tiny = a < _TINY32
    a = a * _SCALE32 if tiny else a
    y = bits_to_float32(np.int32(_GUESS32 - np.float32(float32_to_bits(a)) * _THIRD32))
    h = _ONE32 - (a * y) * (y * y)
    y += y * (h * (_THIRD32 + h * _NINTHS32))
    t = (a * y) * y
    t = bits_to_float32(np.int32(np.int32(float32_to_bits(t) + _ROUND32) & _SHORT32))
    d = (a - t * t * t) / a
    t += t * (d * (_THIRD32 + d * (_NINTHS32 + d * _REST32)))
    t = t * _UNSCALE32 if tiny else t
    return copysign_float32(t, x) if a > _ZERO32 and a < _INFINITY32 else x


@inline
def cbrt_float64(x):
    a = abs(x)
    tiny = a < _TINY64
    a = a * _SCALE64 if tiny else a
    # The upper half of the bits, as a double and back: see logarithm for why.
    upper = bits_to_float64((float64_to_bits(a) >> _HALF_BITS64) | _CONVERT64) - _TWO_52
    y = bits_to_float64(float64_to_bits((_GUESS64 - upper * _THIRD64) + _TWO_52) << _HALF_BITS64)
    h = _ONE64 - (a * y) * (y * y)
    y += y * (h * (_THIRD64 + h * (_NINTHS64 + h * _REST64)))
    t = (a * y) * y
    t = bits_to_float64((float64_to_bits(t) + _ROUND64) & _SHORT64)
    d = (a - t * t * t) / a
    t += t * (d * (_THIRD64 + d * (_NINTHS64 + d * _REST64)))
    t = t * _UNSCALE64 if tiny else t
    return copysign_float64(t, x) if a > _ZERO64 and a < _INFINITY64 else x
