"""Dropout, embedding and attention as functions; :mod:`nn.functional` offers them."""

from __future__ import annotations

from collections.abc import Callable

import autograd_core as ag
from autograd_core import Tensor, embedding_bag, scaled_dot_product_attention


def _in_place(function: Callable[..., Tensor], input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """Apply `function`; in place if asked to, which saves no memory here but changes `input` as in PyTorch."""
    if not inplace:
        return function(input, p, training)
    result: Tensor = input.copy_(function(input.clone(), p, training))
    return result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing outside training.

    Args:
        input: any shape.
        p: in [0, 1].
        training: whether to drop anything.
        inplace: overwrite `input`.

    Raises:
        ValueError: if `p` lies outside [0, 1].

    Source: Srivastava et al. 2014; inverted scaling.
    """
    return _in_place(ag.dropout, input, p, training, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, L) or (C, L)."""
    return _in_place(ag.dropout1d, input, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, H, W); three dimensions are read as (N, C, L), as PyTorch does."""
    return _in_place(ag.dropout2d, input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _in_place(ag.dropout3d, input, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 in networks of selu (Klambauer et al. 2017)."""
    return _in_place(ag.alpha_dropout, input, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels of (N, C, …)."""
    return _in_place(ag.feature_alpha_dropout, input, p, training, inplace)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight`, shape (rows, columns), by number; see :func:`autograd_core.embedding`.

    Raises:
        IndexError: for an index out of range.
        TypeError: if the indices are not integers.
        ValueError: if `weight` is no matrix, `padding_idx` is no row, or `sparse` is asked for.
    """
    found: Tensor = ag.embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    return found


__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "scaled_dot_product_attention",
]
