"""The base of all optimisers: parameter groups, state, and the step that runs an update rule as one fused loop."""

from __future__ import annotations

import copy
import inspect
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import autograd_core as ag

from . import checkpoint
from .groups import read_group, read_groups
from .options import Check

Group = dict[str, Any]
State = dict[str, Any]
Closure = Callable[[], Any]


class Optimizer:
    """Base class of all optimisers.

    A subclass declares its options and their checks in `_options`, writes its update rule as a scalar formula
    (:meth:`_formula`) and computes the formula's numbers for a step (:meth:`_scalars`); everything else is here. A
    subclass may instead define :meth:`step` itself.

    Parameters whose ``grad`` is None are skipped: they do not move, decay or age. A gradient of zeros is a gradient,
    and they are stepped. Values change in place, in the memory the parameters have, whatever its layout; float32
    stays float32. Step counts are kept for each parameter, and bias corrections are computed in float64.

    Args:
        params: an iterable of tensors, of ``(name, tensor)`` pairs as ``named_parameters()`` gives them, or of
            dictionaries that describe parameter groups: ``"params"`` and, for that group only, any options.
        defaults: values of the options for groups that do not give their own.

    Attributes:
        param_groups: one dictionary for each group: its options, and its tensors under ``"params"``.
        state: for each stepped parameter a dictionary of its moments and its step count.
        defaults: the options of groups that do not give their own.
        steps_taken: how often :meth:`step` has run.

    Raises:
        TypeError: if the parameters are no tensors, unordered, or an option is of the wrong type.
        ValueError: if there are no parameters, one occurs twice, one was computed from others, or an option is out
            of range. No optimiser exists then, and nothing has been changed.

    Example:
        >>> import autograd_core as ag, optim
        >>> weight = ag.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = optim.SGD([weight], lr=0.25)
        >>> optimizer.zero_grad()
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([ 0.5000, -1.0000], requires_grad=True)
    """

    # For each option its check; the order is that of `defaults`.
    _options: ClassVar[Mapping[str, Check]] = {}
    # Entries of a parameter's state that are numbers, with their type, and the names its tensors may have.
    _numbers: ClassVar[Mapping[str, type]] = {"step": int}
    _buffers: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any]) -> None:
        self.defaults: Group = self._checked(dict(defaults))
        self.state: defaultdict[ag.Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self.steps_taken = 0
        self._updates: dict[Hashable, ag.FusedUpdate] = {}
        for group in read_groups(type(self).__name__, params):
            self.add_param_group(group)

    # --- what a subclass provides -----------------------------------------------------------------------------

    def _variant(self, group: Group) -> tuple[Hashable, ...]:
        """What decides the formula, of a group's options: the arguments of :meth:`_formula`."""
        return ()

    def _formula(self, *variant: Any) -> Callable[..., Any]:
        """The update rule: of ``parameter``, ``gradient``, the state's tensors by their names, and numbers by name.

        It returns the new parameter and the new tensors of the state, in this order.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither an update rule nor step()")

    def _ages(self, states: Sequence[State]) -> list[Any]:
        """What decides the numbers of a step, for each parameter: those that agree in it share a call."""
        return [state.get("step", 0) for state in states]

    def _scalars(self, group: Group, age: Any) -> tuple[dict[str, float], State]:
        """The formula's numbers, for parameters that were `age` before the step; and the new numbers of their state."""
        raise NotImplementedError

    def _check_together(self, label: str, options: Group) -> None:
        """Raise if options that are good alone do not go together."""

    def _initial(self, name: str, group: Group) -> float:
        """What a tensor of the state is filled with before the first step."""
        return 0.0

    # --- stepping ---------------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Change every parameter that has a gradient once.

        Args:
            closure: clears the gradients, computes the loss, calls backward and returns the loss; run first, with
                recording enabled.

        Returns:
            What `closure` returned; None without it.
        """
        loss = None
        if closure is not None:
            with ag.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        self.steps_taken += 1
        return loss

    def _step_group(self, group: Group) -> None:
        parameters: list[ag.Tensor] = []
        gradients: list[ag.Tensor] = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is not None:
                parameters.append(parameter)
                gradients.append(gradient)
        if not parameters:
            return
        update = self._update(group)
        states = [*map(self.state.__getitem__, parameters)]
        ages = self._ages(states)
        first = ages[0]
        if ages.count(first) == len(ages):
            self._run(update, group, first, parameters, gradients, states)
            return
        for age in dict.fromkeys(ages):
            chosen = [index for index, other in enumerate(ages) if other == age]
            self._run(
                update,
                group,
                age,
                [parameters[index] for index in chosen],
                [gradients[index] for index in chosen],
                [states[index] for index in chosen],
            )

    def _run(
        self,
        update: ag.FusedUpdate,
        group: Group,
        age: Hashable,
        parameters: Sequence[ag.Tensor],
        gradients: Sequence[ag.Tensor],
        states: Sequence[State],
    ) -> None:
        """One call of the update for parameters of one age; the state is changed only once that has succeeded."""
        scalars, numbers = self._scalars(group, age)
        names = update.operands[2:]
        made: list[tuple[State, str, ag.Tensor]] = []
        try:
            columns = [[state[name] for state in states] for name in names]
        except KeyError:
            columns = [self._column(name, group, parameters, states, made) for name in names]
        update(parameters, gradients, *columns, **scalars)
        for owner, name, tensor in made:
            owner[name] = tensor
        for name, number in numbers.items():
            for owner in states:
                owner[name] = number

    def _column(
        self,
        name: str,
        group: Group,
        parameters: Sequence[ag.Tensor],
        states: Sequence[State],
        made: list[tuple[State, str, ag.Tensor]],
    ) -> list[ag.Tensor]:
        """One tensor of each state; those that are missing are made, and noted in `made`."""
        column = []
        for parameter, state in zip(parameters, states, strict=True):
            if name not in state:
                made.append((state, name, ag.full(parameter.shape, self._initial(name, group), dtype=parameter.dtype)))
            column.append(state[name] if name in state else made[-1][2])
        return column

    def _update(self, group: Group) -> ag.FusedUpdate:
        variant = self._variant(group)
        update = self._updates.get(variant)
        if update is None:
            formula = self._formula(*variant)
            entries = inspect.signature(formula).parameters.values()
            operands = [entry.name for entry in entries if entry.kind is not entry.KEYWORD_ONLY]
            update = ag.FusedUpdate(formula, updates=[name for name in operands if name != "gradient"])
            self._updates[variant] = update
        return update

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with ``set_to_none=False`` keep the tensors and fill them with 0."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    # A gradient that was recorded must not be changed where its graph can see it.
                    if parameter.grad.requires_grad:
                        parameter.grad = parameter.grad.detach()
                    with ag.no_grad():
                        parameter.grad.zero_()

    # --- groups -----------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group of parameters, for instance layers that were frozen so far.

        Args:
            param_group: ``"params"``, as for the optimiser itself, and options that differ from the defaults.

        Raises:
            TypeError, ValueError: as the constructor; the optimiser is unchanged then.
        """
        group = read_group(type(self).__name__, param_group, self.param_groups)
        self.param_groups.append(self._checked({**self.defaults, **group}))

    def _checked(self, options: Group) -> Group:
        """The options in the form they are stored in."""
        label = type(self).__name__
        for name, check in self._options.items():
            if name in options:
                options[name] = check(f"{label}: {name}", options[name])
        self._check_together(label, options)
        return options

    # --- saving and loading -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything the next step depends on beside parameters and gradients, in PyTorch's layout.

        ``"state"`` holds the parameters' states by the parameters' position, counted over all groups;
        ``"param_groups"`` the groups with positions in place of tensors. It shares no memory with the optimiser.
        """
        return checkpoint.save(self.param_groups, self.state)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over copies of the state and the options in `state_dict`, of this package or of PyTorch.

        Parameters are matched by position. Floating state takes the dtype of its parameter; options that
        `state_dict` lacks stay as they are.

        Raises:
            TypeError: if it is not such a dictionary.
            ValueError: if groups, numbers of parameters, shapes, names or options do not fit; the message lists all
                that do not, and nothing has been loaded.
        """
        groups, state = checkpoint.load(self, state_dict)
        self.param_groups = [self._checked(group) for group in groups]
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_updates": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return copied

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {index}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])
