"""Backward against an oracle: every entry of the Jacobian, or random directions through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..tensor import Tensor
from .contracts import magnitude
from .oracles import Column, Oracle
from .point import Point, differentiable
from .report import Entry, PairReport

# Directions tried in random-direction mode. One entry's error shows in each; errors that cancel do so in none of
# them, because weights differ in size as well as in sign.
DIRECTIONS = 3
# Of the relative tolerance, in random-direction mode: an entry much smaller than the others shall still be seen.
SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Differences up to ``atol + rtol * abs(numeric)`` pass."""

    atol: float
    rtol: float

    @property
    def scale(self) -> float:
        """Where the relative part overtakes the absolute: errors of smaller derivatives are measured against it."""
        return self.atol / self.rtol if self.rtol else 1.0


# A complex step is exact to rounding. Kernels are a few ULP off, and a derivative may amplify that near a zero.
COMPLEX_TOLERANCE = Tolerance(atol=1e-11, rtol=1e-10)


def full_jacobian(
    point: Point, outputs: Sequence[Tensor], oracle: Oracle, tolerance: Tolerance
) -> tuple[list[PairReport], list[np.ndarray]]:
    """Compare entry by entry; also return the analytic Jacobians, one an input, outputs' rows below each other."""
    numbers = checked(outputs)
    analytic = _analytic_jacobians(point, [outputs[number] for number in numbers])
    pairs = []
    starts = np.cumsum([0] + [outputs[number].numel() for number in numbers])
    for jacobian, position in zip(analytic, point.positions, strict=True):
        shape = point.leaf(position).shape
        columns = [oracle.column(position, index) for index in np.ndindex(shape)]
        for place, number in enumerate(numbers):
            output = outputs[number]
            rows = jacobian[starts[place] : starts[place + 1]]
            if columns:
                numeric = np.stack([column.values[number] for column in columns], axis=1)
            else:
                numeric = np.zeros(rows.shape)
            pairs.append(_compare(point, oracle, number, position, output.shape, rows, numeric, columns, tolerance))
    return pairs, analytic


def checked(outputs: Sequence[Tensor]) -> list[int]:
    """The outputs to check: those that require gradients; if none does, all, whose derivatives must then be zero."""
    numbers = [number for number, output in enumerate(outputs) if output.requires_grad]
    return numbers or list(range(len(outputs)))


def _analytic_jacobians(point: Point, outputs: Sequence[Tensor]) -> list[np.ndarray]:
    rows: list[list[np.ndarray]] = [[] for _ in point.positions]
    for output in outputs:
        if not output.requires_grad:
            for kept, position in zip(rows, point.positions, strict=True):
                kept.append(np.zeros((output.numel(), point.leaf(position).size)))
            continue
        for index in np.ndindex(output.shape):
            cotangent = np.zeros(output.shape, output.dtype)
            cotangent[index] = 1
            for kept, gradient in zip(rows, point.pull([output], [cotangent]), strict=True):
                kept.append(gradient.reshape(1, -1))
    return [
        np.concatenate(kept or [np.zeros((0, point.leaf(position).size))], dtype=np.float64)
        for kept, position in zip(rows, point.positions, strict=True)
    ]


def _compare(
    point: Point,
    oracle: Oracle,
    number: int,
    position: int,
    output_shape: tuple[int, ...],
    analytic: np.ndarray,
    numeric: np.ndarray,
    columns: Sequence[Column],
    tolerance: Tolerance,
) -> PairReport:
    difference = np.abs(analytic - numeric)
    excess = difference / (tolerance.atol + tolerance.rtol * np.abs(numeric))
    relative = difference / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), tolerance.scale)
    # Infinities that agree differ by NaN; they say that a derivative does not exist here, and fail like NaN.
    excess = np.where(np.isnan(excess), np.inf, excess)
    passed = bool((excess <= 1).all())
    worst = None
    if excess.size:
        row, column = (int(i) for i in np.unravel_index(np.argmax(excess), excess.shape))
        worst = _entry(
            point, oracle, number, position, output_shape, row, column,
            float(analytic[row, column]), float(numeric[row, column]), columns[column].step, tolerance, not passed,
        )  # fmt: skip
    return PairReport(
        output=point.output_name(number),
        input=point.names[position],
        output_number=number,
        input_number=position,
        output_shape=output_shape,
        input_shape=point.leaf(position).shape,
        absolute=magnitude(difference),
        relative=magnitude(relative),
        passed=passed,
        worst=worst,
    )


def _entry(
    point: Point,
    oracle: Oracle,
    number: int,
    position: int,
    output_shape: tuple[int, ...],
    row: int,
    column: int,
    analytic: float,
    numeric: float,
    step: float,
    tolerance: Tolerance,
    failed: bool,
) -> Entry:
    """Describe one entry; of a failed one, also whether the function has a kink there."""
    input_shape = point.leaf(position).shape
    input_index = tuple(int(i) for i in np.unravel_index(column, input_shape)) if input_shape else ()
    output_index = tuple(int(i) for i in np.unravel_index(row, output_shape)) if output_shape else ()
    left = right = None
    kink = False
    if failed and (sides := oracle.one_sided(position, input_index)) is not None:
        # Of a smooth function the two differ by h f'', which is tiny; across a kink they differ however small h is.
        # The element may sit at a kink of another output, which then made this one NaN: the widest gap is shown.
        slopes = np.stack([side.values[number] for side in sides])
        gap = np.abs(slopes[0] - slopes[1])
        bent = ~(gap <= np.maximum(tolerance.atol, 0.05 * np.abs(slopes).max(axis=0)))
        kink = bool(bent.any())
        shown = row if bent[row] or not kink else int(np.argmax(bent))
        left, right = (float(slope) for slope in slopes[:, shown])
    return Entry(output_index, row, input_index, column, analytic, numeric, step, left, right, kink)


