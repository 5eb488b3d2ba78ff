"""Checks of hyper-parameters: each takes a label and a value, and returns the value in the form that is stored.

An optimiser lists one check for each of its options. Checks run on a whole group before anything is changed, so a bad
value leaves an optimiser as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_core as ag

# Takes "Adam: lr" and what was given.
Check = Callable[[str, Any], Any]


def number(label: str, value: Any) -> float:
    """A finite Python float, of a number or of an array or tensor with one element.

    NumPy's own scalars are converted too: they are strong in arithmetic, and one float64 among float32 arrays would
    turn everything into float64.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is NaN or infinite.
    """
    if isinstance(value, (ag.Tensor, np.ndarray)):
        size = value.numel() if isinstance(value, ag.Tensor) else value.size
        if size != 1:
            raise ValueError(f"{label} must be one number, got {type(value).__name__} of shape {tuple(value.shape)}")
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{label} must be a number, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{label} must be finite, got {value}")
    return float(value)


def nonnegative(label: str, value: Any) -> float:
    """A finite number that is zero or more."""
    found = number(label, value)
    if found < 0:
        raise ValueError(f"{label} must be at least 0, got {value}")
    return found


def fraction(label: str, value: Any) -> float:
    """A number from 0 to 1, both included."""
    found = number(label, value)
    if not 0 <= found <= 1:
        raise ValueError(f"{label} must be between 0 and 1, got {value}")
    return found


def decay_rate(label: str, value: Any) -> float:
    """A number from 0 up to but without 1: how much of a running average is kept."""
    found = number(label, value)
    if not 0 <= found < 1:
        raise ValueError(f"{label} must be at least 0 and below 1, got {value}")
    return found


def betas(label: str, value: Any) -> tuple[float, float]:
    """Two decay rates."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{label} must be a pair of numbers, got {value!r}")
    return decay_rate(f"{label}[0]", value[0]), decay_rate(f"{label}[1]", value[1])


def flag(label: str, value: Any) -> bool:
    """A bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{label} must be True or False, got {value!r} of type {type(value).__name__}")
    return bool(value)


def whole(label: str, value: Any) -> int:
    """An integer that is zero or more."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{label} must be an integer, got {value!r} of type {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{label} must be at least 0, got {value}")
    return int(value)


def count(label: str, value: Any) -> int:
    """An integer that is one or more."""
    found = whole(label, value)
    if found < 1:
        raise ValueError(f"{label} must be at least 1, got {value}")
    return found
