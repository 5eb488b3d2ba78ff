"""Reading and writing by tensors of indices and by masks, with PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..broadcasting import Shape, broadcast_shapes, normalize_dim
from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..recording import apply
from ..tensor import Tensor, wrap
from .arguments import check_range, integers, scalar_for, written
from .index_maps import along_mesh
from .indexing import as_index
from .inplace import in_place
from .linear_maps import (
    accumulate_primitive,
    expand_view_primitive,
    gather_along_primitive,
    gather_primitive,
    overwrite_primitive,
    reshape_primitive,
    slice_primitive,
)
from .segments import reduce_at

Index = tuple[Any, ...]


def _accumulate(tensor: Tensor, index: Index, value: Tensor) -> Tensor:
    result: Tensor = apply(accumulate_primitive.op, (tensor, value), {"index": index})
    return result


def _overwrite(tensor: Tensor, index: Index, value: Tensor) -> Tensor:
    result: Tensor = apply(overwrite_primitive.op, (tensor, value), {"index": index})
    return result


# --- along one dimension, an index for each element --------------------------------------------------------------


def _along(tensor: Tensor, dim: int, index: Any, operation: str) -> tuple[int, np.ndarray]:
    """The dimension and the indices along it, checked against the tensor's other dimensions."""
    places = integers(index, operation)
    axis = normalize_dim(dim, tensor.ndim, operation)
    if places.ndim != tensor.ndim:
        raise ValueError(f"{operation}: an index of shape {places.shape} needs as many dimensions as {tensor.shape}")
    if any(size > own for d, (size, own) in enumerate(zip(places.shape, tensor.shape, strict=True)) if d != axis):
        raise ValueError(
            f"{operation}: index of shape {places.shape} exceeds {tensor.shape} in a dimension other than {axis}"
        )
    return axis, check_range(places, tensor.shape[axis], operation)


def _cut(tensor: Tensor, shape: Shape, keep: int = -1) -> Tensor:
    """The first elements of each dimension but `keep`, as many as `shape` has."""
    if all(own == size or d == keep for d, (own, size) in enumerate(zip(tensor.shape, shape, strict=True))):
        return tensor
    index = tuple(slice(None) if d == keep else slice(size) for d, size in enumerate(shape))
    result: Tensor = slice_primitive(tensor, index=index)
    return result


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Read along `dim` at an index for each element: ``out[i, j] = input[index[i, j], j]`` for dim 0.

    Args:
        input: any shape.
        dim: the dimension.
        index: integers, with as many dimensions, and no larger in the others.
        sparse_grad: accepted for PyTorch's sake; gradients are dense.

    Raises:
        IndexError: for an index or a dimension out of range; negative ones are not counted from the end.
        ValueError: for shapes that do not fit.
        TypeError: if the index is not of integers.

    Example:
        >>> import autograd_core as ag
        >>> ag.tensor([[1.0, 2.0], [3.0, 4.0]]).gather(1, ag.tensor([[1], [0]])).tolist()
        [[2.0], [3.0]]
    """
    tensor = as_tensor_operand(input, "gather")
    if tensor.ndim == 0:
        places = integers(index, "gather")
        line = gather(tensor.reshape(1), dim, wrap(places.reshape(-1), None))
        return _restored(line, places.shape)
    axis, places = _along(tensor, dim, index, "gather")
    operand = _cut(tensor, places.shape, keep=axis)
    result: Tensor = apply(gather_along_primitive.op, (operand,), {"index": places, "dim": axis})
    return result


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Read along `dim` at indices that broadcast against the other dimensions; of the flattened tensor without one.

    Raises:
        IndexError: for an index or a dimension out of range; negative ones count from the end.
        ValueError: for shapes that do not fit.
    """
    tensor = as_tensor_operand(input, "take_along_dim")
    places = integers(indices, "take_along_dim")
    if dim is None:
        tensor, places, dim = tensor.reshape(-1), places.reshape(-1), 0
    axis = normalize_dim(dim, tensor.ndim, "take_along_dim")
    if places.ndim != tensor.ndim:
        raise ValueError(
            f"take_along_dim: indices of shape {places.shape} need as many dimensions as the input's {tensor.shape}"
        )
    places = check_range(places, tensor.shape[axis], "take_along_dim", negative=True)
    others = [tuple(1 if d == axis else s for d, s in enumerate(shape)) for shape in (tensor.shape, places.shape)]
    common = broadcast_shapes(*others, operation="take_along_dim")
    own, wanted = ((*common[:axis], t.shape[axis], *common[axis + 1 :]) for t in (tensor, places))
    operand = tensor if tensor.shape == own else expand_view_primitive(tensor, shape=own)
    parameters = {"index": np.ascontiguousarray(np.broadcast_to(places, wanted)), "dim": axis}
    result: Tensor = apply(gather_along_primitive.op, (operand,), parameters)
    return result


