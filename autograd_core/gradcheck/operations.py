"""The checker over the registry: every operation with inputs of every sort it takes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..op import REGISTRY, Elementwise, Fused, Op
from ..recording import apply
from .cases import Case, cases_of
from .check import FULL_LIMIT, gradcheck_report
from .comparison import COMPLEX_TOLERANCE, full_jacobian, random_directions
from .complex_step import complex_safe
from .contracts import distance, magnitude
from .inputs import differentiated
from .oracles import ComplexStep
from .point import Point, differentiable
from .report import GradcheckReport, PairReport

# Values are compared with an independent statement in float64; both round, neither by more than this.
VALUE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One check of one operation on one set of arguments.

    Attributes:
        operation, kind: its name and kind.
        case: the arguments, as words and shapes.
        check: "values" (against the reference), "composition", "gradient", "complex step" or "second order".
        order: 0 for values, else the order of the derivative.
        status: "passed", "failed" or "skipped".
        error: the worst relative error, NaN where there is none.
        detail: why it failed or was skipped.
        report: of a gradient check, the whole report.
    """

    operation: str
    kind: str
    case: str
    check: str
    order: int
    status: str
    error: float = float("nan")
    detail: str = ""
    report: GradcheckReport | None = field(default=None, repr=False)


def check_operation(op: Op | str, order: int | None = None, seed: int = 0) -> list[OperationResult]:
    """Check one operation: values, first and second derivatives.

    Elementwise operations are tried on operands drawn from their domains: of equal shapes, broadcast, 0-d, empty,
    transposed, long, with only one operand that requires a gradient, and with a number for an operand. The others
    draw their own samples. Values are compared with the operation's reference, fused kernels with their composition,
    and gradients with finite differences and, where the formula allows, complex steps.

    Args:
        op: a registered operation or its name.
        order: 1 for values and gradients, 2 for derivatives of gradients, None for both.
        seed: of everything random.

    Returns:
        One result for each check made; at least one.

    Raises:
        KeyError: for an unknown name.
        ValueError: for an order other than 1, 2 and None.

    Example:
        >>> from autograd_core.gradcheck import check_operation
        >>> {result.status for result in check_operation("mul")}
        {'passed'}
    """
    if order not in (1, 2, None):
        raise ValueError(f"check_operation: order must be 1, 2 or None for both, got {order}")
    op = REGISTRY[op] if isinstance(op, str) else op
    # Seeded by name, so that an operation's draws do not depend on which others are checked.
    random = np.random.default_rng([seed, *op.name.encode()])
    cases = list(_guarded_cases(op, random))
    if not cases:
        reason = "no samples declared" if op.samples is None else "no samples drawn"
        return [OperationResult(op.name, op.kind, "", "gradient", 1, "skipped", detail=reason)]
    results = []
    for case in cases:
        if isinstance(case, OperationResult):
            results.append(case)
            continue
        results += [_run(op, case, check, seed) for check in _checks(op, case, order)]
    return results


