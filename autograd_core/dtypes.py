"""Data types: which ones exist, the default, and how they promote.

Names follow PyTorch (``autograd_core.float32``, ``autograd_core.long``); the objects are NumPy's dtypes, which
are singletons, so the engine compares them with ``is``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
bool_ = np.dtype(np.bool_)

FLOATING = (float32, float64)
INTEGER = (int8, int16, int32, int64, uint8)
SUPPORTED = (*FLOATING, *INTEGER, bool_)

# A list, not a name, so that every module sees a change.
_default: list[np.dtype[Any]] = [float32]


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats and integer divisions become; float32 unless changed."""
    return _default[0]


def set_default_dtype(dtype: Any) -> None:
    """Make `dtype` (float32 or float64) what Python floats become.

    Raises:
        TypeError: if `dtype` is not a floating dtype.
    """
    chosen = as_dtype(dtype)
    if chosen not in FLOATING:
        raise TypeError(f"the default dtype must be float32 or float64, got {chosen}")
    _default[0] = chosen


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the supported NumPy dtype that `dtype` means.

    Raises:
        TypeError: for half precision, complex, object and every other dtype the engine lacks.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"not a dtype: {dtype!r}") from None
    for supported in SUPPORTED:
        # The singleton itself, also for a foreign byte order: the engine compares dtypes by identity.
        if found == supported or found.newbyteorder("=") == supported:
            return supported
    raise TypeError(unsupported(found))


def unsupported(dtype: np.dtype[Any]) -> str:
    """The sentence that says why `dtype` is refused and what to use instead."""
    if dtype == np.float16 or dtype.name == "bfloat16":
        return f"{dtype} is not supported: convert to float32, which every kernel computes in"
    if dtype.kind == "c":
        return f"{dtype} is not supported: keep the real and imaginary parts in two tensors"
    if dtype.kind == "O":
        return "object arrays are not supported; for a list of tensors use stack() or cat()"
    names = ", ".join(d.name for d in SUPPORTED)
    return f"{dtype} is not supported; the dtypes are {names}"


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` can carry a gradient."""
    return dtype.kind == "f"


def category(dtype: np.dtype[Any]) -> int:
    """0 for bool, 1 for integers, 2 for floats: the order in which operands dominate each other."""
    return 2 if dtype.kind == "f" else (0 if dtype.kind == "b" else 1)


def promote(first: np.dtype[Any], second: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype two arrays of equal standing combine to, by PyTorch's table.

    It differs from NumPy's where an integer meets a float: the float's own width is kept
    (int64 with float32 is float32), so single precision is never left by accident.
    """
    if first is second:
        return first
    if category(first) != category(second):
        return first if category(first) > category(second) else second
    return np.promote_types(first, second)


def of_scalar(value: bool | int | float) -> np.dtype[Any]:
    """The dtype a Python scalar becomes when it stands alone."""
    if isinstance(value, bool):
        return bool_
    return int64 if isinstance(value, int) else get_default_dtype()


def result_type(operands: list[Any]) -> np.dtype[Any]:
    """PyTorch's result type of arrays and Python scalars.

    Python scalars are weak and 0-d arrays weaker than arrays with dimensions: each decides only when it belongs to
    a higher category (bool < integer < float) than everything stronger.

    Source: PyTorch documentation, "Tensor Attributes", section "torch.dtype".
    """
    strongest: np.dtype[Any] | None = None
    zero_dimensional: np.dtype[Any] | None = None
    scalar: np.dtype[Any] | None = None
    for operand in operands:
        if isinstance(operand, np.ndarray):
            if operand.ndim:
                strongest = operand.dtype if strongest is None else promote(strongest, operand.dtype)
            else:
                zero_dimensional = (
                    operand.dtype if zero_dimensional is None else promote(zero_dimensional, operand.dtype)
                )
        else:
            kind = of_scalar(operand)
            scalar = kind if scalar is None else promote(scalar, kind)
    result: np.dtype[Any] | None = None
    for candidate in (strongest, zero_dimensional, scalar):
        if candidate is not None and (result is None or category(candidate) > category(result)):
            result = candidate
    assert result is not None, "result_type needs an operand"
    return result
