"""Embedding against PyTorch: padding, repeated numbers, norms, bags; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
import nn


def compare(torch: Any, function: Any, weight: np.ndarray, *more: np.ndarray) -> None:
    found = []
    for library, functional in ((ag, nn.functional), (torch, torch.nn.functional)):
        tensors = [library.from_numpy(array.copy()).requires_grad_() for array in (weight, *more)]
        result = function(library, functional, *tensors)
        cotangent = np.random.default_rng(1).standard_normal(tuple(result.shape)).astype(weight.dtype)
        result.backward(library.from_numpy(cotangent))
        found.append([result.detach(), *tensors, *[t.grad for t in tensors]])
    for ours, theirs in zip(*found, strict=True):
        assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True}, {"max_norm": 1.5}], ids=str
)
def test_lookup_and_gradient(
    torch: Any, random: np.random.Generator, options: dict[str, Any], kind: Any, dtype: Any
) -> None:
    weight, index = random.standard_normal((7, 5)).astype(dtype), random.integers(0, 7, (4, 6)).astype(kind)

    def look_up(library: Any, functional: Any, weight: Any) -> Any:
        numbers = library.from_numpy(index.copy())
        # PyTorch renormalises only weights that are no leaves of the graph, and takes no uint8.
        if "max_norm" in options:
            with library.no_grad():
                functional.embedding(numbers if library is ag else numbers.long(), weight, **options)
            return functional.embedding(numbers if library is ag else numbers.long(), weight)
        return functional.embedding(numbers if library is ag else numbers.long(), weight, **options)

    compare(torch, look_up, weight)


def test_many_rows_on_threads_are_what_they_are_on_one(random: np.random.Generator) -> None:
    index = random.integers(0, 50, 4000)
    weight, cotangent = random.standard_normal((50, 40)).astype(np.float32), random.standard_normal((4000, 40))
    expected = np.zeros((50, 40))
    np.add.at(expected, index, cotangent)
    outer, found = ag.get_num_threads(), []
    try:
        for threads in (1, 2):
            ag.set_num_threads(threads)
            table = ag.tensor(weight, requires_grad=True)
            result = ag.embedding(ag.tensor(index), table)
            result.backward(ag.tensor(cotangent.astype(np.float32)))
            assert (result.detach().numpy() == weight[index]).all()
            found.append(table.grad.numpy())
    finally:
        ag.set_num_threads(outer)
    assert (found[0] == found[1]).all()
    assert_allclose(found[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 1])
def test_bags(torch: Any, random: np.random.Generator, mode: str, padding: int | None) -> None:
    weight, index = random.standard_normal((6, 4)), random.integers(0, 6, (5, 3))
    offsets = np.array([0, 4, 4, 9])

    def rows(library: Any, functional: Any, weight: Any) -> Any:
        return functional.embedding_bag(library.from_numpy(index), weight, mode=mode, padding_idx=padding)

    def bags(library: Any, functional: Any, weight: Any) -> Any:
        return functional.embedding_bag(
            library.from_numpy(index.ravel()), weight, library.from_numpy(offsets), mode=mode, padding_idx=padding
        )

    compare(torch, rows, weight)
    compare(torch, bags, weight)
    if mode == "sum":

        def weighted(library: Any, functional: Any, weight: Any, scale: Any) -> Any:
            return functional.embedding_bag(
                library.from_numpy(index), weight, mode=mode, per_sample_weights=scale, padding_idx=padding
            )

        compare(torch, weighted, weight, random.standard_normal((5, 3)))


@pytest.mark.parametrize("options", [{}, {"padding_idx": 3}, {"max_norm": 1.0}], ids=str)
def test_modules_load_pytorchs_state(torch: Any, random: np.random.Generator, options: dict[str, Any]) -> None:
    own, other = nn.Embedding(6, 4, **options), torch.nn.Embedding(6, 4, **options)
    assert list(own.state_dict()) == list(other.state_dict())
    own.load_state_dict({name: ag.from_numpy(value.numpy().copy()) for name, value in other.state_dict().items()})
    index = random.integers(0, 6, (3, 2))
    result, expected = own(ag.tensor(index)), other(torch.tensor(index))
    assert_allclose(result.detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    assert_allclose(own.weight.detach().numpy(), other.weight.detach().numpy(), rtol=1e-6)
    bag, torchs = nn.EmbeddingBag(6, 4, mode="mean"), torch.nn.EmbeddingBag(6, 4, mode="mean")
    bag.load_state_dict({name: ag.from_numpy(value.numpy().copy()) for name, value in torchs.state_dict().items()})
    assert_allclose(
        bag(ag.tensor(index)).detach().numpy(), torchs(torch.tensor(index)).detach().numpy(), rtol=1e-5, atol=1e-6
    )


def test_the_padding_row_starts_as_zero_and_stays() -> None:
    table = nn.Embedding(4, 3, padding_idx=-1)
    assert table.padding_idx == 3
    assert table.weight[3].tolist() == [0.0] * 3
    table(ag.tensor([3, 3, 1])).sum().backward()
    assert table.weight.grad[3].tolist() == [0.0] * 3
    assert table.weight.grad[1].tolist() == [1.0] * 3
    frozen = nn.Embedding.from_pretrained(ag.ones(3, 2))
    assert not frozen.weight.requires_grad


WRONG: dict[str, tuple[Any, Any]] = {
    "out of range": (lambda: ag.embedding(ag.tensor([0, 4]), ag.ones(4, 2)), IndexError),
    "negative": (lambda: ag.embedding(ag.tensor([-1]), ag.ones(4, 2)), IndexError),
    "floats": (lambda: ag.embedding(ag.tensor([1.0]), ag.ones(4, 2)), TypeError),
    "no matrix": (lambda: ag.embedding(ag.tensor([0]), ag.ones(4)), ValueError),
    "padding": (lambda: ag.embedding(ag.tensor([0]), ag.ones(4, 2), 4), ValueError),
    "sparse": (lambda: ag.embedding(ag.tensor([0]), ag.ones(4, 2), sparse=True), ValueError),
    "renormalised out of range": (lambda: ag.embedding(ag.tensor([4]), ag.ones(4, 2), max_norm=1.0), IndexError),
    "bag mode": (lambda: ag.embedding_bag(ag.tensor([[0]]), ag.ones(4, 2), mode="median"), ValueError),
    "bag without offsets": (lambda: ag.embedding_bag(ag.tensor([0]), ag.ones(4, 2)), ValueError),
    "bag offsets": (lambda: ag.embedding_bag(ag.tensor([0]), ag.ones(4, 2), ag.tensor([1])), ValueError),
    "module sparse": (lambda: nn.Embedding(4, 2, sparse=True), ValueError),
    "module padding": (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError),
}


@pytest.mark.parametrize("attempt", WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused(attempt: tuple[Any, Any]) -> None:
    function, error = attempt
    with pytest.raises(error, match=r"[eE]mbedding"):
        function()
