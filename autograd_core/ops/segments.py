"""Reductions of elements that share a number: what scatter_reduce is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import formula as f
from ..declaration import structural
from ..dispatch import cast
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .linear_maps import cat_primitive, gather_primitive, raw, reshape_primitive, scatter_add_primitive
from .scan import recurrence_primitive


def _samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(8) - 3.5,), {"segment": np.array([0, 2, 0, 1, 2, 0, 3, 3]), "count": 4}),
        Sample((random.standard_normal(0),), {"segment": np.zeros(0, np.int64), "count": 0}),
    ]


def _reduced(function: Any, start: float) -> Any:
    def reference(x: np.ndarray, segment: np.ndarray, count: int) -> np.ndarray:
        return np.array([function(x[segment == number], initial=start) for number in range(count)])

    return reference


@structural("segment_prod", reference=_reduced(np.prod, 1.0), samples=_samples)
def segment_prod_primitive(x: np.ndarray, *, segment: np.ndarray, count: int) -> np.ndarray:
    """Products of the elements of a line that share a number below `count`; 1 of none."""
    result = np.ones(count, x.dtype)
    np.multiply.at(result, segment, x)
    return result


@segment_prod_primitive.vjp("x")
def _(cotangent: Any, x: Any, segment: np.ndarray) -> Any:
    # In each segment the product of those before times the product of those after: no division, exact at zeros.
    order = np.argsort(segment, kind="stable")
    if not order.size:
        return np.zeros(0, raw(x).dtype)
    ordered = gather_primitive(x, index=(order,))
    starts = np.ones(order.size, bool)
    starts[1:] = segment[order][1:] != segment[order][:-1]
    others = _excluding(ordered, starts, reverse=False) * _excluding(ordered, np.roll(starts, -1), reverse=True)
    pulled = others * gather_primitive(cotangent, index=(segment[order],))
    return gather_primitive(pulled, index=(np.argsort(order, kind="stable"),))


def _excluding(x: Any, edge: np.ndarray, reverse: bool) -> Any:
    """Running products of the elements before each one, beginning anew with 1 where `edge` holds."""
    dtype = raw(x).dtype
    shifted = np.arange(edge.size) + (1 if reverse else -1)
    factor = gather_primitive(x, index=(np.clip(shifted, 0, edge.size - 1),)) * (~edge).astype(dtype)
    return recurrence_primitive(factor, edge.astype(dtype), dim=0, reverse=reverse)


def _extremum(name: str, ufunc: Any, start: float) -> Any:
    def forward(x: np.ndarray, *, segment: np.ndarray, count: int) -> np.ndarray:
        limit = start if x.dtype.kind == "f" else (np.iinfo(x.dtype).min if start < 0 else np.iinfo(x.dtype).max)
        result = np.full(count, limit, x.dtype)
        ufunc.at(result, segment, x)
        return result

    forward.__doc__ = f"The {name} of the elements of a line that share a number; ties share the gradient evenly."
    samples = _samples
    declared = structural(f"segment_{name}", reference=_reduced(ufunc.reduce, start), samples=samples)(forward)

    @declared.vjp("x")
    def _(cotangent: Any, x: Any, y: Any, segment: np.ndarray, count: int) -> Any:
        values, found = raw(x), raw(y)[segment]
        attained = (values == found) | (np.isnan(values) & np.isnan(found))
        ties = np.maximum(np.bincount(segment, attained, count), 1).astype(values.dtype)
        return f.where(attained, gather_primitive(cotangent / ties, index=(segment,)), 0.0)

    return declared


segment_amax_primitive = _extremum("amax", np.maximum, -np.inf)
segment_amin_primitive = _extremum("amin", np.minimum, np.inf)


def reduce_at(tensor: Tensor, index: tuple[Any, ...], value: Tensor, reduce: str, include_self: bool) -> Tensor:
    """`tensor` with each place that `index` names reduced with the elements of `value` that it sends there."""
    numbers = np.arange(tensor.numel()).reshape(tensor.shape)
    sent = numbers[index].reshape(-1)
    touched = np.zeros(tensor.numel(), bool)
    touched[sent] = True
    line = reshape_primitive(tensor, shape=(tensor.numel(),))
    own = numbers.reshape(-1)
    if not include_self:
        # An element that was sent nothing stays what it is.
        own = own[~touched]
        line = gather_primitive(line, index=(own,))
    elements = cat_primitive(line, reshape_primitive(value, shape=(sent.size,)), dim=0)
    segment = np.concatenate([own, sent])
    parameters: dict[str, Any] = {"segment": segment, "count": tensor.numel()}
    if reduce in ("sum", "mean"):
        parameters = {"shape": (tensor.numel(),), "index": (segment,)}
        reduced: Tensor = apply(scatter_add_primitive.op, (elements,), parameters)
        if reduce == "mean":
            number = wrap(np.bincount(segment, minlength=tensor.numel()), None)
            # Integers are divided towards minus infinity, as in PyTorch.
            reduced = (
                reduced / cast(number, tensor.dtype)
                if tensor.dtype.kind == "f"
                else wrap((reduced._array // number._array).astype(tensor.dtype), None)
            )
    else:
        reduced = apply(_BY_NAME[reduce].op, (elements,), parameters)
    result: Tensor = reshape_primitive(reduced, shape=tensor.shape)
    return result


_BY_NAME = {"prod": segment_prod_primitive, "amax": segment_amax_primitive, "amin": segment_amin_primitive}

__all__: list[str] = []
