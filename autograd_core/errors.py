"""The exceptions this package raises, beside Python's own.

Wrong types raise :class:`TypeError`, wrong values and shapes :class:`ValueError`, indices out of range
:class:`IndexError`, as everywhere in Python. What concerns the graph raises :class:`GraphError`, a
:class:`RuntimeError` as in PyTorch, so that ``except RuntimeError`` written for PyTorch still catches it.
"""

from __future__ import annotations

from typing import Any


class GraphError(RuntimeError):
    """The computational graph cannot do what was asked: freed, detached, or changed in place."""


class InPlaceError(GraphError):
    """A value that backward needs was modified in place after it had been saved."""


class CompilerMissingError(ImportError):
    """Numba, which compiles the kernels, is missing or does not go with what else is installed."""


class GradcheckError(RuntimeError):
    """An analytic derivative disagrees with its numerical estimate.

    Attributes:
        report: the :class:`autograd_core.gradcheck.GradcheckReport` that says where.
    """

    report: Any = None


class NumericsError(RuntimeError):
    """Anomaly detection met a NaN or an infinity."""
