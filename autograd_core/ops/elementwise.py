"""The operations behind Python's operators, and the few that every other family is written with.

Each operation is its formula and, beside it, its partial derivatives; a rule's parameter names say what is kept
for backward (operands by name, ``y`` the result). Conventions at kinks follow PyTorch's "Gradients for
non-differentiable functions": the gradient where it exists, else the subgradient of least norm.

``add``, ``sub`` and ``div`` here are what the operators call; :mod:`.arithmetic` has their forms with options.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..declaration import attach
from ..dispatch import apply_to, as_operand, elementwise
from ..op import BOOL, NONZERO, POSITIVE, REAL, Domain
from ..tensor import Tensor, wrap
from .calling import public


@elementwise(promotes=False, reference=np.add, torch="add", method=False)
def add(x: Any, z: Any) -> Any:
    """Sum of two tensors."""
    return x + z


@add.partial("x")
def _() -> Any:
    return 1


@add.partial("z")
def _() -> Any:
    return 1


@elementwise(promotes=False, reference=np.subtract, torch="sub", method=False)
def sub(x: Any, z: Any) -> Any:
    """Difference of two tensors."""
    return x - z


@sub.partial("x")
def _() -> Any:
    return 1


@sub.partial("z")
def _() -> Any:
    return -1


@elementwise(promotes=False, reference=np.multiply, torch="mul")
def mul(x: Any, z: Any) -> Any:
    """Product of two tensors."""
    return x * z


@mul.partial("x")
def _(z: Any) -> Any:
    return z


@mul.partial("z")
def _(x: Any) -> Any:
    return x


@elementwise(domain=(REAL, POSITIVE), reference=np.divide, torch="div", method=False)
def div(x: Any, z: Any) -> Any:
    """Quotient of two tensors; integers divide to the default dtype."""
    return x / z


@div.partial("x")
def _(z: Any) -> Any:
    return 1 / z


@div.partial("z")
def _(x: Any, z: Any) -> Any:
    # x / z / z, not x / z**2: the square leaves the range of the dtype long before the quotient does.
    return -(x / z) / z


@elementwise(promotes=False, reference=np.negative, torch="neg")
def neg(x: Any) -> Any:
    """Negation."""
    return -x


@neg.partial
def _() -> Any:
    return -1


@elementwise(promotes=False, domain=NONZERO, special=(0.0,), reference=np.absolute, torch="abs")
def abs(x: Any) -> Any:
    """Absolute value; its gradient at 0 is 0."""
    return f.abs(x)


@abs.partial
def _(x: Any) -> Any:
    return f.sign(x)


# --- powers -----------------------------------------------------------------------------------------------------


@elementwise(
    name="pow",
    promotes=False,
    domain=(POSITIVE, REAL),
    special=(0.0, 1.0),
    reference=np.power,
    torch="pow",
    method=False,
)
def _pow(x: Any, exponent: Any) -> Any:
    """Power; the gradient by the base is 0 for exponent 0, also at base 0, and by the exponent 0 at base 0."""
    return x**exponent


@_pow.partial("x")
def _(x: Any, exponent: Any) -> Any:
    return f.where(f.equal(exponent, 0), 0, exponent * x ** f.where(f.equal(exponent, 0), 1, exponent - 1))


@_pow.partial("exponent")
def _(x: Any, exponent: Any, y: Any) -> Any:
    zero_base = f.logical_and(f.equal(x, 0), exponent >= 0)
    return f.where(zero_base, 0, y * f.log(f.where(zero_base, 1, x)))


@elementwise(promotes=False, reference=np.square, torch="square")
def square(x: Any) -> Any:
    """Square."""
    return x * x


@square.partial
def _(x: Any) -> Any:
    return 2 * x


@elementwise(promotes=False, reference=lambda x: x**3, method=False)
def cube(x: Any) -> Any:
    """Third power."""
    return x * x * x


@cube.partial
def _(x: Any) -> Any:
    return 3 * x * x


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.sqrt, torch="sqrt")
def sqrt(x: Any) -> Any:
    """Square root; NaN for negative numbers, and its gradient at 0 is infinite."""
    return f.sqrt(x)


@sqrt.partial
def _(y: Any) -> Any:
    return 0.5 / y


@elementwise(domain=POSITIVE, special=(0.0,), reference=lambda x: 1 / np.sqrt(x), torch="rsqrt")
def rsqrt(x: Any) -> Any:
    """Reciprocal of the square root."""
    return 1 / f.sqrt(x)


@rsqrt.partial
def _(y: Any) -> Any:
    return -0.5 * y * y * y


@elementwise(domain=POSITIVE, special=(0.0,), reference=np.reciprocal, torch="reciprocal")
def reciprocal(x: Any) -> Any:
    """Reciprocal."""
    return 1 / x


@reciprocal.partial
def _(y: Any) -> Any:
    return -y * y


# A number for exponent is most often one of these, whose loops are vectorised; the general power's is not.
_BY_EXPONENT = {2: square, 3: cube, 0.5: sqrt, -0.5: rsqrt, -1: reciprocal}


@public(_pow, method=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """Power; one of the two may be a number.

    The gradient by the base is 0 for exponent 0, also at base 0; by the exponent it is 0 at base 0.

    Raises:
        ValueError: for integers raised to negative integers.
    """
    if (type(exponent) is int or type(exponent) is float) and isinstance(input, Tensor):
        special = _BY_EXPONENT.get(exponent)
        if special is not None and input._array.dtype.kind == "f":
            return special(input)
    return _pow(input, exponent)


@elementwise(special=(0.0, 1e3, -1e3), reference=np.exp, torch="exp")
def exp(x: Any) -> Any:
    """Exponential function."""
    return f.exp(x)


@exp.partial
def _(y: Any) -> Any:
    return y


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.log, torch="log")
def log(x: Any) -> Any:
    """Natural logarithm."""
    return f.log(x)


@log.partial
def _(x: Any) -> Any:
    return 1 / x


# --- choosing ---------------------------------------------------------------------------------------------------


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.maximum, torch="maximum")
def maximum(x: Any, z: Any) -> Any:
    """Larger of two; at a tie each receives half of the gradient. NaN wins."""
    return f.maximum(x, z)


@maximum.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x < z, 0, 1))


@maximum.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x > z, 0, 1))


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.minimum, torch="minimum")
def minimum(x: Any, z: Any) -> Any:
    """Smaller of two; at a tie each receives half of the gradient. NaN wins."""
    return f.minimum(x, z)


@minimum.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x > z, 0, 1))


@minimum.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x < z, 0, 1))


@elementwise(name="where", promotes=False, domain=(BOOL, REAL, REAL), reference=np.where, torch="where", method=False)
def _where(condition: Any, input: Any, other: Any) -> Any:
    """`input` where the condition holds, `other` elsewhere; the side not taken receives gradient 0."""
    return f.where(condition, input, other)


@_where.partial("input")
def _(condition: Any) -> Any:
    return f.where(condition, 1, 0)


@_where.partial("other")
def _(condition: Any) -> Any:
    return f.where(condition, 0, 1)


@public(_where)
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, `other` elsewhere; with the condition alone, where it is nonzero.

    The side not taken receives gradient 0, but 0 · inf upstream of it is still NaN: keep arguments of roots and
    logarithms in their domain on both sides.

    Args:
        condition: bool tensor.
        input, other: tensors or numbers, broadcast against the condition and each other.

    Returns:
        The choice; for one argument, a tuple of int64 tensors, one a dimension, as ``nonzero(as_tuple=True)``.

    Raises:
        TypeError: for a condition that is not bool, and for two arguments.
    """
    if input is None and other is None:
        condition = as_operand(condition, "where")
        found = np.nonzero(np.atleast_1d(np.asarray(getattr(condition, "_array", condition))))
        return tuple(wrap(index.astype(np.int64, copy=False), None) for index in found)
    if input is None or other is None:
        raise TypeError("where() takes a condition alone, or a condition and two choices")
    return apply_to(_where.op, (condition, input, other))


