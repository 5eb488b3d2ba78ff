"""How a formula is pulled back: cotangent times partial, in one loop or by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .formula import Constant
from .kernels.emit import numpy_form
from .kernels.loop import LARGE, Loop
from .plan import COTANGENT, LISTED, Plan, Pullback

if TYPE_CHECKING:
    from .graph import Node

# Maps a cotangent and the node it reached to the cotangent of one operand.
Product = Callable[[Any, "Node"], Any]


def _zeros(cotangent: np.ndarray, node: Node) -> np.ndarray:
    return np.zeros(cotangent.shape, cotangent.dtype)


def _passed_on(cotangent: np.ndarray, node: Node) -> np.ndarray:
    return cotangent


class ElementwisePullback:
    """Pulls back through a formula: cotangent times partial, for all needed operands in one fused loop.

    Where every product is a single NumPy operation, or the partial is 1, NumPy does it, on its one thread; large ones
    take the loop. Its plan is a Plan like every other: Python reads the attributes of objects of one class faster than
    those of a class and its heirs.
    """

    __slots__ = ("_direct", "_loops", "op", "plan")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.op: Any = plan.op
        self._loops: dict[int, Loop] = {}
        self._direct = {index: self._direct_product(index) for index in plan.needed()}
        plan.pointwise = True
        if None not in self._direct.values():
            plan.pullback = self._direct_pullback([self._direct.get(index) for index in range(plan.count)])
        elif plan.count == 1 and not self.op.parameters:
            plan.pullback = self._pull_unary
        else:
            plan.pullback = self._pull_fused

    def _direct_product(self, index: int) -> Product | None:
        """The cotangent of an operand where that takes no more than one NumPy operation, else None."""
        partial = self.op.partial_expression(index)
        if isinstance(partial, Constant) and partial.value == 0:
            return _zeros
        product = self.op.product_expression(index)
        if product == COTANGENT:
            return _passed_on
        form = numpy_form(product)
        if form is None:
            return None
        function, arguments = form
        places: list[Any] = [
            -1 if name == COTANGENT.name else self.plan.names.index(name) if name in self.plan.names else None
            for name in arguments
            if isinstance(name, str)
        ]
        # Numbers among the arguments are rare (a partial of 2, say) and go through the loop.
        if len(places) != len(arguments) or None in places:
            return None
        match places:
            case [-1]:
                return lambda cotangent, node: function(cotangent)
            case [-1, 0] if self.plan.saves != LISTED:
                return lambda cotangent, node: function(cotangent, node.value)
            case [-1, int(place)] if place >= 0:
                get = self.plan.reader(place)
                return lambda cotangent, node: function(cotangent, get(node))
            case [int(place), -1] if place >= 0:
                get = self.plan.reader(place)
                return lambda cotangent, node: function(get(node), cotangent)
        return lambda cotangent, node: function(*[cotangent if p == -1 else (node.saved or ())[p] for p in places])

    def _direct_pullback(self, products: Sequence[Product | None]) -> Pullback:
        """The pullback of products that NumPy computes, unless they are large; None for operands that need none."""
        if len(products) == 1 and products[0] is not None:
            only = products[0]
            return lambda node, cotangent, edges: (
                (only(cotangent, node),) if cotangent.size < LARGE else self._pull_fused(node, cotangent, edges)
            )

        def pull(node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
            if cotangent.size >= LARGE:
                return self._pull_fused(node, cotangent, edges)
            return [
                None if edge is None or product is None else product(cotangent, node)
                for edge, product in zip(edges, products, strict=True)
            ]

        def pull_two(node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
            if cotangent.size >= LARGE:
                return self._pull_fused(node, cotangent, edges)
            one, two = edges
            return (
                None if one is None or first is None else first(cotangent, node),
                None if two is None or second is None else second(cotangent, node),
            )

        if len(products) != 2:
            return pull
        first, second = products
        return pull_two

    def _loop(self, mask: int) -> Loop:
        loop = self._loops.get(mask)
        if loop is None:
            op = self.op
            chosen = [index for index in self.plan.needed() if mask >> index & 1]
            products = [op.product_expression(index) for index in chosen]
            suffix = "" if self.plan.count == 1 else "_by_" + "_".join(op.operands[index] for index in chosen)
            loop = self._loops[mask] = Loop(
                f"{op.name}_vjp{suffix}", products, (COTANGENT.name, *self.plan.names), op.parameters
            )
        return loop

    def _pull_unary(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        return self._loop(1)((cotangent, *(node.saved or ())), cotangent.dtype)

    def _pull_fused(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        pulled: list[Any] = [None] * len(edges)
        mask = 0
        for index, edge in enumerate(edges):
            if edge is None:
                continue
            product = self._direct[index]
            if product is _passed_on or product is _zeros:
                pulled[index] = product(cotangent, node)
            else:
                mask |= 1 << index
        if not mask:
            return pulled
        saved = node.saved
        assert saved is not None
        parameters = node.parameters
        numbers = [float(parameters[name]) for name in self.op.parameters]
        found = self._loop(mask)((cotangent, *saved), cotangent.dtype, numbers)
        for index in range(len(edges)):
            if mask >> index & 1:
                pulled[index] = found.pop(0)
        return pulled
