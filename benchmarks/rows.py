"""What is measured: one row is one entry in one suite's table."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

SUITES = (
    "overhead",
    "elementwise",
    "reduction",
    "matmul",
    "fused",
    "optim",
    "training",
    "startup",
    "memory",
    "scaling",
)

Arrays = dict[str, np.ndarray]
# What a subject does with a row: it takes the arrays and returns what to time, a function without arguments, whose
# result (numbers or arrays, or None) is compared with the other subject's once.
Build = Callable[[Arrays], Callable[[], Any]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        suite, name: where it stands in the report.
        goal: the ratio ours ÷ PyTorch that is aimed at.
        arrays: draws the inputs both subjects get.
        subjects: for each subject ("ours", "torch") how to build what is timed; it imports what it needs.
        tolerance: largest relative difference of the outputs.
        kind: "time" for seconds of a call; "process" for rows that measure a process of their own.
        note: why a goal is out of reach, where it is.
    """

    suite: str
    name: str
    goal: float
    arrays: Callable[[np.random.Generator], Arrays]
    subjects: dict[str, Build]
    tolerance: float = 1e-4
    kind: str = "time"
    note: str = ""

    @property
    def key(self) -> str:
        """The row's name in the report and in JSON."""
        return f"{self.suite}/{self.name}"


def load(suite: str) -> list[Row]:
    """The rows of a suite.

    Raises:
        ValueError: if there is no such suite.
    """
    if suite not in SUITES:
        raise ValueError(f"no suite {suite!r}; the suites are {', '.join(SUITES)}")
    rows: list[Row] = importlib.import_module(f"benchmarks.suites.{suite}").rows()
    return rows


def find(key: str) -> Row:
    """The row of a key ``suite/name``."""
    suite, _, name = key.partition("/")
    return next(row for row in load(suite) if row.name == name)
