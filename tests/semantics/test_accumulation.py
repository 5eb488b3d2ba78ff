"""How gradients add up, of which memory they are, and their shapes: rows 26 to 33, each test named after its row."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from tests.leaves import leaf


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
