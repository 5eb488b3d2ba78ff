"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from .optimizer import Group, Optimizer, State
from .options import Check, flag, nonnegative, number
from .rules import directed, without


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum, Nesterov's momentum and weight decay.

    With the parameter θ, its gradient g and the velocity b (``momentum_buffer``), a step does

        g ← g + λ θ
        b ← μ b + (1 − τ) g             b ← g in the first step, without dampening
        θ ← θ − η b                     θ ← θ − η (g + μ b) for Nesterov's momentum

    where η is ``lr``, μ ``momentum``, τ ``dampening`` and λ ``weight_decay``. As in PyTorch, and unlike Sutskever's
    form, the learning rate multiplies the velocity instead of entering it, so a changed rate acts at once.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        momentum: how much of the velocity is kept, at least 0; 0 keeps none.
        dampening: how much the gradient is held back on its way into the velocity.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        nesterov: look ahead along the velocity; needs momentum and no dampening.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    Reference: Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.SGD([x], lr=0.5, momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (x * x / 2).sum().backward()
        ...     optimizer.step()
        >>> x                       # 2 → 2 − 0.5 · 2 = 1 → 1 − 0.5 · (0.5 · 2 + 1) = 0
        tensor([0.], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "momentum": nonnegative,
        "dampening": number,
        "weight_decay": nonnegative,
        "nesterov": flag,
        "maximize": flag,
    }
    _numbers: ClassVar[Mapping[str, type]] = {}
    _buffers = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_together(self, label: str, options: Group) -> None:
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            given = f"momentum={options['momentum']} and dampening={options['dampening']}"
            raise ValueError(f"{label}: nesterov needs momentum above 0 and dampening 0, got {given}")

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["momentum"] != 0, group["nesterov"], group["weight_decay"] != 0, group["maximize"]

    def _formula(self, momentous: bool, nesterov: bool, decay: bool, maximize: bool) -> Callable[..., Any]:
        def sgd(
            parameter: Any,
            gradient: Any,
            momentum_buffer: Any,
            *,
            lr: Any,
            weight_decay: Any,
            momentum: Any,
            gradient_weight: Any,
        ) -> Any:
            direction = gradient = directed(gradient, parameter, weight_decay, decay=decay, maximize=maximize)
            if momentous:
                direction = momentum_buffer = momentum * momentum_buffer + gradient_weight * gradient
            if nesterov:
                direction = gradient + momentum * momentum_buffer
            return parameter - lr * direction, momentum_buffer

        return sgd if momentous else without(sgd, "momentum_buffer")

    def _ages(self, states: Sequence[State]) -> list[Any]:
        # A parameter without a velocity is in its first step with momentum.
        return [*map(bool, states)]

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        scalars = {
            "lr": float(group["lr"]),
            "weight_decay": float(group["weight_decay"]),
            "momentum": float(group["momentum"]),
            "gradient_weight": 1.0 - float(group["dampening"]) if age else 1.0,
        }
        return scalars, {}
