"""Rows looked up by number, and added back to where they came from."""

from __future__ import annotations

from .jit import DISABLED, inline, prange, serial_and_parallel

if DISABLED:

    def prefetch(array, index):
        """Nothing; compiled, it asks for the line of memory that holds an element."""

else:
    from .pieces import prefetch

# Rows a thread takes at a time.
_ROWS = 64
# Rows lie anywhere: how many ahead their memory is asked for, and of each as many elements at the most.
_AHEAD, _ASKED = 6, 256


@inline
def _copy(source, target):
    for i in range(target.size):
        target[i] = source[i]


@inline
def _add(target, values):
    for i in range(target.size):
        target[i] += values[i]


def _lookup(weight, index, out):
    """out[k] = weight[index[k]]; returns the first k whose index is out of range, or -1; then nothing is written."""
    rows = weight.shape[0]
    for place in range(index.size):
        if index[place] < 0 or index[place] >= rows:
            return place
    line, width = weight.reshape(-1), weight.shape[1]
    step = 64 // weight.itemsize
    for block in prange((index.size + _ROWS - 1) // _ROWS):
        for place in range(block * _ROWS, min(index.size, block * _ROWS + _ROWS)):
            coming = index[min(place + _AHEAD, index.size - 1)] * width
            for element in range(coming, coming + min(width, _ASKED), step):
                prefetch(line, element)
            _copy(weight[index[place]], out[place])
    return -1


def _scatter(cotangent, index, padding, parts, out):
    """out[index[k]] += cotangent[k], but for k whose index is `padding`.

    The rows of `out` are dealt to as many `parts`, each of which goes over all indices, so that repeated ones are
    added in order.
    """
    rows = out.shape[0]
    for part in prange(parts):
        first, last = rows * part // parts, rows * (part + 1) // parts
        for place in range(index.size):
            row = index[place]
            if first <= row < last and row != padding:
                _add(out[row], cotangent[place])


lookup_serial, lookup_parallel = serial_and_parallel(_lookup)
scatter_serial, scatter_parallel = serial_and_parallel(_scatter)
