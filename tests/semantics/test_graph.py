"""Accumulation, aliasing, in-place changes and the life of a graph: section 2B, each test named after its row."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.op import REGISTRY


def leaf(values: Any, dtype: str = "float64") -> ag.Tensor:
    return ag.tensor(values, dtype=dtype, requires_grad=True)


# --- accumulation -----------------------------------------------------------------------------------------------


def test_semantics_26_a_tensor_used_twice_gathers_both_contributions() -> None:
    for function, slope in ((lambda x: x * x, 6.0), (lambda x: x + x, 2.0), (lambda x: x - x, 0.0)):
        x = leaf(3.0)
        function(x).backward()
        assert x.grad.item() == slope


def test_semantics_26_a_node_waits_for_all_its_consumers() -> None:
    """Diamonds below diamonds: visited too early, the shared node would pass on only part of its gradient."""
    x = leaf(1.0)
    y = x
    for _ in range(20):
        y = y + y
    y.backward()
    assert x.grad.item() == 2**20

    x = leaf(2.0)
    a = x * 3
    b = a * a
    (b * a + b + a).backward()  # 27 x^3 + 9 x^2 + 3 x
    assert x.grad.item() == 81 * 4 + 18 * 2 + 3


def test_semantics_27_a_chain_of_100_000_operations_works_in_every_way() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    assert "grad_fn=<add>" in repr(y)
    assert copy.deepcopy(y).item() == 1.0
    assert pickle.loads(pickle.dumps(y.detach())).item() == 1.0
    y.backward()
    assert x.grad.item() == 1.0


def test_semantics_27_a_long_chain_that_is_never_run_backward_is_freed_without_recursion() -> None:
    y = leaf(1.0)
    for _ in range(200_000):
        y = -y
    del y


def test_semantics_28_parents_that_receive_the_same_array_do_not_share_it() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    z = x + y
    (z.sum() + (x * 10).sum()).backward()
    assert x.grad.tolist() == [11.0, 11.0]
    assert y.grad.tolist() == [1.0, 1.0]
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    (x + y).sum().backward()
    assert x.grad.tolist() == [12.0, 12.0]
    assert y.grad.tolist() == [2.0, 2.0]


def test_semantics_28_intermediate_nodes_do_not_share_either() -> None:
    x = leaf([1.0, 2.0])
    a, b = x * 2, x * 3
    c = a + b  # a and b receive the same array; a receives more
    (c.sum() + (a * 100).sum()).backward()
    assert x.grad.tolist() == [2 * 101 + 3] * 2


def test_semantics_28_a_cotangent_spread_as_a_view_is_not_added_into() -> None:
    """A sum's cotangent is one number seen many times; a second contribution must not write into that view."""
    for shape in ((3, 4), (200, 200)):
        x = ag.ones(*shape, dtype="float64", requires_grad=True)
        n = x * 1.0
        (n.sum() * 2 + n.sum() * 3 + n.sum(dim=0).sum() * 5).backward()
        assert_array_equal(x.grad.numpy(), np.full(shape, 10.0))


def test_semantics_28_gradients_with_a_graph_do_not_share_memory_with_each_other_or_the_argument() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    start = ag.ones(2, dtype="float64")
    (x + y).backward(start, create_graph=True)
    (x * 2.0).sum().backward()  # adds in place into what the first pass stored
    assert x.grad.tolist() == [3.0, 3.0]
    assert y.grad.tolist() == [1.0, 1.0]
    assert start.tolist() == [1.0, 1.0]


def test_semantics_29_the_stored_gradient_is_a_copy_of_the_argument() -> None:
    x = leaf([1.0, 2.0])
    start = ag.ones(2, dtype="float64")
    (x + 0.0).backward(start)
    start.numpy()[:] = 99
    assert x.grad.tolist() == [1.0, 1.0]
    x.backward(start)
    assert start.tolist() == [99.0, 99.0]


def test_semantics_29_the_stored_gradient_is_no_view_of_one_number() -> None:
    x = ag.ones(3, 4, requires_grad=True)
    x.sum().backward()
    gradient = x.grad.numpy()
    assert gradient.strides == (16, 4)
    assert gradient.flags.writeable
    gradient[0, 0] = 7
    assert gradient.sum() == 18


def test_semantics_29_grad_returns_copies() -> None:
    x = leaf([1.0, 2.0])
    start = ag.ones(2, dtype="float64")
    y = x + 0.0
    first, second = ag.grad(y, [x, y], start)
    arrays = [first.numpy(), second.numpy(), start.numpy()]
    for position, one in enumerate(arrays):
        for other in arrays[position + 1 :]:
            assert not np.shares_memory(one, other)


