"""Views and in-place changes: rows 39 to 44, each test named after its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.leaves import leaf


def test_semantics_39_reshape_and_transpose_are_views() -> None:
    x = ag.tensor(np.arange(6.0).reshape(2, 3))
    for view in (x.reshape(3, 2), x.T, x.view(6), x[1:], x[1, 2], x.unsqueeze(0), x.expand(4, 2, 3)):
        assert np.shares_memory(view.numpy(), x.numpy())
    x.reshape(6)[0] = 42
    assert x[0, 0].item() == 42


def test_semantics_39_writing_through_a_view_counts_as_a_change_of_its_base() -> None:
    for write in (lambda v: v.zero_(), lambda v: v.add_(1), lambda v: v.__setitem__(0, 5.0), lambda v: v.copy_(3.0)):
        base = ag.tensor([1.0, 2.0, 3.0])
        view = base[1:]
        before = base.version
        write(view)
        assert base.version == view.version == before + 1
        x = leaf([1.0, 1.0, 1.0], "float32")
        product = x * base  # saves base
        write(view)
        with pytest.raises(ag.InPlaceError, match="'mul' saved"):
            product.sum().backward()


def test_semantics_40_writing_through_one_view_is_noticed_through_another() -> None:
    for recording in (True, False):
        x = leaf([1.0, 2.0])
        base = x * 1.0
        first, second = base[:1], base[:1]
        product = second * second  # saves the old value
        with ag.set_grad_enabled(recording):
            first.mul_(3.0)
        with pytest.raises(ag.InPlaceError):
            product.backward()


@pytest.mark.parametrize("take", [lambda t: t[:1], lambda t: t[0], lambda t: t.reshape(2, 1)[0], lambda t: t.T[:1]])
def test_semantics_40_a_view_follows_its_base_through_recorded_changes(take: Any) -> None:
    x = leaf([2.0, 3.0])
    base = x * 1.0
    view = take(base)
    base.mul_(3.0)
    assert view.reshape(()).item() == 6.0
    view.sum().backward()
    assert x.grad.tolist() == [3.0, 0.0]


def test_semantics_40_writing_through_a_view_reaches_its_base_and_its_other_views() -> None:
    x, w = leaf([2.0, 3.0]), leaf(5.0)
    base = x * 1.0
    first, second = base[:1], base.reshape(2, 1)
    first.mul_(w)
    assert base.tolist() == [10.0, 3.0]
    (second * ag.tensor([[1.0], [10.0]], dtype="float64")).sum().backward(retain_graph=True)
    assert x.grad.tolist() == [5.0, 10.0]
    assert w.grad.item() == 2.0
    x.grad = w.grad = None
    base.sum().backward()
    assert x.grad.tolist() == [5.0, 1.0]
    assert w.grad.item() == 2.0


def test_semantics_40_a_buffer_may_be_read_and_written_in_turn() -> None:
    x = leaf(2.0)
    buffer = ag.zeros(4, dtype="float64")
    buffer[0] = x
    for step in range(3):
        buffer[step + 1] = buffer[step] + x
    buffer[3].backward()
    assert buffer.tolist() == [2.0, 4.0, 6.0, 8.0]
    assert x.grad.item() == 4.0


def test_semantics_41_a_leaf_that_requires_gradients_is_changed_in_place_only_without_recording() -> None:
    x = leaf([1.0, 2.0])
    changes = (
        lambda: x.add_(1),
        lambda: x.__setitem__(0, 1.0),
        lambda: x.zero_(),
        lambda: x.copy_(0.0),
        lambda: x.fill_(0.0),
    )
    for change in changes:
        with pytest.raises(ag.GraphError, match="leaf"):
            change()
    with pytest.raises(ag.GraphError, match="leaf"):
        x += 1
    assert x.tolist() == [1.0, 2.0]
    before = x.version
    with ag.no_grad():
        for change in changes:
            change()
    assert x.version == before + len(changes)
    assert x.requires_grad
    assert x.is_leaf


def test_semantics_42_changing_a_saved_value_raises_and_names_the_operation() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2.0
    z = y.exp()
    with ag.no_grad():
        z.add_(1.0)  # exp saves its result
    with pytest.raises(ag.InPlaceError, match=r"'exp' saved for backward \(its result"):
        z.sum().backward()


def test_semantics_42_changing_what_was_not_saved_is_fine() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2.0
    z = y + 1.0  # addition saves nothing
    with ag.no_grad():
        y.zero_()
        z.zero_()
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_semantics_42_a_recorded_in_place_change_gives_the_right_gradient() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2.0
    y.mul_(x)
    y += x
    y[0] = 5.0
    y.sum().backward()
    assert y.tolist() == [5.0, 10.0]
    assert x.grad.tolist() == [0.0, 9.0]  # of 2 x^2 + x, where it was not overwritten


def test_semantics_43_the_constructor_copies_and_from_numpy_shares() -> None:
    array = np.ones(3)
    copied, shared = ag.Tensor(array), ag.from_numpy(array)
    array[0] = 9
    assert copied.tolist() == [1.0, 1.0, 1.0]
    assert shared.tolist() == [9.0, 1.0, 1.0]
    with pytest.raises(ag.GraphError, match=r"detach\(\)\.numpy\(\)"):
        leaf([1.0]).numpy()


def test_semantics_44_detach_and_data_share_memory_and_version() -> None:
    for outside in (lambda y: y.detach(), lambda y: y.data):
        x = leaf([1.0, 2.0])
        y = x * 2.0
        z = y * y
        aside = outside(y)
        assert not aside.requires_grad
        assert np.shares_memory(aside.numpy(), y.detach().numpy())
        aside.zero_()
        assert y.tolist() == [0.0, 0.0]
        with pytest.raises(ag.InPlaceError):
            z.sum().backward()
