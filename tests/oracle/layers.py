"""PyTorch's counterparts of the operations that layers are made of."""

from __future__ import annotations

from typing import Any

from tests.oracle.libraries import F


def _batch_norm(x: Any, weight: Any, bias: Any, eps: float, mean: Any, variance: Any) -> Any:
    return F.batch_norm(x, mean, variance, weight, bias, training=mean is None, eps=eps)


ADAPTED: dict[str, Any] = {
    "batch_norm": _batch_norm,
    "batch_norm_add_relu": lambda x, weight, bias, other, **given: F.relu(
        _batch_norm(x, weight, bias, **given) + other
    ),
    "batch_norm_relu": lambda *operands, **given: F.relu(_batch_norm(*operands, **given)),
    "group_norm": lambda x, weight, bias, groups, eps: F.group_norm(x, groups, weight, bias, eps),
    "layer_norm": lambda x, weight, bias, dims, eps: F.layer_norm(x, x.shape[x.ndim - dims :], weight, bias, eps),
    "rms_norm": lambda x, weight, dims, eps: F.rms_norm(x, x.shape[x.ndim - dims :], weight, eps),
}
