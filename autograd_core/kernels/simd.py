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


def _constant(value: int) -> ir.Constant:
    return ir.Constant(_INTEGER, value)


class _Vectors:
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

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused where the processor can."""
        # llvm.fma would become a call of libm, lane by lane, on processors without the instruction.
        function = self._function(f"llvm.fmuladd.{self.suffix}", self.type, self.type, self.type, self.type)
        return self.builder.call(function, [a, b, c])


class _Arguments:
    """The arguments of an intrinsic by name: integers as they are, arrays by their addresses."""

    def __init__(self, context: Any, builder: ir.IRBuilder, names: tuple[str, ...], signature: Any, values: Any):
        self._found = {}
        for name, kind, value in zip(names, signature.args, values, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            self._found[name] = value

    def __getattr__(self, name: str) -> Any:
        return self._found[name]


def product_tile(rows: int, columns: int, masked: bool = False) -> Any:
    """An intrinsic for a tile of a matrix product whose operands lie anywhere: `rows` × (`columns` vectors).

    ``tile(out, out_start, out_rows, x, x_start, x_rows, row, x_terms, w_terms, first, last, inner, x_step, w,
    w_start, w_step, initial, initial_start, initial_step, count)`` computes for each of its rows p and columns v

        out[out_start + out_rows[row + p] + v] = initial[initial_start + p * initial_step + v]
            + sum over first <= t < last and i < inner of
              x[x_start + x_rows[row + p] + x_terms[t] + i * x_step] * w[w_start + (w_terms[t] + i) * w_step + v]

    All arrays are flat. Convolution, its transpose and its weight gradient differ in what the tables hold. With
    `masked`, only `count` of the last vector's columns are read and written.
    """
    names = (
        *("out", "out_start", "out_rows", "x", "x_start", "x_rows", "row", "x_terms", "w_terms", "first", "last"),
        *("inner", "x_step", "w", "w_start", "w_step", "initial", "initial_start", "initial_step", "count"),
    )

    def typer(
        _context: Any, out: Any, out_start: Any, out_rows: Any, x: Any, x_start: Any, x_rows: Any, row: Any,
        x_terms: Any, w_terms: Any, first: Any, last: Any, inner: Any, x_step: Any, w: Any, w_start: Any, w_step: Any,
        initial: Any, initial_start: Any, initial_step: Any, count: Any,
    ) -> Any:  # fmt: skip
        whole = types.int64
        signature = types.void(
            out, whole, out_rows, x, whole, x_rows, whole, x_terms, w_terms, whole, whole,
            whole, whole, w, whole, whole, initial, whole, whole, whole,
        )  # fmt: skip

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = _Arguments(context, builder, names, signature, values)
            vectors = _Vectors(builder, signature.args[0].dtype)
            _product(builder, vectors, given, rows, columns, masked)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typer)


def _product(builder: ir.IRBuilder, vectors: _Vectors, given: _Arguments, rows: int, columns: int, masked: bool) -> Any:
    """The body of :func:`product_tile`; LLVM turns the stack slots of the accumulators into registers."""

    def entry(table: Any, row: int) -> Any:
        return builder.load(builder.gep(table, [builder.add(given.row, _constant(row))]))

    def place(pointer: Any, *offsets: Any) -> Any:
        for offset in offsets:
            pointer = builder.gep(pointer, [offset])
        return pointer

    def columns_of(pointer: Any) -> list[tuple[Any, Any]]:
        masks = [None] * (columns - 1) + [vectors.mask(given.count) if masked else None]
        return [(place(pointer, _constant(v * vectors.lanes)), masks[v]) for v in range(columns)]

    x_rows = [place(given.x, given.x_start, entry(given.x_rows, p)) for p in range(rows)]
    sums = [[cgutils.alloca_once(builder, vectors.type) for _ in range(columns)] for _ in range(rows)]
    start = place(given.initial, given.initial_start)
    for p in range(rows):
        line = place(start, builder.mul(given.initial_step, _constant(p)))
        for slot, (address, mask) in zip(sums[p], columns_of(line), strict=True):
            builder.store(vectors.load(address, mask), slot)
    w_base = place(given.w, given.w_start)
    with cgutils.for_range_slice(builder, given.first, given.last, _constant(1)) as (term, _):
        x_term = builder.load(place(given.x_terms, term))
        w_term = place(w_base, builder.mul(builder.load(place(given.w_terms, term)), given.w_step))
        with cgutils.for_range(builder, given.inner) as loop:
            x_place = builder.add(x_term, builder.mul(loop.index, given.x_step))
            w_line = place(w_term, builder.mul(loop.index, given.w_step))
            read = [vectors.load(address, mask) for address, mask in columns_of(w_line)]
            for p in range(rows):
                factor = vectors.broadcast(builder.load(place(x_rows[p], x_place)))
                for slot, vector in zip(sums[p], read, strict=True):
                    builder.store(vectors.multiply_add(factor, vector, builder.load(slot)), slot)
    for p in range(rows):
        line = place(given.out, given.out_start, entry(given.out_rows, p))
        for slot, (address, mask) in zip(sums[p], columns_of(line), strict=True):
            vectors.store(builder.load(slot), address, mask)
