"""NAdam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from autograd_core import formula as f

from .moments import MomentOptimizer, averages, common_scalars
from .optimizer import Group, State
from .options import Check, nonnegative
from .rules import directed, shrunk


class NAdam(MomentOptimizer):
    r"""Adam with Nesterov's momentum, which warms up.

    With the parameter θ, its gradient g, and the running averages m (``exp_avg``) of g and v (``exp_avg_sq``) of
    g², step t does

        g ← g + λ θ                                         or θ ← θ (1 − η λ), decoupled
        μₜ = β₁ (1 − ½ · 0.96^(t ψ)),    Π ← Π μₜ            (``mu_product``, from 1)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ = μₜ₊₁ m / (1 − Π μₜ₊₁) + (1 − μₜ) g / (1 − Π)
        θ ← θ − η m̂ / (√(v / (1 − β₂ᵗ)) + ε)

    where η is ``lr``, (β₁, β₂) ``betas``, ψ ``momentum_decay``, ε ``eps`` and λ ``weight_decay``.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        betas: how much of each average is kept, from 0 up to but without 1.
        eps: added to the denominator, at least 0.
        weight_decay: strength of weight decay, at least 0.
        momentum_decay: how fast the momentum warms up, at least 0.
        decoupled_weight_decay: shrink the parameter as :class:`AdamW` does, instead of bending the gradient.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop 2016.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.NAdam([x], lr=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([1.4718], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {**MomentOptimizer._options, "momentum_decay": nonnegative}
    _numbers: ClassVar[Mapping[str, type]] = {"step": int, "mu_product": float}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _formula(self, coupled: bool, decoupled: bool, maximize: bool) -> Callable[..., Any]:
        def nadam(
            parameter: Any,
            gradient: Any,
            exp_avg: Any,
            exp_avg_sq: Any,
            *,
            gradient_step: Any,
            average_step: Any,
            gradient_weight: Any,
            beta2: Any,
            square_weight: Any,
            correction: Any,
            eps: Any,
            weight_decay: Any,
            shrinkage: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=coupled, maximize=maximize)
            first, second = averages(gradient, exp_avg, exp_avg_sq, gradient_weight, beta2, square_weight)
            step = (gradient_step * gradient + average_step * first) / (f.sqrt(second * correction) + eps)
            return shrunk(parameter, shrinkage, decay=decoupled) - step, first, second

        return nadam

    def _ages(self, states: Sequence[State]) -> list[Any]:
        return [(state.get("step", 0), state.get("mu_product", 1.0)) for state in states]

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        step, product = age[0] + 1, age[1]
        lr = float(group["lr"])
        beta1, beta2 = map(float, group["betas"])
        now, following = (
            beta1 * (1.0 - 0.5 * math.pow(0.96, t * float(group["momentum_decay"]))) for t in (step, step + 1)
        )
        product *= now
        scalars = {
            "gradient_step": lr * (1.0 - now) / (1.0 - product),
            "average_step": lr * following / (1.0 - product * following),
            "correction": 1.0 / (1.0 - beta2**step),
        }
        return scalars | common_scalars(group), {"step": step, "mu_product": product}
