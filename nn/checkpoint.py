"""Checkpoints: tensors by name in a safetensors file, written whole or not at all, and never unpickled."""

from __future__ import annotations

import json
import os
import pathlib
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from .module import Module

# The entry of the file's metadata that says which names share the tensor stored under another.
_ALIASES = "aliases"


def save(state: Module | Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a module's state, or tensors by name, to a safetensors file.

    Names of the same memory (tied weights) are stored once, the others as aliases. The file takes its place only
    when it is complete.

    Args:
        state: a module, or a mapping from names to tensors or arrays.
        path: the file, replaced if it exists.

    Raises:
        TypeError: for names that are no strings and values that are no tensors; nothing is written then.
        OSError: if the file cannot be written; one that was there before is left as it was.

    Example:
        >>> import nn, os, tempfile
        >>> model = nn.Linear(2, 3)
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> nn.save(model, path)
        >>> nn.Linear(2, 3).load_state_dict(nn.load(path))
        <All keys matched successfully>
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    if isinstance(state, Module):
        state = state.state_dict()
    if not isinstance(state, Mapping):
        raise TypeError(f"save() takes a module or a mapping from names to tensors, got {type(state).__name__}")
    arrays: dict[str, np.ndarray] = {}
    aliases: dict[str, str] = {}
    owners: dict[Any, str] = {}
    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(f"names in a checkpoint must be strings, got {type(name).__name__}")
        if not isinstance(value, (Tensor, np.ndarray, np.generic)):
            raise TypeError(f"save(): {name!r} must be a tensor or an array, got {type(value).__name__}")
        array = ag.as_tensor(value).detach().numpy()
        memory = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
        owner = owners.setdefault(memory, name) if array.size else name
        if owner == name:
            arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        else:
            aliases[name] = owner
    target = pathlib.Path(path)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        save_file(arrays, partial, {_ALIASES: json.dumps(aliases)} if aliases else None)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(partial, target)
    except SafetensorError as error:
        raise OSError(f"the checkpoint {os.fspath(path)!r} cannot be written: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a safetensors file: tensors by name, in memory of their own; aliases are the same tensor again.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no safetensors file, or is damaged.
        TypeError: for half precision and other dtypes the engine lacks.
    """
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no checkpoint {os.fspath(path)!r}")
    state: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                state[name] = _read(file, name)
        aliases = json.loads(metadata.get(_ALIASES, "{}"))
        state.update({alias: state[owner] for alias, owner in aliases.items()})
    except (SafetensorError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a readable safetensors checkpoint: {error}") from None
    return state


def _read(file: Any, name: str) -> Tensor:
    dtype = file.get_slice(name).get_dtype()
    if dtype in ("BF16", "F16") or dtype.startswith("F8"):
        raise TypeError(
            f"the tensor {name!r} is stored as {dtype}, which is not supported: convert it to float32 first"
        )
    try:
        return ag.tensor(file.get_tensor(name))
    except TypeError as error:
        raise TypeError(f"the tensor {name!r} cannot be read: {error}") from None


__all__ = ["load", "save"]
