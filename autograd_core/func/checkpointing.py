"""Recomputation in backward: memory for time (Chen et al. 2016, "Training deep nets with sublinear memory cost")."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..errors import GraphError
from ..grad_mode import enable_grad
from ..graph import Node, ancestors, next_sequence, thread
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor, wrap
from .trees import flatten


def checkpoint(function: Callable[..., Any], *arguments: Any, preserve_rng_state: bool = True, **named: Any) -> Any:
    """Run `function` without keeping what its backward needs; backward runs it once more to get that back.

    Gradients reach the arguments and whatever else the function uses, a module's parameters for instance. Random
    numbers are repeated, so a dropout mask is the same both times, and running statistics move only once.

    Args:
        function: any function of tensors that does the same each time.
        arguments, named: what to call it with.
        preserve_rng_state: repeat the random numbers of the default generator.

    Raises:
        GraphError: in backward, if the second run did not do what the first did.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
        >>> func.checkpoint(lambda t: t * t * t, x).sum().backward()
        >>> x.grad
        tensor([ 3., 12.])
    """
    if not thread.mode.enabled:
        return function(*arguments, **named)
    state = get_rng_state() if preserve_rng_state else None
    start = next_sequence()
    output = function(*arguments, **named)
    nodes = _nodes_since(output, start)
    if nodes:
        recomputation = _Recomputation(function, arguments, named, state, nodes)
        for node in nodes:
            node.release()
            node.demand_extras().recompute = recomputation
    return output


def _nodes_since(output: Any, start: int) -> list[Node]:
    """The nodes made after `start` that lead to `output`, oldest first."""
    leaves = [leaf for leaf in _tensors(output) if leaf.requires_grad]
    found = ancestors([leaf._node for leaf in leaves], since=start)
    return [node for node in reversed(found) if isinstance(node, Node)]


def _tensors(output: Any) -> list[Tensor]:
    try:
        return flatten(output)[0]
    except TypeError:
        raise TypeError("a checkpointed function must return tensors, in tuples, lists or dicts if several") from None


class _Recomputation:
    """The second forward pass, made when backward first meets one of its nodes."""

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        named: dict[str, Any],
        state: dict[str, Any] | None,
        nodes: list[Node],
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.named = named
        self.state = state
        # What the graph looks like; the nodes themselves hold this object, and would be kept alive by it.
        self.names = [node.name for node in nodes]
        self.nodes = [weakref.ref(node) for node in nodes]

    def __call__(self) -> None:
        fresh = self._run()
        names = [node.name for node in fresh]
        if names != self.names:
            raise GraphError(
                f"checkpoint: the second run recorded {len(names)} operations that differ from the first run's "
                f"{len(self.names)}; the function must do the same each time"
            )
        for reference, again in zip(self.nodes, fresh, strict=True):
            node = reference()
            if node is not None:
                if again.saved is None and again.extras is not None and again.extras.recompute is not None:
                    again.extras.recompute()  # a checkpoint inside this one
                node.restore(again)

    def _run(self) -> list[Node]:
        mode = thread.mode
        outer_state, outer_scope = get_rng_state(), mode.scope
        if self.state is not None:
            set_rng_state(self.state)
        outer = mode.recomputing
        mode.recomputing = True
        try:
            with enable_grad():
                stand_ins = [_stand_in(argument) for argument in self.arguments]
                named = {name: _stand_in(argument) for name, argument in self.named.items()}
                start = next_sequence()
                return _nodes_since(self.function(*stand_ins, **named), start)
        finally:
            mode.recomputing = outer
            mode.scope = outer_scope
            if self.state is not None:
                set_rng_state(outer_state)


def _stand_in(argument: Any) -> Any:
    """A tensor argument outside its history, so that the second run records its own operations only."""
    if isinstance(argument, Tensor):
        return wrap(argument._array, None, argument._version).requires_grad_(argument.requires_grad)
    return argument
