"""erf and erfc.

Near zero erf x = x + x P(x^2). Beyond 0.8, erf x = 1 - e^(-x Q(x)), and erfc x = 9/16 e^(-x^2 + G(y)) / (x + 2) with
y = (x - 2) / (x + 2), whose relative accuracy lasts until the result vanishes. Where 1 + erf x is all that is wanted,
digits of a small erf x are lost anyway, and one formula does everywhere. All coefficients are minimax fits.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline
from autograd_core.kernels.vecmath.exponential import (
    _exp_of_negative_float32,
    _exp_of_negative_float64,
    _exp_of_sum_float32,
    _exp_of_sum_float64,
    copysign_float32,
    copysign_float64,
)

_ZERO32, _ONE32, _TWO32, _HALF32 = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
_ZERO64, _ONE64, _TWO64, _HALF64 = np.float64(0), np.float64(1), np.float64(2), np.float64(0.5)

# Where the two formulas meet, and where erf reaches one in this precision.
_NEAR32, _NEAR64 = np.float32(0.8), np.float64(0.8)
_ERF_ONE32, _ERF_ONE64 = np.float32(4), np.float64(6)

_NEAR_ERF32 = tuple(
    map(
        np.float32,
        (
            0.12837917,
            -0.37612608,
            0.11283164,
            -0.026822327,
            0.005087001,
            -0.00065428315,
        ),
    )
)
_FAR_ERF32 = tuple(
    map(
        np.float32,
        (
            1.1285789,
            0.63544637,
            0.10572849,
            -0.023306873,
            0.0034192693,
            -0.00026601585,
            5.3757626e-06,
        ),
    )
)
# Of 1 - erf x = 2^(-x Q(x)), from zero on; and of 2^r = 1 + r P(r) for |r| up to 1/2.
_WHOLE_ERF32 = tuple(
    map(
        np.float32,
        (
            1.6279085,
            0.91842353,
            0.14841327,
            -0.027983248,
            0.00023791505,
            0.0020698707,
            -0.00079502334,
            0.00015838146,
            -1.7184544e-05,
            7.998617e-07,
        ),
    )
)
_POWER_OF_TWO32 = tuple(
    map(
        np.float32,
        (
            0.69314718,
            0.24022648,
            0.055503324,
            0.009618438,
            0.0013398873,
            0.00015353305,
        ),
    )
)
# Added, it rounds to a whole number and leaves that, biased as exponents are, in the lowest bits; how far they lie
# from the exponent's place.
_TO_WHOLE32, _EXPONENT32 = np.float32(1.5 * 2**23 + 127), np.int32(23)
_NEAR_ERF64 = tuple(
    map(
        np.float64,
        (
            0.12837916709551256,
            -0.3761263890318348,
            0.11283791670942127,
            -0.02686617064237901,
            0.005223977593979219,
            -0.0008548324867069893,
            0.00012055239252777551,
            -1.4923000417841459e-05,
            1.6413409357039306e-06,
            -1.5801371220863003e-07,
            1.0997892773614958e-08,
        ),
    )
)
_FAR_ERF64 = tuple(
    map(
        np.float64,
        (
            1.128379179285899,
            0.6366196040010158,
            0.10277368027582767,
            -0.01913269604910196,
            -0.00019758501528221501,
            0.0016728382024126332,
            -0.0005541663234952021,
            -1.7411786468036447e-05,
            0.00010581363217153915,
            -6.114933207374239e-05,
            2.2343512007091367e-05,
            -5.993347354274521e-06,
            1.2217091401947939e-06,
            -1.8869659300813415e-07,
            2.148783369363432e-08,
            -1.70496771046666e-09,
            8.422681064985586e-11,
            -1.9500803881546883e-12,
        ),
    )
)
_ERFC32 = tuple(
    map(
        np.float32,
        (
            0.59671724,
            -0.67264324,
            0.047343608,
            0.046895914,
            -0.009879758,
            -0.008821322,
            0.0018174949,
            0.002277603,
            -0.00031684278,
            -0.0004080988,
        ),
    )
)
_ERFC64 = tuple(
    map(
        np.float64,
        (
            0.5967172414068149,
            -0.6726432239776572,
            0.047343306841899746,
            0.046895610231274136,
            -0.009872689366225065,
            -0.008824938563218367,
            0.0017589335609078482,
            0.002345812670622951,
            -0.00014624714032003303,
            -0.0006736811750045244,
            -9.372891978061122e-05,
            0.0001743192907038436,
            7.133607614860016e-05,
            -3.177652691233372e-05,
            -2.983251856985856e-05,
            -3.8724382061619466e-07,
            7.69632869637497e-06,
            4.468572758379076e-06,
            -1.1501153185403292e-06,
            -3.5847436461370236e-06,
            2.0073277365969508e-06,
            -2.9003226014666603e-07,
        ),
    )
)
# Clears the lower half of a fraction, so that the square of what remains is exact.
_UPPER32, _UPPER64 = np.int32(-(2**12)), np.int64(-(2**27))
# A limit of G that is taken out of it, near enough that G has few leading digits for large x; exact as a factor.
_FACTOR32, _FACTOR64 = np.float32(9 / 16), np.float64(9 / 16)
# Leaves so few digits that the product with the upper half, plus 2, is exact.
_SHORT32, _SHORT64 = np.int32(-(2**14)), np.int64(-(2**28))
# erfc is zero beyond, in subnormal numbers too.
_ERFC_ZERO32, _ERFC_ZERO64 = np.float32(10.25), np.float64(27.5)


@inline
def _near_erf_float32(x):
    """erf x - x for |x| up to 0.8, divided by x."""
    c = _NEAR_ERF32
    z = x * x
    return ((((c[5] * z + c[4]) * z + c[3]) * z + c[2]) * z + c[1]) * z + c[0]


@inline
def _near_erf_float64(x):
    c = _NEAR_ERF64
    z = x * x
    w = z * z
    low = (c[3] * z + c[2]) * w + (c[1] * z + c[0])
    middle = (c[7] * z + c[6]) * w + (c[5] * z + c[4])
    high = c[10] * w + (c[9] * z + c[8])
    w *= w
    return (high * w + middle) * w + low


@inline
def erf_float32(x):
    a = abs(x)
    c = _FAR_ERF32
    t = _ERF_ONE32 if a > _ERF_ONE32 else a
    q = (((((c[6] * t + c[5]) * t + c[4]) * t + c[3]) * t + c[2]) * t + c[1]) * t + c[0]
    far = copysign_float32(_ONE32 - _exp_of_negative_float32(-t * q), x)
    return far if a > _NEAR32 else _near_erf_float32(x) * x + x


@inline
def erf_float64(x):
    a = abs(x)
    c = _FAR_ERF64
    t = _ERF_ONE64 if a > _ERF_ONE64 else a
    q = ((((c[17] * t + c[16]) * t + c[15]) * t + c[14]) * t + c[13]) * t + c[12]
    q = (((((q * t + c[11]) * t + c[10]) * t + c[9]) * t + c[8]) * t + c[7]) * t + c[6]
    q = (((((q * t + c[5]) * t + c[4]) * t + c[3]) * t + c[2]) * t + c[1]) * t + c[0]
    far = copysign_float64(_ONE64 - _exp_of_negative_float64(-t * q), x)
    return far if a > _NEAR64 else _near_erf_float64(x) * x + x


@inline
def one_plus_erf_float32(x):
    """1 + erf x: little more than an ULP of 1 off where that exceeds 1, and with most of its digits where it is small.

    The power of two needs neither limits nor care for subnormal numbers, as that of any argument does.
    """
    a = abs(x)
    c, d = _WHOLE_ERF32, _POWER_OF_TWO32
    t = _ERF_ONE32 if a > _ERF_ONE32 else a
    q = ((((c[9] * t + c[8]) * t + c[7]) * t + c[6]) * t + c[5]) * t + c[4]
    q = (((q * t + c[3]) * t + c[2]) * t + c[1]) * t + c[0]
    shifted = _TO_WHOLE32 - t * q
    r = (_TO_WHOLE32 - shifted) - t * q
    p = (((((d[5] * r + d[4]) * r + d[3]) * r + d[2]) * r + d[1]) * r + d[0]) * r + _ONE32
    rest = p * bits_to_float32(np.int32(float32_to_bits(shifted) << _EXPONENT32))
    rest = _ZERO32 if a > _ERF_ONE32 else rest
    return rest if x < _ZERO32 else _TWO32 - rest


@inline
def one_plus_erf_float64(x):
    return _ONE64 + erf_float64(x)


@inline
def erfc_float32(x):
    """1 - erf x.

    Rounding errors are kept out of the factors and put into the exponent, where they are small beside G: the square is
    split into that of the upper half of x, which is exact, and a rest; 1 / (x + 2) into a few leading digits and the
    logarithm of what they leave.
    """
    a = abs(x)
    a = _ERFC_ZERO32 if a > _ERFC_ZERO32 else a
    c = _ERFC32
    v = _ONE32 / (a + _TWO32)
    y = (a - _TWO32) * v
    g = ((((c[9] * y + c[8]) * y + c[7]) * y + c[6]) * y + c[5]) * y + c[4]
    g = (((g * y + c[3]) * y + c[2]) * y + c[1]) * y + c[0]
    upper = bits_to_float32(np.int32(float32_to_bits(a) & _UPPER32))
    short = bits_to_float32(np.int32(float32_to_bits(v) & _SHORT32))
    error = (_ONE32 - short * (upper + _TWO32)) - short * (a - upper)
    rest = (error + _HALF32 * error * error) - (a - upper) * (a + upper)
    far = _exp_of_sum_float32(-upper * upper, g, rest, _FACTOR32 * short)
    far = _TWO32 - far if x < _ZERO32 else far
    near = (_ONE32 - x) - _near_erf_float32(x) * x
    return near if a < _NEAR32 else far


@inline
def erfc_float64(x):
    a = abs(x)
    a = _ERFC_ZERO64 if a > _ERFC_ZERO64 else a
    c = _ERFC64
    v = _ONE64 / (a + _TWO64)
    y = (a - _TWO64) * v
    g = ((((c[21] * y + c[20]) * y + c[19]) * y + c[18]) * y + c[17]) * y + c[16]
    g = (((((g * y + c[15]) * y + c[14]) * y + c[13]) * y + c[12]) * y + c[11]) * y + c[10]
    g = (((((g * y + c[9]) * y + c[8]) * y + c[7]) * y + c[6]) * y + c[5]) * y + c[4]
    g = (((g * y + c[3]) * y + c[2]) * y + c[1]) * y + c[0]
    upper = bits_to_float64(float64_to_bits(a) & _UPPER64)
    short = bits_to_float64(float64_to_bits(v) & _SHORT64)
    error = (_ONE64 - short * (upper + _TWO64)) - short * (a - upper)
    rest = (error + _HALF64 * error * error) - (a - upper) * (a + upper)
    far = _exp_of_sum_float64(-upper * upper, g, rest, _FACTOR64 * short)
    far = _TWO64 - far if x < _ZERO64 else far
    near = (_ONE64 - x) - _near_erf_float64(x) * x
    return near if a < _NEAR64 else far
