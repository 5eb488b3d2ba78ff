"""Explicit vector code: register tiles as LLVM IR, for loops that LLVM's vectoriser does not find by itself.

The width of a vector and the number of registers come from the processor's features (or from what Numba is told by
``NUMBA_CPU_FEATURES``), never from a constant: 16 float32 lanes with AVX-512, 8 with AVX, 4 otherwise.
"""

from __future__ import annotations

from typing import Any

import numba.core.config
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_settings: Any = numba.core.config


def _features() -> frozenset[str]:
    """The features that code is generated for: what Numba is told to use, else the processor's own."""
    if _settings.CPU_FEATURES is not None:
        return frozenset(name[1:] for name in _settings.CPU_FEATURES.split(",") if name.startswith("+"))
    if _settings.CPU_NAME == "generic":
        return frozenset()
    return frozenset(name for name, present in binding.get_host_cpu_features().items() if present)


FEATURES = _features()
# Bytes of a vector register.
WIDTH = 64 if "avx512f" in FEATURES else 32 if "avx" in FEATURES else 16
LANES = {"float32": WIDTH // 4, "float64": WIDTH // 8}
# Rows of a tile that is two vectors wide: with their two columns of accumulators, the two vectors read and the one
# broadcast they fill the registers. With 32 registers 8 rows hide the latency of the arithmetic, and more would need
# more addresses than there are general registers.
ROWS = 8 if WIDTH == 64 else 6

_INTEGER = ir.IntType(64)


def constant(value: int) -> ir.Constant:
    """An integer of 64 bits."""
    return ir.Constant(_INTEGER, value)


class Vectors:
    """Instructions on vectors of one kind, written through a builder."""

    def __init__(self, builder: ir.IRBuilder, real: types.Type) -> None:
        self.builder = builder
        double = real == types.float64
        self.size = 8 if double else 4
        self.scalar = ir.DoubleType() if double else ir.FloatType()
        self.lanes = WIDTH // self.size
        self.type = ir.VectorType(self.scalar, self.lanes)
        self.suffix = f"v{self.lanes}f{8 * self.size}"
        self._mask = ir.VectorType(ir.IntType(1), self.lanes)

    def _function(self, name: str, result: ir.Type, *arguments: ir.Type) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, arguments), name)

    def _address(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.type.as_pointer())

    def mask(self, count: Any) -> Any:
        """Which lanes lie before `count`."""
        numbers = ir.Constant(ir.VectorType(_INTEGER, self.lanes), [*range(self.lanes)])
        return self.builder.icmp_signed("<", numbers, self._spread(count, _INTEGER))

    def _spread(self, value: Any, kind: ir.Type) -> Any:
        vector = ir.VectorType(kind, self.lanes)
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.IntType(32)(0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        )

    def broadcast(self, value: Any) -> Any:
        """A scalar in all lanes."""
        return self._spread(value, self.scalar)

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """The vector at an address aligned for its scalars; lanes that the mask leaves out are 0 and not read."""
        if mask is None:
            found = self.builder.load(self._address(pointer))
            found.align = self.size
            return found
        address = self._address(pointer)
        function = self._function(
            f"llvm.masked.load.{self.suffix}.p0", self.type, address.type, ir.IntType(32), self._mask, self.type
        )
        return self.builder.call(function, [address, ir.IntType(32)(self.size), mask, ir.Constant(self.type, None)])

    def store(self, vector: Any, pointer: Any, mask: Any = None) -> None:
        """Write a vector, or those of its lanes that the mask names."""
        if mask is None:
            self.builder.store(vector, self._address(pointer)).align = self.size
            return
        address = self._address(pointer)
        function = self._function(
            f"llvm.masked.store.{self.suffix}.p0",
            ir.VoidType(),
            self.type,
            address.type,
            ir.IntType(32),
            self._mask,
        )
        self.builder.call(function, [vector, address, ir.IntType(32)(self.size), mask])

    def transpose(self, rows: list[Any]) -> list[Any]:
        """The columns of a square of as many rows as there are lanes."""
        number = ir.IntType(32)
        lanes, half = self.lanes, self.lanes // 2
        # Interleaving row i with row i + lanes / 2, as often as the lanes can be halved, moves every bit of the row's
        # number into the lane's: the perfect shuffle.
        low = [index // 2 + (index % 2) * lanes for index in range(lanes)]
        for _ in range(lanes.bit_length() - 1):
            mixed = []
            for i in range(half):
                for part in (0, half):
                    picked = ir.Constant(ir.VectorType(number, lanes), [index + part for index in low])
                    mixed.append(self.builder.shuffle_vector(rows[i], rows[i + half], picked))
            rows = mixed
        return rows

    def sums_across(self, rows: list[Any]) -> Any:
        """One vector of the sums of as many vectors as there are lanes, in their order."""
        kind = ir.VectorType(ir.IntType(32), self.lanes)
        even, odd = (ir.Constant(kind, [*range(first, 2 * self.lanes, 2)]) for first in (0, 1))
        while len(rows) > 1:
            # Neighbours of a pair's two rows added: the first half of the lanes is the first row's.
            pairs = zip(rows[::2], rows[1::2], strict=True)
            rows = [
                self.add(self.builder.shuffle_vector(a, b, even), self.builder.shuffle_vector(a, b, odd))
                for a, b in pairs
            ]
        return rows[0]

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.fadd(a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self.builder.fsub(a, b)

    def scaled(self, factor: float, a: Any, b: Any = None) -> Any:
        """factor * a + b, or factor * a."""
        constant = ir.Constant(self.type, [self.scalar(factor)] * self.lanes)
        return self.builder.fmul(constant, a) if b is None else self.multiply_add(constant, a, b)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused where the processor can."""
        # llvm.fma would become a call of libm, lane by lane, on processors without the instruction.
        function = self._function(f"llvm.fmuladd.{self.suffix}", self.type, self.type, self.type, self.type)
        return self.builder.call(function, [a, b, c])


class Arguments:
    """The arguments of an intrinsic by name: integers as they are, arrays by their addresses."""

    def __init__(self, context: Any, builder: ir.IRBuilder, names: tuple[str, ...], signature: Any, values: Any):
        self._found = {}
        for name, kind, value in zip(names, signature.args, values, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            self._found[name] = value

    def __getattr__(self, name: str) -> Any:
        return self._found[name]


def transpose_tile(masked: bool = False) -> Any:
    """An intrinsic that transposes a square of as many rows and columns as a vector has lanes.

    ``tile(out, out_start, out_rows, out_row, x, x_start, x_step, count)`` reads a vector from each of the rows of x,
    `x_step` apart, of which `count` exist, and writes their columns: column j at ``out_start + out_rows[out_row + j]``,
    whole vectors with zeros for the rows that do not exist. With `masked` the roles change: all rows are read at
    ``x_start + x_rows[x_row + i]``, and of the columns, `out_step` apart, `count` are written:
    ``tile(x, x_start, x_rows, x_row, out, out_start, out_step, count)``.
    """
    names = ("tabled", "tabled_start", "table", "row", "stepped", "stepped_start", "step", "count")

    def typer(
        _context: Any, tabled: Any, tabled_start: Any, table: Any, row: Any, stepped: Any, stepped_start: Any,
        step: Any, count: Any,
    ) -> Any:  # fmt: skip
        whole = types.int64
        signature = types.void(tabled, whole, table, whole, stepped, whole, whole, whole)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, names, signature, values)
            vectors = Vectors(builder, signature.args[0].dtype)
            lanes = vectors.lanes

            def tabled_place(index: int) -> Any:
                entry = builder.load(builder.gep(given.table, [builder.add(given.row, constant(index))]))
                return builder.gep(builder.gep(given.tabled, [given.tabled_start]), [entry])

            def stepped_place(index: int) -> Any:
                offset = builder.add(given.stepped_start, builder.mul(given.step, constant(index)))
                return builder.gep(given.stepped, [offset])

            if masked:
                columns = vectors.transpose([vectors.load(tabled_place(i)) for i in range(lanes)])
                for i, column in enumerate(columns):
                    with builder.if_then(builder.icmp_signed("<", constant(i), given.count)):
                        vectors.store(column, stepped_place(i))
                return context.get_dummy_value()
            rows = []
            for i in range(lanes):
                # A row that does not exist has its first one's address, and no lanes.
                exists = builder.icmp_signed("<", constant(i), given.count)
                place = builder.select(exists, stepped_place(i), stepped_place(0))
                found = vectors.load(place)
                rows.append(builder.select(exists, found, ir.Constant(vectors.type, None)))
            for i, column in enumerate(vectors.transpose(rows)):
                vectors.store(column, tabled_place(i))
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typer)


def square_transform(size: int, transform: Any, shifted: bool = False) -> Any:
    """An intrinsic that applies a linear map to the columns and then to the rows of a square, for a vector of squares.

    ``tile(out, out_start, out_row, out_column, x, x_start, x_row, x_column, shift, shift_start)`` reads a vector at
    ``x_start + i * x_row + j * x_column`` for all i, j < `size` and writes what becomes of them likewise; with
    `shifted` the vector of `shift` is added to each. ``transform(arithmetic, values)`` maps a list of vectors to
    another, in terms of ``arithmetic.add``, ``.subtract`` and ``.scaled(factor, a, b)``, which is factor * a + b.
    """
    names = ("out", "out_start", "out_row", "out_column", "x", "x_start", "x_row", "x_column", "shift", "shift_start")

    def typer(
        _context: Any, out: Any, out_start: Any, out_row: Any, out_column: Any, x: Any, x_start: Any, x_row: Any,
        x_column: Any, shift: Any, shift_start: Any,
    ) -> Any:  # fmt: skip
        whole = types.int64
        signature = types.void(out, whole, whole, whole, x, whole, whole, whole, shift, whole)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, names, signature, values)
            vectors = Vectors(builder, signature.args[0].dtype)

            def place(pointer: Any, row: Any, i: int, column: Any, j: int) -> Any:
                offset = builder.add(builder.mul(row, constant(i)), builder.mul(column, constant(j)))
                return builder.gep(pointer, [offset])

            origin, target = builder.gep(given.x, [given.x_start]), builder.gep(given.out, [given.out_start])
            columns = [
                transform(
                    vectors,
                    [vectors.load(place(origin, given.x_row, i, given.x_column, j)) for i in range(size)],
                )
                for j in range(size)
            ]
            added = vectors.load(builder.gep(given.shift, [given.shift_start])) if shifted else None
            for i in range(len(columns[0])):
                for j, found in enumerate(transform(vectors, [column[i] for column in columns])):
                    value = found if added is None else vectors.add(found, added)
                    vectors.store(value, place(target, given.out_row, i, given.out_column, j))
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typer)


def product_tile(rows: int, columns: int, masked: bool = False) -> Any:
    """An intrinsic for a tile of a matrix product whose operands lie anywhere: `rows` × (`columns` vectors).

    ``tile(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w, w_start,
    w_scale, w_step, initial, initial_start, initial_step, count)`` computes for each of its rows p and columns v

        out[out_start + out_rows[row + p] + v] = initial[initial_start + p * initial_step + v]
            + sum over first <= t < last and i < inner of x[x_start + x_rows[row + p] + x_terms[t] + i * x_step]
                                                        * w[w_start + w_terms[t] * w_scale + i * w_step + v]

    All arrays are flat. Convolution, its transpose and its weight gradient differ in what the tables hold. With
    `masked`, only `count` of the last vector's columns are read and written.
    """
    names = (
        *("out", "out_start", "out_rows", "x", "x_start", "x_rows", "row", "x_terms", "w_terms", "first", "last"),
        *("inner", "x_step", "w", "w_start", "w_scale", "w_step", "initial", "initial_start", "initial_step", "count"),
    )

    def typer(
        _context: Any, out: Any, out_start: Any, out_rows: Any, x: Any, x_start: Any, x_rows: Any, row: Any,
        x_terms: Any, w_terms: Any, first: Any, last: Any, inner: Any, x_step: Any, w: Any, w_start: Any,
        w_scale: Any, w_step: Any, initial: Any, initial_start: Any, initial_step: Any, count: Any,
    ) -> Any:  # fmt: skip
        whole = types.int64
        signature = types.void(
            out, whole, out_rows, x, whole, x_rows, whole, x_terms, w_terms, whole, whole,
            whole, whole, w, whole, whole, whole, initial, whole, whole, whole,
        )  # fmt: skip

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, names, signature, values)
            vectors = Vectors(builder, signature.args[0].dtype)
            _product(builder, vectors, given, rows, columns, masked)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typer)


def _product(
    builder: ir.IRBuilder,
    vectors: Vectors,
    given: Arguments,
    rows: int,
    columns: int,
    masked: bool,
) -> None:
    """The body of :func:`product_tile`; LLVM turns the stack slots of the accumulators into registers."""

    def entry(table: Any, row: int) -> Any:
        return builder.load(builder.gep(table, [builder.add(given.row, constant(row))]))

    def place(pointer: Any, *offsets: Any) -> Any:
        for offset in offsets:
            pointer = builder.gep(pointer, [offset])
        return pointer

    def columns_of(pointer: Any) -> list[tuple[Any, Any]]:
        masks = [None] * (columns - 1) + [vectors.mask(given.count) if masked else None]
        return [(place(pointer, constant(v * vectors.lanes)), masks[v]) for v in range(columns)]

    x_rows = [place(given.x, given.x_start, entry(given.x_rows, p)) for p in range(rows)]
    sums = [[cgutils.alloca_once(builder, vectors.type) for _ in range(columns)] for _ in range(rows)]
    start = place(given.initial, given.initial_start)
    for p in range(rows):
        line = place(start, builder.mul(given.initial_step, constant(p)))
        for slot, (address, mask) in zip(sums[p], columns_of(line), strict=True):
            builder.store(vectors.load(address, mask), slot)
    w_base = place(given.w, given.w_start)
    with cgutils.for_range_slice(builder, given.first, given.last, constant(1)) as (term, _):
        x_term = builder.load(place(given.x_terms, term))
        w_term = place(w_base, builder.mul(builder.load(place(given.w_terms, term)), given.w_scale))
        with cgutils.for_range(builder, given.inner) as loop:
            x_place = builder.add(x_term, builder.mul(loop.index, given.x_step))
            w_line = place(w_term, builder.mul(loop.index, given.w_step))
            read = [vectors.load(address, mask) for address, mask in columns_of(w_line)]
            for p in range(rows):
                x_line = place(x_rows[p], x_place)
                factor = vectors.broadcast(builder.load(x_line))
                for slot, vector in zip(sums[p], read, strict=True):
                    builder.store(vectors.multiply_add(factor, vector, builder.load(slot)), slot)
    for p in range(rows):
        line = place(given.out, given.out_start, entry(given.out_rows, p))
        for slot, (address, mask) in zip(sums[p], columns_of(line), strict=True):
            vectors.store(builder.load(slot), address, mask)
