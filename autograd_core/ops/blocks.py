"""Arrays as (outer, length, inner) blocks of memory, which is how the kernels along dimensions see them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..broadcasting import Shape, add_over
from ..kernels.boundary import contiguous
from ..lazy import lazy_import

if TYPE_CHECKING:
    from ..kernels import extrema, jit, product as products, reduce as kernels
else:
    jit = lazy_import("autograd_core.kernels.jit")
    extrema = lazy_import("autograd_core.kernels.extrema")
    products = lazy_import("autograd_core.kernels.product")
    kernels = lazy_import("autograd_core.kernels.reduce")

# Fewer elements are reduced by NumPy, whose calls cost less than a kernel's (measured: equal at 5000).
SMALL = 6144

# Elements from which on threads repeat values faster than one does.
_SPREAD = 1 << 18
# Kernels that only add or compare take a quarter of the time that threads' threshold has in mind.
_LIGHT = 4

Reduce = Callable[[np.ndarray, int, int, int, np.ndarray], None]


def count(shape: Shape, dim: Iterable[int]) -> int:
    """The number of elements that a reduction over `dim` puts into one."""
    return prod([shape[axis] for axis in dim])


def around(shape: Shape, dim: int) -> tuple[int, int, int]:
    """The sizes before, at and behind a dimension, those before and behind joined."""
    return prod(shape[:dim]), shape[dim], prod(shape[dim + 1 :])


def fold(ufunc: Any, x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """NumPy's own reduction over dimensions, as an array also where NumPy gives a scalar."""
    return np.asarray(ufunc.reduce(x, axis=dim, keepdims=keepdim))


def is_large(x: np.ndarray) -> bool:
    """Whether a floating array is worth a kernel."""
    return x.size >= SMALL and x.dtype.kind == "f"


def run(module: Any, name: str, work: int, *arguments: Any) -> Any:
    """Run the kernel `name` of a module: its parallel form where `work`, in elements, is worth it; what it returns."""
    if jit.thread_count(work) > 1:
        kernel = getattr(module, f"{name}_parallel")
        with jit.PARALLEL:
            return kernel(*arguments)
    return getattr(module, f"{name}_serial")(*arguments)


class Blocks:
    """An array's memory with the dimensions to reduce: those next to each other and of one kind are joined.

    Attributes:
        line: all elements, in an order that memory has already, where it has one without gaps.
        groups: pairs of whether a group is reduced and its size, outermost first.
    """

    __slots__ = ("_dim", "_order", "_shape", "groups", "line")

    def __init__(self, x: np.ndarray, dim: tuple[int, ...]) -> None:
        order = tuple(range(x.ndim))
        if not x.flags.c_contiguous:
            by_stride = tuple(sorted(order, key=lambda axis: -abs(x.strides[axis])))
            turned = x.transpose(by_stride)
            if turned.flags.c_contiguous:
                x, order = turned, by_stride
        self.line = contiguous(x).reshape(-1)
        self._shape = tuple(x.shape)
        self._order = order
        self._dim = dim
        self.groups: list[tuple[bool, int]] = []
        for axis, size in zip(order, x.shape, strict=True):
            reduced = axis in dim
            if size == 1:
                continue
            if self.groups and self.groups[-1][0] == reduced:
                size *= self.groups.pop()[1]
            self.groups.append((reduced, size))
        if not any(reduced for reduced, _ in self.groups):
            self.groups.append((True, 1))

    def split(self) -> tuple[int, int, int]:
        """The last group to reduce with what lies around it: outer, length, inner."""
        place = max(index for index, (reduced, _) in enumerate(self.groups) if reduced)
        sizes = [size for _, size in self.groups]
        return prod(sizes[:place]), sizes[place], prod(sizes[place + 1 :])

    @property
    def is_single(self) -> bool:
        """Whether one pass reduces everything."""
        return sum(reduced for reduced, _ in self.groups) == 1

    def reduce(self, reduce: Reduce, dtype: Any) -> np.ndarray:
        """Run ``reduce(line, outer, length, inner, out)`` for one group after the other; the line that remains."""
        line, groups = self.line, self.groups
        while any(reduced for reduced, _ in self.groups):
            outer, length, inner = self.split()
            out = np.empty(outer * inner, dtype)
            reduce(line, outer, length, inner, out)
            line = out
            place = max(index for index, (reduced, _) in enumerate(self.groups) if reduced)
            self.groups = self.groups[:place] + self.groups[place + 1 :]
        self.groups = groups
        return line

    def line_of(self, kept: np.ndarray) -> np.ndarray:
        """An array of the reduced shape, with keepdim, as a line in the order of the results."""
        return contiguous(kept.transpose(self._order)).reshape(-1)

    def unreduced(self, line: np.ndarray) -> np.ndarray:
        """A line in the order of memory as an array of the shape before reducing."""
        full = line.reshape(self._shape)
        if self._order == tuple(range(len(self._order))):
            return full
        return full.transpose(sorted(range(len(self._order)), key=self._order.__getitem__))

    def restore(self, line: np.ndarray, keepdim: bool) -> np.ndarray:
        """A line of results in the shape that the reduction gives."""
        kept = line.reshape([1 if a in self._dim else size for a, size in zip(self._order, self._shape, strict=True)])
        if self._order != tuple(range(len(self._order))):
            inverse = sorted(range(len(self._order)), key=self._order.__getitem__)
            kept = kept.transpose(inverse)
        return kept if keepdim else kept.squeeze(self._dim)


