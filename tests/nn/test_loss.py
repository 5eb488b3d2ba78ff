"""Losses against PyTorch, over every option, and at their edges."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import functional

REDUCTIONS = ("none", "mean", "sum")


def agree(torch: Any, name: str, arrays: list[np.ndarray], options: dict[str, Any], differentiable: int = 1) -> None:
    """Compare value and gradients of the first operands; arrays among the options become tensors."""

    def run(library: Any, module: Any) -> tuple[Any, list[Any]]:
        given = [
            library.tensor(array, requires_grad=True) if index < differentiable else library.tensor(array)
            for index, array in enumerate(arrays)
        ]
        named = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        result = getattr(module, name)(**named)(*given)
        result.sum().backward()
        return result, [tensor.grad for tensor in given[:differentiable]]

    result, gradients = run(ag, nn)
    expected, theirs = run(torch, torch.nn)
    np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert result.shape == tuple(expected.shape)
    for mine, other in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MSELoss", {}),
        ("L1Loss", {}),
        ("SmoothL1Loss", {}),
        ("SmoothL1Loss", {"beta": 0.3}),
        ("SmoothL1Loss", {"beta": 0.0}),
        ("HuberLoss", {}),
        ("HuberLoss", {"delta": 0.4}),
        ("BCEWithLogitsLoss", {}),
        ("BCEWithLogitsLoss", {"weight": np.array([0.5, 2.0, 1.0]), "pos_weight": np.array([3.0, 1.0, 0.5])}),
    ],
    ids=str,
)
def test_elementwise_losses_are_pytorchs(
    torch: Any, random: np.random.Generator, name: str, options: dict[str, Any], reduction: str
) -> None:
    inputs = random.standard_normal((5, 3)) * 2
    targets = random.random((5, 3))
    inputs[0] = targets[0]  # no error at all
    inputs[1] = targets[1] + [1.0, -1.0, 0.3]  # where parabola and line meet
    agree(torch, name, [inputs, targets], {"reduction": reduction, **options}, differentiable=2)


@pytest.mark.torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 1.0])])
def test_binary_cross_entropy_is_pytorchs(
    torch: Any, random: np.random.Generator, reduction: str, weight: np.ndarray | None
) -> None:
    inputs, targets = random.uniform(0.01, 0.99, (2, 5, 3))
    agree(torch, "BCELoss", [inputs, targets], {"reduction": reduction, "weight": weight}, differentiable=2)


@pytest.mark.torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("weight", "ignore_index", "smoothing"),
    list(itertools.product([None, np.array([0.5, 2.0, 1.0, 0.0])], [-100, 1], [0.0, 0.3])),
)
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 2), (4,)], ids=str)
def test_semantics_91_cross_entropy_is_pytorchs(
    torch: Any,
    random: np.random.Generator,
    reduction: str,
    weight: np.ndarray | None,
    ignore_index: int,
    smoothing: float,
    shape: tuple[int, ...],
) -> None:
    logits = random.standard_normal(shape) * 3
    targets = random.integers(0, 4, (shape[0], *shape[2:]) if len(shape) > 1 else ())
    if targets.ndim:
        targets.flat[:3] = [1, 3, 0]  # the ignored class, one without weight, one with
    else:
        targets = np.array(2)
    options = {"reduction": reduction, "weight": weight, "ignore_index": ignore_index, "label_smoothing": smoothing}
    agree(torch, "CrossEntropyLoss", [logits, targets], options)
    if not smoothing:
        del options["label_smoothing"]
        agree(torch, "NLLLoss", [logits, targets], options)


@pytest.mark.torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("weight", "smoothing"), list(itertools.product([None, np.array([0.5, 2.0, 1.0])], [0.0, 0.2]))
)
def test_cross_entropy_with_probabilities_is_pytorchs(
    torch: Any, random: np.random.Generator, reduction: str, weight: np.ndarray | None, smoothing: float
) -> None:
    logits, raw = random.standard_normal((2, 5, 3))
    probabilities = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    options = {"reduction": reduction, "weight": weight, "label_smoothing": smoothing}
    agree(torch, "CrossEntropyLoss", [logits, probabilities], options, differentiable=2)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_semantics_89_all_targets_ignored(name: str) -> None:
    inputs = ag.randn(3, 4, requires_grad=True)
    targets = ag.full((3,), -100)
    mean = getattr(nn, name)()(inputs, targets)
    assert math.isnan(mean.item())
    mean.backward()
    assert inputs.grad.tolist() == [[0.0] * 4] * 3
    assert getattr(nn, name)(reduction="sum")(inputs, targets).item() == 0
    assert getattr(nn, name)(reduction="none")(inputs, targets).tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_semantics_90_targets_are_checked(name: str) -> None:
    loss, inputs = getattr(nn, name)(), ag.randn(2, 3)
    for wrong in (3, -1, -4):
        with pytest.raises(IndexError, match=rf"target {wrong} lies outside \[0, 3\) and is not -100"):
            loss(inputs, ag.tensor([0, wrong]))
    with pytest.raises(ValueError, match=r"\(2,\).* got \(3,\)"):
        loss(inputs, ag.tensor([0, 1, 2]))
    with pytest.raises(TypeError, match="integers"):
        loss(inputs, ag.tensor([True, False]))
    with pytest.raises(ValueError, match=r"weight must have shape \(3,\), got \(2,\)"):
        getattr(nn, name)(weight=ag.ones(2))(inputs, ag.tensor([0, 1]))
    for dtype in (np.uint8, np.int32, np.int64):
        assert loss(inputs, ag.tensor(np.array([0, 2], dtype))).item() == loss(inputs, ag.tensor([0, 2])).item()


def test_semantics_92_ignoring_is_about_targets_not_classes() -> None:
    logits = ag.randn(1, 3, requires_grad=True)
    nn.CrossEntropyLoss(ignore_index=0)(logits, ag.tensor([1])).backward()
    assert logits.grad[0, 0].item() > 0


def test_ignored_rows_may_hold_anything() -> None:
    values = np.log(
        np.array([[0.5, 0.5], [0.0, 1.0]]), where=[[True, True], [False, True]], out=np.full((2, 2), -np.inf)
    )
    x = ag.tensor(values, requires_grad=True)
    loss = functional.nll_loss(x, ag.tensor([0, 0]), ag.tensor([2.0, 1.0]), ignore_index=0, reduction="sum")
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.numpy().any()


def test_semantics_93_logits_of_zero_have_half_the_gradient() -> None:
    x = ag.tensor([0.0, 0.0], requires_grad=True)
    nn.BCEWithLogitsLoss(reduction="sum")(x, ag.tensor([0.0, 1.0])).backward()
    assert x.grad.tolist() == [0.5, -0.5]


def test_semantics_94_infinite_logits_that_are_right_cost_nothing() -> None:
    x = ag.tensor([-math.inf, math.inf, -1e4, 1e4])
    assert nn.BCEWithLogitsLoss(reduction="none")(x, ag.tensor([0.0, 1.0, 1.0, 0.0])).tolist() == [0.0, 0.0, 1e4, 1e4]


def test_semantics_95_logarithms_of_probabilities_are_limited() -> None:
    x = ag.tensor([0.0, 1.0, 0.0, 1.0, 0.5], requires_grad=True)
    loss = nn.BCELoss(reduction="none")(x, ag.tensor([1.0, 0.0, 0.0, 1.0, 1.0]))
    np.testing.assert_allclose(loss.detach().numpy(), [100, 100, 0, 0, math.log(2)], rtol=1e-6)
    loss.sum().backward()
    # The limited logarithm is flat; a right 0 or 1 has slope 1, as -log(1 - p) has at 0.
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 1, -1, -2], rtol=1e-6)
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"inputs must lie in \[0, 1\]"):
            functional.binary_cross_entropy(ag.tensor([wrong]), ag.tensor([1.0]))
    assert math.isnan(functional.binary_cross_entropy(ag.tensor([math.nan]), ag.tensor([1.0])).item())


@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"],
)
def test_semantics_96_shapes_that_would_broadcast_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: target shape \(4,\) must equal the .* \(4, 1\)"):
        getattr(functional, name)(ag.full((4, 1), 0.5), ag.full((4,), 0.5))


@pytest.mark.parametrize("name", [name for name in nn.__all__ if name.endswith("Loss")])
def test_unknown_reductions_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: reduction must be one of none, mean, sum, got 'average'"):
        getattr(nn, name)(reduction="average")


def test_bad_options_are_refused() -> None:
    x = ag.ones(2)
    with pytest.raises(ValueError, match="delta must be positive, got 0"):
        nn.HuberLoss(delta=0)(x, x)
    with pytest.raises(ValueError, match="beta must not be negative, got -1"):
        nn.SmoothL1Loss(beta=-1)(x, x)
    with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\], got 1.5"):
        nn.CrossEntropyLoss(label_smoothing=1.5)
    with pytest.raises(ValueError, match="class dimension"):
        functional.nll_loss(ag.tensor(1.0), ag.tensor(0))


def test_weights_are_buffers() -> None:
    loss = nn.BCEWithLogitsLoss(pos_weight=ag.ones(2))
    assert list(loss.state_dict()) == ["pos_weight"]
    assert list(nn.CrossEntropyLoss(ag.ones(3)).double().state_dict()) == ["weight"]
    assert list(loss.parameters()) == []


def test_softmax_with_cross_entropy_has_the_gradient_p_minus_target(random: np.random.Generator) -> None:
    values = random.standard_normal((1, 4))
    logits = ag.tensor(values, requires_grad=True)
    nn.CrossEntropyLoss()(logits, ag.tensor([2])).backward()
    expected = np.exp(values) / np.exp(values).sum()
    expected[0, 2] -= 1
    np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-12)
