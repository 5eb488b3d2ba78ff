"""Double precision: each function by regions, in the form that is right to the last digits there.

Polynomials without a source are Chebyshev interpolants computed with mpmath in 60 digits; their own error is below
1e-17. DLMF = NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline

_LOG_PI = 1.1447298858494002
_HALF_LOG_TWO_PI = 0.9189385332046728

# ln Γ(1 + t) / t for -0.25 <= t <= 0.5 in (t - 0.125) / 0.375, and ln Γ(2 + t) / t for |t| <= 0.5 in 2 t.
_LGAMMA_ONE = (
    7.7545160181798e-12, -2.4310276178887193e-11, 3.371862897917909e-11, -1.0673802375791138e-10,
    4.401833013553147e-10, -1.397090790769916e-09, 4.31332410411806e-09, -1.3797681111888339e-08,
    4.444591984724564e-08, -1.4352690212525352e-07, 4.661890526203687e-07, -1.5251544864944158e-06,
    5.032398431560927e-06, -1.678173475642294e-05, 5.672894784873761e-05, -0.00019529181295200674,
    0.0006898719259817812, -0.0025346853282155637, 0.009949087387745035, -0.04441022460638648, 0.2750784291373854,
    -0.48018547300831665,
)  # fmt: skip
_LGAMMA_TWO = (
    -5.043009058425092e-13, 2.126623574915764e-12, -6.599791480347414e-12, 2.807778288259308e-11,
    -1.247500494813837e-10, 5.352422368894483e-10, -2.3043738035184404e-09, 1.0012495486246804e-08,
    -4.3873352909331736e-08, 1.9425326866834958e-07, -8.716982578328323e-07, 3.981793089152702e-06,
    -1.8636779872543994e-05, 9.032844784482085e-05, -0.0004615969392919999, 0.0025726010534725475,
    -0.016838075263299526, 0.16123351671205663, 0.42278433509846713,
)  # fmt: skip
# B_2k / (2k (2k - 1)) and B_2k / 2k for k = 10 … 1 with Bernoulli numbers B: DLMF 5.11.1 and 5.11.2.
_LGAMMA_FAR = (
    -26.456212121212122 / 19, 3.0539543302701198 / 17, -0.4432598039215686 / 15, 0.08333333333333333 / 13,
    -0.021092796092796094 / 11, 0.007575757575757576 / 9, -0.004166666666666667 / 7, 0.003968253968253968 / 5,
    -0.008333333333333333 / 3, 0.08333333333333333,
)  # fmt: skip
_DIGAMMA_FAR = (
    -26.456212121212122, 3.0539543302701198, -0.4432598039215686, 0.08333333333333333, -0.021092796092796094,
    0.007575757575757576, -0.004166666666666667, 0.003968253968253968, -0.008333333333333333, 0.08333333333333333,
)  # fmt: skip
# The positive zero of ψ in two parts, and ψ(x) / (x - zero) for 1 <= x <= 2 in 2 x - 3.
_DIGAMMA_ZERO = 1.4616321449683622
_DIGAMMA_ZERO_REST = 9.549995429965697e-17
_DIGAMMA = (
    2.832706668021759e-11, -8.498137230186096e-11, 9.206434499177992e-11, -2.7619635330317715e-10,
    1.2358072433984831e-09, -3.7075072647122386e-09, 1.0542687624027994e-08, -3.163020268955334e-08,
    9.542050972688906e-08, -2.86315275846934e-07, 8.589127353033379e-07, -2.57809436305308e-06, 7.741232223504057e-06,
    -2.325824239445257e-05, 6.995018873950506e-05, -0.00021074841140458636, 0.0006368880303257201,
    -0.0019350666648590097, 0.005936795278305649, -0.018550615381735115, 0.060135621060196744, -0.2118137106407303,
    0.9510558760318328,
)  # fmt: skip
# B_2k / (2k)! for k = 1 … 12.
_ZETA = (
    0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07, 2.08767569878681e-08,
    -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13, 8.586062056277845e-15,
    -2.174868698558062e-16, 5.5090028283602295e-18, -1.3954464685812522e-19,
)  # fmt: skip
# (I0(x) - 1) / a and (2 I1(x) / x - 1) / (2 a) for a = (x / 2)² up to 16; then √x e^-x I(x) in 16 / x - 1.
_I0_NEAR = (
    9.319037302519698e-25, 1.1142728859197163e-22, 2.6459481729049967e-20, 4.3438583592285594e-18,
    6.2782596125899935e-16, 7.593826261486644e-14, 7.594076203674035e-12, 6.151186352073215e-10,
    3.936759926835679e-08, 1.9290123446808463e-06, 6.944444444616768e-05, 0.0017361111111093212, 0.02777777777777875,
    0.24999999999999978, 1.0,
)  # fmt: skip
_I1_NEAR = (
    5.669579277854459e-26, 7.606752944827284e-24, 1.880771354951542e-21, 3.3442300506385306e-19,
    5.231322675888681e-17, 6.903555797446423e-15, 7.594068659611249e-13, 6.834652024432265e-11,
    4.9209498831124465e-09, 2.7557319218244207e-07, 1.1574074074173187e-05, 0.0003472222222221193,
    0.0069444444444445004, 0.08333333333333331, 0.5,
)  # fmt: skip
_I0_FAR = (
    -7.06893851181878e-11, -1.9216763724933513e-11, 5.181936971288284e-10, 1.4672236659214398e-10,
    -1.7789375042917173e-09, -5.562201990080394e-10, 3.881151253996067e-09, 1.497880830187091e-09,
    -6.188265090497361e-09, -3.4857887470034955e-09, 7.58022133915272e-09, 7.540601378890834e-09,
    -5.4685974495866e-09, -1.3404241991980871e-08, -6.729724111923548e-09, 7.553516470355896e-09,
    2.1545177650836005e-08, 3.932602459703109e-08, 8.87225351128584e-08, 2.973598432479169e-07,
    1.4838475473607391e-06, 1.1143033791556743e-05, 0.00013621607439232746, 0.003360551983667854, 0.4021765094450081,
)  # fmt: skip
_I1_FAR = (
    7.347992441734663e-11, 1.7502497778701306e-11, -5.388285995923524e-10, -1.342266320082222e-10,
    1.8513716745511988e-09, 5.146498826087142e-10, -4.047785403711858e-09, -1.4171698018664596e-09,
    6.4870195719816896e-09, 3.406636130196794e-09, -8.044231276166508e-09, -7.630751970065577e-09,
    6.040877342160988e-09, 1.4029693589852716e-08, 6.715795128085017e-09, -8.426622829598154e-09,
    -2.337059627111857e-08, -4.312935369971356e-08, -1.0001323461066435e-07, -3.483855609009937e-07,
    -1.8349101134666435e-06, -1.5038547201176271e-05, -0.00021923576383430274, -0.009749577193235728,
    0.38939845902587233,
)  # fmt: skip
# Wichura 1988, algorithm AS 241 (PPND16): numerators and denominators in its three regions.
_QUANTILE_CENTRAL = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_QUANTILE_CENTRAL_BELOW = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_QUANTILE_MIDDLE = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_QUANTILE_MIDDLE_BELOW = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
_QUANTILE_TAIL = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_QUANTILE_TAIL_BELOW = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


@inline
def _short_horner(coefficients, x):
    value = coefficients[0]
    for index in range(1, len(coefficients)):
        value = value * x + coefficients[index]
    return value


@inline
def _horner(coefficients, x):
    """The polynomial with these coefficients, highest power first."""
    # LLVM unrolls loops of up to some 15 steps; in longer ones it looks the coefficients up, for 50 times the time.
    return _short_horner((_short_horner(coefficients[:12], x), *coefficients[12:]), x)


# --- inverse error function -----------------------------------------------------------------------------------------


@inline
def erfinv_float64(x):
    """The normal distribution's quantile at (1 + x) / 2, divided by √2; x itself says how far that is from the end."""
    rest = 1.0 - abs(x)
    if not rest >= 0.0:
        return np.nan
    if rest == 0.0:
        return np.copysign(np.inf, x)
    if rest >= 0.15:
        r = 0.180625 - 0.25 * x * x
        return x * (_horner(_QUANTILE_CENTRAL, r) / _horner(_QUANTILE_CENTRAL_BELOW, r)) * 0.3535533905932738
    r = np.sqrt(-np.log(0.5 * rest))
    if r <= 5.0:
        r -= 1.6
        quantile = _horner(_QUANTILE_MIDDLE, r) / _horner(_QUANTILE_MIDDLE_BELOW, r)
    else:
        r -= 5.0
        quantile = _horner(_QUANTILE_TAIL, r) / _horner(_QUANTILE_TAIL_BELOW, r)
    return np.copysign(quantile * 0.7071067811865476, x)


