"""Lion."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .optimizer import Group, Optimizer, State
from .options import Check, betas as betas_check, flag, nonnegative
from .rules import moved_towards, shrunk


class Lion(Optimizer):
    r"""Evolved sign momentum: every element moves by the learning rate, in the direction of an averaged gradient.

    With the parameter θ, its gradient g and the running average m (``exp_avg``) of g, a step does

        c = β₁ m + (1 − β₁) g
        θ ← θ (1 − η λ) − η sign(c)
        m ← β₂ m + (1 − β₂) g

    where η is ``lr``, (β₁, β₂) ``betas`` and λ ``weight_decay``, decoupled as in :class:`AdamW`. sign(0) is 0. It
    keeps one tensor for each parameter where Adam keeps two; its rate wants to be 3 to 10 times smaller than Adam's
    and its weight decay as many times larger. PyTorch has no Lion; names follow the authors' code.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        betas: how much of the average enters the direction, and how much of it is kept; from 0 up to but without 1.
        weight_decay: how fast parameters shrink, relative to the learning rate; at least 0.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0, -300.0], requires_grad=True)
        >>> optimizer = optim.Lion([x], lr=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([   1.5000, -299.5000], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "betas": betas_check,
        "weight_decay": nonnegative,
        "maximize": flag,
    }
    _buffers = ("exp_avg",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["weight_decay"] != 0, group["maximize"]

    def _formula(self, decay: bool, maximize: bool) -> Callable[..., Any]:
        def lion(
            parameter: Any,
            gradient: Any,
            exp_avg: Any,
            *,
            lr: Any,
            direction_weight: Any,
            gradient_weight: Any,
            shrinkage: Any,
        ) -> Any:
            gradient = -gradient if maximize else gradient
            direction = f.sign(moved_towards(exp_avg, gradient, direction_weight))
            average = moved_towards(exp_avg, gradient, gradient_weight)
            return shrunk(parameter, shrinkage, decay=decay) - lr * direction, average

        return lion

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        lr = float(group["lr"])
        beta1, beta2 = map(float, group["betas"])
        scalars = {
            "lr": lr,
            "direction_weight": 1.0 - beta1,
            "gradient_weight": 1.0 - beta2,
            "shrinkage": 1.0 - lr * float(group["weight_decay"]),
        }
        return scalars, {"step": age + 1}