@functools.lru_cache(1024)
def _neighbours(shape: Shape, dim: tuple[int, ...], keepdim: bool) -> tuple[Shape, int, int, int] | None:
    """The shape of the result, outer, length and inner, if the dimensions to reduce lie next to each other."""
    if not dim or dim[-1] - dim[0] != len(dim) - 1:
        return None
    first, last = dim[0], dim[-1] + 1
    before, behind = shape[:first], shape[last:]
    kept = (*before, *(1,) * len(dim), *behind) if keepdim else before + behind
    return kept, prod(before), prod(shape[first:last]), prod(behind)


def _by_kernel(
    module: Any, name: str, x: np.ndarray, dim: tuple[int, ...], keepdim: bool, *options: Any, dtype: Any = None
) -> np.ndarray:
    """Run the kernel `name`, which takes ``(line, *options, outer, length, inner, out)``, over dimensions."""
    flags = x.flags
    if flags.c_contiguous and flags.writeable:
        # Neighbouring dimensions of an array in order, the usual case: nothing is to be looked for.
        found = _neighbours(x.shape, dim, keepdim)
        if found is not None:
            kept, *sizes = found
            out = np.empty(kept, dtype or x.dtype)
            run(module, name, x.size // _LIGHT, x.ravel(), *options, *sizes, out.ravel())
            return out

    def reduce(line: np.ndarray, outer: int, length: int, inner: int, out: np.ndarray) -> None:
        run(module, name, line.size // _LIGHT, line, *options, outer, length, inner, out)

    blocks = Blocks(x, dim)
    return blocks.restore(blocks.reduce(reduce, dtype or x.dtype), keepdim)


def sum_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool, dtype: Any = None) -> np.ndarray:
    """Sums over dimensions, in float64 inside where there are many elements; `dtype` is the result's."""
    if x.size >= SMALL and x.dtype.kind == "f":
        return _by_kernel(kernels, "sum", x, dim, keepdim, False, dtype=dtype)
    total = add_over(x, dim, keepdim)
    return total if dtype is None and type(total) is np.ndarray else np.asarray(total, dtype)


def mean_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Averages over dimensions, in float64 inside where there are many elements; NaN of none."""
    if is_large(x):
        return _by_kernel(kernels, "sum", x, dim, keepdim, True)
    total = sum_of(x, dim, keepdim)
    total /= count(x.shape, dim)
    return total


def spread_of(x: np.ndarray, shape: Shape) -> np.ndarray | None:
    """`x` repeated along its dimensions of size 1, on threads; None where NumPy does as well."""
    size = prod(shape)
    if size < _SPREAD or x.dtype.kind != "f" or len(shape) != x.ndim or jit.thread_count(size) < 2:
        return None
    dim = tuple([axis for axis, length in enumerate(shape) if x.shape[axis] != length])
    if not dim or dim[-1] - dim[0] != len(dim) - 1 or not (x.flags.c_contiguous and x.flags.writeable):
        return None
    first, last = dim[0], dim[-1] + 1
    out = np.empty(shape, x.dtype)
    sizes = prod(shape[:first]), prod(shape[first:last]), prod(shape[last:])
    run(kernels, "spread", size, x.reshape(-1), *sizes, out.reshape(-1))
    return out


def product_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Products over dimensions, in float64 inside where there are many elements."""
    if is_large(x):
        return _by_kernel(kernels, "product", x, dim, keepdim)
    return fold(np.multiply, x, dim, keepdim)


def product_gradient_of(cotangent: np.ndarray, x: np.ndarray, dim: tuple[int, ...]) -> np.ndarray | None:
    """`cotangent`, with keepdim, times the product of the others for each element; None where there is no kernel."""
    return _pulled_back(products, "product_gradient", x, dim, cotangent)


def extremum_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool, largest: bool) -> np.ndarray:
    """Maxima or minima over dimensions, in which NaN wins."""
    if is_large(x):
        return _by_kernel(extrema, "extremum", x, dim, keepdim, largest)
    return fold(np.maximum if largest else np.minimum, x, dim, keepdim)


