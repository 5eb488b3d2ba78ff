"""Scalar formulas: written once, read on symbols, arrays, tensors and numbers.

``import autograd_core.formula as f`` gives the functions a formula may use: ``f.exp``, ``f.where`` and so on.
Arithmetic and comparisons are Python's operators.

    >>> from autograd_core import formula as f
    >>> expression = f.trace(lambda x: x * f.sigmoid(x))
    >>> print(expression)
    x * sigmoid(x)
    >>> f.to_latex(expression)
    'x \\\\, \\\\sigma(x)'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .expression import FUNCTIONS, Call, Constant, Expression, Function, Symbol, trace
from .functions import *  # noqa: F403 - the vocabulary of formulas is exactly functions.__all__
from .functions import read
from .latex import to_latex

if TYPE_CHECKING:
    # functions.__all__ is computed, which type checkers cannot read.
    def __getattr__(name: str) -> Callable[..., Any]: ...


__all__ = ["FUNCTIONS", "Call", "Constant", "Expression", "Function", "Symbol", "read", "to_latex", "trace"]
