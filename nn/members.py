"""What a module is made of: registration of parameters, buffers and child modules, and walking through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autograd_core import Tensor

from .parameter import Buffer, Parameter, TransientBuffer

if TYPE_CHECKING:
    from .module import Module

PARAMETER = "parameter"
BUFFER = "buffer"
TRANSIENT = "buffer that is not saved"
MODULE = "module"
BUFFERS = (BUFFER, TRANSIENT)

_EXPECTED = {PARAMETER: "nn.Parameter", BUFFER: "Tensor", TRANSIENT: "Tensor", MODULE: "nn.Module"}


def _kind_of(value: Any) -> str | None:
    """As what a value registers itself when it is assigned to an attribute; None for ordinary values."""
    if isinstance(value, Parameter):
        return PARAMETER
    if isinstance(value, Members):
        return MODULE
    if isinstance(value, Buffer):
        return TRANSIENT if isinstance(value, TransientBuffer) else BUFFER
    return None


def _described(value: Any) -> str:
    return f"the class {value.__name__!r}, not an instance," if isinstance(value, type) else repr(type(value).__name__)


class Members:
    """The part of :class:`nn.Module` that keeps its members.

    The values are ordinary attributes, so reading them costs what reading an attribute does; `_members` says which
    attributes are registered, and as what, in the order of registration.
    """

    _members: dict[str, str]
    # What pictures of the graph call this module: the name its parent registered it under.
    _scope_name = ""
    # True for lists of modules, which are not called themselves: their members carry their name in pictures.
    _transparent = False

    def __init__(self) -> None:
        self.__dict__["training"] = True
        self.__dict__["_members"] = {}

    # --- registration -----------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        members: dict[str, str] | None = self.__dict__.get("_members")
        kind = _kind_of(value)
        known = None if members is None else members.get(name)
        if kind is None and known is None:
            object.__setattr__(self, name, value)
        elif members is None:
            raise AttributeError(f"cannot assign {_EXPECTED[kind or MODULE]} {name!r} before Module.__init__() call")
        elif kind is not None:
            self._register(name, kind, value)
        elif value is None or (known in BUFFERS and isinstance(value, Tensor)):
            self.__dict__[name] = value
        else:
            expected = _EXPECTED[str(known)]
            raise TypeError(f"cannot assign {_described(value)} as {known} {name!r} ({expected} or None expected)")

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is missing, since members are ordinary attributes, and for properties that fail.
        descriptor = getattr(type(self), name, None)
        if isinstance(descriptor, property) and descriptor.fget is not None:
            return descriptor.fget(self)  # raises what it raised before, which Python has dropped
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name in ("_members", "training"):
            message += "; a subclass must call super().__init__() before anything else"
        raise AttributeError(message, name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._members.pop(name, None)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not name[0].isdigit()]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # A shallow copy must not register its members with the original.
        self.__dict__["_members"] = dict(state["_members"])
        self._rename(self._scope_name)
        for name, kind in self._members.items():
            if kind == PARAMETER:
                self._name_member(name, self.__dict__[name])

    def _register(self, name: str, kind: str, value: Any) -> None:
        members = self._members
        if members.get(name, kind) != kind:
            del members[name]
        members[name] = kind
        self.__dict__[name] = value
        self._name_member(name, value)

    def _name_member(self, name: str, value: Any) -> None:
        """Tell a member what pictures are to call it."""
        if self._transparent and self._scope_name:
            name = f"{self._scope_name}.{name}"
        if isinstance(value, Members):
            value._rename(name)
        elif isinstance(value, Parameter):
            value.name = name

    def _rename(self, name: str) -> None:
        self.__dict__["_scope_name"] = name
        if self._transparent:
            for member in self._members:
                self._name_member(member, self.__dict__[member])

    def _check_name(self, name: str, kinds: tuple[str, ...]) -> None:
        kind = kinds[0]
        if "_members" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} {name!r} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"the name of a {kind} must be a string, got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f"the name of a {kind} must not be empty nor contain a dot, got {name!r}")
        known = self._members.get(name)
        if known not in kinds and (name in self.__dict__ or hasattr(type(self), name)):
            raise KeyError(f"attribute {name!r} already exists" + (f", as a {known}" if known else ""))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter under `name`; None reserves the name for one that is absent.

        Raises:
            KeyError: if the name is empty, contains a dot, or is an attribute already.
            TypeError: if `param` is neither a Parameter nor None.
        """
        self._check_name(name, (PARAMETER,))
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign {_described(param)} as parameter {name!r} (nn.Parameter or None expected)")
        self._register(name, PARAMETER, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is kept with the module and converted with it, but not trained.

        Args:
            name: the attribute it becomes.
            tensor: any shape; None reserves the name.
            persistent: whether ``state_dict()`` holds it.

        Raises:
            KeyError: if the name is empty, contains a dot, or is an attribute already.
            TypeError: if `tensor` is neither a Tensor nor None.
        """
        self._check_name(name, BUFFERS)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign {_described(tensor)} as buffer {name!r} (Tensor or None expected)")
        self._register(name, BUFFER if persistent else TRANSIENT, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a child module under `name`; None reserves the name.

        Raises:
            KeyError: if the name is empty, contains a dot, or is an attribute already.
            TypeError: if `module` is neither a Module nor None.
        """
        self._check_name(name, (MODULE,))
        if module is not None and not isinstance(module, Members):
            raise TypeError(f"cannot assign {_described(module)} as module {name!r} (nn.Module or None expected)")
        self._register(name, MODULE, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of :meth:`add_module`."""
        self.add_module(name, module)

    # --- iteration --------------------------------------------------------------------------------------------

    def _own(self, *kinds: str) -> Iterator[tuple[str, Any]]:
        """This module's own members of some kinds that are not None, in the order of registration."""
        values = self.__dict__
        for name, kind in tuple(self._members.items()):
            if kind in kinds and values[name] is not None:
                yield name, values[name]

    def _walk(self) -> list[Any]:
        """This module and all below it, each once, parents first; as quick as Python allows."""
        found: dict[Any, None] = {}
        stack: list[Any] = [self]
        while stack:
            module = stack.pop()
            if module is None or module in found:
                continue
            found[module] = None
            values = module.__dict__
            stack.extend([values[name] for name, kind in reversed(module._members.items()) if kind == MODULE])
        return list(found)

    def _each(self, kinds: tuple[str, ...], recurse: bool) -> Iterator[Any]:
        """The members of some kinds, here and below, each once."""
        seen: set[Any] = {None}
        for module in self._walk() if recurse else [self]:
            values = module.__dict__
            for name, kind in tuple(module._members.items()):
                if kind in kinds and (value := values[name]) not in seen:
                    seen.add(value)
                    yield value

    def _named(
        self, kinds: tuple[str, ...], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in module._own(*kinds):
                if remove_duplicate:
                    if value in seen:
                        continue
                    seen.add(value)
                yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters in the order of definition, each once; a generator, so make a list to use it twice."""
        return self._each((PARAMETER,), recurse)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Pairs of path and parameter, ``("layer.weight", …)``; shared ones once unless `remove_duplicate` is False."""
        return self._named((PARAMETER,), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers in the order of definition, each once."""
        return self._each(BUFFERS, recurse)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Pairs of path and buffer."""
        return self._named(BUFFERS, prefix, recurse, remove_duplicate)

    def children(self) -> Iterator[Module]:
        """The modules registered here directly, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Pairs of name and directly registered module, each module once."""
        seen: set[Any] = set()
        for name, module in self._own(MODULE):
            if module not in seen:
                seen.add(module)
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once, parents first."""
        return iter(self._walk())

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Pairs of path and module, this one first under the path `prefix`."""
        seen: set[Any] = set() if memo is None else memo
        stack: list[tuple[str, Any]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield path, module
            below = [(f"{path}.{name}" if path else name, child) for name, child in module._own(MODULE)]
            stack.extend(reversed(below))

    def _find(self, target: str, kinds: tuple[str, ...], what: str) -> Any:
        found: Any = self
        path = target.split(".")
        for position, name in enumerate(path):
            wanted = kinds if position == len(path) - 1 else (MODULE,)
            known = found._members.get(name) if isinstance(found, Members) else None
            if known not in wanted:
                where = ".".join(path[:position]) or type(self).__name__
                noun = what if position == len(path) - 1 else "module"
                raise AttributeError(f"{where} has no {noun} {name!r} (looking for {target!r})")
            found = found.__dict__[name]
        return found

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"layers.0"``; this one for the empty path.

        Raises:
            AttributeError: if there is none.
        """
        found: Any = self._find(target, (MODULE,), "module") if target else self
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"layers.0.weight"``; AttributeError if there is none."""
        found: Parameter = self._find(target, (PARAMETER,), "parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as ``"norm.running_mean"``; AttributeError if there is none."""
        found: Tensor = self._find(target, BUFFERS, "buffer")
        return found
