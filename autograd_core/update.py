"""Formulas that change tensors in place: how an optimiser writes its rule once and runs it as one fused loop.

A rule is a scalar formula in the language of :mod:`autograd_core.formula`. Read on symbols it becomes a loop that
reads and writes each element once, however many terms it has; read on numbers it can be tried at a prompt.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np

from .broadcasting import Shape
from .formula import Call, Expression, Symbol
from .formula.expression import as_expression
from .kernels.emit import CHUNK, Loop
from .tensor import Tensor

# Sets of tensors whose flat views one update remembers before it starts afresh.
_REMEMBERED = 64


class FusedUpdate:
    """A formula that overwrites some of its operands, compiled to one loop over all of them.

    The formula's positional parameters name arrays, its keyword-only parameters name numbers that may differ from
    call to call without anything being compiled again. It returns the new value of each name in `updates`, in that
    order. Numbers enter the loop in the dtype of the arrays, float32 or float64; nothing is computed in another.

    An update is called with one sequence of tensors for each positional parameter, and runs row by row: on the
    first tensor of each sequence, then on the second ones, and so on. Each change is counted in the tensor's version,
    so that a graph that saved the old value notices. Flat views of the updated tensors are remembered from call to
    call, so an update keeps them alive as long as it lives itself; give each owner an update of its own.

    Args:
        formula: a function of symbols, for instance ``def step(parameter, gradient, *, rate)``.
        updates: names of the operands that the returned values replace.

    Raises:
        TypeError: if the formula takes ``*arguments``, or returns anything but numbers and expressions.
        ValueError: if `updates` is empty, names no operand of the formula, names one twice, or the formula returns
            another number of values.

    Example:
        >>> import autograd_core as ag
        >>> def momentum_step(parameter, gradient, velocity, *, rate, momentum):
        ...     velocity = momentum * velocity + gradient
        ...     return parameter - rate * velocity, velocity
        >>> update = ag.FusedUpdate(momentum_step, updates=("parameter", "velocity"))
        >>> weight, slope, velocity = ag.ones(2), ag.tensor([1.0, 2.0]), ag.zeros(2)
        >>> update([weight], [slope], [velocity], rate=0.25, momentum=0.9)
        >>> weight, velocity
        (tensor([0.75, 0.5 ]), tensor([1., 2.]))
    """

    __slots__ = ("_changed", "_fresh", "_known", "_loop", "_remembered", "name", "operands", "scalars", "updates")

    def __init__(self, formula: Callable[..., Any], updates: Sequence[str]) -> None:
        self.name: str = formula.__name__
        self.operands, self.scalars = _split(formula)
        self.updates = tuple(updates)
        for name in self.updates:
            if name not in self.operands:
                raise ValueError(f"{self.name}: updates name {name!r}, but the operands are {self.operands}")
        if not self.updates or len(set(self.updates)) != len(self.updates):
            raise ValueError(f"{self.name}: updates must name one or more operands, each once, got {self.updates}")
        results = _trace(formula, self.operands, self.scalars)
        if len(results) != len(self.updates):
            raise ValueError(f"{self.name} returns {len(results)} values for {len(self.updates)} updates")
        found = set().union(*map(_symbols, results))
        # A number that a variant of the formula does not read costs nothing at the call.
        read = [name for name in self.scalars if name in found]
        self._loop = Loop(self.name, results, self.operands, read, updates=self.updates)
        self._known = frozenset(self.scalars)
        self._changed = [index for index, name in enumerate(self.operands) if name in self.updates]
        self._fresh = [index for index, name in enumerate(self.operands) if name not in self.updates]
        self._remembered: dict[tuple[int, int], _Rows] = {}

    def __repr__(self) -> str:
        return f"FusedUpdate({self.name}: {', '.join(self.updates)})"

    def __call__(self, *columns: Sequence[Tensor], **scalars: float) -> None:
        """Overwrite the updated tensors of each row.

        Args:
            columns: for each operand of the formula a sequence of tensors, all of the same length.
            scalars: for each keyword-only parameter of the formula a number.

        Raises:
            TypeError: if an operand or a number is missing or unknown, a tensor is not floating, or dtypes differ
                within a row.
            ValueError: if sequences differ in length, shapes differ within a row, or an updated tensor lies in
                read-only memory. Nothing has been changed then.
        """
        if len(columns) != len(self.operands) or scalars.keys() != self._known:
            raise TypeError(self._call_message(columns, scalars))
        rows = self._rows(columns)
        values = [float(scalars[name]) for name in self._loop.parameters]
        lines: list[Any] = list(rows.lines)
        for index in self._fresh:
            lines[index] = rows.read(index, columns[index], self.operands[index])
        for array, line in rows.scattered:
            line.reshape(array.shape)[...] = array
        if rows.serial is not None:
            for _ in map(rows.serial, *lines, *map(repeat, values)):
                pass
        else:
            for run, *arguments in zip(rows.runs, *lines, strict=True):
                run((*arguments, *values))
        for array, line in rows.scattered:
            array[...] = line.reshape(array.shape)
        for index in self._changed:
            for tensor in columns[index]:
                cell = tensor._version
                if cell is not None:
                    cell[0] += 1

    def _rows(self, columns: Sequence[Sequence[Tensor]]) -> _Rows:
        """The flat views of the tensors to change, from the last call with them if they still lie where they did."""
        first = columns[self._changed[0]]
        key = (id(first[0]) if first else 0, len(first))
        rows = self._remembered.get(key)
        if rows is None or not rows.match(columns):
            if any(len(column) != len(first) for column in columns):
                lengths = ", ".join(f"{n} {len(c)}" for n, c in zip(self.operands, columns, strict=True))
                raise ValueError(f"{self.name}: each operand needs as many tensors as the others, got {lengths}")
            rows = _Rows(self, columns)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = rows
        return rows

    def _call_message(self, columns: Sequence[Any], scalars: dict[str, Any]) -> str:
        wanted = f"{self.name} takes {len(self.operands)} sequences of tensors ({', '.join(self.operands)})"
        numbers = f" and the numbers {', '.join(self.scalars)}" if self.scalars else ""
        return f"{wanted}{numbers}; got {len(columns)} sequences and the numbers {', '.join(scalars) or 'none'}"


class _Rows:
    """A set of tensors that one update has met: their arrays and the flat lines its kernel runs on.

    Attributes:
        lines: for each updated operand a list of lines; None for operands that are read only.
        scattered: arrays that do not lie in one piece, each with the line that stands in for it.
        serial: the kernel for all rows, if they are small and of one dtype; else None, and `runs` has one for each.
    """

    __slots__ = ("_held", "dtypes", "lines", "runs", "scattered", "serial", "shapes")

    def __init__(self, update: FusedUpdate, columns: Sequence[Sequence[Tensor]]) -> None:
        changed = update._changed
        for tensor in (tensor for index in changed for tensor in columns[index]):
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{update.name}: updates tensors, got {type(tensor).__name__}")
        self._held = [(index, [tensor._array for tensor in columns[index]]) for index in changed]
        first = self._held[0][1]
        self.shapes = [array.shape for array in first]
        self.dtypes = [array.dtype for array in first]
        self.scattered: list[tuple[np.ndarray, np.ndarray]] = []
        self.lines: list[list[np.ndarray] | None] = [None] * len(columns)
        for index, arrays in self._held:
            name = update.operands[index]
            self.lines[index] = [self._line(a, s, d, name) for a, s, d in self._rows_of(arrays)]
        loop = update._loop
        kinds = set(self.dtypes)
        small = all(array.size < CHUNK for array in first)
        self.serial = loop.variant(kinds.pop()).serial if small and len(kinds) == 1 else None
        self.runs = [partial(loop.run, array.dtype, array.size) for array in first]

    def _rows_of(self, arrays: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, Shape, np.dtype[Any]]]:
        return zip(arrays, self.shapes, self.dtypes, strict=True)

    def _line(self, array: np.ndarray, shape: Shape, dtype: np.dtype[Any], name: str) -> np.ndarray:
        _check(array, shape, dtype, name)
        flags = array.flags
        if not flags.writeable:
            raise ValueError(f"{name} of shape {shape} lies in read-only memory and cannot be updated in place")
        if flags.carray:
            return array.ravel()
        line = np.empty(array.size, dtype)
        self.scattered.append((array, line))
        return line

    def match(self, columns: Sequence[Sequence[Tensor]]) -> bool:
        """Whether the tensors of `columns` still have the arrays met before."""
        return all(
            len(columns[index]) == len(arrays) and all(map(is_, [t._array for t in columns[index]], arrays))
            for index, arrays in self._held
        )

    def read(self, index: int, column: Sequence[Tensor], name: str) -> list[np.ndarray]:
        """The lines of an operand that is only read."""
        if len(column) != len(self.shapes):
            raise ValueError(f"{name}: expected {len(self.shapes)} tensors, one for each row, got {len(column)}")
        return [
            array.ravel()
            if array.shape == shape and array.dtype is dtype and array.flags.carray
            else _copied(array, shape, dtype, name)
            for array, shape, dtype in zip([t._array for t in column], self.shapes, self.dtypes, strict=True)
        ]


def _check(array: np.ndarray, shape: Shape, dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind != "f" or array.dtype != dtype:
        raise TypeError(f"{name}: expected float32 or float64 throughout a row, got {array.dtype} and {dtype}")
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, but what it updates has {shape}")


def _copied(array: np.ndarray, shape: Shape, dtype: np.dtype[Any], name: str) -> np.ndarray:
    """A line with the values of an array that does not lie in one writeable piece."""
    _check(array, shape, dtype, name)
    return np.array(array, order="C").ravel()


def _split(formula: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a formula's arrays and of its numbers."""
    entries = inspect.signature(formula).parameters.values()
    for entry in entries:
        if entry.kind in (entry.VAR_POSITIONAL, entry.VAR_KEYWORD):
            raise TypeError(f"{formula.__name__}: a formula names each operand, it cannot take {entry}")
    numbers = tuple(entry.name for entry in entries if entry.kind is entry.KEYWORD_ONLY)
    return tuple(entry.name for entry in entries if entry.name not in numbers), numbers


def _trace(formula: Callable[..., Any], operands: Sequence[str], scalars: Sequence[str]) -> list[Expression]:
    returned = formula(*map(Symbol, operands), **{name: Symbol(name) for name in scalars})
    return [as_expression(value) for value in (returned if isinstance(returned, tuple) else (returned,))]


def _symbols(expression: Expression) -> set[str]:
    """The names an expression reads."""
    if isinstance(expression, Symbol):
        return {expression.name}
    if isinstance(expression, Call):
        return set().union(*map(_symbols, expression.arguments))
    return set()


__all__ = ["FusedUpdate"]
