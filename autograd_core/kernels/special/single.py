"""Single precision: computed in double without branches, both sides of a choice, and rounded once.

Sizes are limited before use where the other side of a choice would overflow, in an order that lets NaN pass.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline
from autograd_core.kernels.special.double import (
    _DIGAMMA_FAR,
    _HALF_LOG_TWO_PI,
    _LGAMMA_FAR,
    _LOG_PI,
    _horner,
    polygamma_float64,
)
from autograd_core.kernels.vecmath import exp_float64, log_float32, log_float64, sin_float64, tan_float64

# erfinv(x) / x in w = -ln(1 - x²) up to 5, in 0.4 w - 1; in √w beyond, in (√w - 3.168) / 0.932.
_ERFINV_NEAR = tuple(
    map(
        np.float32,
        (
            4.455502e-06, -3.333668e-05, 2.4390116e-05, 0.00028406826, -0.0008357945, -0.0004843449, 0.008525692,
            -0.019574195, -0.02610825, 0.61660075, 1.5014093,
        ),
    )
)  # fmt: skip
_ERFINV_FAR = tuple(
    map(
        np.float32,
        (
            5.9184462e-05, -7.7924815e-05, -0.00021242537, 0.0008017621, -0.0015535024, 0.0024652593, -0.0037991067,
            0.0055646286, 0.9360044, 3.0014927,
        ),
    )
)  # fmt: skip
# Shorter forms of those for double precision: the first over |x| up to 8, in x²/4; the others beyond, in 16/|x| - 1.
_I0_NEAR = (
    1.41905128828e-13, 5.24544604038e-12, 6.59149256427e-10, 3.88779319556e-08, 1.93236521449e-06, 6.94303759746e-05,
    0.00173614587456, 0.0277777312684, 0.250000028611, 0.999999994454,
)  # fmt: skip
_I1_NEAR = (
    1.24827537811e-14, 5.54358965699e-13, 7.2346591352e-11, 4.87429213187e-09, 2.75911382257e-07, 1.15725547026e-05,
    0.000347226300726, 0.00694443840454, 0.0833333375493, 0.499999999041,
)  # fmt: skip
_I0_FAR = (
    3.16198552846e-08, 1.08679424823e-07, 3.07332291732e-07, 1.47611573434e-06, 1.11398156586e-05, 0.000136217164243,
    0.00336055224172, 0.402176509419,
)  # fmt: skip
_I1_FAR = (
    -3.57743581581e-08, -1.22732172351e-07, -3.58429888726e-07, -1.82569073177e-06, -1.50352680295e-05,
    -0.000219237125382, -0.00974957745756, 0.38939845906,
)  # fmt: skip
_ZERO, _ONE, _FIVE = np.float32(0), np.float32(1), np.float32(5)
_TWO_FIFTHS, _MIDDLE, _PER_WIDTH = np.float32(0.4), np.float32(3.168), np.float32(1 / 0.932)
_INFINITY = np.float32(np.inf)


@inline
def erfinv_float32(x):
    """After Giles 2010, "Approximating the erfinv function": in one precision, with other polynomials."""
    w = -log_float32((_ONE - x) * (_ONE + x))
    root = np.sqrt(_FIVE if w < _FIVE else w)
    near = _horner(_ERFINV_NEAR, (_FIVE if w > _FIVE else w) * _TWO_FIFTHS - _ONE)
    far = _horner(_ERFINV_FAR, (root - _MIDDLE) * _PER_WIDTH)
    quotient = near if w < _FIVE else far
    quotient = _INFINITY if abs(x) == _ONE else quotient
    return x * quotient


@inline
def lgamma_float32(x):
    """Stirling's series (DLMF 5.11.1) at a >= 7, where 5.5.1 leads; 5.5.3 for negative x."""
    x = np.float64(x)
    a = abs(x)
    far = a >= 7.0
    product = ((a * (a + 1.0)) * ((a + 2.0) * (a + 3.0))) * (((a + 4.0) * (a + 5.0)) * (a + 6.0))
    product = 1.0 if far else product
    z = a if far else a + 7.0
    r = 1.0 / z
    series = (z - 0.5) * log_float64(z) - z + (_HALF_LOG_TWO_PI + r * _horner(_LGAMMA_FAR, r * r))
    distance = x - np.rint(x)
    sine = a * abs(sin_float64(np.pi * distance))
    logarithm = log_float64(product / sine if x < 0.0 else product)
    value = (_LOG_PI - series) + logarithm if x < 0.0 else series - logarithm
    value = 0.0 if (x == 1.0) | (x == 2.0) else value
    return np.float32(np.inf if (a == np.inf) | ((x <= 0.0) & (distance == 0.0)) else value)