def test_semantics_30_gradients_accumulate_over_calls_until_cleared() -> None:
    x = leaf([1.0, 2.0])
    for count in (1, 2, 3):
        (x * 2).sum().backward()
        assert x.grad.tolist() == [2.0 * count] * 2
    x.grad.zero_()
    assert x.grad.tolist() == [0.0, 0.0]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_semantics_31_gradients_keep_the_leafs_dtype_through_mixed_precision() -> None:
    x, y = leaf([1.0, 2.0], "float32"), leaf([1.0, 2.0], "float64")
    (x * y).sum().backward()
    assert x.grad.dtype == ag.float32
    assert y.grad.dtype == ag.float64
    (x.double() * np.array([3.0, 4.0])).sum().backward()
    assert x.grad.dtype == ag.float32
    assert x.grad.tolist() == [4.0, 6.0]


def test_semantics_31_gradients_lie_in_memory_as_their_leaf_does_whatever_the_cotangent_is() -> None:
    x = ag.from_numpy(np.ones((3, 4)).T).requires_grad_()
    z = ag.ones(4, 3, requires_grad=True)
    (x.T * z.T * 2).sum().backward()
    assert x.grad.shape == z.grad.shape == (4, 3)
    assert x.grad.T.is_contiguous()
    assert z.grad.is_contiguous()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((3, 1), (1, 4)),
        ((), (2, 3)),
        ((1,), (0,)),
        ((2, 1, 3), (1, 5, 1)),
        ((1, 1), ()),
        ((0, 3), (1, 3)),
        ((4,), (1,)),
    ],
)
def test_semantics_32_broadcast_operands_get_gradients_of_exactly_their_shape(first: Any, second: Any) -> None:
    shape = np.broadcast_shapes(first, second)
    x, y = ag.ones(first, requires_grad=True), ag.ones(second, requires_grad=True)
    (x * y).backward(ag.ones(shape))
    for tensor in (x, y):
        copies = np.prod(shape) / max(tensor.numel(), 1)
        assert tensor.grad.shape == tensor.shape
        assert_array_equal(tensor.grad.numpy(), np.full(tensor.shape, copies, np.float32))


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        ((4,), (4,), ()),
        ((4,), (4, 2), (2,)),
        ((3, 4), (4,), (3,)),
        ((2, 3, 4), (4, 5), (2, 3, 5)),
        ((3, 4), (2, 4, 5), (2, 3, 5)),
        ((3, 0), (0, 2), (3, 2)),
        ((0,), (0,), ()),
    ],
)
def test_semantics_33_matrix_products_of_every_rank(first: Any, second: Any, result: Any) -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal(first), random.standard_normal(second)
    x, y = leaf(a), leaf(b)
    product = x @ y
    assert product.shape == result
    assert_allclose(product.detach().numpy(), np.matmul(a, b), atol=1e-12)
    product.backward(ag.ones(result, dtype="float64"))
    # Each element of x meets the sum of a row of y, and so on; einsum says it without transposes.
    if len(first) == len(second) == 2:
        assert_allclose(x.grad.numpy(), np.broadcast_to(b.sum(1), first), atol=1e-12)
        assert_allclose(y.grad.numpy(), np.broadcast_to(a.sum(0)[:, None], second), atol=1e-12)
    assert x.grad.shape == first
    assert y.grad.shape == second


# --- indexing ---------------------------------------------------------------------------------------------------

