"""sin, cos and tan.

x = n pi/2 + r with n the integer nearest 2x/pi, then polynomials in r (minimax fits) and the sign and choice that the
low bits of n say. pi/2 is split into parts short enough that n times a part is exact (Cody and Waite), so r is right
up to :data:`TRIGONOMETRIC_LIMIT`; single precision does this step in double. Beyond, the result is NaN: reducing such
arguments takes a table of the digits of 2/pi, and looking it up (or calling libm for the few elements that need it,
which LLVM turns into a call for every element) costs every loop two to forty times its speed (measured). Kernels
look for ``abs(x) > TRIGONOMETRIC_LIMIT`` in passing and, where they met it, repeat the line with libm: kernels/emit.py.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline

# Adjacent single-precision numbers are 4096 apart there.
TRIGONOMETRIC_LIMIT = 2.0**35
_LIMIT32, _LIMIT64 = np.float32(TRIGONOMETRIC_LIMIT), np.float64(TRIGONOMETRIC_LIMIT)
_NAN32, _NAN64 = np.float32(np.nan), np.float64(np.nan)
_ONE32, _HALF32 = np.float32(1), np.float32(0.5)
_ONE64, _HALF64 = np.float64(1), np.float64(0.5)

_ROUND64 = np.float64(6755399441055744.0)  # 1.5 * 2^52: adding it rounds to an integer, held in the low bits
_TWO_OVER_PI = np.float64(0.6366197723675814)
# pi/2 in parts that are multiples of 2^-17, 2^-35, 2^-53 and 2^-71; what is left after the second, and at the end.
_PI_1, _PI_2 = np.float64(1.5707931518554688), np.float64(3.1749368645250797e-06)
_PI_3, _PI_4 = np.float64(2.5632829192545614e-12), np.float64(6.123201175701337e-17)
_PI_REST, _PI_5 = np.float64(2.563344151594519e-12), np.float64(3.2820035428735005e-22)

_INT1_32, _INT1_64 = np.int32(1), np.int64(1)
_INT0_32, _INT0_64 = np.int32(0), np.int64(0)
# From the second lowest bit to the sign.
_TO_SIGN32, _TO_SIGN64 = np.int32(30), np.int64(62)
_SIGN32, _SIGN64 = np.int32(-(2**31)), np.int64(-(2**63))

_SIN32 = tuple(map(np.float32, (-0.16666654, 0.00833211, -0.00019508562)))
_COS32 = tuple(map(np.float32, (0.041666646, -0.0013887302, 2.4430881e-05)))
_SIN64 = tuple(
    map(
        np.float64,
        (
            -0.16666666666666652,
            0.008333333333325497,
            -0.0001984126983154522,
            2.755731412847416e-06,
            -2.5050807859463637e-08,
            1.5898861399287803e-10,
        ),
    )
)
_COS64 = tuple(
    map(
        np.float64,
        (
            0.0416666666666666,
            -0.001388888888887457,
            2.4801587289532864e-05,
            -2.7557314317663257e-07,
            2.0875713271776366e-09,
            -1.1358906409331115e-11,
        ),
    )
)
_TAN32 = tuple(map(np.float32, (0.33333337, 0.13332976, 0.0540317, 0.02140391, 0.01056369, 0.0003937394, 0.004241776)))
_TAN64 = tuple(
    map(
        np.float64,
        (
            0.33333333333333337,
            0.13333333333331374,
            0.05396825397006411,
            0.0218694884675493,
            0.008863236938614526,
            0.0035921101563950635,
            0.0014559853855839464,
            0.0005891411865881114,
            0.00024283555674143125,
            8.574817916200936e-05,
            6.347362365826786e-05,
            -2.1153897699729045e-05,
            4.508682010128712e-05,
            -2.2599415970556403e-05,
            9.442931183783383e-06,
        ),
    )
)
_MINUS32, _MINUS64 = np.float32(-1), np.float64(-1)


@inline
def _reduce_float32(x):
    """r, not yet rounded to single precision, and the low bits of n."""
    wide = np.float64(x)
    shifted = wide * _TWO_OVER_PI + _ROUND64
    n = shifted - _ROUND64
    r = ((wide - n * _PI_1) - n * _PI_2) - n * _PI_REST
    return r, np.int32(float64_to_bits(shifted))


@inline
def _reduce_float64(x):
    """r in two parts and the low bits of n. The last exact subtraction is where digits would be lost."""
    shifted = x * _TWO_OVER_PI + _ROUND64
    n = shifted - _ROUND64
    exact = ((x - n * _PI_1) - n * _PI_2) - n * _PI_3
    fourth = n * _PI_4
    high = exact - fourth
    low = ((exact - high) - fourth) - n * _PI_5
    r = high + low
    return r, (high - r) + low, float64_to_bits(shifted)


@inline
def _sin_cos_float32(r):
    """The sine and the cosine of |r| <= pi/4."""
    s, c = _SIN32, _COS32
    z = r * r
    sine = ((s[2] * z + s[1]) * z + s[0]) * (z * r) + r
    cosine = ((c[2] * z + c[1]) * z + c[0]) * (z * z) + (_ONE32 - _HALF32 * z)
    return sine, cosine


@inline
def _sin_cos_float64(r, low):
    s, c = _SIN64, _COS64
    z = r * r
    w = z * z
    half = _HALF64 * z
    p = ((s[5] * z + s[4]) * w + (s[3] * z + s[2])) * w + (s[1] * z + s[0])
    sine = r + (p * (z * r) + (low - half * low))
    p = ((c[5] * z + c[4]) * w + (c[3] * z + c[2])) * w + (c[1] * z + c[0])
    near = _ONE64 - half
    cosine = near + (((_ONE64 - near) - half) + (p * w - r * low))
    return sine, cosine


@inline
def sin_float32(x):
    r, n = _reduce_float32(abs(x))
    sine, cosine = _sin_cos_float32(np.float32(r))
    y = cosine if np.int32(n & _INT1_32) != _INT0_32 else sine
    sign = np.int32(np.int32(np.int32(n << _TO_SIGN32) ^ float32_to_bits(x)) & _SIGN32)
    y = bits_to_float32(np.int32(float32_to_bits(y) ^ sign))
    return y if abs(x) <= _LIMIT32 else _NAN32


@inline
def sin_float64(x):
    r, low, n = _reduce_float64(abs(x))
    sine, cosine = _sin_cos_float64(r, low)
    y = cosine if (n & _INT1_64) != _INT0_64 else sine
    sign = ((n << _TO_SIGN64) ^ float64_to_bits(x)) & _SIGN64
    y = bits_to_float64(float64_to_bits(y) ^ sign)
    return y if abs(x) <= _LIMIT64 else _NAN64


@inline
def cos_float32(x):
    r, n = _reduce_float32(x)
    sine, cosine = _sin_cos_float32(np.float32(r))
    y = sine if np.int32(n & _INT1_32) != _INT0_32 else cosine
    sign = np.int32(np.int32(np.int32(n + _INT1_32) << _TO_SIGN32) & _SIGN32)
    y = bits_to_float32(np.int32(float32_to_bits(y) ^ sign))
    return y if abs(x) <= _LIMIT32 else _NAN32


@inline
def cos_float64(x):
    r, low, n = _reduce_float64(x)
    sine, cosine = _sin_cos_float64(r, low)
    y = sine if (n & _INT1_64) != _INT0_64 else cosine
    sign = ((n + _INT1_64) << _TO_SIGN64) & _SIGN64
    y = bits_to_float64(float64_to_bits(y) ^ sign)
    return y if abs(x) <= _LIMIT64 else _NAN64


@inline
def tan_float32(x):
    """tan r, or -1 / tan r where n is odd."""
    r, n = _reduce_float32(abs(x))
    narrow = np.float32(r)
    c = _TAN32
    z = narrow * narrow
    p = (((((c[6] * z + c[5]) * z + c[4]) * z + c[3]) * z + c[2]) * z + c[1]) * z + c[0]
    y = np.float32(r + np.float64(p * (z * narrow)))
    y = _MINUS32 / y if np.int32(n & _INT1_32) != _INT0_32 else y
    y = bits_to_float32(np.int32(float32_to_bits(y) ^ np.int32(float32_to_bits(x) & _SIGN32)))
    return y if abs(x) <= _LIMIT32 else _NAN32


@inline
def tan_float64(x):
    r, low, n = _reduce_float64(abs(x))
    c = _TAN64
    z = r * r
    w = z * z
    p = ((c[14] * w + (c[13] * z + c[12])) * w + (c[11] * z + c[10])) * w + (c[9] * z + c[8])
    p = (((p * w + (c[7] * z + c[6])) * w + (c[5] * z + c[4])) * w + (c[3] * z + c[2])) * w + (c[1] * z + c[0])
    rest = p * (z * r) + (low + low * z)
    y = r + rest
    inverse = _MINUS64 / y
    inverse += inverse * (inverse * ((r - y) + rest))  # of the sum as it was before it was rounded
    y = inverse if (n & _INT1_64) != _INT0_64 else y
    y = bits_to_float64(float64_to_bits(y) ^ (float64_to_bits(x) & _SIGN64))
    return y if abs(x) <= _LIMIT64 else _NAN64
