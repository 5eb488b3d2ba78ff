"""Derivatives as functions: gradients, products with Jacobians, Jacobians and Hessians."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backward import grad as pull_back
from ..errors import GraphError
from ..grad_mode import enable_grad, is_grad_enabled
from ..ops.creation import clone, zeros_like
from ..ops.joining import stack
from ..ops.shape import reshape
from ..tensor import Tensor, wrap
from .trees import flatten

Function = Callable[..., Any]


class _Depth(threading.local):
    """How many transforms are at work in this thread: the results of inner ones must stay differentiable."""

    value = 0


_depth = _Depth()


@contextmanager
def _transforming() -> Iterator[None]:
    _depth.value += 1
    try:
        with enable_grad():
            yield
    finally:
        _depth.value -= 1


def _variables(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Stand-ins to differentiate by: computed from tensors in a graph, so that outer derivatives pass through."""
    found = []
    for tensor in tensors:
        if tensor.dtype.kind != "f":
            raise TypeError(f"derivatives are taken by floating tensors, got {tensor.dtype}")
        found.append(clone(tensor) if tensor.requires_grad else tensor.detach().requires_grad_())
    return found


def _keep_graph(tensors: Sequence[Tensor]) -> bool:
    """Whether somebody outside may differentiate the result again."""
    return _depth.value > 1 or (is_grad_enabled() and any(tensor.requires_grad for tensor in tensors))


def _pick(arguments: tuple[Any, ...], argnums: int | Sequence[int]) -> tuple[Any, list[int]]:
    positions = [argnums] if isinstance(argnums, int) else list(argnums)
    for position in positions:
        if not -len(arguments) <= position < len(arguments):
            raise ValueError(f"argnums {argnums} names argument {position}, but only {len(arguments)} were given")
    positions = [position % len(arguments) for position in positions]
    picked = arguments[positions[0]] if isinstance(argnums, int) else tuple(arguments[p] for p in positions)
    return picked, positions


class _Call:
    """One evaluation of a function with chosen arguments replaced by variables."""

    def __init__(self, function: Function, argnums: int | Sequence[int], arguments: tuple[Any, ...], named: Any):
        picked, positions = _pick(arguments, argnums)
        self.given, self.structure = flatten(picked)
        self.variables = _variables(self.given)
        rebuilt = self.structure(self.variables)
        parts = (rebuilt,) if isinstance(argnums, int) else rebuilt
        replaced = list(arguments)
        for position, part in zip(positions, parts, strict=True):
            replaced[position] = part
        self.output = function(*replaced, **named)
        self.keep = _keep_graph(self.given)

    def pull(self, output: Tensor, cotangent: Tensor | None, retain: bool) -> list[Tensor]:
        """The variables' cotangents; zeros for those the output does not depend on."""
        if not output.requires_grad:
            return [zeros_like(variable) for variable in self.variables]
        return list(
            pull_back(
                output,
                self.variables,
                cotangent,
                retain_graph=retain or self.keep,
                create_graph=self.keep,
                materialize_grads=True,
            )
        )


def _split_aux(output: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return output, None
    if not isinstance(output, tuple) or len(output) != 2:
        raise TypeError("with has_aux=True the function must return a pair (output, aux)")
    return output


def _finish(tensor: Tensor, keep: bool) -> Tensor:
    return tensor if keep or not tensor.requires_grad else tensor.detach()


def grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of `function`, whose result has one element.

    Args:
        function: takes tensors (or tuples, lists, dicts of tensors) and returns a tensor with one element.
        argnums: by which positional argument, or arguments, to differentiate.
        has_aux: whether `function` returns a pair, whose second part is passed on.

    Returns:
        A function of the same arguments that returns the gradient, shaped like the argument; for several `argnums`
        a tuple; with `has_aux` a pair of gradient and second part.

    Raises:
        GraphError: if the result has more than one element.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> func.grad(func.grad(lambda x: x**3))(ag.tensor(2.0)).item()
        12.0
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*arguments: Any, **named: Any) -> Any:
        found, value = both(*arguments, **named)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """As :func:`grad`, returning the pair ``(gradient, value)``, as ``torch.func.grad_and_value`` does."""

    @functools.wraps(function)
    def both(*arguments: Any, **named: Any) -> Any:
        with _transforming():
            call = _Call(function, argnums, arguments, named)
            output, aux = _split_aux(call.output, has_aux)
            if not isinstance(output, Tensor) or output.numel() != 1:
                shape = getattr(output, "shape", type(output).__name__)
                raise GraphError(f"grad() needs a function that returns one element, got {shape}")
            cotangent = wrap(np.ones(output.shape, output.dtype), None)
            found = call.structure(call.pull(output, cotangent, retain=False))
            value = _finish(output, call.keep)
        return found, (value, aux) if has_aux else value

    return both


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate `function` and return its value with the function that multiplies cotangents by its Jacobian.

    Returns:
        ``(output, pull)``, or ``(output, pull, aux)``; ``pull(cotangent)`` gives a tuple, one entry a primal.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> value, pull = func.vjp(lambda x: x * x, ag.tensor([1.0, 2.0]))
        >>> pull(ag.tensor([1.0, 1.0]))
        (tensor([2., 4.]),)
    """
    with _transforming():
        call = _Call(function, tuple(range(len(primals))), primals, {})
    output, aux = _split_aux(call.output, has_aux)
    leaves, rebuild = flatten(output)

    def pull(cotangents: Any) -> Any:
        given, _ = flatten(cotangents)
        if [g.shape for g in given] != [leaf.shape for leaf in leaves]:
            raise ValueError(
                f"vjp: cotangents of shapes {[g.shape for g in given]} for outputs {[leaf.shape for leaf in leaves]}"
            )
        with _transforming():
            total: list[Tensor] | None = None
            for leaf, cotangent in zip(leaves, given, strict=True):
                part = call.pull(leaf, cotangent, retain=True)
                total = part if total is None else [a + b for a, b in zip(total, part, strict=True)]
        return call.structure(total or [zeros_like(v) for v in call.variables])

    value = rebuild([_finish(leaf, call.keep) for leaf in leaves])
    return (value, pull, aux) if has_aux else (value, pull)


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Evaluate `function` and the derivative of its value along `tangents`.

    The pullback is linear in its cotangent, so pulling back once more, by that cotangent, pushes tangents forward
    (Townsend 2017, "A new trick for calculating Jacobian vector products"); every operation that has a second
    derivative therefore has a forward mode, at a constant factor of one evaluation, whatever the number of outputs.

    Returns:
        ``(output, output_tangent)``, of the same structure.

    Raises:
        ValueError: if primals and tangents differ in structure or shape.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> func.jvp(lambda x: x.sum() * x, (ag.tensor([1.0, 2.0]),), (ag.tensor([1.0, 0.0]),))[1]
        tensor([4., 2.])
    """
    given, _ = flatten(tuple(primals))
    directions, _ = flatten(tuple(tangents))
    if [g.shape for g in given] != [d.shape for d in directions]:
        raise ValueError(
            f"jvp: tangents of shapes {[d.shape for d in directions]} for primals {[g.shape for g in given]}"
        )
    with _transforming():
        call = _Call(function, tuple(range(len(primals))), tuple(primals), {})
        leaves, rebuild = flatten(call.output)
        keep = _keep_graph([*given, *directions])
        pushed = [_push(leaf, call.variables, directions, keep) for leaf in leaves]
        values = [_finish(leaf, keep) for leaf in leaves]
    return rebuild(values), rebuild(pushed)


