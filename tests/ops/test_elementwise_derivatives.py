"""Elementwise operations on grids with every kink, pole, signed zero, infinity and NaN, against PyTorch.

Values, first gradients and second ones. Where the two differ on purpose, `DIFFERENT` says where and why.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.op import REGISTRY, Elementwise

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional
inf, nan = np.inf, np.nan

LINE = (-inf, -1e3, -21, -6, -3, -2, -1.5, -1, -0.5, -0.25, -1e-3, -0.0, 0.0, 1e-3, 0.25, 0.5, 1, 1.5, 2, 3, 6, 19, 1e3)
LINE += (inf, nan)
PLANE = (-inf, -2.5, -2, -1, -0.5, -0.0, 0.0, 0.5, 1, 2, 3, inf, nan)
SPACE = (-inf, -2, -1, 0.0, 0.5, 1, 2, inf, nan)

# PyTorch's functions where they have other names or arguments, and the parameters each is tried with.
THEIRS: dict[str, Callable[..., Any]] = {
    "add_scaled": lambda x, z, alpha: torch.add(x, z, alpha=alpha),
    "clamp_numbers": lambda x, low, high: torch.clamp(x, low, high),
    "cube": lambda x: x**3,
    "floor_divide": lambda x, z: torch.div(x, z, rounding_mode="floor"),
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "lerp_by_number": torch.lerp,
    "polygamma": lambda x, n: torch.polygamma(int(n), x),
    "prelu_kernel": torch.ops.aten._prelu_kernel,
    "squared_error": lambda x, z: (x - z) ** 2,
    "trigamma": lambda x: torch.polygamma(1, x),
    "trunc_divide": lambda x, z: torch.div(x, z, rounding_mode="trunc"),
}
PARAMETERS: dict[str, list[dict[str, float]]] = {
    "add_scaled": [{"alpha": -1.5}],
    "addcmul": [{"value": 1.0}, {"value": -0.5}],
    "addcdiv": [{"value": 1.0}, {"value": -0.5}],
    "celu": [{"alpha": 1.0}, {"alpha": 0.7}, {"alpha": -0.5}],
    "clamp_numbers": [{"low": -1.0, "high": 1.0}, {"low": -inf, "high": 2.0}, {"low": 1.0, "high": -1.0}],
    "elu": [{"alpha": 1.0}, {"alpha": 0.3}],
    "hardshrink": [{"lambd": 0.5}, {"lambd": 0.0}],
    "hardtanh": [{"min_val": -1.0, "max_val": 1.0}, {"min_val": 0.0, "max_val": 6.0}],
    "isclose": [{}, {"rtol": 0.0, "atol": 0.5}, {"equal_nan": True}],
    "leaky_relu": [{"negative_slope": 0.01}, {"negative_slope": -2.0}],
    "lerp_by_number": [{"weight": 0.3}, {"weight": 0.8}, {"weight": -2.0}],
    "nan_to_num": [{"nan": 7.0, "posinf": 5.0, "neginf": -6.0}],
    "polygamma": [{"n": 2.0}, {"n": 3.0}],
    "softplus_scaled": [{"beta": 2.0, "threshold": 10.0}, {"beta": 1.0, "threshold": 1.25}],
    "softshrink": [{"lambd": 0.5}, {"lambd": 0.0}],
    "threshold": [{"threshold": 1.0, "value": 9.0}, {"threshold": -2.0, "value": 0.0}],
}
# Functions of layers and losses, tested with them; and what PyTorch lacks, whose recipe tests/oracle compares with.
ELSEWHERE = {"logistic_loss", "safe_log", "safe_sqrt"}


def counterpart(op: Elementwise) -> Callable[..., Any]:
    if op.name in THEIRS:
        return THEIRS[op.name]
    found: Any = torch
    for name in (op.torch or op.name).split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


OPS = [op for op in REGISTRY.values() if isinstance(op, Elementwise) and op.name not in ELSEWHERE]
CASES = [pytest.param(op, given, id=f"{op.name}{given or ''}") for op in OPS for given in PARAMETERS.get(op.name, [{}])]


# --- where the two differ -----------------------------------------------------------------------------------------
#
# For values ("y"), gradients by an operand (0, 1, …) and second gradients ("second"): the points left out.


def _whole(x: np.ndarray) -> np.ndarray:
    return (x < 0) & (x == np.floor(x)) & np.isfinite(x)


DIFFERENT: dict[str, dict[Any, Callable[..., Any]]] = {
    # NaN in gives NaN out, as NumPy's sign does; PyTorch gives 0. The derivative of abs is the sign.
    "sign": {"y": lambda x: np.isnan(x)},
    "abs": {0: lambda x: np.isnan(x)},
    "heaviside": {"y": lambda x, z: np.isnan(x)},
    # The subgradient of least norm, as for other norms; PyTorch divides 0 by 0.
    "hypot": {key: lambda x, z: (x == 0) & (z == 0) for key in (0, 1, "second")},
    # PyTorch divides the result by x, so that an infinite x makes NaN.
    "copysign": {0: lambda x, z: ~np.isfinite(x) | np.isnan(z), "second": lambda x, z: ~np.isfinite(x) | np.isnan(z)},
    # PyTorch multiplies the abscissa with 1 / inf.
    "atan2": {key: lambda x, z: np.isinf(x) ^ np.isinf(z) for key in (0, 1, "second")},
    # At NaN PyTorch's vectorised and scalar loops disagree with each other.
    **{
        name: {0: lambda x: np.isnan(x), "second": lambda x: np.isnan(x)}
        for name in (
            "celu",
            "elu",
            "selu",
            "hardtanh",
            "hardshrink",
            "softshrink",
            "hardsigmoid",
            "hardswish",
            "leaky_relu",
            "i0",
            "i1",
            "i1e",
        )
    },
    # PyTorch returns NaN at infinity.
    "i0": {"y": lambda x: np.isinf(x), 0: lambda x: np.isinf(x), "second": lambda x: ~np.isfinite(x)},
    "i1": {"y": lambda x: np.isinf(x), 0: lambda x: ~np.isfinite(x), "second": lambda x: ~np.isfinite(x)},
    # PyTorch goes over to x at 20 in float64 as well, where the difference is 2e-9.
    "softplus": {key: lambda x: x > 18 for key in ("y", 0, "second")},
    # The derivative of x / (1 + |x|) at infinity is 0.
    "softsign": {0: lambda x: np.isinf(x)},
    # 0.5 x (1 + erf) is right at infinity, whichever loop PyTorch takes.
    "gelu_exact": {"y": lambda x: np.isinf(x), 0: lambda x: np.isinf(x)},
    # PyTorch's trigamma is finite at its poles, its higher ones NaN at infinity.
    "lgamma": {"second": lambda x: _whole(x) | np.isinf(x)},
    "digamma": {0: lambda x: _whole(x), "second": lambda x: _whole(x) | np.isinf(x)},
    "trigamma": {key: lambda x: _whole(x) | (x == 0) | np.isinf(x) for key in ("y", 0, "second")},
    "polygamma": {key: lambda x: _whole(x) | (x == 0) | np.isinf(x) for key in ("y", 0, "second")},
    # PyTorch's (cos t - y) / x loses digits with 1 / x², at 1e-3 to 2e-11, and its second derivative at 0 is 0; those
    # of the series used here are compared with exact ones below.
    "sinc": {"second": lambda x: np.abs(x) <= 1e-3},
    # Exactly on a pole of the second derivative one of several infinities cancels.
    **{name: {"second": lambda x: np.abs(x) == 1} for name in ("asin", "acos", "acosh", "atanh", "erfinv")},
    "logit": {"second": lambda x: ~((x > 0) & (x < 1))},
    # The mixed second derivative has a jump at 0, whose two sides the libraries give.
    "prelu_kernel": {"second": lambda x, weight: x == 0},
}
# PyTorch holds 1/6 and 1/alpha in single precision, and its polygamma is good to some 1e-9.
TOLERANCE = {
    "hardsigmoid": 1e-7,
    "celu": 1e-7,
    "lgamma": 1e-8,
    "digamma": 1e-8,
    "trigamma": 1e-8,
    "polygamma": 1e-8,
    "i0": 1e-10,
    "i1": 1e-8,
}
# Not differentiable in PyTorch, which raises; here the gradient is 0 where it exists.
UNDIFFERENTIATED = {"heaviside"}


def points(op: Elementwise) -> list[np.ndarray]:
    count = len(op.operands)
    grid = np.array(list(itertools.product(*([(LINE,), (PLANE, PLANE), (SPACE, SPACE, SPACE)][count - 1]))))
    return [
        grid[:, index] > 0 if domain.kind == "bool" else np.ascontiguousarray(grid[:, index])
        for index, domain in enumerate(op.domains)
    ]


def left_out(op: Elementwise, key: Any, arrays: list[np.ndarray]) -> np.ndarray:
    rule = DIFFERENT.get(op.name, {}).get(key)
    return np.zeros(arrays[0].shape, bool) if rule is None else np.asarray(rule(*arrays))


def assert_agree(
    op: Elementwise, key: Any, ours: Any, theirs: Any, arrays: list[np.ndarray], also: Any = False
) -> None:
    compared = ~(left_out(op, key, arrays) | also)
    found, wanted = np.broadcast_to(ours, compared.shape)[compared], np.broadcast_to(theirs, compared.shape)[compared]
    tolerance = TOLERANCE.get(op.name, 1e-11)
    with np.errstate(all="ignore"):
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted)) if found.dtype.kind == "f" else found == wanted
        close = same | (np.abs(found * 1.0 - wanted) <= tolerance * (np.abs(wanted * 1.0) + 1e-3))
    where = [array[compared][~close][:5].tolist() for array in arrays]
    assert close.all(), f"{key} at {where}: {found[~close][:5]} instead of {wanted[~close][:5]}"


def array_of(gradient: Any, like: np.ndarray) -> np.ndarray:
    if gradient is None:
        return np.zeros(like.shape)
    return gradient.detach().numpy(force=True) if isinstance(gradient, torch.Tensor) else gradient.detach().numpy()


@pytest.mark.parametrize(("op", "given"), CASES)
def test_values_and_derivatives_are_pytorchs(op: Elementwise, given: dict[str, float]) -> None:
    arrays = points(op)
    ours, theirs = [ag.tensor(array) for array in arrays], [torch.tensor(array) for array in arrays]
    floating = [index for index, array in enumerate(arrays) if array.dtype.kind == "f"]
    for index in floating:
        ours[index].requires_grad_()
        theirs[index].requires_grad_()
    assert op.function is not None
    found, wanted = op.function(*ours, **given), counterpart(op)(*theirs, **given)
    assert_agree(op, "y", found.detach().numpy(), wanted.detach().numpy(), arrays)
    if op.name in UNDIFFERENTIATED or not op.differentiable:
        assert op.differentiable or not found.requires_grad
        return
    our_leaves, their_leaves = [ours[i] for i in floating], [theirs[i] for i in floating]
    first = ag.grad(found.sum(), our_leaves, create_graph=True)
    plain = ag.grad(op.function(*ours, **given).sum(), our_leaves)
    reference = torch.autograd.grad(wanted.sum(), their_leaves, create_graph=True, allow_unused=True)
    for index, own, same, their in zip(floating, first, plain, reference, strict=True):
        slope = array_of(their, arrays[index])
        assert_agree(op, index, same.numpy(), slope, arrays)
        # Recorded and plain pullbacks round alike, up to the order of their steps.
        np.testing.assert_allclose(own.detach().numpy(), same.numpy(), rtol=1e-12, atol=1e-15)
        if their is None or not their.requires_grad or not own.requires_grad:
            continue
        try:
            curvature = torch.autograd.grad(their.sum(), their_leaves, retain_graph=True, allow_unused=True)
        except RuntimeError:
            continue  # PyTorch has no second derivative
        bent = ag.grad(own.sum(), our_leaves, retain_graph=True, allow_unused=True)
        for other, one, two in zip(floating, bent, curvature, strict=True):
            reference_curve = array_of(two, arrays[other])
            # Where a first derivative is infinite the second is a sum of infinities of both signs.
            pole = ~np.isfinite(slope) | ~np.isfinite(reference_curve)
            assert_agree(op, "second", array_of(one, arrays[other]), reference_curve, arrays, also=pole)


# --- conventions stated in the documentation ----------------------------------------------------------------------


def slope(function: Callable[..., Any], *values: float) -> list[float]:
    tensors = [ag.tensor(value, dtype=ag.float64, requires_grad=True) for value in values]
    return [gradient.item() for gradient in ag.grad(function(*tensors), tensors)]


def test_kinks() -> None:
    assert slope(ag.atan2, 0.0, 0.0) == [0, 0]
    assert slope(ag.hypot, 0.0, 0.0) == [0, 0]
    assert slope(ag.maximum, 2.0, 2.0) == [0.5, 0.5]
    assert slope(ag.fmax, 2.0, 2.0) == [1, 0]
    assert slope(lambda x: ag.clamp(x, -1, 1), 1.0) == [1]
    assert slope(ag.relu6, 6.0) == [0]
    assert slope(ag.relu, 0.0) == [0]
    assert slope(ag.leaky_relu, 0.0) == [0.01]
    assert slope(ag.heaviside, 0.0, 0.5) == [0, 1]
    assert slope(ag.floor_divide, 7.0, 2.0) == [0, 0]
    assert slope(ag.remainder, -7.0, 2.0) == [1, 4]
    assert slope(ag.fmod, -7.0, 2.0) == [1, 3]
    assert slope(ag.xlogy, 0.0, 0.0)[0] == 0
    assert slope(lambda x: x**0, 0.0) == [0]
    assert slope(lambda x, z: x**z, 0.0, 2.0) == [0, 0]


@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-3, -0.01, 0.1, 0.2999, 0.3001, -0.5])
def test_derivatives_of_sinc_near_zero(x: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        series = mpmath.taylor(mpmath.sincpi, x, 2) if x else [1, 0, -(mpmath.pi**2) / 6]
        expected = [float(series[1]), float(2 * series[2])]
    point = ag.tensor(x, dtype=ag.float64, requires_grad=True)
    (first,) = ag.grad(ag.sinc(point), point, create_graph=True)
    (second,) = ag.grad(first, point)
    np.testing.assert_allclose([first.item(), second.item()], expected, rtol=1e-14)


@pytest.mark.parametrize("exponent", [-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 2.5])
def test_powers_with_a_number(exponent: float) -> None:
    # PyTorch's gradient of (-0)^-½ has another sign than that of rsqrt, which it computes it with.
    values = np.array([-2.0, 0.0 if exponent == -0.5 else -0.0, 0.0, 0.5, 3.0, inf, nan])
    ours, theirs = ag.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    found, wanted = ours**exponent, theirs**exponent
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-14)
    (gradient,), (reference,) = ag.grad(found.sum(), ours), torch.autograd.grad(wanted.sum(), theirs)
    np.testing.assert_allclose(gradient.numpy(), reference.numpy(), rtol=1e-13)


def test_gradients_keep_a_zero_dimensional_float32() -> None:
    for function in (lambda x: x**2.5, lambda x: 2.5**x, lambda x: ag.lerp(x, 1.0, 0.3), lambda x: ag.clamp(x, 0, 9.0)):
        x = ag.tensor(2.0, requires_grad=True)
        (first,) = ag.grad(function(x), x, create_graph=True)
        assert first.dtype == np.float32
        if first.requires_grad:
            assert ag.grad(first, x)[0].dtype == np.float32
