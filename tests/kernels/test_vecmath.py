"""Vector mathematics against independent references: within 2 ULP everywhere, special values exact, loops vectorised.

Single precision is compared with the C library's double precision, double precision with mpmath.
"""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import formula
from autograd_core.kernels import jit, vecmath
from autograd_core.kernels.loop import Loop

DTYPES = (np.float32, np.float64)
# Of one argument; the only one of two has tests of its own.
UNARY = [name for name in vecmath.FUNCTIONS if name != "arctan2"]
CASES = [(name, dtype) for name in UNARY for dtype in DTYPES]
IDS = [f"{name}-{dtype.__name__}" for name, dtype in CASES]

# Without a compiler each element takes microseconds.
SCALE = 40 if jit.DISABLED else 1

LIMIT = 2.0

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def _elementwise(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.array([function(value) for value in x.tolist()], np.float64)


# Double precision by NumPy and Python's math, neither of which is what is tested.
REFERENCE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda x: np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "erf": _elementwise(math.erf),
    "erfc": _elementwise(math.erfc),
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}

# Where the values lie that are neither saturated nor undefined: single precision, then double where that is wider.
RANGES = {
    "exp": ((-105, 90), (-750, 712)),
    "exp2": ((-152, 130), (-1080, 1026)),
    "expm1": ((-20, 90), (-40, 712)),
    "log": ((0, 4),),
    "log2": ((0, 4),),
    "log10": ((0, 4),),
    "log1p": ((-1, 4),),
    "tanh": ((-10, 10), (-21, 21)),
    "sigmoid": ((-105, 20), (-750, 40)),
    "softplus": ((-105, 20), (-750, 40)),
    "erf": ((-4, 4), (-6, 6)),
    "erfc": ((-5, 10.3), (-6, 27.4)),
    "sin": ((-1e4, 1e4),),
    "cos": ((-1e4, 1e4),),
    "tan": ((-1e4, 1e4),),
    "sinh": ((-90, 90), (-712, 712)),
    "cosh": ((-90, 90), (-712, 712)),
    "asinh": ((-10, 10),),
    "acosh": ((1, 10),),
    "atanh": ((-1, 1),),
    "arctan": ((-5, 5),),
    "arcsin": ((-1, 1),),
    "arccos": ((-1, 1),),
    "cbrt": ((-10, 10),),
}
PERIODIC = ("sin", "cos", "tan")


def apply(name: str, *operands: np.ndarray) -> np.ndarray:
    """The function run as a kernel runs it, imported by name from a generated module."""
    names = [f"x{number}" for number in range(len(operands))]
    (dtype,) = {operand.dtype.name for operand in operands}
    source = (
        "from autograd_core.kernels.jit import kernel\n"
        f"from autograd_core.kernels.vecmath import {name}_{dtype} as function\n\n"
        f"@kernel\ndef run({', '.join(names)}, out):\n    for i in range(out.size):\n"
        f"        out[i] = function({', '.join(f'{x}[i]' for x in names)})\n"
    )
    out = np.full_like(operands[0], 7)
    jit.load_generated(f"test_{name}_{dtype}", source).run(*operands, out)
    return out


def special_points(dtype: Any) -> np.ndarray:
    info = np.finfo(dtype)
    positive = [0.0, info.smallest_subnormal, info.tiny / 2, info.tiny, 1, 2, 0.5, 1e30, info.max, np.inf]
    return np.array([*positive, *(-value for value in positive), np.nan], dtype)


def points(name: str, dtype: Any, count: int) -> np.ndarray:
    """Arguments over the range, of any bits, and close to where formulas lose digits: 0, 1, -1, multiples of pi/2."""
    random = np.random.default_rng([ord(c) for c in name])
    low, high = RANGES[name][-1 if dtype is np.float64 else 0]
    bits = {np.float32: np.int32, np.float64: np.int64}[dtype]
    limits = np.iinfo(bits)
    small = random.standard_normal(count) * 10.0 ** random.uniform(-9, 0.5, count)
    parts = [
        np.linspace(low, high, count).astype(dtype),
        random.uniform(low, high, count).astype(dtype),
        random.integers(limits.min, limits.max, count, dtype=bits).view(dtype),
        *(shift.astype(dtype) for shift in (small, 1 + small, -1 + small)),
        special_points(dtype),
    ]
    if name in PERIODIC:
        parts.append((random.integers(-(10**6), 10**6, count) * (np.pi / 2)).astype(dtype))
    x = np.concatenate(parts)
    if name in PERIODIC:
        x = x[~(np.abs(x) > vecmath.TRIGONOMETRIC_LIMIT)]
    return x


