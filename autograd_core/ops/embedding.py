"""Embedding: rows of a matrix looked up by number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import structural
from ..dispatch import as_tensor_operand
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, cell_of, wrap
from .arguments import integers

if TYPE_CHECKING:
    from ..kernels import embedding as kernels, jit
else:
    jit = lazy_import("autograd_core.kernels.jit")
    kernels = lazy_import("autograd_core.kernels.embedding")


def _samples(shape: tuple[int, ...], other: int, **parameters: Any) -> Any:
    index = np.array([[1, 0, 1], [3, 3, 1]])
    return lambda random: [
        Sample((random.standard_normal(shape),), {"index": index, "padding": padding, **parameters})
        for padding in (-1, other)
    ]


def _without_padding(rows: np.ndarray, index: np.ndarray, padding: int) -> np.ndarray:
    return np.where((index == padding)[..., None], 0, rows)


def _add_rows(x: np.ndarray, index: np.ndarray, padding: int, count: int) -> np.ndarray:
    full = np.zeros((count, x.shape[-1]))
    np.add.at(full, index, _without_padding(x, index, padding))
    return full


@structural(
    "embedding",
    reference=lambda weight, index, padding: weight[index],
    samples=_samples((4, 3), 2),  # not the derivative of the values where the padding is looked up
)
def embedding_primitive(weight: np.ndarray, *, index: np.ndarray, padding: int) -> np.ndarray:
    """Rows of a matrix by number; the row `padding` receives no gradient."""
    out = np.empty((*index.shape, weight.shape[1]), weight.dtype)
    rows = out.reshape(-1, weight.shape[1])
    places = contiguous(index).reshape(-1)
    if jit.thread_count(out.size) > 1:
        with jit.PARALLEL:
            wrong = kernels.lookup_parallel(contiguous(weight), places, rows)
    else:
        wrong = kernels.lookup_serial(contiguous(weight), places, rows)
    if wrong >= 0:
        raise IndexError(f"embedding: index {places[wrong]} is out of range for {weight.shape[0]} rows")
    return out


@structural(
    "embedding_scatter",
    reference=_add_rows,
    samples=_samples((2, 3, 3), 1, count=5),
)
def embedding_scatter_primitive(x: np.ndarray, *, index: np.ndarray, padding: int, count: int) -> np.ndarray:
    """Add rows to those of a matrix of zeros that their numbers name, but for the row `padding`."""
    # Zeros that the system provides: only the pages that are written cost anything.
    out = np.zeros((count, x.shape[-1]), x.dtype)
    if x.size:
        operands = (contiguous(x).reshape(-1, x.shape[-1]), contiguous(index).reshape(-1), padding)
        threads = jit.thread_count(x.size)
        if threads > 1:
            with jit.PARALLEL:
                kernels.scatter_parallel(*operands, threads, out)
        else:
            kernels.scatter_serial(*operands, 1, out)
    return out


@embedding_primitive.vjp("weight")
def _(cotangent: Any, weight_shape: Any, index: np.ndarray, padding: int) -> Any:
    return embedding_scatter_primitive(cotangent, index=index, padding=padding, count=weight_shape[0])


@embedding_scatter_primitive.vjp("x")
def _(cotangent: Any, index: np.ndarray, padding: int) -> Any:
    rows = embedding_primitive(cotangent, index=index, padding=-1)
    if padding < 0:
        return rows
    return rows * np.not_equal(index, padding).astype(cotangent.dtype)[..., None]


def _renormalize(weight: Tensor, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Shorten the rows that are looked up and longer than `max_norm`, in place."""
    used = np.unique(index)
    if used.size and (used[0] < 0 or used[-1] >= weight.shape[0]):
        raise IndexError(f"embedding: index {used[0] if used[0] < 0 else used[-1]} is out of range")
    rows = weight._array[used]
    lengths = np.linalg.norm(rows.astype(np.float64), norm_type, axis=1)
    long = lengths > max_norm
    if long.any():
        scale = max_norm / (lengths[long] + 1e-7)
        weight._array[used[long]] = rows[long] * scale[:, None]
        cell_of(weight)[0] += 1


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` by number.

    Args:
        input: integers of any shape (*), in [0, rows).
        weight: shape (rows, columns).
        padding_idx: a row that receives no gradient; negative ones count from the end.
        max_norm: rows that are looked up and longer are first shortened to it, in place.
        norm_type: the norm that `max_norm` limits.
        scale_grad_by_freq: divide each row's gradient by how often it was looked up.
        sparse: must be False: gradients are dense.

    Returns:
        Shape (*, columns).

    Raises:
        IndexError: for an index out of range; negative ones are not counted from the end.
        TypeError: if the indices are not integers.
        ValueError: if `weight` is no matrix, `padding_idx` is no row, or `sparse` is asked for.

    Example:
        >>> import autograd_core as ag
        >>> ag.embedding(ag.tensor([2, 0]), ag.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        tensor([[5., 6.],
                [1., 2.]])
    """
    if sparse:
        raise ValueError("embedding: sparse gradients are not supported; leave sparse=False")
    weight = as_tensor_operand(weight, "embedding")
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must have shape (rows, columns), got {weight.shape}")
    rows = weight.shape[0]
    padding = -1
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise ValueError(f"embedding: padding_idx {padding_idx} is no row of {rows}")
        padding = int(padding_idx) % rows
    index = integers(input, "embedding", keep=weight.requires_grad)
    if max_norm is not None:
        _renormalize(weight, index, float(max_norm), float(norm_type))
    found: Tensor = apply(embedding_primitive.op, (weight,), {"index": index, "padding": padding})
    if scale_grad_by_freq and found.requires_grad:
        frequency = np.bincount(index.ravel(), minlength=rows)[index]
        # Value kept, gradient divided: the part that passes it, plus a constant.
        share = found * (1 / frequency).astype(weight.dtype)[..., None]
        found = share + wrap(found._array - share._array, None)
    return found


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of the rows of `weight` that bags of numbers name.

    Args:
        input: integers, shape (bags, length), or (total,) with `offsets`.
        weight: shape (rows, columns).
        offsets: where each bag starts, shape (bags,), from 0 upwards; an empty bag gives zeros.
        mode: "sum", "mean" or "max".
        per_sample_weights: of the input's shape, multiplied with the rows; for "sum" only.
        include_last_offset: whether `offsets` ends with the total.
        padding_idx: a row that counts for nothing.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in :func:`embedding`.

    Returns:
        Shape (bags, columns).

    Raises:
        ValueError: for shapes, offsets or modes that do not fit.
        IndexError, TypeError: as :func:`embedding` does.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode must be sum, mean or max, got {mode!r}")
    if per_sample_weights is not None and (mode != "sum" or per_sample_weights.shape != input.shape):
        raise ValueError("embedding_bag: per_sample_weights need mode 'sum' and the input's shape")
    index = integers(input, "embedding_bag")
    if (index.ndim == 2) == (offsets is not None) or index.ndim not in (1, 2):
        raise ValueError(
            f"embedding_bag: expected an input (bags, length), or (total,) with offsets, got shape {index.shape}"
        )
    if offsets is None:
        bags, segment = index.shape[0], np.repeat(np.arange(index.shape[0]), index.shape[1])
    else:
        starts = integers(offsets, "embedding_bag")
        if starts.ndim != 1 or (starts.size and starts[0] != 0) or (np.diff(starts) < 0).any():
            raise ValueError("embedding_bag: offsets must start at 0 and not decrease")
        if starts.size and starts[-1] > index.size:
            raise ValueError(f"embedding_bag: offset {starts[-1]} exceeds the {index.size} indices")
        bags = starts.size - 1 if include_last_offset else starts.size
        segment = np.searchsorted(starts[:bags], np.arange(index.size), "right") - 1
    rows = embedding(wrap(index.ravel(), None), weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        kept = np.flatnonzero(index.ravel() != padding_idx % weight.shape[0])
        rows, segment = rows[kept], segment[kept]
    if mode == "max":
        return _largest(rows, segment, bags)
    total: Tensor = apply(embedding_scatter_primitive.op, (rows,), {"index": segment, "padding": -1, "count": bags})
    if mode == "mean":
        counts = np.maximum(np.bincount(segment, minlength=bags), 1)
        total = total * (1 / counts).astype(rows.dtype)[:, None]
    return total


def _largest(rows: Tensor, segment: np.ndarray, bags: int) -> Tensor:
    """The largest entry of each column in each segment, the first of equal ones; zeros for an empty segment."""
    values = rows._array
    best = np.full((bags, values.shape[1]), -math.inf)
    np.maximum.at(best, segment, values)
    place = np.zeros(best.shape, np.int64)
    for row in reversed(range(len(segment))):
        hit = values[row] == best[segment[row]]
        place[segment[row]][hit] = row
    filled = np.isin(np.arange(bags), segment)
    if not len(segment):
        return wrap(np.zeros(best.shape, rows.dtype), None)
    found = rows[place, np.arange(values.shape[1])]
    return found * filled.astype(rows.dtype)[:, None]


__all__ = ["embedding", "embedding_bag"]
