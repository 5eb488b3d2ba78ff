"""Random numbers that are a function of a key and a counter: the same for any number of threads, and drawn twice alike.

The n-th word is the SplitMix64 mixing function (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators", with Stafford's variant 13) of key + n times the golden ratio: two 64-bit multiplications for two 32-bit
words, without a state from one to the next, so that the loop vectorises. Keys come from the process's seeded generator.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inline, prange, serial_and_parallel
from .vecmath import cos_float32, cos_float64, log_float32, log_float64, sin_float32, sin_float64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_A, _B, _C, _HALF = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_ONE, _MANTISSA = np.uint64(1), np.uint64(11)

# Elements drawn at a time; the lower halves of the 64-bit words make the first half of them, the upper ones the rest.
BLOCK = 2048

_UNIT32, _UNIT64 = np.float32(2.0**-24), np.float64(2.0**-53)
_WORD32, _HALF_WORD32 = np.float32(2.0**-32), np.float32(2.0**-33)
_TURN32, _TURN64 = np.float32(2 * math.pi), np.float64(2 * math.pi)
_EIGHT = np.uint32(8)


@inline
def _mix(word):
    word = (word ^ (word >> _A)) * _FIRST
    word = (word ^ (word >> _B)) * _SECOND
    return word ^ (word >> _C)


@inline
def _words(key, block, low, high):
    """The 32-bit words of a block: those from the lower halves, and those from the upper ones."""
    start = key + (np.uint64(block) * np.uint64(BLOCK // 2) + _ONE) * _GOLDEN
    for i in range(low.size):
        word = _mix(start + np.uint64(i) * _GOLDEN)
        low[i] = np.uint32(word)
        high[i] = np.uint32(word >> _HALF)


@inline
def _keep(x, words, threshold, scale, out):
    for i in range(out.size):
        out[i] = x[i] * scale if words[i] < threshold else x.dtype.type(0)


def _dropout(x, key, threshold, factor, out):
    """x * factor where the element's word lies below the threshold, else 0."""
    size, half = x.size, BLOCK // 2
    scale = x.dtype.type(factor)
    for block in prange((size + BLOCK - 1) // BLOCK):
        low, high = np.empty(half, np.uint32), np.empty(half, np.uint32)
        first, last = block * BLOCK, min(size, block * BLOCK + BLOCK)
        middle = min(last, first + half)
        _words(key, block, low[: middle - first], high[: middle - first])
        _keep(x[first:middle], low, threshold, scale, out[first:middle])
        _keep(x[middle:last], high, threshold, scale, out[middle:last])


def _uniform_float32(key, out):
    """Uniform numbers in [0, 1), of 24 bits."""
    size, half = out.size, BLOCK // 2
    for block in prange((size + BLOCK - 1) // BLOCK):
        low, high = np.empty(half, np.uint32), np.empty(half, np.uint32)
        first, last = block * BLOCK, min(size, block * BLOCK + BLOCK)
        middle = min(last, first + half)
        _words(key, block, low[: middle - first], high[: middle - first])
        for part, words in ((out[first:middle], low), (out[middle:last], high)):
            for i in range(part.size):
                part[i] = np.float32(np.int32(words[i] >> _EIGHT)) * _UNIT32


def _uniform_float64(key, out):
    """Uniform numbers in [0, 1), of 53 bits."""
    size = out.size
    for block in prange((size + BLOCK - 1) // BLOCK):
        part = out[block * BLOCK : min(size, block * BLOCK + BLOCK)]
        start = key + (np.uint64(block) * np.uint64(BLOCK) + _ONE) * _GOLDEN
        for i in range(part.size):
            word = _mix(start + np.uint64(i) * _GOLDEN)
            part[i] = np.float64(np.int64(word >> _MANTISSA)) * _UNIT64


def _normal_float32(key, out):
    """Standard normal numbers (Box and Muller 1958)."""
    size, half = out.size, BLOCK // 2
    for block in prange((size + BLOCK - 1) // BLOCK):
        low, high = np.empty(half, np.uint32), np.empty(half, np.uint32)
        first, last = block * BLOCK, min(size, block * BLOCK + BLOCK)
        middle = min(last, first + half)
        _words(key, block, low, high)
        start, rest = out[first:middle], out[middle:last]
        radius, angle = low[: start.size], high[: start.size]
        lengths = np.empty(start.size, np.float32)
        turns = np.empty(start.size, np.float32)
        for i in range(radius.size):
            # Of the middle of the word's interval, so that no logarithm is infinite.
            lengths[i] = np.sqrt(np.float32(-2) * log_float32(np.float32(radius[i]) * _WORD32 + _HALF_WORD32))
            turns[i] = np.float32(np.int32(angle[i] >> _EIGHT)) * _UNIT32 * _TURN32
        for i in range(start.size):
            start[i] = lengths[i] * cos_float32(turns[i])
        for i in range(rest.size):
            rest[i] = lengths[i] * sin_float32(turns[i])


def _normal_float64(key, out):
    """Standard normal numbers (Box and Muller 1958)."""
    size, half = out.size, BLOCK // 2
    for block in prange((size + BLOCK - 1) // BLOCK):
        first, last = block * BLOCK, min(size, block * BLOCK + BLOCK)
        middle = min(last, first + half)
        start, rest = out[first:middle], out[middle:last]
        lengths, turns = np.empty(start.size), np.empty(start.size)
        counter = key + (np.uint64(block) * np.uint64(BLOCK) + _ONE) * _GOLDEN
        for i in range(lengths.size):
            radius = _mix(counter + np.uint64(i) * _GOLDEN)
            angle = _mix(counter + np.uint64(i + half) * _GOLDEN)
            lengths[i] = np.sqrt(-2.0 * log_float64((np.float64(np.int64(radius >> _MANTISSA)) + 0.5) * _UNIT64))
            turns[i] = np.float64(np.int64(angle >> _MANTISSA)) * _UNIT64 * _TURN64
        for i in range(start.size):
            start[i] = lengths[i] * cos_float64(turns[i])
        for i in range(rest.size):
            rest[i] = lengths[i] * sin_float64(turns[i])


dropout_serial, dropout_parallel = serial_and_parallel(_dropout)
uniform_float32_serial, uniform_float32_parallel = serial_and_parallel(_uniform_float32)
uniform_float64_serial, uniform_float64_parallel = serial_and_parallel(_uniform_float64)
normal_float32_serial, normal_float32_parallel = serial_and_parallel(_normal_float32)
normal_float64_serial, normal_float64_parallel = serial_and_parallel(_normal_float64)
