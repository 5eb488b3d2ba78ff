"""L-BFGS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

import autograd_core as ag

from .line_search import Point, strong_wolfe
from .optimizer import Closure, Optimizer, State
from .options import Check, count, nonnegative


def _line_search(label: str, value: Any) -> str | None:
    if value not in (None, "strong_wolfe"):
        raise ValueError(f"{label} must be None or 'strong_wolfe', got {value!r}")
    found: str | None = value
    return found


class LBFGS(Optimizer):
    r"""Limited-memory BFGS: a quasi-Newton method that remembers the last few steps and changes of the gradient.

    With the flat vector θ of all parameters, its gradient g, and for each remembered step s = θ′ − θ and
    y = g′ − g, an iteration follows d = −H g, where H is what the BFGS updates by these pairs make of
    γ = (yᵀ s) / (yᵀ y) times the identity:

        q ← −g;   from the newest pair:  α = (sᵀ q) / (yᵀ s),  q ← q − α y
        d ← γ q;  from the oldest pair:  β = (yᵀ d) / (yᵀ s),  d ← d + (α − β) s
        θ ← θ + η d                      with η = lr, or from a line search for the strong Wolfe conditions

    It is for losses of a full batch, without randomness. All parameters form one group, their state is kept with the
    first, and a step runs `closure` several times.

    Args:
        params: tensors or named tensors, or one group; see :class:`Optimizer`.
        lr: step length; with a line search, the first one tried.
        max_iter: iterations in a step.
        max_eval: evaluations of the loss in a step; None for 1.25 times the iterations.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when no parameter, or the loss, changes by more.
        history_size: how many pairs to remember.
        line_search_fn: None or ``"strong_wolfe"``.

    Raises:
        TypeError, ValueError: for bad parameters or options, or several groups.

    References: Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45, 1989; Nocedal & Wright, "Numerical Optimization", algorithm 7.4.

    Example:
        >>> import autograd_core as ag, optim
        >>> x = ag.tensor([-1.2, 1.0], requires_grad=True)
        >>> optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=60)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> first = optimizer.step(closure)
        >>> bool(((x - 1).abs() < 1e-2).all())
        True
    """

    _options: ClassVar[Mapping[str, Check]] = {
        "lr": nonnegative,
        "max_iter": count,
        "max_eval": count,
        "tolerance_grad": nonnegative,
        "tolerance_change": nonnegative,
        "history_size": count,
        "line_search_fn": _line_search,
    }
    _numbers: ClassVar[Mapping[str, type]] = {
        "func_evals": int,
        "n_iter": int,
        "t": float,
        "H_diag": float,
        "prev_loss": float,
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        iterations = count("LBFGS: max_iter", max_iter)
        defaults = {
            "lr": lr,
            "max_iter": iterations,
            "max_eval": iterations * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Take the one group there is.

        Raises:
            ValueError: for a second one.
        """
        if self.param_groups:
            raise ValueError("LBFGS takes all parameters in one group: it treats them as one vector")
        super().add_param_group(param_group)

    def step(self, closure: Closure | None = None) -> Any:
        """Run iterations until one of the limits or tolerances is met.

        Args:
            closure: clears the gradients, computes the loss, calls backward and returns the loss; needed.

        Returns:
            What `closure` returned first.

        Raises:
            TypeError: without `closure`.
        """
        if closure is None:
            raise TypeError("LBFGS evaluates the loss several times: step() needs a closure that computes it")
        first = self._evaluate(closure)
        state = self.state[self._parameters[0]]
        state["func_evals"] = state.get("func_evals", 0) + 1
        self.steps_taken += 1
        gradient = self._gradient()
        if np.abs(gradient).max(initial=0) > self.param_groups[0]["tolerance_grad"]:
            self._iterate(closure, state, float(first), gradient)
        return first

    def _iterate(self, closure: Closure, state: State, loss: float, gradient: np.ndarray) -> None:
        group = self.param_groups[0]
        direction, length = _array(state.get("d")), state.get("t", 0.0)
        evaluations = 1
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] = state.get("n_iter", 0) + 1
            before = _array(state.get("prev_flat_grad"))
            direction = self._direction(state, gradient, before, direction, length)
            state["prev_flat_grad"], state["prev_loss"] = ag.tensor(gradient), loss
            length = float(group["lr"])
            if state["n_iter"] == 1:
                length *= min(1.0, 1.0 / float(np.abs(gradient).sum()))
            slope = float(gradient @ direction)
            previous = loss
            if slope > -group["tolerance_change"]:
                break
            used = 0
            if group["line_search_fn"] is not None:
                start = Point(0.0, loss, gradient, slope)
                point, used = self._search(closure, start, length, direction, group["max_eval"] - evaluations)
                length, loss, gradient = point.step, point.loss, point.gradient
            else:
                self._move(self._values(), length, direction)
                # After the last iteration the loss there is of no use to anyone.
                if iteration < group["max_iter"]:
                    loss, gradient, used = float(self._evaluate(closure)), self._gradient(), 1
            evaluations += used
            state["func_evals"] += used
            if evaluations >= group["max_eval"] or np.abs(gradient).max(initial=0) <= group["tolerance_grad"]:
                break
            moved = np.abs(direction * length).max(initial=0)
            if moved <= group["tolerance_change"] or abs(loss - previous) < group["tolerance_change"]:
                break
        state["d"], state["t"] = ag.tensor(direction), length

    def _direction(self, state: State, gradient: np.ndarray, before: Any, direction: Any, length: float) -> np.ndarray:
        """Minus the gradient times the approximate inverse Hessian, after remembering the last step."""
        if before is None or direction is None:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        change, step = gradient - before, direction * length
        product = float(change @ step)
        if product > 1e-10:
            if len(changes) == self.param_groups[0]["history_size"]:
                for remembered in (changes, steps, inverses):
                    del remembered[0]
            changes.append(ag.tensor(change))
            steps.append(ag.tensor(step))
            inverses.append(1.0 / product)
            state["H_diag"] = product / float(change @ change)
        pairs = [(y.numpy(), s.numpy(), float(r)) for y, s, r in zip(changes, steps, inverses, strict=True)]
        result = -gradient
        weights = []
        for y, s, inverse in reversed(pairs):
            weights.append(float(s @ result) * inverse)
            result -= weights[-1] * y
        result *= state["H_diag"]
        for (y, s, inverse), weight in zip(pairs, reversed(weights), strict=True):
            result += (weight - float(y @ result) * inverse) * s
        return result

    def _search(
        self, closure: Closure, start: Point, length: float, direction: np.ndarray, evaluations: int
    ) -> tuple[Point, int]:
        """Go to the point a line search finds."""
        values = self._values()

        def evaluate(step: float) -> Point:
            self._move(values, step, direction)
            loss = float(self._evaluate(closure))
            gradient = self._gradient()
            return Point(step, loss, gradient, float(gradient @ direction))

        width = float(np.abs(direction).max(initial=0))
        point, used = strong_wolfe(evaluate, start, length, width, evaluations)
        self._move(values, point.step, direction)
        return point, used

    # --- the parameters as one vector -------------------------------------------------------------------------

    @property
    def _parameters(self) -> list[ag.Tensor]:
        parameters: list[ag.Tensor] = self.param_groups[0]["params"]
        return parameters

    def _evaluate(self, closure: Closure) -> Any:
        with ag.enable_grad():
            return closure()

    def _gradient(self) -> np.ndarray:
        """The gradients of all parameters; zeros for those that have none."""
        gradients = [(parameter, parameter.grad) for parameter in self._parameters]
        return np.concatenate(
            [np.zeros(p.numel(), p.dtype) if g is None else g.detach().numpy().ravel() for p, g in gradients]
        )

    def _values(self) -> list[np.ndarray]:
        return [parameter.detach().numpy().copy() for parameter in self._parameters]

    def _move(self, values: list[np.ndarray], step: float, direction: np.ndarray) -> None:
        """Set the parameters to `values` plus `step` times `direction`."""
        offset = 0
        with ag.no_grad():
            for parameter, value in zip(self._parameters, values, strict=True):
                part = direction[offset : offset + value.size].reshape(value.shape)
                parameter.copy_(ag.from_numpy(np.asarray(value + step * part, value.dtype)))
                offset += value.size


def _array(tensor: ag.Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.numpy()
