"""Gradient clipping: the whole gradient by its norm, or each coordinate by its value."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence

import numpy as np

import autograd_core as ag
from autograd_core import Tensor


def _listed(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    """The parameters, each once; parameters() is a generator, which is read only here."""
    listed = [parameters] if isinstance(parameters, Tensor) else list(dict.fromkeys(parameters))
    if not listed:
        raise ValueError(f"{name}: no parameters; a generator such as model.parameters() is empty when used again")
    for parameter in listed:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"{name}: expected tensors, got {type(parameter).__name__}")
    return listed


def _memory(tensor: Tensor) -> tuple[object, ...]:
    """What two tensors have in common if they are the same elements in memory."""
    array = tensor.detach().numpy()
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    """The gradients there are, outside the graph, each piece of memory once."""
    found = {_memory(p.grad): p.grad.detach() for p in parameters if p.grad is not None and p.grad.numel()}
    return list(found.values())


def _norm(array: np.ndarray, norm_type: float) -> float:
    """The p-norm of all elements, computed in float64 and safe from overflow."""
    magnitudes = np.abs(array, dtype=np.float64)
    largest = float(magnitudes.max(initial=0.0))
    if math.isinf(norm_type) or largest == 0 or not math.isfinite(largest):
        return largest
    magnitudes /= largest
    return largest * float(np.sum(magnitudes**norm_type) ** (1 / norm_type))


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """The norm of all elements of all tensors together, computed in float64.

    Args:
        tensors: one or several, of any shapes.
        norm_type: p of the p-norm, positive; ``math.inf`` for the largest magnitude.
        error_if_nonfinite: raise if the norm is infinite or NaN.

    Returns:
        A float64 scalar.

    Raises:
        ValueError: if `norm_type` is not positive, or on request if the norm is not finite.
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not norm_type > 0:
        raise ValueError(f"norm_type must be positive, got {norm_type}")
    norms = np.array([_norm(tensor.detach().numpy(), float(norm_type)) for tensor in listed])
    total = _norm(norms, float(norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise ValueError(f"the total norm of order {norm_type} is {total}")
    return ag.tensor(np.asarray(total))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients together, in place, so that their norm is at most `max_norm`: g ← min(1, τ / ‖g‖) g.

    Where the norm is infinite or NaN no scaling is right: the gradients are left as they are, with a warning that
    names the parameters, or an error on request.

    Args:
        parameters: one tensor or several; a shared one counts once. Those without gradient are left out.
        max_norm: the limit τ.
        norm_type: p of the p-norm; ``math.inf`` for the largest magnitude.
        error_if_nonfinite: raise instead of warning.

    Returns:
        The norm before clipping, a float64 scalar.

    Raises:
        ValueError: if there are no parameters, `max_norm` is negative or NaN, or on request if the norm is not finite.

    Example:
        >>> import autograd_core as ag, nn
        >>> weight = nn.Parameter(ag.tensor([3.0, 4.0]))
        >>> (weight * weight).sum().backward()
        >>> nn.utils.clip_grad_norm_([weight], 1.0).item()
        10.0
        >>> weight.grad
        tensor([0.6000, 0.8000])

    Source: Pascanu et al. 2013, algorithm 1; PyTorch's denominator, ‖g‖ + 1e-6.
    """
    listed = _listed(parameters, "clip_grad_norm_")
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must not be negative, got {max_norm}")
    gradients = _gradients(listed)
    total = get_total_norm(gradients, norm_type)
    norm = total.item()
    if not math.isfinite(norm):
        message = f"clip_grad_norm_: the gradient norm is {norm}, because of {_nonfinite(listed)}"
        if error_if_nonfinite:
            raise ValueError(message)
        warnings.warn(f"{message}; gradients are left unscaled", UserWarning, stacklevel=2)
        return total
    factor = float(max_norm) / (norm + 1e-6)
    if factor < 1:
        for gradient in gradients:
            gradient.mul_(factor)
    return total


def _nonfinite(parameters: Sequence[Tensor]) -> str:
    named = []
    for position, parameter in enumerate(parameters):
        if parameter.grad is not None and not np.isfinite(parameter.grad.detach().numpy()).all():
            name = f" {parameter.name!r}" if parameter.name else ""
            named.append(f"parameter {position}{name} of shape {parameter.shape}")
    return ", ".join(named) or "its size"


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every coordinate of every gradient, in place, to [-clip_value, clip_value]; NaN stays NaN.

    Raises:
        ValueError: if there are no parameters, or `clip_value` is negative or NaN.
    """
    listed = _listed(parameters, "clip_grad_value_")
    limit = float(clip_value)
    if not limit >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must not be negative, got {clip_value}")
    for gradient in _gradients(listed):
        gradient.copy_(ag.minimum(ag.maximum(gradient, -limit), limit))


__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm"]
