"""``ops``: the catalogue of operations, with formulas and derivatives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from rich.console import Console, RenderableType
    from rich.table import Table

    from ..formula import Expression
    from ..op import Elementwise, Op

# From this width on there is room for formulas and derivatives side by side.
_BESIDE = 100
_LONG_NUMBER = re.compile(r"\d+\.\d{6,}")


def command(
    operations: Annotated[
        list[str] | None,
        typer.Argument(metavar="OP", help="Operations to show in full; a list of all by default."),
    ] = None,
) -> None:
    """List the operations: formula, derivative, kinks, and what is kept for backward."""
    from .console import chosen_operations, output

    chosen = chosen_operations(operations)
    console = output()
    if operations:
        for op in chosen:
            _show(console, op)
        return
    from ..op import Elementwise

    console.print(_formulas([op for op in chosen if isinstance(op, Elementwise)], console.width))
    console.print(_others([op for op in chosen if not isinstance(op, Elementwise)]))
    console.print(
        f"{len(chosen)} operations. In derivatives, [bold]y[/bold] is the result. "
        "For one in full: [bold]python -m autograd_core ops NAME[/bold]"
    )


def _new_table(title: str, *columns: tuple[str, dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, options in columns:
        table.add_column(name, **options)
    return table


def _formulas(operations: Sequence[Elementwise], width: int) -> Table:
    """One row an operation; in a narrow terminal the derivative stands below the formula instead of beside it."""
    from rich.markup import escape

    narrow = width < _BESIDE
    columns: list[tuple[str, dict[str, Any]]] = [
        ("operation", {"style": "cyan", "no_wrap": True}),
        ("formula", {"ratio": 3, "overflow": "fold"}),
        ("derivative", {"ratio": 4, "overflow": "fold"}),
        ("kinks", {"justify": "right", "max_width": 12}),
        ("keeps", {"max_width": 18}),
    ]
    if narrow:
        columns[1:3] = [("formula [dim]and derivative[/dim]", {"ratio": 1, "overflow": "fold"})]
    table = _new_table("Elementwise", *columns)
    table.expand = True
    for op in operations:
        lines = [formula(op)], list(derivatives(op))
        if narrow:
            below = [f"[dim]{'' if line.startswith('∂') else '∂x: '}{escape(line)}[/dim]" for line in lines[1]]
            cells = ["\n".join([escape(lines[0][0]), *(below if op.differentiable else ())])]
        else:
            cells = [escape("\n".join(part)) for part in lines]
        table.add_row(op.name, *cells, kinks(op), ", ".join(saved(op)) or "–")
    return table


def _others(operations: Sequence[Op]) -> Table:
    from rich.markup import escape

    table = _new_table(
        "Structural and fused",
        ("operation", {"style": "cyan", "no_wrap": True}),
        ("kind", {"style": "dim", "no_wrap": True}),
        ("what it does", {"ratio": 1}),
        ("keeps", {"max_width": 18}),
    )
    table.expand = True
    for op in operations:
        table.add_row(op.name, op.kind, escape(op.summary), ", ".join(saved(op)) or "–")
    return table


# --- what a record says -----------------------------------------------------------------------------------------


def formula(op: Elementwise) -> str:
    """An elementwise operation's formula, as Python would write it."""
    return _text(op.expression)


def _text(expression: Expression) -> str:
    """An expression with its numbers in six digits, which say enough here."""
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.6g}", str(expression))


def derivatives(op: Elementwise) -> Iterator[str]:
    """Its partial derivatives, each with the operand it is by if there are several."""
    if not op.differentiable:
        yield "–"
        return
    several = len(op.operands) > 1
    for index in sorted(op.rules):
        yield (f"∂{op.operands[index]}: " if several else "") + _text(op.partial_expression(index))


def kinks(op: Elementwise) -> str:
    """Where its derivative jumps, over all operands."""
    points = sorted({kink for domain in op.domains for kink in domain.kinks})
    return ", ".join(f"{point:g}" for point in points) or "–"


def saved(op: Op) -> tuple[str, ...]:
    """What is kept for backward when every operand with a derivative needs a gradient."""
    if not op.differentiable:
        return ()
    mask = 1 if op.joint_rule is not None else sum(1 << index for index in op.rules)
    return tuple(name for name in op.saved_names(mask) if name not in ("needs", "shapes"))


# --- one operation in full --------------------------------------------------------------------------------------


def _show(console: Console, op: Op) -> None:
    from rich.markup import escape
    from rich.panel import Panel
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in _facts(op):
        grid.add_row(label, escape(value) if isinstance(value, str) else value)
    console.print(Panel(grid, title=f"[bold cyan]{op.name}[/bold cyan]", title_align="left", border_style="dim"))


def _facts(op: Op) -> Iterator[tuple[str, RenderableType]]:
    from ..op import Elementwise, Fused

    yield "", op.summary
    yield "kind", op.kind + (", a view of its operand" if op.view else "")
    yield "operands", ("any number of " if op.variadic else "") + ", ".join(op.operands)
    if op.parameters:
        yield "parameters", ", ".join(op.parameters)
    if isinstance(op, Elementwise):
        yield "formula", formula(op)
        yield "derivative", "\n".join(derivatives(op))
        yield "kinks", kinks(op)
    elif isinstance(op, Fused):
        yield "composition", _source(op.composition)
    if not isinstance(op, Elementwise):
        for index, rule in op.rules.items():
            yield f"rule of {op.operands[index]}", _source(rule.function)
        if op.joint_rule is not None:
            yield "rule", _source(op.joint_rule.function)
    if isinstance(op, Fused) and op.derivative is not None:
        yield "recorded as", _source(op.derivative.function)
    yield "keeps", ", ".join(saved(op)) or "nothing"
    yield "PyTorch", f"torch.{op.torch}" if op.torch else "–"


def _source(function: Callable[..., Any]) -> RenderableType:
    from rich.syntax import Syntax

    from ..visualize.formulas import source_of

    return Syntax(source_of(function), "python", theme="ansi_dark", background_color="default", word_wrap=True)
