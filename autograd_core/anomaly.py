"""Anomaly detection: which operation, on which line, made the first NaN or infinity."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .errors import NumericsError
from .graph import Node, thread

_ROOMS = ("autograd_core", "nn", "optim")


@contextmanager
def detect_anomaly(check_nan: bool = True) -> Iterator[None]:
    """Inside, every operation remembers its line, and the first NaN it makes raises an error that says where.

    Both directions are checked: an operation whose result has a NaN that none of its operands has, and one whose
    gradient has a NaN that its cotangent has not. Slower; meant for finding faults.

    Args:
        check_nan: raise at NaN; otherwise only the lines are remembered, for the messages of other errors.

    Raises:
        NumericsError: naming the operation, its module, its line, shapes, and how many values are not finite.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.tensor([0.0, 1.0], requires_grad=True)
        >>> with ag.detect_anomaly():
        ...     (x.sqrt() * 0).sum().backward()
        Traceback (most recent call last):
            ...
        autograd_core.errors.NumericsError: ...
    """
    mode = thread.mode
    outer = mode.anomaly, mode.check_nan
    mode.anomaly, mode.check_nan = True, check_nan
    try:
        yield
    finally:
        mode.anomaly, mode.check_nan = outer


def is_anomaly_enabled() -> bool:
    """Whether this thread looks at each operation, as inside :func:`detect_anomaly`."""
    return thread.mode.anomaly


@contextmanager
def observe(observer: Callable[[Node, np.ndarray], None]) -> Iterator[None]:
    """Inside, ``observer(node, result)`` is told of every recorded operation, which remembers its line as well.

    For pictures and profiles: nodes do not hold their results, so this is the moment to look at them.
    """
    mode = thread.mode
    outer = mode.anomaly, mode.check_nan, mode.observer
    mode.anomaly, mode.check_nan, mode.observer = True, outer[0] and outer[1], observer
    try:
        yield
    finally:
        mode.anomaly, mode.check_nan, mode.observer = outer


def note_creation(node: Node, result: np.ndarray, operands: Sequence[Any]) -> None:
    """Remember the user's line that made `node`, and refuse a NaN that it introduced."""
    mode = thread.mode
    if mode.observer is not None:
        mode.observer(node, result)
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _ROOMS:
        frame = frame.f_back
    node.demand_extras().site = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    if mode.check_nan and _has_nan(result) and not any(_has_nan(operand) for operand in operands):
        shapes = ", ".join(str(np.shape(operand)) for operand in operands)
        raise NumericsError(f"{_place(node)} made NaN in the forward pass: {_count(result)}; operands' shapes {shapes}")


def check_cotangents(node: Node, cotangent: Any, pulled: Sequence[Any]) -> None:
    """Refuse a NaN in a gradient that the incoming cotangent did not have."""
    if not thread.mode.check_nan:
        return
    incoming = cotangent if isinstance(cotangent, list) else [cotangent]
    if any(_has_nan(_raw(part)) for part in incoming if part is not None):
        return
    for position, (part, edge) in enumerate(zip(pulled, node.edges, strict=True)):
        if part is not None and edge is not None and _has_nan(_raw(part)):
            raise NumericsError(
                f"{_place(node)} made NaN in the backward pass, in the gradient of its operand {position}: "
                f"{_count(_raw(part))}; output {node.shape} {node.dtype}"
            )


def _raw(value: Any) -> Any:
    return getattr(value, "_array", value)


def _has_nan(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _count(array: np.ndarray) -> str:
    array = np.asarray(array)
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    return f"shape {array.shape}, {nan} NaN, {infinite} infinite, {array.size - nan - infinite} finite"


def _place(node: Node) -> str:
    module = f" in module {node.scope.path}" if node.scope is not None else ""
    site = node.extras.site if node.extras is not None else None
    return f"the operation '{node.name}'{module}, created at {site or 'an unknown line'},"


__all__: list[str] = ["check_cotangents", "detect_anomaly", "is_anomaly_enabled", "note_creation", "observe"]
