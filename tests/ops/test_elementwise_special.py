"""Special functions to the last digits: errors in ULP against mpmath, and their exact special values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import formula as f
from autograd_core.kernels.loop import Loop

mp = pytest.importorskip("mpmath")

DIGITS = 40
COUNT = 100


def powers(random: np.random.Generator, low: float, high: float) -> np.ndarray:
    return 10 ** random.uniform(low, high, COUNT)


def positive(random: np.random.Generator) -> np.ndarray:
    return np.concatenate([powers(random, -12, 0), random.uniform(0, 12, 2 * COUNT), powers(random, 0, 6)])


def around_unit(random: np.random.Generator) -> np.ndarray:
    ends = 1 - powers(random, -15, 0)
    return np.concatenate([random.uniform(-1, 1, 2 * COUNT), ends, -ends, powers(random, -12, 0)])


def real(random: np.random.Generator) -> np.ndarray:
    sizes = np.concatenate([powers(random, -12, 0), random.uniform(0, 12, COUNT), random.uniform(12, 700, COUNT)])
    return sizes * random.choice((-1, 1), sizes.size)


def probabilities(random: np.random.Generator) -> np.ndarray:
    return np.concatenate([random.uniform(0, 1, COUNT), 0.5 + powers(random, -12, -1), powers(random, -12, -1)])


Draw = Callable[[np.random.Generator], np.ndarray]
# The function, where it is tried, what it is exactly, and the ULP allowed: the figures of kernels/special.
BOUNDS: dict[str, tuple[Callable[..., Any], Draw, Callable[[Any], Any], float]] = {
    "erfinv": (ag.erfinv, around_unit, lambda x: mp.erfinv(x), 6),
    "lgamma": (ag.lgamma, positive, lambda x: mp.loggamma(x), 3),
    "digamma": (ag.digamma, positive, lambda x: mp.digamma(x), 3),
    **{
        f"polygamma {n}": (lambda x, n=n: ag.polygamma(n, x), positive, lambda x, n=n: mp.polygamma(n, x), bound)
        for n, bound in ((1, 4), (2, 4), (3, 4), (4, 4), (10, 8), (30, 8))
    },
    "i0": (ag.i0, real, lambda x: mp.besseli(0, x), 3),
    "i0e": (ag.i0e, real, lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), 3),
    "i1": (ag.i1, real, lambda x: mp.besseli(1, x), 3),
    "i1e": (ag.i1e, real, lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), 3),
    # Compositions: what a formula makes of functions within 2 ULP.
    "logit": (ag.logit, probabilities, lambda x: mp.log(x / (1 - x)), 4),
}
# In single precision most are computed in double and rounded once.
SINGLE = {"erfinv": 4, "lgamma": 1}


def errors(found: np.ndarray, arguments: np.ndarray, exactly: Callable[[Any], Any]) -> np.ndarray:
    """In units of the last place of the exact result in the dtype of `found`."""
    off = []
    with mp.workdps(DIGITS), np.errstate(over="ignore"):
        for value, argument in zip(found.tolist(), arguments.tolist(), strict=True):
            exact = mp.re(exactly(mp.mpf(argument)))
            rounded = np.abs(found.dtype.type(float(exact)))
            if np.isinf(rounded):
                assert abs(value) == rounded, f"{value} instead of an overflow at {argument}"
                continue
            off.append(float(abs(mp.mpf(value) - exact) / float(np.spacing(rounded))))
    return np.array(off)


@pytest.mark.parametrize("name", BOUNDS)
def test_error_in_double_precision(name: str, random: np.random.Generator) -> None:
    function, draw, exactly, bound = BOUNDS[name]
    arguments = draw(random)
    off = errors(function(ag.tensor(arguments)).numpy(), arguments, exactly)
    assert off.max() <= bound, f"{off.max():.2f} ULP"


@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "logit"])
def test_error_in_single_precision(name: str, random: np.random.Generator) -> None:
    function, draw, exactly, _ = BOUNDS[name]
    arguments = draw(random)[::4]
    arguments = arguments.astype(np.float32)
    off = errors(function(ag.tensor(arguments)).numpy(), arguments, exactly)
    assert off.max() <= SINGLE.get(name, 0.51), f"{off.max():.2f} ULP"


@pytest.mark.parametrize(
    ("function", "exactly"),
    [
        (ag.lgamma, lambda x: mp.loggamma(x)),
        (ag.digamma, lambda x: mp.digamma(x)),
        *((lambda x, n=n: ag.polygamma(n, x), lambda x, n=n: mp.polygamma(n, x)) for n in (1, 2, 3, 4)),
    ],
)
def test_gamma_family_below_zero(
    function: Callable[..., Any], exactly: Callable[[Any], Any], random: np.random.Generator
) -> None:
    """Between poles there are zeros; errors are of the size of the largest term, here the function half a unit away."""
    arguments = -powers(random, -6, 2)
    found = function(ag.tensor(arguments)).numpy()
    with mp.workdps(DIGITS):
        exact = np.array([float(mp.re(exactly(mp.mpf(x)))) for x in arguments.tolist()])
    assert np.all(np.abs(found - exact) <= 60 * np.finfo(float).eps * (1 + np.abs(exact)))


def test_far_from_zero_takes_no_longer() -> None:
    """Neither large sizes nor large negative arguments are reached by counting."""
    x = ag.tensor([-1e15 - 0.5, -1e9 - 0.25, 1e9, 1e300], dtype=ag.float64)
    assert np.isfinite(ag.polygamma(2, x).numpy()).all()
    assert ag.polygamma(1, x).numpy()[0] == pytest.approx(math.pi**2, rel=1e-12)


inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("function", "argument", "wanted"),
    [
        (ag.erfinv, 1.0, inf),
        (ag.erfinv, -1.0, -inf),
        (ag.erfinv, 1.5, nan),
        (ag.erfinv, 0.0, 0.0),
        (ag.lgamma, 0.0, inf),
        (ag.lgamma, -0.0, inf),
        (ag.lgamma, -3.0, inf),
        (ag.lgamma, 1.0, 0.0),
        (ag.lgamma, 2.0, 0.0),
        (ag.lgamma, -inf, inf),
        (ag.lgamma, 1e308, inf),
        (ag.digamma, 0.0, -inf),
        (ag.digamma, -0.0, inf),
        (ag.digamma, -2.0, nan),
        (ag.digamma, inf, inf),
        (ag.digamma, -inf, nan),
        (lambda x: ag.polygamma(1, x), 0.0, inf),
        (lambda x: ag.polygamma(1, x), -2.0, inf),
        (lambda x: ag.polygamma(2, x), 0.0, -inf),
        (lambda x: ag.polygamma(2, x), inf, 0.0),
        (lambda x: ag.polygamma(0, x), 0.0, -inf),
        (ag.i0, 0.0, 1.0),
        (ag.i0, inf, inf),
        (ag.i0, -inf, inf),
        (ag.i1, -inf, -inf),
        (ag.i0e, inf, 0.0),
        (ag.i1e, -inf, 0.0),
        (ag.erf, inf, 1.0),
        (ag.erfc, -inf, 2.0),
        (ag.ndtr, 0.0, 0.5),
        (ag.logit, 0.0, -inf),
        (ag.logit, 1.0, inf),
        (ag.logit, 1.5, nan),
    ],
)
@pytest.mark.parametrize("dtype", [ag.float32, ag.float64])
def test_special_values(function: Callable[..., Any], argument: float, wanted: float, dtype: Any) -> None:
    if argument == 1e308 and dtype is ag.float32:
        argument = inf
    found = function(ag.tensor(argument, dtype=dtype))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.numpy(), np.array(wanted, dtype))


def test_large_arguments_of_bessel_functions_do_not_overflow_early() -> None:
    x = np.array([700.5, 705.0, 709.0, 711.0, 713.0])
    with mp.workdps(DIGITS):
        exact = [float(mp.besseli(0, value)) for value in x]
    np.testing.assert_allclose(ag.i0(ag.tensor(x)).numpy(), exact, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide", "hypot", "power"])
def test_kernels_in_place_of_libms(name: str, dtype: Any, random: np.random.Generator) -> None:
    """Where a kernel is faster than NumPy's loop it gives the same, special values and large quotients included."""
    several = [0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, 1.5, -2.5, 7, inf, -inf, nan, 1e-40, 1e38, -1e38, 1e30]
    x, z = (side.ravel().astype(dtype) for side in np.meshgrid(several, several))
    sizes = 10 ** random.uniform(-6, 12, (2, 3000))
    x, z = np.concatenate([x, -sizes[0].astype(dtype)]), np.concatenate([z, sizes[1].astype(dtype) ** dtype(0.3)])
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(x, z)
    formula = f.trace((lambda x, z: x**z) if name == "power" else lambda x, z: getattr(f, name)(x, z))
    found = Loop(name, [formula], ("x", "z"))((x, z), x.dtype)[0]
    rtol = 0 if name in {"fmod", "remainder"} else 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, wanted, rtol=rtol)


def test_polygamma_arguments() -> None:
    x = ag.tensor([1.0, 2.0])
    assert x.polygamma(1).tolist() == ag.polygamma(1, x).tolist()
    with pytest.raises(ValueError, match="must not be negative"):
        ag.polygamma(-1, x)
    with pytest.raises(TypeError, match="must be an int"):
        ag.polygamma(1.5, x)  # type: ignore[arg-type]


def test_derivatives_climb_the_family() -> None:
    x = ag.tensor([0.3, 1.5, 4.0], dtype=ag.float64, requires_grad=True)
    value = ag.lgamma(x)
    for order in range(4):
        (value,) = ag.grad(value.sum(), x, create_graph=True)
        np.testing.assert_allclose(value.detach().numpy(), ag.polygamma(order, x.detach()).numpy(), rtol=1e-14)


def test_namespace() -> None:
    assert ag.special.expit is ag.sigmoid
    assert ag.special.gammaln is ag.lgamma
    assert ag.special.psi is ag.digamma
    # As in PyTorch, a few have no name at the top.
    assert set(ag.special.__all__) - {"psi", "entr", "multigammaln"} <= set(dir(ag))
