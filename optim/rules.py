"""What several update rules share, as formulas: they take symbols and return expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def without(formula: Callable[..., Any], *absent: str) -> Callable[..., Any]:
    """A variant of an update rule that lacks some of its operands: they are None in it, and so are their new values.

    The variant's signature and what it returns leave them out.
    """
    signature = inspect.signature(formula)
    entries = [entry for entry in signature.parameters.values() if entry.kind is not entry.KEYWORD_ONLY]

    def variant(*operands: Any, **numbers: Any) -> tuple[Any, ...]:
        given = iter(operands)
        values = [None if entry.name in absent else next(given) for entry in entries]
        return tuple(value for value in formula(*values, **numbers) if value is not None)

    kept = [entry for name, entry in signature.parameters.items() if name not in absent]
    variant.__name__ = formula.__name__
    variant.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return variant


def directed(gradient: Any, parameter: Any, weight_decay: Any, *, decay: bool, maximize: bool) -> Any:
    """The gradient to descend along: turned round to maximise, and with the pull of an L2 penalty.

    g ← −g             if maximize
    g ← g + λ θ        if decay
    """
    if maximize:
        gradient = -gradient
    return gradient + weight_decay * parameter if decay else gradient


def shrunk(parameter: Any, shrinkage: Any, *, decay: bool) -> Any:
    """The parameter after decoupled weight decay, θ ← θ (1 − η λ), with the shrinkage 1 − η λ."""
    return parameter * shrinkage if decay else parameter


def moved_towards(average: Any, value: Any, weight: Any) -> Any:
    """A running average after one more value: m ← m + (1 − β) (x − m), with the weight 1 − β."""
    return average + weight * (value - average)


def mixed(average: Any, value: Any, rate: Any, weight: Any) -> Any:
    """A running average after one more value: v ← β v + (1 − β) x, with the rate β and the weight 1 − β.

    The weight comes from outside: 1 − β in float32 has lost four digits where β is 0.999.
    """
    return rate * average + weight * value
