"""PyTorch's counterpart of every operation of the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.op import REGISTRY, Elementwise, Op
from tests.oracle import images, layers
from tests.oracle.libraries import F, to_torch, torch
from tests.strategies import call

# What PyTorch spells with other arguments, or returns together with something else.
ADAPTED: dict[str, Any] = {
    "cast": lambda x, dtype, source: x.to(getattr(torch, str(dtype))),
    "clamp_tensors": lambda x, low, high: torch.clamp(torch.broadcast_tensors(x, low, high)[0], low, high),
    "convolution": lambda x, weight, **parameters: _convolution(x, weight, **parameters),
    "convolution_bias": lambda x, weight, bias, **parameters: (
        _convolution(x, weight, **parameters) + bias.reshape(-1, *(1,) * (x.ndim - 2))
    ),
    "convolution_transpose": lambda y, weight, **parameters: _convolution_transpose(y, weight, **parameters),
    "convolution_weight": lambda x, y, **parameters: _convolution_weight(x, y, **parameters),
    "count_nonzero": lambda x, dim, keepdim: (x != 0).sum(dim, keepdim),
    "cholesky": lambda x: torch.linalg.cholesky(x),
    "cummax": lambda x, dim: torch.cummax(x, dim).values,
    "cummin": lambda x, dim: torch.cummin(x, dim).values,
    "cumprod": lambda x, dim, reverse: _turned(torch.cumprod, x, dim, reverse),
    "cumsum": lambda x, dim, reverse: _turned(torch.cumsum, x, dim, reverse),
    "cdist": lambda x, z, order: torch.cdist(x, z, order),
    "diagonal_embed": lambda x, shape, offset, dim1, dim2: torch.diagonal_scatter(
        torch.zeros(shape, dtype=x.dtype), x, offset, dim1, dim2
    ),
    "embed": lambda x, shape, index: torch.zeros(shape, dtype=x.dtype).index_put(_mesh(shape, index), x),
    "expand": lambda x, shape: torch.broadcast_to(x, shape),
    "gather_index": lambda x, index: x[index],
    "max_along": lambda x, dim, keepdim: torch.max(x, dim, keepdim).values,
    "median": lambda x, ignore_nan: (torch.nanmedian if ignore_nan else torch.median)(x),
    "median_along": lambda x, dim, keepdim, ignore_nan: (torch.nanmedian if ignore_nan else torch.median)(
        x, dim, keepdim
    ),
    "min_along": lambda x, dim, keepdim: torch.min(x, dim, keepdim).values,
    "norm": lambda x, order, dim, keepdim: torch.linalg.vector_norm(x, order, dim, keepdim),
    "pad": lambda x, widths, value: F.pad(x, [side for pair in reversed(widths) for side in pair], value=value),
    "polygamma": lambda x, n: torch.polygamma(int(n), x),
    "prod": lambda x, dim, keepdim: _product(x, dim, keepdim),
    "qr": lambda x: torch.linalg.qr(x),
    "safe_log": lambda x: torch.where(x <= 0, 0.0, torch.log(torch.where(x <= 0, 1.0, x))),
    "safe_sqrt": lambda x: torch.where(x <= 0, 0.0, torch.sqrt(torch.where(x <= 0, 1.0, x))),
    "scatter_add": lambda x, index, dim, size: torch.zeros(
        (*x.shape[:dim], size, *x.shape[dim + 1 :]), dtype=x.dtype
    ).scatter_add(dim, index, x),
    "slogdet": lambda x: torch.linalg.slogdet(x)[1],
    "add_scaled": lambda x, z, alpha: torch.add(x, z, alpha=alpha),
    "clamp_numbers": lambda x, low, high: torch.clamp(x, low, high),
    "cross_entropy": lambda x, **parameters: F.cross_entropy(x, **parameters),
    "cube": lambda x: x**3,
    "eigh": lambda x: torch.linalg.eigh((x + x.mT) / 2),
    "einsum": lambda operands, inputs, output: torch.einsum(
        *(part for operand, labels in zip(operands, inputs, strict=True) for part in (operand, list(labels))),
        list(output),
    ),
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "index_accumulate": lambda x, value, index: _written(x, value, index, accumulate=True),
    "index_overwrite": lambda x, value, index: _written(x, value, index, accumulate=False),
    "lerp_by_number": lambda x, end, weight: torch.lerp(x, end, weight),
    "logistic_loss": lambda x, target: F.binary_cross_entropy_with_logits(
        *torch.broadcast_tensors(x, target), reduction="none"
    ),
    "nll_loss": lambda x, **parameters: F.nll_loss(x, **parameters),
    "pinv": lambda x, rcond: torch.linalg.pinv(x, rtol=rcond),
    "prelu_kernel": lambda x, weight: torch.where(x > 0, x, weight * x),
    "recurrence": lambda factor, x, dim, reverse: _recurrence(factor, x, dim, reverse),
    "scatter_add_index": lambda x, shape, index: _written(torch.zeros(shape, dtype=x.dtype), x, index, accumulate=True),
    "segment_amax": lambda x, segment, count: _segments(x, segment, count, "amax", -np.inf),
    "segment_amin": lambda x, segment, count: _segments(x, segment, count, "amin", np.inf),
    "segment_prod": lambda x, segment, count: _segments(x, segment, count, "prod", 1),
    "slice": lambda x, index: x.reshape(-1)[_places(x, index)],
    "solve_triangular": lambda x, z, upper, unitriangular: torch.linalg.solve_triangular(
        x, z, upper=upper, unitriangular=unitriangular
    ),
    "spread": lambda x, shape: torch.broadcast_to(x, shape),
    "squared_error": lambda x, target: (x - target) ** 2,
    "svd": lambda x: torch.linalg.svd(x, full_matrices=False),
    "trigamma": lambda x: torch.polygamma(1, x),
    "trunc_divide": lambda x, z: torch.div(x, z, rounding_mode="trunc"),
    "unfold": lambda x, dim, size, step: x.unfold(dim, size, step),
    **images.ADAPTED,
    **layers.ADAPTED,
}
# Operations that nothing is compared with here, each with the reason and where they are held to something else.
WITHOUT_COUNTERPART = {
    "output": "no operation of a user's: one of several results of another",
    "fold_windows": "the transpose of unfold, compared as its gradient",
}


def _turned(function: Any, x: Any, dim: int, reverse: bool) -> Any:
    return function(x.flip(dim), dim).flip(dim) if reverse else function(x, dim)


def _product(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    for axis in sorted(dim, reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


def _convolution(x: Any, weight: Any, size: Any, window: Any) -> Any:
    stride, padding, dilation, groups = window
    widths: list[int] = []
    for axis in reversed(range(len(size))):
        reach = (size[axis] - 1) * stride[axis] + (weight.shape[axis + 2] - 1) * dilation[axis] + 1
        widths += [padding[axis], reach - x.shape[axis + 2] - padding[axis]]
    convolve = (F.conv1d, F.conv2d, F.conv3d)[len(size) - 1]
    return convolve(F.pad(x, widths), weight, None, stride, 0, dilation, groups)


def _convolution_transpose(y: Any, weight: Any, size: Any, window: Any) -> Any:
    stride, padding, dilation, groups = window
    convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[len(size) - 1]
    whole = convolve(y, weight, None, stride, 0, 0, groups, dilation)
    widths: list[int] = []
    for axis in reversed(range(len(size))):
        widths += [-padding[axis], size[axis] + padding[axis] - whole.shape[axis + 2]]
    return F.pad(whole, widths)


def _convolution_weight(x: Any, y: Any, size: Any, window: Any) -> Any:
    weight = torch.zeros(y.shape[1], x.shape[1] // window.groups, *size, dtype=x.dtype, requires_grad=True)
    result = _convolution(x, weight, y.shape[2:], window)
    (found,) = torch.autograd.grad(result, weight, y, create_graph=True)
    return found


def _mesh(shape: Any, index: Any) -> Any:
    """A basic index as an index of integer tensors for every dimension."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)[index]
    return tuple(torch.from_numpy(places) for places in np.unravel_index(numbers, shape))


