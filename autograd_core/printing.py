"""Tensors as text, in PyTorch's form."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import dtypes
from .tensor import Tensor

_PREFIX = "tensor("


def to_text(tensor: Tensor) -> str:
    """Write a tensor with its values, its dtype where it is not the obvious one, and where it came from."""
    array = tensor._array
    prefix = _PREFIX if type(tensor) is Tensor else f"{type(tensor).__name__}("
    with np.printoptions(precision=4, suppress=_suppress(array), threshold=1000, floatmode="maxprec", linewidth=88):
        body = np.array2string(array, separator=", ", prefix=" " * len(prefix)) if array.size else "[]"
    notes = []
    if not array.size and array.shape != (0,):
        notes.append(f"size={array.shape}")
    obvious = array.dtype in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_)
    if not obvious or (not array.size and array.dtype != dtypes.get_default_dtype()):
        notes.append(f"dtype={array.dtype.name}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn=<{tensor.grad_fn.name}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return prefix + ", ".join([body, *notes]) + ")"


def _suppress(array: np.ndarray[Any, Any]) -> bool:
    """Whether fixed-point notation shows the values well: no very large or very small magnitudes."""
    if array.dtype.kind != "f" or not array.size:
        return False
    finite = np.abs(array[np.isfinite(array) & (array != 0)])
    if not finite.size:
        return True
    return bool(finite.max() < 1e5 and finite.min() > 1e-4 and finite.max() / finite.min() < sys.maxsize)


Tensor.__repr__ = to_text  # type: ignore[method-assign]
