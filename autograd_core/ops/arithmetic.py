"""Arithmetic with PyTorch's options: scaled sums, kinds of division, remainders, interpolation, and their aliases."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..declaration import attach
from ..dispatch import apply_to, as_operand, elementwise
from ..op import REAL, Domain
from ..tensor import Tensor
from . import elementwise as operators
from .calling import alias, is_boolean, is_floating, public
from .elementwise import abs, mul, neg
from .inplace import in_place

# --- sums -------------------------------------------------------------------------------------------------------


@elementwise(name="add_scaled", reference=lambda x, z, alpha: x + alpha * z, method=False)
def _add_scaled(x: Any, z: Any, *, alpha: Any = 0.75) -> Any:
    """x + alpha z."""
    return x + alpha * z


@_add_scaled.partial("x")
def _() -> Any:
    return 1


@_add_scaled.partial("z")
def _(alpha: Any) -> Any:
    return alpha


# What scales nothing: the default itself, which is quicker to tell than a one.
_ONE = 1


def _scaled(operation: Any, input: Any, other: Any, alpha: Any, name: str) -> Tensor:
    if is_floating(input) or is_floating(other):
        scale = float(alpha) if name == "add" else -float(alpha)
        return apply_to(_add_scaled.op, (input, other), {"alpha": scale})
    if is_floating(alpha):
        raise TypeError(f"{name}: alpha must be an integer for tensors of integers, got {alpha}")
    result: Tensor = operation(input, mul(other, alpha) if isinstance(other, Tensor) else other * alpha)
    return result


@public(operators.add, method=True)
def add(input: Any, other: Any, *, alpha: Any = _ONE) -> Tensor:
    """input + alpha · other; one of the two may be a number.

    Raises:
        TypeError: for a fractional `alpha` with integers.
        ValueError: if shapes cannot be broadcast.
    """
    if alpha is _ONE:
        return operators.add(input, other)
    return _scaled(operators.add, input, other, alpha, "add")


@public(operators.sub, method=True)
def sub(input: Any, other: Any, *, alpha: Any = _ONE) -> Tensor:
    """input - alpha · other; one of the two may be a number.

    Raises:
        TypeError: for a fractional `alpha` with integers, and for booleans, whose difference is ``logical_xor``.
        ValueError: if shapes cannot be broadcast.
    """
    if is_boolean(input) or is_boolean(other):
        raise TypeError("sub: the operator - is not defined for booleans; use logical_xor() or ~")
    if alpha is _ONE:
        return operators.sub(input, other)
    return _scaled(operators.sub, input, other, alpha, "sub")


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha · input."""
    return sub(other, input, alpha=alpha)


def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        TypeError: for a tensor of booleans.
    """
    if input.dtype.kind == "b":
        raise TypeError("positive: the operator + is not defined for tensors of booleans")
    return input


# --- quotients and remainders -----------------------------------------------------------------------------------

# Quotients between two integers, so that steps of a test do not cross one.
_BETWEEN = (Domain(4.2, 4.8), Domain(2.5, 3.9))


@elementwise(
    name="floor_divide", promotes=False, domain=_BETWEEN, reference=np.floor_divide, torch="floor_divide", method=False
)
def _floor_divide(x: Any, z: Any) -> Any:
    """Quotient rounded down; its gradient is 0."""
    return f.floor_divide(x, z)


@elementwise(name="trunc_divide", promotes=False, domain=_BETWEEN, reference=lambda x, z: np.trunc(x / z), method=False)
def _trunc_divide(x: Any, z: Any) -> Any:
    """Quotient rounded towards 0; its gradient is 0."""
    return f.trunc_divide(x, z)


for _operation in (_floor_divide, _trunc_divide):

    @_operation.partial("x")
    def _() -> Any:
        return 0

    @_operation.partial("z")
    def _() -> Any:
        return 0


@elementwise(name="remainder", promotes=False, domain=_BETWEEN, reference=np.remainder, torch="remainder", method=False)
def _remainder(x: Any, z: Any) -> Any:
    """x - z floor(x / z): the remainder with the sign of z, as Python's %."""
    return f.remainder(x, z)


