"""Modules that hold modules: in sequence, in a list, in a dictionary; and a list of parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

import autograd_core as ag
from autograd_core import Tensor

from .members import MODULE, PARAMETER
from .module import Module, indented
from .parameter import Parameter


class _Indexed(Module):
    """Modules under the names "0", "1", …, with the methods of a list."""

    def _listed(self) -> list[Module]:
        return [self.__dict__[name] for name in self._names()]

    def _names(self) -> list[str]:
        return [name for name, kind in self._members.items() if kind == MODULE]

    def _renumber(self, modules: Iterable[Module]) -> None:
        for name in self._names():
            delattr(self, name)
        for position, module in enumerate(modules):
            self.add_module(str(position), module)

    def _name_at(self, index: int) -> str:
        names = self._names()
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range for {type(self).__name__} of length {len(names)}")
        return names[index]

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._listed())

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = self._listed()
        if isinstance(index, int):
            self._name_at(index)
        del modules[index]
        self._renumber(modules)

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns itself."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end; returns itself.

        Raises:
            TypeError: if one of them is no module; none is added then.
        """
        added = list(modules)
        for module in added:
            _require_module(module, f"{type(self).__name__}.extend")
        for module in added:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at `index`, moving the names of those behind; returns itself."""
        _require_module(module, f"{type(self).__name__}.insert")
        modules = self._listed()
        if not -len(modules) <= index <= len(modules):
            raise IndexError(f"index {index} is out of range for {type(self).__name__} of length {len(modules)}")
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: int = -1) -> Module:
        """Remove the module at `index` and return it."""
        found: Module = self.__dict__[self._name_at(index)]
        del self[index]
        return found


class Sequential(_Indexed):
    """Modules that are called one after the other, each with the result of the one before.

    Args:
        modules: the modules in order, or one dictionary from names to modules.

    Raises:
        TypeError: if anything else is given.

    Example:
        >>> import autograd_core as ag, nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> model(ag.ones(5, 2)).shape
        (5, 3)
        >>> model[:1]
        Sequential(
          (0): Linear(in_features=2, out_features=3, bias=True)
        )
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else None
        for name, module in named.items() if named is not None else enumerate(modules):
            self.add_module(str(name), module)

    def __getitem__(self, index: int | slice) -> Any:
        """The module at an index, or a Sequential of those in a slice, which shares them."""
        if isinstance(index, slice):
            return Sequential(OrderedDict((name, self.__dict__[name]) for name in self._names()[index]))
        return self.__dict__[self._name_at(index)]

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise TypeError(f"a Sequential can be joined with a Sequential only, got {type(other).__name__}")
        return Sequential(*self, *other)

    def forward(self, input: Any) -> Any:
        """Call every module in order.

        A layer that can apply the ReLU behind it in the same pass does so, unless somebody looks between the two: by
        a hook of either, by a `forward` put in the place of its own, or at every operation, as
        :class:`autograd_core.detect_anomaly` does.
        """
        values = self.__dict__
        watched = ag.is_anomaly_enabled()
        # A layer that is still to be called, since its ReLU may follow.
        layer: Module | None = None
        for name, kind in self._members.items():
            if kind != MODULE:
                continue
            module = values[name]
            if layer is not None:
                if module._is_relu and module._hooks is None and "forward" not in module.__dict__:
                    input = layer(input, rectified=True)
                    layer = None
                    continue
                input = layer(input)
                layer = None
            if module._rectifies and module._hooks is None and "forward" not in module.__dict__ and not watched:
                layer = module
            else:
                input = module(input)
        return input if layer is None else layer(input)


class ModuleList(_Indexed):
    """A list of modules that registers them; it is indexed and iterated over, not called.

    Args:
        modules: any number of modules.

    Example:
        >>> import nn
        >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
        ModuleList(
          (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
        )
    """

    _transparent = True

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        """The module at an index, or a ModuleList of those in a slice, which shares them."""
        if isinstance(index, slice):
            return ModuleList(self._listed()[index])
        return self.__dict__[self._name_at(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __repr__(self) -> str:
        lines = []
        start = 0
        for text, group in groupby(map(repr, self._listed())):
            count = len(list(group))
            where = f"({start}): " if count == 1 else f"({start}-{start + count - 1}): {count} x "
            lines.append(f"\n  {indented(where + text)}")
            start += count
        return f"{type(self).__name__}({''.join(lines)}\n)" if lines else f"{type(self).__name__}()"


class ModuleDict(Module):
    """A dictionary of modules that registers them; it is not called.

    Args:
        modules: a mapping or pairs of names and modules.

    Raises:
        KeyError: for names that are attributes already, ``"keys"`` for instance.

    Example:
        >>> import nn
        >>> heads = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Linear(2, 1)})
        >>> list(heads), "left" in heads
        (['left', 'right'], True)
    """

    _transparent = True

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        if key not in self:
            raise KeyError(key)
        found: Module = self.__dict__[key]
        return found

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._members.get(key) == MODULE

    def keys(self) -> list[str]:
        """The names, in order of registration."""
        return [name for name, kind in self._members.items() if kind == MODULE]

    def values(self) -> list[Module]:
        """The modules."""
        return [self.__dict__[name] for name in self.keys()]

    def items(self) -> list[tuple[str, Module]]:
        """Pairs of name and module."""
        return [(name, self.__dict__[name]) for name in self.keys()]

    def pop(self, key: str) -> Module:
        """Remove the module called `key` and return it."""
        found = self[key]
        del self[key]
        return found

    def clear(self) -> None:
        """Remove all modules."""
        for name in self.keys():
            delattr(self, name)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules or replace those of the same names."""
        for name, module in dict(modules).items():
            _require_module(module, f"{type(self).__name__}[{name!r}]")
            self.add_module(name, module)


class ParameterList(Module):
    """A list of parameters that registers them.

    Args:
        values: parameters or tensors; tensors become parameters.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.ParameterList([ag.ones(2, 3), ag.ones(3)])
        ParameterList(
            (0): Parameter containing: [float32 of size 2x3]
            (1): Parameter containing: [float32 of size 3]
        )
    """

    _transparent = True

    def __init__(self, values: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Parameter]:
        return iter([self.__dict__[name] for name in self._members])

    def _name_at(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for a ParameterList of length {len(self)}")
        return str(index % len(self))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return self.__dict__[self._name_at(index)]

    def __setitem__(self, index: int, value: Tensor) -> None:
        self.register_parameter(self._name_at(index), value if isinstance(value, Parameter) else Parameter(value))

    def append(self, value: Tensor) -> Self:
        """Add a parameter at the end, or a tensor, which becomes one; returns itself."""
        self.register_parameter(str(len(self)), value if isinstance(value, Parameter) else Parameter(value))
        return self

    def extend(self, values: Iterable[Tensor]) -> Self:
        """Add several parameters at the end; returns itself."""
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """One line a parameter, with its dtype and sizes."""
        lines = []
        for name, parameter in self._own(PARAMETER):
            sizes = "x".join(map(str, parameter.shape))
            lines.append(f"  ({name}): Parameter containing: [{parameter.dtype} of size {sizes}]")
        return "\n".join(lines)

    def __repr__(self) -> str:
        lines = self.extra_repr()
        return f"{type(self).__name__}(\n  " + lines.replace("\n", "\n  ") + "\n)" if lines else "ParameterList()"


def _require_module(value: Any, where: str) -> None:
    if not isinstance(value, Module):
        raise TypeError(f"{where} takes modules, got {type(value).__name__}")


__all__ = ["ModuleDict", "ModuleList", "ParameterList", "Sequential"]
