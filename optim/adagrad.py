"""Adagrad."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .optimizer import Group, Optimizer, State
from .options import Check, flag, nonnegative
from .rules import directed


class Adagrad(Optimizer):
    r"""Adaptive gradient: each element's rate shrinks with the squared gradients it has seen, rare ones stay fast.

    With the parameter θ, its gradient g, and the sum s (``sum``) of g² over all steps, step t does

        g ← g + λ θ
        s ← s + g²
        θ ← θ − η / (1 + (t − 1) κ) · g / (√s + ε)

    where η is ``lr``, κ ``lr_decay``, λ ``weight_decay`` and ε ``eps``.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        lr_decay: how fast the rate falls with the steps, beside the sum's effect; at least 0.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        initial_accumulator_value: what the sum starts from, at least 0.
        eps: added to the denominator, at least 0.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Duchi, Hazan & Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", JMLR 12, 2011.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.Adagrad([x], lr=0.5)
        >>> (3 * x).sum().backward()
        >>> optimizer.step()
        >>> x                       # g / √(g²) = 1
        tensor([1.5000], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "lr_decay": nonnegative,
        "eps": nonnegative,
        "weight_decay": nonnegative,
        "initial_accumulator_value": nonnegative,
        "maximize": flag,
    }
    _buffers = ("sum",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _initial(self, name: str, group: Group) -> float:
        return float(group["initial_accumulator_value"])

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["weight_decay"] != 0, group["maximize"]

    def _formula(self, decay: bool, maximize: bool) -> Callable[..., Any]:
        def adagrad(parameter: Any, gradient: Any, sum: Any, *, rate: Any, eps: Any, weight_decay: Any) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=decay, maximize=maximize)
            total = sum + gradient * gradient
            return parameter - rate * gradient / (f.sqrt(total) + eps), total

        return adagrad

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        scalars = {
            "rate": float(group["lr"]) / (1.0 + age * float(group["lr_decay"])),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
        }
        return scalars, {"step": age + 1}
