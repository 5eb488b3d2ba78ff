"""Pieces of flat arrays without checks of their bounds: copied, cleared, added, fetched; and single elements."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .simd import Arguments, Vectors, constant


def _typed(typer: Any) -> Any:
    """Numba's decorator; what it returns is called without the context, which type checkers cannot know."""
    return intrinsic(typer)


@_typed
def copy(_context: Any, out: Any, out_start: Any, x: Any, x_start: Any, count: Any) -> Any:
    """``out[out_start : out_start + count] = x[x_start : x_start + count]`` for flat arrays that do not overlap."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, ("out", "out_start", "x", "x_start", "count"), signature, values)
        size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        target, origin = builder.gep(given.out, [given.out_start]), builder.gep(given.x, [given.x_start])
        cgutils.raw_memcpy(builder, target, origin, given.count, size, align=size)
        return context.get_dummy_value()

    return types.void(out, types.int64, x, types.int64, types.int64), generate


def copy_fixed(count: int) -> Any:
    """An intrinsic ``(out, out_start, x, x_start)`` that copies `count` elements, few of them, through registers."""

    def typer(_context: Any, out: Any, out_start: Any, x: Any, x_start: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, ("out", "out_start", "x", "x_start"), signature, values)
            size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
            whole = ir.VectorType(ir.DoubleType() if size == 8 else ir.FloatType(), count).as_pointer()
            found = builder.load(builder.bitcast(builder.gep(given.x, [given.x_start]), whole))
            found.align = size
            builder.store(found, builder.bitcast(builder.gep(given.out, [given.out_start]), whole)).align = size
            return context.get_dummy_value()

        return types.void(out, types.int64, x, types.int64), generate

    return intrinsic(typer)


@_typed
def clear(_context: Any, out: Any, out_start: Any, count: Any) -> Any:
    """``out[out_start : out_start + count] = 0`` for a flat array."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, ("out", "out_start", "count"), signature, values)
        size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        cgutils.memset(builder, builder.gep(given.out, [given.out_start]), builder.mul(given.count, constant(size)), 0)
        return context.get_dummy_value()

    return types.void(out, types.int64, types.int64), generate


@_typed
def accumulate(_context: Any, out: Any, out_start: Any, x: Any, x_start: Any, count: Any) -> Any:
    """``out[out_start : out_start + count] += x[x_start : x_start + count]`` for short pieces of flat arrays."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, ("out", "out_start", "x", "x_start", "count"), signature, values)
        vectors = Vectors(builder, signature.args[0].dtype)
        lanes = constant(vectors.lanes)

        def add(at: Any, mask: Any = None) -> None:
            target = builder.gep(builder.gep(given.out, [given.out_start]), [at])
            source = builder.gep(builder.gep(given.x, [given.x_start]), [at])
            vectors.store(vectors.add(vectors.load(target, mask), vectors.load(source, mask)), target, mask)

        whole = builder.sdiv(given.count, lanes)
        with cgutils.for_range(builder, whole) as loop:
            add(builder.mul(loop.index, lanes))
        done = builder.mul(whole, lanes)
        rest = builder.sub(given.count, done)
        with builder.if_then(builder.icmp_signed(">", rest, constant(0))):
            add(done, vectors.mask(rest))
        return context.get_dummy_value()

    return types.void(out, types.int64, x, types.int64, types.int64), generate


@_typed
def mean_of_lines(_context: Any, x: Any, start: Any, size: Any, scale: Any, out: Any, place: Any) -> Any:
    """The sums of lines that follow each other from `start` on, each times `scale`: as many as a vector has lanes."""
    names = ("x", "start", "size", "scale", "out", "place")

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, names, signature, values)
        vectors = Vectors(builder, signature.args[0].dtype)
        lanes, size = constant(vectors.lanes), given.size
        first = builder.gep(given.x, [given.start])
        lines = [builder.gep(first, [builder.mul(size, constant(line))]) for line in range(vectors.lanes)]
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vectors.type, None)) for _ in lines]

        def add(at: Any, mask: Any = None) -> None:
            for line, slot in zip(lines, sums, strict=True):
                found = vectors.load(builder.gep(line, [at]), mask)
                builder.store(vectors.add(builder.load(slot), found), slot)

        whole = builder.udiv(size, lanes)
        with cgutils.for_range(builder, whole) as loop:
            add(builder.mul(loop.index, lanes))
        done = builder.mul(whole, lanes)
        with builder.if_then(builder.icmp_signed("<", done, size)):
            add(done, vectors.mask(builder.sub(size, done)))
        total = vectors.sums_across([builder.load(slot) for slot in sums])
        scaled = builder.fmul(total, vectors.broadcast(given.scale))
        vectors.store(scaled, builder.gep(given.out, [given.place]))
        return context.get_dummy_value()

    return types.void(x, types.int64, types.int64, x.dtype, out, types.int64), generate


def _prefetch(nearness: int, where: str) -> Any:
    def typer(_context: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            given = Arguments(context, builder, ("array", "index"), signature, values)
            number, address = (
                ir.IntType(32),
                builder.bitcast(builder.gep(given.array, [given.index]), cgutils.voidptr_t),
            )
            kind = ir.FunctionType(ir.VoidType(), (address.type, number, number, number))
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [address, number(0), number(nearness), number(1)])  # to read, data
            return context.get_dummy_value()

        return types.void(array, types.int64), generate

    typer.__doc__ = f"Ask for the line of memory that holds ``array[index]`` to be brought {where}; any index will do."
    return intrinsic(typer)


prefetch = _prefetch(3, "into the nearest cache")
prefetch_second = _prefetch(2, "into the second nearest cache, where it drives nothing out of the nearest")


@_typed
def peek(_context: Any, array: Any, index: Any) -> Any:
    """``array[index]`` of a flat array for an index that is not negative, which Numba cannot know."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, ("array", "index"), signature, values)
        return builder.load(builder.gep(given.array, [given.index]))

    return array.dtype(array, types.int64), generate


@_typed
def poke(_context: Any, array: Any, index: Any, value: Any) -> Any:
    """``array[index] = value`` of a flat array for an index that is not negative, which Numba cannot know."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = Arguments(context, builder, ("array", "index", "value"), signature, values)
        builder.store(given.value, builder.gep(given.array, [given.index]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), generate
