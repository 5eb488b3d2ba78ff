"""Transforms of functions: derivatives as functions, recomputation, and what a graph holds.

Names and semantics follow ``torch.func``; results can be transformed again, to any order.
"""

from __future__ import annotations

from .checkpointing import checkpoint
from .derivatives import grad, hessian, hvp, jacfwd, jacrev, jvp, value_and_grad, vjp
from .memory import MemoryReport, graph_memory

__all__ = [
    "MemoryReport",
    "checkpoint",
    "grad",
    "graph_memory",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "value_and_grad",
    "vjp",
]
