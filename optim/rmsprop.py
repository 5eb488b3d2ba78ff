"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from autograd_core import formula as f

from .optimizer import Group, Optimizer, State
from .options import Check, flag, nonnegative
from .rules import directed, mixed, moved_towards, without


class RMSprop(Optimizer):
    r"""Gradient over its root mean square; optionally its standard deviation, and with momentum.

    With the parameter θ, its gradient g, the running averages v (``square_avg``) of g² and a (``grad_avg``) of g,
    and the velocity b (``momentum_buffer``), a step does

        g ← g + λ θ
        v ← α v + (1 − α) g²
        d = √v + ε                          d = √(v − a²) + ε with a ← α a + (1 − α) g, if centered
        θ ← θ − η g / d                     b ← μ b + g / d,  θ ← θ − η b, with momentum

    where η is ``lr``, α ``alpha``, μ ``momentum``, λ ``weight_decay`` and ε ``eps``, outside the root as in PyTorch
    (TensorFlow has it inside). The variance v − a² is not negative in exact arithmetic; where rounding makes it so,
    it counts as 0 here, and as NaN in PyTorch.

    Args:
        params: tensors, named tensors or groups; see :class:`Optimizer`.
        lr: learning rate, at least 0.
        alpha: how much of the averages is kept, at least 0.
        eps: added to the denominator, at least 0.
        weight_decay: strength of an L2 penalty, added to the gradient; at least 0.
        momentum: how much of the velocity is kept, at least 0; 0 keeps none.
        centered: divide by the standard deviation.
        maximize: climb instead of descending.

    Raises:
        TypeError, ValueError: for bad parameters or options; see :class:`Optimizer`.

    References: Tieleman & Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; Graves, "Generating Sequences With
    Recurrent Neural Networks", arXiv:1308.0850, 2013 (centred).

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([2.0], requires_grad=True)
        >>> optimizer = optim.RMSprop([x], lr=0.5, alpha=0.75)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x                       # 2 − 0.5 · 4 / √(0.25 · 4²)
        tensor([1.], requires_grad=True)
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "momentum": nonnegative,
        "alpha": nonnegative,
        "eps": nonnegative,
        "centered": flag,
        "weight_decay": nonnegative,
        "maximize": flag,
    }
    _buffers = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        return group["centered"], group["momentum"] != 0, group["weight_decay"] != 0, group["maximize"]

    def _formula(self, centered: bool, momentous: bool, decay: bool, maximize: bool) -> Callable[..., Any]:
        def rmsprop(
            parameter: Any,
            gradient: Any,
            square_avg: Any,
            momentum_buffer: Any,
            grad_avg: Any,
            *,
            lr: Any,
            alpha: Any,
            weight: Any,
            eps: Any,
            weight_decay: Any,
            momentum: Any,
        ) -> Any:
            gradient = directed(gradient, parameter, weight_decay, decay=decay, maximize=maximize)
            square = variance = mixed(square_avg, gradient * gradient, alpha, weight)
            if centered:
                grad_avg = moved_towards(grad_avg, gradient, weight)
                variance = f.maximum(square - grad_avg * grad_avg, 0.0)
            step = gradient / (f.sqrt(variance) + eps)
            if momentous:
                step = momentum_buffer = momentum * momentum_buffer + step
            return parameter - lr * step, square, momentum_buffer, grad_avg

        absent = [] if momentous else ["momentum_buffer"]
        return without(rmsprop, *absent, *([] if centered else ["grad_avg"]))

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        alpha = float(group["alpha"])
        scalars = {
            "lr": float(group["lr"]),
            "alpha": alpha,
            "weight": 1.0 - alpha,
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "momentum": float(group["momentum"]),
        }
        return scalars, {"step": age + 1}
