"""What backward promises beside right values: purity, determinism, linearity, and memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backward import backward
from ..tensor import Tensor
from .point import Point, as_tensor, differentiable
from .report import Violation


def magnitude(array: np.ndarray) -> float:
    """The largest absolute value; 0 of no elements, NaN if any is."""
    return float(np.abs(array).max()) if array.size else 0.0


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """The largest absolute difference, where two equal infinities or two NaN differ by nothing."""
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(first, np.float64) - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return magnitude(np.where(same, 0.0, difference))


class Contracts:
    """Checks the promises at one point, and gathers what is broken.

    Args:
        point: the function and its inputs.
        random: draws the cotangents.
        nondet_tol: how far repeated runs may differ.
        undefined: whether leaving out an output's cotangent is compared with giving zeros.
    """

    def __init__(self, point: Point, random: np.random.Generator, nondet_tol: float, undefined: bool) -> None:
        self.point = point
        self.violations: list[Violation] = []
        self._random = random
        self._tolerance = nondet_tol
        self._undefined = undefined
        self._kept = [
            (name, value._array, value._array.copy())
            for name, value in zip(point.names, point.inputs, strict=True)
            if isinstance(value, Tensor)
        ]

    def check(self) -> bool:
        """Check everything; return whether function and inputs stay what they are, as differences require."""
        point = self.point
        outputs = point.record()
        if not self._unmutated("the function"):
            return False
        again = point.record()
        if not self._same(again, outputs, "pure", "two runs at the same inputs and random state"):
            return False
        sources = differentiable(outputs)
        if not sources:
            return True
        cotangents = [np.asarray(self._draw(output)) for output in sources]
        gradients = point.pull(sources, cotangents)
        if not self._unmutated("backward"):
            return False
        self._kinds(gradients)
        self._deterministic(sources, differentiable(again), cotangents, gradients)
        self._linear(sources, cotangents, gradients)
        if self._undefined and len(sources) > 1:
            self._partial(sources, cotangents)
        return self._accumulated(cotangents, gradients)

    def additive(self, jacobians: Sequence[np.ndarray], outputs: Sequence[Tensor]) -> None:
        """Compare a pullback of a random cotangent with the same combination of the Jacobians' rows.

        `jacobians` has one matrix an input, with the rows of all outputs below each other.
        """
        cotangents = [np.asarray(self._draw(output)) for output in outputs]
        joined = np.concatenate([cotangent.reshape(-1) for cotangent in cotangents]).astype(np.float64)
        for name, found, rows in zip(self._names(), self.point.pull(outputs, cotangents), jacobians, strict=True):
            if not np.isfinite(rows).all():
                continue  # reported entry by entry
            expected = (joined @ rows).reshape(found.shape)
            bound = self._rounding(found, np.abs(joined) @ np.abs(rows))
            if not distance(found, expected) <= bound:
                self._note(
                    "additive",
                    f"the gradient of {name} for a dense cotangent differs from the sum over the cotangent's elements "
                    f"by {distance(found, expected):.3g}",
                )

    # --- the promises ---------------------------------------------------------------------------------------------

    def _note(self, contract: str, message: str) -> None:
        self.violations.append(Violation(contract, message))

    def _names(self) -> list[str]:
        return [self.point.names[position] for position in self.point.positions]

    def _draw(self, output: Tensor) -> np.ndarray:
        return np.asarray(self._random.standard_normal(output.shape), output.dtype)

    def _rounding(self, like: np.ndarray, *scales: np.ndarray) -> float:
        """A bound of rounding errors, for gradients of this dtype; terms near 1 may have cancelled on the way."""
        if like.dtype.kind != "f":
            return 0.0
        relative = 1e-10 if like.dtype == np.float64 else 1e-4
        return self._tolerance + relative * (1 + sum(map(magnitude, (like, *scales))))

    def _unmutated(self, what: str) -> bool:
        intact = True
        for name, array, kept in self._kept:
            if array.tobytes() != kept.tobytes():
                changed = distance(array, kept)
                self._note("unmutated", f"{what} modified {name} in place, by up to {changed:.3g}")
                np.copyto(array, kept)
                intact = False
        return intact

    def _same(self, found: Sequence[Tensor], expected: Sequence[Tensor], contract: str, what: str) -> bool:
        if [output.shape for output in found] != [output.shape for output in expected]:
            self._note(contract, f"{what} give outputs of different shapes")
            return False
        same = True
        for number, (first, second) in enumerate(zip(found, expected, strict=True)):
            difference = distance(first._array, second._array)
            if not difference <= self._tolerance:
                self._note(contract, f"{what} differ in {self.point.output_name(number)} by {difference:.3g}")
                same = False
        return same

    def _kinds(self, gradients: Sequence[np.ndarray]) -> None:
        for name, leaf, gradient in zip(self._names(), self.point.leaves(), gradients, strict=True):
            if gradient.dtype != leaf.dtype:
                self._note("dtype", f"the gradient of {name} is {gradient.dtype}, the input {leaf.dtype}")
            if gradient.shape != leaf.shape:
                self._note("shape", f"the gradient of {name} has shape {gradient.shape}, the input {leaf.shape}")

    def _deterministic(
        self,
        sources: Sequence[Tensor],
        again: Sequence[Tensor],
        cotangents: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
    ) -> None:
        self.point.restore_random_state()
        runs = {"a second pass over one graph": self.point.pull(sources, cotangents)}
        if len(again) == len(sources):
            self.point.restore_random_state()
            runs["a pass over the same graph, recorded anew"] = self.point.pull(again, cotangents)
        for what, repeated in runs.items():
            for name, first, second in zip(self._names(), gradients, repeated, strict=True):
                difference = distance(first, second)
                if not difference <= self._tolerance:
                    self._note("deterministic", f"{what} gives another gradient of {name}, by up to {difference:.3g}")

    def _linear(
        self, sources: Sequence[Tensor], cotangents: Sequence[np.ndarray], gradients: Sequence[np.ndarray]
    ) -> None:
        # Minus two: scaling by it is exact in binary, and the sign catches absolute values.
        scaled = self.point.pull(sources, [cotangent * cotangent.dtype.type(-2) for cotangent in cotangents])
        zero = self.point.pull(sources, [np.zeros_like(cotangent) for cotangent in cotangents])
        for name, gradient, double, nothing in zip(self._names(), gradients, scaled, zero, strict=True):
            difference = distance(double, -2 * gradient)
            if not difference <= self._rounding(gradient):
                self._note(
                    "linear",
                    f"-2 times the cotangent changes the gradient of {name} by another factor: it is off by "
                    f"{difference:.3g}; does the rule use the cotangent once?",
                )
            if not magnitude(nothing) <= self._tolerance:
                self._note(
                    "zero", f"a zero cotangent gives a gradient of {name} of up to {magnitude(nothing):.3g}, not zero"
                )

    def _partial(self, sources: Sequence[Tensor], cotangents: Sequence[np.ndarray]) -> None:
        for number, (source, cotangent) in enumerate(zip(sources, cotangents, strict=True)):
            alone = self.point.pull([source], [cotangent])
            zeros = [c if other == number else np.zeros_like(c) for other, c in enumerate(cotangents)]
            for name, first, second in zip(self._names(), alone, self.point.pull(sources, zeros), strict=True):
                if not distance(first, second) <= self._rounding(first):
                    self._note(
                        "undefined",
                        f"the gradient of {name} from {self.point.output_name(number)} alone differs from that with "
                        f"zeros for the other outputs by {distance(first, second):.3g}",
                    )

    def _accumulated(self, cotangents: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> bool:
        """Let leaves gather: once, to see whose memory it is, and twice at once, to see it added to."""
        for times in (1, 2):
            given = [as_tensor(cotangent) for cotangent in cotangents]
            outputs = [output for _ in range(times) for output in differentiable(self.point.record())]
            if len(outputs) != times * len(given):
                return True
            found = self._gather(lambda: backward(outputs, given * times))  # noqa: B023 - called at once
            for position, (kept, cotangent) in enumerate(zip(cotangents, given, strict=True)):
                if cotangent._array.tobytes() != np.ascontiguousarray(kept).tobytes():
                    self._note("unmutated", f"backward modified the cotangent of {self.point.output_name(position)}")
            if not self._unmutated("backward, adding up gradients," if times > 1 else "backward"):
                return False
            if times == 1:
                self._unaliased(found, given, outputs)
            for name, value, gradient in zip(self._names(), found, gradients, strict=True):
                if value is not None and not isinstance(value, np.ndarray):
                    self._note("shape", f"backward() gathers a NumPy scalar for {name}, which cannot be added into")
                expected = times * gradient
                off = distance(np.zeros_like(expected) if value is None else value, expected)
                if not off <= self._rounding(gradient):
                    how = "backward()" if times == 1 else "backward() of the function twice"
                    self._note("accumulated", f"{how} gathers a gradient of {name} that is off by {off:.3g}")
        return True

    def _gather(self, run: Callable[[], Any]) -> list[Any]:
        """The gradients that `run` accumulates; the user's own are set aside meanwhile."""
        leaves = self.point.leaves()
        aside = [leaf.grad for leaf in leaves]
        for leaf in leaves:
            leaf.grad = None
        try:
            run()
            return [None if leaf.grad is None else leaf.grad._array for leaf in leaves]
        finally:
            for leaf, gradient in zip(leaves, aside, strict=True):
                leaf.grad = gradient

    def _unaliased(self, gradients: Sequence[Any], cotangents: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        held = [(f"the gradient of {name}", array) for name, array in zip(self._names(), gradients, strict=True)]
        others = [(name, array) for name, array, _ in self._kept]
        others += [(f"the cotangent of output {n}", cotangent._array) for n, cotangent in enumerate(cotangents)]
        others += [(f"output {n}", output._array) for n, output in enumerate(outputs)]
        for number, (name, gradient) in enumerate(held):
            for other_name, other in held[:number] + others:
                if gradient is not None and other is not None and np.may_share_memory(gradient, other):
                    self._note("unaliased", f"{name} shares memory with {other_name}")
