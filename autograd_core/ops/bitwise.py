"""Bits of integers and booleans, and the operators ~ & | ^ << >> on tensors.

NumPy computes these; there is nothing to differentiate and nothing to fuse, so they are not in the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..dispatch import as_operand
from ..tensor import Tensor, wrap
from . import operators
from .calling import alias
from .inplace import in_place


def _binary(name: str, ufunc: np.ufunc, summary: str, booleans: bool = True) -> Callable[[Any, Any], Tensor]:
    def call(input: Any, other: Any) -> Tensor:
        operands = [as_operand(value, name) for value in (input, other)]
        if not any(isinstance(operand, Tensor) for operand in operands):
            raise TypeError(f"{name}() needs at least one tensor")
        arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
        dtype = dtypes.result_type(arrays)
        if dtype.kind == "f" or (dtype.kind == "b" and not booleans):
            raise TypeError(f"{name} needs integer{' or bool' if booleans else ''} tensors, got {dtype}")
        return wrap(np.asarray(ufunc(*(np.asarray(array).astype(dtype, copy=False) for array in arrays))), None)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = summary + "\n\n    Raises:\n        TypeError: for floating tensors."
    return call


bitwise_and = _binary("bitwise_and", np.bitwise_and, "The bits that both have.")
bitwise_or = _binary("bitwise_or", np.bitwise_or, "The bits that any of two has.")
bitwise_xor = _binary("bitwise_xor", np.bitwise_xor, "The bits that one of two has.")
bitwise_left_shift = _binary(
    "bitwise_left_shift", np.left_shift, "Bits moved up, zeros following; those moved beyond the dtype are lost.", False
)
bitwise_right_shift = _binary(
    "bitwise_right_shift", np.right_shift, "Bits moved down, copies of the sign following.", False
)


def bitwise_not(input: Tensor) -> Tensor:
    """Every bit changed; for booleans the negation.

    Raises:
        TypeError: for floating tensors.
    """
    if input.dtype.kind == "f":
        raise TypeError(f"bitwise_not needs integer or bool tensors, got {input.dtype}")
    return wrap(np.asarray(np.invert(input._array)), None)


for _symbol, _ufunc, _function in (
    ("and", np.bitwise_and, bitwise_and),
    ("or", np.bitwise_or, bitwise_or),
    ("xor", np.bitwise_xor, bitwise_xor),
    ("lshift", np.left_shift, bitwise_left_shift),
    ("rshift", np.right_shift, bitwise_right_shift),
):
    setattr(Tensor, f"__{_symbol}__", _function)
    setattr(Tensor, f"__r{_symbol}__", lambda self, other, function=_function: function(other, self))
    setattr(Tensor, f"__i{_symbol}__", in_place(_function, _function.__name__))
    operators._UFUNCS[_ufunc] = _function
    alias(_function, _function.__name__)
alias(bitwise_not, "bitwise_not")
setattr(Tensor, "__invert__", bitwise_not)  # noqa: B010 - Tensor has no such attribute for type checkers
operators._UFUNCS[np.invert] = bitwise_not

__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]