# --- random directions ------------------------------------------------------------------------------------------


def random_directions(
    point: Point, outputs: Sequence[Tensor], oracle: Oracle, tolerance: Tolerance, random: np.random.Generator
) -> list[PairReport]:
    """Compare <u, J v> for random u and v, a few for each output and input, whatever the sizes.

    The tolerance of such a sum is a share of that of one of its terms (their root mean square), so that a single
    wrong entry is not drowned by the others, and is widened by the oracle's own doubt. Where one fails, the wrong entry
    is found by halving: the input's elements first, then the output's.
    """
    weights = [[_weights(random, output.shape) for output in outputs] for _ in range(DIRECTIONS)]
    pulled = [[_pull_one(point, output, u) for output, u in zip(outputs, us, strict=True)] for us in weights]
    pairs = []
    for place, position in enumerate(point.positions):
        shape = point.leaf(position).shape
        slopes = [oracle.along(position, _weights(random, shape)) for _ in range(DIRECTIONS)]
        for number in checked(outputs):
            output = outputs[number]
            absolute = relative = 0.0
            failed: int | None = None
            for trial, slope in enumerate(slopes):
                u = weights[trial][number].reshape(-1)
                terms = (pulled[trial][number][place] * slope.direction).reshape(-1).astype(np.float64)
                numeric = float(u @ slope.values[number])
                error = abs(float(terms.sum()) - numeric)
                typical = float(np.sqrt(np.mean(terms * terms))) if terms.size else 0.0
                doubt = 4 * float(np.linalg.norm(u * slope.doubt[number]))
                allowed = tolerance.atol + tolerance.rtol * SHARE * typical + doubt
                absolute = _larger(absolute, error)
                relative = _larger(relative, error / max(abs(numeric), tolerance.scale))
                if not error <= allowed and failed is None:
                    failed = trial
            worst = None
            if failed is not None:
                worst = _locate(
                    point,
                    outputs,
                    oracle,
                    number,
                    position,
                    weights[failed][number],
                    slopes[failed].direction,
                    tolerance,
                )
            pairs.append(
                PairReport(
                    output=point.output_name(number),
                    input=point.names[position],
                    output_number=number,
                    input_number=position,
                    output_shape=output.shape,
                    input_shape=shape,
                    absolute=absolute,
                    relative=relative,
                    passed=failed is None,
                    worst=worst,
                )
            )
    return pairs


def _weights(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign, none near zero: every entry is seen."""
    return np.asarray(random.choice((-1.0, 1.0), shape) * random.uniform(0.5, 1.5, shape))


def _larger(first: float, second: float) -> float:
    return second if not second <= first else first


def _pull_one(point: Point, output: Tensor, cotangent: np.ndarray) -> list[np.ndarray]:
    if not differentiable([output]):
        return [np.zeros(point.leaf(position).shape) for position in point.positions]
    return point.pull([output], [cotangent.astype(output.dtype)])


def _locate(
    point: Point,
    outputs: Sequence[Tensor],
    oracle: Oracle,
    number: int,
    position: int,
    u: np.ndarray,
    direction: np.ndarray,
    tolerance: Tolerance,
) -> Entry:
    """Find a wrong entry by halving: keep the half in which analytic and numeric differ more."""
    place = point.positions.index(position)
    gradient = _pull_one(point, outputs[number], u)[place]
    elements = np.arange(direction.size)
    while elements.size > 1:
        halves = np.array_split(elements, 2)
        errors = []
        for half in halves:
            masked = np.zeros(direction.size)
            masked[half] = direction.reshape(-1)[half]
            slope = oracle.along(position, masked.reshape(direction.shape))
            numeric = float(u.reshape(-1) @ slope.values[number])
            errors.append(_rank(abs(float((gradient * slope.direction).sum()) - numeric)))
        elements = halves[int(np.argmax(errors))]
    column = int(elements[0])
    found = oracle.column(
        position, tuple(int(i) for i in np.unravel_index(column, direction.shape)) if direction.ndim else ()
    )
    rows = np.arange(u.size)
    while rows.size > 1:
        halves = np.array_split(rows, 2)
        errors = []
        for half in halves:
            masked = np.zeros(u.size)
            masked[half] = u.reshape(-1)[half]
            own = float(_pull_one(point, outputs[number], masked.reshape(u.shape))[place].reshape(-1)[column])
            errors.append(_rank(abs(own - float(masked @ found.values[number]))))
        rows = halves[int(np.argmax(errors))]
    row = int(rows[0])
    single = np.zeros(u.size)
    single[row] = 1
    analytic = float(_pull_one(point, outputs[number], single.reshape(u.shape))[place].reshape(-1)[column])
    numeric = float(found.values[number][row])
    shape = outputs[number].shape
    return _entry(point, oracle, number, position, shape, row, column, analytic, numeric, found.step, tolerance, True)


def _rank(error: float) -> float:
    return float("inf") if error != error else error
