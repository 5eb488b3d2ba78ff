"""Module: the base of every layer and network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import autograd_core as ag
from autograd_core import Tensor, pop_scope, push_scope

from . import hooks as hooking, state as states
from .hooks import Hooks, RemovableHandle
from .members import BUFFERS, MODULE, Members
from .parameter import Parameter


class Module(Members):
    """The base of layers and networks: holds parameters, buffers and other modules, and is called like a function.

    Subclasses call ``super().__init__()``, assign their parts to attributes, and define :meth:`forward`. An assigned
    :class:`Parameter`, :class:`Buffer` or :class:`Module` registers itself under the attribute's name. Operations
    recorded during a call carry the names of the modules around them, for pictures and messages.

    Attributes:
        training: whether the module is in training mode; changed by :meth:`train` and :meth:`eval`.

    Example:
        >>> import autograd_core as ag, nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(ag.tensor(3.0))
        ...
        ...     def forward(self, input):
        ...         return input * self.factor
        >>> scale = Scale()
        >>> scale(ag.tensor([1.0, 2.0])).tolist()
        [3.0, 6.0]
        >>> [name for name, _ in scale.named_parameters()]
        ['factor']
    """

    training: bool
    _hooks: Hooks | None = None
    # Whether `forward` takes ``rectified=True``, which asks for ReLU of its result in the same pass.
    _rectifies = False
    # Whether the module is ReLU and nothing else.
    _is_relu = False

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if "forward" in cls.__dict__:
            # What a class says of its own `forward` does not hold of one that takes its place.
            for name in ("_rectifies", "_is_relu"):
                if name not in cls.__dict__:
                    setattr(cls, name, False)

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """Compute the result; every subclass defines its own. Call the module, not this, so that hooks run."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        outer = push_scope(self._scope_name, type(self).__name__)
        try:
            if self._hooks is None:
                return self.forward(*arguments, **named)
            return hooking.run(self, self._hooks, arguments, named)
        finally:
            pop_scope(outer)

    # --- modes and conversions --------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or evaluation mode, here and in every module below; returns itself.

        Raises:
            ValueError: if `mode` is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {type(mode).__name__}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode, here and in every module below; returns itself."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let every parameter gather gradients, or freeze them all; returns itself."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else parameter.grad.detach().zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every module below and then with this one, to initialise them for instance; returns itself."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, dtype: Any) -> Self:
        """Convert all floating parameters, with their gradients, and all floating buffers; returns itself.

        Parameters stay the same objects, so optimisers that hold them follow.

        Args:
            dtype: float32 or float64, or a tensor that has it; "cpu" changes nothing.

        Raises:
            TypeError: for any other dtype.
        """
        if isinstance(dtype, str) and dtype == "cpu":
            return self
        wanted = dtype.dtype if isinstance(dtype, Tensor) else ag.empty(0, dtype=dtype).dtype
        if wanted.kind != "f":
            raise TypeError(f"a module can be converted to float32 or float64 only, got {wanted}")
        for parameter in self.parameters():
            _convert(parameter, wanted)
        converted: dict[Tensor, Tensor] = {}
        for module in self.modules():
            for name, buffer in module._own(*BUFFERS):
                if buffer.is_floating_point() and buffer.dtype != wanted:
                    if buffer not in converted:
                        converted[buffer] = buffer.detach().to(wanted)
                    module.__dict__[name] = converted[buffer]
        return self

    def float(self) -> Self:
        """Convert all floating parameters and buffers to float32; returns itself."""
        return self.to(ag.float32)

    def double(self) -> Self:
        """Convert all floating parameters and buffers to float64; returns itself."""
        return self.to(ag.float64)

    # --- state ------------------------------------------------------------------------------------------------

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Copies of all parameters and persistent buffers by path, with PyTorch's keys and layouts.

        They are copies, so training on does not change them; a tensor registered under several paths is copied once.

        Args:
            prefix: put before every key, ``"encoder."`` for instance.
            keep_vars: give the tensors themselves instead.
        """
        return states.collect(self, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> states.IncompatibleKeys:
        """Copy the tensors of a state dictionary into this module's.

        Args:
            state_dict: from paths to tensors or arrays (PyTorch's CPU tensors serve too), each of the shape it has
                here; dtypes are converted.
            strict: whether missing and unexpected keys are errors.

        Returns:
            The named tuple ``(missing_keys, unexpected_keys)``.

        Raises:
            RuntimeError: listing every missing and unexpected key, wrong shape and unreadable entry; nothing has
                been changed then.
        """
        return states.load(self, state_dict, strict)

    # --- hooks ------------------------------------------------------------------------------------------------

    def _demand_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Before each call run ``hook(module, arguments)``, which may return other arguments.

        Args:
            hook: returns None, the new arguments as a tuple, or the only argument.
            prepend: run it before the hooks there are.
            with_kwargs: run ``hook(module, arguments, keyword_arguments)``, which returns None or a pair of both.
        """
        return RemovableHandle(self._demand_hooks().forward_pre, hook, with_kwargs, prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """After each call run ``hook(module, arguments, output)``, which may return another output.

        Args:
            hook: returns None or the new output.
            prepend: run it before the hooks there are.
            with_kwargs: run ``hook(module, arguments, keyword_arguments, output)``.
        """
        return RemovableHandle(self._demand_hooks().forward, hook, with_kwargs, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Run ``hook(module, grad_output)`` before backward passes this module; it may return other gradients."""
        return RemovableHandle(self._demand_hooks().backward_pre, hook, False, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Run ``hook(module, grad_input, grad_output)`` once backward has passed this module.

        Both are tuples of gradients, of the positional arguments and of the outputs, None for what needs none. What
        the hook returns takes the place of `grad_input`. Without inputs that need gradients it runs when
        `grad_output` is known.
        """
        return RemovableHandle(self._demand_hooks().backward, hook, False, prepend)

    # --- text -------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What :func:`repr` shows of this module beside its children; for subclasses to define."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        children = [(name, self.__dict__[name]) for name, kind in self._members.items() if kind == MODULE]
        child_lines = [indented(f"({name}): {child!r}") for name, child in children]
        name = type(self).__name__
        if len(extra_lines) == 1 and not child_lines:
            return f"{name}({extra_lines[0]})"
        lines = "".join(f"\n  {line}" for line in extra_lines + child_lines)
        return f"{name}({lines}\n)" if lines else f"{name}()"


def indented(text: str) -> str:
    """`text` with every line after the first moved in by two columns."""
    return text.replace("\n", "\n  ")


def _convert(parameter: Parameter, dtype: Any) -> None:
    """Give a floating parameter another dtype without making another object of it."""
    if not parameter.is_floating_point() or parameter.dtype == dtype:
        return
    gradient = parameter.grad
    parameter.grad = None
    Tensor.__init__(parameter, parameter.detach(), dtype, parameter.requires_grad)
    if gradient is not None:
        parameter.grad = gradient.detach().to(dtype)


__all__ = ["Module"]
