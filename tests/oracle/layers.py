"""PyTorch's counterparts of the operations that layers are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_core.op import REGISTRY
from tests.oracle.libraries import F, torch


def _batch_norm(x: Any, weight: Any, bias: Any, eps: float, mean: Any, variance: Any) -> Any:
    return F.batch_norm(x, mean, variance, weight, bias, training=mean is None, eps=eps)


def _dropout(x: Any, **parameters: Any) -> Any:
    reference = REGISTRY["dropout"].reference
    assert reference is not None
    return x * torch.from_numpy(np.ascontiguousarray(reference(np.ones(x.shape), **parameters))).to(x.dtype)


def _embedding_scatter(x: Any, index: Any, padding: int, count: int) -> Any:
    kept = torch.where((index == padding)[..., None], 0.0, x)
    return torch.zeros(count, x.shape[-1], dtype=x.dtype).index_add(0, index.reshape(-1), kept.reshape(-1, x.shape[-1]))


def _attention(query: Any, key: Any, value: Any, mask: Any, causal: bool, scale: float) -> Any:
    if mask is not None and causal:
        mask = mask + torch.zeros(query.shape[-2], key.shape[-2], dtype=mask.dtype).masked_fill(
            ~torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril(), -torch.inf
        )
    # PyTorch's fused kernel has no second derivative; its composition has.
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return F.scaled_dot_product_attention(
            query, key, value, mask, is_causal=causal and mask is None, scale=scale, enable_gqa=True
        )


def _recur(kind: str) -> Any:
    """A layer of PyTorch's whose input weight is the identity, so that it is given the gates."""

    def run(x: Any, *operands: Any, reverse: bool, rectified: bool = False) -> Any:
        *states, weight, bias = operands
        identity, zeros = torch.eye(x.shape[2], dtype=x.dtype), torch.zeros(x.shape[2], dtype=x.dtype)
        name = {"rnn": "rnn_relu" if rectified else "rnn_tanh"}.get(kind, kind)
        given = [state[None] for state in states]
        result = getattr(torch, name)(
            x.flip(0) if reverse else x,
            given if kind == "lstm" else given[0],
            [identity, weight, zeros, bias],
            True,
            1,
            0.0,
            False,
            False,
            False,
        )
        out = result[0].flip(0) if reverse else result[0]
        return (out, result[2][0]) if kind == "lstm" else out

    return run


ADAPTED: dict[str, Any] = {
    "attention": _attention,
    "batch_norm": _batch_norm,
    "batch_norm_add_relu": lambda x, weight, bias, other, **given: F.relu(
        _batch_norm(x, weight, bias, **given) + other
    ),
    "batch_norm_relu": lambda *operands, **given: F.relu(_batch_norm(*operands, **given)),
    "dropout": _dropout,
    "embedding": lambda weight, index, padding: F.embedding(index, weight, padding if padding >= 0 else None),
    "embedding_scatter": _embedding_scatter,
    "gru_sequence": _recur("gru"),
    "linear_relu": lambda x, weight, bias: F.relu(F.linear(x, weight, bias)),
    "lstm_sequence": _recur("lstm"),
    "rnn_sequence": _recur("rnn"),
    "group_norm": lambda x, weight, bias, groups, eps: F.group_norm(x, groups, weight, bias, eps),
    "layer_norm": lambda x, weight, bias, dims, eps: F.layer_norm(x, x.shape[x.ndim - dims :], weight, bias, eps),
    "summed_logistic_loss": lambda x, target, mean: F.binary_cross_entropy_with_logits(
        x, target, reduction="mean" if mean else "sum"
    ),
    "summed_square_error": lambda x, target, mean: F.mse_loss(x, target, reduction="mean" if mean else "sum"),
    "rms_norm": lambda x, weight, dims, eps: F.rms_norm(x, x.shape[x.ndim - dims :], weight, eps),
}
