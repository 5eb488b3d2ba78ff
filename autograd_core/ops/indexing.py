"""Reading and writing parts of tensors with NumPy's indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import as_tensor_operand
from ..graph import thread
from ..recording import apply
from ..tensor import Tensor, cell_of
from .history import check_in_place, is_recorded, overwrite
from .linear_maps import gather_primitive, reshape_primitive, slice_primitive

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def _as_entry(entry: Any) -> Any:
    """One entry of an index as NumPy takes it: integers, slices, None, Ellipsis, or an array of integers or bools."""
    if isinstance(entry, Tensor):
        entry = entry._array
        if entry.dtype.kind == "f":
            raise IndexError(f"tensors used as indices must be integers or booleans, got {entry.dtype}")
        if entry.ndim == 0 and entry.dtype.kind in "iu":
            return int(entry)
    if isinstance(entry, _BASIC) and not isinstance(entry, bool):
        return entry
    if isinstance(entry, (list, tuple, range)):
        entry = np.asarray([int(e) if isinstance(e, Tensor) and not e.ndim else e for e in entry])
        if entry.size == 0:
            entry = entry.astype(np.int64)
    if not isinstance(entry, (np.ndarray, bool, np.bool_)) or np.asarray(entry).dtype.kind not in "iub":
        raise IndexError(
            "an index may hold integers, slices, None, Ellipsis, and integer or bool arrays; "
            f"got {type(entry).__name__}"
        )
    return entry


def as_index(index: Any, keep: bool) -> tuple[tuple[Any, ...], bool]:
    """The index as a tuple of what NumPy takes, and whether it is basic, so that the result is a view.

    With `keep` its arrays are copies: backward reads them again, and the user may have changed his by then.
    """
    entries = tuple([_as_entry(entry) for entry in (index if isinstance(index, tuple) else (index,))])
    for entry in entries:
        if isinstance(entry, (np.ndarray, bool, np.bool_)):
            break
    else:
        return entries, True
    if keep and thread.mode.enabled:
        entries = tuple(entry.copy() if isinstance(entry, np.ndarray) else entry for entry in entries)
    return entries, False


def getitem(input: Tensor, index: Any) -> Tensor:
    """Part of a tensor, by NumPy's rules: a view for basic indices, a copy for arrays and masks.

    Raises:
        IndexError: for indices out of range or of a wrong type.
    """
    entries, basic = as_index(index, keep=input._node is not None)
    primitive = slice_primitive if basic else gather_primitive
    result: Tensor = apply(primitive.op, (input,), {"index": entries})
    return result


def setitem(input: Tensor, index: Any, value: Any) -> None:
    """Write `value`, broadcast, into part of a tensor; recorded where gradients are needed.

    Raises:
        IndexError: for indices out of range or of a wrong type.
        ValueError: for values that do not fit the selected shape.
        GraphError: for leaves that require gradients, and their views.
    """
    check_in_place(input, "item assignment")
    source = as_tensor_operand(value, "item assignment")
    recorded = is_recorded(input, source)
    entries, _ = as_index(index, keep=recorded)
    try:
        if not recorded:
            input._array[entries] = source._array
            cell_of(input)[0] += 1
            return
        selected = np.shape(input._array[entries])
        if source.ndim > len(selected) and set(source.shape[: source.ndim - len(selected)]) == {1}:
            # NumPy and PyTorch drop leading dimensions of size 1.
            source = reshape_primitive(source, shape=source.shape[source.ndim - len(selected) :])
        overwrite(input, entries, source)
    except ValueError:
        selected = np.shape(input._array[entries])
        raise ValueError(
            f"item assignment: a value of shape {source.shape} does not fit the selected shape {selected}"
        ) from None


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__setitem__ = setitem  # type: ignore[method-assign]
