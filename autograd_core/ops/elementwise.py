"""Elementwise arithmetic, roots, exponentials and comparisons.

Each operation is its formula and, beside it, its partial derivatives; a rule's parameter names say what is kept
for backward (operands by name, ``y`` the result). Conventions at kinks follow PyTorch's "Gradients for
non-differentiable functions": the gradient where it exists, else the subgradient of least norm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..dispatch import elementwise
from ..op import BOOL, NONZERO, POSITIVE, REAL, UNIT, Domain


@elementwise(promotes=False, reference=np.add, torch="add")
def add(x: Any, z: Any) -> Any:
    """Sum of two tensors."""
    return x + z


@add.partial("x")
def _() -> Any:
    return 1


@add.partial("z")
def _() -> Any:
    return 1


@elementwise(promotes=False, reference=np.subtract, torch="sub")
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


@elementwise(domain=(REAL, POSITIVE), reference=np.divide, torch="div")
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


@elementwise(promotes=False, domain=(POSITIVE, REAL), reference=np.power, torch="pow")
def pow(x: Any, exponent: Any) -> Any:
    """Power; the gradient by the base is 0 for exponent 0, also at base 0, and by the exponent 0 at base 0."""
    return x**exponent


@pow.partial("x")
def _(x: Any, exponent: Any) -> Any:
    return f.where(f.equal(exponent, 0), 0, exponent * x ** f.where(f.equal(exponent, 0), 1, exponent - 1))


@pow.partial("exponent")
def _(x: Any, exponent: Any, y: Any) -> Any:
    zero_base = f.logical_and(f.equal(x, 0), exponent >= 0)
    return f.where(zero_base, 0, y * f.log(f.where(zero_base, 1, x)))


@elementwise(promotes=False, reference=np.negative)
def neg(x: Any) -> Any:
    """Negation."""
    return -x


@neg.partial
def _() -> Any:
    return -1


@elementwise(promotes=False, domain=NONZERO, special=(0.0,), reference=np.absolute)
def abs(x: Any) -> Any:
    """Absolute value; its gradient at 0 is 0."""
    return f.abs(x)


@abs.partial
def _(x: Any) -> Any:
    return f.sign(x)


@elementwise(promotes=False, domain=NONZERO, special=(0.0,), reference=np.sign)
def sign(x: Any) -> Any:
    """-1, 0 or 1; its gradient is 0 everywhere."""
    return f.sign(x)


@sign.partial
def _() -> Any:
    return 0


@elementwise(promotes=False, reference=np.square)
def square(x: Any) -> Any:
    """Square."""
    return x * x


@square.partial
def _(x: Any) -> Any:
    return 2 * x


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.sqrt)
def sqrt(x: Any) -> Any:
    """Square root; NaN for negative numbers, and its gradient at 0 is infinite."""
    return f.sqrt(x)


@sqrt.partial
def _(y: Any) -> Any:
    return 0.5 / y


@elementwise(domain=POSITIVE, special=(0.0,), reference=lambda x: 1 / np.sqrt(x))
def rsqrt(x: Any) -> Any:
    """Reciprocal of the square root."""
    return 1 / f.sqrt(x)


@rsqrt.partial
def _(y: Any) -> Any:
    return -0.5 * y * y * y


@elementwise(domain=POSITIVE, special=(0.0,), reference=np.reciprocal)
def reciprocal(x: Any) -> Any:
    """Reciprocal."""
    return 1 / x


@reciprocal.partial
def _(y: Any) -> Any:
    return -y * y


@elementwise(special=(0.0, 1e3, -1e3), reference=np.exp)
def exp(x: Any) -> Any:
    """Exponential function."""
    return f.exp(x)


@exp.partial
def _(y: Any) -> Any:
    return y


@elementwise(special=(0.0, 1e-8), reference=np.expm1)
def expm1(x: Any) -> Any:
    """exp(x) - 1, exact near 0."""
    return f.expm1(x)


@expm1.partial
def _(y: Any) -> Any:
    return y + 1


@elementwise(domain=POSITIVE, special=(0.0, -1.0), reference=np.log)
def log(x: Any) -> Any:
    """Natural logarithm."""
    return f.log(x)


@log.partial
def _(x: Any) -> Any:
    return 1 / x


@elementwise(domain=POSITIVE, special=(0.0, 1e-8), reference=np.log1p)
def log1p(x: Any) -> Any:
    """log(1 + x), exact near 0."""
    return f.log1p(x)


@log1p.partial
def _(x: Any) -> Any:
    return 1 / (1 + x)


@elementwise(reference=np.sin)
def sin(x: Any) -> Any:
    """Sine."""
    return f.sin(x)


@sin.partial
def _(x: Any) -> Any:
    return f.cos(x)


@elementwise(reference=np.cos)
def cos(x: Any) -> Any:
    """Cosine."""
    return f.cos(x)


@cos.partial
def _(x: Any) -> Any:
    return -f.sin(x)


@elementwise(domain=UNIT, reference=np.arctan)
def atan(x: Any) -> Any:
    """Inverse tangent."""
    return f.arctan(x)


@atan.partial
def _(x: Any) -> Any:
    return 1 / (1 + x * x)


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.maximum)
def maximum(x: Any, z: Any) -> Any:
    """Larger of two; at a tie each receives half of the gradient. NaN wins."""
    return f.maximum(x, z)


@maximum.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x > z, 1, f.where(f.isnan(x), 1, 0)))


@maximum.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x < z, 1, f.where(f.isnan(z), 1, 0)))


@elementwise(promotes=False, domain=(REAL, Domain(-2.9, 3.1)), reference=np.minimum)
def minimum(x: Any, z: Any) -> Any:
    """Smaller of two; at a tie each receives half of the gradient. NaN wins."""
    return f.minimum(x, z)


@minimum.partial("x")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x < z, 1, f.where(f.isnan(x), 1, 0)))


@minimum.partial("z")
def _(x: Any, z: Any) -> Any:
    return f.where(f.equal(x, z), 0.5, f.where(x > z, 1, f.where(f.isnan(z), 1, 0)))


@elementwise(promotes=False, domain=(BOOL, REAL, REAL), reference=np.where, method=False)
def where(condition: Any, input: Any, other: Any) -> Any:
    """`input` where the condition holds, `other` elsewhere; the side not taken receives gradient 0."""
    return f.where(condition, input, other)


@where.partial("input")
def _(condition: Any) -> Any:
    return f.where(condition, 1, 0)


@where.partial("other")
def _(condition: Any) -> Any:
    return f.where(condition, 0, 1)


_PREDICATE = {"promotes": False, "differentiable": False, "predicate": True}


@elementwise(**_PREDICATE, reference=np.equal)
def eq(x: Any, z: Any) -> Any:
    """Whether two values are equal."""
    return f.equal(x, z)


@elementwise(**_PREDICATE, reference=np.not_equal)
def ne(x: Any, z: Any) -> Any:
    """Whether two values differ."""
    return f.not_equal(x, z)


@elementwise(**_PREDICATE, reference=np.less)
def lt(x: Any, z: Any) -> Any:
    """Whether the first is smaller."""
    return x < z


@elementwise(**_PREDICATE, reference=np.less_equal)
def le(x: Any, z: Any) -> Any:
    """Whether the first is smaller or equal."""
    return x <= z


@elementwise(**_PREDICATE, reference=np.greater)
def gt(x: Any, z: Any) -> Any:
    """Whether the first is larger."""
    return x > z


@elementwise(**_PREDICATE, reference=np.greater_equal)
def ge(x: Any, z: Any) -> Any:
    """Whether the first is larger or equal."""
    return x >= z


@elementwise(**_PREDICATE, reference=np.isnan)
def isnan(x: Any) -> Any:
    """Whether a value is NaN."""
    return f.isnan(x)


@elementwise(**_PREDICATE, reference=np.logical_not)
def logical_not(x: Any) -> Any:
    """Whether a value is zero or False."""
    return f.logical_not(x)


@elementwise(**_PREDICATE, reference=np.logical_and)
def logical_and(x: Any, z: Any) -> Any:
    """Whether both values are nonzero."""
    return f.logical_and(x, z)


@elementwise(**_PREDICATE, reference=np.logical_or)
def logical_or(x: Any, z: Any) -> Any:
    """Whether any of two values is nonzero."""
    return f.logical_or(x, z)
