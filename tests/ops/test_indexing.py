"""NumPy's indices for reading and writing, in-place changes, and views of tensors in the graph."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd_core as ag
from autograd_core import GraphError, InPlaceError
from tests.ops.sides import as_array, case, check

R = np.random.default_rng(23)
X = R.standard_normal((4, 5, 3))
ROWS, J = np.array([0, 3, 3, -1]), np.array([[0, 2], [4, 4]])
MASK = R.random((4, 5)) < 0.5

# As Python writes them; PyTorch takes all but those with negative steps.
READ: dict[str, Any] = {
    "int": 1,
    "negative int": -2,
    "numpy int": np.int64(2),
    "slice": slice(1, 3),
    "stepped": (slice(None, None, 2), slice(1, None, 3)),
    "empty slice": slice(3, 1),
    "none": (None, slice(None), None, 0),
    "ellipsis": (Ellipsis, 1),
    "everything": Ellipsis,
    "nothing": (),
    "all ints": (1, 2, 0),
    "array": ROWS,
    "two arrays": (ROWS, np.array([1, 1, 0, 2])),
    "broadcast arrays": (ROWS[:, None], np.array([1, 4])),
    "matrix": (slice(None), J),
    "array and slice": (ROWS, slice(1, 4), np.array([0, 1, 2, 2])),
    "slice first": (slice(1, 3), J, 1),
    "apart": (ROWS, slice(None), np.array([0, 1, 2, 2])),
    "array and none": (None, ROWS, Ellipsis, np.array([2, 0, 1, 1])),
    "list": [0, 2, 2],
    "nested list": [[0, 1], [2, 3]],
    "empty list": [],
    "range": range(1, 4),
    "mask": MASK,
    "mask of everything": R.random((4, 5, 3)) < 0.5,
    "mask of rows": np.array([True, False, True, True]),
    "mask and slice": (MASK, slice(1, None)),
    "mask and array": (np.array([True, False, True, True]), np.array([0, 4, 2])),
    "empty mask": np.zeros((4, 5), bool),
    "true": True,
    "false": False,
}


def tensors(library: Any, index: Any) -> Any:
    """An index with the library's own tensors for arrays."""
    if isinstance(index, tuple):
        return tuple(tensors(library, entry) for entry in index)
    if library is not ag and isinstance(index, (list, range)):
        # PyTorch reads nested lists as tuples, and warns that it will stop to.
        return library.tensor(index, dtype=library.int64)
    return library.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("name", READ)
def test_reading(torch: Any, name: str) -> None:
    index = READ[name]
    check(torch, case(lambda L, x: x[tensors(L, index) if L is torch else index], X))
    check(torch, case(lambda L, x: x[tensors(L, index)], X))


@pytest.mark.parametrize(
    "index", [slice(None, None, -1), (slice(3, 0, -2), slice(None, None, -1)), (ROWS, slice(None, None, -2))]
)
def test_negative_steps(index: Any) -> None:
    x = ag.tensor(X, requires_grad=True)
    y = x[index]
    assert_array_equal(y.detach().numpy(), X[index])
    cotangent = R.standard_normal(y.shape)
    y.backward(ag.tensor(cotangent))
    expected = np.zeros_like(X)
    np.add.at(expected, index, cotangent)
    assert x.grad is not None
    assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("form", ["number", "tensor", "broadcast", "leading ones"])