def _push(output: Tensor, variables: Sequence[Tensor], directions: Sequence[Tensor], keep: bool) -> Tensor:
    """The derivative of `output` along `directions`."""
    if not output.requires_grad:
        return zeros_like(output)
    probe = zeros_like(output).requires_grad_()
    pulled = pull_back(output, variables, probe, create_graph=True, materialize_grads=True)
    contracted = [(p * d).sum() for p, d in zip(pulled, directions, strict=True) if p.requires_grad]
    if not contracted:
        return zeros_like(output)
    total = contracted[0]
    for part in contracted[1:]:
        total = total + part
    (tangent,) = pull_back(total, probe, create_graph=keep, retain_graph=True, materialize_grads=True)
    return tangent


def _basis(output: Tensor) -> Iterator[Tensor]:
    """One-hot cotangents for every element of `output`."""
    for position in range(output.numel()):
        unit = np.zeros(output.numel(), output.dtype)
        unit[position] = 1
        yield wrap(unit.reshape(output.shape), None)


def jacrev(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns the Jacobian, row by row in reverse mode: cheap for few outputs.

    Returns:
        A function whose result has shape ``output.shape + argument.shape``; nested like output and argument where
        those are nested.
    """

    @functools.wraps(function)
    def jacobian(*arguments: Any, **named: Any) -> Any:
        with _transforming():
            call = _Call(function, argnums, arguments, named)
            leaves, rebuild = flatten(call.output)
            blocks = []
            for leaf in leaves:
                rows = [call.pull(leaf, unit, retain=True) for unit in _basis(leaf)]
                blocks.append(call.structure(_assemble(rows, leaf, call.variables)))
        return rebuild(blocks)

    return jacobian


def _assemble(rows: list[list[Tensor]], output: Tensor, variables: Sequence[Tensor]) -> list[Tensor]:
    if not rows:
        return [zeros_like(v).sum() * wrap(np.zeros((*output.shape, *v.shape), v.dtype), None) for v in variables]
    columns = zip(*rows, strict=True)
    return [
        reshape(stack(list(column)), *output.shape, *variable.shape)
        for column, variable in zip(columns, variables, strict=True)
    ]


def jacfwd(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns the Jacobian, column by column in forward mode: cheap for few inputs.

    Results as :func:`jacrev`.
    """

    @functools.wraps(function)
    def jacobian(*arguments: Any, **named: Any) -> Any:
        with _transforming():
            call = _Call(function, argnums, arguments, named)
            leaves, rebuild = flatten(call.output)
            blocks = []
            for leaf in leaves:
                per_variable = []
                for index, variable in enumerate(call.variables):
                    columns = [_push(leaf, [variable], [unit], call.keep) for unit in _basis(call.variables[index])]
                    per_variable.append(_from_columns(columns, leaf, variable))
                blocks.append(call.structure(per_variable))
        return rebuild(blocks)

    return jacobian


def _from_columns(columns: list[Tensor], output: Tensor, variable: Tensor) -> Tensor:
    if not columns:
        return wrap(np.zeros((*output.shape, *variable.shape), variable.dtype), None)
    return reshape(stack(columns, dim=-1), *output.shape, *variable.shape)


def hessian(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns the matrix of second derivatives, forward over reverse.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core import func
        >>> func.hessian(lambda x: (x**3).sum())(ag.tensor([1.0, 2.0])).tolist()
        [[6.0, 0.0], [0.0, 12.0]]
    """
    return jacfwd(jacrev(function, argnums), argnums)


def hvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of a function with one element and its Hessian times `tangents`, without forming the Hessian.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian".
    """
    argnums = tuple(range(len(primals)))
    value = function(*primals)
    _, product = jvp(grad(function, argnums), primals, tangents)
    return value, product
