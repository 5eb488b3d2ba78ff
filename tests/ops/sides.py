"""A function run in this library and in PyTorch, side by side: results, dtypes, gradients and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contiguous": lambda a: np.array(a, order="C"),
    "transposed": lambda a: np.array(a.T, order="C").T,
    "negative strides": lambda a: np.asarray(np.array(np.flip(a), order="C")[(slice(None, None, -1),) * a.ndim]),
}
REFUSED = (ValueError, TypeError, IndexError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Case:
    """What is called, as ``call(library, *tensors)``, and with which arrays; floating ones require gradients."""

    call: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]
    second: bool = True
    label: str = ""


def case(call: Callable[..., Any], *arrays: Any, second: bool = True) -> Case:
    """A case of floating and integer arrays."""
    return Case(call, tuple(np.asarray(array) for array in arrays), second)


def table(*cases: Case) -> Any:
    """Parametrise a test over cases, in both floating dtypes."""
    return pytest.mark.parametrize("given", cases, ids=_names(cases))


def _names(cases: Sequence[Case]) -> list[str]:
    return [c.label or f"{number}-{'x'.join(str(a.shape) for a in c.arrays)}" for number, c in enumerate(cases)]


def functional(library: Any) -> Any:
    """Where the library keeps pad and one_hot."""
    return library if library is ag else library.nn.functional


def flattened(result: Any) -> Iterator[Any]:
    """The tensors of a result, in order."""
    if isinstance(result, (tuple, list)):
        for part in result:
            yield from flattened(part)
    else:
        yield result


def as_array(value: Any) -> np.ndarray:
    """The values of a tensor of either library, or of a number."""
    if not hasattr(value, "detach"):
        return np.asarray(value)
    # PyTorch keeps some zeros without memory, which numpy() has to be told to make.
    return np.asarray(value.detach().numpy() if isinstance(value, ag.Tensor) else value.detach().numpy(force=True))


def assert_same(found: Any, expected: Any, tolerance: float) -> None:
    """Equal shapes and dtypes, equal integers, close floats with NaN in the same places."""
    ours, theirs = as_array(found), as_array(expected)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.dtype.kind == "f":
        tolerance = max(tolerance, 3e-5) if ours.dtype == np.float32 else tolerance
        assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    else:
        assert_array_equal(ours, theirs)


def check(torch: Any, given: Case, dtype: Any = np.float64) -> None:
    """Run a case in both libraries, in every layout; compare results and gradients of first and second order."""
    for layout in LAYOUTS.values():
        ours, theirs = [], []
        for array in given.arrays:
            array = array.astype(dtype) if array.dtype.kind == "f" else array
            tensor, reference = ag.from_numpy(layout(array)), torch.from_numpy(array.copy())
            if array.dtype.kind == "f":
                tensor.requires_grad_()
                reference.requires_grad_()
            ours.append(tensor)
            theirs.append(reference)
        _compare(torch, given, ours, theirs, 1e-10 if dtype == np.float64 else 3e-5)


def _compare(torch: Any, given: Case, ours: list[Any], theirs: list[Any], tolerance: float) -> None:
    found = list(flattened(given.call(ag, *ours)))
    expected = list(flattened(given.call(torch, *theirs)))
    assert len(found) == len(expected)
    for actual, wanted in zip(found, expected, strict=True):
        assert_same(actual, wanted, tolerance)
        assert getattr(actual, "requires_grad", False) == getattr(wanted, "requires_grad", False)
    found = [tensor for tensor in found if getattr(tensor, "requires_grad", False)]
    expected = [tensor for tensor in expected if getattr(tensor, "requires_grad", False)]
    if not found:
        return
    random = np.random.default_rng(11)
    seeds = [random.standard_normal(tensor.shape).astype(as_array(tensor).dtype) for tensor in found]
    leaves = [tensor for tensor in ours if tensor.requires_grad]
    their_leaves = [tensor for tensor in theirs if tensor.requires_grad]
    cotangents = [ag.tensor(seed) for seed in seeds]
    their_cotangents = [torch.tensor(seed) for seed in seeds]
    options: Any = {"materialize_grads": True}
    first = ag.grad(found, leaves, cotangents, retain_graph=True, **options)
    recorded = ag.grad(found, leaves, cotangents, create_graph=True, **options)
    wanted = torch.autograd.grad(expected, their_leaves, their_cotangents, create_graph=True, **options)
    for fast, slow, reference in zip(first, recorded, wanted, strict=True):
        assert_same(fast, reference, tolerance)
        assert_same(slow, reference, tolerance)
    if not given.second or not any(tensor.requires_grad for tensor in wanted):
        return
    weights = [random.standard_normal(leaf.shape).astype(as_array(leaf).dtype) for leaf in leaves]
    total = sum((g * ag.tensor(w)).sum() for g, w in zip(recorded, weights, strict=True))
    their_total = sum((g * torch.tensor(w)).sum() for g, w in zip(wanted, weights, strict=True))
    if not total.requires_grad:
        # PyTorch carries along zeros that depend on nothing here.
        assert all(not as_array(g).any() for g in torch.autograd.grad(their_total, their_leaves, **options))
        return
    second = ag.grad(total, leaves, **options)
    for actual, reference in zip(second, torch.autograd.grad(their_total, their_leaves, **options), strict=True):
        assert_same(actual, reference, 100 * tolerance)


def refused(torch: Any, call: Callable[..., Any], *arrays: Any, theirs: bool = True) -> None:
    """Both libraries refuse the call; with `theirs` False only this one does."""
    tensors = [ag.tensor(np.asarray(array)) for array in arrays]
    with pytest.raises(REFUSED) as caught:
        call(ag, *tensors)
    assert str(caught.value)
    if theirs:
        with pytest.raises(REFUSED):
            call(torch, *[torch.tensor(np.asarray(array)) for array in arrays])
