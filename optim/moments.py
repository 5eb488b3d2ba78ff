"""What Adam and its kin have in common: running averages of the gradient and of its square, and their options."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

from .optimizer import Group, Optimizer
from .options import Check, betas as betas_check, flag, nonnegative
from .rules import mixed, moved_towards


class MomentOptimizer(Optimizer):
    """An optimiser that keeps m (``exp_avg``), an average of g, and v (``exp_avg_sq``), one of g²."""

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "betas": betas_check,
        "eps": nonnegative,
        "weight_decay": nonnegative,
        "decoupled_weight_decay": flag,
        "maximize": flag,
    }
    _buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        """Whether weight decay is coupled, whether it is decoupled, and whether to climb."""
        decay, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        return decay and not decoupled, decay and decoupled, group["maximize"]


def averages(
    gradient: Any, exp_avg: Any, exp_avg_sq: Any, gradient_weight: Any, beta2: Any, square_weight: Any
) -> tuple[Any, Any]:
    """Both averages after one more gradient, as formulas."""
    first = moved_towards(exp_avg, gradient, gradient_weight)
    return first, mixed(exp_avg_sq, gradient * gradient, beta2, square_weight)


def common_scalars(group: Group) -> dict[str, float]:
    """The numbers that every such step needs, whatever its age."""
    beta1, beta2 = map(float, group["betas"])
    weight_decay = float(group["weight_decay"])
    return {
        "gradient_weight": 1.0 - beta1,
        "beta2": beta2,
        "square_weight": 1.0 - beta2,
        "eps": float(group["eps"]),
        "weight_decay": weight_decay,
        "shrinkage": 1.0 - float(group["lr"]) * weight_decay,
    }
