"""Distances and similarities of vectors, and the bilinear layer, with PyTorch's names and arguments."""

from __future__ import annotations

from typing import Any

import autograd_core as ag
from autograd_core import Tensor


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖, eps) along `dim`; the zero vector stays zero, with a finite gradient.

    Args:
        input: any shape.
        p: order of the norm.
        dim: the dimensions along which vectors lie.
        eps: the smallest divisor.
    """
    return input / ag.linalg.vector_norm(input, p, dim, keepdim=True).clamp_min(eps)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """‖x1 - x2 + eps‖ along the last dimension.

    Args:
        x1, x2: vectors in the last dimension, the others broadcast.
        p: order of the norm.
        eps: added to every difference, which keeps gradients away from the kink at 0.
        keepdim: keep the last dimension with size 1.
    """
    return ag.linalg.vector_norm(x1 - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`.

    Raises:
        TypeError: for integers.
        ValueError: for shapes that do not broadcast.
    """
    x1, x2 = ag.broadcast_tensors(x1, x2)
    lengths = [ag.linalg.vector_norm(x, 2, dim, keepdim=True).clamp_min(eps) for x in (x1, x2)]
    return ((x1 / lengths[0]) * (x2 / lengths[1])).sum(dim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Distances of all pairs of rows of a matrix, in the order (0, 1), (0, 2), …, (1, 2), ….

    Raises:
        ValueError: for other than two dimensions, and for negative `p`.
    """
    if input.ndim != 2:
        raise ValueError(f"pdist: expected a matrix, got shape {input.shape}")
    if p < 0:
        raise ValueError(f"pdist: p must not be negative, got {p}")
    first, second = ag.triu_indices(input.shape[0], input.shape[0], 1)
    return ag.linalg.vector_norm(input[first] - input[second], p, -1)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1ᵀ W input2 + bias for each output.

    Args:
        input1: shape (…, in1).
        input2: shape (…, in2).
        weight: shape (out, in1, in2).
        bias: shape (out,) or None.

    Raises:
        ValueError: for shapes that do not fit.
    """
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ValueError(f"bilinear: shapes {input1.shape} and {input2.shape} differ before the last dimension")
    if weight.ndim != 3 or weight.shape[1:] != (input1.shape[-1], input2.shape[-1]):
        raise ValueError(
            f"bilinear: a weight of shape {weight.shape} does not fit inputs of {input1.shape} and {input2.shape}"
        )
    result = ag.einsum("...i,oij,...j->...o", input1, weight, input2)
    return result if bias is None else result + bias


__all__ = ["bilinear", "cosine_similarity", "normalize", "pairwise_distance", "pdist"]
