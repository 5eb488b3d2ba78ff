"""Sorting rows by the digits of their elements' bits, from the last digit to the first, without a comparison.

Each pass deals the elements to 256 places by one digit, in the order they have, so equal elements keep theirs: the sort
is stable. The first reading counts all digits at once; a digit that all elements share needs no pass. Elements come as
unsigned integers of the floats' bits.

Source: D. E. Knuth, The Art of Computer Programming, volume 3, section 5.2.5 (radix sorting).
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel

# Rows are dealt to at most so many tasks, each with buffers of its own.
_CHUNKS = 64
_DIGITS = 256
_BITS, _LAST, _ONE = np.uint64(8), np.uint64(_DIGITS - 1), np.uint32(1)


@inline
def _ordered(bits, sign, infinity, descending):
    """An unsigned integer that is larger for a larger float: both zeros equal, every NaN equal and above all."""
    if bits == sign:
        bits = sign ^ sign
    key = ~bits if bits & sign else bits | sign
    if bits & ~sign > infinity:
        key = sign | ~sign
    return ~key if descending else key


@inline
def _begin(row, sign, infinity, descending, keys, order, counts):
    """Keys of a row, its elements' places, and how many elements have each digit."""
    counts[:] = 0
    for place in range(row.size):
        keys[place] = _ordered(row[place], sign, infinity, descending)
        order[place] = place
    for place in range(row.size):
        key = np.uint64(keys[place])
        for number in range(keys.itemsize):
            counts[np.uint64(number * _DIGITS) + (key & _LAST)] += _ONE
            key >>= _BITS


@inline
def _deal(number, counts, keys, order, next_keys, next_order):
    """Move the elements to where their digit of this number puts them; `counts` becomes where the next one goes."""
    start = np.uint32(0)
    for digit in range(_DIGITS):
        count = counts[digit]
        counts[digit] = start
        start = np.uint32(start + count)
    shift = _BITS * np.uint64(number)
    for place in range(keys.size):
        key = keys[place]
        own = (np.uint64(key) >> shift) & _LAST
        target = counts[own]
        counts[own] = np.uint32(target + _ONE)
        next_keys[target] = key
        next_order[target] = order[place]


def _sort(bits, sign, infinity, descending, values, places):
    """Each row in order, as bits, and where its elements came from; equal ones in their order, NaN as the largest."""
    rows, length = bits.shape
    for chunk in prange(_CHUNKS):
        first, last = rows * chunk // _CHUNKS, rows * (chunk + 1) // _CHUNKS
        size = length if last > first else 0
        keys, next_keys = np.empty(size, bits.dtype), np.empty(size, bits.dtype)
        order, next_order = np.empty(size, np.uint32), np.empty(size, np.uint32)
        counts = np.empty(bits.itemsize * _DIGITS, np.uint32)
        for row in range(first, last):
            line = bits[row]
            _begin(line, sign, infinity, descending, keys, order, counts)
            for number in range(bits.itemsize):
                of_digit = counts[number * _DIGITS : (number + 1) * _DIGITS]
                if of_digit[(np.uint64(keys[0]) >> _BITS * np.uint64(number)) & _LAST] == length:
                    continue
                _deal(number, of_digit, keys, order, next_keys, next_order)
                keys, next_keys = next_keys, keys
                order, next_order = next_order, order
            for place in range(length):
                origin = order[place]
                places[row, place] = origin
                values[row, place] = line[origin]


sort_serial, sort_parallel = serial_and_parallel(_sort)
