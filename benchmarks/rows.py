"""What is measured: one row is one entry in one suite's table."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .libraries import Library, library

SUITES = (
    "overhead",
    "elementwise",
    "reduction",
    "matmul",
    "fused",
    "conv",
    "pooling",
    "images",
    "optim",
    "training",
    "startup",
    "memory",
    "scaling",
)

# What a row measures: seconds a call; seconds of a process of its own; bytes by which a step's peak exceeds what the
# process held before; bytes of the whole process at its peak. The last three are taken from fresh processes.
KINDS = ("time", "process", "memory", "footprint")

# Geometric means that suites aim at, over their rows that count.
MEAN_GOALS = {"elementwise": 0.5, "reduction": 0.7, "fused": 0.7, "matmul": 0.6, "pooling": 0.7}
# Suites whose mean is aimed at on processors with AVX-512 only.
WIDE_ONLY = frozenset(("matmul",))
# Held to AVX2 both sides lose width, and goals are these.
AVX2_GOAL, AVX2_MEAN_GOAL = 1.1, 0.9

Arrays = dict[str, np.ndarray]


def _same(value: Any) -> Any:
    return value


@dataclasses.dataclass(frozen=True)
class Task:
    """What a subject made of a row.

    Attributes:
        call: what is timed.
        outputs: from what a call returned, what is compared with the other subject's: tensors, arrays or numbers, or
            lists of them. It runs outside the timing.
        units: how many of the things reported a call does: nodes, say.
    """

    call: Callable[[], Any]
    outputs: Callable[[Any], Any] = _same
    units: float = 1.0


# How a subject makes its task. Everything the call needs is imported, converted and looked up here, outside the timing.
Build = Callable[[Library, Arrays], Task]


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        suite, section, label: where it stands in the report; section and label together are unique in a suite.
        goal: the ratio ours ÷ theirs that is aimed at; None for a row that only reports.
        arrays: draws the inputs all subjects get.
        subjects: for each subject how to build its task. The first is ours, the second what it is compared with, and
            further ones are peers. A subject's first word names its library.
        tolerance: largest relative difference of the outputs.
        kind: one of :data:`KINDS`.
        counts: whether it counts in its suite's geometric mean.
        probe: looks up in a library the names that the row needs, so that an AttributeError tells that it lacks one.
        miniature: for memory, cuts the inputs to a size that warms the library up and leaves nothing behind.
        note: why a goal is out of reach, where it is.
        operations: additions and multiplications of a call, for rows that report how many they do a second.
    """

    suite: str
    label: str
    goal: float | None
    arrays: Callable[[np.random.Generator], Arrays]
    subjects: dict[str, Build]
    section: str = ""
    tolerance: float = 1e-4
    kind: str = "time"
    counts: bool = True
    probe: Callable[[Library], Any] = _same
    miniature: Callable[[Arrays], Arrays] = _same
    note: str = ""
    operations: float = 0.0

    @property
    def key(self) -> str:
        """The row's name on the command line and in JSON."""
        return f"{self.suite}/{self.label}" + (f", {self.section}" if self.section else "")

    @property
    def pair(self) -> tuple[str, str]:
        """The subjects whose ratio is reported."""
        ours, theirs, *_ = self.subjects
        return ours, theirs


def every(build: Build) -> dict[str, Build]:
    """The subjects of a row that all libraries run from the same code."""
    return dict.fromkeys(("ours", "torch", "torch.compile", "jax"), build)


def both(build: Build) -> dict[str, Build]:
    """The subjects of a row that has the two sides and no peers."""
    return dict.fromkeys(("ours", "torch"), build)


@functools.cache
def declared(suite: str) -> tuple[Row, ...]:
    """The rows a suite declares, section by section, also those that need what a library lacks.

    Raises:
        ValueError: if there is no such suite.
    """
    if suite not in SUITES:
        raise ValueError(f"no suite {suite!r}; the suites are {', '.join(SUITES)}")
    found: list[Row] = importlib.import_module(f"benchmarks.suites.{suite}").rows()
    sections = list(dict.fromkeys(row.section for row in found))
    return tuple(sorted(found, key=lambda row: sections.index(row.section)))


def lacking(row: Row, subject: str) -> str:
    """The public name that a subject's library lacks for a row, or ""."""
    try:
        row.probe(library(subject))
    except AttributeError as error:
        return error.name or str(error)
    return ""


def load(suite: str) -> list[Row]:
    """The rows of a suite that both sides can run: a row begins to exist when the operation it needs does.

    Raises:
        ValueError: if there is no such suite.
        ModuleNotFoundError: if PyTorch is not installed.
    """
    return [row for row in declared(suite) if not any(lacking(row, subject) for subject in row.pair)]


def find(key: str) -> Row:
    """The row of a key.

    Raises:
        KeyError: if there is none.
    """
    found = next((row for row in declared(key.partition("/")[0]) if row.key == key), None)
    if found is None:
        raise KeyError(key)
    return found


def held_to_avx2(row: Row) -> Row:
    """The row with the goal it has when both sides are held to AVX2."""
    return row if row.goal is None else dataclasses.replace(row, goal=max(row.goal, AVX2_GOAL))


def mean_goal(suite: str, isa: str | None, wide: bool) -> float | None:
    """What the geometric mean of a suite aims at; `wide` says whether the processor has AVX-512."""
    if isa == "avx2":
        return AVX2_MEAN_GOAL
    return None if suite in WIDE_ONLY and not wide else MEAN_GOALS.get(suite)
