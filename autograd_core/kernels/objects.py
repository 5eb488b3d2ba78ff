"""What compiled code reads of Python's own objects: lists of arrays, by the address of the list.

Numba would unbox each array of a call with many, which costs more than the arithmetic on small ones. What is read lies
in words of eight bytes behind the header that every object has. A list has its length and the address of its entries'
addresses. An array, by NumPy's binary interface, has the address of its data, the number of dimensions, the address of
the shape, that of the strides, the owner of the memory, the dtype and the flags. Both have been so for decades;
:func:`readable` looks whether they still are.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from .jit import DISABLED, inline

HEADER = object.__basicsize__
_CONTIGUOUS, _ALIGNED, _WRITEABLE = 0x1, 0x100, 0x400
_READ = _CONTIGUOUS | _ALIGNED


@functools.cache
def readable() -> bool:
    """Whether lists and arrays look in memory as is expected here; and there is a compiler."""
    if DISABLED or struct.calcsize("P") != 8:
        return False

    def words_at(address: int, count: int) -> tuple[int, ...]:
        return tuple((ctypes.c_int64 * count).from_address(address))

    probe = np.zeros((2, 3), np.float32)
    listed = [probe, probe]
    length, first = words_at(id(listed) + HEADER, 2)
    data, dimensions, shape, _, _, dtype, flags = words_at(id(probe) + HEADER, 7)
    usual = _CONTIGUOUS | _ALIGNED | _WRITEABLE
    found = (length, *words_at(first, 2), data, dimensions & 0xFFFFFFFF, dtype, flags & usual)
    expected = (2, id(probe), id(probe), probe.ctypes.data, 2, id(probe.dtype), usual)
    return found == expected and words_at(shape, 2) == probe.shape


def _pointer(_context: Any, address: Any) -> Any:
    """An address as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), generate


pointer: Any = intrinsic(_pointer)


@inline
def words(address, count):
    """The words at an address."""
    return carray(pointer(address), count, np.int64)


@inline
def entries(list_object, count):
    """The addresses of a list's entries."""
    return words(words(list_object + HEADER, 2)[1], count)


@inline
def size_of(array_object):
    """The number of an array's elements."""
    array = words(array_object + HEADER, 3)
    size = 1
    for axis_size in words(array[2], array[1] & 0xFFFFFFFF):
        size *= axis_size
    return size


@inline
def fits(objects, row, count, leader, written, dtype):
    """Whether the arrays of a row are contiguous, have one shape and this dtype, and those of `written` can change.

    `objects` holds `count` addresses for each column; bit c of `written` stands for column c.
    """
    first = words(objects[leader * count + row] + HEADER, 7)
    dimensions = first[1] & 0xFFFFFFFF
    sizes = words(first[2], dimensions)
    good = first[5] == dtype
    for column in range(objects.size // count):
        array = words(objects[column * count + row] + HEADER, 7)
        flags = _READ | (_WRITEABLE if written >> column & 1 else 0)
        good = good and array[5] == dtype and array[6] & flags == flags and array[1] & 0xFFFFFFFF == dimensions
        if good:
            others = words(array[2], dimensions)
            for axis in range(dimensions):
                good = good and sizes[axis] == others[axis]
    return good
