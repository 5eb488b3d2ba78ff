"""What a gradient check found, entry by entry, and how it reads as text."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..broadcasting import Shape
from ..errors import GradcheckError


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a Jacobian: the derivative of an output's element by an input's element.

    Attributes:
        output_index, input_index: where the elements are, one number a dimension; `output_flat`, `input_flat` count
            through the array row by row instead.
        analytic: what backward computed.
        numeric: what the oracle estimated.
        step: how far the input was moved to either side; 0 where the oracle takes no real step.
        left, right: the one-sided differences, None where they were not taken.
        kink: whether those disagree, so that the function has a kink or a jump within `step` of the input.
    """

    output_index: tuple[int, ...]
    output_flat: int
    input_index: tuple[int, ...]
    input_flat: int
    analytic: float
    numeric: float
    step: float
    left: float | None = None
    right: float | None = None
    kink: bool = False

    @property
    def error(self) -> float:
        """The absolute difference."""
        return abs(self.analytic - self.numeric)

    def __str__(self) -> str:
        lines = [
            f"at output{_subscript(self.output_index)} (flat {self.output_flat}), "
            f"input{_subscript(self.input_index)} (flat {self.input_flat}):",
            f"  analytic  {self.analytic: .10g}",
            f"  numeric   {self.numeric: .10g}" + (f"   (step {self.step:.3g})" if self.step else ""),
            f"  error     {self.error: .3g}{self._ratio()}",
        ]
        if self.kink:
            # Adding zero turns a slope of -0 into 0.
            left, right = (slope + 0.0 for slope in (self.left or 0.0, self.right or 0.0))
            lines += [
                f"  likely at a kink: the slope is {left:.6g} to the left and {right:.6g} to the right;",
                "  no derivative exists there to agree with, so choose inputs away from it",
            ]
        return "\n".join(lines)

    def _ratio(self) -> str:
        if not self.numeric or not self.analytic or self.error < 1e-6 * abs(self.numeric):
            return ""
        ratio = self.analytic / self.numeric
        if abs(ratio + 1) < 1e-4:
            return ": the sign is wrong"
        return f": analytic is {ratio:.6g} times numeric" if 1e-3 < abs(ratio) < 1e3 else ""


@dataclass(frozen=True, slots=True)
class PairReport:
    """How one output's derivative by one input compares.

    Attributes:
        output, input: names, "output 0" and "input 1" where nothing better is known.
        output_number, input_number: positions among the floating outputs and among the inputs.
        output_shape, input_shape: their shapes.
        absolute: the largest absolute error; in random-direction mode, of a directional derivative.
        relative: the largest error relative to the derivative, or to ``atol / rtol`` where that is larger.
        passed: whether every entry is within ``atol + rtol * abs(numeric)``.
        worst: the entry farthest outside (or nearest to) its tolerance; in random-direction mode only if one failed.
    """

    output: str
    input: str
    output_number: int
    input_number: int
    output_shape: Shape
    input_shape: Shape
    absolute: float
    relative: float
    passed: bool
    worst: Entry | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise of backward that was broken, beside the values themselves.

    Attributes:
        contract: "pure", "deterministic", "linear", "zero", "additive", "undefined", "unmutated", "dtype", "shape",
            "unaliased", "accumulated" or "recorded".
        message: what happened, with figures.
    """

    contract: str
    message: str


@dataclass(slots=True)
class GradcheckReport:
    """Everything one gradient check found; true if all of it is right. ``str(report)`` is readable text.

    Attributes:
        pairs: one for each output and each input that requires a gradient.
        violations: broken promises: purity, determinism, linearity, aliasing and so on.
        order: 1 for first derivatives, 2 for derivatives of gradients.
        method: how the derivative was estimated: "full Jacobian" or "random directions", and by which oracle.
        evaluations: how often the function was run.
        eps, atol, rtol: what was asked for.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.gradcheck import gradcheck_report
        >>> x = ag.tensor([1.0, 2.0], dtype=ag.float64, requires_grad=True)
        >>> report = gradcheck_report(lambda x: x * x.detach(), x)
        >>> report.passed, report.pairs[0].worst.numeric.__round__(6)
        (False, 4.0)
    """

    order: int
    method: str
    eps: float
    atol: float
    rtol: float
    pairs: list[PairReport] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    evaluations: int = 0

    @property
    def passed(self) -> bool:
        """Whether every derivative is within tolerance and no promise was broken."""
        return not self.violations and all(pair.passed for pair in self.pairs)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def relative(self) -> float:
        """The largest relative error of all pairs."""
        return max((pair.relative for pair in self.pairs), default=0.0)

    @property
    def worst(self) -> Entry | None:
        """The worst entry of the failed pair with the largest error, None if all passed."""
        failed = [pair for pair in self.pairs if not pair.passed]
        # An error that is NaN is the worst of all, and would lose every comparison.
        return max(failed, key=lambda pair: _rank(pair.absolute)).worst if failed else None

    def __str__(self) -> str:
        failed = sum(not pair.passed for pair in self.pairs)
        head = "gradcheck passed" if self.passed else "gradcheck failed"
        if failed:
            head += f": {failed} of {len(self.pairs)} derivatives differ from their numerical estimate"
        lines = [
            head,
            f"  order {self.order}, {self.method}, {self.evaluations} evaluations, "
            f"eps {self.eps:g}, atol {self.atol:g}, rtol {self.rtol:g}",
        ]
        lines += [f"  ✗ not {violation.contract}: {violation.message}" for violation in self.violations]
        for pair in self.pairs:
            lines += _pair_lines(pair)
        return "\n".join(lines)

    def raise_if_failed(self) -> None:
        """Raise GradcheckError, with this report as its text and its ``report``, unless all is right."""
        if self.passed:
            return
        error = GradcheckError(str(self))
        error.report = self
        raise error


def _pair_lines(pair: PairReport) -> list[str]:
    sign = "✓" if pair.passed else "✗"
    lines = [
        f"  {sign} d {pair.output} {_shape(pair.output_shape)} / d {pair.input} {_shape(pair.input_shape)}: "
        f"max error {pair.absolute:.2e} absolute, {pair.relative:.2e} relative"
    ]
    if not pair.passed and pair.worst is not None:
        lines += [f"      {line}" for line in f"worst {pair.worst}".splitlines()]
    return lines


def _rank(error: float) -> float:
    return float("inf") if error != error else error


def _subscript(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "[()]"


def _shape(shape: Shape) -> str:
    return str(tuple(shape)).replace(" ", "")
