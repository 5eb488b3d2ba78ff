"""Adamax."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .optimizer import Group, Optimizer, State
from .options import Check, betas as betas_check, flag, nonnegative
from .rules import directed, moved_towards


class Adamax(Optimizer):
    r"""Adam with the largest gradient so far, slowly forgotten, in place of the root mean square.

    With the parameter θ, its gradient g, the running average m (``exp_avg``) of g and the fading maximum u
    (``exp_inf``) of |g|, step t does

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g
        u ← max(β₂ u, |g| + ε)
        θ ← θ − η / (1 − β₁ᵗ) · m / u

    where η is ``lr``, (β₁, β₂) ``betas``, ε ``eps`` and λ ``weight_decay``.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        betas: how much of the average and of the maximum is kept, from 0 up to but without 1.
        eps: added to the gradient's size, at least 0.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 7.1.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0, -300.0], requires_grad=True)
        >>> optimizer = optim.Adamax([x], lr=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x                       # the first step is ±lr, whatever the gradient's size
        tensor([   1.5000, -299.5000], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "betas": betas_check,
        "eps": nonnegative,
        "weight_decay": nonnegative,
        "maximize": flag,
    }
    _buffers = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["weight_decay"] != 0, group["maximize"]

    def _formula(self, decay: bool, maximize: bool) -> Callable[..., Any]:
        def adamax(
            parameter: Any,
            gradient: Any,
            exp_avg: Any,
            exp_inf: Any,
            *,
            step_size: Any,
            gradient_weight: Any,
            beta2: Any,
            eps: Any,
            weight_decay: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=decay, maximize=maximize)
            average = moved_towards(exp_avg, gradient, gradient_weight)
            largest = f.maximum(beta2 * exp_inf, f.abs(gradient) + eps)
            return parameter - step_size * average / largest, average, largest

        return adamax

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        step = age + 1
        beta1, beta2 = map(float, group["betas"])
        scalars = {
            "step_size": float(group["lr"]) / (1.0 - beta1**step),
            "gradient_weight": 1.0 - beta1,
            "beta2": beta2,
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
        }
        return scalars, {"step": step}
