"""Two ways to estimate a derivative without knowing it: central differences and complex steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..formula import Expression
from .complex_step import evaluate
from .inputs import differentiated
from .point import Point


@dataclass(frozen=True, slots=True)
class Column:
    """The derivative of every output by one element of an input.

    `values` holds one flat float64 array an output; `step` is the distance moved to either side.
    """

    values: list[np.ndarray]
    step: float


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative of every output along a direction.

    `direction` is the one actually taken, after rounding; `doubt` bounds, for each output's elements, the estimate's
    own error.
    """

    values: list[np.ndarray]
    doubt: list[np.ndarray]
    direction: np.ndarray


class Oracle(Protocol):
    """Estimates derivatives at a point."""

    name: str

    def column(self, position: int, index: tuple[int, ...]) -> Column:
        """The derivative by one element of the input at `position`."""

    def along(self, position: int, direction: np.ndarray) -> Slope:
        """The derivative along `direction`, of the input's shape."""

    def one_sided(self, position: int, index: tuple[int, ...]) -> tuple[Column, Column] | None:
        """The differences to the left and to the right, where that means something."""


class CentralDifferences:
    """(f(x + h) - f(x - h)) / 2h, with h scaled by the size of x so that large inputs move at all."""

    name = "central differences"

    def __init__(self, point: Point, eps: float) -> None:
        self.point = point
        self.eps = eps

    def _step(self, value: float) -> float:
        return self.eps * max(1.0, abs(value))

    def column(self, position: int, index: tuple[int, ...]) -> Column:
        """The derivative by one element of the input at `position`."""
        point = self.point
        with point.movable(position) as array:
            start = array[index]
            step = self._step(float(start))
            array[index] = start + step
            above, right = self._values(position), float(array[index])
            array[index] = start - step
            below, left = self._values(position), float(array[index])
        # Rounding moves the ends; the quotient uses where they really are.
        distance = right - left
        return Column([(a - b) / distance for a, b in zip(above, below, strict=True)], step)

    def one_sided(self, position: int, index: tuple[int, ...]) -> tuple[Column, Column]:
        """The differences to the left and to the right."""
        point = self.point
        with point.movable(position) as array:
            middle, start = self._values(position), float(array[index])
            step = self._step(start)
            sides = []
            for sign in (-1, 1):
                array[index] = start + sign * step
                moved, reached = self._values(position), float(array[index])
                sides.append(Column([(m - c) / (reached - start) for m, c in zip(moved, middle, strict=True)], step))
        return sides[0], sides[1]

    def along(self, position: int, direction: np.ndarray) -> Slope:
        """The derivative along `direction`, from the step and from twice the step, whose difference is the doubt."""
        point = self.point
        with point.movable(position) as array:
            start = array.copy()
            steps = self.eps * np.maximum(1.0, np.abs(start, dtype=np.float64))
            ends: list[tuple[list[np.ndarray], np.ndarray]] = []
            for factor in (1, -1, 2, -2):
                array[...] = start + factor * steps * direction
                ends.append((self._values(position), array.astype(np.float64)))
        scale = 2 * self.eps
        near = [(a - b) / scale for a, b in zip(ends[0][0], ends[1][0], strict=True)]
        far = [(a - b) / (2 * scale) for a, b in zip(ends[2][0], ends[3][0], strict=True)]
        doubt = [np.abs(n - f) for n, f in zip(near, far, strict=True)]
        return Slope(near, doubt, (ends[0][1] - ends[1][1]) / scale)

    def _values(self, position: int) -> list[np.ndarray]:
        self.point.moved(position)
        return self.point.values()


class ComplexStep:
    """Im f(x + ih) / h of an elementwise formula: no subtraction, so h may be tiny and the result is exact to rounding.

    Source: Squire and Trapp 1998, "Using complex variables to estimate derivatives of real functions".
    """

    name = "complex step"
    step = 1e-30

    def __init__(
        self, expression: Expression, names: Sequence[str], inputs: Sequence[Any], parameters: dict[str, Any]
    ) -> None:
        self._expression = expression
        self._names = tuple(names)
        self._inputs = tuple(inputs)
        self._parameters = parameters
        self._shape = np.broadcast_shapes(*(np.shape(getattr(value, "_array", value)) for value in inputs))
        assert differentiated(inputs)

    def _imaginary(self, position: int, direction: Any) -> np.ndarray:
        values = dict(self._parameters)
        for number, (name, given) in enumerate(zip(self._names, self._inputs, strict=True)):
            array = getattr(given, "_array", given)
            values[name] = array + 1j * self.step * direction if number == position else array
        result = np.broadcast_to(np.imag(evaluate(self._expression, values)), self._shape)
        return np.asarray(result, np.float64).reshape(-1) / self.step

    def column(self, position: int, index: tuple[int, ...]) -> Column:
        """The derivative by one element of the operand at `position`."""
        direction = np.zeros(self._inputs[position].shape)
        direction[index] = 1
        return Column([self._imaginary(position, direction)], 0.0)

    def along(self, position: int, direction: np.ndarray) -> Slope:
        """The derivative along `direction`."""
        values = self._imaginary(position, direction)
        return Slope([values], [np.zeros(values.shape)], direction)

    def one_sided(self, position: int, index: tuple[int, ...]) -> None:
        """Nothing: a complex step takes neither side."""
        return None


OracleFactory = Callable[[Point], Oracle]
