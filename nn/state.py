"""The state of a module as a dictionary of tensors: taken as copies, and put back whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd_core as ag
from autograd_core import Tensor

from .members import BUFFER, PARAMETER

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` found missing in the dictionary, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every parameter and saved buffer under every path that leads to it, in PyTorch's order."""
    for path, part in module.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
        for kind in (PARAMETER, BUFFER):
            for name, tensor in part._own(kind):
                yield f"{path}.{name}" if path else name, tensor


def collect(module: Module, prefix: str, keep_vars: bool) -> dict[str, Tensor]:
    """The state as copies; a tensor with several names is copied once, so that the names stay tied."""
    if keep_vars:
        return dict(entries(module, prefix))
    copies: dict[Tensor, Tensor] = {}
    state = {}
    for name, tensor in entries(module, prefix):
        if tensor not in copies:
            copies[tensor] = tensor.detach().clone()
        state[name] = copies[tensor]
    return state


def load(module: Module, state: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Copy `state` into the tensors of `module`, after everything has been found to fit."""
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict() takes a mapping from names to tensors, got {type(state).__name__}")
    targets = dict(entries(module))
    missing = [name for name in targets if name not in state]
    unexpected = [name for name in state if name not in targets]
    problems = []
    if strict and missing:
        problems.append(f"Missing key(s) in state_dict: {_quoted(missing)}.")
    if strict and unexpected:
        problems.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
    copies = []
    for name, target in targets.items():
        if name not in state:
            continue
        try:
            source = ag.as_tensor(state[name])
        except (TypeError, ValueError) as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        if source.shape != target.shape:
            problems.append(
                f"size mismatch for {name}: copying a param with shape {source.shape} from checkpoint, "
                f"the shape in current model is {target.shape}."
            )
        copies.append((target, source))
    if problems:
        listed = "".join(f"\n\t{problem}" for problem in problems)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:{listed}")
    for target, source in copies:
        # Through a detached view: the memory is overwritten and the change counted, the target's history is kept.
        target.detach().copy_(source.detach())
    return IncompatibleKeys(missing, unexpected)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
