"""Transformers: layers of attention and of networks that see one token at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .layers import Linear
from .module import Module
from .normalization import LayerNorm

Activation = str | Callable[[Tensor], Tensor]


def _activation(given: Activation, owner: str) -> Callable[[Tensor], Tensor]:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise ValueError(f"{owner}: activation must be 'relu', 'gelu' or a function, got {given!r}")
    function: Callable[[Tensor], Tensor] = getattr(functional, given)
    return function


class _Layer(Module):
    """What encoder and decoder layers have in common: attention to oneself, and a network of two affine maps."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._build(d_model, nhead, dropout, batch_first, bias, dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, dtype=dtype)
        self.norm_first = norm_first
        for number in range(1, self._parts + 1):
            setattr(self, f"norm{number}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for number in range(1, self._parts + 1):
            setattr(self, f"dropout{number}", Dropout(dropout))
        self.activation = _activation(activation, type(self).__name__)

    _parts = 2

    def _build(self, d_model: int, nhead: int, dropout: float, batch_first: bool, bias: bool, dtype: Any) -> None:
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)

    def _residual(self, x: Tensor, number: int, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x + part(x), normalised before or after."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        result: Tensor = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return result

    def _feed_forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return result


class TransformerEncoderLayer(_Layer):
    """Attention of the tokens to each other and a network for each of them, both around a residual path.

    Args:
        d_model: E, the width of a token.
        nhead: heads of attention.
        dim_feedforward: width inside the network.
        dropout: probability, of attention weights, inside the network and of both parts' results.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: of the normalisations.
        batch_first: whether the batch comes before the tokens.
        norm_first: normalise before each part instead of after it.
        bias: whether affine maps and normalisations have biases.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (L, N, E), or (N, L, E) with `batch_first`, or (L, E); output the same.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(ag.randn(3, 5, 8)).shape
        (3, 5, 8)

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020 for `norm_first`.
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Shape kept; masks as :class:`MultiheadAttention` takes them."""

        def attend(x: Tensor) -> Tensor:
            found: Tensor = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )[0]
            return found

        return self._residual(self._residual(src, 1, attend), 2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Attention of the tokens to each other, to an encoder's result, and a network for each of them.

    Arguments and shapes are those of :class:`TransformerEncoderLayer`.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)(ag.randn(3, 5, 8), ag.randn(3, 7, 8)).shape
        (3, 5, 8)
    """

    _parts = 3

    def _build(self, d_model: int, nhead: int, dropout: float, batch_first: bool, bias: bool, dtype: Any) -> None:
        super()._build(d_model, nhead, dropout, batch_first, bias, dtype)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Shape of `tgt` kept; masks as :class:`MultiheadAttention` takes them."""

        def attend(x: Tensor) -> Tensor:
            found: Tensor = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )[0]
            return found

        def look(x: Tensor) -> Tensor:
            found: Tensor = self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )[0]
            return found

        return self._residual(self._residual(self._residual(tgt, 1, attend), 2, look), 3, self._feed_forward)


class _Stack(Module):
    """Copies of a layer, one after the other, and a normalisation at the end."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm


class TransformerEncoder(_Stack):
    """Copies of an encoder layer, one after the other.

    Args:
        encoder_layer: the layer, which is copied with its parameters.
        num_layers: how many copies.
        norm: applied to the result, or None.
        enable_nested_tensor, mask_check: accepted for PyTorch's sake; they change nothing here.

    Example:
        >>> import autograd_core as ag, nn
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> nn.TransformerEncoder(layer, 2)(ag.randn(3, 5, 8)).shape
        (3, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Shape kept; masks as :class:`MultiheadAttention` takes them."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(_Stack):
    """Copies of a decoder layer, one after the other; see :class:`TransformerEncoder`."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Shape of `tgt` kept; masks as :class:`MultiheadAttention` takes them."""
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                bool(tgt_is_causal),
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


def generate_square_subsequent_mask(sz: int, dtype: Any = None) -> Tensor:
    """What is added to scores so that no token looks ahead: 0 up to the diagonal, minus infinity above it."""
    mask: Tensor = ag.triu(ag.full((sz, sz), float("-inf"), dtype=dtype), 1)
    return mask


__all__ = [
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]