# --- gamma family ---------------------------------------------------------------------------------------------------


@inline
def _lgamma_positive(x):
    """Polynomials between 0.75 and 2.5; the recurrence Γ(x + 1) = x Γ(x) leads there, Stirling's series goes on."""
    if x >= 10.0:
        if x > 1e300:
            return x * (np.log(x) - 1.0)
        r = 1.0 / x
        return (x - 0.5) * (np.log(x) - 1.0) + (_HALF_LOG_TWO_PI - 0.5 + r * _horner(_LGAMMA_FAR, r * r))
    added = 0.0
    if x < 0.75:
        added = -np.log(x)
        x += 1.0
    elif x > 2.5:
        product = 1.0
        while x > 2.5:
            x -= 1.0
            product *= x
        added = np.log(product)
    if x < 1.5:
        t = x - 1.0
        return added + t * _horner(_LGAMMA_ONE, (t - 0.125) * (1.0 / 0.375))
    t = x - 2.0
    return added + t * _horner(_LGAMMA_TWO, 2.0 * t)


@inline
def lgamma_float64(x):
    """ln |Γ(x)|; for negative x by reflection, DLMF 5.5.3."""
    if x != x:
        return x
    if x > 0.0:
        return _lgamma_positive(x) if x < np.inf else x
    distance = x - np.rint(x)
    if distance == 0.0 or x == -np.inf:
        return np.inf
    if x > -1e-18:
        return -np.log(-x)
    return _LOG_PI - np.log(abs(np.sin(np.pi * distance)) * -x) - _lgamma_positive(-x)


