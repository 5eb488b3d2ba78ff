"""The sum, the product, the largest and the smallest element of a contiguous line, with explicit vectors.

LLVM vectorises such loops only where it may reorder all of their additions, or is told that there is no NaN. Here the
order is fixed, by the length alone, and a NaN of either sign wins every comparison. Float32 is widened to double after
few operations, so that long lines keep their digits; after none at all it would take twice as long.

Each function has a Python form, which is its meaning, for ``NUMBA_DISABLE_JIT=1``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from .jit import DISABLED
from .lanes import counted_loop, integer
from .simd import WIDTH

# Bytes of the vectors that are written: a register of AVX-512, or several of others.
_BYTES = 64
# Vectors that a turn of the main loop takes.
_TURN = 4
_BIT, _INDEX = ir.IntType(1), ir.IntType(32)


class _Line:
    """A line inside a function that is being built, and the vectors it is read in."""

    def __init__(self, builder: ir.IRBuilder, data: Any, size: Any, lanes: int | None, width: int) -> None:
        self.builder = builder
        self.data = data
        self.size = size
        self.scalar = data.type.pointee
        self.bytes = 8 if isinstance(self.scalar, ir.DoubleType) else 4
        self.lanes = lanes or width // self.bytes
        self.type = ir.VectorType(self.scalar, self.lanes)
        self.wide = ir.VectorType(ir.DoubleType(), self.lanes)
        self.integers = ir.VectorType(ir.IntType(8 * self.bytes), self.lanes)
        # Where the turns of the main loop end.
        self.turns = builder.and_(size, integer(-_TURN * self.lanes))

    def everywhere(self, kind: ir.VectorType, value: float) -> Any:
        """A vector of one number."""
        return ir.Constant(kind, [value] * self.lanes)

    def at(self, place: Any) -> Any:
        """The vector that begins at a place."""
        pointer = self.builder.gep(self.data, [place])
        found = self.builder.load(self.builder.bitcast(pointer, self.type.as_pointer()))
        found.align = self.bytes
        return found

    def turn(self, place: Any) -> list[Any]:
        """The vectors of one turn, read in order.

        Across turns that LLVM puts into one it would read them out of order, at which processors fetch less far ahead.
        """
        self.builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], True)
        return [self.at(self.builder.add(place, integer(number * self.lanes))) for number in range(_TURN)]

    def rest(self, place: Any, filling: float) -> Any:
        """The vector at a place with the `filling` where the line has ended."""
        builder = self.builder
        numbers = ir.Constant(ir.VectorType(ir.IntType(64), self.lanes), [*range(self.lanes)])
        mask = builder.icmp_signed("<", numbers, self._spread(builder.sub(self.size, place)))
        pointer = builder.bitcast(builder.gep(self.data, [place]), self.type.as_pointer())
        arguments = pointer.type, _INDEX, mask.type, self.type
        name = f"llvm.masked.load.v{self.lanes}f{8 * self.bytes}.p0"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(self.type, arguments), name)
        return builder.call(function, [pointer, _INDEX(self.bytes), mask, self.everywhere(self.type, filling)])

    def _spread(self, value: Any) -> Any:
        vector = ir.VectorType(value.type, self.lanes)
        first = self.builder.insert_element(ir.Constant(vector, ir.Undefined), value, _INDEX(0))
        places = ir.Constant(ir.VectorType(_INDEX, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, first, places)

    def widened(self, vector: Any) -> Any:
        """A vector in double precision."""
        return vector if vector.type == self.wide else self.builder.fpext(vector, self.wide)

    def across(self, combine: Callable[[Any, Any], Any], vector: Any) -> Any:
        """The lanes of a vector combined into one number, halves with each other."""
        lanes = self.lanes
        while lanes > 1:
            lanes //= 2
            places = ir.VectorType(_INDEX, lanes)
            low, high = (ir.Constant(places, [*range(start, start + lanes)]) for start in (0, lanes))
            vector = combine(
                self.builder.shuffle_vector(vector, vector, low), self.builder.shuffle_vector(vector, vector, high)
            )
        return self.builder.extract_element(vector, _INDEX(0))


def _build_sum(line: _Line) -> Any:
    builder = line.builder

    def add_turn(place: Any, total: Any) -> list[Any]:
        a, b, c, d = line.turn(place)
        return [builder.fadd(total, line.widened(builder.fadd(builder.fadd(a, b), builder.fadd(c, d))))]

    def add_rest(place: Any, total: Any) -> list[Any]:
        return [builder.fadd(total, line.widened(line.rest(place, 0.0)))]

    total = [line.everywhere(line.wide, 0.0)]
    total = counted_loop(builder, integer(0), line.turns, _TURN * line.lanes, total, add_turn)
    (found,) = counted_loop(builder, line.turns, line.size, line.lanes, total, add_rest)
    return line.across(builder.fadd, found)


def _build_product(line: _Line) -> Any:
    builder = line.builder

    def multiply_turn(place: Any, *totals: Any) -> list[Any]:
        vectors = [*line.turn(place), *line.turn(builder.add(place, integer(_TURN * line.lanes)))]
        return [builder.fmul(total, line.widened(vector)) for total, vector in zip(totals, vectors, strict=True)]

    def multiply_rest(place: Any, total: Any) -> list[Any]:
        return [builder.fmul(total, line.widened(line.rest(place, 1.0)))]

    # As many running products as two turns have vectors: each waits four cycles for its last multiplication.
    step = 2 * _TURN * line.lanes
    stop = builder.and_(line.size, integer(-step))
    totals = [line.everywhere(line.wide, 1.0)] * (2 * _TURN)
    totals = counted_loop(builder, integer(0), stop, step, totals, multiply_turn)
    while len(totals) > 1:
        totals = [builder.fmul(a, b) for a, b in zip(totals[::2], totals[1::2], strict=True)]
    (found,) = counted_loop(builder, stop, line.size, line.lanes, totals, multiply_rest)
    return line.across(builder.fmul, found)


def _build_extremum(line: _Line, predicate: str, nan_wins: bool = True) -> Any:
    builder = line.builder
    floor = line.scalar(-math.inf if predicate == ">" else math.inf)
    nan = line.scalar(math.nan)
    scalars = integer(line.lanes)

    def better(value: Any, best: Any) -> Any:
        # The very comparison and choice that processors have as one instruction, which leaves `best` beside a NaN.
        return builder.select(builder.fcmp_ordered(predicate, value, best), value, best)

    def noted(seen: Any, *vectors: Any) -> Any:
        """Where one of two vectors, or the only one, has a NaN: one comparison finds either."""
        if not nan_wins:
            return seen
        unordered = builder.fcmp_unordered("uno", vectors[0], vectors[-1])
        return builder.or_(seen, builder.sext(unordered, line.integers))

    def turn(place: Any, *state: Any) -> list[Any]:
        *best, seen = state
        a, b, c, d = vectors = line.turn(place)
        return [*map(better, vectors, best), noted(noted(seen, a, b), c, d)]

    def one(place: Any, best: Any, seen: Any) -> list[Any]:
        # The last vector reaches back over elements that are done: an extremum may see them twice.
        last = builder.sub(line.size, scalars)
        place = builder.select(builder.icmp_signed("<", place, last), place, last)
        vector = line.at(place)
        return [better(vector, best), noted(seen, vector)]

    def few(place: Any, best: Any) -> list[Any]:
        value = builder.load(builder.gep(line.data, [place]))
        if not nan_wins:
            return [better(value, best)]
        value = builder.select(builder.fcmp_unordered("uno", value, value), nan, value)
        kept = builder.fcmp_unordered("uno", best, best)
        return [builder.select(kept, best, builder.select(builder.fcmp_ordered(predicate, best, value), best, value))]

    short = builder.icmp_signed("<", line.size, scalars)
    zero = integer(0)
    lowest, unseen = line.everywhere(line.type, floor.constant), line.everywhere(line.integers, 0)
    *best, seen = counted_loop(builder, zero, line.turns, _TURN * line.lanes, [lowest] * _TURN + [unseen], turn)
    merged = better(better(best[0], best[1]), better(best[2], best[3]))
    stop = builder.select(short, zero, line.size)
    merged, seen = counted_loop(builder, line.turns, stop, line.lanes, [merged, seen], one)
    (single,) = counted_loop(builder, zero, builder.select(short, line.size, zero), 1, [floor], few)
    found = line.across(better, merged)
    if nan_wins:
        any_seen = line.across(builder.or_, seen)
        found = builder.select(builder.icmp_signed("!=", any_seen, any_seen.type(0)), nan, found)
    return builder.select(short, single, found)


def _fold(
    name: str,
    build: Callable[[_Line], Any],
    result: types.Type | None = None,
    lanes: int | None = None,
    width: int = _BYTES,
) -> Any:
    """An intrinsic of a contiguous line, read in vectors of so many `lanes`, or else of `width` bytes."""

    def typer(_context: Any, line: Any) -> Any:
        if not isinstance(line, types.Array) or line.ndim != 1 or line.layout != "C":
            raise TypingError(f"{name} takes a contiguous line, not {line}")

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, values[0])
            return build(_Line(builder, array.data, array.nitems, lanes, width))

        return (line.dtype if result is None else result)(line), generate

    typer.__name__ = name
    return intrinsic(typer)


if DISABLED:

    def sum_of_line(line: Any) -> Any:
        """The sum of a line, in double precision."""
        return line.sum(dtype=np.float64)

    def product_of_line(line: Any) -> Any:
        """The product of a line, in double precision."""
        return line.prod(dtype=np.float64)

    def largest(line: Any) -> Any:
        """The largest element of a line, or NaN if it holds one."""
        return np.max(line)

    def largest_number(line: Any) -> Any:
        """The largest element of a line that is not NaN, -inf where all are."""
        return np.fmax.reduce(line, initial=-np.inf)

    def smallest(line: Any) -> Any:
        """The smallest element of a line, or NaN if it holds one."""
        return np.min(line)

else:
    sum_of_line = _fold("sum_of_line", _build_sum, types.float64)
    # Nothing but conversions and products, of which processors do more in a register of 256 bits than in one of 512.
    product_of_line = _fold("product_of_line", _build_product, types.float64, lanes=4)
    # Four running extrema hide a comparison's time; more registers than that would be too many for AVX2.
    largest = _fold("largest", lambda line: _build_extremum(line, ">"), width=WIDTH)
    largest_number = _fold("largest_number", lambda line: _build_extremum(line, ">", nan_wins=False), width=WIDTH)
    smallest = _fold("smallest", lambda line: _build_extremum(line, "<"), width=WIDTH)
