"""``explain``: the mathematics of one operation, for a tensor that it computed."""

from __future__ import annotations

from ..graph import Node
from ..op import REGISTRY, Op
from ..recording import PROJECTION
from ..tensor import Tensor
from . import texts
from .collect import describe, details
from .formulas import formulas_of, sources_of
from .measure import saved_memory


class Explanation:
    """What :func:`explain` found out: prints as text, and shows itself in a notebook with its formulas set.

    Attributes:
        operation: the operation's name.
        facts: pairs of a label and a text.
        formulas: pairs of what is stated and its LaTeX.
        sources: pairs of what is stated and its Python source.
    """

    def __init__(self, op: Op, facts: list[tuple[str, str]]) -> None:
        self.operation = op.name
        self.facts = facts
        self.formulas = formulas_of(op.name)
        self.sources = sources_of(op)

    def __str__(self) -> str:
        width = max(len(label) for label, _ in (*self.facts, *self.formulas))
        lines = [self.operation]
        lines += [f"  {label:{width}}  {text}" for label, text in (*self.facts, *self.formulas)]
        for label, source in self.sources:
            lines += [f"  {label}", *(f"      {line}" for line in source.splitlines())]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.operation}**", ""]
        lines += [f"- {label}: {text}" for label, text in self.facts]
        for label, latex in self.formulas:
            stated = label.replace("∂y/∂", r"\frac{\partial y}{\partial ")
            lines += ["", f"$${stated}{'}' if stated != label else ''} = {latex}$$"]
        for label, source in self.sources:
            lines += ["", f"{label}:", "", "```python", source, "```"]
        return "\n".join(lines)


def explain(tensor: Tensor | str) -> Explanation:
    """Explain the operation that computed a tensor: its formula, its derivative, and what it keeps for backward.

    Args:
        tensor: a tensor computed from tensors that require gradients, or the name of an operation.

    Returns:
        The explanation. Elementwise operations are explained by the LaTeX of their formula and partial derivatives;
        fused ones by the source of the composition that defines them; all others by the source of their rule.

    Raises:
        TypeError: for anything else.
        ValueError: for a tensor that no recorded operation computed, and for an unknown name.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.visualize import explain
        >>> x = ag.ones(2, 3, requires_grad=True)
        >>> print(explain(x.tanh()))
        tanh
          what it does  Hyperbolic tangent; saturates at -1 and 1.
          operands      x 2×3
          result        2×3
          keeps         24 B for backward: y
          y             \\tanh x
          ∂y/∂x         \\left(1 - y\\right) \\, \\left(1 + y\\right)
    """
    if isinstance(tensor, str):
        op = REGISTRY.get(tensor)
        if op is None:
            raise ValueError(f"there is no operation {tensor!r}; 'python -m autograd_core ops' lists all of them")
        return Explanation(op, [("what it does", op.summary), ("operands", ", ".join(op.operands))])
    if not isinstance(tensor, Tensor):
        raise TypeError(f"explain() wants a tensor or the name of an operation, got {type(tensor).__name__}")
    node = tensor.grad_fn
    if node is None:
        raise ValueError(
            "no recorded operation computed this tensor: "
            + ("it is a leaf" if tensor.requires_grad else "nothing it was computed from requires gradients")
        )
    if node.plan is PROJECTION and isinstance(node.edges[0], Node):
        node = node.edges[0]
    return Explanation(node.plan.op, _facts(node, tensor))


def _facts(node: Node, tensor: Tensor) -> list[tuple[str, str]]:
    op = node.plan.op
    names = op.operands * len(node.edges) if op.variadic else op.operands
    operands = [
        f"{name} {'(constant)' if edge is None else describe(edge.shape, edge.dtype)}"
        for name, edge in zip(names, node.edges, strict=False)
    ]
    size, kept = saved_memory(node, set())
    if size is None:
        keeps = "nothing any more: backward has freed it"
    else:
        keeps = f"{texts.memory(size)} for backward: {', '.join(kept)}" if kept else "nothing"
    facts = [
        ("what it does", op.summary),
        ("module", node.scope.path if node.scope is not None else ""),
        ("operands", ", ".join(operands)),
        ("arguments", details(node)),
        ("result", describe(tuple(tensor.shape), tensor.dtype)),
        ("keeps", keeps),
        ("recorded at", (node.extras.site or "") if node.extras is not None else ""),
    ]
    return [(label, text) for label, text in facts if text]
