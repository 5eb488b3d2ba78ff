"""The checker of gradients: any function at given inputs, or every registered operation.

``gradcheck`` and ``gradgradcheck`` have PyTorch's names and signatures. ``gradcheck_report`` returns what they found
instead of raising; ``check_operation`` runs them, and more, over an operation of the registry.

    >>> import autograd_core as ag
    >>> from autograd_core.gradcheck import gradcheck_report
    >>> x = ag.tensor([1.0, 2.0], dtype=ag.float64, requires_grad=True)
    >>> bool(gradcheck_report(ag.exp, x))
    True
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import gradcheck_report
    from .complex_step import complex_safe
    from .operations import OperationResult, check_operation
    from .report import Entry, GradcheckReport, PairReport, Violation

__all__ = [
    "Entry",
    "GradcheckReport",
    "OperationResult",
    "PairReport",
    "Violation",
    "check_operation",
    "complex_safe",
    "gradcheck",
    "gradcheck_report",
    "gradgradcheck",
]

# The package exports the two functions below, and importing it must stay quick: the machinery loads at first use.
_HOMES = {
    "Entry": "report",
    "GradcheckReport": "report",
    "OperationResult": "operations",
    "PairReport": "report",
    "Violation": "report",
    "check_operation": "operations",
    "complex_safe": "complex_step",
    "gradcheck_report": "check",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    fast_mode: bool | None = None,
    seed: int = 0,
    complex_step: bool = False,
) -> bool:
    """Check the gradients that backward computes against central differences.

    The default generator is put back before each evaluation, so dropout is checked with one mask. Beside the values
    it checks that the function is pure and leaves its inputs alone; and that backward is deterministic, linear in the
    cotangent, keeps shape and dtype, and gives each gradient memory of its own.

    Args:
        function: tensors to a tensor or a sequence of tensors; integer outputs are ignored.
        inputs: a tensor or a sequence of arguments. Float64 leaves with ``requires_grad`` are checked; the rest is
            passed on. They are moved in place and put back, so parameters that `function` reaches in another way
            (through a module) may be given here too.
        eps: the step, multiplied by the input where that is larger than 1. 1e-6 unless given.
        atol, rtol: entries pass within ``atol + rtol * abs(numeric)``. 1e-5 and 1e-3 unless given.
        raise_exception: raise on failure instead of returning False.
        nondet_tol: how far repeated passes may differ; 0 means bit by bit.
        check_undefined_grad: of several outputs, compare leaving out a cotangent with giving zeros.
        fast_mode: random directions (True) or the full Jacobian (False); None takes the Jacobian up to 4096 entries.
        seed: of the random cotangents and directions.
        complex_step: estimate by complex steps, exact to rounding, so that the tolerances are 1e-11 and 1e-10 unless
            given. Only for an elementwise operation itself (``autograd_core.tanh``).

    Returns:
        True; False on failure without `raise_exception`.

    Raises:
        GradcheckError: on failure. Its text says which entry is worst and whether a kink is near; ``report`` holds the
            :class:`GradcheckReport`.
        TypeError: for float32 inputs without `eps` and a tolerance, and for functions that return no tensors.
        ValueError: for inputs that cannot be checked: computed, overlapping, read-only, not finite or huge, or none
            that requires a gradient.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.gradcheck import gradcheck
        >>> x = ag.tensor([[0.5, -1.0], [2.0, 3.0]], dtype=ag.float64, requires_grad=True)
        >>> gradcheck(lambda x: (x.tanh() * x).sum(dim=0), x)
        True
    """
    from .check import gradcheck_report

    report = gradcheck_report(
        function, inputs, eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, fast_mode=fast_mode, seed=seed, complex_step=complex_step,
    )  # fmt: skip
    if raise_exception:
        report.raise_if_failed()
    return report.passed


def gradgradcheck(
    function: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    fast_mode: bool | None = None,
    seed: int = 0,
) -> bool:
    """Check the derivatives of gradients, as ``create_graph=True`` records them, against central differences.

    The gradients are taken as a function of `inputs` and of `grad_outputs`, and checked by both as :func:`gradcheck`
    would; recorded gradients must also equal those of an ordinary backward pass.

    Args:
        function, inputs: as for :func:`gradcheck`.
        grad_outputs: a cotangent for each output that requires a gradient, itself checked if it requires one; drawn
            uniformly from [-1, 1] unless given.
        eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, fast_mode, seed: as for :func:`gradcheck`.

    Returns:
        True; False on failure without `raise_exception`.

    Raises:
        GradcheckError, TypeError, ValueError: as :func:`gradcheck`.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.gradcheck import gradgradcheck
        >>> x = ag.tensor([0.5, -1.0, 2.0], dtype=ag.float64, requires_grad=True)
        >>> gradgradcheck(lambda x: x.sigmoid(), x)
        True
    """
    from .check import gradcheck_report

    report = gradcheck_report(
        function, inputs, grad_outputs, order=2, eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, fast_mode=fast_mode, seed=seed,
    )  # fmt: skip
    if raise_exception:
        report.raise_if_failed()
    return report.passed