def _guarded_cases(op: Op, random: np.random.Generator) -> Iterator[Case | OperationResult]:
    try:
        yield from cases_of(op, random)
    except Exception as error:
        yield OperationResult(op.name, op.kind, "", "values", 0, "failed", detail=f"its samples fail: {_brief(error)}")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one check says: how large the error is, and, if it failed, why."""

    error: float
    failure: str = ""
    report: GradcheckReport | None = None
    skipped: str = ""


Check = tuple[str, int, Callable[[Op, Case, int], _Outcome]]


def _checks(op: Op, case: Case, order: int | None) -> Iterator[Check]:
    if order != 2:
        if op.reference is not None:
            yield "values", 0, _check_values
        if isinstance(op, Fused):
            yield "composition", 1, _check_composition
        if not case.values_only:
            yield "gradient", 1, _check_gradient
            if isinstance(op, Elementwise) and op.differentiable and complex_safe(op.expression):
                yield "complex step", 1, _check_complex_step
    if order != 1 and case.second_order and not case.values_only:
        yield "second order", 2, _check_second_order


def _run(op: Op, case: Case, check: Check, seed: int) -> OperationResult:
    name, order, function = check
    try:
        outcome = function(op, case, seed)
    except Exception as error:
        return OperationResult(op.name, op.kind, case.label, name, order, "failed", detail=_brief(error))
    status = "skipped" if outcome.skipped else "failed" if outcome.failure else "passed"
    return OperationResult(
        op.name,
        op.kind,
        case.label,
        name,
        order,
        status,
        outcome.error,
        outcome.skipped or outcome.failure,
        outcome.report,
    )


def _brief(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    name = frame.filename.rpartition("autograd_core/")
    return f"{type(error).__name__}: {error} (in {frame.name}, {name[1]}{name[2]}:{frame.lineno})"


# --- values -----------------------------------------------------------------------------------------------------


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _compare_values(found: Sequence[Any], expected: Sequence[Any], what: str) -> _Outcome:
    if len(found) != len(expected):
        return _Outcome(float("inf"), f"{len(found)} results, but {len(expected)} from {what}")
    worst, failure = 0.0, ""
    for number, (value, reference) in enumerate(zip(found, map(np.asarray, expected), strict=True)):
        if value.shape != reference.shape:
            return _Outcome(float("inf"), f"result {number} has shape {value.shape}, {what} gives {reference.shape}")
        if reference.dtype.kind == "b" and value.dtype.kind != "b":
            return _Outcome(float("inf"), f"result {number} is {value.dtype}, {what} gives bool")
        off = distance(value, reference)
        finite = np.abs(reference[np.isfinite(reference)]) if reference.dtype.kind == "f" else np.abs(reference * 1.0)
        error = off / (1e-3 + magnitude(finite))
        worst = max(worst, error) if error == error else error
        if not error <= VALUE_TOLERANCE and not failure:
            failure = f"result {number} differs from {what} by up to {off:.3g}: {_where(value, reference)}"
    return _Outcome(worst, failure)


def _where(value: np.ndarray, reference: np.ndarray) -> str:
    """The first place of the largest difference."""
    with np.errstate(invalid="ignore"):
        off = np.abs(np.asarray(value, np.float64) - np.asarray(reference, np.float64))
    off[(value == reference) | (np.isnan(value * 1.0) & np.isnan(reference * 1.0))] = 0
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape))
    return f"{value[index]!r} instead of {reference[index]!r} at {index}"


def _check_values(op: Op, case: Case, seed: int) -> _Outcome:
    tensors = case.tensors(require=False)
    found = [output._array for output in _as_tuple(apply(op, tensors, case.parameters))]
    assert op.reference is not None
    expected = _as_tuple(op.reference(*case.operands, **case.parameters))
    outcome = _compare_values(found, expected, "its reference")
    if outcome.failure or not isinstance(op, Elementwise) or op.function is None:
        return outcome
    # The user's function takes a shorter way through dispatch; it must lead to the same place.
    called = op.function(*tensors, **case.parameters)
    if distance(called._array, found[0]) != 0:
        return _Outcome(outcome.error, f"{op.name}() itself gives other values than apply()")
    return outcome


def _check_composition(op: Op, case: Case, seed: int) -> _Outcome:
    assert isinstance(op, Fused)
    outcomes: list[list[np.ndarray]] = []
    gradients: list[list[np.ndarray]] = []
    for function in (lambda *t: apply(op, t, case.parameters), lambda *t: op.composition(*t, **case.parameters)):
        point = Point(function, case.tensors(), op.operands)
        outputs = point.record()
        sources = differentiable(outputs)
        draw = np.random.default_rng(seed)
        cotangents = [draw.standard_normal(source.shape) for source in sources]
        outcomes.append([output._array for output in outputs])
        gradients.append(point.pull(sources, cotangents) if sources else [])
        point.restore_random_state()
    values = _compare_values(outcomes[0], outcomes[1], "its composition")
    if values.failure:
        return values
    pulled = _compare_values(gradients[0], gradients[1], "its composition's gradient")
    return _Outcome(max(values.error, pulled.error), pulled.failure.replace("result", "the gradient of operand"))


# --- derivatives ------------------------------------------------------------------------------------------------


def _reason_to_skip(op: Op, case: Case) -> str:
    if not op.differentiable:
        return "not differentiable"
    return "" if case.positions else "no operand has a derivative"


def _names(op: Op, case: Case) -> list[str]:
    if op.variadic:
        return [f"{op.operands[0]}[{position}]" for position in range(len(case.operands))]
    return list(op.operands)


def _check_order(op: Op, case: Case, seed: int, order: int) -> _Outcome:
    reason = _reason_to_skip(op, case)
    if reason:
        return _Outcome(float("nan"), skipped=reason)
    report = gradcheck_report(
        lambda *tensors: apply(op, tensors, case.parameters),
        case.tensors(),
        order=order,
        seed=seed,
        names=_names(op, case),
    )
    return _Outcome(report.relative, "" if report.passed else str(report), report)


def _check_gradient(op: Op, case: Case, seed: int) -> _Outcome:
    return _check_order(op, case, seed, 1)


def _check_second_order(op: Op, case: Case, seed: int) -> _Outcome:
    return _check_order(op, case, seed, 2)


def _check_complex_step(op: Op, case: Case, seed: int) -> _Outcome:
    assert isinstance(op, Elementwise)
    reason = _reason_to_skip(op, case)
    if reason:
        return _Outcome(float("nan"), skipped=reason)
    inputs = case.tensors()
    point = Point(lambda *tensors: apply(op, tensors, case.parameters), inputs, op.operands)
    oracle = ComplexStep(op.expression, op.operands, inputs, case.parameters)
    outputs = point.record()
    entries = outputs[0].numel() * sum(inputs[position].numel() for position in differentiated(inputs))
    pairs: list[PairReport]
    if entries <= FULL_LIMIT:
        pairs, _ = full_jacobian(point, outputs, oracle, COMPLEX_TOLERANCE)
    else:
        pairs = random_directions(point, outputs, oracle, COMPLEX_TOLERANCE, np.random.default_rng(seed))
    method = f"{'full Jacobian' if entries <= FULL_LIMIT else 'random directions'} by {oracle.name}"
    report = GradcheckReport(1, method, 0.0, COMPLEX_TOLERANCE.atol, COMPLEX_TOLERANCE.rtol, pairs)
    report.evaluations = point.evaluations
    return _Outcome(report.relative, "" if report.passed else str(report), report)
