"""Nested tuples, lists and dicts of tensors: taking them apart and putting them together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor

Structure = Callable[[list[Any]], Any]


def flatten(tree: Any) -> tuple[list[Tensor], Structure]:
    """The tensors of `tree` in order, and the function that builds a tree of its shape from as many values.

    Raises:
        TypeError: for leaves that are no tensors.
    """
    leaves: list[Tensor] = []
    structure = _visit(tree, leaves)
    return leaves, lambda values: structure(iter(values))


def _visit(tree: Any, leaves: list[Tensor]) -> Callable[[Any], Any]:
    if isinstance(tree, Tensor):
        leaves.append(tree)
        return next
    if isinstance(tree, dict):
        parts = {key: _visit(value, leaves) for key, value in tree.items()}
        return lambda values: {key: part(values) for key, part in parts.items()}
    if isinstance(tree, (tuple, list)):
        built = [_visit(value, leaves) for value in tree]
        kind = type(tree)
        if hasattr(kind, "_fields"):
            return lambda values: kind(*[part(values) for part in built])
        return lambda values: kind([part(values) for part in built])
    raise TypeError(f"expected tensors in tuples, lists and dicts, got {type(tree).__name__}")
