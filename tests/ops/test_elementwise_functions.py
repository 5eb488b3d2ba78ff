"""Public elementwise functions: options, promotion, in-place forms, aliases, operators and errors, against PyTorch."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import ops
from autograd_core.op import REGISTRY

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional
inf, nan = np.inf, np.nan

FAMILIES = (
    ops.activation, ops.arithmetic, ops.bitwise, ops.comparison, ops.elementwise, ops.limits, ops.powers,
    ops.rectifiers, ops.rounding, ops.special, ops.trigonometric,
)  # fmt: skip
NAMES = sorted(name for family in FAMILIES for name in family.__all__)


def same(ours: Any, theirs: Any, rtol: float = 1e-6) -> None:
    found, wanted = ours.detach().numpy(), theirs.detach().numpy()
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-7)


def both(function: Callable[..., Any], *values: Any, dtype: Any = None) -> None:
    """`function(library, *tensors)` gives equal values, dtypes and gradients in both libraries."""
    arrays = [np.asarray(value, dtype or np.float64) if isinstance(value, list) else value for value in values]
    ours = [ag.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
    theirs = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
    leaves = [i for i, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    for index in leaves:
        ours[index].requires_grad_()
        theirs[index].requires_grad_()
    found, wanted = function(ag, *ours), function(torch, *theirs)
    same(found, wanted)
    if wanted.requires_grad:
        gradients = ag.grad(found.sum(), [ours[i] for i in leaves], materialize_grads=True)
        references = torch.autograd.grad(wanted.sum(), [theirs[i] for i in leaves], materialize_grads=True)
        for one, two in zip(gradients, references, strict=True):
            same(one, two)


# --- what there is ------------------------------------------------------------------------------------------------


def test_no_name_is_exported_twice() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert all(getattr(ag, name) is not None for name in NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(torch.Tensor, name)])
def test_pytorchs_methods_exist(name: str) -> None:
    assert hasattr(ag.Tensor, name)
    if hasattr(torch.Tensor, f"{name}_"):
        assert hasattr(ag.Tensor, f"{name}_")


@pytest.mark.parametrize(
    ("names", "original"),
    [
        ("multiply", "mul"), ("divide", "div"), ("true_divide", "div"), ("subtract", "sub"), ("negative", "neg"),
        ("absolute", "abs"), ("fix", "trunc"), ("sgn", "sign"), ("clip", "clamp"), ("arcsin", "asin"),
        ("arctan2", "atan2"), ("greater", "gt"), ("greater_equal", "ge"), ("less", "lt"), ("less_equal", "le"),
        ("not_equal", "ne"), ("expit", "sigmoid"), ("gammaln", "lgamma"), ("swish", "silu"),
    ],
)  # fmt: skip
def test_an_alias_is_the_same_function(names: str, original: str) -> None:
    assert getattr(ag, names) is getattr(ag, original)
    assert names not in REGISTRY


@pytest.mark.parametrize("name", ["relu6", "leaky_relu", "elu", "selu", "celu", "rrelu", "hardtanh", "silu", "mish"])
def test_arguments_are_pytorchs(name: str) -> None:
    wanted = {k: p.default for k, p in inspect.signature(getattr(F, name)).parameters.items()}
    found = {k: p.default for k, p in inspect.signature(getattr(ag, name)).parameters.items() if k != "generator"}
    assert list(found) == list(wanted)
    assert found == pytest.approx(wanted) if name == "rrelu" else found == wanted


def test_operators_call_the_plain_operation() -> None:
    assert ag.Tensor.__add__ is ops.elementwise.add
    assert ag.Tensor.__sub__ is ops.elementwise.sub


# --- promotion ----------------------------------------------------------------------------------------------------

UNARY = [
    "abs", "neg", "square", "sqrt", "rsqrt", "reciprocal", "exp", "exp2", "log2", "sin", "asinh", "sinc", "deg2rad",
    "erf", "i0", "floor", "ceil", "trunc", "round", "relu", "sigmoid", "nan_to_num", "isnan", "isinf", "isfinite",
    "isposinf", "signbit", "logical_not", "bitwise_not", "positive", "digamma", "logit",
]  # fmt: skip
BINARY = [
    "add", "sub", "mul", "div", "pow", "floor_divide", "remainder", "fmod", "atan2", "maximum", "fmax", "copysign",
    "xlogy", "eq", "logical_and", "logical_xor", "bitwise_and", "float_power", "true_divide",
]  # fmt: skip
INTEGERS = {"int8": np.int8, "uint8": np.uint8, "int32": np.int32, "int64": np.int64}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", UNARY)
def test_integers(name: str, dtype: str) -> None:
    values = np.array([1, 2, 3], INTEGERS[dtype])
    same(getattr(ag, name)(ag.tensor(values)), getattr(torch, name)(torch.tensor(values)), rtol=1e-5)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("second", ["uint8", "int64", "float32", "float64"])
def test_pairs_of_dtypes(name: str, second: str) -> None:
    if name == "bitwise_and" and second.startswith("float"):
        with pytest.raises(TypeError):
            ag.bitwise_and(ag.tensor([1, 2]), ag.tensor([1.0, 2.0]))
        return
    one, two = np.array([5, 2, 7], np.int32), np.array([2, 3, 4], second)
    same(getattr(ag, name)(ag.tensor(one), ag.tensor(two)), getattr(torch, name)(torch.tensor(one), torch.tensor(two)))


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "pow", "bitwise_or", "bitwise_left_shift"])
def test_numbers_on_either_side(name: str) -> None:
    values = np.array([1, 2, 3])
    for number in (2, 2.5) if not name.startswith("bit") else (2,):
        same(getattr(ag, name)(ag.tensor(values), number), getattr(torch, name)(torch.tensor(values), number))
    same(getattr(ag, name)(2, ag.tensor(values)), getattr(torch, name)(2, torch.tensor(values)))


@pytest.mark.parametrize(
    "name",
    [
        "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanhshrink",
        "softshrink", "hardshrink", "hardsigmoid", "hardswish", "logsigmoid",
    ],
)  # fmt: skip
def test_smooth_activations_promote_integers(name: str) -> None:
    """PyTorch refuses most of them; here they go to the default dtype like every other function."""
    found = getattr(ag, name)(ag.tensor([1, -2]))
    same(found, getattr(F, name)(torch.tensor([1.0, -2.0])))


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh"])
def test_straight_activations_keep_integers(name: str) -> None:
    same(getattr(ag, name)(ag.tensor([7, -2])), getattr(F, name)(torch.tensor([7, -2])))


# --- options ------------------------------------------------------------------------------------------------------

X = [-2.5, -1.0, 0.0, 0.5, 1.0, 3.0]
Z = [2.0, -1.0, 0.5, 0.5, -3.0, 7.0]
OPTIONS: dict[str, Callable[..., Any]] = {
    "add alpha": lambda lib, x, z: lib.add(x, z, alpha=2.5),
    "add alpha number": lambda lib, x, z: lib.add(x, 2, alpha=0.5),
    "sub alpha": lambda lib, x, z: x.sub(z, alpha=-3),
    "subtract": lambda lib, x, z: x.subtract(z),
    "rsub": lambda lib, x, z: lib.rsub(x, z),
    "div floor": lambda lib, x, z: lib.div(x, z, rounding_mode="floor"),
    "div trunc": lambda lib, x, z: x.divide(z, rounding_mode="trunc"),
    "remainder": lambda lib, x, z: (x % z) + lib.fmod(x, z) * 2 + lib.remainder(3, z.detach()),
    "clamp": lambda lib, x, z: lib.clamp(x, -1, 1),
    "clamp min": lambda lib, x, z: lib.clamp(x, min=0.5),
    "clamp max tensor": lambda lib, x, z: x.clamp(max=z),
    "clamp tensors": lambda lib, x, z: lib.clip(x, z, z + 1),
    "clamp_min": lambda lib, x, z: x.clamp_min(0.0) + lib.clamp_max(x, 0.5),
    "clamp crossed": lambda lib, x, z: lib.clamp(x, 2.0, 1.0),
    "addcmul": lambda lib, x, z: lib.addcmul(x, x, z, value=0.3),
    "addcdiv": lambda lib, x, z: x.addcdiv(x, z, value=2),
    "lerp number": lambda lib, x, z: lib.lerp(x, z, 0.25),
    "lerp tensor": lambda lib, x, z: x.lerp(z, x),
    "round": lambda lib, x, z: lib.round(x) + lib.round(x * 1.27, decimals=1) + (x * 17).round(decimals=-1),
    "frac": lambda lib, x, z: lib.frac(x) + x.fix(),
    "where": lambda lib, x, z: lib.where(x > 0, x, z) + x.where(z > 0, 2.5) + lib.where(x > z, 1.0, z),
    "gelu tanh": lambda lib, x, z: (lib if lib is ag else F).gelu(x, approximate="tanh"),
    "softplus": lambda lib, x, z: (lib if lib is ag else F).softplus(x, 3.0, 1.0),
    "logit eps": lambda lib, x, z: lib.logit(x, 0.1) + (x / 8 + 0.5).logit(),
    "nan_to_num": lambda lib, x, z: lib.nan_to_num(x / (x - x), posinf=3.0),
    "float_power": lambda lib, x, z: lib.float_power(x, 2) + (x * x).float_power(z * z) + lib.float_power(2, x),
    "hardshrink": lambda lib, x, z: x.hardshrink(0.7),
    "glu": lambda lib, x, z: (lib if lib is ag else F).glu(x.reshape(2, 3).T),
    "threshold": lambda lib, x, z: (lib if lib is ag else F).threshold(x, 0.5, 9.0),
    "xlogy number": lambda lib, x, z: lib.xlogy(2, x * x + 1) + x.xlogy(3.0),
    "prelu": lambda lib, x, z: lib.prelu(x.reshape(1, 3, 2), z[:3]),
    "prelu single": lambda lib, x, z: x.prelu(z[:1]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIONS)
def test_options(name: str, dtype: Any) -> None:
    both(OPTIONS[name], X, Z, dtype=dtype)


def test_division_rounded_down_by_the_operator() -> None:
    x, z = np.array(X), np.array(Z)
    same(ag.tensor(x) // ag.tensor(z), torch.tensor(x) // torch.tensor(z))
    same(7 // ag.tensor(z), 7 // torch.tensor(z))
    same(ag.tensor(x) // 0.7, torch.tensor(x) // 0.7)


def test_clamp_of_integers_with_fractions() -> None:
    values = np.array([-3, 0, 3])
    same(ag.clamp(ag.tensor(values), 0.5, 2), torch.clamp(torch.tensor(values), 0.5, 2))
    same(ag.clamp(ag.tensor(values), min=-1), torch.clamp(torch.tensor(values), min=-1))


def test_where_with_one_argument() -> None:
    values = np.array([[0.0, 1.0], [2.0, 0.0]])
    for found, wanted in zip(ag.where(ag.tensor(values)), torch.where(torch.tensor(values)), strict=True):
        same(found, wanted)
    assert [index.tolist() for index in ag.where(ag.tensor(3.0))] == [[0]]


def test_random_leaky_relu() -> None:
    x = ag.tensor([-1.0] * 1000 + [0.0] + [2.0] * 1000, requires_grad=True)
    ag.manual_seed(3)
    y = ag.rrelu(x, 0.2, 0.4, training=True)
    slopes = -y.detach().numpy()[:1000]
    assert slopes.min() >= 0.2
    assert slopes.max() <= 0.4
    assert slopes.std() > 0.04
    np.testing.assert_array_equal(y.detach().numpy()[1000:], x.detach().numpy()[1000:])
    (gradient,) = ag.grad(y.sum(), x)
    np.testing.assert_array_equal(gradient.numpy()[:1000], slopes)
    ag.manual_seed(3)
    np.testing.assert_array_equal(ag.rrelu(x, 0.2, 0.4, training=True).detach().numpy(), y.detach().numpy())
    same(ag.rrelu(x), F.rrelu(torch.tensor(x.detach().numpy())))


# --- comparisons --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"rtol": 0.1}, {"atol": 0.3, "rtol": 0.0}, {"equal_nan": True}])
def test_closeness(given: dict[str, Any]) -> None:
    one = np.array([1.0, 1.0, inf, -inf, nan, 0.0, 1e30, inf])
    two = np.array([1.0, 1.2, inf, inf, nan, 1e-9, 1.00001e30, 1.0])
    same(
        ag.isclose(ag.tensor(one), ag.tensor(two), **given),
        torch.isclose(torch.tensor(one), torch.tensor(two), **given),
    )
    assert ag.allclose(ag.tensor(one[:1]), ag.tensor(two[:1])) is True
    assert ag.tensor(one).allclose(ag.tensor(two)) is False


def test_closeness_of_integers() -> None:
    one, two = np.array([1, 200], np.uint8), np.array([2, 10], np.uint8)
    same(
        ag.isclose(ag.tensor(one), ag.tensor(two), rtol=0.5),
        torch.isclose(torch.tensor(one), torch.tensor(two), rtol=0.5),
    )


def test_equality_as_a_whole() -> None:
    x = ag.tensor([1.0, 2.0])
    assert ag.equal(x, x.clone()) is True
    assert x.equal(ag.tensor([1.0, 3.0])) is False
    assert ag.equal(x, ag.tensor([[1.0, 2.0]])) is False
    assert ag.equal(ag.tensor(nan), ag.tensor(nan)) is False
    assert ag.equal(ag.tensor([1, 2]), x) is True


OPERATORS = (operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift)


@pytest.mark.parametrize("symbol", OPERATORS, ids=lambda symbol: symbol.__name__)
def test_operators_on_bits(symbol: Any) -> None:
    one, two = np.array([5, -7, 100], np.int16), np.array([1, 2, 3], np.int64)
    same(symbol(ag.tensor(one), ag.tensor(two)), symbol(torch.tensor(one), torch.tensor(two)))
    same(symbol(ag.tensor(two), 2), symbol(torch.tensor(two), 2))
    same(symbol(2, ag.tensor(two)), symbol(2, torch.tensor(two)))
    same(symbol(ag.tensor(two), 70), symbol(torch.tensor(two), 70))
    with pytest.raises(TypeError, match="integer"):
        symbol(ag.tensor([1.0]), 1)


def test_operators_on_booleans_and_in_place() -> None:
    one, two = np.array([True, True, False]), np.array([True, False, False])
    ours, theirs = (ag.tensor(one), ag.tensor(two)), (torch.tensor(one), torch.tensor(two))
    for symbol in OPERATORS[:3]:
        same(symbol(*ours), symbol(*theirs))
    same(~ours[0], ~theirs[0])
    same(~ag.tensor([1, -2]), ~torch.tensor([1, -2]))
    x = ag.tensor([6, 3])
    alias = x
    x &= 5
    x <<= 2
    x ^= 1
    x //= 2
    x %= 5
    assert x is alias
    assert x.tolist() == [(((6 & 5) << 2) ^ 1) // 2 % 5, (((3 & 5) << 2) ^ 1) // 2 % 5]
    assert (np.array([1, 2]) & ag.tensor([3, 3])).tolist() == [1, 2]
    with pytest.raises(TypeError, match="bool"):
        ag.bitwise_left_shift(ours[0], ours[1])


# --- in place -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["elu", "selu", "celu", "leaky_relu", "relu6", "hardtanh", "hardswish", "silu", "mish"]
)
def test_activations_in_place(name: str) -> None:
    leaf = ag.tensor([-2.0, 0.5, 4.0], requires_grad=True)
    x = leaf * 1
    y = getattr(ag, name)(x, inplace=True)
    assert y is x
    (gradient,) = ag.grad(y.sum(), leaf)
    (wanted,) = ag.grad(getattr(ag, name)(leaf).sum(), leaf)
    np.testing.assert_array_equal(gradient.numpy(), wanted.numpy())


def test_methods_in_place() -> None:
    x = ag.tensor([1.5, -2.5])
    assert x.clamp_(-1, 1).tolist() == [1, -1]
    assert x.add_(x, alpha=2).tolist() == [3, -3]
    assert x.multiply_(0.5).abs_().tolist() == [1.5, 1.5]
    assert x.floor_().sub_(2, alpha=0.5).tolist() == [0, 0]
    assert x.logical_not_().tolist() == [1, 1]
    assert x.polygamma_(1).tolist() == pytest.approx([np.pi**2 / 6] * 2)
    assert x.div_(0.5, rounding_mode="trunc").tolist() == [3, 3]


# --- errors -------------------------------------------------------------------------------------------------------

ones, twos = ag.tensor([1, 1]), ag.tensor([2, 2])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ag.add(ones, twos, alpha=0.5), TypeError, "alpha must be an integer"),
        (lambda: ag.addcmul(ones, twos, twos, value=0.5), TypeError, "value must be an integer"),
        (lambda: ag.sub(ones > 0, ones > 0), TypeError, "booleans"),
        (lambda: ag.positive(ones > 0), TypeError, "booleans"),
        (lambda: ag.floor_divide(ones > 0, ones > 0), TypeError, "booleans"),
        (lambda: ag.div(ones, twos, rounding_mode="up"), ValueError, "rounding_mode"),
        (lambda: ones // 0, ZeroDivisionError, "divided by 0"),
        (lambda: ones % ag.tensor([1, 0]), ZeroDivisionError, "divided by 0"),
        (lambda: ag.clamp(ones), ValueError, "at least one"),
        (lambda: ag.round(ones, decimals=1), TypeError, "decimals"),
        (lambda: ag.isclose(ones, twos.double()), TypeError, "dtypes must be equal"),
        (lambda: ag.isclose(ones, twos, rtol=-1), ValueError, "must not be negative"),
        (lambda: ag.where(ones > 0, ones), TypeError, "two choices"),
        (lambda: ag.where(ones, 1.0, 2.0), TypeError, "must be a bool"),
        (lambda: ag.where(ones.float(), ones.float(), ones.float()), TypeError, "must be a bool"),
        (lambda: ag.gelu(ones.float(), approximate="erf"), ValueError, "approximate"),
        (lambda: ag.celu(ones.float(), 0.0), ValueError, "alpha"),
        (lambda: ag.hardtanh(ones.float(), 1.0, -1.0), ValueError, "must not exceed"),
        (lambda: ag.rrelu(ones.float(), 1.0, -1.0), ValueError, "must not exceed"),
        (lambda: ag.softshrink(ones.float(), -1.0), ValueError, "must not be negative"),
        (lambda: ag.glu(ag.ones(3)), ValueError, "cannot be halved"),
        (lambda: ag.glu(ag.ones(())), ValueError, "cannot be halved"),
        (lambda: ag.prelu(ag.ones(2, 3), ag.ones(2)), ValueError, "weight must have shape"),
        (lambda: ones**-1, ValueError, "negative integer powers"),
    ],
)
def test_errors(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
