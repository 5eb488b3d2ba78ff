"""Measuring a row: compare outputs, warm up, alternate, and take medians of the ratios pair by pair."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from .rows import Row
from .worker import Worker

SEED = 0
# Seconds a single turn aims at, and turns for each subject.
TURN = 0.02
TURNS, QUICK_TURNS = 15, 5
WARM_UP = 0.2


@dataclasses.dataclass(frozen=True)
class Result:
    """One row's figures.

    Attributes:
        key, goal, note: the row's.
        ours, theirs: median seconds a call (or bytes, for rows of memory).
        ratio: median of ours ÷ theirs over the pairs; `low` and `high` its quartiles.
        error: why the row could not be measured, or "".
    """

    key: str
    goal: float
    ours: float = float("nan")
    theirs: float = float("nan")
    ratio: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    note: str = ""
    error: str = ""

    @property
    def missed(self) -> bool:
        """Whether the goal is missed by more than the measured spread."""
        return bool(self.error) or self.low > self.goal


def summarize(row: Row, ours: Sequence[float], theirs: Sequence[float]) -> Result:
    """The figures of paired measurements."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return Result(
        row.key,
        row.goal,
        statistics.median(ours),
        statistics.median(theirs),
        statistics.median(ratios),
        low,
        high,
        row.note,
    )


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two outputs, relative to the largest magnitude in each array."""
    if ours is None or theirs is None:
        return 0.0
    if isinstance(ours, list):
        return max((difference(a, b) for a, b in zip(ours, theirs, strict=True)), default=0.0)
    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"outputs of shapes {first.shape} and {second.shape}")
    if not first.size:
        return 0.0
    scale = max(float(np.abs(second).max()), 1e-30)
    return float(np.abs(first - second).max()) / scale


def measure(row: Row, ours: Worker, theirs: Worker, quick: bool = False) -> Result:
    """Measure a row whose subjects both wait in their workers."""
    try:
        outputs = ours.ask("prepare", row.key, SEED), theirs.ask("prepare", row.key, SEED)
        apart = difference(*outputs)
        if not apart <= row.tolerance:
            return Result(row.key, row.goal, error=f"outputs differ by {apart:.2g}, more than {row.tolerance:.2g}")
        counts = [_warm_up(worker) for worker in (ours, theirs)]
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(QUICK_TURNS if quick else TURNS):
            # Who goes first changes, so that neither always finds the caches the other left.
            for index in (0, 1) if turn % 2 else (1, 0):
                times[index].append((ours, theirs)[index].ask("time", counts[index]))
        return summarize(row, *times)
    except (RuntimeError, ValueError) as error:
        return Result(row.key, row.goal, error=str(error))


def _warm_up(worker: Worker) -> int:
    """Run until compilation and caches have settled; return how many calls fill a turn."""
    spent, count = 0.0, 1
    seconds = worker.ask("time", 1)
    while spent < WARM_UP:
        count = max(1, min(100_000, int(TURN / max(seconds, 1e-9))))
        seconds = worker.ask("time", count)
        spent += max(seconds * count, 1e-4)
    return count
