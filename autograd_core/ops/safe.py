"""Functions that are finite, with finite gradients, where the plain ones are not.

``where`` chooses between values, but gradients flow through both of its sides: what was not chosen meets a zero, and
zero times infinity is NaN. So guarding a singular function takes two: one chooses what the function sees, the other
what becomes of its result.

    >>> import autograd_core as ag
    >>> x = ag.tensor([0.0, 4.0], requires_grad=True)
    >>> ag.where(x > 0, x.sqrt(), 0.0).sum().backward()
    >>> x.grad
    tensor([   nan, 0.2500])
    >>> x.grad = None
    >>> inside = ag.where(x > 0, x, 1.0)
    >>> ag.where(x > 0, inside.sqrt(), 0.0).sum().backward()
    >>> x.grad
    tensor([0.0000, 0.2500])

:func:`safe_sqrt` and :func:`safe_log` do this; :func:`masked_sum` and :func:`masked_mean` leave elements out before
anything is computed of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..dispatch import as_tensor_operand, elementwise
from ..op import Domain
from ..tensor import Tensor
from .arguments import Dim, floating
from .elementwise import where
from .reduction import sum as _sum

_AROUND_ZERO = Domain(-1.0, 3.0, kinks=(0.0,))


@elementwise(
    promotes=True,
    domain=_AROUND_ZERO,
    special=(0.0, -1.0, 1e-30),
    reference=lambda x: np.where(x <= 0, 0, np.sqrt(np.where(x <= 0, 1, x))),
    method=False,
)
def safe_sqrt(x: Any) -> Any:
    """Square root where x is positive, else 0 with gradient 0."""
    return f.where(x <= 0, 0, f.sqrt(f.where(x <= 0, 1, x)))


@safe_sqrt.partial
def _(x: Any, y: Any) -> Any:
    return f.where(x <= 0, 0, 0.5 / f.where(x <= 0, 1, y))


@elementwise(
    promotes=True,
    domain=_AROUND_ZERO,
    special=(0.0, -1.0, 1e-30),
    reference=lambda x: np.where(x <= 0, 0, np.log(np.where(x <= 0, 1, x))),
    method=False,
)
def safe_log(x: Any) -> Any:
    """Natural logarithm where x is positive, else 0 with gradient 0."""
    return f.where(x <= 0, 0, f.log(f.where(x <= 0, 1, x)))


@safe_log.partial
def _(x: Any) -> Any:
    return f.where(x <= 0, 0, 1 / f.where(x <= 0, 1, x))


def masked_sum(input: Tensor, mask: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Sum of the elements where `mask` holds; what lies elsewhere, NaN included, has no part in it.

    Args:
        input: any shape.
        mask: booleans that broadcast against it.
        dim: a dimension, several, or None for all.
        keepdim: keep the reduced dimensions with size 1.
    """
    return _sum(where(mask, floating(input, "masked_sum"), 0.0), dim, keepdim)


def masked_mean(input: Tensor, mask: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Mean of the elements where `mask` holds, 0 with gradient 0 where it holds nowhere; as :func:`masked_sum`.

    Example:
        >>> import autograd_core as ag
        >>> ag.masked_mean(ag.tensor([1.0, float("nan"), 3.0]), ag.tensor([True, False, True])).item()
        2.0
    """
    tensor = floating(input, "masked_mean")
    held = np.broadcast_to(as_tensor_operand(mask, "masked_mean")._array, tensor.shape)
    number = _sum(Tensor(held.astype(tensor.dtype)), dim, keepdim)
    return masked_sum(tensor, mask, dim, keepdim) / number.clamp_min(1.0)


__all__ = ["masked_mean", "masked_sum", "safe_log", "safe_sqrt"]
