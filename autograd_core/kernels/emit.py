"""Formula to kernel: the only code generator.

An expression becomes the source of a loop over flat arrays, written to a file named by its hash and imported from
there, so that Numba caches it and a reader can open it. Each distinct part of the expression is computed once, and
every constant is held in the dtype of the operands: Numba turns `1 + x` with a float32 x into float64 arithmetic,
which costs 10 to 20 times the time. What the loop says inside is written by :mod:`autograd_core.kernels.statements`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..formula import Call, Constant, Expression, Symbol
from .statements import OPERATORS, SPECIAL, Writer, vectorized

# Elements a thread takes at a time from arrays of many sizes: large enough to hide a task's start.
CHUNK = 1 << 15

# Elements whose bytes are a whole number of lines of the cache, whatever the dtype.
_LINES = 64

# Elements from which on a serial kernel's stores are made to start at a line of the cache.
_ALIGNED = 1 << 12


def source(
    outputs: Sequence[Expression],
    operands: Sequence[str],
    parameters: Sequence[str],
    dtype: np.dtype[Any],
    updates: Sequence[str] = (),
) -> str:
    """The source of a module whose ``serial`` and ``parallel`` compute `outputs` over flat arrays.

    Both take the operands' arrays, the outputs' arrays and the parameters, in this order. With `updates`, which names
    an operand for each output, the outputs overwrite those operands and have no arrays of their own: one array under
    two names would look to LLVM like two that overlap, and it would take the scalar path.
    """
    outs = list(updates) or [f"out{index}" for index in range(len(outputs))]
    arrays = [*operands] if updates else [*operands, *outs]
    # What an update has overwritten cannot be computed again: it takes the library's functions from the start.
    head, step = _bodies(outputs, operands, parameters, dtype, outs, arrays, exact=bool(updates))
    arguments = ", ".join([*arrays, *parameters])
    sliced = ", ".join([f"{array}[start_:stop_]" for array in arrays] + list(parameters))
    spread = "" if updates else _spread_source(operands, outs, parameters, step)
    step = [line.format(sliced) for line in step]
    return f"""{head}

@kernel
def serial({arguments}):
    # What lies before a line of the cache first, then the rest: a store that straddles two lines takes longer.
    size_ = {outs[0]}.size
    start_, stop_ = 0, (skew({outs[0]}) if size_ >= {_ALIGNED} else size_)
    while start_ < size_:
{_indented(step, 8)}
        start_, stop_ = stop_, size_


@kernel(parallel=True)
def parallel(pieces_, {arguments}):
{_PIECES.format(out=outs[0])}
{_indented(step, 8)}
{spread}"""


# One piece a thread, of whole lines of the cache: more pieces cost more than they even out.
_PIECES = f"""\
    size_, head_ = {{out}}.size, skew({{out}})
    length_ = (size_ - head_ + {_LINES} * pieces_ - 1) // ({_LINES} * pieces_) * {_LINES}
    for piece_ in prange(pieces_):
        start_ = min(size_, head_ + piece_ * length_) if piece_ else 0
        stop_ = min(size_, head_ + (piece_ + 1) * length_)"""


def _bodies(
    outputs: Sequence[Expression],
    operands: Sequence[str],
    parameters: Sequence[str],
    dtype: np.dtype[Any],
    outs: Sequence[str],
    arrays: Sequence[str],
    exact: bool = False,
    still: Sequence[str] = (),
) -> tuple[str, list[str]]:
    """The beginning of a module, with the loop over flat arrays, and what calls the loop with arguments put in."""
    name = dtype.name
    arguments = ", ".join([*arrays, *parameters])
    writer, body = _body(outputs, operands, parameters, outs, exact, still)
    imported = set(writer.imports)
    again = ""
    step = ["body({0})"]
    if writer.exceptions:
        # A second look at the whole line where any element is an exception: rare, and then slow.
        exact_writer, lines = _body(outputs, operands, parameters, outs, True, still)
        imported |= exact_writer.imports
        again = f"""

@inline
def exact({arguments}):
{lines}
"""
        step = ["if body({0}):", "    exact({0})"]
    imports = "".join(
        f"from autograd_core.kernels.{'special' if f in SPECIAL else 'vecmath'} import {f}_{name} as {f}\n"
        for f in sorted(imported)
    )
    constants = "".join(f"{held} = {text}\n" for text, held in writer.constants.items())
    return (
        f'''"""Generated from a formula; arrays: {", ".join(arrays)}."""
import math

import numpy as np
from numba import prange

from autograd_core.kernels.jit import inline, kernel, skew
{imports}
real = np.{name}
zero, one = real(0), real(1)
{constants}

@inline
def body({arguments}):
{body}
{again}''',
        step,
    )


def rows_source(
    outputs: Sequence[Expression],
    operands: Sequence[str],
    parameters: Sequence[str],
    dtype: np.dtype[Any],
    still: Sequence[str],
) -> str:
    """The source of a module for operands smaller than the outputs, which are taken by rows: ``kernels.spreading``.

    Its ``serial`` and ``parallel`` take the walk over the operands first, and then what those of :func:`source` take.
    The operands in `still` have one element for a whole row, which is read once for it.
    """
    outs = [f"out{index}" for index in range(len(outputs))]
    arrays = [*operands, *outs]
    head, step = _bodies(outputs, operands, parameters, dtype, outs, arrays, still=still)
    given = ", ".join([*arrays, *parameters])
    steps, places = [], []
    for number, operand in enumerate(operands):
        steps.append(f"{operand}_row, {operand}_step = row_step(walk_, {number}), step_in_row(walk_, {number})")
        row = f"row_ * {operand}_row if {operand}_row >= 0 else row_start(walk_, {number}, row_)"
        places.append(f"{operand}_at = ({row}) + inside_ * {operand}_step")
    lines = [
        f"{operand}[{operand}_at]" if operand in still else f"{operand}[{operand}_at : {operand}_at + stop_ - start_]"
        for operand in operands
    ]
    lines += [f"{out}[start_:stop_]" for out in outs]
    step = [line.format(", ".join([*lines, *parameters])) for line in step]
    return f"""{head}
