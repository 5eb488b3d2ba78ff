"""The tensor's own attributes: what they say, what they accept, and what a typing error gets for an answer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autograd_core as ag


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("require_grad", "requires_grad"),
        ("gradd", "grad"),
        ("dtyp", "dtype"),
        ("reshap", "reshape"),
        ("shapes", "shape"),
    ],
)
def test_a_misspelt_attribute_is_refused_with_the_one_that_was_meant(wrong: str, meant: str) -> None:
    x = ag.ones(2)
    with pytest.raises(AttributeError, match=f"no attribute '{wrong}'; did you mean '{meant}'"):
        setattr(x, wrong, False)
    assert not hasattr(x, wrong)


def test_reading_a_misspelt_attribute_names_the_one_that_was_meant() -> None:
    """Python's own traceback does it, for a class that leaves looking up attributes to Python."""
    script = "import autograd_core as ag; ag.ones(2).require_grad"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "'Tensor' object has no attribute 'require_grad'. Did you mean: 'requires_grad'?" in done.stderr


def test_read_only_attributes_cannot_be_set() -> None:
    x = ag.ones(2)
    for name in ("shape", "dtype", "ndim", "is_leaf", "grad_fn"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1)


def test_what_it_says_about_itself() -> None:
    x = ag.zeros(2, 3, 4, dtype="float64")
    assert x.shape == (2, 3, 4)
    assert x.size() == (2, 3, 4)
    assert x.size(-1) == 4
    assert x.ndim == x.dim() == 3
    assert x.numel() == 24
    assert x.nbytes == 192
    assert x.dtype == ag.float64
    assert x.is_floating_point()
    assert not ag.zeros(1, dtype="int32").is_floating_point()
    assert x.is_contiguous()
    assert not x.transpose(0, 1).is_contiguous()
    with pytest.raises(IndexError):
        x.size(3)


def test_requires_grad_is_set_on_leaves_only() -> None:
    x = ag.ones(2)
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    y = x.requires_grad_() * 2
    with pytest.raises(ag.GraphError, match=r"detach\(\)"):
        y.requires_grad = False
    y.requires_grad = True
    y.detach_()
    assert not y.requires_grad
    assert y.is_leaf


def test_switching_requires_grad_off_and_on_keeps_the_gradient() -> None:
    x = ag.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    x.requires_grad_(False)
    assert x.grad.tolist() == [2.0, 2.0]
    x.requires_grad_(True)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_what_grad_accepts() -> None:
    x = ag.ones(2, requires_grad=True)
    x.grad = ag.full((2,), 3.0)
    (x * 1).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    for wrong, error in ((ag.ones(3), ValueError), (ag.ones(2, dtype="float64"), ValueError), (np.ones(2), TypeError)):
        with pytest.raises(error, match="grad must"):
            x.grad = wrong
    x.grad = None
    assert x.grad is None


def test_what_data_accepts() -> None:
    x = ag.ones(2, requires_grad=True)
    x.data = ag.tensor([5.0, 6.0])
    assert x.tolist() == [5.0, 6.0]
    assert x.requires_grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [10.0, 12.0]
    with pytest.raises(TypeError, match="must be floating"):
        x.data = ag.ones(2, dtype="int64")
    with pytest.raises(TypeError, match="Tensor"):
        x.data = np.ones(2)
    x.data[0] = 1.0
    assert x[0].item() == 1.0
    x.data = ag.ones(3, dtype="float64")  # as a module that is converted does
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.dtype == ag.float64
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_replacing_data_after_the_forward_pass_is_noticed() -> None:
    x = ag.ones(2, requires_grad=True)
    y = x * x
    x.data = ag.zeros(2)
    with pytest.raises(ag.InPlaceError):
        y.sum().backward()