@_remainder.partial("x")
def _() -> Any:
    return 1


@_remainder.partial("z")
def _(x: Any, z: Any) -> Any:
    return -f.floor_divide(x, z)


@elementwise(name="fmod", promotes=False, domain=_BETWEEN, reference=np.fmod, torch="fmod", method=False)
def _fmod(x: Any, z: Any) -> Any:
    """x - z trunc(x / z): the remainder with the sign of x, as in C."""
    return f.fmod(x, z)


@_fmod.partial("x")
def _() -> Any:
    return 1


@_fmod.partial("z")
def _(x: Any, z: Any) -> Any:
    return -f.trunc_divide(x, z)


def _divide(operation: Any, input: Any, other: Any) -> Tensor:
    """Apply a rounded division; integers are checked, because they have no infinity to answer with."""
    result: Tensor
    if is_floating(input) or is_floating(other):
        result = operation(input, other)
        return result
    operands = [getattr(as_operand(value, operation.__name__), "_array", value) for value in (input, other)]
    if dtypes.result_type(operands).kind == "b":
        raise TypeError(f"{operation.__name__} is not defined for two tensors of booleans")
    if not np.all(operands[1]):
        raise ZeroDivisionError(f"{operation.__name__}: integers cannot be divided by 0")
    result = operation(input, other)
    return result


