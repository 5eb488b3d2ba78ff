"""Sums and maxima over rows of neighbouring elements, with explicit vectors.

A row is `size` elements of a flat array that lie side by side: the channels of one pixel. LLVM vectorises a loop over
a row, but not one over the rows of a window inside it, and checks anew for each row whether arrays overlap; for the 16
to 64 channels of a small network that costs more than the arithmetic. Here running values stay in registers, in
blocks as wide as the row allows.

Each function has a Python form, which is its meaning, for ``NUMBA_DISABLE_JIT=1``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import DISABLED
from .simd import WIDTH

_BYTES = {"i32": 4, "float": 4, "double": 8}
# Lanes taken at a time: several registers of any processor, and in rows too short for that one or less.
_WIDE, _NARROW = (64, 32, 16), (8, 4, 1)


class Block:
    """The `lanes` elements from some lane on of each row, inside a function that is being built."""

    def __init__(self, builder: ir.IRBuilder, lanes: int, lane: Any) -> None:
        self.builder = builder
        self.lanes = lanes
        self.lane = lane

    def _pointer(self, data: Any, offset: Any) -> Any:
        pointer = self.builder.gep(data, [self.builder.add(offset, self.lane)])
        if self.lanes > 1:
            pointer = self.builder.bitcast(pointer, ir.VectorType(data.type.pointee, self.lanes).as_pointer())
        return pointer

    def load(self, data: Any, offset: Any) -> Any:
        """The elements of the row at an offset."""
        loaded = self.builder.load(self._pointer(data, offset))
        loaded.align = _BYTES[str(data.type.pointee)]
        return loaded

    def store(self, value: Any, data: Any, offset: Any) -> None:
        """Write the elements of the row at an offset."""
        self.builder.store(value, self._pointer(data, offset)).align = _BYTES[str(data.type.pointee)]

    def spread(self, number: Any) -> Any:
        """A number in every lane."""
        if self.lanes == 1:
            return number
        vector = ir.VectorType(number.type, self.lanes)
        empty = ir.Constant(vector, ir.Undefined)
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        first = self.builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, empty, places)


def counted_loop(
    builder: ir.IRBuilder, start: Any, stop: Any, step: int, state: list[Any], body: Callable[..., Any]
) -> Any:
    """``for i in range(start, stop, step): state = body(i, *state)`` with the state in registers."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("head", "inside", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    counter, *held = [builder.phi(value.type) for value in (start, *state)]
    for phi, value in zip((counter, *held), (start, *state), strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", counter, stop), inside, after)
    builder.position_at_end(inside)
    results = body(counter, *held)
    following = builder.add(counter, integer(step))
    for phi, value in zip((counter, *held), (following, *results), strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return held


def integer(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)


def _over_lanes(builder: ir.IRBuilder, size: Any, body: Callable[[Block], None], wider: tuple[int, ...] = ()) -> None:
    """Run `body` for the blocks that make up a row: as many of the widest as fit, then narrower ones.

    The last block may reach back over lanes that are done: `body` writes what depends on its inputs alone. Blocks may
    be `wider` than usual where that does not take more registers than there are.
    """
    start = integer(0)
    for lanes in (*wider, *_WIDE):
        start = _blocks(builder, start, size, lanes, body)
    with builder.if_then(builder.icmp_signed("<", start, size)):
        least = integer(_WIDE[-1])
        with builder.if_else(builder.icmp_signed(">=", size, least)) as (long, short):
            with long:
                body(Block(builder, _WIDE[-1], builder.sub(size, least)))
            with short:
                rest = start
                for lanes in _NARROW:
                    rest = _blocks(builder, rest, size, lanes, body)


def _blocks(builder: ir.IRBuilder, start: Any, size: Any, lanes: int, body: Callable[[Block], None]) -> Any:
    """Run `body` for blocks of one width from `start` on, as many as fit; where they end."""

    def run(lane: Any) -> list[Any]:
        body(Block(builder, lanes, lane))
        return []

    stop = builder.and_(size, integer(-lanes))
    counted_loop(builder, start, stop, lanes, [], run)
    return stop


def _generator(build: Callable[..., None]) -> Callable[..., Any]:
    """Code generation for a function of arrays, which `build` gets as pointers, and numbers."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        unpacked = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        build(builder, *unpacked)
        return context.get_dummy_value()

    return generate


def _entry(builder: ir.IRBuilder, data: Any, place: Any) -> Any:
    return builder.load(builder.gep(data, [place]))


def _row(builder: ir.IRBuilder, start: Any, place: Any, size: Any) -> Any:
    """Where the row of a pixel begins."""
    return builder.mul(builder.add(start, builder.sext(place, start.type)), size)


# --- maxima -----------------------------------------------------------------------------------------------------


def _build_max(builder, x, start, places, begin, end, out, index, pixel, size):
    at = builder.mul(pixel, size)
    following = builder.add(begin, integer(1))

    def body(block: Block) -> None:
        def improve(tap: Any, best: Any, chosen: Any) -> list[Any]:
            place = _entry(builder, places, tap)
            value = block.load(x, _row(builder, start, place, size))
            # A comparison with NaN is false, so that one stays; and one that comes takes the place of what there is.
            larger = builder.fcmp_ordered(">", value, best)
            better = builder.or_(larger, builder.fcmp_unordered("uno", value, value))
            return [builder.select(better, value, best), builder.select(better, block.spread(place), chosen)]

        place = _entry(builder, places, begin)
        state = [block.load(x, _row(builder, start, place, size)), block.spread(place)]
        best, chosen = counted_loop(builder, following, end, 1, state, improve)
        block.store(best, out, at)
        block.store(chosen, index, at)

    _over_lanes(builder, size, body)


def _max_of_rows(x, start, places, begin, end, out, index, pixel, size):
    for lane in range(size):
        chosen = places[begin]
        best = x[(start + chosen) * size + lane]
        for place in places[begin + 1 : end]:
            value = x[(start + place) * size + lane]
            if value > best or value != value:
                best, chosen = value, place
        out[pixel * size + lane], index[pixel * size + lane] = best, chosen


def _build_add_chosen(builder, x, index, start, places, begin, end, wanted, out, pixel, size):
    at = builder.mul(pixel, size)
    zero = ir.Constant(x.type.pointee, 0.0)

    def body(block: Block) -> None:
        here = block.spread(builder.trunc(wanted, index.type.pointee))

        def add(tap: Any, total: Any) -> list[Any]:
            row = _row(builder, start, _entry(builder, places, tap), size)
            chosen = builder.icmp_signed("==", block.load(index, row), here)
            return [builder.fadd(total, builder.select(chosen, block.load(x, row), block.spread(zero)))]

        (total,) = counted_loop(builder, begin, end, 1, [block.spread(zero)], add)
        block.store(total, out, at)

    _over_lanes(builder, size, body)


def _add_chosen_rows(x, index, start, places, begin, end, wanted, out, pixel, size):
    for lane in range(size):
        total = x.dtype.type(0)
        for place in places[begin:end]:
            if index[(start + place) * size + lane] == wanted:
                total += x[(start + place) * size + lane]
        out[pixel * size + lane] = total


def _build_spread_chosen(builder, x, index, pixel, start, places, begin, end, out, size):
    at = builder.mul(pixel, size)
    zero = ir.Constant(x.type.pointee, 0.0)

    def body(block: Block) -> None:
        value, chosen = block.load(x, at), block.load(index, at)

        def write(tap: Any) -> list[Any]:
            place = _entry(builder, places, tap)
            here = builder.icmp_signed("==", chosen, block.spread(place))
            block.store(builder.select(here, value, block.spread(zero)), out, _row(builder, start, place, size))
            return []

        counted_loop(builder, begin, end, 1, [], write)

    _over_lanes(builder, size, body)


def _spread_chosen_rows(x, index, pixel, start, places, begin, end, out, size):
    for lane in range(size):
        for place in places[begin:end]:
            chosen = index[pixel * size + lane] == place
            out[(start + place) * size + lane] = x[pixel * size + lane] if chosen else x.dtype.type(0)


# --- sums -------------------------------------------------------------------------------------------------------


def _build_combine(builder, x, start, places, weights, begin, end, out, pixel, size):
    at = builder.mul(pixel, size)
    zero = ir.Constant(x.type.pointee, 0.0)

    def body(block: Block) -> None:
        def add(tap: Any, total: Any) -> list[Any]:
            value = block.load(x, _row(builder, start, _entry(builder, places, tap), size))
            product = builder.fmul(value, block.spread(_entry(builder, weights, tap)), flags=("contract",))
            return [builder.fadd(total, product, flags=("contract",))]

        (total,) = counted_loop(builder, begin, end, 1, [block.spread(zero)], add)
        block.store(total, out, at)

    _over_lanes(builder, size, body)


def _combine_rows(x, start, places, weights, begin, end, out, pixel, size):
    for lane in range(size):
        total = x.dtype.type(0)
        for tap in range(begin, end):
            total += x[(start + places[tap]) * size + lane] * weights[tap]
        out[pixel * size + lane] = total


def _build_mean(builder, x, first, count, scale, out, pixel, size):
    at = builder.mul(pixel, size)
    zero = ir.Constant(x.type.pointee, 0.0)

    def body(block: Block) -> None:
        def add(tap: Any, total: Any) -> list[Any]:
            return [builder.fadd(total, block.load(x, builder.mul(builder.add(first, tap), size)))]

        (total,) = counted_loop(builder, integer(0), count, 1, [block.spread(zero)], add)
        block.store(builder.fmul(total, block.spread(scale)), out, at)

    # Rows that are read in longer pieces come from memory faster; the sums of 1 KiB take half of the registers.
    _over_lanes(builder, size, body, (256, 128) if WIDTH == 64 and x.type.pointee == ir.FloatType() else ())


def _mean_of_rows(x, first, count, scale, out, pixel, size):
    for lane in range(size):
        total = x.dtype.type(0)
        for row in range(first, first + count):
            total += x[row * size + lane]
        out[pixel * size + lane] = total * scale


if DISABLED:
    max_of_rows, add_chosen_rows, combine_rows = _max_of_rows, _add_chosen_rows, _combine_rows
    spread_chosen_rows, mean_of_rows = _spread_chosen_rows, _mean_of_rows
else:

    @intrinsic
    def max_of_rows(_context, x, start, places, begin, end, out, index, pixel, size):
        """The largest of the rows of `x` that places[begin:end] names, and its place: the first of equals, a NaN.

        Rows are counted from `start`; `pixel` is the row of `out` and `index` that is written.
        """
        return types.void(x, start, places, begin, end, out, index, pixel, size), _generator(_build_max)

    @intrinsic
    def add_chosen_rows(_context, x, index, start, places, begin, end, wanted, out, pixel, size):
        """The sum of the rows of `x` that places[begin:end] names, of each lane only where `index` holds `wanted`."""
        arguments = x, index, start, places, begin, end, wanted, out, pixel, size
        return types.void(*arguments), _generator(_build_add_chosen)

    @intrinsic
    def spread_chosen_rows(_context, x, index, pixel, start, places, begin, end, out, size):
        """Write row `pixel` to the one of the rows places[begin:end] that `index` names, lane by lane; 0 to others."""
        return types.void(x, index, pixel, start, places, begin, end, out, size), _generator(_build_spread_chosen)

    @intrinsic
    def combine_rows(_context, x, start, places, weights, begin, end, out, pixel, size):
        """The sum of the rows of `x` that places[begin:end] names, each times its own of `weights`."""
        return types.void(x, start, places, weights, begin, end, out, pixel, size), _generator(_build_combine)

    @intrinsic
    def mean_of_rows(_context, x, first, count, scale, out, pixel, size):
        """The sum of `count` rows of `x` from the row `first` on, times `scale`, as row `pixel` of `out`."""
        return types.void(x, first, count, scale, out, pixel, size), _generator(_build_mean)
