"""exp, exp2, expm1, sigmoid and the hyperbolic functions built on e^x.

e^x = 2^n e^r with n the integer nearest x/ln 2 and r = x - n ln 2, |r| <= 0.35. A polynomial gives e^r; 2^n is put
together from its bits. Coefficients are minimax fits (Remez, rounded) of (e^r - 1 - r)/r^2 and (sinh x - x)/x^3.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline

_ZERO32, _ZERO64 = np.float32(0), np.float64(0)
_ONE32, _TWO32, _HALF32, _QUARTER32 = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0.25)
_ONE64, _TWO64, _HALF64, _QUARTER64 = np.float64(1), np.float64(2), np.float64(0.5), np.float64(0.25)

_LOG2E32 = np.float32(1.4426950408889634)
_LOG2E64 = np.float64(1.4426950408889634)
# ln 2 in two parts, the first short enough that n times it is exact.
_LN2_HIGH32, _LN2_LOW32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LN2_HIGH64, _LN2_LOW64 = np.float64(6.93147180369123816490e-01), np.float64(1.90821492927058770002e-10)
_LN2_32, _LN2_64 = np.float32(0.6931471805599453), np.float64(0.6931471805599453)

_TAIL32 = tuple(map(np.float32, (0.5, 0.16666538, 0.041666437, 0.008367293, 0.0013937704)))
_TAIL64 = tuple(
    map(
        np.float64,
        (
            0.5000000000000004,
            0.16666666666666674,
            0.04166666666657486,
            0.008333333333324679,
            0.0013888888933014148,
            0.0001984126987540418,
            2.480150292157618e-05,
            2.7557257671707366e-06,
            2.7627141851895695e-07,
            2.5103525342731472e-08,
        ),
    )
)

_SINH32 = tuple(map(np.float32, (0.16666718, 0.008330223, 0.00020376634)))
_SINH64 = tuple(
    map(
        np.float64,
        (
            0.16666666666666666,
            0.00833333333333322,
            0.00019841269841392207,
            2.755731916748749e-06,
            2.5052121713789202e-08,
            1.605735727346884e-10,
            7.756099727842397e-13,
        ),
    )
)

# Results overflow above and vanish below; between them and here every intermediate value stays finite.
_EXP_LOW32, _EXP_HIGH32 = np.float32(-105), np.float32(89)
_EXP_LOW64, _EXP_HIGH64 = np.float64(-746), np.float64(710)
_EXP2_LOW32, _EXP2_HIGH32 = np.float32(-151), np.float32(128)
_EXP2_LOW64, _EXP2_HIGH64 = np.float64(-1076), np.float64(1024)

# Below, e^x - 1 is -1.
_EXPM1_LOW32, _EXPM1_LOW64 = np.float32(-18), np.float64(-38)
# Below, e^x - 1 is x.
_EXPM1_TINY32, _EXPM1_TINY64 = np.float32(2.0**-25), np.float64(2.0**-54)
# Above, tanh x is 1.
_TANH_ONE32, _TANH_ONE64 = np.float32(10), np.float64(20)
_SMALL32, _SMALL64 = np.float32(0.4), np.float64(0.4)
_SINH_HIGH32, _SINH_HIGH64 = np.float32(90), np.float64(711)

# 2^n is applied in two steps, since neither the largest nor the subnormal results have a 2^n that is a normal number:
# first 2^(n + 64) and then 2^-64 for n below zero, first 2^(n - 1) and then 2 above. The last product rounds once.
# Adding 1.5 * 2^mantissa rounds to the nearest integer and leaves it in the low bits; with the bias of the exponent
# added to it, what a shift moves up from there is the first power of two itself.
_MAGIC32, _MAGIC64 = 1.5 * 2.0**23, 1.5 * 2.0**52
_ROUND_DOWN32, _ROUND_UP32 = np.float32(_MAGIC32 + 127 + 64), np.float32(_MAGIC32 + 127 - 1)
_ROUND_DOWN64, _ROUND_UP64 = np.float64(_MAGIC64 + 1023 + 512), np.float64(_MAGIC64 + 1023 - 1)
_ROUND_QUARTER32, _ROUND_QUARTER64 = np.float32(_MAGIC32 + 127 - 2), np.float64(_MAGIC64 + 1023 - 2)
_DOWN32, _DOWN64 = np.float32(2.0**-64), np.float64(2.0**-512)
_SHIFT32, _SHIFT64 = np.int32(23), np.int64(52)
_SIGN32, _SIGN64 = np.int32(-(2**31)), np.int64(-(2**63))


@inline
def copysign_float32(magnitude, x):
    """`magnitude`, which is not negative, with the sign of `x`."""
    return bits_to_float32(np.int32(float32_to_bits(magnitude) | (float32_to_bits(x) & _SIGN32)))


@inline
def copysign_float64(magnitude, x):
    return bits_to_float64(float64_to_bits(magnitude) | (float64_to_bits(x) & _SIGN64))


@inline
def _tail_float32(r):
    c = _TAIL32
    return (((c[4] * r + c[3]) * r + c[2]) * r + c[1]) * r + c[0]


@inline
def _tail_float64(r):
    c = _TAIL64
    square = r * r
    low = (c[3] * r + c[2]) * square + (c[1] * r + c[0])
    fourth = square * square
    high = (c[9] * r + c[8]) * fourth + ((c[7] * r + c[6]) * square + (c[5] * r + c[4]))
    return high * fourth + low


@inline
def _power_float32(shifted):
    """The power of two whose biased exponent is in the low bits of `shifted`."""
    return bits_to_float32(np.int32(float32_to_bits(shifted) << _SHIFT32))


@inline
def _power_float64(shifted):
    return bits_to_float64(float64_to_bits(shifted) << _SHIFT64)


@inline
def exp_float32(x):
    x = _EXP_HIGH32 if x > _EXP_HIGH32 else x  # in this order NaN passes
    x = _EXP_LOW32 if x < _EXP_LOW32 else x
    rounding = _ROUND_DOWN32 if x < _ONE32 else _ROUND_UP32
    shifted = x * _LOG2E32 + rounding
    n = shifted - rounding
    r = (x - n * _LN2_HIGH32) - n * _LN2_LOW32
    p = (r * r * _tail_float32(r) + r) + _ONE32
    return p * _power_float32(shifted) * (_DOWN32 if x < _ONE32 else _TWO32)


@inline
def exp_float64(x):
    x = _EXP_HIGH64 if x > _EXP_HIGH64 else x
    x = _EXP_LOW64 if x < _EXP_LOW64 else x
    rounding = _ROUND_DOWN64 if x < _ONE64 else _ROUND_UP64
    shifted = x * _LOG2E64 + rounding
    n = shifted - rounding
    r = (x - n * _LN2_HIGH64) - n * _LN2_LOW64
    p = (r * r * _tail_float64(r) + r) + _ONE64
    return p * _power_float64(shifted) * (_DOWN64 if x < _ONE64 else _TWO64)


@inline
def exp2_float32(x):
    x = _EXP2_HIGH32 if x > _EXP2_HIGH32 else x
    x = _EXP2_LOW32 if x < _EXP2_LOW32 else x
    rounding = _ROUND_DOWN32 if x < _ONE32 else _ROUND_UP32
    shifted = x + rounding
    r = (x - (shifted - rounding)) * _LN2_32
    p = (r * r * _tail_float32(r) + r) + _ONE32
    return p * _power_float32(shifted) * (_DOWN32 if x < _ONE32 else _TWO32)


@inline
def exp2_float64(x):
    x = _EXP2_HIGH64 if x > _EXP2_HIGH64 else x
    x = _EXP2_LOW64 if x < _EXP2_LOW64 else x
    rounding = _ROUND_DOWN64 if x < _ONE64 else _ROUND_UP64
    shifted = x + rounding
    r = (x - (shifted - rounding)) * _LN2_64
    p = (r * r * _tail_float64(r) + r) + _ONE64
    return p * _power_float64(shifted) * (_DOWN64 if x < _ONE64 else _TWO64)


@inline
def exp_nonpositive_float32(x):
    """e^x for x <= 0, as softmax needs it: as accurate as exp, with two thirds of the instructions."""
    x = _EXP_LOW32 if x < _EXP_LOW32 else x
    shifted = x * _LOG2E32 + _ROUND_DOWN32
    n = shifted - _ROUND_DOWN32
    r = (x - n * _LN2_HIGH32) - n * _LN2_LOW32
    p = (r * r * _tail_float32(r) + r) + _ONE32
    return p * _power_float32(shifted) * _DOWN32


@inline
def exp_nonpositive_float64(x):
    x = _EXP_LOW64 if x < _EXP_LOW64 else x
    shifted = x * _LOG2E64 + _ROUND_DOWN64
    n = shifted - _ROUND_DOWN64
    r = (x - n * _LN2_HIGH64) - n * _LN2_LOW64
    p = (r * r * _tail_float64(r) + r) + _ONE64
    return p * _power_float64(shifted) * _DOWN64


@inline
def _exp_of_negative_float32(x):
    """e^x for x <= 0, where half the scaling is known beforehand."""
    x = _EXP_LOW32 if x < _EXP_LOW32 else x
    shifted = x * _LOG2E32 + _ROUND_DOWN32
    n = shifted - _ROUND_DOWN32
    high, low = x - n * _LN2_HIGH32, n * _LN2_LOW32
    r = high - low
    p = (high + (r * r * _tail_float32(r) - low)) + _ONE32
    return p * _power_float32(shifted) * _DOWN32


@inline
def _exp_of_negative_float64(x):
    x = _EXP_LOW64 if x < _EXP_LOW64 else x
    shifted = x * _LOG2E64 + _ROUND_DOWN64
    n = shifted - _ROUND_DOWN64
    high, low = x - n * _LN2_HIGH64, n * _LN2_LOW64
    r = high - low
    p = (high + (r * r * _tail_float64(r) - low)) + _ONE64
    return p * _power_float64(shifted) * _DOWN64


@inline
def _exp_of_sum_float32(x, y, z, factor):
    """factor e^(x + y + z) for x <= 0, small y and smaller z, as if the sum were not rounded."""
    # With z, which reaches 0.07: what remains must lie where the polynomial was fitted.
    shifted = (x + (y + z)) * _LOG2E32 + _ROUND_DOWN32
    n = shifted - _ROUND_DOWN32
    high, low = (x - n * _LN2_HIGH32) + y, z - n * _LN2_LOW32
    r = high + low
    p = high + (r * r * _tail_float32(r) + low)
    return (p * factor + factor) * _power_float32(shifted) * _DOWN32


@inline
def _exp_of_sum_float64(x, y, z, factor):
    shifted = (x + y) * _LOG2E64 + _ROUND_DOWN64
    n = shifted - _ROUND_DOWN64
    high, low = (x - n * _LN2_HIGH64) + y, z - n * _LN2_LOW64
    r = high + low
    p = high + (r * r * _tail_float64(r) + low)
    return (p * factor + factor) * _power_float64(shifted) * _DOWN64


@inline
def sigmoid_float32(x):
    """1 / (1 + e^-x), without overflow and with full relative accuracy for negative x."""
    e = _exp_of_negative_float32(-abs(x))
    y = e / (_ONE32 + e)
    # In the tails base - base * y, whose error is that of the base alone, since that of the quotient is scaled down.
    negative = x < _ZERO32
    base = e if negative else _ONE32
    return y if negative and e > _SMALL32 else base - base * y


@inline
def sigmoid_float64(x):
    e = _exp_of_negative_float64(-abs(x))
    y = e / (_ONE64 + e)
    # In the tails base - base * y, whose error is that of the base alone, since that of the quotient is scaled down.
    negative = x < _ZERO64
    base = e if negative else _ONE64
    return y if negative and e > _SMALL64 else base - base * y


@inline
def _half_expm1_float32(x):
    """(e^x - 1) / 2 for `x` in the range where e^x is finite and not negligible.

    Half, so that 2^n stays a normal number for the largest results: 2^(n-1) (e^r - 1) + (2^(n-1) - 1/2).
    """
    shifted = x * _LOG2E32 + _ROUND_UP32
    n = shifted - _ROUND_UP32
    high, low = x - n * _LN2_HIGH32, n * _LN2_LOW32
    r = high - low
    p = high + (r * r * _tail_float32(r) - low)
    scale = _power_float32(shifted)
    return scale * p + (scale - _HALF32)


@inline
def _half_expm1_float64(x):
    shifted = x * _LOG2E64 + _ROUND_UP64
    n = shifted - _ROUND_UP64
    high, low = x - n * _LN2_HIGH64, n * _LN2_LOW64
    r = high - low
    p = high + (r * r * _tail_float64(r) - low)
    scale = _power_float64(shifted)
    return scale * p + (scale - _HALF64)


@inline
def expm1_float32(x):
    """e^x - 1."""
    y = _EXP_HIGH32 if x > _EXP_HIGH32 else x
    y = _EXPM1_LOW32 if y < _EXPM1_LOW32 else y
    y = _half_expm1_float32(y)
    return x if abs(x) < _EXPM1_TINY32 else y + y  # keeps -0 and subnormal numbers


@inline
def expm1_float64(x):
    y = _EXP_HIGH64 if x > _EXP_HIGH64 else x
    y = _EXPM1_LOW64 if y < _EXPM1_LOW64 else y
    y = _half_expm1_float64(y)
    return x if abs(x) < _EXPM1_TINY64 else y + y


@inline
def tanh_float32(x):
    """t / (t + 2) with t = e^(2|x|) - 1, which is accurate for small x too."""
    a = abs(x)
    a = _TANH_ONE32 if a > _TANH_ONE32 else a
    t = _half_expm1_float32(a + a)
    y = t / (t + _ONE32)
    y = t - t * y if t < _SMALL32 else y  # the same, with the quotient's rounding errors scaled down by t
    return copysign_float32(y, x)


@inline
def tanh_float64(x):
    a = abs(x)
    a = _TANH_ONE64 if a > _TANH_ONE64 else a
    t = _half_expm1_float64(a + a)
    y = t / (t + _ONE64)
    y = t - t * y if t < _SMALL64 else y  # the same, with the quotient's rounding errors scaled down by t
    return copysign_float64(y, x)


@inline
def _half_exp_float32(x):
    """e^x / 2 for x >= 0: finite as far as sinh and cosh are."""
    x = _SINH_HIGH32 if x > _SINH_HIGH32 else x
    shifted = x * _LOG2E32 + _ROUND_QUARTER32
    n = shifted - _ROUND_QUARTER32
    r = (x - n * _LN2_HIGH32) - n * _LN2_LOW32
    p = (r * r * _tail_float32(r) + r) + _ONE32
    return p * _power_float32(shifted) * _TWO32


@inline
def _half_exp_float64(x):
    x = _SINH_HIGH64 if x > _SINH_HIGH64 else x
    shifted = x * _LOG2E64 + _ROUND_QUARTER64
    n = shifted - _ROUND_QUARTER64
    r = (x - n * _LN2_HIGH64) - n * _LN2_LOW64
    p = (r * r * _tail_float64(r) + r) + _ONE64
    return p * _power_float64(shifted) * _TWO64


@inline
def sinh_float32(x):
    """A polynomial up to one, (e^x - e^-x) / 2 beyond."""
    a = abs(x)
    half = _half_exp_float32(a)
    large = half - _QUARTER32 / half
    large = copysign_float32(large, x)
    z = x * x
    c = _SINH32
    small = ((c[2] * z + c[1]) * z + c[0]) * z * x + x
    return small if a < _ONE32 else large


@inline
def sinh_float64(x):
    a = abs(x)
    half = _half_exp_float64(a)
    large = half - _QUARTER64 / half
    large = copysign_float64(large, x)
    z = x * x
    c = _SINH64
    small = ((((((c[6] * z + c[5]) * z + c[4]) * z + c[3]) * z + c[2]) * z + c[1]) * z + c[0]) * z * x + x
    return small if a < _ONE64 else large


@inline
def cosh_float32(x):
    """(e^x + e^-x) / 2."""
    half = _half_exp_float32(abs(x))
    return half + _QUARTER32 / half


@inline
def cosh_float64(x):
    half = _half_exp_float64(abs(x))
    return half + _QUARTER64 / half
