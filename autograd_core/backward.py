"""What users call: ``backward`` and ``grad``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .declaration import attach
from .dispatch import as_tensor_operand
from .errors import GraphError
from .kernels.boundary import dense_order
from .recorded import recorded_pullback
from .tensor import Tensor, wrap
from .traversal import accumulate, copied, run


def _check_output(output: Any, gradient: Any) -> Any:
    """The starting cotangent of `output`, checked."""
    if not isinstance(output, Tensor):
        raise TypeError(f"backward starts from tensors, got {type(output).__name__}")
    if output._node is None:
        raise GraphError(
            "this tensor does not require gradients and has no history: compute it from tensors with "
            "requires_grad=True, outside no_grad()"
        )
    if gradient is None:
        if output._array.size != 1:
            raise GraphError(
                f"backward() of a tensor with shape {output.shape} needs its gradient argument, of the same shape; "
                "only a tensor with one element may leave it out"
            )
        one = np.empty(output.shape, output.dtype)
        one.fill(1)
        return wrap(one, None)
    if not isinstance(gradient, Tensor):
        gradient = as_tensor_operand(gradient, "backward")
    array, own = gradient._array, output._array
    if array.shape != own.shape:
        raise ValueError(f"the gradient must have the output's shape {output.shape}, got {gradient.shape}")
    if array.dtype is not own.dtype:
        gradient = gradient.to(own.dtype)
    return gradient


def _as_tuple(value: Any, what: str) -> tuple[Any, ...]:
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise TypeError(f"{what} must be a tensor or a sequence of tensors, got {type(value).__name__}")


def _run(
    outputs: tuple[Any, ...],
    gradients: Any,
    retain_graph: bool | None,
    create_graph: bool,
    targets: dict[Any, Any] | None,
) -> None:
    if gradients is None:
        given: tuple[Any, ...] = (None,) * len(outputs)
    elif len(outputs) == 1 and not isinstance(gradients, (list, tuple)):
        given = (gradients,)
    else:
        given = tuple(gradients)
    if len(given) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs need as many gradients, got {len(given)}")
    starts = [_check_output(output, gradient) for output, gradient in zip(outputs, given, strict=True)]
    run(
        [output._node for output in outputs],
        starts if create_graph else [start._array for start in starts],
        retain=create_graph if retain_graph is None else retain_graph,
        pullback=recorded_pullback if create_graph else None,
        targets=targets,
    )


def visit_cotangents(outputs: Sequence[Tensor], gradients: Sequence[Tensor], targets: dict[Any, Any]) -> None:
    """A pass that keeps the graph and touches no ``grad``: ``targets[node] = cotangent`` for every key of `targets`.

    Keys are nodes and accumulators. A mapping that overrides ``__setitem__`` sees cotangents without keeping them.

    Raises:
        GraphError: if the graph has been freed.
    """
    _run(tuple(outputs), tuple(gradients), True, False, targets)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Gather the gradients of `tensors` in the ``grad`` of the leaves they were computed from.

    Args:
        tensors: one tensor or several, whose contributions add up.
        grad_tensors: a cotangent for each, of its shape; may be None for single elements.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the derivatives themselves.
        inputs: gather only for these tensors.

    Raises:
        GraphError: for a tensor without history, for a missing cotangent, a freed or a modified graph.
    """
    outputs = _as_tuple(tensors, "tensors")
    if inputs is None:
        _run(outputs, grad_tensors, retain_graph, create_graph, None)
        return
    wanted = _as_tuple(inputs, "inputs")
    if not wanted:
        raise ValueError("inputs must not be empty")
    found = grad(outputs, wanted, grad_tensors, retain_graph, create_graph, allow_unused=True)
    for tensor, gradient in zip(wanted, found, strict=True):
        if gradient is not None:
            cell = tensor._demand_accumulator()
            accumulate(cell, gradient if create_graph else gradient._array, False)


def _backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Gather the gradients of this tensor in the ``grad`` of the leaves it was computed from.

    Args:
        gradient: the cotangent, of this tensor's shape; may be left out for a single element.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the computation of the gradients, so that they can be differentiated in turn.
        inputs: gather only for these tensors.

    Raises:
        GraphError: if this tensor does not require gradients, has several elements and no `gradient` is given,
            or a value that is needed was freed or changed in place.
    """
    backward((self,), gradient, retain_graph, create_graph, inputs)


attach("backward", _backward)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, without touching any ``grad``.

    Args:
        outputs: a tensor or several, whose contributions add up.
        inputs: a tensor or several; leaves or computed ones.
        grad_outputs: a cotangent for each output, of its shape; may be None for single elements.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the derivatives, so that they can be differentiated again.
        allow_unused: return None for inputs the outputs do not depend on, instead of raising.
        materialize_grads: return zeros for them.

    Returns:
        A tuple with one gradient an input, of its shape and dtype.

    Raises:
        GraphError: if an input requires no gradient or was not used.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.tensor(3.0, requires_grad=True)
        >>> (first,) = ag.grad(x**3, x, create_graph=True)
        >>> (second,) = ag.grad(first, x)
        >>> first.item(), second.item()
        (27.0, 18.0)
    """
    outputs = _as_tuple(outputs, "outputs")
    wanted = _as_tuple(inputs, "inputs")
    targets: dict[Any, Any] = {}
    for position, tensor in enumerate(wanted):
        if not isinstance(tensor, Tensor) or tensor._node is None:
            raise GraphError(f"input {position} does not require gradients")
        targets[tensor._node] = None
    _run(outputs, grad_outputs, retain_graph, create_graph, targets)
    found = []
    for position, tensor in enumerate(wanted):
        value = targets[tensor._node]
        if value is None:
            if materialize_grads:
                value = wrap(np.zeros(tensor.shape, tensor.dtype), None)
            elif not allow_unused:
                raise GraphError(
                    f"input {position}, of shape {tensor.shape}, was not used in computing the outputs; "
                    "pass allow_unused=True to get None for it"
                )
        elif not isinstance(value, Tensor):
            value = wrap(copied(value, dense_order(tensor._array)), None)
        found.append(value)
    return tuple(found)