def reference(name: str, x: np.ndarray) -> np.ndarray:
    function = REFERENCE.get(name) or getattr(np, name)
    result: np.ndarray = function(x.astype(np.float64))
    return result


def ulp_error(y: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The distance in units in the last place of single precision; infinite where special values differ."""
    _, exponent = np.frexp(exact)
    unit = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 23)
    error = np.abs(y.astype(np.float64) - exact) / unit
    rounded = exact.astype(np.float32)
    same = (y == rounded) & (np.signbit(y) == np.signbit(rounded)) | np.isnan(y) & np.isnan(exact)
    result = np.where(np.isfinite(error), error, np.inf)
    # The wrong zero is wrong; a result that is right is so even where the unit means nothing.
    result = np.where((y == 0) & (rounded == 0) & ~same, np.inf, result)
    return np.where(same & ~np.isfinite(error), 0.0, result)


def test_one_plus_erf_has_the_digits_of_one_and_most_of_its_own():
    x = np.concatenate([np.linspace(-5, 5, 20000 // SCALE), special_points(np.float32)]).astype(np.float32)
    wanted = reference("erfc", -x)
    got = apply("one_plus_erf", x).astype(np.float64)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    error = np.abs(got - wanted)[~np.isnan(wanted)]
    assert error.max() <= 1.5e-7
    inside = np.abs(x) < 3.9
    np.testing.assert_allclose(got[inside], wanted[inside], rtol=5e-6)
    twice = np.linspace(-5, 5, 2000 // SCALE)
    np.testing.assert_allclose(apply("one_plus_erf", twice), reference("erfc", -twice), rtol=0, atol=4e-16)


@pytest.mark.parametrize("name", UNARY)
def test_single_precision_is_within_two_ulp(name):
    x = points(name, np.float32, 20000 // SCALE)
    error = ulp_error(apply(name, x), reference(name, x))
    worst = int(np.argmax(error))
    assert error[worst] <= LIMIT, f"{name}({x[worst]!r}) is off by {error[worst]:.2f} ULP"


def _exact_functions(mpmath: Any) -> dict[str, Callable[[Any], Any]]:
    one = mpmath.mpf(1)
    return {
        "exp2": lambda x: mpmath.mpf(2) ** x,
        "log2": lambda x: mpmath.log(x, 2),
        "sigmoid": lambda x: one / (1 + mpmath.exp(-x)),
        "softplus": lambda x: x + mpmath.log1p(mpmath.exp(-x)) if x > 0 else mpmath.log1p(mpmath.exp(x)),
        "arctan": mpmath.atan,
        "arcsin": mpmath.asin,
        "arccos": mpmath.acos,
        "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    }


def _ulp_of_double(y: float, exact: Any, mpmath: Any) -> float:
    nearest = float(exact)
    if math.isinf(nearest) or math.isinf(y):
        return 0.0 if nearest == y else math.inf
    exponent = max(math.frexp(nearest)[1] - 1, -1022)
    return float(abs(mpmath.mpf(y) - exact) / mpmath.mpf(2) ** (exponent - 52))


@pytest.mark.parametrize("name", UNARY)
def test_double_precision_is_within_two_ulp(name):
    mpmath = pytest.importorskip("mpmath")
    function = _exact_functions(mpmath).get(name) or getattr(mpmath, name)
    x = points(name, np.float64, max(200 // SCALE, 20))
    # Where the result is finite and is not the limit that the function saturates at; the rest is tested exactly below.
    ordinary = reference(name, x)
    x = x[np.isfinite(ordinary) & (np.abs(x) < 1e300) & (x != 0)]
    if name in ("tanh", "erf", "erfc", "sigmoid", "softplus", "exp", "exp2", "expm1"):
        x = x[np.abs(x) < 2000]
    y = apply(name, x)
    worst, where = 0.0, 0.0
    with mpmath.workprec(220):
        for argument, result in zip(x.tolist(), y.tolist(), strict=True):
            error = _ulp_of_double(result, function(mpmath.mpf(argument)), mpmath)
            if not error <= worst:
                worst, where = error, argument
    assert worst <= LIMIT, f"{name}({where!r}) is off by {worst:.2f} ULP"


@pytest.mark.parametrize(("name", "dtype"), CASES, ids=IDS)
def test_special_values(name, dtype):
    """Zeros with their signs, infinities, NaN, and finite results at the ends of the range, as C99 has them."""
    x = special_points(dtype)
    if name in PERIODIC:
        x = x[~(np.abs(x) > vecmath.TRIGONOMETRIC_LIMIT) | np.isinf(x)]
    y, expected = apply(name, x), reference(name, x).astype(dtype)
    assert y.dtype == dtype
    exact = ~np.isfinite(expected) | (expected == 0)
    np.testing.assert_array_equal(y[exact], expected[exact])
    np.testing.assert_array_equal(np.signbit(y)[expected == 0], np.signbit(expected)[expected == 0])
    assert np.isfinite(y[~exact]).all()
    np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(dtype).eps, atol=0)


def coordinates(dtype: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane: near and far, of any bits, and close to the axes and the diagonals."""
    random = np.random.default_rng(5)
    bits = {np.float32: np.int32, np.float64: np.int64}[dtype]
    limits = np.iinfo(bits)
    near = random.standard_normal((2, count))
    close = 1 + random.standard_normal(count) * 10.0 ** random.uniform(-9, 0, count)
    parts = [
        near.astype(dtype),
        (near * 10.0 ** random.uniform(-6, 6, (2, count))).astype(dtype),
        random.integers(limits.min, limits.max, (2, count), dtype=bits).view(dtype),
        np.stack([near[0], near[0] * close]).astype(dtype),
        np.stack([near[0], near[0] * -close]).astype(dtype),
    ]
    y, x = np.concatenate(parts, axis=1)
    return y, x


def test_angles_in_single_precision_are_within_two_ulp():
    y, x = coordinates(np.float32, 20000 // SCALE)
    error = ulp_error(apply("arctan2", y, x), np.arctan2(y.astype(np.float64), x.astype(np.float64)))
    worst = int(np.argmax(error))
    assert error[worst] <= LIMIT, f"arctan2({y[worst]!r}, {x[worst]!r}) is off by {error[worst]:.2f} ULP"


def test_angles_in_double_precision_are_within_two_ulp():
    mpmath = pytest.importorskip("mpmath")
    y, x = coordinates(np.float64, max(400 // SCALE, 20))
    finite = np.isfinite(y) & np.isfinite(x)
    y, x = y[finite], x[finite]
    with mpmath.workprec(220):
        for ordinate, abscissa, found in zip(y.tolist(), x.tolist(), apply("arctan2", y, x).tolist(), strict=True):
            error = _ulp_of_double(found, mpmath.atan2(mpmath.mpf(ordinate), mpmath.mpf(abscissa)), mpmath)
            assert error <= LIMIT, f"arctan2({ordinate!r}, {abscissa!r}) is off by {error:.2f} ULP"


@pytest.mark.parametrize("dtype", DTYPES)
def test_angles_of_special_points(dtype):
    """Zeros of either sign, subnormal numbers, infinities and NaN, each with each, as the C library has them."""
    values = np.concatenate([special_points(dtype), [np.finfo(dtype).max / 2, -np.finfo(dtype).max / 2]]).astype(dtype)
    y, x = (np.ascontiguousarray(part.reshape(-1)) for part in np.meshgrid(values, values))
    found = apply("arctan2", y, x)
    expected = np.array([math.atan2(*point) for point in zip(y.tolist(), x.tolist(), strict=True)]).astype(dtype)
    least = 2 * np.finfo(dtype).smallest_subnormal
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps, atol=least)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(expected)[known])
    np.testing.assert_array_equal(found[expected == 0], 0)


# Results by mpmath, on both sides of where they overflow or vanish.
EDGES = [
    ("exp", np.float32, [-103.9, -104.5, 88.72, 88.73], [2.0**-149, 0, 3.3931805e38, np.inf]),
    ("exp", np.float64, [-745.1, -745.2, 709.78, 709.79], [2.0**-1074, 0, 1.7928228e308, np.inf]),
    ("exp2", np.float32, [-149, -150, 127, 128], [2.0**-149, 0, 2.0**127, np.inf]),
    ("exp2", np.float64, [-1074, -1075, 1023, 1024], [2.0**-1074, 0, 2.0**1023, np.inf]),
    ("log", np.float32, [2.0**-149, -(2.0**-149)], [-149 * math.log(2), np.nan]),
    ("log", np.float64, [2.0**-1074, -(2.0**-1074)], [-1074 * math.log(2), np.nan]),
    ("log2", np.float32, [2.0**-149, 8.0], [-149, 3]),
    ("log2", np.float64, [2.0**-1074, 8.0], [-1074, 3]),
    ("sinh", np.float32, [89.4, 89.5], [3.3488628e38, np.inf]),
    ("cosh", np.float64, [710.4, 710.5], [1.6663643e308, np.inf]),
    ("sigmoid", np.float32, [-103.9, 30.0], [2.0**-149, 1]),
    ("tanh", np.float32, [1e-30, 9.5], [1e-30, 1]),
    ("erfc", np.float32, [9.0, 10.05, 10.3], [4.1370317e-37, 2.0**-149, 0]),
]


@pytest.mark.parametrize(("name", "dtype", "x", "expected"), EDGES)
def test_edges_of_the_range(name, dtype, x, expected):
    y = apply(name, np.array(x, dtype))
    np.testing.assert_allclose(y, np.array(expected, dtype), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", PERIODIC)
@pytest.mark.parametrize("dtype", DTYPES)
def test_trigonometric_functions_say_where_they_end(name, dtype):
    limit = dtype(vecmath.TRIGONOMETRIC_LIMIT)
    y = apply(name, np.array([limit, -limit, np.nextafter(limit, dtype(np.inf)), 1e30], dtype))
    np.testing.assert_array_equal(np.isnan(y), [False, False, True, True])


@pytest.mark.parametrize("name", PERIODIC)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [3, 200_000])
def test_formulas_are_right_beyond_that_limit(name, dtype, size):
    """Also where the argument is a part of the formula, and where one chunk of many meets it."""
    mpmath = pytest.importorskip("mpmath")
    function = getattr(formula, name)
    loop = Loop(
        f"test_beyond_{name}",
        [formula.trace(lambda x: function(2 * x) + 1), formula.trace(lambda x: function(x))],
        ("x",),
    )
    x = np.full(size // (SCALE if size > 3 else 1), 0.5, dtype)
    far = [1e11, -3e30 if dtype is np.float32 else -3e300]
    x[-2:] = far
    doubled, plain = loop((x,), x.dtype)
    exact = getattr(mpmath, name)
    with mpmath.workprec(1200):
        for given, twice, once in zip(x[[0, -2, -1]].tolist(), doubled[[0, -2, -1]], plain[[0, -2, -1]], strict=True):
            np.testing.assert_allclose(once, float(exact(mpmath.mpf(given))), rtol=4 * np.finfo(dtype).eps)
            np.testing.assert_allclose(twice, float(exact(2 * mpmath.mpf(given))) + 1, rtol=8 * np.finfo(dtype).eps)
    with np.errstate(invalid="ignore"):
        x[-1] = np.inf
        doubled, plain = loop((x,), x.dtype)
    assert np.isnan(plain[-1])
    assert np.isfinite(plain[:-1]).all()


def test_complementary_error_function_where_results_are_smallest():
    """All single-precision arguments whose results are close to the smallest normal number."""
    ends = np.array([9.15, 9.22] if SCALE == 1 else [9.1913, 9.1914], np.float32).view(np.int32)
    x = np.arange(*ends, dtype=np.int32).view(np.float32)
    assert ulp_error(apply("erfc", x), reference("erfc", x)).max() <= LIMIT


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "asinh", "cbrt", "expm1"])
def test_small_arguments_keep_their_digits(name):
    x = np.array([1e-20, -1e-30, 1e-44], np.float32)
    slope = {"erf": 2 / math.sqrt(math.pi)}.get(name, 1.0)
    expected = np.cbrt(x.astype(np.float64)) if name == "cbrt" else slope * x.astype(np.float64)
    np.testing.assert_allclose(apply(name, x), expected.astype(np.float32), rtol=1.2e-7, atol=0)


def test_the_measure_of_errors_can_fail():
    x = np.linspace(0.5, 3, 100, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    right = exact.astype(np.float32)
    assert ulp_error(right, exact).max() <= 0.5
    assert ulp_error(right * np.float32(1 + 4e-7), exact).max() > LIMIT
    zero = np.zeros(1, np.float32)
    assert ulp_error(-zero, zero.astype(np.float64))[0] == np.inf
    assert ulp_error(zero, np.array([np.nan]))[0] == np.inf
    assert ulp_error(np.array([np.nan], np.float32), np.array([1.0]))[0] == np.inf


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "log1p", "expm1", "softplus", "erf", "sin", "cos"])
def test_loops_are_vectorised(name, dtype):
    function = getattr(vecmath, f"{name}_{dtype.__name__}")

    @jit.kernel  # a closure over a function has no cache, so there is assembly to read
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    run(np.ones(4, dtype), np.ones(4, dtype))
    assert _is_vectorised(run, dtype)


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loop_over_angles_is_vectorised(dtype):
    function = getattr(vecmath, f"arctan2_{dtype.__name__}")

    @jit.kernel
    def run(y, x, out):
        for i in range(out.size):
            out[i] = function(y[i], x[i])

    run(np.ones(4, dtype), np.ones(4, dtype), np.ones(4, dtype))
    assert _is_vectorised(run, dtype)


def _is_vectorised(run: Any, dtype: Any) -> bool:
    (assembly,) = run.inspect_asm().values()
    packed = {np.float32: "ps", np.float64: "pd"}[dtype]
    return len(re.findall(rf"v?(?:mul|fmadd\d*){packed}\s.*%[xyz]mm", assembly)) >= 5
