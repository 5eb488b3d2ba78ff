"""Checkpoints in safetensors files."""

from __future__ import annotations

import json
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import autograd_core as ag
import nn


def test_a_module_is_saved_and_restored(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.safetensors"
    net = nn.MLP(2, [4], 1, normalization=True)
    net(ag.randn(8, 2))
    nn.save(net, path)
    other = nn.MLP(2, [4], 1, normalization=True)
    other.load_state_dict(nn.load(path))
    for name, tensor in net.state_dict().items():
        assert other.state_dict()[name].tolist() == tensor.tolist()
        assert other.state_dict()[name].dtype == tensor.dtype
    assert nn.load(str(path))["1.num_batches_tracked"].item() == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_every_dtype_and_layout_survives(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.safetensors"
    dtypes = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
    state: dict[str, Any] = {dtype: ag.tensor(np.arange(6).reshape(2, 3).astype(dtype)) for dtype in dtypes}
    state["transposed"] = ag.tensor(np.arange(6.0).reshape(2, 3)).T
    state["fortran"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    state["reversed"] = np.arange(4.0)[::-1]
    state["expanded"] = ag.ones(1).expand(3)
    state["scalar"] = ag.tensor(3.5)
    state["empty"] = ag.ones(0, 4)
    state["also empty"] = ag.ones(0, 4)
    nn.save(state, path)
    loaded = nn.load(path)
    assert set(loaded) == set(state)
    for name, tensor in state.items():
        assert loaded[name].shape == tensor.shape
        assert loaded[name].dtype == tensor.dtype
        assert loaded[name].tolist() == tensor.tolist()
        assert loaded[name].is_contiguous()
    loaded["float32"].add_(1)  # writeable, in memory of its own
    assert nn.load(path)["float32"].tolist() == state["float32"].tolist()


def test_tied_weights_are_stored_once_and_come_back_tied(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "tied.safetensors"
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    nn.save(net, path)
    stored = safetensors.numpy.load_file(path)
    assert sorted(stored) == ["0.bias", "0.weight", "1.bias"]
    loaded = nn.load(path)
    assert loaded["1.weight"] is loaded["0.weight"]
    assert sorted(loaded) == sorted(net.state_dict())
    other = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    other.load_state_dict(loaded)
    assert other[1].weight.tolist() == net[1].weight.tolist()
    # The tensors themselves serve as well; views of part of another's memory are stored on their own.
    base = ag.arange(4.0)
    nn.save({"base": base, "same": base.detach(), "part": base[:2], "square": base.reshape(2, 2)}, path)
    assert sorted(safetensors.numpy.load_file(path)) == ["base", "part", "square"]
    assert nn.load(path)["same"].tolist() == base.tolist()


def test_a_failed_save_leaves_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    nn.save({"a": ag.ones(2)}, path)

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    for wrong, message in (
        ({"a": "text"}, "'a' must be a tensor or an array, got str"),
        ({1: ag.ones(1)}, "must be strings"),
        (3, "takes a module"),
    ):
        with pytest.raises(TypeError, match=message):
            nn.save(wrong, path)  # type: ignore[arg-type]
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        nn.save({"a": ag.zeros(2)}, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
    assert nn.load(path)["a"].tolist() == [1.0, 1.0]
    with pytest.raises(OSError, match="cannot be written"):
        nn.save({"a": ag.zeros(2)}, tmp_path / "missing" / "model.safetensors")


class _Trap:
    """Pickled, it would leave a mark when loaded."""

    def __init__(self, mark: pathlib.Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return pathlib.Path.touch, (self.mark,)


def test_checkpoints_are_never_unpickled(tmp_path: pathlib.Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(_Trap(mark)))
    with pytest.raises(ValueError, match="is not a readable safetensors checkpoint"):
        nn.load(path)
    assert not mark.exists()


def test_unreadable_files_are_explained(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        nn.load(path)
    nn.save(nn.Linear(10, 10), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="is not a readable safetensors checkpoint"):
        nn.load(path)
    safetensors.numpy.save_file({"w": np.ones(2, np.float16)}, path)
    with pytest.raises(TypeError, match="'w' is stored as F16, which is not supported: convert it to float32"):
        nn.load(path)
    for aliases in ("nonsense", json.dumps({"a": "missing"}), json.dumps([1])):
        safetensors.numpy.save_file({"w": np.ones(2)}, path, {"aliases": aliases})
        with pytest.raises(ValueError, match="is not a readable safetensors checkpoint"):
            nn.load(path)


@pytest.mark.torch
def test_checkpoints_are_exchanged_with_pytorch(torch: Any, tmp_path: pathlib.Path) -> None:
    from safetensors.torch import load_file, save_file

    path = tmp_path / "model.safetensors"
    other = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    save_file(other.state_dict(), path)
    own = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    own.load_state_dict(nn.load(path))
    nn.save(own, path)
    restored = load_file(path)
    assert sorted(restored) == sorted(other.state_dict())
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, restored[name])
