"""Symbolic scalar expressions and their simplification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Number = bool | int | float

# The functions that expressions are made of; the file functions fills it.
FUNCTIONS: dict[str, Function] = {}


class Function:
    """A scalar function: `numpy` evaluates it, `latex` is a template over its arguments' LaTeX."""

    __slots__ = ("latex", "name", "numpy")

    def __init__(self, name: str, numpy: Callable[..., Any], latex: str) -> None:
        self.name = name
        self.numpy = numpy
        self.latex = latex


class Expression:
    """A scalar formula as a tree: a :class:`Symbol`, a :class:`Constant` or a :class:`Call`.

    Python's operators and the functions of :mod:`autograd_core.formula` build larger ones, simplified on the way:
    numbers are folded, and neutral elements vanish. Expressions compare by structure, so equal parts are found
    and computed once.
    """

    __slots__ = ("key",)
    key: tuple[Any, ...]

    def __add__(self, other: Any) -> Expression:
        return call("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return call("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return call("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return call("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return call("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return call("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return call("divide", other, self)

    def __pow__(self, other: Any) -> Expression:
        return call("power", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return call("power", other, self)

    def __neg__(self) -> Expression:
        return call("negative", self)

    def __lt__(self, other: Any) -> Expression:
        return call("less", self, other)

    def __le__(self, other: Any) -> Expression:
        return call("less_equal", self, other)

    def __gt__(self, other: Any) -> Expression:
        return call("greater", self, other)

    def __ge__(self, other: Any) -> Expression:
        return call("greater_equal", self, other)

    # Equality of values is spelled f.equal: == compares structure, as dictionaries of expressions need.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __bool__(self) -> bool:
        raise TypeError(f"a formula has no truth value: write f.where(condition, a, b) instead of branching on {self}")

    def __repr__(self) -> str:
        return to_text(self)


class Symbol(Expression):
    """A named operand or parameter."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = ("symbol", name)


class Constant(Expression):
    """A number; kernels hold it in the dtype of their operands."""

    __slots__ = ("value",)

    def __init__(self, value: Number) -> None:
        self.value = value
        self.key = ("constant", type(value).__name__, repr(value))


class Call(Expression):
    """A function of :data:`autograd_core.formula.FUNCTIONS` applied to expressions."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: str, arguments: tuple[Expression, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.key = (function, *(argument.key for argument in arguments))


def as_expression(value: Any) -> Expression:
    """Wrap a number as a constant; raise TypeError for anything else."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, (bool, int, float)):
        return Constant(value)
    raise TypeError(f"a formula may hold numbers and symbols, got {type(value).__name__}")


def call(function: str, *arguments: Any) -> Expression:
    """Apply `function` symbolically and simplify."""
    return _simplify(function, tuple(as_expression(argument) for argument in arguments))


def _is(expression: Expression, value: float) -> bool:
    return isinstance(expression, Constant) and expression.value == value


def _simplify(function: str, arguments: tuple[Expression, ...]) -> Expression:
    # Only rules that hold for every float, NaN and infinity included: x * 0 stays, because inf * 0 is NaN.
    first = arguments[0]
    second = arguments[1] if len(arguments) > 1 else first
    match function:
        case "multiply":
            if _is(first, 1):
                return second
            if _is(second, 1):
                return first
            if _is(first, -1):
                return call("negative", second)
        case "divide" if _is(second, 1):
            return first
        case "power" if _is(second, 1):
            return first
        case "negative" if isinstance(first, Call) and first.function == "negative":
            return first.arguments[0]
        case "where" if arguments[1] == arguments[2]:
            return arguments[1]
    if all(isinstance(argument, Constant) for argument in arguments):
        values = [argument.value for argument in arguments if isinstance(argument, Constant)]
        folded = FUNCTIONS[function].numpy(*values).item()
        return Constant(folded)
    return Call(function, arguments)


def trace(function: Callable[..., Any]) -> Expression:
    """Read a formula: call `function` on one symbol for each of its parameters."""
    code = function.__code__
    names = code.co_varnames
    positional = [Symbol(name) for name in names[: code.co_argcount]]
    named = {name: Symbol(name) for name in names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]}
    return as_expression(function(*positional, **named))


_INFIX = {"add": ("+", 1), "subtract": ("-", 1), "multiply": ("*", 2), "divide": ("/", 2), "power": ("**", 4)}
_COMPARISONS = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "=="}


def to_text(expression: Expression, precedence: int = 0) -> str:
    """Write an expression as Python would."""
    if isinstance(expression, Symbol):
        return expression.name
    if isinstance(expression, Constant):
        text = repr(expression.value)
        return f"({text})" if text.startswith("-") and precedence else text
    assert isinstance(expression, Call)
    if expression.function in _INFIX:
        sign, level = _INFIX[expression.function]
        left, right = expression.arguments
        text = f"{to_text(left, level)} {sign} {to_text(right, level + 1)}"
        return f"({text})" if level < precedence else text
    if expression.function in _COMPARISONS:
        left, right = expression.arguments
        text = f"{to_text(left, 1)} {_COMPARISONS[expression.function]} {to_text(right, 1)}"
        return f"({text})" if precedence else text
    if expression.function == "negative":
        return f"-{to_text(expression.arguments[0], 3)}"
    return f"{expression.function}({', '.join(to_text(argument) for argument in expression.arguments)})"