def _write_along(input: Any, dim: int, index: Any, source: Any, operation: str) -> tuple[Tensor, Index, Tensor, Shape]:
    """What the scatter family shares: tensor, NumPy's index, the source cut to it, and the shape to restore."""
    tensor, value = written(input, source, operation)
    shape = tensor.shape
    places = integers(index, operation)
    if tensor.ndim == 0:
        tensor, places = tensor.reshape(1), places.reshape(-1)
        value = value.reshape(-1) if isinstance(source, Tensor) else value
    axis, places = _along(tensor, dim, places, operation)
    if not isinstance(source, (bool, int, float)):
        if value.ndim != places.ndim or any(s < i for s, i in zip(value.shape, places.shape, strict=True)):
            raise ValueError(f"{operation}: index of shape {places.shape} exceeds the source's {value.shape}")
        value = _cut(value, places.shape)
    return tensor, along_mesh(places, axis), value, shape


def scatter(input: Tensor, dim: int, index: Tensor, src: Any, *, reduce: str | None = None) -> Tensor:
    """A copy with `src` written along `dim` at an index for each of its elements.

    Args:
        input: any shape.
        dim: the dimension.
        index: integers, with as many dimensions, and no larger in the others.
        src: a number, or a tensor at least as large as the index in each dimension. Of elements written to one place
            the last stays, and it alone receives a gradient.
        reduce: "add" or "multiply" to combine with what is there.

    Raises:
        IndexError: for an index or a dimension out of range.
        ValueError: for shapes that do not fit.
        TypeError: for an index not of integers, and a source of another dtype.
    """
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise ValueError(f"scatter: reduce must be 'add' or 'multiply', got {reduce!r}")
        places = as_tensor_operand(index, "scatter")
        value = written(input, src, "scatter")[1]
        if isinstance(src, (bool, int, float)):
            value = expand_view_primitive(value, shape=places.shape)
        return scatter_reduce(input, dim, index, value, "sum" if reduce == "add" else "prod")
    tensor, mesh, value, shape = _write_along(input, dim, index, src, "scatter")
    return _restored(_overwrite(tensor, mesh, value), shape)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with `src` added along `dim` at an index for each of its elements, repeated ones as often as they occur.

    Arguments and errors as :func:`scatter`.
    """
    tensor, mesh, value, shape = _write_along(input, dim, index, as_tensor_operand(src, "scatter_add"), "scatter_add")
    return _restored(_accumulate(tensor, mesh, value), shape)


def _restored(result: Tensor, shape: Shape) -> Tensor:
    if result.shape != shape:
        result = apply(reshape_primitive.op, (result,), {"shape": shape})
    return result


_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which each place holds a reduction of all elements of `src` that an index along `dim` sends there.

    Args:
        input: any shape.
        dim: the dimension.
        index: integers, with as many dimensions, and no larger in the others.
        src: a tensor at least as large as the index in each dimension.
        reduce: "sum", "prod", "mean", "amax" or "amin"; of equal extrema all share the gradient.
        include_self: whether the element that was there takes part; where nothing is sent it stays.

    Raises:
        IndexError: for an index or a dimension out of range.
        ValueError: for shapes that do not fit, and an unknown reduction.
        TypeError: for an index not of integers, and a source of another dtype.
    """
    if reduce not in _REDUCTIONS:
        raise ValueError(f"scatter_reduce: reduce must be one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    source = as_tensor_operand(src, "scatter_reduce")
    tensor, mesh, value, shape = _write_along(input, dim, index, source, "scatter_reduce")
    return _restored(reduce_at(tensor, mesh, value, reduce, include_self), shape)


# --- along one dimension, an index for each slice ----------------------------------------------------------------


def _rows(tensor: Tensor, dim: int, index: Any, operation: str, negative: bool = False) -> tuple[Tensor, int, Index]:
    """The tensor with at least one dimension, which one is meant, and NumPy's index."""
    places = integers(index, operation)
    if places.ndim > 1:
        raise IndexError(f"{operation}: the index must be one-dimensional, got shape {places.shape}")
    axis = normalize_dim(dim, tensor.ndim, operation)
    if tensor.ndim == 0:
        tensor = tensor.reshape(1)
    places = check_range(places.reshape(-1), tensor.shape[axis], operation, negative)
    return tensor, axis, (*(slice(None),) * axis, places)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along `dim` that a one-dimensional index names, in its order.

    Raises:
        IndexError: for an index or a dimension out of range, or an index of more dimensions.
        TypeError: if the index is not of integers.
    """
    tensor = as_tensor_operand(input, "index_select")
    rows, _, entries = _rows(tensor, dim, index, "index_select")
    result: Tensor = apply(gather_primitive.op, (rows,), {"index": entries})
    return _restored(result, ()) if tensor.ndim == 0 and result.numel() == 1 else result


def _write_rows(input: Any, dim: int, index: Any, source: Any, operation: str) -> tuple[Tensor, Index, Tensor, Shape]:
    tensor, value = written(input, as_tensor_operand(source, operation), operation)
    rows, axis, entries = _rows(tensor, dim, index, operation)
    expected = (*rows.shape[:axis], entries[-1].size, *rows.shape[axis + 1 :])
    if value.ndim == 0:
        value = value.reshape(1)
    if value.shape != expected:
        raise ValueError(f"{operation}: the source must have shape {expected}, got {value.shape}")
    return rows, entries, value, tensor.shape


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """A copy with `alpha` times the slices of `source` added along `dim` at a one-dimensional index.

    Raises:
        IndexError: for an index or a dimension out of range.
        ValueError: for a source of another shape.
        TypeError: for an index not of integers, and a source of another dtype.
    """
    rows, entries, value, shape = _write_rows(input, dim, index, source, "index_add")
    return _restored(_accumulate(rows, entries, value if alpha == 1 else value * alpha), shape)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of `source` written along `dim` at an index; arguments and errors as :func:`index_add`."""
    rows, entries, value, shape = _write_rows(input, dim, index, source, "index_copy")
    return _restored(_overwrite(rows, entries, value), shape)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with one number, or a 0-d tensor, in the slices along `dim` that a one-dimensional index names.

    Raises:
        IndexError: for an index or a dimension out of range; negative ones count from the end.
        ValueError: for a value with dimensions.
        TypeError: if the index is not of integers.
    """
    tensor, number = scalar_for(input, value, "index_fill")
    rows, _, entries = _rows(tensor, dim, index, "index_fill", negative=True)
    return _restored(_overwrite(rows, entries, number), tensor.shape)


# --- by NumPy's indices -----------------------------------------------------------------------------------------


def index_put(input: Tensor, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """A copy with `values`, broadcast, written at a tuple of index tensors or masks, or added if `accumulate`.

    Raises:
        IndexError: for indices out of range or of a wrong type.
        ValueError: for values that do not fit the selected shape.
        TypeError: for values of another dtype.
    """
    tensor, value = written(input, values, "index_put")
    entries, _ = as_index(tuple(slice(None) if index is None else index for index in indices), keep=True)
    selected = np.shape(tensor._array[entries])
    try:
        np.broadcast_to(value._array, selected)
    except ValueError:
        raise ValueError(f"index_put: values of shape {value.shape} do not fit the selected shape {selected}") from None
    return _accumulate(tensor, entries, value) if accumulate else _overwrite(tensor, entries, value)


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor, in the shape of the index.

    Raises:
        IndexError: for an index out of range; negative ones count from the end.
        TypeError: if the index is not of integers.
    """
    tensor = as_tensor_operand(input, "take")
    places = check_range(integers(index, "take"), tensor.numel(), "take", negative=True)
    flat = reshape_primitive(tensor, shape=(tensor.numel(),))
    result: Tensor = apply(gather_primitive.op, (flat,), {"index": (places,)})
    return result


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `source` written at indices of the flattened tensor, or added if `accumulate`; as :func:`take`."""
    tensor, value = written(input, as_tensor_operand(source, "put"), "put")
    places = check_range(integers(index, "put"), tensor.numel(), "put", negative=True)
    if value.numel() != places.size:
        raise ValueError(f"put: {places.size} indices need as many elements, got {value.numel()}")
    flat = reshape_primitive(tensor, shape=(math.prod(tensor.shape),))
    values = reshape_primitive(value, shape=places.shape)
    return _restored((_accumulate if accumulate else _overwrite)(flat, (places,), values), tensor.shape)


PUBLIC = (
    gather, take_along_dim, scatter, scatter_add, scatter_reduce, index_select, index_add, index_copy, index_fill,
    index_put, take, put,
)  # fmt: skip
_READING = (gather, take_along_dim, index_select, take)
for _function in PUBLIC:
    attach(_function.__name__, _function)
    if _function not in _READING:
        attach(f"{_function.__name__}_", in_place(_function, _function.__name__))

__all__ = [_function.__name__ for _function in PUBLIC]
