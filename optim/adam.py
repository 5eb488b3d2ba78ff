"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .moments import MomentOptimizer, averages, common_scalars
from .optimizer import Group, State
from .options import Check, flag
from .rules import directed, shrunk, without


class Adam(MomentOptimizer):
    r"""Adaptive moment estimation: each element moves by its average gradient over its root mean square gradient.

    With the parameter θ, its gradient g, and the running averages m (``exp_avg``) of g and v (``exp_avg_sq``) of
    g², step t does

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁ᵗ),    v̂ = v / (1 − β₂ᵗ)
        θ ← θ − η m̂ / (√v̂ + ε)

    where η is ``lr``, (β₁, β₂) ``betas``, ε ``eps`` and λ ``weight_decay``. The averages start at 0; m̂ and v̂
    correct for that. ε stands outside the root and is not scaled by the correction (Keras and the paper's own
    efficient form scale it). Weight decay is coupled: it passes through the averages, and strongly varying
    gradients weaken it; :class:`AdamW` decouples it.

    AMSGrad divides by the root of the largest v so far, v_max ← max(v_max, v), in place of v. As in PyTorch the
    maximum is taken of v and corrected afterwards (the paper corrects nothing; Optax takes the maximum of v̂).

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        betas: how much of each average is kept, from 0 up to but without 1.
        eps: added to the denominator, at least 0.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        amsgrad: divide by the root of the largest average so far.
        maximize: climb instead of descending.
        decoupled_weight_decay: shrink the parameter as :class:`AdamW` does, instead of bending the gradient.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    References: Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Reddi, Kale & Kumar, "On the
    Convergence of Adam and Beyond", ICLR 2018 (AMSGrad).

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0, -300.0], requires_grad=True)
        >>> optimizer = optim.Adam([x], lr=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x                       # the first step is ±lr, whatever the gradient's size
        tensor([   1.5000, -299.5000], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {**MomentOptimizer._options, "amsgrad": flag}
    _buffers = (*MomentOptimizer._buffers, "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return *super()._variant(group), group["amsgrad"]

    def _formula(self, coupled: bool, decoupled: bool, maximize: bool, amsgrad: bool) -> Callable[..., Any]:
        def adam(
            parameter: Any,
            gradient: Any,
            exp_avg: Any,
            exp_avg_sq: Any,
            max_exp_avg_sq: Any,
            *,
            step_size: Any,
            gradient_weight: Any,
            beta2: Any,
            square_weight: Any,
            root_scale: Any,
            eps: Any,
            weight_decay: Any,
            shrinkage: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=coupled, maximize=maximize)
            first, second = averages(gradient, exp_avg, exp_avg_sq, gradient_weight, beta2, square_weight)
            divisor = second
            if amsgrad:
                divisor = max_exp_avg_sq = f.maximum(max_exp_avg_sq, second)
            step = step_size * first / (f.sqrt(divisor) * root_scale + eps)
            return shrunk(parameter, shrinkage, decay=decoupled) - step, first, second, max_exp_avg_sq

        return adam if amsgrad else without(adam, "max_exp_avg_sq")

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        step = age + 1
        beta1, beta2 = map(float, group["betas"])
        scalars = {
            "step_size": float(group["lr"]) / (1.0 - beta1**step),
            "root_scale": 1.0 / math.sqrt(1.0 - beta2**step),
        }
        return scalars | common_scalars(group), {"step": step}


class AdamW(Adam):
    r"""Adam with decoupled weight decay: parameters shrink by the same factor, however their gradients vary.

    As :class:`Adam`, but λ never enters the averages. With what Adam calls m̂ and v̂, of the gradient alone:

        θ ← θ (1 − η λ)
        θ ← θ − η m̂ / (√v̂ + ε)

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer` and :func:`no_decay_groups`.
        lr: learning rate, at least 0.
        betas: how much of each average is kept, from 0 up to but without 1.
        eps: added to the denominator, at least 0.
        weight_decay: how fast parameters shrink, relative to the learning rate; at least 0.
        amsgrad: divide by the root of the largest average so far.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.AdamW([x], lr=0.5, weight_decay=0.5)
        >>> x.grad = ag.zeros(1)
        >>> optimizer.step()
        >>> x                       # 2 · (1 − 0.5 · 0.5), though the gradient is 0
        tensor([1.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def _checked(self, options: Group) -> Group:
        # A state dict of Adam may say otherwise.
        return {**super()._checked(options), "decoupled_weight_decay": True}
