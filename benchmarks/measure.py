"""Measuring a row: compare outputs, warm up, take turns, and take medians of the ratios turn by turn."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .rows import Row
from .worker import Worker, Workers

SEED = 0
# Seconds a single turn aims at, and what all turns of one subject may take before their number is reduced.
TURN, BUDGET = 0.02, 15.0
WARM_UP = 0.2
# Turns for each kind of row: usually, and in a quick run. Fewer than the least say nothing about the spread.
TURNS = {"time": (15, 5), "process": (7, 3), "memory": (3, 2), "footprint": (3, 2)}
LEAST = 3
# Peaks of memory move by pages and by what the allocator keeps; below this, differences mean nothing.
RESOLUTION = 1 << 18

NAN = float("nan")


@dataclasses.dataclass(frozen=True)
class Peer:
    """What a further subject took.

    Attributes:
        value: median, as :attr:`Result.ours`.
        ratio: median of ours ÷ the peer's.
        error: why there is nothing, or "".
    """

    value: float = NAN
    ratio: float = NAN
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """One row's figures.

    Attributes:
        suite, section, label, kind, goal, counts, note, operations: the row's.
        against: the subject that ours is compared with.
        ours, theirs: median seconds (or bytes, for rows of memory) a unit.
        ratio: median of ours ÷ theirs over the turns; `low` and `high` its quartiles.
        peers: further subjects.
        error: why the row could not be measured, or "".
    """

    suite: str
    section: str
    label: str
    kind: str
    goal: float | None
    counts: bool
    note: str
    against: str
    ours: float = NAN
    theirs: float = NAN
    ratio: float = NAN
    low: float = NAN
    high: float = NAN
    peers: dict[str, Peer] = dataclasses.field(default_factory=dict)
    error: str = ""
    operations: float = 0.0

    @property
    def key(self) -> str:
        """The row's."""
        return f"{self.suite}/{self.label}" + (f", {self.section}" if self.section else "")

    @property
    def missed(self) -> bool:
        """Whether the goal is missed by more than the measured spread, or the row could not be measured."""
        return bool(self.error) or (self.goal is not None and self.low > self.goal)


def empty(row: Row, **figures: Any) -> Result:
    """The row's part of a result."""
    against = row.pair[1]
    names = ("suite", "section", "label", "kind", "goal", "counts", "note", "operations")
    return Result(**{name: getattr(row, name) for name in names}, against=against, **figures)


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def summarize(row: Row, values: Mapping[str, Sequence[float]], failures: Mapping[str, str] | None = None) -> Result:
    """The figures of measurements taken in turns, and why peers that took no part did not."""
    first, second = row.pair
    ours, theirs = values[first], values[second]
    ratios = _ratios(ours, theirs)
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    peers = {
        name: Peer(statistics.median(taken), statistics.median(_ratios(ours, taken)))
        for name, taken in values.items()
        if name not in row.pair
    }
    peers |= {name: Peer(error=error) for name, error in (failures or {}).items()}
    return empty(
        row,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs),
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        peers=peers,
    )


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two outputs, relative to the largest magnitude in each array; NaN where one has it.

    Raises:
        ValueError: if the outputs are not of the same form.
    """
    if ours is None and theirs is None:
        return 0.0
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            raise ValueError(f"{len(ours)} and {len(theirs)} outputs")
        return float(np.max([difference(a, b) for a, b in zip(ours, theirs, strict=True)], initial=0.0))
    if any(output is None or isinstance(output, list) for output in (ours, theirs)):
        raise ValueError(f"outputs of different form: {type(ours).__name__} and {type(theirs).__name__}")
    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"outputs of shapes {first.shape} and {second.shape}")
    if not first.size:
        return 0.0
    scale = max(float(np.abs(second).max()), 1e-30)
    return float(np.abs(first - second).max()) / scale


def compare(row: Row, outputs: Any, expected: Any) -> str:
    """Why a subject's outputs are not the expected ones, or ""."""
    try:
        apart = difference(outputs, expected)
    except ValueError as error:
        return str(error)
    if math.isnan(apart):
        return "outputs differ: NaN"
    return "" if apart <= row.tolerance else f"outputs differ by {apart:.2g}, more than {row.tolerance:.2g}"


def measure(row: Row, workers: Workers, quick: bool = False, peers: Sequence[str] = ()) -> Result:
    """Measure a row; its subjects take turns, each in a process of its own.

    Args:
        row: what to measure.
        workers: the processes.
        quick: whether fewer turns will do.
        peers: further subjects, where the row has them; that one of them fails says nothing about the row.
    """
    wrong = disagreement(row, workers)
    if wrong:
        return empty(row, error=wrong)
    try:
        failures = {peer: disagreement(row, workers, peer) for peer in peers if peer in row.subjects}
        subjects = [*row.pair, *(peer for peer, error in failures.items() if not error)]
        samplers = {subject: _sampler(row, workers, subject) for subject in subjects}
        return summarize(row, _take_turns(row, samplers, quick), {p: error for p, error in failures.items() if error})
    except RuntimeError as error:
        return empty(row, error=str(error))


def disagreement(row: Row, workers: Workers, subject: str = "") -> str:
    """Prepare a row, and say why the outputs of a subject (ours, unless given) are not those it is to have, or ""."""
    first, second = row.pair
    try:
        # A peer comes later, when the row's own subjects have been prepared.
        return compare(row, *[workers[name].ask("prepare", row.key, SEED) for name in (subject or first, second)])
    except RuntimeError as error:
        return str(error)


def _sampler(row: Row, workers: Workers, subject: str) -> Callable[[], float]:
    """What takes one measurement of a subject that has been prepared."""
    if row.kind in ("memory", "footprint"):

        def sample() -> float:
            with workers.fresh(subject) as worker:
                return max(float(worker.ask("memory", row.key, SEED)), _resolution(row, workers[subject]))

        return sample
    worker = workers[subject]
    count = _warm_up(worker) if row.kind == "time" else 1
    units = worker.ask("units")
    return lambda: worker.ask("time", count) / units


def _resolution(row: Row, worker: Worker) -> float:
    """The least that counts as a difference, a unit."""
    return RESOLUTION / float(worker.ask("units"))


def _take_turns(row: Row, samplers: Mapping[str, Callable[[], float]], quick: bool) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {subject: [] for subject in samplers}
    order = list(samplers)
    turns = TURNS[row.kind][quick]
    started = time.perf_counter()
    for turn in range(turns):
        # Who goes first changes, so that none always finds the caches another left.
        for subject in order[turn % len(order) :] + order[: turn % len(order)]:
            values[subject].append(samplers[subject]())
        if turn + 1 >= LEAST and time.perf_counter() - started > BUDGET * len(order):
            break
    return values


def _warm_up(worker: Worker) -> int:
    """Run until compilation and caches have settled; return how many calls fill a turn."""
    spent = seconds = worker.ask("time", 1)
    count = max(1, min(100_000, int(TURN / max(seconds, 1e-9))))
    while spent < WARM_UP:
        seconds = worker.ask("time", count)
        spent += max(seconds * count, 1e-4)
        count = max(1, min(100_000, int(TURN / max(seconds, 1e-9))))
    return int(count)
