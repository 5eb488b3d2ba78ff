"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import autograd_core as ag
from autograd_core import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened and joined in order; gradients flow back to them.

    Returns:
        Shape (number of elements,).

    Raises:
        ValueError: if there are no parameters.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.utils.parameters_to_vector(nn.Linear(4, 5).parameters()).shape
        (25,)
    """
    flat = [parameter.reshape(-1) for parameter in parameters]
    if not flat:
        raise ValueError("parameters_to_vector: no parameters; a generator is empty when used again")
    return ag.cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector into parameters, in order.

    Args:
        vec: shape (number of elements of all parameters,).
        parameters: of any shapes.

    Raises:
        TypeError: if `vec` is no tensor.
        ValueError: if its size is not that of all parameters together; nothing has been changed then.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    listed = list(parameters)
    total = sum(parameter.numel() for parameter in listed)
    if vec.shape != (total,):
        raise ValueError(f"vector_to_parameters: expected shape ({total},), got {vec.shape}")
    # A copy, so that a vector that shares the parameters' memory is read before any of it is written.
    source = vec.detach().clone()
    start = 0
    for parameter in listed:
        end = start + parameter.numel()
        parameter.detach().copy_(source[start:end].reshape(parameter.shape))
        start = end


__all__ = ["parameters_to_vector", "vector_to_parameters"]