@public(operators.div, method=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Quotient; one of the two may be a number.

    Args:
        input, other: tensors or a tensor and a number.
        rounding_mode: None divides as real numbers do, integers giving the default dtype; "trunc" rounds the quotient
            towards 0 and "floor" down. Those keep integers, and their gradients are 0.

    Raises:
        ValueError: for another rounding mode, or shapes that cannot be broadcast.
        ZeroDivisionError: for integers divided by 0 with rounding.
    """
    if rounding_mode is None:
        return operators.div(input, other)
    if rounding_mode == "floor":
        return _divide(_floor_divide, input, other)
    if rounding_mode == "trunc":
        return _divide(_trunc_divide, input, other)
    raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")


@public(_floor_divide, method=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """Quotient rounded down; its gradient is 0.

    Raises:
        ZeroDivisionError: for integers divided by 0.
    """
    return _divide(_floor_divide, input, other)


@public(_remainder, method=True)
def remainder(input: Any, other: Any) -> Tensor:
    """The remainder with the sign of the divisor, as Python's %; its gradient by the divisor is -floor(input / other).

    Raises:
        ZeroDivisionError: for integers divided by 0.
    """
    return _divide(_remainder, input, other)


@public(_fmod, method=True)
def fmod(input: Any, other: Any) -> Tensor:
    """The remainder with the sign of the dividend, as in C; its gradient by the divisor is -trunc(input / other).

    Raises:
        ZeroDivisionError: for integers divided by 0.
    """
    return _divide(_fmod, input, other)


for _name, _function in (("floordiv", floor_divide), ("mod", remainder)):
    setattr(Tensor, f"__{_name}__", _function)
    setattr(Tensor, f"__r{_name}__", lambda self, other, function=_function: function(other, self))
    setattr(Tensor, f"__i{_name}__", in_place(_function, _function.__name__))


# --- products and interpolation ---------------------------------------------------------------------------------


@elementwise(
    name="addcmul",
    promotes=False,
    domain=(REAL, REAL, REAL),
    reference=lambda x, u, v, value: x + value * u * v,
    torch="addcmul",
    method=False,
)
def _addcmul(x: Any, u: Any, v: Any, *, value: Any = 0.5) -> Any:
    """x + value u v."""
    return x + value * u * v


@_addcmul.partial("x")
def _() -> Any:
    return 1


@_addcmul.partial("u")
def _(v: Any, value: Any) -> Any:
    return value * v


@_addcmul.partial("v")
def _(u: Any, value: Any) -> Any:
    return value * u


@public(_addcmul, method=True)
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """input + value · tensor1 · tensor2.

    Raises:
        TypeError: for a fractional `value` with integers.
    """
    if is_floating(input) or is_floating(tensor1) or is_floating(tensor2):
        return apply_to(_addcmul.op, (input, tensor1, tensor2), {"value": float(value)})
    if is_floating(value):
        raise TypeError(f"addcmul: value must be an integer for tensors of integers, got {value}")
    return _addcmul(input, tensor1, tensor2, value=value)


@elementwise(
    name="addcdiv",
    domain=(REAL, REAL, Domain(0.5, 3.0)),
    reference=lambda x, u, v, value: x + value * u / v,
    torch="addcdiv",
    method=False,
)
def _addcdiv(x: Any, u: Any, v: Any, *, value: Any = 0.5) -> Any:
    """x + value u / v."""
    return x + value * u / v


@_addcdiv.partial("x")
def _() -> Any:
    return 1


@_addcdiv.partial("u")
def _(v: Any, value: Any) -> Any:
    return value / v


@_addcdiv.partial("v")
def _(u: Any, v: Any, value: Any) -> Any:
    return -value * (u / v) / v


@public(_addcdiv, method=True)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """input + value · tensor1 / tensor2; integers give the default dtype."""
    return apply_to(_addcdiv.op, (input, tensor1, tensor2), {"value": float(value)})


@elementwise(
    name="lerp",
    domain=(REAL, REAL, Domain(0.1, 0.9)),
    reference=lambda x, end, weight: (1 - weight) * x + weight * end,
    torch="lerp",
    method=False,
)
def _lerp(x: Any, end: Any, weight: Any) -> Any:
    """(1 - weight) x + weight end."""
    # From the nearer end, so that both ends are met exactly.
    return f.where(f.abs(weight) < 0.5, x + weight * (end - x), end - (1 - weight) * (end - x))


@_lerp.partial("x")
def _(weight: Any) -> Any:
    return 1 - weight


@_lerp.partial("end")
def _(weight: Any) -> Any:
    return weight


@_lerp.partial("weight")
def _(x: Any, end: Any) -> Any:
    return end - x


@elementwise(
    name="lerp_by_number",
    domain=(REAL, REAL),
    reference=lambda x, end, weight: (1 - weight) * x + weight * end,
    method=False,
)
def _lerp_by_number(x: Any, end: Any, *, weight: Any = 0.3) -> Any:
    """(1 - weight) x + weight end, for one weight."""
    return f.where(f.abs(weight) < 0.5, x + weight * (end - x), end - (1 - weight) * (end - x))


@_lerp_by_number.partial("x")
def _(weight: Any) -> Any:
    return 1 - weight


@_lerp_by_number.partial("end")
def _(weight: Any) -> Any:
    return weight


@public(_lerp, method=True)
def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """Linear interpolation, input + weight · (end - input); the weight is a number or a tensor."""
    if isinstance(weight, (int, float)):
        return apply_to(_lerp_by_number.op, (input, end), {"weight": float(weight)})
    return apply_to(_lerp.op, (input, end, weight))


multiply, divide, true_divide, subtract, negative, absolute = mul, div, div, sub, neg, abs
alias(mul, "multiply")
alias(div, "divide", "true_divide")
alias(sub, "subtract")
alias(neg, "negative")
alias(abs, "absolute")
attach("positive", positive)

__all__ = [
    "absolute",
    "add",
    "addcdiv",
    "addcmul",
    "div",
    "divide",
    "floor_divide",
    "fmod",
    "lerp",
    "multiply",
    "negative",
    "positive",
    "remainder",
    "rsub",
    "sub",
    "subtract",
    "true_divide",
]
