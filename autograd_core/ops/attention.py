"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..broadcasting import broadcast_shapes
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous, empty_in_order
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .blocks import run
from .dropout import dropout
from .linalg import matmul_primitive
from .linear_maps import swap_last
from .softmax import softmax_primitive

if TYPE_CHECKING:
    from ..kernels import attention as kernels, jit
else:
    jit = lazy_import("autograd_core.kernels.jit")
    kernels = lazy_import("autograd_core.kernels.attention")

# Multiplications beside one addition of an elementwise kernel, by how long they take.
_PRODUCTS = 32


def _heads_inside(array: np.ndarray) -> bool:
    """Whether the memory of (batch, heads, tokens, width) has the heads of a token beside each other."""
    _, heads, tokens, _ = array.shape
    return heads > 1 and tokens > 1 and 0 < array.strides[1] < array.strides[2]


def _line(array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """The memory of (batch, heads, tokens, width) as a line, and how far batches, heads and tokens lie apart.

    Elements beside each other are all that kernels need: parts of one projection are not copied.
    """
    flags, size = array.flags, array.itemsize
    if not flags.c_contiguous:
        strides = array.strides
        beside = strides[3] == size and min(strides) > 0 and not any(stride % size for stride in strides)
        if beside and flags.writeable:
            span = sum([(count - 1) * stride for count, stride in zip(array.shape, strides, strict=True)]) // size + 1
            line = np.lib.stride_tricks.as_strided(array, (span,), (size,))
            return line, (strides[0] // size, strides[1] // size, strides[2] // size)
    array = contiguous(array)
    _, heads, tokens, width = array.shape
    return array.reshape(-1), (heads * tokens * width, tokens * width, width)


def _empty(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """A new array whose dimensions lie in memory in the order of those of `like`."""
    return empty_in_order(shape, like.dtype, (0, 2, 1, 3) if _heads_inside(like) else (0, 1, 2, 3))


def _sizes(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> tuple[int, ...]:
    batches, heads, queries, width = query.shape
    return batches, heads, key.shape[1], queries, key.shape[2], width, value.shape[3]


def _additive(mask: np.ndarray | None, dtype: Any) -> np.ndarray:
    """The mask as what is added to scores; empty if there is none."""
    if mask is None:
        return np.empty((0, 0, 0, 0), dtype)
    if mask.dtype.kind == "b":
        return np.where(mask, dtype.type(0), dtype.type(-np.inf))
    return contiguous(mask.astype(dtype, copy=False))


def _forward(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, *, mask: np.ndarray | None, causal: bool, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    sizes = _sizes(query, key, value)
    batches, heads, _, queries, keys, width, depth = sizes
    out = _empty((batches, heads, queries, depth), query)
    statistics = np.zeros((2, batches * heads * queries), query.dtype)
    if not out.size or not keys or not width or jit.DISABLED:
        out[...] = _plain(query, key, value, mask, causal, scale)
        return out, statistics
    lines = [_line(array) for array in (query, key, value, out)]
    steps = np.array([step for _, step in lines])
    work = batches * heads * queries * keys * (width + depth) // _PRODUCTS
    operands = [line for line, _ in lines[:3]]
    parameters = (_additive(mask, query.dtype), causal, scale, sizes, steps, statistics)
    run(kernels, "attention", work, *operands, *parameters, lines[3][0])
    return out, statistics


def _plain(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None, causal: bool, scale: float
) -> np.ndarray:
    return np.matmul(_weights(query, key, mask, causal, scale), _repeated(value, query))


def _repeated(array: np.ndarray, query: np.ndarray) -> np.ndarray:
    return np.repeat(array, query.shape[1] // max(1, array.shape[1]), axis=1)


def _weights(query: np.ndarray, key: np.ndarray, mask: np.ndarray | None, causal: bool, scale: float) -> np.ndarray:
    """The attention weights by NumPy: what the kernels never hold."""
    scores = np.matmul(query * query.dtype.type(scale), np.swapaxes(_repeated(key, query), -1, -2))
    if mask is not None:
        scores = scores + _additive(mask, query.dtype)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf).astype(query.dtype)
    if not scores.size:
        return scores
    shift = scores.max(-1, keepdims=True)
    raised = np.exp(scores - np.where(shift == -np.inf, 0, shift))
    total = raised.sum(-1, keepdims=True)
    return np.asarray(raised / np.where(total == 0, 1, total))


def _reference(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: Any, causal: bool, scale: float
) -> np.ndarray:
    out = np.zeros((*query.shape[:3], value.shape[3]))
    share = query.shape[1] // key.shape[1]
    for b, h, row in np.ndindex(*query.shape[:3]):
        scores = np.array([query[b, h, row] @ other * scale for other in key[b, h // share]])
        if mask is not None:
            given = np.broadcast_to(mask, (*query.shape[:3], key.shape[2]))[b, h, row]
            scores = scores + (np.where(given, 0.0, -np.inf) if given.dtype.kind == "b" else given)
        if causal:
            scores[row + 1 :] = -np.inf
        if np.all(scores == -np.inf):
            continue
        raised = np.exp(scores - scores.max())
        out[b, h, row] = raised / raised.sum() @ value[b, h // share]
    return out


def _samples(random: np.random.Generator) -> list[Sample]:
    def sample(shapes: Any, mask: Any, causal: bool) -> Sample:
        parameters = {"mask": mask, "causal": causal, "scale": 0.5}
        return Sample(tuple(random.standard_normal(shape) for shape in shapes), parameters)

    seen = np.array([[True, False, True], [False, False, False]]).reshape(1, 1, 2, 3)
    return [
        sample(((2, 1, 3, 2), (2, 1, 3, 2), (2, 1, 3, 2)), None, False),
        sample(((1, 2, 2, 3), (1, 1, 3, 3), (1, 1, 3, 2)), seen, False),
        sample(((1, 2, 3, 2), (1, 2, 4, 2), (1, 2, 4, 1)), None, True),
        sample(((1, 2, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2)), random.standard_normal((1, 2, 1, 3)), True),
        sample(((1, 1, 131, 2), (1, 1, 3, 2), (1, 1, 3, 2)), None, False),
        sample(((1, 1, 16, 1), (1, 1, 20, 1), (1, 1, 20, 1)), None, True),
    ]


@fused("attention", forward=_forward, residuals=("statistics",), reference=_reference, samples=_samples)
def attention_primitive(
    query: Any, key: Any, value: Any, *, mask: np.ndarray | None, causal: bool, scale: float
) -> Any:
    """softmax(query keyᵀ scale + mask) value over the last two of (batch, heads, tokens, width)."""
    share = query.shape[1] // max(1, key.shape[1])
    if share != 1:
        key, value = key.repeat_interleave(share, 1), value.repeat_interleave(share, 1)
    weights = _recorded_weights(query, key, None if mask is None else _additive(mask, query.dtype), causal, scale)
    return matmul_primitive(weights, value)


def _recorded_weights(query: Any, key: Any, added: Any, causal: bool, scale: float) -> Any:
    """The attention weights as a tensor; `added` is an array, a tensor or None."""
    scores = matmul_primitive(query * scale, swap_last(key))
    visible = np.tri(query.shape[-2], key.shape[-2]) > 0 if causal else np.ones((1, 1), bool)
    if added is not None:
        # What no query may look at enters as 0, so that its derivative is 0 and not NaN.
        given = added._array if isinstance(added, Tensor) else added
        visible = visible & (given != -np.inf)
        scores = scores + (added if isinstance(added, Tensor) else wrap(np.where(given == -np.inf, 0, given), None))
    if visible.all():
        return softmax_primitive(scores, dim=scores.ndim - 1)
    blind = ~visible.any(-1, keepdims=True)
    barred = np.where(visible | blind, 0.0, -np.inf).astype(query.dtype)
    weights = softmax_primitive(scores + wrap(barred, None), dim=scores.ndim - 1)
    return weights * wrap((~blind).astype(query.dtype), None) if blind.any() else weights


@attention_primitive.vjp()
def _(
    cotangent: np.ndarray,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    y: np.ndarray,
    statistics: np.ndarray,
    mask: np.ndarray | None,
    causal: bool,
    scale: float,
) -> list[Any]:
    sizes = _sizes(query, key, value)
    batches, heads, _, queries, keys, width, depth = sizes
    if not y.size or not keys or not width or jit.DISABLED:
        return _plain_vjp(cotangent, query, key, value, mask, causal, scale)
    found = [_empty(query.shape, query), _empty(key.shape, key), _empty(value.shape, value)]
    lines = [_line(array) for array in (query, key, value, y, cotangent, *found)]
    steps = np.array([step for _, step in lines])
    work = batches * heads * queries * keys * (3 * width + 2 * depth) // _PRODUCTS
    operands = [line for line, _ in lines]
    parameters = (_additive(mask, query.dtype), causal, scale, sizes, steps, statistics)
    run(kernels, "attention_vjp", work, operands[4], *operands[:4], *parameters, *operands[5:])
    return found


def _plain_vjp(
    cotangent: np.ndarray,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: np.ndarray | None,
    causal: bool,
    scale: float,
) -> list[Any]:
    weights = _weights(query, key, mask, causal, scale)
    slopes = np.matmul(cotangent, np.swapaxes(_repeated(value, query), -1, -2))
    slopes = weights * (slopes - (weights * slopes).sum(-1, keepdims=True)) * query.dtype.type(scale)
    pulled = [np.matmul(np.swapaxes(slopes, -1, -2), query), np.matmul(np.swapaxes(weights, -1, -2), cotangent)]
    for place, own in enumerate((key, value)):
        pulled[place] = pulled[place].reshape(own.shape[0], own.shape[1], -1, *own.shape[2:]).sum(2)
    return [np.matmul(slopes, _repeated(key, query)), *pulled]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query keyᵀ scale + mask) value: each query's mean of the values, weighted by its likeness to the keys.

    Args:
        query: shape (…, H, L, E).
        key: shape (…, H, S, E).
        value: shape (…, H, S, F).
        attn_mask: broadcasts to (…, H, L, S); True where a query may look at a key, or floats added to the scores.
            A query that may look at nothing gets 0.
        dropout_p: probability of dropping a weight, always, as in PyTorch: pass 0 outside training.
        is_causal: let the i-th query look at the first i + 1 keys only; excludes `attn_mask`.
        scale: 1/√E unless given.
        enable_gqa: let several heads of queries share one of keys and values; H is then a multiple of theirs.

    Returns:
        Shape (…, H, L, F).

    Raises:
        ValueError: for shapes that do not fit, and for both a mask and `is_causal`.
        TypeError: for dtypes that are not the same floating one.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.ones(1, 2, 4, 8)
        >>> ag.scaled_dot_product_attention(x, x, x, is_causal=True).shape
        (1, 2, 4, 8)

    Source: Vaswani et al. 2017, "Attention is all you need", equation 1; Ainslie et al. 2023 for shared heads.
    """
    name = "scaled_dot_product_attention"
    query, key, value = (as_tensor_operand(given, name) for given in (query, key, value))
    if query.dtype.kind != "f" or not query.dtype == key.dtype == value.dtype:
        raise TypeError(f"{name}: one floating dtype is needed, got {query.dtype}, {key.dtype} and {value.dtype}")
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{name}: expected (..., tokens, width), got {query.shape}, {key.shape} and {value.shape}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(f"{name}: shapes {query.shape}, {key.shape} and {value.shape} do not fit")
    if attn_mask is not None and is_causal:
        raise ValueError(f"{name}: give attn_mask or is_causal, not both")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"{name}: dropout_p must lie in [0, 1], got {dropout_p}")
    factor = 1 / math.sqrt(max(1, query.shape[-1])) if scale is None else float(scale)
    shape = query.shape[:-1]
    query, key, value = _in_four(query, key, value, enable_gqa)
    mask = None if attn_mask is None else _mask_in_four(attn_mask, query, key, shape)
    result: Tensor
    if dropout_p == 0 and (mask is None or not mask.requires_grad):
        array = None if mask is None else mask._array.copy()
        parameters = {"mask": array, "causal": bool(is_causal), "scale": factor}
        result = apply(attention_primitive.op, (query, key, value), parameters)
    else:
        share = query.shape[1] // max(1, key.shape[1])
        if share != 1:
            key, value = key.repeat_interleave(share, 1), value.repeat_interleave(share, 1)
        added = mask
        if mask is not None and mask.dtype.kind == "b":
            added = wrap(_additive(mask._array, query.dtype), None)
        elif mask is not None:
            added = cast(mask, query.dtype)
        weights = dropout(_recorded_weights(query, key, added, bool(is_causal), factor), dropout_p)
        result = matmul_primitive(weights, value)
    return result if len(shape) == 3 else result.reshape(*shape, value.shape[-1])


def _in_four(query: Tensor, key: Tensor, value: Tensor, shared: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The operands as (batch, heads, tokens, width)."""
    name = "scaled_dot_product_attention"
    heads = [given.shape[-3] if given.ndim > 2 else 1 for given in (query, key, value)]
    if shared:
        if heads[1] != heads[2] or not heads[1] or heads[0] % heads[1] or min(query.ndim, key.ndim, value.ndim) < 3:
            raise ValueError(f"{name}: {heads[0]} heads of queries cannot share {heads[1]} and {heads[2]} heads")
        batch = broadcast_shapes(*(given.shape[:-3] for given in (query, key, value)), operation=name)
        wanted = [(*batch, own) for own in heads]
    else:
        whole = broadcast_shapes(*(given.shape[:-2] for given in (query, key, value)), operation=name)
        wanted = [whole] * 3
    found = []
    for given, outer in zip((query, key, value), wanted, strict=True):
        if given.shape[:-2] != outer:
            given = given.expand(*outer, *given.shape[-2:])
        if given.ndim != 4:
            own = outer[-1] if outer else 1
            given = given.reshape(-1 if given.numel() else math.prod(outer[:-1]), own, *given.shape[-2:])
        found.append(given)
    return found[0], found[1], found[2]


def _mask_in_four(mask: Any, query: Tensor, key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The mask with four dimensions, the last of them a row for each query."""
    name = "scaled_dot_product_attention"
    tensor = as_tensor_operand(mask, name)
    if tensor.dtype.kind not in "bf":
        raise TypeError(f"{name}: attn_mask must be bool or floating, got {tensor.dtype}")
    full = (*shape, key.shape[-2])
    if broadcast_shapes(tensor.shape, full, operation=name) != full:
        raise ValueError(f"{name}: attn_mask of shape {tensor.shape} does not broadcast to {full}")
    if len(full) > 4 and tensor.ndim > 3:
        tensor = tensor.expand(*full).reshape(query.shape[0], query.shape[1], *full[-2:])
    elif tensor.ndim > 3 and tensor.ndim != 4:
        tensor = tensor.reshape(tensor.shape[-4:])
    else:
        tensor = tensor.reshape(*(1,) * (4 - tensor.ndim), *tensor.shape)
    if tensor.shape[-1] != key.shape[-2]:
        tensor = tensor.expand(*tensor.shape[:-1], key.shape[-2])
    return tensor


__all__ = ["scaled_dot_product_attention"]
