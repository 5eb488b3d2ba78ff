"""The state of an optimiser as a dictionary, and back: copies both ways, all checks before any change."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_core as ag

if TYPE_CHECKING:
    from .optimizer import Optimizer

Group = dict[str, Any]
State = dict[str, Any]


def _copied(value: Any) -> Any:
    """A copy that shares no memory; tensors lose their gradients."""
    if isinstance(value, ag.Tensor):
        return ag.tensor(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_copied, value))
    return copy.deepcopy(value)


def save(groups: Sequence[Group], state: Mapping[ag.Tensor, State]) -> dict[str, Any]:
    """The dictionary of an optimiser with `groups` and `state`."""
    tensors = [tensor for group in groups for tensor in group["params"]]
    positions = {id(tensor): index for index, tensor in enumerate(tensors)}
    packed = [
        {
            **{name: _copied(value) for name, value in group.items() if name != "params"},
            "params": [positions[id(tensor)] for tensor in group["params"]],
        }
        for group in groups
    ]
    entries = {
        index: {name: _copied(value) for name, value in state[tensor].items()}
        for index, tensor in enumerate(tensors)
        if state.get(tensor)
    }
    return {"state": entries, "param_groups": packed}


def load(optimizer: Optimizer, saved: Any) -> tuple[list[Group], defaultdict[ag.Tensor, State]]:
    """The groups and the state that `optimizer` has after loading `saved`, neither of them in use yet.

    Raises:
        TypeError: if `saved` is no such dictionary.
        ValueError: if it does not fit, with everything that does not.
    """
    label = type(optimizer).__name__
    if not isinstance(saved, Mapping) or not {"state", "param_groups"} <= set(saved):
        found = f"the keys {', '.join(map(str, saved))}" if isinstance(saved, Mapping) else type(saved).__name__
        raise TypeError(f"{label}: a state dict has the keys 'state' and 'param_groups', got {found}")
    own = optimizer.param_groups
    positions = _match_groups(label, own, saved["param_groups"])
    problems: list[str] = []
    groups = []
    for index, (group, other) in enumerate(zip(own, saved["param_groups"], strict=True)):
        options = {name: _copied(value) for name, value in other.items() if name != "params"}
        merged = {**group, **options, "params": group["params"]}
        problems += _compare_names(index, group, other)
        try:
            merged = optimizer._checked(merged)
        except (TypeError, ValueError) as error:
            problems.append(f"group {index}: {error}")
        groups.append(merged)
    state: defaultdict[ag.Tensor, State] = defaultdict(dict)
    for key, entries in saved["state"].items():
        if key not in positions:
            problems.append(f"state of a parameter {key!r}, which no group has")
        elif not isinstance(entries, Mapping):
            problems.append(f"parameter {key}: its state is a {type(entries).__name__}, not a dict")
        else:
            tensor = positions[key]
            state[tensor] = _read_state(optimizer, f"parameter {key}", tensor, entries, problems)
    if problems:
        raise ValueError(f"{label}: the state dict does not fit:\n  " + "\n  ".join(problems))
    return groups, state


def _match_groups(label: str, own: Sequence[Group], saved: Any) -> dict[Any, ag.Tensor]:
    """The parameters by the keys they have in the saved state."""
    if len(own) != len(saved):
        raise ValueError(f"{label}: the state dict has {len(saved)} parameter groups, the optimiser has {len(own)}")
    for index, other in enumerate(saved):
        if not isinstance(other, Mapping) or "params" not in other:
            raise TypeError(f"{label}: group {index} of the state dict has no list 'params'")
    sizes = [(len(group["params"]), len(other["params"])) for group, other in zip(own, saved, strict=True)]
    if any(mine != theirs for mine, theirs in sizes):
        listed = ", ".join(f"group {index}: {theirs} for {mine}" for index, (mine, theirs) in enumerate(sizes))
        raise ValueError(f"{label}: the state dict has other numbers of parameters than the optimiser ({listed})")
    keys = [key for other in saved for key in other["params"]]
    return dict(zip(keys, (tensor for group in own for tensor in group["params"]), strict=True))


def _compare_names(index: int, group: Group, saved: Mapping[str, Any]) -> list[str]:
    """Complain if the same names come in another order; other names may be another spelling of the same model."""
    mine, theirs = list(group.get("param_names", ())), list(saved.get("param_names", ()))
    if mine == theirs or sorted(mine) != sorted(theirs):
        return []
    moved = [f"{a} for {b}" for a, b in zip(theirs, mine, strict=True) if a != b]
    return [f"group {index}: the parameters are in another order: {', '.join(moved)}"]


def _read_state(
    optimizer: Optimizer, label: str, parameter: ag.Tensor, entries: Mapping[str, Any], problems: list[str]
) -> State:
    """The state of one parameter, in its dtype; what does not fit is added to `problems`."""
    state: State = {}
    known = optimizer._buffers
    for name, value in entries.items():
        if value is None:
            continue
        kind = optimizer._numbers.get(name)
        if kind is not None:
            try:
                state[name] = kind(float(value))
            except (TypeError, ValueError):
                problems.append(f"{label}: {name} should be a number, got {value!r}")
        elif known is None:
            state[name] = _any(value, parameter)
        elif name not in known:
            keeps = ", ".join((*optimizer._numbers, *known))
            problems.append(f"{label}: it has {name!r}, which {type(optimizer).__name__} does not keep ({keeps})")
        elif not hasattr(value, "__array__"):
            problems.append(f"{label}: {name} should be a tensor, got {type(value).__name__}")
        elif tuple(value.shape) != parameter.shape:
            problems.append(f"{label}: {name} has the shape {tuple(value.shape)}, the parameter {parameter.shape}")
        else:
            state[name] = _as_tensor(value, parameter)
    return state


def _any(value: Any, parameter: ag.Tensor) -> Any:
    """A copy of an entry whose kind is not known: tensors anywhere in it become this package's."""
    if isinstance(value, (list, tuple)):
        return type(value)(_any(entry, parameter) for entry in value)
    return _as_tensor(value, parameter) if hasattr(value, "__array__") else _copied(value)


def _as_tensor(value: Any, parameter: ag.Tensor) -> ag.Tensor:
    """A contiguous copy, floating values in the dtype of their parameter."""
    array = (value.detach() if isinstance(value, ag.Tensor) else value).__array__()
    return ag.tensor(
        np.ascontiguousarray(array).reshape(array.shape), dtype=parameter.dtype if array.dtype.kind == "f" else None
    )