def test_writing(torch: Any, name: str, form: str) -> None:
    index = READ[name]
    selected = X[index].shape
    value = {
        "number": np.array(2.5),
        "tensor": R.standard_normal(selected),
        "broadcast": R.standard_normal(selected[-1:]),
        "leading ones": R.standard_normal((1, 1, *selected)),
    }[form]
    repeated = name in (
        "array",
        "list",
        "nested list",
        "matrix",
        "two arrays",
        "apart",
        "array and slice",
        "slice first",
    )

    def write(L: Any, x: Any, v: Any) -> Any:
        y = x * 2
        y[tensors(L, index)] = v.detach() if repeated or name == "array and none" else v
        return y * y

    if name == "broadcast arrays" or name == "array and none":
        # Repeated places: the last value stays here, and in PyTorch any may.
        value = np.broadcast_to(value[(0,) * value.ndim], value.shape).copy() if value.size else value
        found = write(ag, ag.tensor(X), ag.tensor(value)).numpy()
        expected = X * 2
        expected[index] = value.reshape(value.shape[-len(selected) :] if value.ndim > len(selected) else value.shape)
        assert_array_equal(found, expected**2)
        return
    if repeated:
        value = np.full_like(value, 3.0)
    check(torch, case(write, X, value, second=False))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (4, "out of bounds"),
        ((0, -6), "out of bounds"),
        ((0, 0, 0, 0), "too many"),
        (np.array([0, 4]), "out of bounds"),
        (1.0, "integers"),
        ("a", "integers"),
        (np.array([0.5]), "integers"),
        (np.ones(3, bool), "boolean"),
        ((Ellipsis, Ellipsis), "ellipsis"),
        ((ROWS, J[:, 0]), "broadcast"),
    ],
)
def test_wrong_indices_are_refused(index: Any, message: str) -> None:
    x = ag.tensor(X)
    for given in (index, tensors(ag, index)):
        with pytest.raises(IndexError, match=message):
            x[given]
        with pytest.raises(IndexError, match=message):
            x[given] = 1.0


def test_values_that_do_not_fit_are_refused() -> None:
    for requires_grad in (False, True):
        x = ag.tensor(X, requires_grad=requires_grad) * 1
        with pytest.raises(ValueError, match=r"\(2,\) does not fit the selected shape \(5, 3\)"):
            x[0] = ag.ones(2)
        with pytest.raises(ValueError, match="does not fit"):
            x[ROWS] = ag.ones(2, 4, 5, 3)


def test_reading_views_and_copies() -> None:
    x = ag.tensor(X)
    assert np.shares_memory(x[1:, 0].numpy(), x.numpy())
    assert not np.shares_memory(x[ROWS].numpy(), x.numpy())
    assert not np.shares_memory(x[[1]].numpy(), x.numpy())


def test_augmented_assignment_of_parts(torch: Any) -> None:
    def run(L: Any, x: Any, v: Any) -> Any:
        y = x * 2
        y[1:3] += v
        y[0] *= y[1].clone()
        y[:, 0] -= 1
        y[..., 2] /= 3
        return y * y

    check(torch, case(run, X, X[0], second=False))


def test_a_loop_that_fills_a_tensor(torch: Any) -> None:
    def run(L: Any, x: Any) -> Any:
        out = L.zeros(6, dtype=x.dtype)
        out[0] = x[0]
        for step in range(1, 6):
            out[step] = out[step - 1].clone() * x[step % 4] + 1
        return out.sum()

    check(torch, case(run, X[:, 0, 0]))


# --- in-place changes of views ----------------------------------------------------------------------------------

