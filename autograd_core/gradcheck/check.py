"""One check of one function at one point, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..op import Elementwise
from ..tensor import Tensor
from .comparison import COMPLEX_TOLERANCE, Tolerance, full_jacobian, random_directions
from .complex_step import complex_safe
from .contracts import Contracts, distance, magnitude
from .inputs import as_inputs, require_checkable
from .oracles import CentralDifferences, ComplexStep, Oracle
from .point import GradientFunction, Point, differentiable
from .report import GradcheckReport, Violation

# Beyond this many entries the Jacobian is probed along random directions instead of entry by entry.
FULL_LIMIT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to check; see :func:`gradcheck`."""

    eps: float = 1e-6
    atol: float = 1e-5
    rtol: float = 1e-3
    nondet_tol: float = 0.0
    check_undefined_grad: bool = True
    fast_mode: bool | None = None
    seed: int = 0


def gradcheck_report(
    function: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    order: int = 1,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    fast_mode: bool | None = None,
    seed: int = 0,
    complex_step: bool = False,
    names: Sequence[str] | None = None,
) -> GradcheckReport:
    """Check derivatives of one order and report what was found, without raising for what is wrong.

    Args:
        function, inputs, grad_outputs: as for :func:`gradgradcheck`.
        order: 1 checks gradients, 2 their derivatives, 3 the derivatives of those, and so on.
        names: what the report calls the inputs.
        eps, atol, rtol, nondet_tol, check_undefined_grad, fast_mode, seed, complex_step: as for :func:`gradcheck`.

    Raises:
        TypeError, ValueError: as :func:`gradcheck`.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.gradcheck import gradcheck_report
        >>> x = ag.tensor([0.0, 1.0], dtype=ag.float64, requires_grad=True)
        >>> gradcheck_report(ag.relu, x).worst.kink
        True
    """
    arguments = as_inputs(inputs)
    labels = list(names or (f"input {position}" for position in range(len(arguments))))
    if order < 1:
        raise ValueError(f"gradcheck: order must be at least 1, got {order}")
    if complex_step and order > 1:
        raise ValueError("gradcheck: complex steps estimate first derivatives only")
    require_checkable(arguments, labels, eps is not None and (atol is not None or rtol is not None))
    settings = Settings(
        eps=1e-6 if eps is None else eps,
        atol=(COMPLEX_TOLERANCE.atol if complex_step else 1e-5) if atol is None else atol,
        rtol=(COMPLEX_TOLERANCE.rtol if complex_step else 1e-3) if rtol is None else rtol,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        fast_mode=fast_mode,
        seed=seed,
    )
    random = np.random.default_rng(seed)
    point = Point(function, arguments, labels)
    for level in range(2, order + 1):
        point = _raised(point, grad_outputs if level == 2 else None, random)
    oracle: Oracle = _complex_oracle(function, arguments) if complex_step else CentralDifferences(point, settings.eps)
    try:
        return _check(point, oracle, settings, order, random)
    finally:
        point.restore_random_state()


def _raised(point: Point, grad_outputs: Any, random: np.random.Generator) -> Point:
    """The point one order up: gradients as a function of inputs and cotangents."""
    outputs = [output for output in point.record() if output.requires_grad]
    point.restore_random_state()
    if grad_outputs is None:
        cotangents: tuple[Any, ...] = tuple(
            Tensor(np.asarray(random.uniform(-1, 1, output.shape), output.dtype), requires_grad=True)
            for output in outputs
        )
    else:
        cotangents = as_inputs(grad_outputs)
        if len(cotangents) != len(outputs):
            raise ValueError(f"gradgradcheck: {len(outputs)} outputs need as many grad_outputs, got {len(cotangents)}")
    arguments = (*point.inputs, *cotangents)
    labels = (*point.names, *(f"cotangent of {point.output_name(number)}" for number in range(len(cotangents))))
    require_checkable(arguments, labels, True)
    gradients = GradientFunction(point.function, point.inputs)
    inner = point

    def name(number: int) -> str:
        arrived = gradients.arrived or inner.positions
        return f"gradient of {inner.names[arrived[number]]}"

    return Point(gradients, arguments, labels, gradients.plain, name)


def _complex_oracle(function: Any, inputs: Sequence[Any]) -> ComplexStep:
    op = getattr(function, "op", None)
    if not isinstance(op, Elementwise) or op.parameters:
        raise ValueError(
            "gradcheck: complex steps need an elementwise operation without parameters, such as autograd_core.tanh"
        )
    if not complex_safe(op.expression):
        raise ValueError(f"gradcheck: the formula of '{op.name}' holds functions without a complex form")
    return ComplexStep(op.expression, op.operands, inputs, {})


def _check(
    point: Point, oracle: Oracle, settings: Settings, order: int, random: np.random.Generator
) -> GradcheckReport:
    contracts = Contracts(point, random, settings.nondet_tol, settings.check_undefined_grad)
    report = GradcheckReport(order, "", settings.eps, settings.atol, settings.rtol, violations=contracts.violations)
    # An input that moves under our hands, or a function that is not one, makes every difference meaningless.
    if not contracts.check():
        report.method = "no derivative compared"
        report.evaluations = point.evaluations
        return report
    outputs = point.record()
    entries = sum(output.numel() for output in outputs) * sum(leaf.numel() for leaf in point.leaves())
    fast = entries > FULL_LIMIT if settings.fast_mode is None else settings.fast_mode
    report.method = f"{'random directions' if fast else 'full Jacobian'} by {oracle.name}"
    if order > 1:
        _agree(point, outputs, report)
    if not any(violation.contract == "recorded" for violation in report.violations):
        tolerance = Tolerance(settings.atol, settings.rtol)
        if fast:
            report.pairs = random_directions(point, outputs, oracle, tolerance, random)
        else:
            report.pairs, jacobians = full_jacobian(point, outputs, oracle, tolerance)
            sources = differentiable(outputs)
            if sources:
                contracts.additive(jacobians, sources)
    report.evaluations = point.evaluations
    return report


def _agree(point: Point, outputs: Sequence[Tensor], report: GradcheckReport) -> None:
    """Hold recorded gradients against those of an ordinary pass: their derivatives alone could not tell."""
    plain = point.values()
    if len(plain) != len(outputs):
        report.violations.append(
            Violation("recorded", f"{len(plain)} gradients arrive, but {len(outputs)} with create_graph=True")
        )
        return
    for number, (output, value) in enumerate(zip(outputs, plain, strict=True)):
        found = output._array.reshape(-1)
        bound = (1e-9 if found.dtype == np.float64 else 1e-4) * (1 + magnitude(value))
        off = distance(found, value)
        if not off <= bound:
            report.violations.append(
                Violation(
                    "recorded",
                    f"with create_graph=True the {point.output_name(number)} differs by {off:.3g} from an ordinary "
                    "backward pass; is the operation's composition or its derivative rule wrong?",
                )
            )
