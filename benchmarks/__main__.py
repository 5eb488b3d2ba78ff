"""The command line of the benchmarks."""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
import pathlib
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import chart, report
from .libraries import PEERS
from .measure import Result, measure
from .rows import SUITES, Row, held_to_avx2, load
from .worker import Workers


class Isa(enum.StrEnum):
    """What both sides may be held to."""

    AVX2 = "avx2"


@dataclasses.dataclass(frozen=True)
class Run:
    """What is measured and how.

    Attributes:
        rows: all that were chosen.
        whole: the suites of which all rows were.
    """

    rows: list[Row]
    whole: frozenset[str]
    threads: int
    isa: str | None
    quick: bool
    peers: list[str]


def command(
    suite: Annotated[list[str] | None, typer.Option(help=f"All by default, or some: {', '.join(SUITES)}.")] = None,
    row: Annotated[list[str] | None, typer.Option(help="Only rows whose name contains this.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer turns a row.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads for all subjects.")] = 2,
    isa: Annotated[Isa | None, typer.Option(help="Hold both sides to older instructions.")] = None,
    peers: Annotated[bool, typer.Option("--peers", help="Also torch.compile and JAX, where installed.")] = False,
    json: Annotated[pathlib.Path | None, typer.Option(help="Write the figures here.")] = None,
    plot: Annotated[pathlib.Path | None, typer.Option(help="Write a bar chart here: PNG, SVG or PDF.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 if a goal is missed.")] = False,
    list_rows: Annotated[bool, typer.Option("--list", help="Print names and goals of the rows only.")] = False,
) -> None:
    """Measure this project beside PyTorch, row by row, and report ratios.

    Each subject runs in a process of its own, and the two take turns. A row misses its goal if its lower quartile lies
    above it.
    """
    console = Console(highlight=False)
    _check_files(json, plot)
    chosen, whole = _choose(suite, row)
    if isa is not None:
        chosen = [held_to_avx2(entry) for entry in chosen]
    if list_rows:
        for entry in chosen:
            console.print(entry.key, "" if entry.goal is None else f"[dim]≤ {entry.goal:g}[/dim]", soft_wrap=True)
        return
    found = [name for name, module in PEERS.items() if importlib.util.find_spec(module)] if peers else []
    run = Run(chosen, whole, threads, isa.value if isa else None, quick, found)
    head, results = _measure(run, console)
    _report(run, head, results, console, json, plot)
    if check and _failures(run, results):
        raise typer.Exit(1)


def _check_files(json: pathlib.Path | None, plot: pathlib.Path | None) -> None:
    """Fail now rather than after an hour."""
    for option, path in (("--json", json), ("--plot", plot)):
        if path is not None and not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"there is no directory {path.parent}", param_hint=option)
    if plot is not None:
        if plot.suffix not in chart.FORMATS:
            raise typer.BadParameter(f"the name must end in one of {', '.join(chart.FORMATS)}", param_hint="--plot")
        if importlib.util.find_spec("matplotlib") is None:
            raise typer.BadParameter("needs matplotlib: pip install 'autograd-core[plot]'", param_hint="--plot")


def _choose(suites: list[str] | None, parts: list[str] | None) -> tuple[list[Row], frozenset[str]]:
    """The chosen rows, and the suites of which they are all."""
    try:
        rows = [entry for name in dict.fromkeys(suites or SUITES) for entry in load(name)]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--suite") from None
    except ModuleNotFoundError as error:
        raise typer.BadParameter(f"the comparison needs {error.name}: pip install {error.name}") from None
    chosen = [entry for entry in rows if not parts or any(part in entry.key for part in parts)]
    if not chosen:
        raise typer.BadParameter("no row has that name; --list prints the names", param_hint="--row")
    partly = {entry.suite for entry in rows} - {entry.suite for entry in chosen if not parts}
    return chosen, frozenset({entry.suite for entry in rows} - partly)


def _measure(run: Run, console: Console) -> tuple[dict[str, Any], list[Result]]:
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results: list[Result] = []
    with Workers(run.threads, run.isa) as workers:
        head = _describe(run, workers)
        _print_head(head, console)
        try:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
                task = progress.add_task("", total=len(run.rows))
                for entry in run.rows:
                    progress.update(task, description=entry.key[:40])
                    results.append(measure(entry, workers, run.quick, run.peers))
                    progress.advance(task)
        except KeyboardInterrupt:
            console.print(f"[yellow]interrupted after {len(results)} of {len(run.rows)} rows[/yellow]")
    return head, results


def _describe(run: Run, workers: Workers) -> dict[str, Any]:
    """The machine, the versions, and what each side says it computes with."""
    rates = any(row.operations for row in run.rows)
    peak = {"peak GFLOP/s": f"{workers['ours'].ask('peak', run.threads) / 1e9:.0f}"} if rates else {}
    return {
        "processor": report.processor(),
        "threads": run.threads,
        "isa": run.isa or "all",
        "versions": report.versions(run.peers),
        "ours": workers["ours"].ask("describe") | peak,
        "torch": workers["torch"].ask("describe"),
    }


def _print_head(head: dict[str, Any], console: Console) -> None:
    def joined(entries: dict[str, Any]) -> str:
        return ", ".join(f"{name} {value}" for name, value in entries.items())

    console.print(f"{head['processor']}, threads {head['threads']}, instructions {head['isa']}", style="dim")
    console.print(joined(head["versions"]), style="dim")
    console.print(f"ours: {joined(head['ours'])} · PyTorch: {joined(head['torch'])}", style="dim")


def _verdicts(run: Run, results: list[Result]) -> list[report.Verdict]:
    whole = run.whole if len(results) == len(run.rows) else frozenset()
    return report.verdicts(results, report.goals_of_means(run.isa, whole))


def _failures(run: Run, results: list[Result]) -> int:
    """How many goals are missed, of rows and of means; a run that was cut short counts as one."""
    means = sum(verdict.mean_missed for verdict in _verdicts(run, results))
    return sum(result.missed for result in results) + means + (len(results) < len(run.rows))


def _report(
    run: Run,
    head: dict[str, Any],
    results: list[Result],
    console: Console,
    json: pathlib.Path | None,
    plot: pathlib.Path | None,
) -> None:
    verdicts = _verdicts(run, results)
    console.print(report.table(results, run.peers, console.width))
    console.print(report.summary(verdicts))
    for result in results:
        if result.note and result.missed:
            console.print(f"[bold]{result.key}[/bold]: {result.note}")
    if json is not None:
        report.write_json(json, results, verdicts, head)
    if plot is not None:
        version = head["versions"]["torch"]
        chart.plot(plot, results, f"beside PyTorch {version} on {head['processor']}, {head['threads']} threads")


if __name__ == "__main__":
    typer.run(command)