def _places(x: Any, index: Any) -> Any:
    """The numbers of the elements that an index names; PyTorch's own indices lack negative steps."""
    return torch.from_numpy(np.array(np.arange(x.numel()).reshape(x.shape)[index]))


def _written(x: Any, value: Any, index: Any, accumulate: bool) -> Any:
    """`x` with `value` written or added at an index."""
    places = _places(x, index)
    values = value.expand(places.shape)
    if not accumulate:
        # Of several writes to one place the last stands; PyTorch sends gradients to all of them.
        last = places.numel() - 1 - np.unique(places.numpy().reshape(-1)[::-1], return_index=True)[1]
        places, values = places.reshape(-1)[last], values.reshape(-1)[last]
    return x.reshape(-1).index_put((places,), values, accumulate=accumulate).reshape(x.shape)


def _recurrence(factor: Any, x: Any, dim: int, reverse: bool) -> Any:
    if reverse:
        return _recurrence(factor.flip(dim), x.flip(dim), dim, False).flip(dim)
    found: list[Any] = []
    for own, part in zip(factor.unbind(dim), x.unbind(dim), strict=True):
        found.append(part + own * found[-1] if found else part)
    return torch.stack(found, dim) if found else x * factor


def _segments(x: Any, segment: Any, count: int, reduce: str, start: float) -> Any:
    empty = torch.full((count,), start, dtype=x.dtype)
    return empty.scatter_reduce(0, to_torch(segment), x, reduce, include_self=False)


# Of decompositions whose signs are arbitrary: what of the results is not.
INVARIANT: dict[str, Any] = {
    "eigh": lambda values, vectors: (values, (vectors * values[..., None, :] ** 2) @ vectors.mT),
    "svd": lambda u, s, vh: (s, u @ vh, u @ (s[..., None] ** 2 * vh)),
}


def counterpart(op: Op) -> Any:
    """PyTorch's function for an operation: adapted, by the record's dotted name, or by the operation's own."""
    if op.name in ADAPTED:
        return ADAPTED[op.name]
    found: Any = torch
    for name in (op.torch or op.name).split("."):
        found = getattr(found, name, None)
    return found


COMPARED = [op for op in REGISTRY.values() if callable(counterpart(op)) and op.name not in WITHOUT_COUNTERPART]
ELEMENTWISE = [op for op in COMPARED if isinstance(op, Elementwise)]
OTHERS = [op for op in COMPARED if not isinstance(op, Elementwise)]


def each(ops: list[Op]) -> Any:
    return pytest.mark.parametrize("op", ops, ids=lambda op: op.name)


def applied(op: Op, parameters: dict[str, Any]) -> Callable[..., Any]:
    """The operation on either library's tensors."""
    theirs = counterpart(op)
    invariant = INVARIANT.get(op.name)

    def chosen(result: Any) -> Any:
        return result if invariant is None else invariant(*result)

    def run(library: Any, *tensors: Any) -> Any:
        if library is ag:
            return chosen(call(op, tensors, parameters))
        if op.variadic:
            return theirs(tensors, **parameters)
        return chosen(theirs(*tensors, **{name: to_torch(value) for name, value in parameters.items()}))

    return run
