"""Arrays as (outer, length, inner) blocks, which is how the kernels along one dimension see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..broadcasting import Shape
from ..kernels.boundary import contiguous
from ..lazy import lazy_import

if TYPE_CHECKING:
    from ..kernels import jit
    from ..kernels import reduce as kernels
else:
    jit = lazy_import("autograd_core.kernels.jit")
    kernels = lazy_import("autograd_core.kernels.reduce")

# Fewer elements are reduced by NumPy, whose calls cost less than those of kernels (measured: equal at 5000).
SMALL = 6144

Run = Callable[[np.ndarray, int, int, int, np.ndarray], None]


def product(sizes: Any) -> int:
    """The product of integers, 1 of none."""
    total = 1
    for size in sizes:
        total *= size
    return total


def count(shape: Shape, dim: tuple[int, ...]) -> int:
    """The number of elements that a reduction over `dim` puts into one."""
    return product(shape[axis] for axis in dim)


def around(shape: Shape, dim: int) -> tuple[int, int, int]:
    """The sizes before, at and behind a dimension, those before and behind joined."""
    return product(shape[:dim]), shape[dim] if shape else 1, product(shape[dim + 1 :])


def in_memory_order(x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """`x` with its dimensions in an order that makes it contiguous, copied if there is none; and that order."""
    straight = tuple(range(x.ndim))
    if not x.flags.c_contiguous:
        order = tuple(sorted(straight, key=lambda axis: -abs(x.strides[axis])))
        turned = x.transpose(order)
        if turned.flags.c_contiguous:
            return contiguous(turned), order
    return contiguous(x), straight


def choose(pair: str, module: Any, work: int) -> tuple[Any, bool]:
    """The serial or the parallel form of a kernel, and whether it runs on threads."""
    on_threads = jit.thread_count(work) > 1
    return getattr(module, f"{pair}_{'parallel' if on_threads else 'serial'}"), on_threads


def run(pair: str, module: Any, work: int, *arguments: Any) -> None:
    """Run a kernel that has a serial and a parallel form, on threads where `work`, in elements, is worth it."""
    kernel, on_threads = choose(pair, module, work)
    if on_threads:
        with jit.PARALLEL:
            kernel(*arguments)
    else:
        kernel(*arguments)


def _grouped(shape: Shape, order: tuple[int, ...], dim: tuple[int, ...]) -> list[list[int]]:
    """Sizes in memory order, neighbours that are reduced together or kept together joined: pairs [reduced, size]."""
    groups: list[list[int]] = []
    for axis in order:
        size, reduced = shape[axis], int(axis in dim)
        if size == 1:
            continue
        if groups and groups[-1][0] == reduced:
            groups[-1][1] *= size
        else:
            groups.append([reduced, size])
    return groups


def reduce_blocks(x: np.ndarray, dim: tuple[int, ...], keepdim: bool, reduce: Run, dtype: Any = None) -> np.ndarray:
    """Reduce over several dimensions by a kernel over one, as often as they are apart in memory.

    `reduce(line, outer, length, inner, out)` fills the line `out`, of `dtype`, the dtype of `x` unless given.
    """
    turned, order = in_memory_order(x)
    groups = _grouped(x.shape, order, dim)
    if not any(reduced for reduced, _ in groups):
        groups.append([1, 1])
    line = turned.reshape(-1)
    dtype = x.dtype if dtype is None else dtype
    while any(reduced for reduced, _ in groups):
        place = max(index for index, (reduced, _) in enumerate(groups) if reduced)
        outer = product(size for _, size in groups[:place])
        inner = product(size for _, size in groups[place + 1 :])
        out = np.empty(outer * inner, dtype)
        reduce(line, outer, groups[place][1], inner, out)
        line = out
        del groups[place]
    kept = line.reshape([1 if axis in dim else x.shape[axis] for axis in order])
    if order != tuple(range(x.ndim)):
        inverse = [0] * x.ndim
        for position, axis in enumerate(order):
            inverse[axis] = position
        kept = kept.transpose(inverse)
    return kept if keepdim else kept.squeeze(dim)


def is_large(x: np.ndarray) -> bool:
    """Whether a floating array is worth a kernel."""
    return x.size >= SMALL and x.dtype.kind == "f"


def sum_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool, dtype: Any = None) -> np.ndarray:
    """Sums over dimensions, accumulated in float64 where there are many elements; `dtype` is the result's."""
    if not is_large(x):
        return np.add.reduce(x, axis=dim, keepdims=keepdim, dtype=dtype)

    def reduce(line: np.ndarray, outer: int, length: int, inner: int, out: np.ndarray) -> None:
        run("sum", kernels, line.size, line, outer, length, inner, out)

    return reduce_blocks(x, dim, keepdim, reduce, dtype)


def product_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Products over dimensions."""
    if not is_large(x):
        return np.multiply.reduce(x, axis=dim, keepdims=keepdim)

    def reduce(line: np.ndarray, outer: int, length: int, inner: int, out: np.ndarray) -> None:
        run("product", kernels, line.size, line, outer, length, inner, out)

    return reduce_blocks(x, dim, keepdim, reduce)


def squares_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool, centre: np.ndarray | None) -> np.ndarray:
    """Sums of squared distances to `centre`, of the reduced shape with keepdim, or to 0; in float64 if large."""
    if not is_large(x) or len([1 for reduced, _ in _grouped(x.shape, in_memory_order(x)[1], dim) if reduced]) > 1:
        distance = x if centre is None else x - centre.astype(x.dtype, copy=False)
        return sum_of(distance * distance, dim, keepdim)
    turned, order = in_memory_order(x)
    middle = np.zeros(product(x.shape) // max(1, count(x.shape, dim)))
    if centre is not None:
        middle = np.ascontiguousarray(np.broadcast_to(centre, centre.shape).transpose(order), np.float64).reshape(-1)

    def reduce(line: np.ndarray, outer: int, length: int, inner: int, out: np.ndarray) -> None:
        run("squares", kernels, line.size, line, middle, outer, length, inner, out)

    return reduce_blocks(turned.transpose(np.argsort(order)), dim, keepdim, reduce, np.float64)


def spread_dim(shape: Shape, dim: int, size: int) -> Shape:
    """`shape` with another size at one dimension."""
    return (*shape[:dim], size, *shape[dim + 1 :])
