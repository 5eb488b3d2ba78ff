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

from .check import gradcheck, gradcheck_report, gradgradcheck
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
