"""Tensors leaving and entering: Python numbers, pickles, copies, DLPack."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_round_trip_with_pytorch_shares_memory(dtype: str, torch: Any) -> None:
    ours = ag.tensor([[1, 0], [1, 1]], dtype=dtype)
    theirs = torch.from_dlpack(ours)
    back = ag.from_dlpack(theirs)
    assert str(theirs.dtype) == f"torch.{dtype}"
    assert back.dtype == ours.dtype
    assert theirs.tolist() == ours.tolist() == back.tolist()
    theirs[0, 0] = 0
    assert ours[0, 0].item() == back[0, 0].item() == 0


def test_dlpack_of_strided_memory(torch: Any) -> None:
    ours = ag.tensor(np.arange(12.0).reshape(3, 4))
    theirs = torch.from_dlpack(ours.T[1:])
    assert theirs.tolist() == ours.T[1:].tolist()
    assert ag.from_dlpack(torch.arange(12.0).reshape(3, 4).t()).shape == (4, 3)


def test_dlpack_and_numpy() -> None:
    array = np.arange(3.0)
    assert np.shares_memory(ag.from_dlpack(array).numpy(), array)
    tensor = ag.tensor([1.0, 2.0])
    assert np.shares_memory(np.from_dlpack(tensor), tensor.numpy())
    assert tensor.__dlpack_device__() == (1, 0)


def test_dlpack_refuses_to_cut_a_graph() -> None:
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(ag.ones(2, requires_grad=True))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", DTYPES)
def test_pickles_keep_values_dtype_and_shape(dtype: str, protocol: int) -> None:
    for tensor in (ag.tensor([[1, 0]], dtype=dtype), ag.tensor(1, dtype=dtype), ag.zeros(0, 3, dtype=dtype)):
        back = pickle.loads(pickle.dumps(tensor, protocol))
        assert type(back) is ag.Tensor
        assert (back.dtype, back.shape, back.tolist()) == (tensor.dtype, tensor.shape, tensor.tolist())
        assert back.dtype is tensor.dtype  # the engine compares by identity
        assert not back.requires_grad


def test_pickles_of_views_hold_their_own_elements_only() -> None:
    base = ag.zeros(1000, 1000)
    back = pickle.loads(pickle.dumps(base[0, :3].T))
    assert back.tolist() == [0.0] * 3
    assert len(pickle.dumps(base[0, :3])) < 1000
    transposed = ag.tensor(np.arange(6.0).reshape(2, 3)).T
    assert pickle.loads(pickle.dumps(transposed)).tolist() == transposed.tolist()


def test_a_leaf_keeps_its_flag_and_trains_after_a_round_trip() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    for back in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert back.requires_grad
        (back * back).sum().backward()
        assert back.grad.tolist() == [2.0, 4.0]
        assert x.grad is None or back is x


def test_deepcopy_of_structures_copies_each_tensor_once() -> None:
    x = ag.ones(2, requires_grad=True)
    y = x.detach()
    copied = copy.deepcopy({"a": x, "b": [x, y]})
    assert copied["a"] is copied["b"][0]
    assert copied["a"] is not x
    copied["a"].detach().numpy()[:] = 9
    assert x.tolist() == [1.0, 1.0]


def test_numbers_and_lists() -> None:
    x = ag.tensor([[1.5, 2.5]])
    assert x.tolist() == [[1.5, 2.5]]
    assert x[0, 0].item() == 1.5
    assert type(ag.tensor(3).item()) is int
    assert type(ag.tensor(3.0).item()) is float
    assert type(ag.tensor(True).item()) is bool
    assert ag.tensor([[2.0]]).item() == 2.0
    assert float(ag.tensor([2.0])) == 2.0
    assert complex(ag.tensor(2.0).item()) == 2
    assert f"{ag.tensor(3.14159):.2f}" == "3.14"
    assert f"{ag.tensor([1, 2])}" == "tensor([1, 2])"
    assert ag.ones(2, requires_grad=True).sum().item() == 2.0
    with pytest.raises(ValueError, match=r"one element, this one has shape \(2,\)"):
        ag.ones(2).item()


def test_constructor_sharing_and_copying() -> None:
    array = np.ones(3, np.float32)
    assert np.shares_memory(ag.from_numpy(array).numpy(), array)
    assert np.shares_memory(ag.as_tensor(array).numpy(), array)
    assert not np.shares_memory(ag.as_tensor(array, dtype="float64").numpy(), array)
    assert not np.shares_memory(ag.tensor(array).numpy(), array)
    x = ag.ones(2, requires_grad=True)
    assert ag.as_tensor(x) is x
    assert not ag.tensor(x).requires_grad
    with pytest.raises(TypeError, match=r"from_numpy\(\) takes an array, got list"):
        ag.from_numpy([1.0])