@inline
def digamma_float32(x):
    """The asymptotic series (DLMF 5.11.2) at a >= 7, where 5.5.2 leads, its fractions added up first; 5.5.4 below 0."""
    x = np.float64(x)
    a = 1.0 - x if x < 0.0 else x
    far = a >= 7.0
    limited = 7.0 if far else a
    upper, lower = 1.0, limited
    for _ in range(6):
        limited += 1.0
        upper = upper * limited + lower
        lower *= limited
    z = a if far else a + 7.0
    r = 1.0 / z
    value = log_float64(z) - 0.5 * r - r * r * _horner(_DIGAMMA_FAR, r * r)
    value -= 0.0 if far else upper / lower
    distance = x - np.rint(x)
    value -= np.pi / tan_float64(np.pi * distance) if x < 0.0 else 0.0
    value = np.nan if (x < 0.0) & ((distance == 0.0) | (x == -np.inf)) else value
    value = np.inf if x == np.inf else value
    return np.float32(np.copysign(np.inf, -x) if x == 0.0 else value)


# B_2k for k = 10 … 1, of trigamma's asymptotic series.
_BERNOULLI = (
    -529.1242424242424, 54.971177944862156, -7.092156862745098, 1.1666666666666667, -0.2531135531135531,
    0.07575757575757576, -0.03333333333333333, 0.023809523809523808, -0.03333333333333333, 0.16666666666666666,
)  # fmt: skip


@inline
def _trigamma(x):
    """As digamma, by the derivatives of its formulas."""
    a = 1.0 - x if x < 0.0 else x
    far = a >= 7.0
    limited = 7.0 if far else a
    upper, lower = 1.0, limited * limited
    for _ in range(6):
        limited += 1.0
        square = limited * limited
        upper = upper * square + lower
        lower *= square
    z = a if far else a + 7.0
    r = 1.0 / z
    value = r + r * r * (0.5 + r * _horner(_BERNOULLI, r * r))
    value += 0.0 if far else upper / lower
    sine = sin_float64(np.pi * (x - np.rint(x)))
    value = np.pi * np.pi / (sine * sine) - value if x < 0.0 else value
    return np.nan if x == -np.inf else value


@inline
def polygamma_float32(x, n):
    # Where n is a constant, as in derivatives, one side vanishes and the other is vectorised.
    if n == _ONE:
        return np.float32(_trigamma(np.float64(x)))
    return np.float32(polygamma_float64(np.float64(x), np.float64(n)))


@inline
def _bessel(x, near_coefficients, far_coefficients, order, scaled):
    """I0 or I1 of |x|, times e^-|x| if `scaled`: both regions of the double precision form, shortened."""
    size = np.float64(abs(x))
    a = size if scaled else (200.0 if size > 200.0 else size)
    near = 8.0 if a > 8.0 else a
    far = 8.0 if a < 8.0 else a
    z = 0.25 * near * near
    near_value = 1.0 + z * _horner(near_coefficients, z)
    if order == 1:
        near_value = 0.5 * near * (1.0 + z * _horner(near_coefficients, z))
    r = 1.0 / far
    far_value = _horner(far_coefficients, 16.0 * r - 1.0) * np.sqrt(r)
    if scaled:
        return exp_float64(-near) * near_value if a <= 8.0 else far_value
    return near_value if a <= 8.0 else exp_float64(far) * far_value


@inline
def i0_float32(x):
    return np.float32(_bessel(x, _I0_NEAR, _I0_FAR, 0, False))


@inline
def i0e_float32(x):
    return np.float32(_bessel(x, _I0_NEAR, _I0_FAR, 0, True))


@inline
def i1_float32(x):
    return np.float32(np.copysign(_bessel(x, _I1_NEAR, _I1_FAR, 1, False), np.float64(x)))


@inline
def i1e_float32(x):
    return np.float32(np.copysign(_bessel(x, _I1_NEAR, _I1_FAR, 1, True), np.float64(x)))
