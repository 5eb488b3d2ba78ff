"""A line search for the strong Wolfe conditions, by cubic interpolation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the line: the step to it, and there the loss, the gradient and the loss's slope along the line."""

    step: float
    loss: float
    gradient: np.ndarray
    slope: float


def cubic_minimum(one: Point, two: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is lowest, kept within `bounds` (the points themselves).

    Where the cubic has no minimum, or the losses are too large to say, the middle of the bounds.

    Reference: Nocedal & Wright, "Numerical Optimization", 2nd edition, equation 3.59.
    """
    if one.step > two.step:
        one, two = two, one
    low, high = bounds or (one.step, two.step)
    chord = one.slope + two.slope - 3 * _ratio(one.loss - two.loss, one.step - two.step)
    square = chord * chord - one.slope * two.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    share = _ratio(two.slope + root - chord, two.slope - one.slope + 2 * root)
    return min(max(two.step - (two.step - one.step) * share, low), high) if share == share else (low + high) / 2


def _ratio(numerator: float, denominator: float) -> float:
    """A quotient as in floating arithmetic, without Python's exception for a denominator of 0."""
    return numerator / denominator if denominator else math.copysign(math.inf, numerator) if numerator else math.nan


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    step: float,
    width: float,
    evaluations: int,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    tolerance: float = 1e-9,
) -> tuple[Point, int]:
    """A step that lowers the loss enough and flattens its slope enough, or the best one found.

    With the loss φ(t) along the line, a step t is accepted if

        φ(t) ≤ φ(0) + c₁ t φ′(0)    and    |φ′(t)| ≤ c₂ |φ′(0)|

    First the step grows until an interval must hold such a point, then the interval shrinks. Its better end always
    satisfies the first condition. (PyTorch takes the end with the smaller loss, which may not; then the interval can
    lose the points that are sought.)

    Args:
        evaluate: the point at a step.
        start: the point at step 0, from where the loss falls.
        step: the first step to try.
        width: the largest element of the direction, by which the tolerance measures steps.
        evaluations: how many points to try at most.
        decrease: c₁.
        curvature: c₂.
        tolerance: an interval whose elements differ by less is not searched further.

    Returns:
        The point, and the number of evaluations.

    Reference: Nocedal & Wright, "Numerical Optimization", 2nd edition, algorithms 3.5 and 3.6.
    """
    previous, point = start, evaluate(step)
    used = 1
    tries = 0
    while True:
        if tries >= evaluations:
            return point if point.loss < start.loss else start, used
        # A loss that is NaN is too high as well.
        low_enough = point.loss <= start.loss + decrease * point.step * start.slope
        if not low_enough or (tries > 1 and point.loss >= previous.loss):
            bracket = [previous, point]
            low, high = 0, 1
            break
        if abs(point.slope) <= -curvature * start.slope:
            return point, used
        if point.slope >= 0:
            bracket = [previous, point]
            low, high = 1, 0
            break
        bounds = (point.step + 0.01 * (point.step - previous.step), point.step * 10)
        previous, point = point, evaluate(cubic_minimum(previous, point, bounds))
        used += 1
        tries += 1
    stalled = False
    while tries < evaluations:
        left, right = sorted((bracket[0].step, bracket[1].step))
        if (right - left) * width < tolerance:
            break
        wanted = cubic_minimum(bracket[0], bracket[1])
        margin = 0.1 * (right - left)
        # A try close to an end of the interval makes little progress: the second in a row is moved inwards.
        if min(right - wanted, wanted - left) < margin:
            if stalled or wanted >= right or wanted <= left:
                wanted = right - margin if abs(wanted - right) < abs(wanted - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = evaluate(wanted)
        used += 1
        tries += 1
        low_enough = point.loss <= start.loss + decrease * point.step * start.slope
        if not low_enough or point.loss >= bracket[low].loss:
            bracket[high] = point
            continue
        if abs(point.slope) <= -curvature * start.slope:
            return point, used
        if point.slope * (bracket[high].step - bracket[low].step) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    return bracket[low], used
