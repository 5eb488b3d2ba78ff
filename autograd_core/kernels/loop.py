"""Running generated loops: any operands in, brought to where and how a kernel reads them; one array an output back."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..dtypes import bool_
from ..formula import Expression
from .boundary import compact, dense_order, flat, spread, walk_over
from .emit import CHUNK, generated, source

# Elements from which on operands that are smaller than the result are read where they lie; below, copies cost less than
# a further kernel's compilation.
_WALKED = 1 << 14

# Elements from which on a single function is computed here, on threads, rather than by NumPy, which has none.
LARGE = 1 << 16

_ndarray = np.ndarray


class Loop:
    """Formulas over the same operands as one fused loop, built per dtype at first need.

    Calling it with the operands (arrays or numbers), which are broadcast, and the dtype returns one array an output.
    With `updates`, names of operands that the outputs overwrite, only :meth:`run` applies.
    """

    __slots__ = ("name", "operands", "outputs", "parameters", "predicate", "updates", "variants")

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

    def variant(self, dtype: np.dtype[Any]) -> ModuleType:
        """The generated module for `dtype`."""
        module = self.variants.get(dtype)
        if module is None:
            module = self.variants[dtype] = generated(f"{self.name}_{dtype.name}", self.source(dtype))
        return module

    def source(self, dtype: np.dtype[Any]) -> str:
        """What the module for `dtype` says."""
        return source(self.outputs, self.operands, self.parameters, dtype, self.updates)

    def run(self, dtype: np.dtype[Any], size: int, arguments: Sequence[Any], walk: np.ndarray | None = None) -> None:
        """Call the kernel: on threads only where they pay. With `walk`, operands may be smaller than the outputs."""
        module = self.variants.get(dtype) or self.variant(dtype)
        if size >= CHUNK:
            from .jit import PARALLEL, thread_count

            if thread_count(size) > 1:
                with PARALLEL:
                    if walk is None:
                        module.parallel(*arguments)
                    else:
                        module.spread_parallel(walk, *arguments)
                return
        if walk is None:
            module.serial(*arguments)
        else:
            module.spread_serial(walk, *arguments)

    def __call__(
        self, operands: Sequence[Any], dtype: np.dtype[Any], parameters: Sequence[float] = ()
    ) -> list[np.ndarray]:
        shape = getattr(operands[0], "shape", None)
        arguments: list[Any] = []
        for operand in operands:
            if type(operand) is not _ndarray or operand.shape != shape or not operand.flags.carray:
                return self._spread(operands, dtype, parameters)
            arguments.append(operand.reshape(-1))
        out_dtype = bool_ if self.predicate else dtype
        results = [np.empty(shape, out_dtype) for _ in self.outputs]  # type: ignore[arg-type]
        arguments += [result.reshape(-1) for result in results]
        arguments += parameters
        self.run(dtype, results[0].size, arguments)
        return results

    def _spread(self, operands: Sequence[Any], dtype: np.dtype[Any], parameters: Sequence[float]) -> list[np.ndarray]:
        """The call for operands of different shapes, and for those that do not lie row by row."""
        shape = np.broadcast_shapes(*[operand.shape for operand in operands if isinstance(operand, _ndarray)])
        parts = [compact(operand, dtype) for operand in operands]
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

    def unary(self, x: np.ndarray) -> np.ndarray:
        """The only output for a single array."""
        if not x.flags.carray:
            return self((x,), x.dtype)[0]
        dtype = x.dtype
        result = np.empty(x.shape, bool_ if self.predicate else dtype)
        self.run(dtype, x.size, (x.reshape(-1), result.reshape(-1)))
        return result


def _turned(operand: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """An operand with its dimensions, filled up to those of `order`, in that order."""
    return operand.reshape((1,) * (len(order) - operand.ndim) + operand.shape).transpose(order)


__all__ = ["LARGE", "Loop"]
