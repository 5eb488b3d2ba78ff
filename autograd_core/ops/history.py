"""How in-place changes enter the graph: which are refused, and what the tensor, its base and its other views become.

A tensor whose memory is overwritten gets a node of its own for its new value. If it is a view, its base becomes the
operation "the old base with these places overwritten", and every other living view of that base is read from the new
base again, so that a gradient through any of them arrives where it belongs.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np

from ..dispatch import cast
from ..errors import GraphError
from ..graph import Accumulator, Node, thread
from ..recording import record_many
from ..tensor import Tensor, cell_of, wrap
from .linear_maps import gather_primitive, overwrite_primitive, slice_primitive


def root_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory a view shows, itself if it is no view."""
    while tensor._base is not None:
        tensor = tensor._base
    return tensor


def check_in_place(tensor: Tensor, operation: str) -> None:
    """Raise if `tensor` must not be changed in place.

    Raises:
        ValueError: for read-only memory, and where several elements are one place in memory, as in expanded tensors.
        GraphError: while recording, for leaves that require gradients, their views, and views made under no_grad().
    """
    array = tensor._array
    if not array.flags.writeable or (tensor._base is not None and _overlaps(array)):
        _refuse_memory(array, operation)
    if not thread.mode.enabled:
        return
    node = tensor._node
    if type(node) is Accumulator:
        raise GraphError(
            f"{operation}: a leaf tensor that requires gradients cannot be changed in place; do it under no_grad()"
        )
    if tensor._base is None:
        return
    root = root_of(tensor)
    if type(root._node) is Accumulator:
        raise GraphError(
            f"{operation}: a view of a leaf tensor that requires gradients cannot be changed in place; "
            "do it under no_grad(), or clone() the view"
        )
    if node is None and root._node is not None:
        raise GraphError(
            f"{operation}: this view of a tensor in the graph was made under no_grad(), so its base's history could "
            "not take part; change it under no_grad() too, or make the view again"
        )


def _overlaps(array: np.ndarray) -> bool:
    """Whether several elements are one place in memory, as in expanded tensors and overlapping windows."""
    reach = array.itemsize
    for stride, size in sorted((abs(t), n) for t, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride < reach:
            return bool(array.size)
        reach += stride * (size - 1)
    return False


def _refuse_memory(array: np.ndarray, operation: str) -> None:
    if _overlaps(array):
        raise ValueError(f"{operation}: several elements of this tensor are one place in memory; clone() it first")
    raise ValueError(f"{operation}: the tensor's memory is read-only; clone() it first")


def is_recorded(tensor: Tensor, *sources: Any) -> bool:
    """Whether changing `tensor` by `sources` is part of the graph."""
    if not thread.mode.enabled:
        return False
    if tensor._node is not None or (tensor._base is not None and root_of(tensor)._node is not None):
        return True
    return any(isinstance(source, Tensor) and source._node is not None for source in sources)


def overwrite(tensor: Tensor, index: tuple[Any, ...], value: Tensor) -> None:
    """Write `value`, broadcast, into `tensor` at `index` and record that it happened."""
    value = cast(value, tensor.dtype)
    tensor._array[index] = value._array
    advance(tensor, _node_of_write(tensor, index, value))


def store(tensor: Tensor, result: Tensor) -> None:
    """Give `tensor` the elements, and if recording the history, of `result`, which has its shape and dtype."""
    np.copyto(tensor._array, result._array)
    if is_recorded(tensor, result):
        advance(tensor, result._node)
    else:
        cell_of(tensor)[0] += 1


def advance(tensor: Tensor, node: Any) -> None:
    """Count a recorded change and make `node` the history of `tensor`; its base and other views follow."""
    # The change is counted after recording: what the new node saved is its own copy or is caught at backward.
    cell = cell_of(tensor)
    cell[0] += 1
    root = root_of(tensor)
    if root is tensor and sys.getrefcount(cell) <= _UNSHARED:
        tensor._node = node
        return
    before = root._node
    views = [view for view in gc.get_referrers(cell) if _is_other_view(view, root, tensor)]
    if root is not tensor:
        index, _ = _index_of(tensor, root, before)
        tensor._node = node
        root._node = _node_of_write(root, index, tensor)
    else:
        root._node = node
    for view in views:
        index, basic = _index_of(view, root, before)
        view._node = _node_of_read(root, index, basic, view)


def _unshared_references() -> int:
    """What ``sys.getrefcount`` says of a version cell that one tensor has for itself, from inside :func:`advance`."""
    tensor = wrap(np.zeros(()), None, [0])
    cell = cell_of(tensor)
    return sys.getrefcount(cell)


_UNSHARED = _unshared_references()


def _is_other_view(candidate: Any, root: Tensor, changed: Tensor) -> bool:
    # Leaves stay leaves; tensors that were detached share the memory but have no base, and no history to follow.
    return (
        isinstance(candidate, Tensor)
        and candidate is not changed
        and candidate._base is not None
        and type(candidate._node) is not Accumulator
        and root_of(candidate) is root
    )


def _index_of(view: Tensor, root: Tensor, history: Any) -> tuple[tuple[Any, ...], bool]:
    """The index of the elements of `view` in `root`, whose node was `history` so far, and whether it is basic."""
    node = view._node
    if isinstance(node, Node) and node.plan.op is slice_primitive.op and node.edges[0] is history:
        return node.parameters["index"], True
    places = _positions(view._array, root._array)
    return np.unravel_index(places, root.shape) if root.ndim else (), False


def _positions(view: np.ndarray, root: np.ndarray) -> np.ndarray:
    """For each element of `view` the number, in row-major order, of the element of `root` in the same memory."""
    low, high = np.lib.array_utils.byte_bounds(root)
    cells = np.empty((high - low) // root.itemsize, np.int64)
    start = (root.__array_interface__["data"][0] - low) // root.itemsize
    strides = [stride // root.itemsize * cells.itemsize for stride in root.strides]
    numbered = np.lib.stride_tricks.as_strided(cells[start:], root.shape, strides)
    numbered[...] = np.arange(root.size).reshape(root.shape)
    start = (view.__array_interface__["data"][0] - low) // root.itemsize
    strides = [stride // root.itemsize * cells.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(cells[start:], view.shape, strides).copy()


def _node_of_write(tensor: Tensor, index: tuple[Any, ...], value: Tensor) -> Node | None:
    """The node of `tensor` with `value` written at `index`, which has happened already."""
    edges = (tensor._node, value._node)
    mask = (edges[0] is not None) + 2 * (edges[1] is not None)
    if not mask:
        return None
    plan = overwrite_primitive.op.plan(mask, 2)
    arrays = (tensor._array, value._array)
    node = record_many(plan, (tensor, value), arrays, tensor._array, (), {"index": index}, edges)._node
    assert isinstance(node, Node)
    return node


def _node_of_read(root: Tensor, index: tuple[Any, ...], basic: bool, view: Tensor) -> Node | None:
    """The node of a view that is read from `root` at `index`."""
    if root._node is None:
        return None
    op = (slice_primitive if basic else gather_primitive).op
    edges = (root._node,)
    node = record_many(op.plan(1, 1), (root,), (root._array,), view._array, (), {"index": index}, edges)._node
    assert isinstance(node, Node)
    return node
