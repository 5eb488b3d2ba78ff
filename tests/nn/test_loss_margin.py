"""Losses of margins, distances and likelihoods: values, first and second gradients against PyTorch's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
import nn

# PyTorch advises to use "batchmean" where its "mean" is asked for.
pytestmark = pytest.mark.filterwarnings("ignore:reduction:UserWarning")

RANDOM = np.random.default_rng(4)
A, B, C = RANDOM.standard_normal((3, 5, 4))
SIGNS = np.where(RANDOM.random((5, 4)) < 0.5, -1.0, 1.0)
SOFT = RANDOM.random((5, 4))
LABELS = np.array([0, 3, 1, 1, 2])
SETS = np.array([[3, 0, -1, 1], [1, -1, 2, 0], [0, 1, 2, 3], [-1, 0, 0, 0], [2, 2, -1, 0]])
LOGARITHMS = np.log(RANDOM.dirichlet(np.ones(4), 5))
CHANCES = RANDOM.dirichlet(np.ones(4), 5)
COUNTS = RANDOM.integers(0, 6, (5, 4)).astype(float)
ROW = SIGNS[:, 0].copy()

# Name: the operands, of which integers and what comes after the first `differentiable` are constants; and options.
CASES: dict[str, tuple[str, int, tuple[Any, ...], list[dict[str, Any]]]] = {
    "mse": ("mse_loss", 2, (A, B), [{}, {"weight": SOFT}]),
    "l1": ("l1_loss", 2, (A, B), [{}, {"weight": SOFT}]),
    "huber": ("huber_loss", 2, (A, B), [{"delta": 0.5}, {"weight": SOFT}]),
    "soft margin": ("soft_margin_loss", 1, (A, SIGNS), [{}]),
    "hinge embedding": ("hinge_embedding_loss", 1, (A, SIGNS), [{}, {"margin": 0.3}]),
    "margin ranking": ("margin_ranking_loss", 2, (A, B, SIGNS), [{}, {"margin": 0.4}]),
    "multi margin": ("multi_margin_loss", 1, (A, LABELS), [{}, {"p": 2, "margin": 0.7}, {"weight": SOFT[0]}]),
    "multi margin of one": ("multi_margin_loss", 1, (A[0], np.array(2)), [{}]),
    "multilabel margin": ("multilabel_margin_loss", 1, (A, SETS), [{}]),
    "multilabel margin of one": ("multilabel_margin_loss", 1, (A[0], SETS[0]), [{}]),
    "multilabel soft margin": ("multilabel_soft_margin_loss", 1, (A, SOFT), [{}, {"weight": SOFT[0]}]),
    "cosine embedding": ("cosine_embedding_loss", 2, (A, B, ROW), [{}, {"margin": 0.2}]),
    "triplet": (
        "triplet_margin_loss",
        3,
        (A, B, C),
        [{}, {"swap": True, "margin": 0.5}, {"p": 1.0}, {"p": 3.0}],
    ),
    "triplet with distance": ("triplet_margin_with_distance_loss", 3, (A, B, C), [{}, {"swap": True}]),
    "kl": ("kl_div", 2, (LOGARITHMS, CHANCES), [{}]),
    "kl of logarithms": ("kl_div", 2, (LOGARITHMS, np.log(CHANCES)), [{"log_target": True}]),
    "poisson": ("poisson_nll_loss", 1, (A, COUNTS), [{}, {"full": True}]),
    "poisson of counts": ("poisson_nll_loss", 1, (SOFT + 0.1, COUNTS), [{"log_input": False}]),
    "gaussian": ("gaussian_nll_loss", 3, (A, B, SOFT + 0.1), [{}, {"full": True}]),
    "gaussian, a variance a row": ("gaussian_nll_loss", 3, (A, B, SOFT[:, 0] + 0.1), [{}]),
    "gaussian, small variances": ("gaussian_nll_loss", 3, (A, B, SOFT), [{"eps": 0.5}]),
}
PARAMETERS = [
    pytest.param(name, count, arrays, options, id=f"{label} {sorted(options)}")
    for label, (name, count, arrays, several) in CASES.items()
    for options in several
]


def both(torch: Any, name: str, count: int, arrays: tuple[Any, ...], options: dict[str, Any], orders: int = 2) -> None:
    found = []
    for library, functional in ((ag, nn.functional), (torch, torch.nn.functional)):
        tensors = [library.from_numpy(np.array(array)) for array in arrays]
        for tensor in tensors[:count]:
            tensor.requires_grad_()
        named = {k: library.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        result = getattr(functional, name)(*tensors, **named)
        weight = library.from_numpy(np.random.default_rng(0).standard_normal(tuple(result.shape)))
        grad = ag.grad if library is ag else torch.autograd.grad
        options_of_grad = {"create_graph": orders > 1, "allow_unused": True}
        first = grad((result * weight).sum(), tensors[:count], **options_of_grad)
        values = [result, *first]
        if orders > 1 and all(f.requires_grad for f in first):
            total = sum((f * f).sum() for f in first)
            if total.requires_grad:
                values += [g for g in grad(total, tensors[:count], allow_unused=True) if g is not None]
        found.append([v.detach().numpy() if library is ag else v.detach().numpy(force=True) for v in values])
    shared = min(map(len, found))  # PyTorch knows some second derivatives to be zero, and says so by None
    for ours, theirs in zip(found[0][:shared], found[1][:shared], strict=True):
        assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "count", "arrays", "options"), PARAMETERS)
def test_losses(torch: Any, name: str, count: int, arrays: Any, options: dict[str, Any], reduction: str) -> None:
    both(torch, name, count, arrays, {**options, "reduction": reduction}, 1 if name.startswith("multi") else 2)


def test_mean_over_the_batch_and_zero_probabilities(torch: Any) -> None:
    both(torch, "kl_div", 1, (LOGARITHMS, CHANCES), {"reduction": "batchmean"})
    sure = np.eye(4)[[0, 1, 2, 3, 0]]
    both(torch, "kl_div", 1, (LOGARITHMS, sure), {"reduction": "none"})


CTC: dict[str, tuple[Any, ...]] = {
    "matrix": (np.array([[1, 2, 2], [3, 1, 1]]), np.array([7, 7]), np.array([3, 3])),
    "lengths": (np.array([[1, 2, 2], [3, 1, 1]]), np.array([7, 4]), np.array([2, 1])),
    "together": (np.array([1, 2, 2, 3]), np.array([7, 6]), np.array([3, 1])),
    "empty target": (np.array([[1, 2], [0, 0]]), np.array([7, 5]), np.array([2, 0])),
}


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("given", CTC.values(), ids=CTC)
def test_connectionist_temporal_classification(torch: Any, given: tuple[Any, ...], reduction: str) -> None:
    logits = np.random.default_rng(2).standard_normal((7, 2, 4))
    found = []
    for library, functional in ((ag, nn.functional), (torch, torch.nn.functional)):
        x = library.from_numpy(logits.copy()).requires_grad_()
        result = functional.ctc_loss(
            functional.log_softmax(x, -1), *map(library.from_numpy, given), reduction=reduction
        )
        result.sum().backward()
        found.append((result.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_impossible_targets_of_ctc_may_count_as_zero() -> None:
    x = ag.randn(2, 1, 3, dtype=ag.float64, requires_grad=True)
    arguments = (ag.tensor([[1, 1]]), ag.tensor([2]), ag.tensor([2]))
    assert nn.functional.ctc_loss(nn.functional.log_softmax(x, -1), *arguments).item() == np.inf
    loss = nn.functional.ctc_loss(nn.functional.log_softmax(x, -1), *arguments, zero_infinity=True)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.numpy().any()


def test_second_gradients_of_ctc() -> None:
    x = ag.randn(4, 1, 3, dtype=ag.float64, requires_grad=True)
    arguments = (ag.tensor([[1, 2]]), ag.tensor([4]), ag.tensor([2]))
    assert ag.gradgradcheck(lambda x: nn.functional.ctc_loss(nn.functional.log_softmax(x, -1), *arguments), x)


MODULES: dict[str, tuple[Any, ...]] = {
    "SoftMarginLoss": (A, SIGNS),
    "HingeEmbeddingLoss": (A, SIGNS),
    "MarginRankingLoss": (A, B, SIGNS),
    "CosineEmbeddingLoss": (A, B, ROW),
    "MultiMarginLoss": (A, LABELS),
    "MultiLabelMarginLoss": (A, SETS),
    "MultiLabelSoftMarginLoss": (A, SOFT),
    "TripletMarginLoss": (A, B, C),
    "TripletMarginWithDistanceLoss": (A, B, C),
    "KLDivLoss": (LOGARITHMS, CHANCES),
    "PoissonNLLLoss": (A, COUNTS),
    "GaussianNLLLoss": (A, B, SOFT + 0.1),
    "CTCLoss": (np.log(np.full((4, 1, 3), 1 / 3)), np.array([[1, 2]]), np.array([4]), np.array([2])),
}


@pytest.mark.parametrize(("name", "reduction"), [*itertools.product(MODULES, ["mean", "sum", "none"])])
def test_modules(torch: Any, name: str, reduction: str) -> None:
    arrays = MODULES[name]
    ours = getattr(nn, name)(reduction=reduction)(*[ag.from_numpy(np.array(a)) for a in arrays])
    theirs = getattr(torch.nn, name)(reduction=reduction)(*[torch.from_numpy(np.array(a)) for a in arrays])
    assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="reduction must be one of"):
        getattr(nn, name)(reduction="median")


ONES, INTEGERS = ag.ones(2, 3), ag.tensor([0, 1])
WRONG: dict[str, tuple[Any, Any]] = {
    "shapes": (lambda F: F.soft_margin_loss(ONES, ONES[0]), ValueError),
    "hinge": (lambda F: F.hinge_embedding_loss(ONES, ONES[0]), ValueError),
    "ranking": (lambda F: F.margin_ranking_loss(ONES, ONES, ONES[0]), ValueError),
    "power": (lambda F: F.multi_margin_loss(ONES, INTEGERS, p=3), ValueError),
    "class": (lambda F: F.multi_margin_loss(ONES, INTEGERS + 2), IndexError),
    "floats": (lambda F: F.multi_margin_loss(ONES, ONES[:, 0]), TypeError),
    "weights": (lambda F: F.multi_margin_loss(ONES, INTEGERS, weight=ag.ones(2)), ValueError),
    "rows": (lambda F: F.multi_margin_loss(ONES, INTEGERS[:1]), ValueError),
    "sets": (lambda F: F.multilabel_margin_loss(ONES, INTEGERS), ValueError),
    "cosine": (lambda F: F.cosine_embedding_loss(ONES, ONES, ONES), ValueError),
    "margin": (lambda F: F.triplet_margin_loss(ONES, ONES, ONES, margin=0.0), ValueError),
    "triplet": (lambda F: F.triplet_margin_loss(ONES, ONES[0], ONES), ValueError),
    "kl": (lambda F: F.kl_div(ONES, ONES[0]), ValueError),
    "poisson": (lambda F: F.poisson_nll_loss(ONES, ONES[0]), ValueError),
    "variance": (lambda F: F.gaussian_nll_loss(ONES, ONES, -ONES), ValueError),
    "variances": (lambda F: F.gaussian_nll_loss(ONES, ONES, ag.ones(3)), ValueError),
    "weight of squares": (lambda F: F.mse_loss(ONES, ONES, weight=ag.ones(3)), ValueError),
    "ctc lengths": (lambda F: F.ctc_loss(ag.ones(2, 1, 3), INTEGERS[None], ag.tensor([3]), ag.tensor([1])), ValueError),
    "ctc blank": (
        lambda F: F.ctc_loss(ag.ones(2, 1, 3), INTEGERS[None], ag.tensor([2]), ag.tensor([1]), blank=3),
        ValueError,
    ),
    "ctc targets": (
        lambda F: F.ctc_loss(ag.ones(2, 1, 3), INTEGERS[None] + 5, ag.tensor([2]), ag.tensor([1])),
        ValueError,
    ),
}


@pytest.mark.parametrize("attempt", WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused(attempt: tuple[Any, Any]) -> None:
    function, error = attempt
    with pytest.raises(error, match=r"\w+_(loss|div): "):
        function(nn.functional)
