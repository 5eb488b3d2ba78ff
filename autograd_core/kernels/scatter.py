"""Adding and reading at indices: along one dimension of an (outer, length, inner) block, whole rows or single elements.

Indices are checked and counted from the front before they come here; a kernel would read foreign memory otherwise.
"""

from __future__ import annotations

from autograd_core.kernels.jit import inline, kernel, prange, serial_and_parallel

# Columns of a row that one thread adds: threads share rows, never elements, so repeated indices are added in order.
_COLUMNS = 256


@inline
def _add(target, values):
    for lane in range(values.size):
        target[lane] += values[lane]


def _add_rows(full, index, values):
    """full[:, index] += values, repeated indices as often as they occur, in order."""
    outer, _, inner = full.shape
    column_blocks = (inner + _COLUMNS - 1) // _COLUMNS
    for task in prange(outer * column_blocks):
        row, first = task // column_blocks, task % column_blocks * _COLUMNS
        last = min(inner, first + _COLUMNS)
        if inner == 1:
            for place in range(index.size):
                full[row, index[place], 0] += values[row, place, 0]
        else:
            for place in range(index.size):
                _add(full[row, index[place], first:last], values[row, place, first:last])


def _add_along(full, index, values):
    """full[o, index[o, k, i], i] += values[o, k, i]."""
    outer, length, inner = index.shape
    for row in prange(outer):
        if inner == 1:
            line, places, added = full[row, :, 0], index[row, :, 0], values[row, :, 0]
            # Neighbours often name the same element, which then stays in a register: running extrema do, for one.
            if not length:
                continue
            current, total = places[0], line[places[0]]
            for place in range(length):
                if places[place] != current:
                    line[current] = total
                    current = places[place]
                    total = line[current]
                total += added[place]
            line[current] = total
        else:
            for place in range(length):
                for column in range(inner):
                    full[row, index[row, place, column], column] += values[row, place, column]


def _take_along(x, index, out):
    """out[o, k, i] = x[o, index[o, k, i], i]."""
    outer, length, inner = index.shape
    for row in prange(outer):
        if inner == 1:
            line, places, taken = x[row, :, 0], index[row, :, 0], out[row, :, 0]
            for place in range(places.size):
                taken[place] = line[places[place]]
        else:
            for place in range(length):
                for column in range(inner):
                    out[row, place, column] = x[row, index[row, place, column], column]


add_rows_serial, add_rows_parallel = serial_and_parallel(_add_rows)
add_along_serial, add_along_parallel = serial_and_parallel(_add_along)
take_along_serial, take_along_parallel = serial_and_parallel(_take_along)


@kernel
def add_flat(full, index, values):
    """full[index] += values, one element after the other."""
    for place in range(index.size):
        full[index[place]] += values[place]
