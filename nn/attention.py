"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import Linear, positive_size
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    """Attention of several heads: projections, scaled dot-product attention for each head, and a projection back.

    Args:
        embed_dim: E, the width of queries and of the result; a multiple of `num_heads`.
        num_heads: how many heads.
        dropout: probability of dropping an attention weight in training.
        bias: whether the projections have biases.
        add_bias_kv: append a learned token to keys and values.
        add_zero_attn: append a token of zeros to them.
        kdim, vdim: widths of keys and values; E unless given.
        batch_first: whether the batch comes before the tokens.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        query (L, N, E), key (S, N, kdim), value (S, N, vdim), output (L, N, E); with `batch_first` the first two
        dimensions change places; without a batch the second is left out.

    Raises:
        ValueError: if E is no multiple of the number of heads, and when called with shapes that do not fit.

    Example:
        >>> import autograd_core as ag, nn
        >>> attention = nn.MultiheadAttention(8, 2, batch_first=True)
        >>> x = ag.randn(3, 5, 8)
        >>> result, weights = attention(x, x, x)
        >>> result.shape, weights.shape
        ((3, 5, 8), (3, 5, 5))

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.2.
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.embed_dim = positive_size(embed_dim, "embed_dim", "MultiheadAttention", minimum=1)
        self.num_heads = positive_size(num_heads, "num_heads", "MultiheadAttention", minimum=1)
        if self.embed_dim % self.num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} must be a multiple of num_heads {num_heads}")
        self.kdim = self.embed_dim if kdim is None else positive_size(kdim, "kdim", "MultiheadAttention")
        self.vdim = self.embed_dim if vdim is None else positive_size(vdim, "vdim", "MultiheadAttention")
        self.head_dim = self.embed_dim // self.num_heads
        self.dropout = dropout
        self.add_zero_attn = add_zero_attn
        self.batch_first = batch_first
        size = self.embed_dim
        alike = self.kdim == size == self.vdim
        widths = {"q_proj_weight": size, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        for name, width in widths.items():
            self.register_parameter(name, None if alike else Parameter(ag.empty(size, width, dtype=dtype)))
        together = Parameter(ag.empty(3 * size, size, dtype=dtype)) if alike else None
        self.register_parameter("in_proj_weight", together)
        self.register_parameter("in_proj_bias", Parameter(ag.zeros(3 * size, dtype=dtype)) if bias else None)
        self.out_proj = Linear(size, size, bias=bias, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, Parameter(ag.empty(1, 1, size, dtype=dtype)) if add_bias_kv else None)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for token in (self.bias_k, self.bias_v):
            if token is not None:
                init.xavier_normal_(token)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The result, and the attention weights if they are wanted.

        Args:
            query, key, value: see the class.
            key_padding_mask: shape (N, S): True for keys to leave out, or floats added to their scores.
            need_weights: return the weights too, shape (N, L, S); without them attention is faster.
            attn_mask: shape (L, S) or (N · heads, L, S): True where a query may *not* look at a key, or floats added.
            average_attn_weights: weights averaged over the heads, or each head's, (N, heads, L, S).
            is_causal: a hint that `attn_mask`, which must be given too, is the causal one.

        Raises:
            ValueError: for shapes that do not fit, and for the hint without a mask.
        """
        batched = query.ndim == 3
        if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
            raise ValueError(
                f"MultiheadAttention: expected (L, N, E) or (L, E), got {query.shape}, {key.shape} and {value.shape}"
            )
        if (query.shape[-1], key.shape[-1], value.shape[-1]) != (self.embed_dim, self.kdim, self.vdim):
            raise ValueError(
                f"MultiheadAttention: expected widths {self.embed_dim}, {self.kdim} and {self.vdim}, "
                f"got {query.shape}, {key.shape} and {value.shape}"
            )
        if is_causal and attn_mask is None:
            raise ValueError("MultiheadAttention: is_causal is a hint about attn_mask, which must be given too")
        same = query is key and key is value
        q, k, v = self._project(query, key, value, same)
        if not batched:
            q, k, v = (x.unsqueeze(0) for x in (q, k, v))
        elif not self.batch_first:
            q, k, v = (x.transpose(0, 1) for x in (q, k, v))
        samples, length = q.shape[0], q.shape[1]
        padding = key_padding_mask
        if padding is not None:
            padding = padding.unsqueeze(0) if padding.ndim == 1 else padding
            if tuple(padding.shape) != (samples, k.shape[1]):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask must have shape {(samples, k.shape[1])}, got {padding.shape}"
                )
        causal = is_causal and padding is None and not need_weights and self.bias_k is None and not self.add_zero_attn
        mask = None if causal else self._mask(attn_mask, padding, samples, length, k.shape[1], q.dtype)
        k, v, added = self._extended(k, v)
        if mask is not None and added:
            mask = functional.pad(mask, (0, added))
        heads = [x.reshape(samples, -1, self.num_heads, self.head_dim).transpose(1, 2) for x in (q, k, v)]
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (heads[0] * (1 / math.sqrt(self.head_dim))) @ heads[1].transpose(-1, -2)
            weights = functional.softmax(scores if mask is None else scores + mask, -1)
            weights = functional.dropout(weights, dropout)
            result = weights @ heads[2]
        else:
            result = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], mask, dropout, causal)
        result = self.out_proj(result.transpose(1, 2).reshape(samples, length, self.embed_dim))
        if weights is not None:
            weights = weights.mean(1) if average_attn_weights else weights
        if not batched:
            return result.squeeze(0), None if weights is None else weights.squeeze(0)
        return result if self.batch_first else result.transpose(0, 1), weights

    def _project(self, query: Tensor, key: Tensor, value: Tensor, same: bool) -> list[Tensor]:
        """The projections, of which those that share an input are one product."""
        size, bias = self.embed_dim, self.in_proj_bias
        if self.in_proj_weight is not None and same:
            together = functional.linear(query, self.in_proj_weight, bias)
            return [together[..., place * size : (place + 1) * size] for place in range(3)]
        if self.in_proj_weight is not None:
            weights: list[Any] = [self.in_proj_weight[place * size : (place + 1) * size] for place in range(3)]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases: list[Any] = [None if bias is None else bias[place * size : (place + 1) * size] for place in range(3)]
        return [
            functional.linear(given, weight, own)
            for given, weight, own in zip((query, key, value), weights, biases, strict=True)
        ]

    def _extended(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, int]:
        """Keys and values (N, S, E) with the tokens appended that the layer has, and how many."""
        added = 0
        if self.bias_k is not None and self.bias_v is not None:
            one = (k.shape[0], 1, self.embed_dim)
            k = ag.cat([k, self.bias_k.expand(one)], 1)
            v = ag.cat([v, self.bias_v.expand(one)], 1)
            added += 1
        if self.add_zero_attn:
            zeros = ag.zeros(k.shape[0], 1, self.embed_dim, dtype=k.dtype)
            k, v = ag.cat([k, zeros], 1), ag.cat([v, zeros], 1)
            added += 1
        return k, v, added

    def _mask(
        self, attn_mask: Tensor | None, padding: Tensor | None, samples: int, length: int, keys: int, dtype: Any
    ) -> Tensor | None:
        """Both masks as what is added to the scores (N, heads, L, S)."""
        total: Tensor | None = None
        if attn_mask is not None:
            shape = tuple(attn_mask.shape)
            if shape not in ((length, keys), (samples * self.num_heads, length, keys)):
                raise ValueError(
                    f"MultiheadAttention: attn_mask must have shape {(length, keys)} or "
                    f"{(samples * self.num_heads, length, keys)}, got {shape}"
                )
            total = _added(attn_mask, dtype)
            outer = (1, 1) if len(shape) == 2 else (samples, self.num_heads)
            total = total.reshape(*outer, length, keys)
        if padding is not None:
            own = _added(padding, dtype).reshape(samples, 1, 1, keys)
            total = own if total is None else total + own
        return total


def _added(mask: Tensor, dtype: Any) -> Tensor:
    """A mask as what is added to scores: True is minus infinity."""
    if mask.dtype.kind == "b":
        return ag.from_numpy(np.where(mask.numpy(), dtype.type(-np.inf), dtype.type(0)))
    if not mask.is_floating_point():
        raise TypeError(f"MultiheadAttention: masks must be bool or floating, got {mask.dtype}")
    converted: Tensor = mask.to(dtype)
    return converted


__all__ = ["MultiheadAttention"]
