"""The tile of depthwise convolution as LLVM IR: a few neighbours in a line of pixels, for one vector of channels.

Channels are lanes, so nothing is broadcast, and what a processor does for each multiplication is to load. Three taps
that lie side by side therefore share what they read: each pixel is loaded once for all three, and their weights stay
in registers. Pixels outside the line are read from a vector of zeros.
"""

from __future__ import annotations

import itertools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..simd import Arguments, Vectors, constant

# Places that a tile takes, and neighbouring taps that it takes at a time: with these the sums, the weights and what is
# read fit 16 registers.
PLACES, TAPS = 8, 3
# Steps from one place's window to the next at which neighbouring taps are taken together.
STEPS = (1, 2)
# Numbers that a term has in the table.
FIELDS = 3

_NAMES = (
    *("places", "first_place", "place_step", "count", "x", "x_start", "column", "step", "width", "channels", "terms"),
    *("three", "two", "one", "last", "taps", "first_tap", "tap_step", "initial", "initial_start", "zeros"),
)


class _Tile:
    """What the two tiles have in common while they are built."""

    def __init__(self, builder: ir.IRBuilder, given: Any, vectors: Vectors, step: int, masked: bool) -> None:
        self.builder, self.given, self.vectors, self.step = builder, given, vectors, step
        self.mask = self.vectors.mask(given.channels) if masked else None
        self.zeros = builder.gep(given.zeros, [constant(0)])
        self.x = builder.gep(given.x, [given.x_start])
        self.taps = builder.gep(given.taps, [given.first_tap])

    def load(self, pointer: Any) -> Any:
        return self.vectors.load(pointer, self.mask)

    def exists(self, place: int) -> Any:
        return self.builder.icmp_signed("<", constant(place), self.given.count)

    def place(self, number: int) -> Any:
        offset = self.builder.mul(self.given.place_step, constant(number))
        return self.builder.gep(self.given.places, [self.builder.add(self.given.first_place, offset)])

    def _field(self, term: Any, number: int) -> Any:
        index = self.builder.add(self.builder.mul(term, constant(FIELDS)), constant(number))
        return self.builder.load(self.builder.gep(self.given.terms, [index]))

    def terms(self, body: Any) -> None:
        """Emit the loops over the terms of three taps, of two and of one.

        ``body(taps, read)`` is given the addresses of the weights, and pairs of what is read at a column and the
        numbers of the places and taps that it meets.
        """
        given = self.given
        near = [(i, constant(i)) for i in range((PLACES - 1) * self.step + TAPS)]
        single = [(j, self.builder.mul(given.step, constant(j))) for j in range(PLACES)]
        for start, stop, count, columns in (
            (given.three, given.two, 3, near),
            (given.two, given.one, 2, near[:-1]),
            (given.one, given.last, 1, single),
        ):
            with cgutils.for_range_slice(self.builder, start, stop, constant(1)) as (term, _):
                line = self.builder.gep(self.x, [self._field(term, 0)])
                column = self.builder.add(given.column, self._field(term, 1))
                base = self.builder.gep(self.taps, [self._field(term, 2)])
                taps = [self.builder.gep(base, [self.builder.mul(given.tap_step, constant(k))]) for k in range(count)]
                read = ((self._pixel(line, column, shift), self._meets(i, count)) for i, shift in columns)
                body(taps, read)

    def _pixel(self, line: Any, column: Any, shift: Any) -> Any:
        """What lies at a column, zeros if that is outside the line."""
        at = self.builder.add(column, shift)
        inside = self.builder.icmp_unsigned("<", at, self.given.width)
        there = self.builder.gep(line, [self.builder.mul(at, self.given.channels)])
        return self.load(self.builder.select(inside, there, self.zeros))

    def _meets(self, column: int, taps: int) -> list[tuple[int, int]]:
        if taps == 1:
            return [(column, 0)]
        met = ((divmod(column - tap, self.step), tap) for tap in range(taps))
        return [(place, tap) for (place, rest), tap in met if rest == 0 and 0 <= place < PLACES]


