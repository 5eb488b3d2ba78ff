"""Parameter groups: reading what a user gives, and the usual split by weight decay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import autograd_core as ag

Group = dict[str, Any]


def read_groups(label: str, params: Any) -> list[Group]:
    """The groups that an optimiser's `params` describe, not yet looked into.

    Raises:
        TypeError: if it is no ordered iterable of tensors, pairs or dictionaries.
        ValueError: if it is empty.
    """
    # A generator such as module.parameters() can be read once only, so everything works on the list.
    entries = list(_iterate(label, params))
    if not entries:
        raise ValueError(f"{label} got an empty parameter list (a generator that was read before is empty, too)")
    if isinstance(entries[0], Mapping):
        for index, entry in enumerate(entries):
            if not isinstance(entry, Mapping):
                raise TypeError(f"{label}: the first entry is a group, but entry {index} is a {_kind(entry)}")
        return entries
    return [{"params": entries}]


def _iterate(label: str, params: Any) -> Iterable[Any]:
    if isinstance(params, (set, frozenset)):
        raise TypeError(f"{label}: parameters must be ordered, and a set is not; use a list")
    if isinstance(params, (ag.Tensor, str, bytes, Mapping)) or not isinstance(params, Iterable):
        hint = "; did you mean .parameters()?" if hasattr(params, "parameters") else "; wrap it in a list"
        raise TypeError(f"{label}: expected an iterable of tensors or groups, got {_kind(params)}{hint}")
    return params


def read_group(label: str, group: Any, others: Iterable[Group]) -> Group:
    """A copy of `group` with a list of tensors under ``"params"``, and their names under ``"param_names"`` if given.

    Raises:
        TypeError: if it is no group, or an entry is no tensor.
        ValueError: if it has no parameters, one of them occurs twice (in it or in `others`), one was computed, or
            only some have names.
    """
    if not isinstance(group, Mapping):
        raise TypeError(f"{label}: a parameter group must be a dict, got {_kind(group)}")
    if "params" not in group:
        raise ValueError(f"{label}: a parameter group needs the key 'params', got {', '.join(map(str, group)) or '{}'}")
    given = group["params"]
    entries = [given] if isinstance(given, ag.Tensor) else list(_iterate(label, given))
    if not entries:
        raise ValueError(f"{label} got an empty parameter list in a group (a generator that was read before is empty)")
    names, tensors = _split_names(label, entries)
    others = list(others)
    places = {id(tensor): "an earlier group" for other in others for tensor in other["params"]}
    for index, tensor in enumerate(tensors):
        called = f"parameter {names[index]!r}" if names else f"parameter {index}"
        if not isinstance(tensor, ag.Tensor):
            raise TypeError(f"{label}: {called} must be a Tensor, got {_kind(tensor)}")
        if not tensor.is_leaf:
            raise ValueError(
                f"{label}: {called} of shape {tensor.shape} was computed by {tensor.grad_fn}: only leaf tensors, "
                "which no operation produced, can be optimised"
            )
        if id(tensor) in places:
            raise ValueError(f"{label}: {called} of shape {tensor.shape} is in {places[id(tensor)]} already")
        places[id(tensor)] = f"this group (as {called})"
    if others and bool(names) != ("param_names" in others[0]):
        raise ValueError(f"{label}: either all groups have parameters with names, or none")
    found = {**group, "params": tensors}
    return {**found, "param_names": names} if names else found


def _split_names(label: str, entries: list[Any]) -> tuple[list[str], list[Any]]:
    named = [isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str) for entry in entries]
    if not any(named):
        return [], entries
    if not all(named):
        raise ValueError(f"{label}: either all parameters have names, or none; entry {named.index(False)} has none")
    return [entry[0] for entry in entries], [entry[1] for entry in entries]


def _kind(value: Any) -> str:
    return type(value).__name__


def no_decay_groups(parameters: Any, weight_decay: float) -> list[Group]:
    """Split parameters into two groups: weight decay on weights, none on biases and normalisation parameters.

    Shrinking a bias or the scale of a normalisation does not simplify a network and usually hurts it. Weights are
    told by having two dimensions or more.

    Args:
        parameters: a module, or pairs of name and tensor as ``module.named_parameters()`` gives them.
        weight_decay: for the weights.

    Returns:
        Groups for any optimiser; an empty one is left out.

    Raises:
        TypeError: if these are no pairs of name and tensor.
        ValueError: if there are none.

    Reference: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, on the decay itself.

    Example:
        >>> import autograd_core as ag, optim
        >>> named = [("weight", ag.ones(2, 2, requires_grad=True)), ("bias", ag.ones(2, requires_grad=True))]
        >>> optimizer = optim.AdamW(optim.no_decay_groups(named, weight_decay=0.1))
        >>> [(group["param_names"], group["weight_decay"]) for group in optimizer.param_groups]
        [(['weight'], 0.1), (['bias'], 0.0)]
    """
    label = "no_decay_groups"
    named = getattr(parameters, "named_parameters", None)
    entries = list(named() if callable(named) else _iterate(label, parameters))
    names, tensors = _split_names(label, entries)
    if entries and not names:
        raise TypeError(f"{label}: expected pairs of name and tensor, got {_kind(entries[0])}")
    for name, tensor in zip(names, tensors, strict=True):
        if not isinstance(tensor, ag.Tensor):
            raise TypeError(f"{label}: {name!r} must be a Tensor, got {_kind(tensor)}")
    if not entries:
        raise ValueError(f"{label} got no parameters (a generator that was read before is empty)")
    weights = [entry for entry in entries if entry[1].ndim >= 2]
    others = [entry for entry in entries if entry[1].ndim < 2]
    groups: list[Group] = [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
