"""Gradient clipping, and parameters as one vector."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import nn.utils


def with_gradient(*gradients: Any, dtype: Any = np.float64) -> list[nn.Parameter]:
    parameters = []
    for gradient in gradients:
        array = np.asarray(gradient, dtype)
        parameter = nn.Parameter(ag.zeros(*array.shape, dtype=dtype))
        parameter.grad = ag.tensor(array)
        parameters.append(parameter)
    return parameters


@pytest.mark.torch
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 100.0])
def test_clipping_by_norm_is_pytorchs(
    torch: Any, random: np.random.Generator, norm_type: float, max_norm: float
) -> None:
    arrays = [random.standard_normal(shape) for shape in ((3, 4), (4,), ())]
    own = with_gradient(*arrays)
    theirs = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in arrays]
    for parameter, array in zip(theirs, arrays, strict=True):
        parameter.grad = torch.tensor(array)
    norm = nn.utils.clip_grad_norm_(own, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert norm.item() == pytest.approx(expected.item(), rel=1e-12)
    for mine, other in zip(own, theirs, strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-12)
    nn.utils.clip_grad_value_(own, 0.05)
    torch.nn.utils.clip_grad_value_(theirs, 0.05)
    for mine, other in zip(own, theirs, strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def test_semantics_117_generators_are_read_once_and_empty_ones_refused() -> None:
    net = nn.Linear(2, 2)
    net(ag.ones(1, 2)).sum().backward()
    parameters = net.parameters()
    assert nn.utils.clip_grad_norm_(parameters, 0.1).item() > 0.1
    assert nn.utils.get_total_norm([p.grad for p in net.parameters()]).item() == pytest.approx(0.1, rel=1e-4)
    for clip in (nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_):
        with pytest.raises(ValueError, match="no parameters; a generator such as"):
            clip(parameters, 0.1)
        with pytest.raises(TypeError, match="expected tensors, got int"):
            clip([3], 0.1)  # type: ignore[list-item]


def test_semantics_118_the_norm_before_clipping_is_returned_and_cannot_overflow() -> None:
    parameters = with_gradient([3e19, 4e19], dtype=np.float32)
    norm = nn.utils.clip_grad_norm_(parameters, 1.0)
    assert norm.dtype == ag.float64
    assert norm.item() == pytest.approx(5e19, rel=1e-6)
    np.testing.assert_allclose(parameters[0].grad.numpy(), [0.6, 0.8], rtol=1e-6)
    assert parameters[0].grad.dtype == ag.float32
    assert nn.utils.get_total_norm(ag.tensor(np.array([3e200, 4e200]))).item() == pytest.approx(5e200)
    # A single tensor serves as well, and what has no gradient is left out.
    single = with_gradient([3.0, 4.0])[0]
    assert nn.utils.clip_grad_norm_(single, 10.0).item() == 5.0
    assert single.grad.tolist() == [3.0, 4.0]
    assert nn.utils.clip_grad_norm_([nn.Parameter(ag.ones(2))], 1.0).item() == 0.0


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_semantics_118_a_norm_that_is_not_finite_scales_nothing_silently(bad: float) -> None:
    net = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1, bias=False))
    for parameter in net.parameters():
        parameter.grad = ag.ones_like(parameter)
    net[0].bias.grad = ag.tensor([bad])
    before = [parameter.grad.tolist() for parameter in net.parameters()]
    with pytest.raises(ValueError, match=r"norm is (inf|nan), because of parameter 1 'bias' of shape \(1,\)"):
        nn.utils.clip_grad_norm_(net.parameters(), 1.0, error_if_nonfinite=True)
    with pytest.warns(UserWarning, match=r"because of parameter 1 'bias' of shape \(1,\); gradients are left unscaled"):
        norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    assert not math.isfinite(norm.item())
    assert str([parameter.grad.tolist() for parameter in net.parameters()]) == str(before)
    with pytest.raises(ValueError, match=r"the total norm of order 2\.0 is"):
        nn.utils.get_total_norm([p.grad for p in net.parameters()], error_if_nonfinite=True)


@pytest.mark.parametrize("limit", [-1.0, math.nan])
def test_semantics_118_negative_limits_are_refused(limit: float) -> None:
    parameters = with_gradient([3.0, 4.0])
    with pytest.raises(ValueError, match="max_norm must not be negative"):
        nn.utils.clip_grad_norm_(parameters, limit)
    with pytest.raises(ValueError, match="clip_value must not be negative"):
        nn.utils.clip_grad_value_(parameters, limit)
    with pytest.raises(ValueError, match="norm_type must be positive"):
        nn.utils.clip_grad_norm_(parameters, 1.0, norm_type=0)
    assert parameters[0].grad.tolist() == [3.0, 4.0]


def test_semantics_119_shared_parameters_and_shared_gradients_are_scaled_once() -> None:
    parameter = with_gradient([3.0, 4.0])[0]
    assert nn.utils.clip_grad_norm_([parameter, parameter], 1.0).item() == 5.0
    np.testing.assert_allclose(parameter.grad.numpy(), [0.6, 0.8], rtol=1e-6)
    first, second = with_gradient([3.0, 4.0], [0.0, 0.0])
    second.grad = first.grad
    assert nn.utils.clip_grad_norm_([first, second], 1.0).item() == 5.0
    np.testing.assert_allclose(first.grad.numpy(), [0.6, 0.8], rtol=1e-6)
    first, second = with_gradient([3.0, 4.0], [0.0, 0.0])
    second.grad = first.grad.detach()
    nn.utils.clip_grad_norm_([first, second], 1.0)
    np.testing.assert_allclose(first.grad.numpy(), [0.6, 0.8], rtol=1e-6)


def test_gradients_that_were_recorded_are_clipped_in_place() -> None:
    x = nn.Parameter(ag.tensor([3.0, 4.0]))
    (x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    nn.utils.clip_grad_norm_([x], 1.0)
    np.testing.assert_allclose(x.grad.detach().numpy(), [0.6, 0.8], rtol=1e-6)


def test_clipping_values_keeps_nan() -> None:
    parameter = with_gradient([-3.0, 0.2, math.nan, math.inf])[0]
    nn.utils.clip_grad_value_(parameter, 0.5)
    np.testing.assert_array_equal(parameter.grad.numpy(), [-0.5, 0.2, math.nan, 0.5])


def test_parameters_as_a_vector_and_back() -> None:
    net = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(net.parameters())
    expected = [*net.weight.detach().numpy().ravel(), *net.bias.detach().numpy()]
    assert vector.tolist() == [float(value) for value in expected]
    vector.square().sum().backward()
    np.testing.assert_allclose(net.weight.grad.numpy(), 2 * net.weight.detach().numpy(), rtol=1e-6)
    nn.utils.vector_to_parameters(ag.arange(9.0), net.parameters())
    assert net.weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert net.bias.tolist() == [6.0, 7.0, 8.0]
    assert net.weight.requires_grad
    for wrong in (8, 10):
        with pytest.raises(ValueError, match=rf"expected shape \(9,\), got \({wrong},\)"):
            nn.utils.vector_to_parameters(ag.zeros(wrong), net.parameters())
    assert net.bias.tolist() == [6.0, 7.0, 8.0]
    with pytest.raises(TypeError, match="expected a Tensor, got list"):
        nn.utils.vector_to_parameters([1.0], net.parameters())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no parameters"):
        nn.utils.parameters_to_vector([])
