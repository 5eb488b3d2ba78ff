"""Formulas as LaTeX, for documentation, tooltips and plots."""

from __future__ import annotations

from .expression import FUNCTIONS, Call, Constant, Expression, Symbol

_SUMS = {"add", "subtract"}
_PRODUCTS = {"multiply", "negative"}
# Templates that already fence their argument, so it needs no parentheses.
_FENCED = {"divide", "sqrt", "cbrt", "exp", "exp2", "abs", "floor", "ceil", "sigmoid", "maximum", "minimum", "where"}
_FENCED |= {"log1p", "softplus", "erf", "erfc", "sign", "arctan2", "floor_divide", "trunc_divide", "fmod", "fmax"}
_FENCED |= {"fmin", "erfinv", "lgamma", "digamma", "polygamma", "i0", "i0e", "i1", "i1e", "isinf", "isfinite"}
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
_GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "sigma", "theta"}


def to_latex(expression: Expression) -> str:
    """Write an expression as LaTeX source, without delimiters."""
    if isinstance(expression, Symbol):
        return _symbol(expression.name)
    if isinstance(expression, Constant):
        return _number(expression.value)
    assert isinstance(expression, Call)
    name, arguments = expression.function, expression.arguments
    written = [to_latex(argument) for argument in arguments]
    for position, argument in enumerate(arguments):
        if _needs_parentheses(name, position, argument):
            written[position] = rf"\left({written[position]}\right)"
    return FUNCTIONS[name].latex.format(*written)


def _needs_parentheses(outer: str, position: int, argument: Expression) -> bool:
    if isinstance(argument, Constant):
        negative = not isinstance(argument.value, bool) and argument.value < 0
        return negative and (outer == "power" or position > 0) and outer not in _FENCED
    if not isinstance(argument, Call) or outer in _FENCED or outer in _COMPARISONS:
        return False
    inner = argument.function
    if outer in _SUMS:
        return position > 0 and (inner == "negative" or (outer == "subtract" and inner in _SUMS))
    if outer in _PRODUCTS:
        return inner in _SUMS or inner in _COMPARISONS or (inner == "negative" and position > 0)
    if outer == "power":
        return position == 0
    return inner not in _FENCED


def _symbol(name: str) -> str:
    if name in _GREEK:
        return "\\" + name
    return name if len(name) == 1 else rf"\mathit{{{name}}}".replace("_", r"\_")


def _number(value: bool | int | float) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    mantissa, separator, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if separator else text
