"""What a graph keeps in memory for backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..graph import Accumulator, Node, ancestors
from ..tensor import Tensor


class MemoryReport(NamedTuple):
    """What backward from a tensor would need.

    Attributes:
        total: bytes of saved arrays, each counted once however many operations share it.
        by_operation: bytes that each kind of operation is the first to save, largest first.
        nodes: the number of operations.
        parameters: bytes of the leaves that gather gradients.
    """

    total: int
    by_operation: dict[str, int]
    nodes: int
    parameters: int

    def __str__(self) -> str:
        lines = [f"{self.nodes} operations keep {_readable(self.total)} for backward"]
        lines += [f"  {name:<24}{_readable(size):>12}" for name, size in self.by_operation.items()]
        lines.append(f"  {'(leaves)':<24}{_readable(self.parameters):>12}")
        return "\n".join(lines)


def _readable(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def graph_memory(*tensors: Tensor) -> MemoryReport:
    """Count the memory that the graph of `tensors` holds.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> x = ag.ones(256, requires_grad=True)
        >>> func.graph_memory((x * x).sum()).total
        1024
    """
    seen: set[int] = set()
    by_operation: dict[str, int] = {}
    nodes = parameters = 0
    for node in ancestors([tensor._node for tensor in tensors]):
        if isinstance(node, Accumulator):
            parameters += int(np.prod(node.shape, dtype=np.int64)) * node.dtype.itemsize
            continue
        assert isinstance(node, Node)
        nodes += 1
        for array in _arrays(node.saved or ()):
            owner = array if array.base is None else array.base
            if id(owner) not in seen:
                seen.add(id(owner))
                by_operation[node.name] = by_operation.get(node.name, 0) + array.nbytes
    ordered = dict(sorted(by_operation.items(), key=lambda entry: -entry[1]))
    return MemoryReport(sum(ordered.values()), ordered, nodes, parameters)


def _arrays(values: Any) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, tuple):
            found += _arrays(value)
    return found
