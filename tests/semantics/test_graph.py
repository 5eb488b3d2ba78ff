"""The life of a graph and of its tensors: rows 45 to 52 and 58 to 61, each test named after its row."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.op import REGISTRY
from tests.leaves import leaf

# --- the life of a graph ----------------------------------------------------------------------------------------------


def test_semantics_45_a_second_backward_needs_retain_graph() -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    first = x.grad.tolist()
    x.grad = None
    y.backward()
    assert x.grad.tolist() == first
    with pytest.raises(ag.GraphError, match="second time"):
        y.backward()


def test_semantics_45_losses_with_a_common_trunk_fail_where_the_second_reaches_a_freed_node() -> None:
    x = leaf([1.0, 2.0])
    trunk = x * x
    head, other = (trunk * 2).sum(), (trunk * trunk).sum()
    head.backward()
    with pytest.raises(ag.GraphError, match="'mul'"):
        other.backward()
    apart = (x * 3).sum()
    apart.backward()  # what shares no freed node is not concerned


def test_semantics_46_an_exception_inside_backward_leaves_the_engine_as_it_was() -> None:
    def fail(gradient: ag.Tensor) -> None:
        raise KeyError("from the hook")

    x = leaf([1.0, 2.0])
    y = x * 2.0
    handle = y.register_hook(fail)
    for create_graph in (False, True):
        with ag.set_grad_enabled(True), pytest.raises(KeyError, match="from the hook"):
            (y * 3).sum().backward(retain_graph=True, create_graph=create_graph)
        assert ag.is_grad_enabled()
    with ag.no_grad():
        with pytest.raises(KeyError):
            (ag.grad(y, x, ag.ones(2, dtype="float64")))
        assert not ag.is_grad_enabled()
    handle.remove()
    assert x.grad is None
    (y * 3).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_semantics_47_a_graph_is_freed_by_reference_counting_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones((3, 3)))
        for function in (
            lambda x: x.exp(),
            lambda x: x.softmax(1),
            lambda x: (x @ x).relu().sum(),
            lambda x: x[0].max(0).values,
            lambda x: ag.cat([x, x]).reshape(-1),
            lambda x: (x * 2).mul_(x),
            lambda x: ag.grad((x * x * x).sum(), x, create_graph=True)[0],
        ):
            result = function(x)
            node = weakref.ref(result.grad_fn)
            result.sum().backward()
            tensor = weakref.ref(result)
            del result
            assert tensor() is None
            assert node() is None
        x_reference = weakref.ref(x)
        x.register_hook(lambda gradient: None)
        x.register_post_accumulate_grad_hook(lambda tensor: None)
        del x
        assert x_reference() is None
    finally:
        gc.enable()


def test_semantics_48_what_backward_refuses() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ag.GraphError, match="needs its gradient argument"):
        (x * 2).backward()
    for wrong in (ag.ones(1), ag.ones(2, 1), ag.ones(()), ag.ones(3)):
        with pytest.raises(ValueError, match="shape"):
            (x * 2).backward(wrong)
    with pytest.raises(ag.GraphError, match="does not require gradients"):
        ag.ones(()).backward()
    with ag.no_grad():
        y = (x * 2).sum()
    with pytest.raises(ag.GraphError, match="does not require gradients"):
        y.backward()


def test_semantics_49_an_unused_input_is_an_error_unless_allowed() -> None:
    x, unused = leaf([1.0, 2.0]), leaf(np.ones((2, 3)))
    y = (x * x).sum()
    with pytest.raises(ag.GraphError, match=r"input 1, of shape \(2, 3\), was not used"):
        ag.grad(y, [x, unused], retain_graph=True)
    assert ag.grad(y, [x, unused], retain_graph=True, allow_unused=True)[1] is None
    zeros = ag.grad(y, [x, unused], materialize_grads=True)[1]
    assert zeros.tolist() == [[0.0] * 3] * 2
    with pytest.raises(ag.GraphError, match="input 0 does not require"):
        ag.grad((x * x).sum(), [ag.ones(2)])


def test_semantics_50_operands_without_a_gradient_cost_no_product(monkeypatch: pytest.MonkeyPatch) -> None:
    products = []
    op = REGISTRY["matmul"]
    forward = op.forward
    monkeypatch.setattr(op, "forward", lambda *arrays: products.append(1) or forward(*arrays))
    first, second = leaf(np.ones((3, 4))), leaf(np.ones((4, 2)))
    for x, y, count in ((first, second, 3), (first, second.detach(), 2), (first.detach(), second, 2)):
        products.clear()
        (x @ y).sum().backward()
        assert len(products) == count
    products.clear()
    out = (first @ second).sum()
    ag.grad(out, first)
    assert len(products) == 2


def test_semantics_50_tensors_that_were_not_asked_for_keep_no_gradient() -> None:
    x, y = leaf([1.0]), leaf([2.0])
    product = x * y
    ag.backward(product, inputs=[x])
    assert x.grad.item() == 2.0
    assert y.grad is None


def test_semantics_51_hooks_run_in_order_once_on_the_total_and_may_replace_it() -> None:
    seen: list[tuple[str, list[float]]] = []
    x = leaf([1.0, 2.0])
    y = x * 1.0
    y.register_hook(lambda g: seen.append(("first", g.tolist())))
    handle = y.register_hook(lambda g: seen.append(("second", g.tolist())) or g * 10)
    y.register_hook(lambda g: seen.append(("third", g.tolist())))
    x.register_hook(lambda g: seen.append(("leaf", g.tolist())) or -g)
    (y * 2 + y * 3).sum().backward(retain_graph=True)
    assert seen == [
        ("first", [5.0, 5.0]),
        ("second", [5.0, 5.0]),
        ("third", [50.0, 50.0]),
        ("leaf", [50.0, 50.0]),
    ]
    assert x.grad.tolist() == [-50.0, -50.0]
    handle.remove()
    handle.remove()
    seen.clear()
    (y * 2).sum().backward()
    assert [name for name, _ in seen] == ["first", "third", "leaf"]


def test_semantics_51_hooks_do_not_run_where_no_gradient_arrives() -> None:
    x, aside = leaf([1.0]), leaf([1.0])
    aside.register_hook(lambda g: pytest.fail("nothing arrives here"))
    x.sum().backward()


def test_semantics_51_a_gradient_that_a_hook_keeps_does_not_change_later() -> None:
    kept = []
    x = leaf([1.0, 2.0])
    a = x * 1.0
    more = (a * 5.0).sum()
    view = a.reshape(2, 1)
    view.register_hook(kept.append)
    x.register_hook(kept.append)
    ((view * 2.0).sum() + more).backward(retain_graph=True)
    (a * 5.0).sum().backward()
    assert [gradient.tolist() for gradient in kept[:2]] == [[[2.0], [2.0]], [7.0, 7.0]]
    assert x.grad.tolist() == [12.0, 12.0]


def test_semantics_51_what_hooks_may_not_return() -> None:
    for returned, error in (
        (lambda g: g.double(), ValueError),
        (lambda g: g[:1], ValueError),
        (lambda g: g.numpy(), TypeError),
        (lambda g: 3.0, TypeError),
    ):
        x = leaf([1.0, 2.0], "float32")
        x.register_hook(returned)
        with pytest.raises(error, match="hook must"):
            (x * 2).sum().backward()
    with pytest.raises(TypeError, match="callable"):
        leaf([1.0]).register_hook(3)
    with pytest.raises(ag.GraphError):
        ag.ones(2).register_hook(print)


def test_semantics_52_retain_grad_gives_the_total_gradient_once() -> None:
    x = leaf([1.0, 2.0])
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    (y * y + y).sum().backward()
    assert y.grad.tolist() == [7.0, 13.0]
    assert x.grad.tolist() == [21.0, 39.0]
    x.retain_grad()  # nothing to do for a leaf
    z = x * 2
    with pytest.warns(UserWarning, match="retain_grad"):
        assert z.grad is None
    with pytest.raises(ag.GraphError):
        ag.ones(2).retain_grad()


# --- copies, identity, truth ------------------------------------------------------------------------------------------


def test_semantics_58_leaves_pickle_and_copy_with_their_flag() -> None:
    x = leaf([[1.0, 2.0]], "float32")
    x.grad = ag.ones(1, 2)
    for copied in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert copied.requires_grad
        assert copied.is_leaf
        assert copied.dtype == ag.float32
        assert copied.tolist() == x.tolist()
        assert not np.shares_memory(copied.detach().numpy(), x.detach().numpy())
    copied = copy.deepcopy(x)
    assert copied.grad.tolist() == [[1.0, 1.0]]
    assert not np.shares_memory(copied.grad.numpy(), x.grad.numpy())


def test_semantics_58_a_computed_tensor_copies_without_its_history_and_does_not_pickle() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    copied = copy.deepcopy({"cached": y})["cached"]
    assert not copied.requires_grad
    assert copied.tolist() == y.tolist()
    with pytest.raises(ag.GraphError, match="detach"):
        pickle.dumps(y)


def test_semantics_59_deepcopy_keeps_tied_tensors_tied() -> None:
    shared = leaf([1.0])
    first, second = copy.deepcopy([shared, shared])
    assert first is second


def test_semantics_59_a_deepcopy_drops_hooks() -> None:
    x = leaf([1.0])
    x.register_hook(lambda g: g * 100)
    copied = copy.deepcopy(x)
    (copied * 2).backward()
    assert copied.grad.item() == 2.0


def test_semantics_60_equality_is_elementwise_and_hashing_by_identity() -> None:
    x, y = ag.tensor([1.0, 2.0]), ag.tensor([1.0, 3.0])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert hash(x) != hash(ag.tensor([1.0, 2.0]))
    assert {x: 1, y: 2}[x] == 1
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x == y)
    with pytest.raises(ValueError, match="ambiguous"):
        assert y in [x]


def test_semantics_61_control_flow_on_0d_tensors() -> None:
    x = leaf(2.0)
    assert (x > 1) is not True  # a tensor
    assert bool(x > 1) is True
    steps = 0
    while x.detach() * 2**steps < 100:
        steps += 1
    assert steps == 6
    y = x * x if x > 0 else -x
    y.backward()
    assert x.grad.item() == 4.0
    assert [1, 2, 3][ag.tensor(1)] == 2
    assert list(range(ag.tensor(3))) == [0, 1, 2]
    assert not ag.tensor(0.0)
    assert float(ag.tensor(1.5)) == 1.5
    assert int(ag.tensor(1.5)) == 1
    with pytest.raises(TypeError):
        range(ag.tensor(1.0))