def test_in_place_methods_return_the_tensor_and_check_what_they_store() -> None:
    x = ag.tensor([1.0, 4.0])
    assert x.sqrt_() is x
    assert x.add_(1).mul_(2).tolist() == [4.0, 6.0]
    assert x.fill_(3).tolist() == [3.0, 3.0]
    assert x.zero_().tolist() == [0.0, 0.0]
    assert x.copy_(ag.tensor([1, 2])).tolist() == [1.0, 2.0]
    assert x.copy_(7.0).tolist() == [7.0, 7.0]
    memory = x.numpy()
    x += 1
    x *= ag.tensor([2.0, 3.0])
    x -= 1
    x /= 2
    x **= 2
    assert x.numpy() is memory or np.shares_memory(x.numpy(), memory)
    assert x.tolist() == [7.5**2, 11.5**2]
    with pytest.raises(TypeError, match="cannot be stored"):
        ag.ones(2, dtype="int64").add_(0.5)
    with pytest.raises(ValueError, match="shape"):
        ag.ones(2).add_(ag.ones(3, 2))
    with pytest.raises(ValueError, match="broadcast"):
        ag.ones(2).copy_(ag.ones(3))


def test_in_place_changes_of_read_only_memory_fail() -> None:
    array = np.ones(2)
    array.flags.writeable = False
    for change in (lambda t: t.add_(1), lambda t: t.zero_(), lambda t: t.__setitem__(0, 1.0)):
        with pytest.raises(ValueError, match="read-only"):
            change(ag.from_numpy(array))
    expanded = ag.ones(2, 1).expand(2, 3)
    with pytest.raises(ValueError, match="one place in memory"):
        expanded.add_(1)


def test_a_recorded_change_carries_history_into_a_plain_tensor() -> None:
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    total = ag.zeros(3)
    total += x * 2
    total[1] = x[0] * 10
    total.sum().backward()
    assert total.tolist() == [2.0, 10.0, 6.0]
    assert x.grad.tolist() == [12.0, 0.0, 2.0]


def test_copy_carries_the_gradient_to_its_source() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    source = ag.tensor(3.0, requires_grad=True)
    y.copy_(source)
    y.sum().backward()
    assert source.grad.item() == 2.0
    assert x.grad is None or x.grad.tolist() == [0.0, 0.0]


def test_views_know_their_base_through_several_steps() -> None:
    base = ag.zeros(4, 3)
    inner = base.T[1:].reshape(2, 4)[0]
    inner.fill_(5.0)
    assert base[:, 1].tolist() == [5.0] * 4
    assert base.version == inner.version == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.detach(),
        lambda x: x.clone(),
        lambda x: x.to("float32"),
        lambda x: x.contiguous(),
        lambda x: x.float(),
        lambda x: x.to(x),
        lambda x: x.type_as(x),
    ],
)
def test_conversions_that_change_nothing(make: Any) -> None:
    x = ag.tensor([1.0, 2.0])
    assert make(x).tolist() == [1.0, 2.0]
    assert make(x).dtype == ag.float32


def test_which_conversions_copy() -> None:
    x = ag.ones(2)
    assert x.to("float32") is x
    assert x.contiguous() is x
    assert x.to(ag.float32, copy=True) is not x
    assert not np.shares_memory(x.to(ag.float32, copy=True).numpy(), x.numpy())
    assert not np.shares_memory(x.clone().numpy(), x.numpy())
    assert np.shares_memory(x.detach().numpy(), x.numpy())
    assert x.to("cpu") is x


def test_bool_operators() -> None:
    x, y = ag.tensor([True, True, False]), ag.tensor([True, False, False])
    assert (x & y).tolist() == [True, False, False]
    assert (x | y).tolist() == [True, True, False]
    assert (~x).tolist() == [False, False, True]
    with pytest.raises(TypeError, match="bool"):
        ~ag.ones(2)


def test_comparison_with_what_is_no_number() -> None:
    x = ag.ones(2)
    for other in ("text", object(), {}):
        with pytest.raises(TypeError):
            x + other
        with pytest.raises(TypeError):
            x < other  # noqa: B015