INDICES = {
    "repeated": np.array([0, 2, 2, 0, -1]),
    "negative": np.array([-1, -3, -1]),
    "empty": np.array([], np.int64),
    "mask": np.array([True, False, True]),
    "mask of nothing": np.zeros(3, bool),
    "full mask": np.arange(12).reshape(3, 4) % 3 == 0,
    "slice and array": (slice(0, 2), np.array([1, 1, 0])),
    "array and slice": (np.array([2, 2]), slice(1, 3)),
    "pairs": (np.array([0, 0, 2]), np.array([1, 1, 3])),
    "none and array": (None, np.array([1, 1])),
    "ellipsis and array": (Ellipsis, np.array([3, 3, 0])),
    "integer and array": (1, np.array([3, 3, 0])),
    "matrix": np.array([[0, 1], [1, 1]]),
    "slice": slice(None, None, -1),
    "integer": 1,
    "everything": Ellipsis,
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_semantics_34_35_the_gradient_of_indexing_is_numpy_add_at(index: Any) -> None:
    x = leaf(np.arange(12.0).reshape(3, 4))
    part = x[index]
    cotangent = np.random.default_rng(0).standard_normal(part.shape)
    part.backward(ag.tensor(cotangent))
    expected = np.zeros((3, 4))
    np.add.at(expected, index, cotangent)
    assert_allclose(x.grad.numpy(), expected, rtol=1e-14)


def test_semantics_35_an_integer_apart_from_an_array_follows_numpy() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    index = (0, slice(None), np.array([3, 1]))
    assert_array_equal(ag.tensor(array)[index].numpy(), array[index])


@pytest.mark.parametrize("index", [3, -4, (0, 4), np.array([0, 3]), np.array([-4]), (slice(None), np.array([0, 9]))])
def test_semantics_36_an_index_out_of_range_raises(index: Any) -> None:
    x = leaf(np.arange(12.0).reshape(3, 4))
    with pytest.raises(IndexError, match="out of bounds"):
        x[index]
    with pytest.raises(IndexError, match="out of bounds"):
        ag.zeros(3, 4)[index] = 1.0


def test_semantics_34_changing_the_index_after_the_forward_pass_changes_nothing() -> None:
    for index in (np.array([0, 1]), ag.tensor([0, 1])):
        x = leaf([1.0, 2.0, 3.0])
        picked = x[index]
        (index.numpy() if isinstance(index, ag.Tensor) else index)[:] = 2
        picked.sum().backward()
        assert x.grad.tolist() == [1.0, 1.0, 0.0]


EQUATIONS = {
    "trace": ("ii->", [(3, 3)]),
    "diagonal": ("ii->i", [(3, 3)]),
    "diagonal of a cube": ("iji->j", [(2, 3, 2)]),
    "sum of one operand only": ("ij,k->i", [(2, 3), (4,)]),
    "broadcast of size one": ("ij,ij->ij", [(2, 3), (1, 3)]),
    "ellipsis": ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]),
    "ellipsis that broadcasts": ("...i,...i->...", [(2, 1, 3), (4, 3)]),
    "implicit output": ("ba", [(2, 3)]),
    "implicit product": ("ij,jk", [(2, 3), (3, 4)]),
    "outer": ("i,j->ij", [(2,), (3,)]),
    "three operands": ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
    "empty": ("ij,jk->ik", [(2, 0), (0, 3)]),
    "scalars": (",->", [(), ()]),
    "repeated in both": ("ii,i->i", [(3, 3), (3,)]),
}


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS.values(), ids=EQUATIONS)
def test_semantics_37_einsum(equation: str, shapes: Any, torch: Any) -> None:
    random = np.random.default_rng(0)
    arrays = [np.asarray(random.standard_normal(shape)) for shape in shapes]
    tensors = [leaf(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, expected = ag.einsum(equation, *tensors), torch.einsum(equation, *theirs)
    assert_allclose(result.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    assert_allclose(result.detach().numpy(), np.einsum(equation, *arrays), atol=1e-12)
    cotangent = np.asarray(random.standard_normal(result.shape))
    result.backward(ag.tensor(cotangent))
    expected.backward(torch.tensor(cotangent))
    for ours, reference in zip(tensors, theirs, strict=True):
        assert_allclose(ours.grad.numpy(), reference.grad.numpy(), atol=1e-12)


def test_semantics_37_einsum_of_the_same_tensor_twice() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    ag.einsum("ij,ij->", x, x).backward()
    assert x.grad.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_semantics_38_joins_of_empty_parts_negative_axes_and_the_same_tensor_twice() -> None:
    x, empty = leaf([[1.0, 2.0]]), leaf(np.zeros((0, 2)))
    joined = ag.cat([x, empty, x], dim=-2)
    assert joined.shape == (2, 2)
    (joined * ag.tensor([[1.0, 2.0], [10.0, 20.0]], dtype="float64")).sum().backward()
    assert x.grad.tolist() == [[11.0, 22.0]]
    assert empty.grad.shape == (0, 2)
    first, second = x.split([0, 2], dim=-1)
    assert (first.shape, second.shape) == ((1, 0), (1, 2))
    mixed = ag.cat([leaf([1.0], "float32"), ag.tensor([1, 2])])
    assert mixed.dtype == ag.float32


# --- views and in-place changes ---------------------------------------------------------------------------------


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


# --- the life of a graph ----------------------------------------------------------------------------------------


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


# --- grad mode --------------------------------------------------------------------------------------------------


def test_semantics_53_no_grad_nests_and_restores_on_exceptions() -> None:
    with ag.no_grad():
        with ag.enable_grad():
            assert ag.is_grad_enabled()
            with ag.no_grad():
                assert not ag.is_grad_enabled()
            assert ag.is_grad_enabled()
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert ag.is_grad_enabled()
    again = ag.no_grad()
    with again, again:
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


@pytest.mark.parametrize(
    "make", [lambda: ag.no_grad, lambda: ag.no_grad(), lambda: ag.set_grad_enabled(False)], ids=["bare", "()", "set"]
)
def test_semantics_53_as_a_decorator_it_reads_the_mode_at_call_time(make: Any) -> None:
    @make()
    def mode() -> bool:
        """Documented."""
        return ag.is_grad_enabled()

    assert mode.__doc__ == "Documented."
    assert ag.is_grad_enabled()
    assert mode() is False
    assert ag.is_grad_enabled()
    with ag.no_grad():
        assert mode() is False
        assert not ag.is_grad_enabled()


def test_semantics_53_a_decorated_generator_is_switched_at_every_step() -> None:
    seen = []

    @ag.no_grad()
    def steps() -> Any:
        try:
            seen.append(("start", ag.is_grad_enabled()))
            received = yield 1
            seen.append((received, ag.is_grad_enabled()))
            try:
                yield 2
            except KeyError:
                seen.append(("thrown", ag.is_grad_enabled()))
            yield 3
        finally:
            seen.append(("closed", ag.is_grad_enabled()))

    generator = steps()
    assert next(generator) == 1
    assert ag.is_grad_enabled()
    assert generator.send("sent") == 2
    assert ag.is_grad_enabled()
    assert generator.throw(KeyError()) == 3
    assert ag.is_grad_enabled()
    generator.close()
    assert ag.is_grad_enabled()
    assert seen == [("start", False), ("sent", False), ("thrown", False), ("closed", False)]


def test_semantics_53_a_decorated_generator_returns_and_delegates() -> None:
    @ag.no_grad()
    def inner() -> Any:
        yield ag.is_grad_enabled()
        return "returned"

    def outer() -> Any:
        result = yield from inner()
        yield result, ag.is_grad_enabled()

    assert list(outer()) == [False, ("returned", True)]


def test_semantics_54_decorating_does_not_change_the_mode() -> None:
    @ag.set_grad_enabled(False)
    def inside() -> bool:
        return ag.is_grad_enabled()

    assert ag.is_grad_enabled()
    assert not inside()


def test_semantics_54_set_grad_enabled_restores_what_it_found_each_time() -> None:
    with ag.no_grad():
        switch = ag.set_grad_enabled(True)
        for _ in range(2):
            with switch:
                assert ag.is_grad_enabled()
            assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()
    with pytest.raises(TypeError):
        ag.set_grad_enabled(1)


def test_semantics_55_grad_mode_belongs_to_the_thread() -> None:
    with ag.no_grad(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(ag.is_grad_enabled).result()

        def switch() -> bool:
            ag.set_grad_enabled(False)
            return ag.is_grad_enabled()

        assert not pool.submit(switch).result()
        assert not pool.submit(ag.is_grad_enabled).result()  # the same worker keeps what it set
    assert ag.is_grad_enabled()


def test_semantics_55_backward_of_another_thread_does_not_touch_this_ones_mode() -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    thread = threading.Thread(target=y.backward)
    with ag.no_grad():
        thread.start()
        thread.join()
        assert not ag.is_grad_enabled()
    assert x.grad.tolist() == [2.0, 4.0]


def test_semantics_56_graphs_of_their_own_run_backward_in_several_threads() -> None:
    """Sharing leaves between concurrent passes is not supported; graphs apart are."""

    def work(seed: int) -> list[float]:
        x = leaf(np.random.default_rng(seed).standard_normal(50))
        for _ in range(20):
            (x.exp() * x).sum().backward()
        return x.grad.tolist()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))
    for seed, gradient in enumerate(found):
        x = np.random.default_rng(seed).standard_normal(50)
        assert_allclose(gradient, 20 * np.exp(x) * (1 + x), rtol=1e-12)


def test_semantics_57_every_operation_differentiates_twice() -> None:
    """With create_graph a gradient is part of the graph; nothing is silently cut off."""
    x = leaf([[0.3, 0.7], [0.2, 0.9]])
    functions = (
        lambda x: x.exp(),
        lambda x: x.softmax(1) ** 2,
        lambda x: ag.log_softmax(x, 0) ** 2,
        lambda x: (x @ x) ** 2,
        lambda x: x.std() ** 2,
        lambda x: ag.cross_entropy(x, ag.tensor([0, 1])),
        lambda x: x[ag.tensor([0, 0])] ** 3,
        lambda x: ag.where(x > 0.5, x**3, x**2),
        lambda x: ag.binary_cross_entropy_with_logits(x, ag.ones(2, 2)),
    )
    for function in functions:
        (first,) = ag.grad(function(x).sum(), x, create_graph=True)
        assert first.requires_grad
        (second,) = ag.grad((first * first).sum(), x)
        assert np.abs(second.numpy()).max() > 0


# --- copies, identity, truth ------------------------------------------------------------------------------------


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
