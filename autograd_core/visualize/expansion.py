"""Show a fused operation as the composition of operations that defines it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ..anomaly import observe
from ..graph import Accumulator, Node, Scope, ancestors, next_sequence, thread
from ..op import Fused
from ..tensor import Tensor, wrap
from .measure import ForwardWatch, Observations, watch_backward

COMPOSITION = "composition"

# What the field writes for a composition's local variables; others are called by their names.
SYMBOLS = {"mean": "μ", "variance": "σ²", "normalized": "z̄", "deviation": "σ", "probability": "p", "probabilities": "p"}


class Expansion:
    """Recomputes chosen fused operations by their compositions, on the operands the graph has kept.

    Attributes:
        symbols: what the composition calls the result of one of its nodes.
    """

    def __init__(self, names: frozenset[str], everything: bool, observations: Observations, values: bool) -> None:
        self.names = names
        self.everything = everything
        self.observations = observations
        self.values = values
        self.symbols: dict[Any, str] = {}

    def wants(self, entry: Node) -> bool:
        """Whether `entry` is to be shown as its composition."""
        op = entry.plan.op
        return isinstance(op, Fused) and op.outputs == 1 and (self.everything or op.name in self.names)

    def expand(self, entry: Node) -> tuple[Any, list[Any]]:
        """The node that stands for the result of `entry` in its composition, and the composition's nodes, oldest first.

        They read what `entry` read, so they can take its place. An operand that the graph has not kept is replaced by
        zeros of its shape: the composition looks the same, but its values are not shown.
        """
        op = entry.plan.op
        assert isinstance(op, Fused)
        start = next_sequence()
        operands, complete = self._operands(entry, op)
        parameters = {name: entry.parameters[name] for name in op.parameters}
        mode = thread.mode
        outer = mode.enabled, mode.scope
        mode.enabled, mode.scope = True, Scope(op.name, COMPOSITION, entry.scope)
        seen = Observations()
        try:
            with observe(ForwardWatch(seen)):
                result, names = _call_named(op.composition, operands, parameters)
            nodes = list(reversed(ancestors([result._node], start)))
            for node in nodes:
                if node in names:
                    self.symbols[node] = names[node]
            if complete and self.values:
                self.observations.values.update(seen.values)
            cotangent = self.observations.cotangents.get(entry)
            if complete and isinstance(cotangent, np.ndarray):
                self._measure(result, cotangent, nodes)
        finally:
            mode.enabled, mode.scope = outer
        return result._node, nodes

    def _operands(self, entry: Node, op: Fused) -> tuple[list[Any], bool]:
        kept = dict(zip(entry.plan.names, entry.saved or (), strict=False))
        found: list[Any] = []
        complete = True
        for name, edge in zip(op.operands, entry.edges, strict=True):
            array = kept.get(name)
            if array is None and edge is not None:
                array = self.observations.arrays.get(edge)
            if array is None:
                complete = False
                array = None if edge is None else np.zeros(edge.shape, edge.dtype)
            if array is None:
                raise ValueError(
                    f"cannot expand {op.name!r}: backward has freed its operand {name!r}; draw before backward(), "
                    "or pass it retain_graph=True"
                )
            if edge is None and isinstance(array, np.ndarray) and array.dtype.kind == "f":
                # A constant becomes an input of the composition, or what is computed from it would not be seen.
                edge = Accumulator(array.shape, array.dtype)
                self.symbols[edge] = f"{name} (constant)"
                self.observations.arrays[edge] = array
            found.append(wrap(array, edge))
        return found, complete

    def _measure(self, result: Tensor, cotangent: np.ndarray, nodes: Sequence[Any]) -> None:
        inside = Observations()
        watch_backward([result], nodes, inside, set(), [wrap(cotangent, None)])
        self.observations.gradients.update(inside.gradients)


def _call_named(
    function: Callable[..., Any], operands: Sequence[Any], parameters: dict[str, Any]
) -> tuple[Tensor, dict[Any, str]]:
    """The result of a composition, and for the nodes of its local variables their names.

    The names are read off the function's frame when it returns: a composition is written in the field's terms.
    """
    found: dict[Any, str] = {}
    own = {id(operand) for operand in operands}

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            for name, value in frame.f_locals.items():
                if isinstance(value, Tensor) and id(value) not in own and isinstance(value._node, Node):
                    found.setdefault(value._node, SYMBOLS.get(name, name))

    outer = sys.getprofile()
    sys.setprofile(look)
    try:
        result = function(*operands, **parameters)
    finally:
        sys.setprofile(outer)
    return result, found
