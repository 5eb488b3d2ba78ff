"""The report: a table, JSON, a chart, and the verdict on the goals."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import platform
import statistics
from typing import TYPE_CHECKING, Any

from .measure import Result

if TYPE_CHECKING:
    from rich.table import Table


def machine(threads: int, isa: str | None) -> dict[str, str]:
    """Versions and machine, for the head of every report."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "cpu": _processor(), "threads": str(threads), "isa": isa or "all"}
    for name in ("autograd-core", "numpy", "numba", "scipy-openblas32", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    from llvmlite import binding

    name = binding.get_host_cpu_name()
    features = binding.get_host_cpu_features()
    width = "AVX-512" if features.get("avx512f") else "AVX2" if features.get("avx2") else "no AVX2"
    return f"{name} ({width}, {os.cpu_count()} cores)"


def geometric_mean(results: list[Result]) -> float:
    """Of the ratios that were measured."""
    ratios = [result.ratio for result in results if not result.error]
    return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else float("nan")


def _quantity(value: float, suite: str) -> str:
    if suite == "memory":
        return f"{value / 2**20:.1f} MiB"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def table(results: list[Result]) -> Table:
    """The rows with their ratios; a missed goal is red."""
    from rich.table import Table

    drawn = Table(title="ours ÷ PyTorch, medians", title_justify="left")
    for heading in ("row", "ours", "PyTorch", "ratio", "quartiles", "goal"):
        drawn.add_column(heading, justify="left" if heading == "row" else "right", no_wrap=heading != "row")
    suite = ""
    for result in results:
        own = result.key.partition("/")[0]
        if suite and own != suite:
            _close(drawn, suite, results)
        suite = own
        if result.error:
            drawn.add_row(f"{result.key}\n[red]{result.error}[/red]", "", "", "[red]—[/red]", "", f"{result.goal:g}")
            continue
        colour = "red" if result.missed else "green" if result.ratio <= result.goal else "yellow"
        drawn.add_row(
            result.key,
            _quantity(result.ours, own),
            _quantity(result.theirs, own),
            f"[{colour}]{result.ratio:.2f}[/{colour}]",
            f"{result.low:.2f}-{result.high:.2f}",
            f"{result.goal:g}",
        )
    if suite:
        _close(drawn, suite, results)
    return drawn


def _close(drawn: Table, suite: str, results: list[Result]) -> None:
    own = [result for result in results if result.key.startswith(f"{suite}/")]
    drawn.add_row(f"[bold]{suite}[/bold], geometric mean", "", "", f"[bold]{geometric_mean(own):.2f}[/bold]", "", "")
    drawn.add_section()


def write_json(path: pathlib.Path, results: list[Result], head: dict[str, str]) -> None:
    """Write everything that was measured, whole or not at all."""
    document: dict[str, Any] = {"machine": head, "rows": [dataclasses.asdict(result) for result in results]}
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def plot(path: pathlib.Path, results: list[Result], head: dict[str, str]) -> None:
    """Write the ratios as horizontal bars on a logarithmic scale; left of 1 is faster than PyTorch."""
    from matplotlib.figure import Figure

    measured = [result for result in results if not result.error]
    figure = Figure(figsize=(8, 1.4 + 0.24 * len(measured)), layout="constrained")
    axes = figure.subplots()
    places = range(len(measured))
    colours = ["#0072B2" if result.ratio <= 1 else "#D55E00" for result in measured]
    spread = [
        [max(0.0, result.ratio - result.low) for result in measured],
        [max(0.0, result.high - result.ratio) for result in measured],
    ]
    axes.barh(places, [result.ratio for result in measured], color=colours, height=0.7, xerr=spread, ecolor="#555555")
    axes.plot([result.goal for result in measured], places, "k|", markersize=9, label="goal")
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set_yticks(places, [result.key for result in measured], fontsize=8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("time, ours ÷ PyTorch (logarithmic; left of 1 is faster)")
    axes.set_title(f"{head['cpu']}, {head['threads']} threads, torch {head['torch']}", fontsize=10)
    axes.legend(loc="lower right", frameon=False)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, dpi=110, format=path.suffix.lstrip(".") or "png")
    os.replace(partial, path)
