"""What a graph says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd_core as ag
from tests.leaves import leaf


def test_nodes_tell_their_operation_parents_and_scope() -> None:
    x = leaf([1.0, 2.0])
    with ag.scope("block"), ag.scope("inner"):
        y = x.exp()
    z = y + 1.0
    assert z.grad_fn.name == "add"
    assert z.grad_fn.next_functions[0][0] is y.grad_fn
    assert z.grad_fn.scope is None
    assert y.grad_fn.scope.path == "block.inner"
    assert repr(y.grad_fn) == "<exp node, output (2,) float64>"
    assert x.grad_fn is None
    assert x.is_leaf
    assert not y.is_leaf


def test_a_scope_closes_on_an_exception() -> None:
    with pytest.raises(KeyError), ag.scope("block"):
        raise KeyError
    assert (leaf(1.0) * 2).grad_fn.scope is None


def test_nothing_is_recorded_that_no_gradient_needs() -> None:
    x, constant = leaf([1.0, 2.0]), ag.ones(2, dtype="float64")
    assert (constant * 2).grad_fn is None
    node = (x * constant).grad_fn
    assert node.edges[1] is None
    with ag.no_grad():
        assert (x * 2).grad_fn is None
    assert_array_equal((x + constant).grad_fn.saved, ())


def test_post_accumulate_hooks_see_the_updated_leaf() -> None:
    x = leaf([1.0, 2.0])
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda tensor: seen.append((tensor is x, tensor.grad.tolist())))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert seen == [(True, [2.0, 2.0]), (True, [5.0, 5.0])]
    with handle:
        pass
    (x * 3).sum().backward()
    assert len(seen) == 2
    with pytest.raises(ag.GraphError):
        (x * 2).register_post_accumulate_grad_hook(print)


@pytest.mark.parametrize("name", ["linear", "layer_norm", "elementwise"])
def test_recorded_derivatives_of_a_fused_operation_are_partial_where_operands_share_a_history(name: str) -> None:
    """One parameter used by two layers, one after the other: by it alone, not through what it computed before."""
    random = np.random.default_rng(0)
    x, weight, bias = (random.standard_normal(shape) for shape in ((2, 3), (3, 3), (3,)))

    def loss(weight: ag.Tensor, bias: ag.Tensor) -> ag.Tensor:
        layer = {
            "linear": lambda x: ag.linear(x, weight, bias),
            "layer_norm": lambda x: ag.layer_norm(x, 3, bias, weight[0]),
            "elementwise": lambda x: x * bias + weight[0],
        }[name]
        return (layer(layer(ag.tensor(x)).tanh()) ** 3).sum()

    given = [ag.tensor(weight, requires_grad=True), ag.tensor(bias, requires_grad=True)]
    plain = ag.grad(loss(*given), given)
    recorded = ag.grad(loss(*given), given, create_graph=True)
    for one, other in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(one.numpy(), other.detach().numpy(), rtol=1e-10)
    assert ag.gradgradcheck(loss, tuple(given))


def test_a_computed_tensor_says_whether_it_retains_its_gradient_as_in_pytorch(torch: Any) -> None:
    for library in (ag, torch):
        x = library.ones(2, requires_grad=True)
        y = x * 2
        assert (x.retains_grad, y.retains_grad) == (False, False)
        x.retain_grad()
        y.retain_grad()
        assert (x.retains_grad, y.retains_grad) == (False, True)
        assert not library.ones(2).retains_grad