def _slots(tile: _Tile, count: int) -> list[Any]:
    """Stack slots, which LLVM turns into registers."""
    return [cgutils.alloca_once(tile.builder, tile.vectors.type) for _ in range(count)]


def _gather(tile: _Tile) -> None:
    builder, vectors = tile.builder, tile.vectors
    sums = _slots(tile, PLACES)
    initial = tile.load(builder.gep(tile.given.initial, [tile.given.initial_start]))
    for slot in sums:
        builder.store(initial, slot)

    def add(taps: list[Any], read: Any) -> None:
        weights = [tile.load(tap) for tap in taps]
        for pixel, met in read:
            for place, tap in met:
                builder.store(vectors.multiply_add(pixel, weights[tap], builder.load(sums[place])), sums[place])

    tile.terms(add)
    for number, slot in enumerate(sums):
        with builder.if_then(tile.exists(number)):
            vectors.store(builder.load(slot), tile.place(number), tile.mask)


def _correlate(tile: _Tile) -> None:
    builder, vectors = tile.builder, tile.vectors
    factors = [
        tile.load(builder.select(tile.exists(number), tile.place(number), tile.zeros)) for number in range(PLACES)
    ]

    def add(taps: list[Any], read: Any) -> None:
        sums = _slots(tile, len(taps))
        for slot, tap in zip(sums, taps, strict=True):
            builder.store(vectors.load(tap), slot)
        for pixel, met in read:
            for place, tap in met:
                builder.store(vectors.multiply_add(pixel, factors[place], builder.load(sums[tap])), sums[tap])
        for slot, tap in zip(sums, taps, strict=True):
            vectors.store(builder.load(slot), tap)

    tile.terms(add)


def line_tile(correlate: bool = False) -> Any:
    """An intrinsic for the sums of a few neighbouring places of a line, or with `correlate` what they add to the taps.

    ``tile(places, first_place, place_step, count, x, x_start, column, step, width, channels, terms, three, two, one,
    last, taps, first_tap, tap_step, initial, initial_start, zeros)`` does, for j < `count` and a vector of v,

        places[first_place + j * place_step + v] = initial[initial_start + v] + sum over the terms t and their taps k of
            x[x_start + line(t) + (column + j * step + shift(t) + k) * channels + v]
            * taps[first_tap + tap(t) + k * tap_step + v]

    where x is zero unless the column is one of the line's `width`; `terms` holds line, shift and tap of each. The terms
    from `three` to `two` have three taps each, those up to `one` two, and those up to `last` one: more than one only if
    `step` is 1 or 2. With `correlate` places is read, and each of the taps has places times x added to it. Where there
    are fewer channels than lanes, the vectors hold no others.
    """

    def typer(
        _context: Any, places: Any, first_place: Any, place_step: Any, count: Any, x: Any, x_start: Any, column: Any,
        step_: Any, width: Any, channels: Any, terms: Any, three: Any, two: Any, one: Any, last: Any,
        taps: Any, first_tap: Any, tap_step: Any, initial: Any, initial_start: Any, zeros: Any,
    ) -> Any:  # fmt: skip
        whole = types.int64
        signature = types.void(
            places, whole, whole, whole, x, whole, whole, whole, whole, whole, terms,
            whole, whole, whole, whole, taps, whole, whole, initial, whole, zeros,
        )  # fmt: skip

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, _NAMES, signature, values)
            vectors = Vectors(builder, signature.args[0].dtype)
            few = builder.icmp_signed("<", given.channels, constant(vectors.lanes))
            double = builder.icmp_signed("==", given.step, constant(2))
            for masked, step in itertools.product((False, True), STEPS):
                fits = builder.and_(few if masked else builder.not_(few), double if step == 2 else builder.not_(double))
                with builder.if_then(fits):
                    (_correlate if correlate else _gather)(_Tile(builder, given, vectors, step, masked))
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typer)


__all__ = ["FIELDS", "PLACES", "STEPS", "TAPS", "line_tile"]
