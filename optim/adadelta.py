"""Adadelta."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .optimizer import Group, Optimizer, State
from .options import Check, flag, fraction, nonnegative
from .rules import directed, mixed


class Adadelta(Optimizer):
    r"""Adagrad with a memory that fades, and steps measured in the units of earlier steps.

    With the parameter θ, its gradient g, and the running averages v (``square_avg``) of g² and u (``acc_delta``)
    of squared steps, a step does

        g ← g + λ θ
        v ← ρ v + (1 − ρ) g²
        Δ = √(u + ε) / √(v + ε) · g
        u ← ρ u + (1 − ρ) Δ²
        θ ← θ − η Δ

    where η is ``lr``, ρ ``rho``, λ ``weight_decay`` and ε ``eps``, which sets the size of the first steps.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: factor on the step, at least 0.
        rho: how much of the averages is kept, from 0 to 1.
        eps: added under both roots, at least 0.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701, 2012.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.Adadelta([x], rho=0.75, eps=1.0)
        >>> (x * x / 2).sum().backward()
        >>> optimizer.step()
        >>> x                       # 2 − 1 / √(0.25 · 2² + 1) · 2
        tensor([0.5858], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "rho": fraction,
        "eps": nonnegative,
        "weight_decay": nonnegative,
        "maximize": flag,
    }
    _buffers = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["weight_decay"] != 0, group["maximize"]

    def _formula(self, decay: bool, maximize: bool) -> Callable[..., Any]:
        def adadelta(
            parameter: Any,
            gradient: Any,
            square_avg: Any,
            acc_delta: Any,
            *,
            lr: Any,
            rho: Any,
            square_weight: Any,
            eps: Any,
            weight_decay: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=decay, maximize=maximize)
            squares = mixed(square_avg, gradient * gradient, rho, square_weight)
            delta = f.sqrt(acc_delta + eps) / f.sqrt(squares + eps) * gradient
            return parameter - lr * delta, squares, mixed(acc_delta, delta * delta, rho, square_weight)

        return adadelta

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        rho = float(group["rho"])
        scalars = {
            "lr": float(group["lr"]),
            "rho": rho,
            "square_weight": 1.0 - rho,
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
        }
        return scalars, {"step": age + 1}
