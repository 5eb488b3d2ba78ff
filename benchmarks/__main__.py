"""The command line of the benchmarks."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import report
from .measure import Result, measure
from .rows import SUITES, Row, load
from .worker import Worker


def command(
    suite: Annotated[
        list[str] | None, typer.Option(help=f"Suites to run: {', '.join(SUITES)}. All by default.")
    ] = None,
    row: Annotated[list[str] | None, typer.Option(help="Only rows whose name contains this.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer turns a row.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads for both subjects.")] = 2,
    isa: Annotated[str | None, typer.Option(help='"avx2" holds both subjects to AVX2.')] = None,
    json: Annotated[pathlib.Path | None, typer.Option(help="Write the figures here.")] = None,
    plot: Annotated[pathlib.Path | None, typer.Option(help="Write a bar chart here.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 if a goal is missed.")] = False,
) -> None:
    """Measure this project beside PyTorch, row by row, and report ratios."""
    console = Console()
    if isa not in (None, "avx2"):
        raise typer.BadParameter(f"only 'avx2' is known, got {isa!r}", param_hint="--isa")
    try:
        rows = [entry for name in suite or SUITES for entry in load(name)]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--suite") from None
    rows = [entry for entry in rows if not row or any(part in entry.key for part in row)]
    if not rows:
        raise typer.BadParameter("no row has that name", param_hint="--row")
    head = report.machine(threads, isa)
    console.print(", ".join(f"{name} {value}" for name, value in head.items()), style="dim")
    results = _run(rows, threads, isa, quick, console)
    console.print(report.table(results))
    for result in results:
        if result.note and result.missed:
            console.print(f"[bold]{result.key}[/bold]: {result.note}")
    if json is not None:
        report.write_json(json, results, head)
    if plot is not None:
        report.plot(plot, results, head)
    missed = [result for result in results if result.missed]
    if missed:
        console.print(f"[red]{len(missed)} of {len(results)} rows miss their goal by more than their spread[/red]")
    if check and missed:
        raise typer.Exit(1)


def _run(rows: list[Row], threads: int, isa: str | None, quick: bool, console: Console) -> list[Result]:
    workers = [Worker(subject, threads, isa) for subject in ("ours", "torch")]
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results = []
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=len(rows))
            for entry in rows:
                progress.update(task, description=entry.key[:40])
                results.append(measure(entry, workers[0], workers[1], quick))
                progress.advance(task)
    finally:
        for worker in workers:
            worker.close()
    return results


if __name__ == "__main__":
    typer.run(command)
