"""Activation functions made of straight pieces.

At their kinks the derivative is PyTorch's, stated with each; at NaN it is that of the part that passes x on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..declaration import attach
from ..dispatch import apply_to_one, as_tensor_operand, elementwise
from ..op import NONZERO, REAL, Domain
from ..random import Generator, default_generator
from ..tensor import Tensor, wrap
from .calling import activate, public
from .inplace import in_place


@elementwise(
    promotes=False, domain=NONZERO, special=(0.0,), reference=lambda x: np.maximum(x, 0), torch="nn.functional.relu"
)
def relu(x: Any) -> Any:
    """Rectified linear unit, max(x, 0); its derivative at 0 is 0."""
    return f.maximum(x, 0)


@relu.partial
def _(y: Any) -> Any:
    return f.where(y <= 0, 0, 1)


@elementwise(
    name="leaky_relu",
    domain=NONZERO,
    special=(0.0,),
    reference=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    torch="nn.functional.leaky_relu",
    method=False,
)
def _leaky_relu(x: Any, *, negative_slope: Any = 0.01) -> Any:
    """x for positive x, else negative_slope times x, also for the derivative at 0."""
    return f.where(x > 0, x, negative_slope * x)


@_leaky_relu.partial
def _(x: Any, negative_slope: Any) -> Any:
    return f.where(x > 0, 1, negative_slope)


@public(_leaky_relu)
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for positive x, else negative_slope · x; the derivative at 0 is negative_slope (Maas et al. 2013)."""
    return activate(_leaky_relu, input, inplace, {"negative_slope": float(negative_slope)})


@elementwise(
    name="prelu_kernel",
    domain=(NONZERO, REAL),
    special=(0.0,),
    reference=lambda x, weight: np.where(x > 0, x, weight * x),
    method=False,
)
def _prelu(x: Any, weight: Any) -> Any:
    """x for positive x, else weight times x, also for the derivative at 0."""
    return f.where(x > 0, x, weight * x)


@_prelu.partial("x")
def _(x: Any, weight: Any) -> Any:
    return f.where(x > 0, 1, weight)


@_prelu.partial("weight")
def _(x: Any) -> Any:
    return f.where(x > 0, 0, x)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x for positive x, else weight · x, with a learned weight (He et al. 2015).

    Args:
        input: shape (N, C, …), or any shape for a single weight.
        weight: shape (1,) or (), or (C,) for one a channel.

    Raises:
        ValueError: if the weights do not fit the channels.
    """
    input, weight = as_tensor_operand(input, "prelu"), as_tensor_operand(weight, "prelu")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(f"prelu: weight must have shape (1,) or ({channels},), got {weight.shape}")
    if weight.numel() == 1:
        return _prelu(input, weight.reshape(()))
    return _prelu(input, weight.reshape(-1, *(1,) * (input.ndim - 2)))


attach("prelu", prelu)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """x for positive x, else a · x with `a` drawn from [lower, upper] for each element in training, its mean otherwise.

    Raises:
        ValueError: if `lower` exceeds `upper`.

    Source: Xu et al. 2015.
    """
    if lower > upper:
        raise ValueError(f"rrelu: lower {lower} must not exceed upper {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    dtype = input.dtype if input.is_floating_point() else dtypes.get_default_dtype()
    drawn = (generator or default_generator).numpy.uniform(lower, upper, input.shape)
    slopes = wrap(np.asarray(drawn, dtype), None)
    result: Tensor = in_place(_prelu, "rrelu")(input, slopes) if inplace else _prelu(input, slopes)
    return result


# --- with two kinks ---------------------------------------------------------------------------------------------


@elementwise(
    name="hardtanh",
    promotes=False,
    domain=Domain(kinks=(-1.0, 1.0)),
    special=(-1.0, 1.0, 1e3),
    reference=lambda x, min_val, max_val: np.minimum(np.maximum(x, min_val), max_val),
    torch="nn.functional.hardtanh",
    method=False,
)
def _hardtanh(x: Any, *, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    """x limited to [min_val, max_val]; the derivative at the limits is 0."""
    return f.minimum(f.maximum(x, min_val), max_val)


@_hardtanh.partial
def _(x: Any, min_val: Any, max_val: Any) -> Any:
    return f.where(f.logical_or(x <= min_val, x >= max_val), 0, 1)


@public(_hardtanh)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; the derivative at the limits is 0.

    Raises:
        ValueError: if `min_val` exceeds `max_val`.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} must not exceed max_val {max_val}")
    return activate(_hardtanh, input, inplace, {"min_val": float(min_val), "max_val": float(max_val)})


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6); the derivative at 0 and 6 is 0."""
    return activate(_hardtanh, input, inplace, {"min_val": 0.0, "max_val": 6.0})


