"""RAdam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from autograd_core import formula as f

from .moments import MomentOptimizer, averages, common_scalars
from .optimizer import Group, State
from .rules import directed, shrunk


class RAdam(MomentOptimizer):
    r"""Rectified Adam: plain momentum until the average of squares is worth dividing by, then Adam, held back less
    and less.

    With the parameter θ, its gradient g, and the running averages m (``exp_avg``) of g and v (``exp_avg_sq``) of
    g², step t does

        g ← g + λ θ                                         or θ ← θ (1 − η λ), decoupled
        m ← β₁ m + (1 − β₁) g,     m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²
        ρ∞ = 2 / (1 − β₂) − 1,     ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
        θ ← θ − η m̂                                         while ρ ≤ 5, and from then on
        r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))
        θ ← θ − η r m̂ √(1 − β₂ᵗ) / (√v + ε)

    where η is ``lr``, (β₁, β₂) ``betas``, ε ``eps`` and λ ``weight_decay``. As in PyTorch, ε stands beside the
    uncorrected root, where :class:`Adam` has it beside the corrected one.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        betas: how much of each average is kept, from 0 up to but without 1.
        eps: added to the denominator, at least 0.
        weight_decay: strength of weight decay, at least 0.
        decoupled_weight_decay: shrink the parameter as :class:`AdamW` does, instead of bending the gradient.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.RAdam([x], lr=0.25)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x                       # the first steps are plain: 2 − 0.25 · 4
        tensor([1.], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _formula(self, coupled: bool, decoupled: bool, maximize: bool) -> Callable[..., Any]:
        def radam(
            parameter: Any,
            gradient: Any,
            exp_avg: Any,
            exp_avg_sq: Any,
            *,
            step_size: Any,
            gradient_weight: Any,
            beta2: Any,
            square_weight: Any,
            rectified: Any,
            eps: Any,
            weight_decay: Any,
            shrinkage: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=coupled, maximize=maximize)
            first, second = averages(gradient, exp_avg, exp_avg_sq, gradient_weight, beta2, square_weight)
            # Both phases in one kernel, so that nothing is compiled when the second begins.
            divisor = f.where(rectified > 0.0, f.sqrt(second) + eps, 1.0)
            return shrunk(parameter, shrinkage, decay=decoupled) - step_size * first / divisor, first, second

        return radam

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        step = age + 1
        lr = float(group["lr"])
        beta1, beta2 = map(float, group["betas"])
        longest = 2.0 / (1.0 - beta2) - 1.0
        correction = 1.0 - beta2**step
        length = longest - 2.0 * step * beta2**step / correction
        step_size = lr / (1.0 - beta1**step)
        if length > 5.0:
            numerator = (length - 4.0) * (length - 2.0) * longest
            step_size *= math.sqrt(correction * numerator / ((longest - 4.0) * (longest - 2.0) * length))
        scalars = {
            "step_size": step_size,
            "rectified": 1.0 if length > 5.0 else 0.0,
        }
        return scalars | common_scalars(group), {"step": step}
