"""``gradcheck``: check the derivatives of operations, and show a table."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from ..gradcheck import OperationResult
    from ..op import Op


class Order(enum.StrEnum):
    """Which derivatives."""

    FIRST = "1"
    SECOND = "2"
    BOTH = "both"


def command(
    operations: Annotated[
        list[str] | None, typer.Argument(metavar="OP", help="Operations to check; all by default.")
    ] = None,
    order: Annotated[
        Order, typer.Option(help="Check gradients (1), derivatives of gradients (2), or both.")
    ] = Order.BOTH,
    seed: Annotated[int, typer.Option(min=0, help="Seed of inputs, cotangents and directions.")] = 0,
) -> None:
    """Check the values and derivatives of operations against references, finite differences and complex steps.

    Each operation is run on inputs of every sort it takes. The status is 1 if any check fails.
    """
    import time

    from ..gradcheck import check_operation
    from .console import chosen_operations, counted, one_by_one, output

    chosen = chosen_operations(operations)
    orders = None if order is Order.BOTH else int(order)
    started = time.perf_counter()
    found = {op: check_operation(op, orders, seed) for op in one_by_one("checking", chosen)}
    console = output()
    console.print(_table(found, order))
    console.print(
        "[dim]Errors are relative to the derivative, or to 0.01 where that is larger; the largest is shown.[/dim]"
    )
    failures = [result for results in found.values() for result in results if result.status == "failed"]
    _show_reasons(console, found)
    _show_failures(console, failures)
    count = sum(result.status == "passed" for results in found.values() for result in results)
    seconds = time.perf_counter() - started
    verdict = f"[red]{len(failures)} failed[/red], " if failures else ""
    console.print(
        f"{verdict}[green]{counted(count, 'check')} passed[/green] on {counted(len(found), 'operation')} "
        f"in {seconds:.1f} s"
    )
    if failures:
        raise typer.Exit(1)


def _table(found: dict[Op, list[OperationResult]], order: Order) -> Table:
    from rich import box
    from rich.table import Table

    from .console import short_error

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("operation", style="cyan", no_wrap=True)
    table.add_column("kind", no_wrap=True, style="dim")
    table.add_column("checks", justify="right")
    shown = (1, 2) if order is Order.BOTH else (int(order),)
    for wanted in shown:
        table.add_column({1: "1st order", 2: "2nd order"}[wanted], justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for op, results in found.items():
        done = [result for result in results if result.status != "skipped"]
        cells = [op.name, op.kind, str(len(done))]
        cells += [short_error(_worst(results, wanted)) for wanted in shown]
        table.add_row(*cells, _status(results))
    return table


def _worst(results: Sequence[OperationResult], order: int) -> float | None:
    """The largest error of one order; None if nothing was measured."""
    errors = [result.error for result in results if result.order == order and result.error == result.error]
    return max(errors, default=None)


def _status(results: Sequence[OperationResult]) -> str:
    failed = sum(result.status == "failed" for result in results)
    if failed:
        return f"[bold red]{failed} failed[/bold red]"
    if _reason(results):
        compared = any(result.status == "passed" for result in results)
        return f"[yellow]{'values only' if compared else 'skipped'}[/yellow]"
    return "[green]passed[/green]"


def _reason(results: Sequence[OperationResult]) -> str:
    """Why no derivative was checked; "" if one was."""
    derivatives = [result for result in results if result.order]
    skipped = bool(derivatives) and all(result.status == "skipped" for result in derivatives)
    return derivatives[0].detail if skipped else ""


def _show_reasons(console: Console, found: dict[Op, list[OperationResult]]) -> None:
    reasons: dict[str, list[str]] = {}
    for op, results in found.items():
        if reason := _reason(results):
            reasons.setdefault(reason, []).append(op.name)
    for reason, names in reasons.items():
        console.print(f"[yellow]{reason}[/yellow]: {', '.join(names)}")


def _show_failures(console: Console, failures: Sequence[OperationResult]) -> None:
    from rich.markup import escape
    from rich.panel import Panel

    for result in failures:
        title = f"[bold]{result.operation}[/bold], {result.check}"
        if result.case:
            title += f", {escape(result.case)}"
        console.print(Panel(escape(result.detail), title=title, title_align="left", border_style="red"))
