"""What a Tensor consists of, and reading what users give as its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes

if TYPE_CHECKING:
    from .graph import Accumulator, Node, VersionCell
    from .tensor import Tensor


class UncheckedTensor:
    """The storage of a Tensor, without its checks.

    The engine makes results as this class and turns them into tensors, because setting attributes of a class with
    a ``__setattr__`` of its own costs more than a small addition does.
    """

    __slots__ = ("__weakref__", "_accumulator", "_array", "_base", "_node", "_version")
    _array: np.ndarray
    _node: Node | Accumulator | None
    _version: VersionCell | None
    _base: Tensor | None
    _accumulator: Accumulator | None


def as_array(data: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """Read what a user may give as a tensor's data, in a supported dtype.

    Raises:
        TypeError: for tensors inside sequences, objects, and dtypes the engine lacks.
        ValueError: for ragged sequences.
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, UncheckedTensor):
        array = data._array
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        if isinstance(data, np.ma.MaskedArray):
            raise TypeError("masked arrays are not supported: fill them first, for instance with data.filled(0)")
    elif hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        array = np.asarray(data)
    else:
        array = _from_python(data, dtypes.get_default_dtype() if wanted is None else wanted)
    convertible = wanted is not None and array.dtype.kind not in "OcSUMmV"
    target = wanted if wanted is not None and convertible else dtypes.as_dtype(array.dtype)
    result = np.array(array, dtype=target, copy=True if copy else None, subok=False)
    # An equal dtype that is another object would miss the engine's fast paths.
    return result if result.dtype is target else result.view(target)


def _from_python(data: Any, floating: np.dtype[Any]) -> np.ndarray:
    """Numbers and nested sequences of them as an array, Python floats in the dtype `floating`."""
    if isinstance(data, (list, tuple)):
        stack: list[Any] = [data]
        while stack:
            entry = stack.pop()
            if isinstance(entry, UncheckedTensor):
                raise TypeError(
                    "a sequence that holds tensors would lose their graph: use autograd_core.stack() or cat()"
                )
            if isinstance(entry, (list, tuple)):
                stack.extend(entry)
    elif not isinstance(data, (bool, int, float)):
        raise TypeError(f"cannot make a tensor of {type(data).__name__}: expected numbers, sequences or an array")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"the nested sequences do not form a rectangle: {error}") from None
    if array.dtype.kind == "f" and not _holds_arrays(data):
        array = array.astype(floating)
    return array


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))