attach("where", lambda self, condition, other: where(condition, self, other))


# --- comparisons ------------------------------------------------------------------------------------------------

PREDICATE: dict[str, Any] = {"promotes": False, "differentiable": False, "predicate": True}


@elementwise(**PREDICATE, reference=np.equal, torch="eq")
def eq(x: Any, z: Any) -> Any:
    """Whether two values are equal."""
    return f.equal(x, z)


@elementwise(**PREDICATE, reference=np.not_equal, torch="ne")
def ne(x: Any, z: Any) -> Any:
    """Whether two values differ."""
    return f.not_equal(x, z)


@elementwise(**PREDICATE, reference=np.less, torch="lt")
def lt(x: Any, z: Any) -> Any:
    """Whether the first is smaller."""
    return x < z


@elementwise(**PREDICATE, reference=np.less_equal, torch="le")
def le(x: Any, z: Any) -> Any:
    """Whether the first is smaller or equal."""
    return x <= z


@elementwise(**PREDICATE, reference=np.greater, torch="gt")
def gt(x: Any, z: Any) -> Any:
    """Whether the first is larger."""
    return x > z


@elementwise(**PREDICATE, reference=np.greater_equal, torch="ge")
def ge(x: Any, z: Any) -> Any:
    """Whether the first is larger or equal."""
    return x >= z


@elementwise(**PREDICATE, reference=np.logical_not, torch="logical_not")
def logical_not(x: Any) -> Any:
    """Whether a value is zero or False."""
    return f.logical_not(x)


@elementwise(**PREDICATE, reference=np.logical_and, torch="logical_and")
def logical_and(x: Any, z: Any) -> Any:
    """Whether both values are nonzero."""
    return f.logical_and(x, z)


@elementwise(**PREDICATE, reference=np.logical_or, torch="logical_or")
def logical_or(x: Any, z: Any) -> Any:
    """Whether any of two values is nonzero."""
    return f.logical_or(x, z)


# The operators' add, sub and div are not listed: arithmetic exports the forms with options.
__all__ = [
    "abs",
    "eq",
    "exp",
    "ge",
    "gt",
    "le",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "ne",
    "neg",
    "pow",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "square",
    "where",
]
