"""Hooks of modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn


def test_forward_hooks_see_and_replace() -> None:
    seen: list[Any] = []
    layer = nn.Identity()
    first = layer.register_forward_pre_hook(lambda module, arguments: seen.append(("pre", module, arguments)))
    layer.register_forward_pre_hook(lambda module, arguments: arguments[0] + 1)
    layer.register_forward_hook(lambda module, arguments, output: seen.append(("post", arguments, output)))
    layer.register_forward_hook(lambda module, arguments, output: output * 10)
    assert layer(1) == 20
    assert seen == [("pre", layer, (1,)), ("post", (2,), 2)]
    first.remove()
    first.remove()
    seen.clear()
    assert layer(1) == 20
    assert len(seen) == 1


def test_hooks_run_in_order_and_can_be_prepended() -> None:
    order: list[int] = []
    layer = nn.Identity()
    layer.register_forward_hook(lambda *_: order.append(1))
    with layer.register_forward_hook(lambda *_: order.append(2), prepend=True):
        layer(0)
    layer(0)
    assert order == [2, 1, 1]


def test_hooks_with_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, input: float, *, factor: float = 1) -> float:
            return input * factor

    layer = Scaled()
    layer.register_forward_pre_hook(
        lambda m, arguments, named: (arguments, {"factor": named["factor"] + 1}), with_kwargs=True
    )
    layer.register_forward_hook(lambda m, arguments, named, output: (output, named), with_kwargs=True)
    assert layer(2, factor=2) == (6, {"factor": 3})
    layer.register_forward_pre_hook(lambda *_: 3, with_kwargs=True)
    with pytest.raises(TypeError, match="must return None or a pair"):
        layer(2, factor=2)
    with pytest.raises(TypeError, match="a hook must be callable, got int"):
        layer.register_forward_hook(3)  # type: ignore[arg-type]


class Two(nn.Module):
    def forward(self, first: Any, second: Any) -> Any:
        return first * second, first + 3 * second


def gradients(library: Any, module: Any, calls: list[Any], replace: bool) -> list[Any]:
    """Backward through a module with two inputs and two outputs, with hooks, in either library."""

    def before(_: Any, grad_output: Any) -> Any:
        calls.append([None if g is None else g.tolist() for g in grad_output])
        return tuple(2 * g for g in grad_output) if replace else None

    def after(_: Any, grad_input: Any, grad_output: Any) -> Any:
        calls.append([[None if g is None else g.tolist() for g in part] for part in (grad_input, grad_output)])
        return tuple(g + 1 for g in grad_input) if replace else None

    handles = [module.register_full_backward_pre_hook(before), module.register_full_backward_hook(after)]
    first = library.tensor([1.0, 2.0], requires_grad=True)
    second = library.tensor([3.0, 5.0], requires_grad=True)
    product, total = module(first * 1, second * 1)
    (product * 2 + total).sum().backward()
    for handle in handles:
        handle.remove()
    return [first.grad.tolist(), second.grad.tolist()]


@pytest.mark.torch
@pytest.mark.parametrize("replace", [False, True])
def test_backward_hooks_are_pytorchs(torch: Any, replace: bool) -> None:
    other = type("Two", (torch.nn.Module,), {"forward": Two.forward})()
    own_calls: list[Any] = []
    their_calls: list[Any] = []
    expected = gradients(torch, other, their_calls, replace)
    assert gradients(ag, Two(), own_calls, replace) == expected
    assert own_calls == their_calls
    assert len(own_calls) == 2


def test_backward_hook_of_a_layer() -> None:
    layer = nn.Linear(3, 2)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    inputs = ag.ones(4, 3, requires_grad=True)
    layer(inputs).sum().backward()
    ((grad_input,), (grad_output,)) = seen[0]
    np.testing.assert_allclose(grad_input.numpy(), np.ones((4, 2)) @ layer.weight.detach().numpy(), rtol=1e-6)
    assert grad_output.tolist() == np.ones((4, 2)).tolist()
    assert inputs.grad.tolist() == grad_input.tolist()
    # Without an input that needs gradients the hook runs once the outputs' gradients are known.
    seen.clear()
    layer(ag.ones(4, 3)).sum().backward()
    assert seen[0][0] == (None,)
    assert seen[0][1][0].shape == (4, 2)
    seen.clear()
    with ag.no_grad():
        layer(inputs)
    assert seen == []


def test_backward_hooks_leave_second_derivatives_right() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda *_: None)
    x = ag.tensor(np.array([0.3]), requires_grad=True)
    (first,) = ag.grad(layer(x).sum(), x, create_graph=True)
    (second,) = ag.grad(first.sum(), x)
    y = np.tanh(0.3)
    np.testing.assert_allclose(second.numpy(), [-2 * y * (1 - y * y)], rtol=1e-12)


def test_backward_hooks_are_checked() -> None:
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (ag.ones(3),))
    with pytest.raises(ValueError, match=r"must return for gradient 0 a tensor \(2,\), got shape \(3,\)"):
        layer(ag.ones(2, requires_grad=True)).sum().backward()
    strange = nn.Identity()
    strange.register_full_backward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="Identity returned dict"):
        strange({})
