"""Transforms against torch.func, at first and higher order."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import func

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def scalar(library, x, w):
    return library.tanh(w @ x).sum() ** 2


def vector(library, x, w):
    return library.tanh(w @ x) * x.sum()


@pytest.fixture
def operands():
    random = np.random.default_rng(0)
    arrays = random.standard_normal(3), random.standard_normal((4, 3))
    return tuple(ag.tensor(a) for a in arrays), tuple(torch.tensor(a) for a in arrays)


def agree(ours, theirs):
    if isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b)
        return
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def partial(function, library):
    return lambda *arguments: function(library, *arguments)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
@pytest.mark.parametrize("transform", ["grad", "hessian"])
def test_transforms_of_scalar_functions(transform, argnums, operands):
    ours, theirs = operands
    expected = getattr(torch.func, transform)(partial(scalar, torch), argnums)(*theirs)
    agree(getattr(func, transform)(partial(scalar, ag), argnums)(*ours), expected)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
@pytest.mark.parametrize("transform", ["jacrev", "jacfwd"])
def test_jacobians(transform, argnums, operands):
    ours, theirs = operands
    expected = getattr(torch.func, transform)(partial(vector, torch), argnums)(*theirs)
    agree(getattr(func, transform)(partial(vector, ag), argnums)(*ours), expected)


def test_jvp_and_vjp(operands):
    ours, theirs = operands
    tangents = [np.full(a.shape, 0.5) for a in ours]
    agree(
        func.jvp(partial(vector, ag), ours, [ag.tensor(t) for t in tangents]),
        torch.func.jvp(partial(vector, torch), theirs, tuple(torch.tensor(t) for t in tangents)),
    )
    value, pull = func.vjp(partial(vector, ag), *ours)
    expected, torch_pull = torch.func.vjp(partial(vector, torch), *theirs)
    agree(value, expected)
    agree(pull(ag.tensor(np.arange(4.0))), torch_pull(torch.tensor(np.arange(4.0))))
    agree(pull(ag.tensor(np.ones(4))), torch_pull(torch.ones(4, dtype=torch.float64)))


def test_hvp_equals_the_hessian_times_the_vector(operands):
    ours, theirs = operands
    direction = np.array([0.3, -1.0, 2.0])
    _, (product,) = func.hvp(lambda x: scalar(ag, x, ours[1]), (ours[0],), (ag.tensor(direction),))
    matrix = torch.func.hessian(lambda x: scalar(torch, x, theirs[1]))(theirs[0])
    agree(product, matrix @ torch.tensor(direction))


def test_third_order_and_closures_over_other_variables():
    def inner(x):
        return func.grad(lambda y: x * y**3)(x)

    # inner(x) = 3 x³, so its derivative is 9 x².
    assert func.grad(inner)(ag.tensor(2.0, dtype=ag.float64)).item() == pytest.approx(36.0)
    third = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert third(ag.tensor(2.0)).item() == pytest.approx(48.0)


def test_result_stays_in_the_graph_of_tensors_that_require_gradients():
    x = ag.tensor(3.0, requires_grad=True)
    func.grad(lambda y: y**3)(x).backward()
    assert x.grad.item() == pytest.approx(18.0)


def test_trees_and_aux():
    parameters = {"w": ag.tensor([1.0, 2.0]), "b": [ag.tensor(0.5)]}

    def loss(p, x):
        out = (p["w"] * x).sum() + p["b"][0]
        return out**2, out

    gradient, aux = func.grad(loss, has_aux=True)(parameters, ag.tensor([1.0, 1.0]))
    assert aux.item() == pytest.approx(3.5)
    assert gradient["w"].tolist() == [7.0, 7.0]
    assert gradient["b"][0].item() == 7.0


def test_bad_arguments_say_what_is_wrong():
    x = ag.ones(2)
    with pytest.raises(ag.GraphError, match="one element"):
        func.grad(lambda t: t)(x)
    with pytest.raises(ValueError, match="argnums"):
        func.grad(lambda t: t.sum(), argnums=1)(x)
    with pytest.raises(TypeError, match="floating"):
        func.grad(lambda t: t.sum())(ag.tensor([1, 2]))
    with pytest.raises(ValueError, match="tangents"):
        func.jvp(lambda t: t, (x,), (ag.ones(3),))
    with pytest.raises(TypeError, match="pair"):
        func.grad(lambda t: t.sum(), has_aux=True)(x)