@inline
def digamma_float64(x):
    """ψ(x) = Γ'(x) / Γ(x): DLMF 5.11.2 beyond 10, a polynomial around its zero, 5.5.2 and 5.5.4 elsewhere."""
    if x == 0.0:
        return np.copysign(np.inf, -x)
    if x == np.inf or x != x:
        return x
    added = 0.0
    if x < 0.0:
        distance = x - np.rint(x)
        if distance == 0.0 or x == -np.inf:
            return np.nan
        added = -np.pi / np.tan(np.pi * distance)
        x = 1.0 - x
    if x >= 10.0:
        r = 1.0 / x
        return added + (np.log(x) - 0.5 * r - r * r * _horner(_DIGAMMA_FAR, r * r))
    shifted = 0.0
    if x < 1.0:
        shifted = -1.0 / x
        x += 1.0
    while x > 2.0:
        x -= 1.0
        shifted += 1.0 / x
    near = ((x - _DIGAMMA_ZERO) - _DIGAMMA_ZERO_REST) * _horner(_DIGAMMA, 2.0 * x - 3.0)
    return added + (shifted + near)


@inline
def _reciprocal_power(x, s):
    if s == 2.0:
        return 1.0 / (x * x)
    if s == 3.0:
        return 1.0 / (x * x * x)
    if s == 4.0:
        return 1.0 / ((x * x) * (x * x))
    return x**-s


