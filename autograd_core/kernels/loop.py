"""Running generated loops: any operands in, brought to where and how a kernel reads them; one array an output back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..broadcasting import Shape
from ..dtypes import bool_
from ..formula import Expression
from .boundary import compact, dense_order, flat, spread, walk_over
from .emit import generated, rows_source, source

# Elements from which on operands that are smaller than the result are read where they lie; below, copies cost less than
# a further kernel's compilation.
_WALKED = 1 << 14

# Elements from which on a single function is computed here, on threads, rather than by NumPy, which has none. Below it
# one thread is used, and nobody needs to be asked how many there are.
LARGE = 1 << 16

_ndarray, _empty = np.ndarray, np.empty

# Takes how many elements there are, and a kernel's arguments.
Launcher = Callable[[int, Sequence[Any]], None]
# What walk_over gives.
Walk = tuple[np.ndarray, tuple[int, ...] | None]


class Loop:
    """Formulas over the same operands as one fused loop, built per dtype at first need.

    Calling it with the operands (arrays or numbers), which are broadcast, and the dtype returns one array an output.
    With `updates`, names of operands that the outputs overwrite, only :meth:`run` applies.
    """

    __slots__ = (
        "by_rows",
        "given",
        "launchers",
        "name",
        "operands",
        "outputs",
        "parameters",
        "predicate",
        "updates",
        "variants",
    )

    def __init__(
        self,
        name: str,
        outputs: Sequence[Expression],
        operands: Sequence[str],
        parameters: Sequence[str] = (),
        predicate: bool = False,
        updates: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.outputs = tuple(outputs)
        self.operands = tuple(operands)
        self.parameters = tuple(parameters)
        self.predicate = predicate
        self.updates = tuple(updates)
        self.variants: dict[np.dtype[Any], ModuleType] = {}
        # Those for operands taken by rows, of which the named ones have one element for each.
        self.by_rows: dict[tuple[np.dtype[Any], tuple[int, ...]], Launcher] = {}
        # The same formulas with some operands, by their places, as parameters.
        self.given: dict[tuple[int, ...], Loop] = {}
        # For each dtype what calls the kernel over flat lines, by their size.
        self.launchers: dict[np.dtype[Any], Launcher] = {}

    def variant(self, dtype: np.dtype[Any]) -> ModuleType:
        """The generated module for `dtype`."""
        module = self.variants.get(dtype)
        if module is None:
            module = self.variants[dtype] = generated(f"{self.name}_{dtype.name}", self.source(dtype))
        return module

    def source(self, dtype: np.dtype[Any]) -> str:
        """What the module for `dtype` says."""
        return source(self.outputs, self.operands, self.parameters, dtype, self.updates)

    def _launcher(self, dtype: np.dtype[Any]) -> Launcher:
        from .jit import launcher

        module = self.variant(dtype)
        found = self.launchers[dtype] = launcher(module.serial, module.parallel)
        return found

    def _row_launcher(self, dtype: np.dtype[Any], still: tuple[int, ...]) -> Launcher:
        from .jit import launcher

        names = [self.operands[index] for index in still]
        text = rows_source(self.outputs, self.operands, self.parameters, dtype, names)
        module = generated("_".join([self.name, "by_rows", *names, dtype.name]), text)
        found = self.by_rows[dtype, still] = launcher(module.serial, module.parallel)
        return found

    def run(self, dtype: np.dtype[Any], size: int, arguments: Sequence[Any], walk: Walk | None = None) -> None:
        """Call the kernel: on threads only where they pay. With `walk`, operands may be smaller than the outputs."""
        if walk is None:
            (self.launchers.get(dtype) or self._launcher(dtype))(size, arguments)
            return
        where, still = walk
        if still is not None:
            (self.by_rows.get((dtype, still)) or self._row_launcher(dtype, still))(size, (where, *arguments))
        else:
            from .jit import launcher

            module = self.variant(dtype)
            launcher(module.spread_serial, module.spread_parallel)(size, (where, *arguments))

    def __call__(
        self, operands: Sequence[Any], dtype: np.dtype[Any], parameters: Collection[float] = ()
    ) -> list[np.ndarray]:
        shape = getattr(operands[0], "shape", None)
        for operand in operands:
            if type(operand) is not _ndarray or operand.shape != shape or not operand.flags.carray:
                return self._spread(operands, dtype, parameters)
        out_dtype = bool_ if self.predicate else dtype
        results = [np.empty(shape, out_dtype) for _ in self.outputs]  # type: ignore[arg-type]
        lines = [*operands, *results]
        if len(shape) != 1:  # type: ignore[arg-type]
            lines = [line.ravel() for line in lines]
        (self.launchers.get(dtype) or self._launcher(dtype))(results[0].size, lines + list(parameters))
        return results

    def _dense(
        self, operands: Sequence[Any], dtype: np.dtype[Any], parameters: Collection[float]
    ) -> list[np.ndarray] | None:
        """The call for many elements of numbers and arrays that lie row by row: most of those that are broadcast."""
        shapes: list[Shape] = []
        for operand in operands:
            if type(operand) is float or type(operand) is int:
                shapes.append(())
            elif type(operand) is not _ndarray or operand.dtype is not dtype or not operand.flags.carray:
                return None
            else:
                shapes.append(operand.shape)
        shape, size, walk, numbers = _placed(*shapes)
        if numbers:
            return self._with_numbers(numbers, operands, dtype, parameters)
        if walk is None:
            return None
        results = [np.empty(shape, bool_ if self.predicate else dtype) for _ in self.outputs]
        lines = [line.ravel() for line in (*operands, *results)]
        self.run(dtype, size, lines + list(parameters), walk)
        return results

    def _spread(self, operands: Sequence[Any], dtype: np.dtype[Any], parameters: Collection[float]) -> list[np.ndarray]:
        """The call for operands of different shapes, and for those that do not lie row by row."""
        found = self._dense(operands, dtype, parameters)
        if found is not None:
            return found
        shape = np.broadcast_shapes(*[operand.shape for operand in operands if isinstance(operand, _ndarray)])
        parts = [compact(operand, dtype) for operand in operands]
        if math.prod(shape) >= _WALKED:
            numbers = tuple([index for index, part in enumerate(parts) if part.size == 1 and part.dtype == dtype])
            others = [part.shape for part in _without(numbers, parts)]
            if numbers and not self.updates and np.broadcast_shapes(*others) == shape:
                return self._with_numbers(numbers, parts, dtype, parameters)
        leading = next((part for part in parts if part.shape == shape), None)
        order = None if leading is None else dense_order(leading)
        out_dtype = bool_ if self.predicate else dtype
        if leading is None or order is None:
            turned = shape
            results = [np.empty(shape, out_dtype) for _ in self.outputs]
            outs = [result.reshape(-1) for result in results]
        else:
            # Images lie channels-last in memory once they have been through a convolution, and stay so.
            turned = tuple([shape[axis] for axis in order])
            parts = [_turned(part, order) for part in parts]
            results = [np.empty_like(leading, out_dtype) for _ in self.outputs]
            outs = [result.transpose(order).reshape(-1) for result in results]
        size = results[0].size
        walk = None
        if size < _WALKED:
            lines = [spread(part, turned) for part in parts]
        else:
            lines = [flat(part) for part in parts]
            if any(line.size != size for line in lines):
                walk = walk_over(turned, tuple([part.shape for part in parts]))
        self.run(dtype, size, [*lines, *outs, *parameters], walk)
        return results

    def _with_numbers(
        self, numbers: tuple[int, ...], operands: Sequence[Any], dtype: np.dtype[Any], parameters: Collection[float]
    ) -> list[np.ndarray]:
        """The call of the loop in which the operands in these places are numbers."""
        chosen = [operands[index] for index in numbers]
        values = [number.item() if type(number) is _ndarray else float(number) for number in chosen]
        return self._given(numbers)(_without(numbers, operands), dtype, (*values, *parameters))

    def _given(self, numbers: tuple[int, ...]) -> Loop:
        """The loop in which the operands in these places are numbers: it reads no memory for them."""
        found = self.given.get(numbers)
        if found is None:
            names = [self.operands[index] for index in numbers]
            others = [name for name in self.operands if name not in names]
            found = self.given[numbers] = Loop(
                f"{self.name}_given_{'_'.join(names)}", self.outputs, others, (*names, *self.parameters), self.predicate
            )
        return found

    def single(self, operands: Sequence[np.ndarray], dtype: np.dtype[Any], parameters: Collection[float]) -> np.ndarray:
        """The only output for several arrays."""
        shape = operands[0].shape
        for operand in operands:
            if operand.shape != shape or not operand.flags.carray:
                return self(operands, dtype, parameters)[0]
        result = line = _empty(shape, bool_ if self.predicate else dtype)
        if len(shape) != 1:
            operands, line = [operand.ravel() for operand in operands], result.ravel()
        if line.size < LARGE:
            (self.variants.get(dtype) or self.variant(dtype)).serial(*operands, line, *parameters)
        else:
            self.run(dtype, line.size, (*operands, line, *parameters))
        return result

    def unary(self, x: np.ndarray, parameters: Collection[float] = ()) -> np.ndarray:
        """The only output for a single array."""
        if not x.flags.carray:
            if x.ndim != 2 or x.strides[1] != x.itemsize or x.strides[0] <= 0:
                return self((x,), x.dtype, parameters)[0]
            # Columns cut out of a wider matrix, as the gates of one product are: neither expanded nor turned.
            x = x.copy()
        dtype, shape = x.dtype, x.shape
        result = line = _empty(shape, bool_ if self.predicate else dtype)
        if len(shape) != 1:
            x, line = x.ravel(), result.ravel()
        if line.size < LARGE:
            (self.variants.get(dtype) or self.variant(dtype)).serial(x, line, *parameters)
        else:
            self.run(dtype, line.size, (x, line, *parameters))
        return result


@functools.lru_cache(1024)
def _placed(*shapes: Shape) -> tuple[Shape, int, Walk | None, tuple[int, ...]]:
    """The shape and the size of what arrays of these shapes are broadcast to, the walk over them, and the numbers.

    Numbers, by their places, are those of a single element that are better parameters. Then there is no walk, nor is
    there where there are few elements, and where all have as many, which other ways are quicker for.
    """
    shape = np.broadcast_shapes(*shapes)
    size = math.prod(shape)
    if size < _WALKED or all(math.prod(own) == size for own in shapes):
        return shape, size, None, ()
    numbers = tuple([index for index, own in enumerate(shapes) if math.prod(own) == 1])
    if not numbers:
        return shape, size, walk_over(shape, shapes), ()
    return shape, size, None, numbers if np.broadcast_shapes(*_without(numbers, shapes)) == shape else ()


def _without(numbers: tuple[int, ...], operands: Sequence[Any]) -> list[Any]:
    """The operands but those in the places of numbers."""
    return [operand for index, operand in enumerate(operands) if index not in numbers]


def _turned(operand: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """An operand with its dimensions, filled up to those of `order`, in that order."""
    return operand.reshape((1,) * (len(order) - operand.ndim) + operand.shape).transpose(order)


__all__ = ["LARGE", "Loop"]
