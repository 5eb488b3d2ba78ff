"""Batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import nn.functional
import nn.utils

OPTIONS: list[dict[str, Any]] = [
    {},
    {"momentum": None},
    {"momentum": 0.7, "eps": 1e-2},
    {"affine": False},
    {"bias": False},
    {"track_running_stats": False},
]


def compare(own: nn.Module, other: Any) -> None:
    theirs = other.state_dict()
    for name, tensor in own.state_dict().items():
        np.testing.assert_allclose(tensor.numpy(), theirs[name].numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.torch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(6, 3), (2, 3), (4, 3, 5), (1, 3, 4)], ids=str)
def test_batch_norm_is_pytorchs_step_by_step(
    torch: Any, random: np.random.Generator, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    own, other = nn.BatchNorm1d(3, **options).double(), torch.nn.BatchNorm1d(3, **options).double()
    for parameter, theirs in zip(own.parameters(), other.parameters(), strict=True):
        values = random.standard_normal(3)
        nn.init.constant_(parameter, 0).detach().copy_(values)
        theirs.data = torch.tensor(values)
    for training in (True, True, False, True, False):
        own.train(training)
        other.train(training)
        inputs = random.standard_normal(shape) * 2 + 1
        cotangent = random.standard_normal(shape)
        x, y = ag.tensor(inputs, requires_grad=True), torch.tensor(inputs, requires_grad=True)
        own.zero_grad()
        other.zero_grad()
        result, expected = own(x), other(y)
        np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
        result.backward(ag.tensor(cotangent))
        expected.backward(torch.tensor(cotangent))
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-7, atol=1e-9)
        for parameter, theirs in zip(own.parameters(), other.parameters(), strict=True):
            np.testing.assert_allclose(parameter.grad.numpy(), theirs.grad.numpy(), rtol=1e-8, atol=1e-9)
        compare(own, other)


def test_semantics_78_one_value_a_channel_is_refused_in_training() -> None:
    norm = nn.BatchNorm1d(2)
    before = {name: tensor.tolist() for name, tensor in norm.state_dict().items()}
    with pytest.raises(ValueError, match="more than one value per channel"):
        norm(ag.ones(1, 2))
    assert {name: tensor.tolist() for name, tensor in norm.state_dict().items()} == before
    assert norm(ag.ones(1, 2, 3)).shape == (1, 2, 3)
    assert norm.eval()(ag.ones(1, 2)).shape == (1, 2)


def test_semantics_79_biased_variance_normalises_unbiased_is_kept(random: np.random.Generator) -> None:
    values = random.standard_normal((5, 2))
    norm = nn.BatchNorm1d(2, momentum=1.0, eps=0.0, affine=False).double()
    result = norm(ag.tensor(values)).numpy()
    np.testing.assert_allclose(result, (values - values.mean(0)) / values.std(0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var.numpy(), values.var(0, ddof=1), rtol=1e-12)


def test_semantics_80_momentum_weights_the_new_value_and_none_averages(random: np.random.Generator) -> None:
    batches = random.standard_normal((4, 6, 2))
    norm = nn.BatchNorm1d(2, momentum=None).double()
    for seen, batch in enumerate(batches, start=1):
        norm(ag.tensor(batch))
        np.testing.assert_allclose(norm.running_mean.numpy(), batches[:seen].mean((0, 1)), rtol=1e-12)
        np.testing.assert_allclose(norm.running_var.numpy(), batches[:seen].var(1, ddof=1).mean(0), rtol=1e-12)
        assert norm.num_batches_tracked.item() == seen
    smoothed = nn.BatchNorm1d(2, momentum=0.25).double()
    smoothed(ag.tensor(batches[0]))
    np.testing.assert_allclose(smoothed.running_mean.numpy(), 0.25 * batches[0].mean(0), rtol=1e-12)
    norm.reset_running_stats()
    assert norm.running_mean.tolist() == [0.0, 0.0]
    assert norm.running_var.tolist() == [1.0, 1.0]
    assert norm.num_batches_tracked.item() == 0


def test_semantics_81_without_running_statistics_the_batch_decides_in_evaluation_too(
    random: np.random.Generator,
) -> None:
    norm = nn.BatchNorm1d(2, track_running_stats=False).double().eval()
    values = random.standard_normal((5, 2))
    result = norm(ag.tensor(values)).detach().numpy()
    np.testing.assert_allclose(result.mean(0), [0, 0], atol=1e-12)
    assert list(norm.state_dict()) == ["weight", "bias"]


def test_semantics_82_a_frozen_normalisation_still_trains_its_affine_part(random: np.random.Generator) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    model.train()
    norm = model[1].eval()
    before = norm.running_mean.tolist()
    values = random.standard_normal((5, 2))
    model(ag.tensor(values)).square().sum().backward()
    assert norm.running_mean.tolist() == before
    assert norm.weight.grad.numpy().all()
    # In evaluation the gradient does not go through mean and variance: it is the affine map's own.
    x = ag.tensor(random.standard_normal((4, 3)), requires_grad=True)
    norm(x).sum().backward()
    scale = 1 / np.sqrt(1 + norm.eps)
    np.testing.assert_allclose(x.grad.numpy(), np.full((4, 3), scale), rtol=1e-12)


def test_semantics_83_statistics_move_once_a_forward_also_without_recording() -> None:
    norm = nn.BatchNorm1d(1, momentum=0.5)
    with ag.no_grad():
        norm(ag.tensor([[1.0], [3.0]]))
    assert norm.running_mean.item() == 1.0
    assert norm.num_batches_tracked.item() == 1
    y = norm(ag.tensor([[1.0], [3.0]]))
    y.sum().backward()
    assert norm.running_mean.item() == 1.5
    norm.eval()(ag.tensor([[1.0], [3.0]]))
    assert norm.running_mean.item() == 1.5
    assert norm.num_batches_tracked.item() == 2


@pytest.mark.parametrize("momentum", [0.1, None])
def test_semantics_68_an_empty_batch_changes_nothing(momentum: float | None) -> None:
    norm = nn.BatchNorm1d(2, momentum=momentum)
    x = ag.ones(0, 2, requires_grad=True)
    y = norm(x)
    assert y.shape == (0, 2)
    y.sum().backward()
    assert x.grad.shape == (0, 2)
    assert norm.weight.grad.tolist() == [0.0, 0.0]
    assert norm.running_mean.tolist() == [0.0, 0.0]
    assert norm.running_var.tolist() == [1.0, 1.0]
    assert norm.num_batches_tracked.item() == 0


def test_large_means_keep_their_precision() -> None:
    values = 1e4 + 0.1 * np.random.default_rng(0).standard_normal((64, 2))
    x = values.astype(np.float32)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    np.testing.assert_allclose(nn.BatchNorm1d(2)(ag.tensor(x)).detach().numpy(), expected, atol=1e-3)


def test_constant_columns_become_zero() -> None:
    assert nn.BatchNorm1d(2)(ag.full((4, 2), 3.7)).tolist() == [[0.0, 0.0]] * 4


def test_gradient_of_the_gradient(random: np.random.Generator) -> None:
    """Second derivatives against finite differences of the first."""
    norm = nn.BatchNorm1d(2).double()
    values, direction = random.standard_normal((2, 5, 2))

    def first(point: np.ndarray, create_graph: bool) -> Any:
        x = ag.tensor(point, requires_grad=True)
        (gradient,) = ag.grad((norm(x) ** 3).sum(), x, create_graph=create_graph)
        return x, gradient

    x, gradient = first(values, True)
    (second,) = ag.grad((gradient * ag.tensor(direction)).sum(), x)
    step = 1e-5
    difference = (first(values + step * direction, False)[1] - first(values - step * direction, False)[1]) / (2 * step)
    np.testing.assert_allclose(second.numpy(), difference.numpy(), rtol=1e-6, atol=1e-6)


def test_wrong_shapes_are_refused() -> None:
    norm = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match=r"BatchNorm1d: expected 2D or 3D input \(got 4D input\)"):
        norm(ag.ones(2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"expected 3 features in dimension 1, got shape \(2, 4\)"):
        norm(ag.ones(2, 4))
    with pytest.raises(ValueError, match="num_features must be at least 0, got -1"):
        nn.BatchNorm1d(-1)


def test_folding_into_the_linear_before(random: np.random.Generator) -> None:
    model = nn.MLP(2, [8, 8], 1, normalization=True).double()
    for _ in range(5):
        model(ag.tensor(random.standard_normal((32, 2)) * 3 + 1))
    with pytest.raises(ValueError, match="must be in evaluation mode"):
        nn.fuse_batch_norm(model)
    model.eval()
    state = model.state_dict()
    fused = nn.fuse_batch_norm(model)
    assert [type(layer).__name__ for layer in fused] == ["Linear", "Identity", "ReLU"] * 2 + ["Linear"]
    x = ag.tensor(random.standard_normal((16, 2)))
    np.testing.assert_allclose(fused(x).detach().numpy(), model(x).detach().numpy(), rtol=1e-9)
    assert all(tensor.tolist() == state[name].tolist() for name, tensor in model.state_dict().items())
    single = nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3, bias=False).eval(), nn.BatchNorm1d(3, affine=False).eval())
    assert single.bias.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="no running statistics"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(3, track_running_stats=False).eval())
    with pytest.raises(ValueError, match="3 outputs do not fit 4 normalised features"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(4).eval())
    with pytest.raises(ValueError, match="evaluation mode"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3), nn.BatchNorm1d(3))
