"""The report: the machine, a table of the rows, a table of the suites with the verdict, and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import platform
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import rows
from .measure import Result

if TYPE_CHECKING:
    from rich.table import Table

DISTRIBUTIONS = ("autograd-core", "numpy", "numba", "scipy-openblas32", "torch")
# Where the terminal is narrower, the quartiles give their place to the rows' names.
_WIDE = 90
_NONE = "–"


def versions(peers: Collection[str] = ()) -> dict[str, str]:
    """Of Python and the distributions that take part."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in (*DISTRIBUTIONS, *(["jax"] if "jax" in peers else [])):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def has_wide_vectors() -> bool:
    """Whether the processor has AVX-512."""
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("avx512f"))


def processor() -> str:
    """The processor's make and what vectors it has."""
    from llvmlite import binding

    name = binding.get_host_cpu_name()
    features = binding.get_host_cpu_features()
    width = "AVX-512" if has_wide_vectors() else "AVX2" if features.get("avx2") else "no AVX2"
    return f"{name} ({width}, {os.cpu_count()} processors)"


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive numbers; NaN of none."""
    logarithms = [math.log(value) for value in values]
    return math.exp(statistics.fmean(logarithms)) if logarithms else float("nan")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a suite does.

    Attributes:
        suite: its name.
        measured, failed, missed: numbers of rows: measured, not measurable, and missing their goal by more than their
            spread (among them the failed).
        mean: the geometric mean of the ratios that count, and `low` that of their lower quartiles.
        mean_goal: what the mean aims at, or None; it holds for whole suites only.
    """

    suite: str
    measured: int
    failed: int
    missed: int
    mean: float
    low: float
    mean_goal: float | None

    @property
    def mean_missed(self) -> bool:
        """Whether the mean misses its goal by more than the spread."""
        return self.mean_goal is not None and self.low > self.mean_goal


def verdicts(results: Sequence[Result], goals: Callable[[str], float | None]) -> list[Verdict]:
    """One for each suite; `goals` gives what a suite's mean aims at."""
    found = []
    for suite in dict.fromkeys(result.suite for result in results):
        own = [result for result in results if result.suite == suite]
        measured = [result for result in own if not result.error]
        counting = [result for result in measured if result.counts]
        found.append(
            Verdict(
                suite,
                len(measured),
                len(own) - len(measured),
                sum(result.missed for result in own),
                geometric_mean(result.ratio for result in counting),
                geometric_mean(result.low for result in counting),
                goals(suite) if counting else None,
            )
        )
    return found


def quantity(value: float, kind: str) -> str:
    """Seconds or bytes in three figures with a fitting unit."""
    if math.isnan(value):
        return _NONE
    if kind in ("memory", "footprint"):
        units = (("GiB", 2.0**-30), ("MiB", 2.0**-20), ("KiB", 2.0**-10), ("B", 1.0))
    else:
        units = (("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9))
    # What rounds to 1000 of a unit belongs to the next larger.
    unit, factor = next((entry for entry in units if value * entry[1] >= 0.9995), units[-1])
    return f"{_figures(value * factor)} {unit}"


def _figures(value: float) -> str:
    """Three significant figures, never with an exponent."""
    decimals = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{min(decimals, 2)}f}"


def table(results: Sequence[Result], peers: Sequence[str] = (), width: int = 100) -> Table:
    """The rows with their ratios, by sections; what misses its goal is red, what misses it within its spread yellow."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    quartiles = width >= _WIDE
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", collapse_padding=True)
    drawn.add_column("ours ÷ PyTorch, medians", overflow="fold")
    rates = any(result.operations for result in results)
    further = [name for name, shown in (("quartiles", quartiles), ("GFLOP/s", rates)) if shown]
    for heading in ("ours", "PyTorch", "ratio", *further, "goal"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for peer in peers:
        drawn.add_column(f"÷ {peer.removeprefix('torch.')}", justify="right", no_wrap=True)
    heading = ("", "")
    for result in results:
        if (result.suite, result.section) != heading:
            if heading != ("", ""):
                drawn.add_section()
            heading = result.suite, result.section
            drawn.add_row(f"[bold]{result.suite}[/bold]" + (f" · {result.section}" if result.section else ""))
        drawn.add_row(*_cells(result, peers, quartiles, rates))
    return drawn


def _cells(result: Result, peers: Sequence[str], quartiles: bool, rates: bool) -> list[str]:
    goal = _NONE if result.goal is None else f"{result.goal:g}"
    if result.error:
        spread = [""] * (quartiles + rates)
        return [f"  {result.label}\n  [red]{_escaped(result.error)}[/red]", "", "", "[red]✗[/red]", *spread, goal]
    aim = math.inf if result.goal is None else result.goal
    colour = "red" if result.missed else "yellow" if result.ratio > aim else "green" if result.goal else "default"
    return [
        f"  {result.label}",
        quantity(result.ours, result.kind),
        quantity(result.theirs, result.kind),
        f"[{colour}]{_ratio(result.ratio)}[/{colour}]",
        *([f"{_ratio(result.low)}–{_ratio(result.high)}"] if quartiles else []),
        *([f"{result.operations / result.ours / 1e9:.0f}" if result.operations else ""] if rates else []),
        goal,
        *[_peer(result, name) for name in peers],
    ]


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _peer(result: Result, name: str) -> str:
    peer = result.peers.get(name)
    if peer is None:
        return ""
    return _NONE if peer.error else _ratio(peer.ratio)


def summary(found: Sequence[Verdict]) -> Table:
    """The suites: how many rows meet their goals, and the geometric means."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    drawn.add_column("suite")
    for heading in ("rows", "miss their goal", "geometric mean", "goal"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for verdict in found:
        colour = "red" if verdict.mean_missed else "default"
        drawn.add_row(
            verdict.suite,
            str(verdict.measured + verdict.failed),
            f"[red]{verdict.missed}[/red]" if verdict.missed else "0",
            _NONE if math.isnan(verdict.mean) else f"[{colour}]{_ratio(verdict.mean)}[/{colour}]",
            _NONE if verdict.mean_goal is None else f"{verdict.mean_goal:g}",
        )
    return drawn


def write_json(path: pathlib.Path, results: Sequence[Result], found: Sequence[Verdict], head: dict[str, Any]) -> None:
    """Write everything that was measured, whole or not at all; figures that do not exist are null."""
    document = {
        "machine": head,
        "suites": [dataclasses.asdict(verdict) for verdict in found],
        "rows": [{"key": result.key, **dataclasses.asdict(result), "missed": result.missed} for result in results],
    }
    partial = path.with_name(f".{path.name}.partial")
    text = json.dumps(_without_nan(document), indent=1, ensure_ascii=False, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def goals_of_means(isa: str | None, whole: Collection[str]) -> Callable[[str], float | None]:
    """What the mean of each suite aims at; nothing for suites of which only a part is measured."""
    wide = has_wide_vectors()
    return lambda suite: rows.mean_goal(suite, isa, wide) if suite in whole else None