_AROUND_3 = Domain(-5.0, 5.0, kinks=(-3.0, 3.0))


@elementwise(
    name="hardsigmoid",
    domain=_AROUND_3,
    special=(-3.0, 3.0, 1e3),
    reference=lambda x: np.clip(x + 3, 0, 6) / 6,
    torch="nn.functional.hardsigmoid",
    method=False,
)
def _hardsigmoid(x: Any) -> Any:
    """x / 6 + ½ limited to [0, 1]; the derivative at the limits is 0."""
    # The product takes a fifth of a division's time and is exact at both ends.
    return f.minimum(f.maximum(x + 3, 0), 6) * (1 / 6)


@_hardsigmoid.partial
def _(x: Any) -> Any:
    return f.where(f.logical_and(x > -3, x < 3), 1 / 6, 0)


@public(_hardsigmoid)
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + ½ limited to [0, 1]; the derivative at the limits is 0."""
    return activate(_hardsigmoid, input, inplace)


@elementwise(
    name="hardswish",
    domain=_AROUND_3,
    special=(-3.0, 3.0, 1e3, -1e3),
    reference=lambda x: x * np.clip(x + 3, 0, 6) / 6,
    torch="nn.functional.hardswish",
    method=False,
)
def _hardswish(x: Any) -> Any:
    """x hardsigmoid(x); the derivative at -3 is 0, at 3 it is 1."""
    return x * f.minimum(f.maximum(x + 3, 0), 6) / 6


@_hardswish.partial
def _(x: Any) -> Any:
    return f.where(x <= -3, 0, f.where(x < 3, x / 3 + 0.5, 1))


@public(_hardswish)
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x), a Swish of straight pieces; the derivative at -3 is 0, at 3 it is 1 (Howard et al. 2019)."""
    return activate(_hardswish, input, inplace)


# --- thresholds -------------------------------------------------------------------------------------------------

_AROUND_HALF = Domain(kinks=(-0.5, 0.5))


@elementwise(
    name="softshrink",
    domain=_AROUND_HALF,
    special=(-0.5, 0.5, 0.0),
    reference=lambda x, lambd: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    torch="nn.functional.softshrink",
    method=False,
)
def _softshrink(x: Any, *, lambd: Any = 0.5) -> Any:
    """x moved towards 0 by lambd, 0 within; the derivative at ±lambd is 0."""
    return x - f.minimum(f.maximum(x, -lambd), lambd)


@elementwise(
    name="hardshrink",
    domain=_AROUND_HALF,
    special=(-0.5, 0.5, 0.0),
    reference=lambda x, lambd: np.where(np.abs(x) > lambd, x, 0),
    torch="nn.functional.hardshrink",
    method=False,
)
def _hardshrink(x: Any, *, lambd: Any = 0.5) -> Any:
    """x outside [-lambd, lambd], 0 within; the derivative at ±lambd is 0."""
    return f.where(f.logical_and(x >= -lambd, x <= lambd), 0, x)


for _operation in (_softshrink, _hardshrink):

    @_operation.partial
    def _(x: Any, lambd: Any) -> Any:
        return f.where(f.logical_and(x >= -lambd, x <= lambd), 0, 1)


@public(_softshrink)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, 0 within; the derivative at ±lambd is 0.

    Raises:
        ValueError: if `lambd` is negative.
    """
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must not be negative, got {lambd}")
    return apply_to_one(_softshrink.op, input, {"lambd": float(lambd)})


@public(_hardshrink, method=True)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x outside [-lambd, lambd], 0 within; the derivative at ±lambd is 0."""
    return apply_to_one(_hardshrink.op, input, {"lambd": float(lambd)})


@elementwise(
    name="threshold",
    promotes=False,
    domain=_AROUND_HALF,
    special=(0.5, 0.0),
    reference=lambda x, threshold, value: np.where(x > threshold, x, value),
    torch="nn.functional.threshold",
    method=False,
)
def _threshold(x: Any, *, threshold: Any = 0.5, value: Any = -1.0) -> Any:
    """x where it exceeds the threshold, else the value; the derivative at the threshold is 0."""
    return f.where(x <= threshold, value, x)


@_threshold.partial
def _(x: Any, threshold: Any) -> Any:
    return f.where(x <= threshold, 0, 1)


@public(_threshold)
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it exceeds `threshold`, else `value`; the derivative at the threshold is 0."""
    return activate(_threshold, input, inplace, {"threshold": float(threshold), "value": float(value)})


__all__ = [
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "softshrink",
    "threshold",
]