CHANGES: dict[str, Any] = {
    "slice": lambda y, w: y[1:3].mul_(w[1:3]),
    "row": lambda y, w: y[0].add_(w[0]),
    "column": lambda y, w: y[:, 1].copy_(w[:, 0]),
    "transposed": lambda y, w: y.T.mul_(w.T),
    "reshaped": lambda y, w: y.reshape(-1)[3:].mul_(w.reshape(-1)[3:]),
    "viewed": lambda y, w: y.view(-1).add_(w.view(-1)),
    "chain": lambda y, w: y[1:].t()[0].unsqueeze(0).mul_(w[1:, 0]),
    "narrow": lambda y, w: y.narrow(1, 0, 2).mul_(w[:, :2]),
    "select": lambda y, w: y.select(1, 2).fill_(0.0),
    "unsqueezed": lambda y, w: y.unsqueeze(1)[2:].mul_(w[2:].unsqueeze(1)),
    "diagonal": lambda y, w: y.diagonal().mul_(w.diagonal()),
    "stepped": lambda y, w: y[::2, ::2].mul_(w[::2, ::2]),
    "item of a view": lambda y, w: y[1:].__setitem__(0, w[0]),
    "mask of a view": lambda y, w: y[1:].__setitem__(y[1:].detach() > 0, 2.0),
    "array of a view": lambda y, w: y.t().__setitem__([0, 2], w.t()[:2]),
    "zeroed": lambda y, w: y[:, :1].zero_(),
    "squeezed": lambda y, w: y[None].squeeze(0).mul_(w),
    "the same view twice": lambda y, w: (lambda v: (v.mul_(2.0), v.mul_(w[0])))(y[0]),
    "one view, then another": lambda y, w: (lambda v, u: (v.mul_(2.0), u.mul_(w[:, 0])))(y[0], y[:, 0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_semantics_39_changing_a_view_changes_its_base(torch: Any, name: str) -> None:
    def run(L: Any, x: Any, w: Any) -> Any:
        y = (x * 1.5).contiguous()
        CHANGES[name](y, w.contiguous())
        return y * x

    check(torch, case(run, X[..., 0], X[:, ::-1, 1].copy(), second=False))


@pytest.mark.parametrize("name", CHANGES)
def test_semantics_39_changing_a_view_of_a_constant_records_in_its_base(torch: Any, name: str) -> None:
    def run(L: Any, x: Any, w: Any) -> Any:
        y = x.detach().contiguous().clone()
        CHANGES[name](y, w.contiguous())
        return (y + w) * x

    check(torch, case(run, X[..., 0], X[:, ::-1, 1].copy(), second=False))


VIEWS: dict[str, Any] = {
    "slice": lambda y: y[1:3],
    "row": lambda y: y[1],
    "transposed": lambda y: y.T,
    "flat": lambda y: y.view(-1),
    "chain": lambda y: y[1:].T[:2],
    "diagonal": lambda y: y.diagonal(1),
    "expanded": lambda y: y[None].expand(2, *y.shape),
    "element": lambda y: y[1, 1],
    "unfolded": lambda y: y.unfold(1, 3, 1),
}


@pytest.mark.parametrize("change", ["base", "row", "column", "item", "other view", "fill"])
@pytest.mark.parametrize("name", VIEWS)
def test_semantics_40_views_follow_changes_of_their_base(torch: Any, name: str, change: str) -> None:
    def run(L: Any, x: Any, w: Any) -> Any:
        y = (x * 1.5).contiguous()
        view, other = VIEWS[name](y), y[:3]
        before = (view * 1.0).sum()  # what was read before the change stays what it was
        if change == "base":
            y.mul_(w)
        elif change == "row":
            y[1].mul_(w[0])
        elif change == "column":
            y[:, 1] = w[:, 0]
        elif change == "item":
            y[1, 1] = w[0, 0]
        elif change == "fill":
            other.fill_(0.0)
        else:
            other.mul_(w[:3])
        return view * 3 + before, y, other * 2

    check(torch, case(run, X[..., 0], X[:, ::-1, 1].copy(), second=False))


def _program(L: Any, seed: int) -> list[np.ndarray]:
    """A random program of views and in-place changes: values and gradients."""
    random = np.random.default_rng(seed)
    x = L.tensor(random.standard_normal((4, 4)), requires_grad=True)
    w = L.tensor(random.standard_normal((4, 4)), requires_grad=True)
    base = x * 1.25 if random.random() < 0.7 else x.detach().clone()
    pool = [base]
    read = []
    for _ in range(12):
        source = pool[random.integers(len(pool))]
        choice = random.integers(9)
        if choice == 0 and source.ndim:
            pool.append(source[int(random.integers(source.shape[0]))])
        elif choice == 1 and source.ndim:
            pool.append(source[int(random.integers(source.shape[0])) :])
        elif choice == 2 and source.ndim == 2:
            pool.append(source.t())
        elif choice == 3 and source.ndim == 2:
            pool.append(source.unsqueeze(int(random.integers(3))).squeeze())
        elif choice == 4:
            source.mul_(w.reshape(-1)[: source.numel()].reshape(source.shape))
        elif choice == 5:
            source.add_(float(random.integers(1, 4)))
        elif choice == 6 and source.ndim:
            source[int(random.integers(source.shape[0]))] = w[0, 0] * 2
        elif choice == 7:
            read.append((source * 2.0).sum())
        elif choice == 8:
            pool.append(pool[random.integers(len(pool))])
    total = sum(((p * (k + 1.0)).sum() for k, p in enumerate(pool)), (w * 0.5).sum()) + sum(read, (x * 0.25).sum())
    total.backward()
    return [as_array(t) for t in (*pool, total, x.grad, w.grad)]


@pytest.mark.parametrize("seed", range(60))
def test_semantics_40_random_programs_of_views_and_changes(torch: Any, seed: int) -> None:
    found = _program(ag, seed)
    try:
        expected = _program(torch, seed)
    except RuntimeError as error:
        # PyTorch takes a view of a constant for a leaf after the constant was changed.
        assert "leaf Variable" in str(error)  # noqa: PT017
        return
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def test_semantics_40_a_value_saved_through_another_view_is_missed() -> None:
    x = ag.tensor(X[..., 0], requires_grad=True)
    y = x * 1.0
    first, second = y[:2], y[1:]
    saved = first * first
    second.mul_(2.0)
    with pytest.raises(InPlaceError, match="modified in place"):
        saved.sum().backward()


def test_semantics_41_views_of_leaves_are_not_changed() -> None:
    x = ag.ones(3, requires_grad=True)
    for change in (lambda: x[0].fill_(1.0), lambda: x[:2].add_(1.0), lambda: x.view(-1).__setitem__(0, 1.0)):
        with pytest.raises(GraphError, match="leaf"):
            change()
    with ag.no_grad():
        x[0].fill_(5.0)
    assert x.tolist() == [5, 1, 1]
    assert x.is_leaf


def test_views_made_without_recording_are_not_changed_while_recording() -> None:
    y = ag.ones(3, requires_grad=True) * 2
    with ag.no_grad():
        view = y[:2]
        view.add_(1.0)
    assert y.tolist() == [3, 3, 2]
    with pytest.raises(GraphError, match="no_grad"):
        view.add_(1.0)


@pytest.mark.parametrize("change", [lambda v: v.add_(1.0), lambda v: v.fill_(1.0), lambda v: v.__setitem__(0, 1.0)])
def test_elements_that_are_one_place_in_memory_are_not_changed(change: Any) -> None:
    for view in (ag.ones(3).expand(2, 3), ag.ones(1).expand(3), ag.arange(5.0).unfold(0, 3, 1)):
        with pytest.raises(ValueError, match="one place in memory"):
            change(view)
    disjoint = ag.arange(6.0).unfold(0, 2, 2)
    disjoint.mul_(2.0)


def test_read_only_memory_is_not_changed() -> None:
    array = np.zeros(3, np.float32)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ag.from_numpy(array).add_(1.0)


def test_changing_a_view_leaves_detached_tensors_alone() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    outside = y.detach()
    y[0].mul_(3.0)
    assert outside.tolist() == [3, 2]
    assert not outside.requires_grad
    outside.mul_(2.0)
    assert y.tolist() == [6, 4]


def test_semantics_47_recorded_changes_of_views_make_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        import weakref

        x = ag.tensor(X[..., 0], requires_grad=True)
        y = x * 1
        view = y[1:]
        other = y[:, 0]
        view.mul_(2.0)
        total = (view.sum() + other.sum()) * 1
        watched = [weakref.ref(t) for t in (y, view, other, total)]
        total.backward()
        del y, view, other, total
        assert [reference() for reference in watched] == [None] * 4
    finally:
        gc.enable()


def test_a_view_keeps_its_place_as_a_leaf() -> None:
    x = ag.zeros(4)
    view = x[:2]
    view.requires_grad_()
    x[2:] = ag.ones(2)
    assert view.is_leaf
    (view * 3).sum().backward()
    assert view.grad is not None
    assert view.grad.tolist() == [3, 3]


def test_fill_takes_a_tensor_that_requires_a_gradient() -> None:
    x, v = ag.ones(3, requires_grad=True), ag.tensor(2.0, requires_grad=True)
    y = x * 1
    y.fill_(v)
    y.sum().backward()
    assert x.grad is not None
    assert v.grad is not None
    assert x.grad.tolist() == [0, 0, 0]
    assert v.grad.item() == 3


def test_copying_a_constant_keeps_the_graph() -> None:
    x = ag.ones(3, requires_grad=True)
    y = x * 2
    y.copy_(ag.zeros(3))
    assert y.requires_grad
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0]


def test_semantics_66_zero_dimensional_parts_stay_tensors() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x[0]
    assert y.shape == ()
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 0]
