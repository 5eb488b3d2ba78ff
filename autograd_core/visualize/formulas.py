"""What the registry knows of an operation, as LaTeX and as text: its formula and its derivative."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from ..formula import to_latex
from ..op import REGISTRY, Elementwise, Fused, Op


@functools.cache
def formulas_of(name: str) -> tuple[tuple[str, str], ...]:
    """Pairs of what is stated and its LaTeX for a registered elementwise operation; nothing for others.

    Example:
        >>> import autograd_core
        >>> formulas_of("tanh")
        (('y', '\\\\tanh x'), ('∂y/∂x', '\\\\left(1 - y\\\\right) \\\\, \\\\left(1 + y\\\\right)'))
    """
    op = REGISTRY.get(name)
    if not isinstance(op, Elementwise):
        return ()
    found = [("y", to_latex(op.expression))]
    if op.differentiable:
        found += [(f"∂y/∂{op.operands[index]}", to_latex(op.partial_expression(index))) for index in sorted(op.rules)]
    return tuple(found)


def summary_of(name: str) -> str:
    """The sentence an operation was declared with; nothing for an unknown one."""
    op = REGISTRY.get(name)
    return op.summary if op is not None else ""


def sources_of(op: Op) -> list[tuple[str, str]]:
    """Pairs of what is stated and its Python source: a fused operation's composition, and the rules of derivatives."""
    found: list[tuple[str, str]] = []
    if isinstance(op, Elementwise):
        return found
    if isinstance(op, Fused):
        found.append(("composition", source_of(op.composition)))
    found += [(f"rule of {op.operands[index]}", source_of(rule.function)) for index, rule in op.rules.items()]
    if op.joint_rule is not None:
        found.append(("rule", source_of(op.joint_rule.function)))
    return found


def source_of(function: Callable[..., Any]) -> str:
    """The source of a function without what stands above its definition, which belongs to its registration."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return "(source not available)"
    return re.sub(r"\A@.*?(?=^def )", "", textwrap.dedent(text), flags=re.DOTALL | re.MULTILINE).rstrip()
