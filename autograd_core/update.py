"""Formulas that change tensors in place: how an optimiser writes its rule once and runs it as one fused loop.

A rule is a scalar formula in the language of :mod:`autograd_core.formula`; the loop reads and writes each element once.

A small network has many small parameters, and calling a kernel for each of them costs more than the arithmetic. So
the array objects of all rows go to compiled code at once, as the address of a list; it looks into the objects,
checks that they fit together, and runs the loop on each row, on threads if there is much to do. Rows that do not fit
as they are (scattered or read-only memory, another dtype) are prepared one at a time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from .formula import Call, Expression, Symbol
from .formula.expression import as_expression
from .kernels import rows
from .kernels.rows import RowsLoop
from .ops.creation import from_numpy
from .tensor import Tensor

_array_of, _version_of = attrgetter("_array"), attrgetter("_version")


class FusedUpdate:
    """A formula that overwrites some of its operands, compiled to one loop over all of them.

    The formula's positional parameters name arrays, its keyword-only parameters name numbers that may differ from
    call to call without anything being compiled again. It returns the new value of each name in `updates`, in that
    order. Numbers enter the loop in the dtype of the arrays, float32 or float64; nothing is computed in another.

    An update is called with one sequence of tensors for each positional parameter, and runs row by row: on the first
    tensor of each, then on the second ones, and so on. Changes are counted in the tensors' versions, not recorded.

    Args:
        formula: a function of symbols, for instance ``def step(parameter, gradient, *, rate)``.
        updates: names of the operands that the returned values replace.

    Raises:
        TypeError: if the formula takes ``*arguments``, or returns anything but numbers and expressions.
        ValueError: if `updates` is empty, names no operand of the formula, names one twice, the formula returns
            another number of values, or a name is one that generated code uses.

    Example:
        >>> import autograd_core as ag
        >>> def momentum_step(parameter, gradient, velocity, *, rate, momentum):
        ...     velocity = momentum * velocity + gradient
        ...     return parameter - rate * velocity, velocity
        >>> update = ag.FusedUpdate(momentum_step, updates=("parameter", "velocity"))
        >>> weight, slope, velocity = ag.ones(2), ag.tensor([1.0, 2.0]), ag.zeros(2)
        >>> update([weight], [slope], [velocity], rate=0.25, momentum=0.9)
        >>> weight, velocity
        (tensor([0.7500, 0.5000]), tensor([1., 2.]))
    """

    __slots__ = ("_changed", "_known", "_loop", "name", "operands", "scalars", "updates")

    def __init__(self, formula: Callable[..., Any], updates: Sequence[str]) -> None:
        self.name: str = formula.__name__
        self.operands, self.scalars = _split(formula)
        self.updates = tuple(updates)
        for name in self.updates:
            if name not in self.operands:
                raise ValueError(f"{self.name}: updates name {name!r}, but the operands are {self.operands}")
        if not self.updates or len(set(self.updates)) != len(self.updates):
            raise ValueError(f"{self.name}: updates must name one or more operands, each once, got {self.updates}")
        returned = formula(*map(Symbol, self.operands), **{name: Symbol(name) for name in self.scalars})
        results = [as_expression(value) for value in (returned if isinstance(returned, tuple) else (returned,))]
        if len(results) != len(self.updates):
            raise ValueError(f"{self.name} returns {len(results)} values for {len(self.updates)} updates")
        found: set[str] = set().union(*map(_symbols, results))
        # A number that a variant of the formula does not read costs nothing at the call.
        read = [name for name in self.scalars if name in found]
        self._loop = RowsLoop(self.name, results, self.operands, read, updates=self.updates)
        self._known = frozenset(self.scalars)
        self._changed = [index for index, name in enumerate(self.operands) if name in self.updates]

    def __repr__(self) -> str:
        return f"FusedUpdate({self.name}: {', '.join(self.updates)})"

    def __call__(self, *columns: Sequence[Tensor], **scalars: float) -> None:
        """Overwrite the updated tensors of each row.

        Args:
            columns: for each operand of the formula a sequence of tensors (or arrays), all of the same length.
            scalars: for each keyword-only parameter of the formula a number.

        Raises:
            TypeError: if an operand or a number is missing or unknown, something is no tensor, a tensor is not
                floating, or dtypes differ within a row.
            ValueError: if sequences differ in length, shapes differ within a row, or an updated tensor lies in
                read-only memory. Nothing has been changed then.
        """
        if len(columns) != len(self.operands) or scalars.keys() != self._known:
            raise TypeError(self._message(columns, scalars))
        count = len(columns[0])
        for column in columns:
            if len(column) != count:
                raise ValueError(self._message(columns, scalars))
        values = [float(scalars[name]) for name in self._loop.parameters]
        try:
            arrays = [*map(_array_of, chain.from_iterable(columns))]
        except AttributeError:
            columns = tuple([e if isinstance(e, Tensor) else from_numpy(e) for e in column] for column in columns)
            arrays = [*map(_array_of, chain.from_iterable(columns))]
        if count:
            self._run(arrays, count, values)
        for index in self._changed:
            for cell in map(_version_of, columns[index]):
                if cell is not None:
                    cell[0] += 1

    def _run(self, arrays: list[np.ndarray], count: int, values: list[float]) -> None:
        loop, dtype = self._loop, arrays[0].dtype
        if dtype.kind != "f":
            raise TypeError(f"{self.name}: updated tensors must be float32 or float64, got {dtype}")
        left_out = np.zeros(count, np.bool_)
        if not (readable := rows.objects_readable()):
            left_out[:] = True
        elif not loop.run_rows(arrays, left_out, dtype, values):
            return
        # Nothing has been done yet, and preparing a row is what may fail.
        prepared = [(index, _Row(arrays[index::count], self)) for index in np.flatnonzero(left_out)]
        alone = []
        for index, row in prepared:
            if readable and all(line.dtype is dtype for line in row.lines):
                arrays[index::count] = row.lines
                left_out[index] = False
            else:
                alone.append(row)
        if len(alone) < count and loop.run_rows(arrays, left_out, dtype, values):
            raise RuntimeError(f"{self.name}: rows that were made to fit do not")
        for row in alone:
            loop.run(row.lines[0].dtype, row.lines[0].size, (*row.lines, *values))
        for array, copied in chain.from_iterable(row.copies for _, row in prepared):
            array[...] = copied.reshape(array.shape)

    def _message(self, columns: Sequence[Any], scalars: dict[str, Any]) -> str:
        numbers = f" and the numbers {', '.join(self.scalars)}" if self.scalars else ""
        lengths = ", ".join(str(len(column)) for column in columns)
        return (
            f"{self.name} takes {len(self.operands)} sequences of equally many tensors ({', '.join(self.operands)})"
            f"{numbers}; got sequences of {lengths or 'nothing'} and the numbers {', '.join(scalars) or 'none'}"
        )


class _Row:
    """One row, checked, on contiguous lines of memory: the arrays' own where they are such lines, else copies."""

    __slots__ = ("copies", "lines")

    def __init__(self, arrays: Sequence[np.ndarray], update: FusedUpdate) -> None:
        names, changed = update.operands, update._changed
        first, leader = arrays[changed[0]], names[changed[0]]
        self.lines: list[np.ndarray] = []
        self.copies: list[tuple[np.ndarray, np.ndarray]] = []
        for index, (array, name) in enumerate(zip(arrays, names, strict=True)):
            if array.dtype.kind != "f" or array.dtype != first.dtype:
                raise TypeError(f"{name} is {array.dtype}, {leader} {first.dtype}: all must be float32 or float64")
            if array.shape != first.shape:
                raise ValueError(f"{name} has the shape {array.shape}, but {leader} has {first.shape}")
            flags = array.flags
            if index in changed and not flags.writeable:
                raise ValueError(f"{name} of shape {array.shape} lies in read-only memory: it cannot change in place")
            if flags.carray:
                self.lines.append(array.ravel())
                continue
            self.lines.append(np.array(array, order="C").ravel())
            if index in changed:
                self.copies.append((array, self.lines[-1]))


def _split(formula: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a formula's arrays and of its numbers."""
    entries = inspect.signature(formula).parameters.values()
    for entry in entries:
        if entry.kind in (entry.VAR_POSITIONAL, entry.VAR_KEYWORD):
            raise TypeError(f"{formula.__name__}: a formula names each operand, it cannot take {entry}")
        if entry.name in rows.RESERVED:
            raise ValueError(f"{formula.__name__}: generated code has its own {entry.name!r}; name it otherwise")
    numbers = tuple(entry.name for entry in entries if entry.kind is entry.KEYWORD_ONLY)
    return tuple(entry.name for entry in entries if entry.name not in numbers), numbers


def _symbols(expression: Expression) -> set[str]:
    """The names an expression reads."""
    if isinstance(expression, Call):
        return set().union(*map(_symbols, expression.arguments))
    return {expression.name} if isinstance(expression, Symbol) else set()


__all__ = ["FusedUpdate"]
