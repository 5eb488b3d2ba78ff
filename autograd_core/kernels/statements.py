"""What a formula says, statement by statement: each distinct part of it computed once, constants held in its dtype."""

from __future__ import annotations

from collections.abc import Sequence

from ..formula import Call, Constant, Expression, Symbol

OPERATORS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_xor": "{0} != {1}",
    "logical_not": "not {0}",
    "isnan": "{0} != {0}",
    "isinf": "abs({0}) == np.inf",
    "isfinite": "{0} - {0} == zero",
    "signbit": "np.copysign(one, {0}) < zero",
    "where": "{1} if {0} else {2}",
    # NaN wins, as in NumPy: a comparison with NaN is false, so the NaN operand has to be asked for.
    "maximum": "{0} if ({0} >= {1} or {0} != {0}) else {1}",
    "minimum": "{0} if ({0} <= {1} or {0} != {0}) else {1}",
    "fmax": "{0} if ({0} >= {1} or {1} != {1}) else {1}",
    "fmin": "{0} if ({0} <= {1} or {1} != {1}) else {1}",
    "abs": "abs({0})",
    "sign": "(one if {0} > zero else (-one if {0} < zero else {0}))",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "round": "np.rint({0})",
    "trunc": "np.trunc({0})",
    "copysign": "np.copysign({0}, {1})",
    "sqrt": "np.sqrt({0})",
    "trunc_divide": "np.trunc({0} / {1})",
}

# Functions of the mathematical library for those without a vectorised form, in Python's spelling.
_LIBRARY = {
    "cbrt": "np.cbrt({0})",
    "exp2": "np.exp2({0})",
}
# Functions with a quick form for most arguments: its name, when it does not hold, and the form that always does.
# vecmath's trigonometric functions give NaN beyond a limit; remainders take a loop for large quotients.
_TRIGONOMETRIC = "abs({0}) > real(2.0**35)"
_LARGE_QUOTIENT = "(abs({0}) > real(2.0**26) * abs({1})) & ({1} != zero)"
_GUARDED = {
    "sin": ("sin", _TRIGONOMETRIC, "np.sin({0})"),
    "cos": ("cos", _TRIGONOMETRIC, "np.cos({0})"),
    "tan": ("tan", _TRIGONOMETRIC, "np.tan({0})"),
    "fmod": ("near_fmod", _LARGE_QUOTIENT, "fmod({0}, {1})"),
    "remainder": ("near_remainder", _LARGE_QUOTIENT, "remainder({0}, {1})"),
}
_MATH_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}

# Functions of kernels.special.
SPECIAL = frozenset(("erfinv", "lgamma", "digamma", "polygamma", "i0", "i0e", "i1", "i1e"))
SPECIAL |= {"power", "hypot", "fmod", "remainder", "near_fmod", "near_remainder", "floor_divide"}


def vectorized() -> Sequence[str]:
    from .vecmath import FUNCTIONS

    return tuple(FUNCTIONS)


class Writer:
    """Writes expressions as assignments, one for each distinct part.

    With `exact`, functions take the form that always holds; else `exceptions` lists when the quick ones do not.
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact
        self.exceptions: list[str] = []
        self.lines: list[str] = []
        self.names: dict[Expression, str] = {}
        self.constants: dict[str, str] = {}
        self.imports: set[str] = set()

    def write(self, expression: Expression) -> str:
        """Return the name that holds `expression`, writing whatever it takes."""
        known = self.names.get(expression)
        if known is not None:
            return known
        if isinstance(expression, Symbol):
            name = f"{expression.name}_i"
        elif isinstance(expression, Constant):
            name = self._constant(expression.value)
        else:
            assert isinstance(expression, Call)
            text = self._call(expression)
            name = f"t{len(self.lines)}"
            self.lines.append(f"{name} = {text}")
        self.names[expression] = name
        return name

    def _constant(self, value: bool | int | float) -> str:
        text = repr(value) if isinstance(value, bool) else f"real({float(value)!r})"
        text = text.replace("real(inf)", "real(np.inf)").replace("real(-inf)", "real(-np.inf)")
        text = text.replace("real(nan)", "real(np.nan)")
        return self.constants.setdefault(text, f"c{len(self.constants)}")

    def _call(self, expression: Call) -> str:
        function = expression.function
        if function == "power":
            text = self._integer_power(expression)
            if text is not None:
                return text
        inner = _within_one_plus_erf(expression)
        if inner is not None:
            self.imports.add("one_plus_erf")
            return f"one_plus_erf({self.write(inner)})"
        arguments = [self.write(argument) for argument in expression.arguments]
        if function in OPERATORS:
            return OPERATORS[function].format(*arguments)
        if function in _GUARDED:
            quick, exception, always = _GUARDED[function]
            if not self.exact:
                self.exceptions.append(exception.format(*arguments))
                function = quick
            elif function not in SPECIAL:
                return always.format(*arguments)
        if function in SPECIAL or function in vectorized():
            self.imports.add(function)
            return f"{function}({', '.join(arguments)})"
        if function in _LIBRARY:
            return _LIBRARY[function].format(*arguments)
        return f"math.{_MATH_NAMES.get(function, function)}({', '.join(arguments)})"

    def _integer_power(self, expression: Call) -> str | None:
        base, exponent = expression.arguments
        if not isinstance(exponent, Constant) or exponent.value not in (2, 3, 4, -1, -2, 0.5):
            return None
        name = self.write(base)
        return {
            2: f"{name} * {name}",
            3: f"{name} * {name} * {name}",
            4: f"({name} * {name}) * ({name} * {name})",
            -1: f"one / {name}",
            -2: f"one / ({name} * {name})",
            0.5: f"np.sqrt({name})",
        }[exponent.value]


def _within_one_plus_erf(expression: Call) -> Expression | None:
    """The x of 1 + erf x, of which normal distributions are made and which takes less than erf does; else None."""
    match expression:
        case Call(function="add", arguments=(Constant(value=1), Call(function="erf", arguments=(inner,)))):
            return inner
    return None


__all__ = ["OPERATORS", "SPECIAL", "Writer", "vectorized"]