from autograd_core.kernels.spreading import row_size, row_start, row_step, step_in_row


@inline
def rows(walk_, start_, end_, {given}):
    length_ = row_size(walk_)
{_indented(steps, 4)}
    row_ = start_ // length_
    while start_ < end_:
        stop_ = min(end_, (row_ + 1) * length_)
        inside_ = start_ - row_ * length_
{_indented(places, 8)}
{_indented(step, 8)}
        start_ = stop_
        row_ += 1


@kernel
def serial(walk_, {given}):
    rows(walk_, 0, {outs[0]}.size, {given})


@kernel(parallel=True)
def parallel(pieces_, walk_, {given}):
{_PIECES.format(out=outs[0])}
        rows(walk_, start_, stop_, {given})
"""


def _spread_source(operands: Sequence[str], outs: Sequence[str], parameters: Sequence[str], step: Sequence[str]) -> str:
    """The kernels for operands smaller than the outputs, which are taken a block at a time: see ``kernels.spreading``.

    Names that end in an underscore are none of an operand or a parameter. ``spread_serial`` and ``spread_parallel``
    take the walk over the operands first, and then what ``serial`` takes.
    """
    given = ", ".join([*operands, *outs, *parameters])
    lines = [f"{operand}_line" for operand in operands] + [f"{out}[start_:stop_]" for out in outs]
    step = [line.format(", ".join([*lines, *parameters])) for line in step]
    buffers = [f"{operand}_buffer = np.empty(size_, {operand}.dtype)" for operand in operands]
    for number, operand in enumerate(operands):
        step[:0] = [
            f"if is_whole(walk_, {number}):",
            f"    {operand}_line = {operand}[start_:stop_]",
            "else:",
            f"    fill(walk_, {number}, {operand}, {operand}_buffer, start_, stop_, start_ == begin_)",
            f"    {operand}_line = {operand}_buffer[: stop_ - start_]",
        ]
    return f"""

from autograd_core.kernels.spreading import block_size, fill, is_whole, piece_size


@inline
def blocks(walk_, begin_, end_, {given}):
    size_ = block_size(walk_)
{_indented(buffers, 4)}
    start_ = begin_
    while start_ < end_:
        stop_ = min(end_, start_ + size_)
{_indented(step, 8)}
        start_ = stop_


@kernel
def spread_serial(walk_, {given}):
    blocks(walk_, 0, {outs[0]}.size, {given})


@kernel(parallel=True)
def spread_parallel(pieces_, walk_, {given}):
    size_ = {outs[0]}.size
    length_ = piece_size(walk_, size_, pieces_)
    for piece_ in prange(pieces_):
        blocks(walk_, min(size_, piece_ * length_), min(size_, (piece_ + 1) * length_), {given})
"""


def _indented(lines: Sequence[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)


def _body(
    outputs: Sequence[Expression],
    operands: Sequence[str],
    parameters: Sequence[str],
    outs: Sequence[str],
    exact: bool,
    still: Sequence[str],
) -> tuple[Writer, str]:
    """The loop over flat arrays, indented; it returns whether a quick form did not hold.

    For the operands in `still` it is given one element.
    """
    writer = Writer(exact)
    for parameter in parameters:
        writer.names[Symbol(parameter)] = f"{parameter}_p"
    results = [writer.write(output) for output in outputs]
    body = [f"{parameter}_p = real({parameter})" for parameter in parameters]
    body += [f"{operand}_i = {operand}" for operand in still]
    if writer.exceptions:
        body.append("exceptional = False")
    body.append(f"for i in range({outs[0]}.size):")
    body += [f"    {operand}_i = {operand}[i]" for operand in operands if operand not in still]
    body += [f"    {line}" for line in writer.lines]
    body += [f"    exceptional |= {exception}" for exception in dict.fromkeys(writer.exceptions)]
    body += [f"    {out}[i] = {result}" for out, result in zip(outs, results, strict=True)]
    if writer.exceptions:
        body.append("return exceptional")
    return writer, "\n".join("    " + line for line in body)


def generated(name: str, text: str) -> ModuleType:
    """The module whose source is `text`, which Numba finds again in its cache."""
    from .jit import load_generated

    return load_generated(name, text)


def numpy_form(expression: Expression) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """A formula that is a single NumPy ufunc of symbols and numbers, as that ufunc and its arguments; else None.

    NumPy's own loops are vectorised and broadcast without copies: no fused kernel beats them at one operation.
    """
    from ..formula import FUNCTIONS

    if not isinstance(expression, Call):
        return None
    function = FUNCTIONS[expression.function].numpy
    if not isinstance(function, np.ufunc):
        return None
    arguments: list[Any] = []
    for argument in expression.arguments:
        if isinstance(argument, Symbol):
            arguments.append(argument.name)
        elif isinstance(argument, Constant):
            arguments.append(argument.value)
        else:
            return None
    return function, tuple(arguments)


def loop_form(expression: Expression) -> tuple[bool, bool]:
    """Whether a formula is a single function with a vectorised loop here, and whether its result has one right form."""
    if not isinstance(expression, Call):
        return False, False
    exact = expression.function in OPERATORS
    return exact or expression.function in vectorized(), exact


__all__ = ["CHUNK", "generated", "loop_form", "numpy_form", "rows_source", "source"]