@inline
def _zeta(s, x):
    """Hurwitz' ζ(s, x) = Σ (x + k)^-s for x > 0 and integers s > 1: terms, then Euler-Maclaurin, DLMF 25.11.28."""
    total, lost = 0.0, 0.0
    while x < 10.0 + s:
        term = _reciprocal_power(x, s)
        if term == np.inf:
            return term
        # Terms fall, so what rounding takes from their sum is known exactly.
        larger, smaller = (total, term) if total > 0.0 else (term, 0.0)
        total = larger + smaller
        lost += (larger - total) + smaller
        if term < 1e-19 * total:
            return total
        x += 1.0
    power = _reciprocal_power(x, s)
    r = 1.0 / x
    factor = s * power * r
    tail = 0.5 * power
    for k in range(12):
        tail += _ZETA[k] * factor
        factor *= (s + (2.0 * k + 1.0)) * (s + (2.0 * k + 2.0)) * (r * r)
    return total + (lost + tail + power * x / (s - 1.0))


@inline
def polygamma_float64(x, n):
    """The n-th derivative of ψ for n >= 1: (-1)^(n+1) n! ζ(n + 1, x), DLMF 5.15.1 and 25.11.12.

    For negative x the terms on either side of the pole are summed as two values of ζ each.
    """
    s = n + 1.0
    odd = s % 2.0 != 0.0
    if x != x or x == -np.inf:
        return np.nan
    if x == np.inf:
        return 0.0
    if x > 0.0:
        value = _zeta(s, x)
    else:
        behind = -x - np.floor(-x)
        if behind == 0.0:
            value = np.inf
        else:
            negative = _zeta(s, behind) - _zeta(s, 1.0 - x)
            value = _zeta(s, 1.0 - behind) + (-negative if odd else negative)
    factorial = 1.0
    for k in range(2, int(n) + 1):
        factorial *= k
    return -factorial * value if odd else factorial * value


# --- modified Bessel functions --------------------------------------------------------------------------------------


@inline
def i0e_float64(x):
    """e^-|x| I0(x): DLMF 10.25.2 in powers of x² below 8, 10.40.1 in powers of 1 / x beyond."""
    a = abs(x)
    if a <= 8.0:
        z = 0.25 * a * a
        return np.exp(-a) * (1.0 + z * _horner(_I0_NEAR, z))
    return _horner(_I0_FAR, 16.0 / a - 1.0) / np.sqrt(a)


@inline
def i0_float64(x):
    a = abs(x)
    if a <= 8.0:
        z = 0.25 * a * a
        return 1.0 + z * _horner(_I0_NEAR, z)
    if a > 1000.0:
        return np.inf
    # In two steps, because e^x alone leaves the range before I0 does.
    half = np.exp(0.5 * a)
    scaled = _horner(_I0_FAR, 16.0 / a - 1.0) / np.sqrt(a)
    return half * (half * scaled) if a > 700.0 else np.exp(a) * scaled


@inline
def i1e_float64(x):
    """e^-|x| I1(x), as i0e."""
    a = abs(x)
    if a <= 8.0:
        z = 0.25 * a * a
        return np.exp(-a) * (0.5 * x + x * (z * _horner(_I1_NEAR, z) * 0.5))
    return np.copysign(_horner(_I1_FAR, 16.0 / a - 1.0) / np.sqrt(a), x)


@inline
def i1_float64(x):
    a = abs(x)
    if a <= 8.0:
        z = 0.25 * a * a
        return 0.5 * x + x * (z * _horner(_I1_NEAR, z) * 0.5)
    if a > 1000.0:
        return np.copysign(np.inf, x)
    half = np.exp(0.5 * a)
    scaled = _horner(_I1_FAR, 16.0 / a - 1.0) / np.sqrt(a)
    return np.copysign(half * (half * scaled) if a > 700.0 else np.exp(a) * scaled, x)