def place_of_extremum(x: np.ndarray, dim: int | None, keepdim: bool, largest: bool) -> np.ndarray:
    """Where the maxima or minima along a dimension, or of all elements, are: the first of equals, NaN before all."""
    if dim is not None and is_large(x):
        blocks = Blocks(x, (dim,))
        outer, length, inner = blocks.split()
        # NumPy is quick along the last dimension alone.
        if inner > 1:
            places = np.empty(outer * inner, np.int64)
            run(extrema, "argextremum", x.size, blocks.line, largest, outer, length, inner, places)
            return blocks.restore(places, keepdim)
    return np.asarray((np.argmax if largest else np.argmin)(x, axis=dim, keepdims=keepdim))


def extremum_gradient_of(
    cotangent: np.ndarray, x: np.ndarray, extremum: np.ndarray, dim: tuple[int, ...]
) -> np.ndarray | None:
    """`cotangent` shared among the elements that attain the extremum, both with keepdim; None without a kernel."""
    return _pulled_back(extrema, "attained", x, dim, extremum, cotangent)


def logsumexp_gradient_of(
    cotangent: np.ndarray, x: np.ndarray, y: np.ndarray, dim: tuple[int, ...]
) -> np.ndarray | None:
    """`cotangent` times exp(x - y), both with keepdim; None without a kernel."""
    return _pulled_back(kernels, "logsumexp_gradient", x, dim, y, cotangent)


def _pulled_back(module: Any, name: str, x: np.ndarray, dim: tuple[int, ...], *kept: np.ndarray) -> np.ndarray | None:
    """Run a kernel that computes an array like `x` from it and from arrays of the reduced shape, with keepdim."""
    if not is_large(x):
        return None
    blocks = Blocks(x, dim)
    if not blocks.is_single:
        return None
    outer, length, inner = blocks.split()
    line = np.empty(x.size, x.dtype)
    run(module, name, x.size, blocks.line, *map(blocks.line_of, kept), outer, length, inner, line)
    return blocks.unreduced(line)


def first_along(x: np.ndarray, dim: tuple[int, ...]) -> np.ndarray:
    """The first element along each dimension of `dim`, with keepdim."""
    return x[tuple([slice(1) if axis in dim else slice(None) for axis in range(x.ndim)])]


def moments_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Means, and sums of squared distances from them, in two passes; float64 where there are many elements."""
    size = count(x.shape, dim)
    if is_large(x):
        blocks = Blocks(x, dim)
        if blocks.is_single:
            outer, length, inner = blocks.split()
            mean, squares = np.empty(outer * inner), np.empty(outer * inner)
            run(kernels, "sum", x.size, blocks.line, True, outer, length, inner, mean)
            run(kernels, "squares", x.size, blocks.line, mean, outer, length, inner, squares)
            return blocks.restore(mean, keepdim), blocks.restore(squares, keepdim)
    # Measured from the first element, so that a constant is exactly 0 from its mean.
    first = first_along(x, dim) if x.size else x.dtype.type(0)
    shifted = x - first
    centre = sum_of(shifted, dim, True) / x.dtype.type(size)
    distance = shifted - centre
    mean = first + centre if keepdim else np.squeeze(first + centre, axis=dim)
    return mean, sum_of(distance * distance, dim, keepdim)


def squares_of(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Sums of squares, which in float64 do not overflow where float32 would."""
    if is_large(x):
        blocks = Blocks(x, dim)
        if blocks.is_single:
            outer, length, inner = blocks.split()
            squares = np.empty(outer * inner)
            run(kernels, "squares", x.size, blocks.line, np.zeros(outer * inner), outer, length, inner, squares)
            return blocks.restore(squares, keepdim)
    wide = x.astype(np.float64, copy=False)
    return sum_of(wide * wide, dim, keepdim)


def exponentials_of(x: np.ndarray, dim: tuple[int, ...], shift: np.ndarray) -> np.ndarray:
    """Sums of exp(x - shift) with keepdim; `shift`, the maxima, has that shape."""
    if is_large(x):
        blocks = Blocks(x, dim)
        if blocks.is_single:
            outer, length, inner = blocks.split()
            total = np.empty(outer * inner, x.dtype)
            run(kernels, "exponentials", 8 * x.size, blocks.line, blocks.line_of(shift), outer, length, inner, total)
            return blocks.restore(total, True)
    return sum_of(np.exp(x - shift), dim, True)
