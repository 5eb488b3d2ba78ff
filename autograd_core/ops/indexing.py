"""Reading and writing parts of tensors with NumPy's indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import apply, as_tensor_operand
from ..errors import GraphError
from ..graph import Accumulator, mode
from ..tensor import Tensor, cell_of
from .linear_maps import gather_primitive, slice_primitive

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def _as_index(index: Any) -> tuple[tuple[Any, ...], bool]:
    """The index as a tuple of what NumPy takes, and whether it is basic, so that the result is a view."""
    entries = index if isinstance(index, tuple) else (index,)
    converted: list[Any] = []
    basic = True
    for entry in entries:
        if isinstance(entry, Tensor):
            entry = entry._array
            if entry.dtype.kind == "f":
                raise IndexError(f"tensors used as indices must be integers or booleans, got {entry.dtype}")
            if entry.ndim == 0 and entry.dtype.kind in "iu":
                entry = int(entry)
        if isinstance(entry, bool) or not isinstance(entry, _BASIC):
            basic = False
            if isinstance(entry, (list, tuple)):
                entry = np.asarray(entry)
                if entry.size == 0:
                    entry = entry.astype(np.int64)
            if not isinstance(entry, (np.ndarray, bool, np.bool_)) or np.asarray(entry).dtype.kind not in "iub":
                raise IndexError(
                    f"an index may hold integers, slices, None, Ellipsis, and integer or bool arrays; "
                    f"got {type(entry).__name__}"
                )
        converted.append(entry)
    return tuple(converted), basic


def _owned(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index with arrays of its own: backward reads them again, and the user may have changed his by then."""
    return tuple(entry.copy() if isinstance(entry, np.ndarray) else entry for entry in index)


def getitem(input: Tensor, index: Any) -> Tensor:
    """Part of a tensor, by NumPy's rules: a view for basic indices, a copy for arrays and masks.

    Raises:
        IndexError: for indices out of range or of a wrong type.
    """
    entries, basic = _as_index(index)
    if not basic and input._node is not None and mode.enabled:
        entries = _owned(entries)
    primitive = slice_primitive if basic else gather_primitive
    result: Tensor = apply(primitive.op, (input,), {"index": entries})
    return result


def check_in_place(tensor: Tensor, operation: str, recording: bool) -> None:
    """Raise if `tensor` must not be changed in place.

    Raises:
        GraphError: for a leaf that requires gradients, and for a view when the change would be recorded.
    """
    if not mode.enabled:
        return
    if type(tensor._node) is Accumulator:
        raise GraphError(
            f"{operation}: a leaf tensor that requires gradients cannot be changed in place; do it under no_grad()"
        )
    if tensor._base is not None and (tensor._node is not None or recording or tensor._base._node is not None):
        raise GraphError(
            f"{operation}: a view of a tensor in the graph cannot be changed in place, because its base's history "
            "would not know; change the base by index, or clone() the view"
        )


def setitem(input: Tensor, index: Any, value: Any) -> None:
    """Write `value`, broadcast, into part of a tensor; recorded where gradients are needed.

    Raises:
        IndexError: for indices out of range or of a wrong type.
        GraphError: for leaves that require gradients, and views of tensors in the graph.
    """
    from .inplace import overwrite

    entries, _ = _as_index(index)
    source = as_tensor_operand(value, "item assignment")
    recording = mode.enabled and source._node is not None
    check_in_place(input, "item assignment", recording)
    selected = input._array[entries]
    try:
        np.broadcast_shapes(source.shape, selected.shape)
        np.broadcast_to(source._array, np.shape(selected))
    except ValueError:
        raise ValueError(
            f"item assignment: a value of shape {source.shape} does not fit the selected shape {np.shape(selected)}"
        ) from None
    if mode.enabled and (input._node is not None or recording):
        overwrite(input, _owned(entries), source)
        return
    input._array[entries] = source._array
    cell_of(input)[0] += 1


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__setitem__ = setitem  # type: ignore[method-assign]
