"""Shapes, memory layouts and operands: what the contract and oracle tests draw from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
from autograd_core.op import Elementwise, Op, Sample
from autograd_core.recording import apply

FLOATS = (np.float32, np.float64)


# --- memory layouts ---------------------------------------------------------------------------------------------
#
# Each makes an array of the same values whose elements lie differently in memory.


def _reversed_axes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.T).T


def _negative_strides(array: np.ndarray) -> np.ndarray:
    everywhere = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[everywhere])[everywhere]


def _gaps(array: np.ndarray) -> np.ndarray:
    wide = np.full(tuple(2 * size + 1 for size in array.shape), 99, array.dtype)
    part = wide[tuple(slice(1, 2 * size, 2) for size in array.shape)]
    part[...] = array
    return part


def _read_only(array: np.ndarray) -> np.ndarray:
    copied = array.copy()
    copied.flags.writeable = False
    return copied


def _odd_stride_of_one(array: np.ndarray) -> np.ndarray:
    # An axis of length 1 may have any stride and the array still counts as contiguous (numpy#23349).
    array = np.array(array, order="C")
    strides = tuple(-stride if size == 1 else stride for size, stride in zip(array.shape, array.strides, strict=True))
    return np.lib.stride_tricks.as_strided(array, array.shape, strides)


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contiguous": np.ascontiguousarray,
    "transposed": _reversed_axes,
    "negative": _negative_strides,
    "gaps": _gaps,
    "read-only": _read_only,
    "odd stride of a size 1": _odd_stride_of_one,
}


def lay_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another memory layout."""
    return LAYOUTS[layout](np.asarray(array)) if np.ndim(array) else np.array(array)


def stride_zero(array: np.ndarray) -> np.ndarray:
    """An array of the same shape whose first axis repeats one row without copying it."""
    return np.broadcast_to(array[:1], array.shape) if array.ndim and array.shape[0] else array


def constant(array: np.ndarray) -> ag.Tensor:
    """A tensor on this very memory, strides included."""
    return ag.from_numpy(array)


def leaf(array: np.ndarray) -> ag.Tensor:
    """A tensor on this very memory that gathers gradients, if its dtype can."""
    tensor = constant(array)
    return tensor.requires_grad_() if array.dtype.kind == "f" else tensor


# --- operands ---------------------------------------------------------------------------------------------------

sizes = st.integers(0, 4)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def broadcastable(count: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """Shapes for `count` operands that broadcast together: 0-d, empty and of size 1 among them."""
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=count, min_dims=0, max_dims=3, min_side=0, max_side=4)
    return drawn.map(lambda found: found.input_shapes)


@st.composite
def elementwise_operands(draw: Any, op: Elementwise, dtype: Any = None) -> list[np.ndarray]:
    """Arrays for each operand of `op`, inside its domain: shapes that broadcast, any layout, one floating dtype."""
    dtype = draw(st.sampled_from(FLOATS)) if dtype is None else dtype
    found = draw(broadcastable(len(op.operands)))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    operands = []
    for domain, shape in zip(op.domains, found, strict=True):
        values = np.asarray(domain.draw(generator, shape))
        values = values if domain.kind == "bool" else values.astype(dtype)
        layout = draw(st.sampled_from([*LAYOUTS, "stride zero"]))
        operands.append(stride_zero(values) if layout == "stride zero" else lay_out(values, layout))
    return operands


def defaults(op: Op) -> dict[str, Any]:
    """The parameters of an elementwise operation as its formula declares them."""
    return dict(getattr(getattr(op, "formula", None), "__kwdefaults__", None) or {})


def samples(op: Op, dtype: Any = np.float64, seed: int = 0) -> list[Sample]:
    """Arguments in `dtype` to try `op` with: its own samples, or broadcasting shapes for an elementwise one."""
    generator = np.random.default_rng(seed)
    if op.samples is not None:
        return [_in_dtype(sample, np.dtype(dtype)) for sample in op.samples(generator)]
    assert isinstance(op, Elementwise), f"{op.name} has no samples"
    three = [((3, 4),) * 3, ((),) * 3, ((2, 0),) * 3, ((1,),) * 3, ((2, 1, 3), (1, 4, 1), (3,))]
    return [
        _in_dtype(Sample(tuple(map(_draw, op.domains, found, [generator] * 3)), defaults(op)), np.dtype(dtype))
        for found in three
    ]


def _draw(domain: Any, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    return np.asarray(domain.draw(generator, shape))


def _in_dtype(sample: Sample, dtype: np.dtype[Any]) -> Sample:
    def convert(value: Any) -> Any:
        return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    operands = tuple(convert(np.asarray(operand)) for operand in sample.operands)
    parameters = {name: convert(value) for name, value in sample.parameters.items()}
    if "source" in parameters:  # of a cast: the dtype its operand has
        parameters["source"] = dtype
    return Sample(operands, parameters, sample.label)


def call(op: Op, operands: Any, parameters: dict[str, Any]) -> Any:
    """Apply `op` to tensors as the engine does for a user's call."""
    if isinstance(op, Elementwise):
        assert op.function is not None
        return op.function(*operands, **parameters)
    return apply(op, operands, parameters)


def outputs(result: Any) -> tuple[ag.Tensor, ...]:
    """The floating results of an operation, whether it has one or several."""
    several = result if isinstance(result, tuple) else (result,)
    return tuple(part for part in several if part.dtype.kind == "f")


def values(result: Any) -> list[np.ndarray]:
    """The results of an operation as arrays, outside the graph."""
    return [part.detach().numpy() for part in (result if isinstance(result, tuple) else (result,))]


def cotangents_for(result: Any, seed: int = 1) -> list[np.ndarray]:
    """A random cotangent for each floating result, of its shape and dtype."""
    generator = np.random.default_rng(seed)
    return [np.asarray(generator.standard_normal(part.shape)).astype(part.dtype) for part in outputs(result)]


def pull_back(op: Op, arrays: Any, parameters: dict[str, Any], cotangents: Any = None) -> tuple[Any, list[Any]]:
    """The result of `op` on these arrays, and the gradient of each floating operand as an array (None for others)."""
    tensors = [leaf(array) for array in arrays]
    result = call(op, tensors, parameters)
    found = outputs(result)
    if not found or not found[0].requires_grad:
        return result, [None] * len(tensors)
    given = cotangents_for(result) if cotangents is None else cotangents
    ag.backward(found, [constant(cotangent) for cotangent in given])
    return result, [tensor.grad.numpy() if tensor.requires_grad else None for tensor in tensors]
