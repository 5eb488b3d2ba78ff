"""The Tensor: an array, its place in the graph, and nothing else.

The operators and most methods are attached by :mod:`autograd_core.ops`, where each operation is declared once, and
``backward`` by :mod:`autograd_core.backward`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .broadcasting import Shape, normalize_dim
from .errors import GraphError
from .graph import Accumulator, Node, RemovableHandle, VersionCell
from .kernels.boundary import dense_order
from .storage import UncheckedTensor, as_array

_new = object.__new__


class Tensor(UncheckedTensor):
    """A NumPy array that remembers how it was computed.

    ``Tensor(data)`` copies `data`; :func:`autograd_core.from_numpy` shares it instead. Names, signatures and
    semantics are PyTorch's.

    Args:
        data: numbers, nested sequences of numbers, an array or another tensor, of any shape. Python floats become
            the default dtype (float32); arrays keep theirs.
        dtype: float32, float64, an integer dtype or bool; None keeps or infers it.
        requires_grad: whether operations on it are recorded and gradients gathered in ``grad``.

    Raises:
        TypeError: for dtypes the engine lacks, for a list of tensors, and for integers with ``requires_grad``.

    Example:
        >>> from autograd_core import Tensor
        >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4., 6.])
    """

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._array = as_array(data, dtype, copy=True)
        self._node = None
        self._version = None
        self._base = None
        self._accumulator = None
        if requires_grad:
            self.requires_grad = True

    if TYPE_CHECKING:
        # Operations are attached as methods when they are declared; PyTorch's names and signatures.
        def backward(
            self,
            gradient: Any = None,
            retain_graph: bool | None = None,
            create_graph: bool = False,
            inputs: Any = None,
        ) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            raise AttributeError(_missing_attribute(type(self), name)) from None

    # --- what it is -------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The size of each dimension."""
        return self._array.shape

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[normalize_dim(dim, self.ndim, "size")]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        return self._array.dtype

    @property
    def nbytes(self) -> int:
        """The bytes its elements take."""
        return self._array.nbytes

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in row-major order without gaps."""
        return self._array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is float32 or float64."""
        return self._array.dtype.kind == "f"

    # --- its place in the graph -------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start or stop gathering gradients for this leaf tensor; returns itself.

        Raises:
            TypeError: if the dtype is not floating.
            GraphError: if the tensor was computed, so that its history decides.
        """
        if requires_grad == self.requires_grad:
            return self
        if not requires_grad:
            if not self.is_leaf:
                raise GraphError("requires_grad of a computed tensor cannot be turned off; use detach()")
            self._node = None
        else:
            if self._array.dtype.kind != "f":
                raise TypeError(f"only floating tensors can require gradients, this one is {self._array.dtype}")
            self._node = self._demand_accumulator()
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not computed from tensors that require gradients."""
        return type(self._node) is not Node

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this tensor, None for leaves."""
        return self._node if isinstance(self._node, Node) else None

    def _demand_accumulator(self) -> Accumulator:
        found = self._accumulator
        if found is None:
            array = self._array
            found = self._accumulator = Accumulator(array.shape, array.dtype, order=dense_order(array))
        return found

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered so far, None before any backward pass.

        Computed tensors have one only after :meth:`retain_grad`; reading theirs without it warns.
        """
        accumulator = self._accumulator
        if accumulator is not None:
            found: Tensor | None = accumulator.grad
            return found
        if type(self._node) is Node:
            warnings.warn(
                "reading .grad of a tensor that was computed, which is not gathered; call retain_grad() on it before "
                "backward, or read the .grad of the leaf tensors it was computed from",
                UserWarning,
                stacklevel=2,
            )
        return None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad must be a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"grad must have the tensor's shape {self.shape} and dtype {self.dtype}, "
                    f"got {value.shape} and {value.dtype}"
                )
        self._demand_accumulator().grad = value

    @property
    def name(self) -> str | None:
        """What pictures of the graph call this tensor, None unless it was named."""
        return None if self._accumulator is None else self._accumulator.name

    @name.setter
    def name(self, value: str | None) -> None:
        self._demand_accumulator().name = value

    def retain_grad(self) -> None:
        """Gather the gradient of this computed tensor too; nothing to do for leaves."""
        if isinstance(self._node, Node):
            self._node.demand_extras().retained = self._demand_accumulator()
        elif self._node is None:
            raise GraphError("retain_grad() needs a tensor that requires gradients")

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook` with this tensor's total gradient in every backward pass; what it returns replaces it."""
        if self._node is None:
            raise GraphError("register_hook() needs a tensor that requires gradients")
        hooks = self._node.hooks if isinstance(self._node, Accumulator) else self._node.demand_extras().hooks
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook` with this leaf tensor each time after its ``grad`` has been updated."""
        if not isinstance(self._node, Accumulator):
            raise GraphError("post-accumulate hooks belong to leaf tensors that require gradients")
        # The accumulator must not hold the tensor, or the two would keep each other alive.
        import weakref

        reference = weakref.ref(self)

        def call(_: Any) -> None:
            tensor = reference()
            if tensor is not None:
                hook(tensor)

        if not callable(hook):
            raise TypeError(f"a hook must be callable, got {type(hook).__name__}")
        return RemovableHandle(self._node.post_hooks, call)

    def detach(self) -> Tensor:
        """The same memory outside the graph; in-place changes of either are noticed by both."""
        return wrap(self._array, None, cell_of(self))

    def detach_(self) -> Self:
        """Cut this tensor from its history, in place."""
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph, as :meth:`detach` gives it."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data must be a Tensor, got {type(value).__name__}")
        if self.requires_grad and value.dtype.kind != "f":
            raise TypeError(f"data of a tensor that requires gradients must be floating, got {value.dtype}")
        self._array = value._array
        accumulator = self._demand_accumulator()
        accumulator.shape, accumulator.dtype = value.shape, value.dtype
        cell_of(self)[0] += 1

    @property
    def version(self) -> int:
        """How often the memory of this tensor was changed in place."""
        return cell_of(self)[0]

    _version_counter = version

    def _demand_version(self) -> VersionCell:
        cell = [0]
        _set_version(self, cell)
        return cell

    # --- leaving for Python and NumPy -------------------------------------------------------------------------

    def numpy(self) -> np.ndarray:
        """The array itself, shared: changes through it are not seen by version counters.

        Raises:
            GraphError: if the tensor requires gradients; use ``.detach().numpy()``.
        """
        if self._node is not None:
            raise GraphError("this tensor requires gradients: use .detach().numpy() to leave the graph")
        return self._array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"converting {array.dtype} to {np.dtype(dtype)} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **arguments: Any) -> Any:
        if self._node is not None:
            raise BufferError("this tensor requires gradients: export tensor.detach()")
        return self._array.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def item(self) -> bool | int | float:
        """The value of a tensor with one element as a Python number."""
        if self._array.size != 1:
            raise ValueError(f"item() needs a tensor with one element, this one has shape {self.shape}")
        value: bool | int | float = self._array.item()
        return value

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._array.tolist()

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ValueError(f"the truth value of a tensor with shape {self.shape} is ambiguous: use .any() or .all()")
        return bool(self._array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError(f"only an integer tensor with one element is an index, this is {self.dtype} {self.shape}")
        return int(self._array.item())

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("a 0-d tensor has no length")
        return self._array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return (self[position] for position in range(self._array.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self._array == (value._array if isinstance(value, Tensor) else value)))

    __hash__ = object.__hash__

    def __format__(self, specification: str) -> str:
        return format(self.item(), specification) if specification else repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy with memory of its own; a computed tensor's copy is a leaf outside the graph."""
        copied = _new(type(self))
        copied._array = self._array.copy()
        copied._node = copied._version = copied._base = copied._accumulator = None
        memo[id(self)] = copied
        if self.requires_grad and self.is_leaf:
            accumulator = copied._demand_accumulator()
            own = self._demand_accumulator()
            accumulator.name = own.name
            accumulator.grad = None if own.grad is None else own.grad.__deepcopy__(memo)
            copied._node = accumulator
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.is_leaf:
            raise GraphError("a computed tensor cannot be pickled with its graph: use .detach()")
        return _rebuild, (type(self), np.ascontiguousarray(self._array).reshape(self.shape), self.requires_grad)


def _rebuild(kind: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    tensor = _new(kind)
    # An unpickled array has a dtype object of its own; as_array gives it the one the engine compares with.
    tensor._array = as_array(array)
    tensor._node = tensor._version = tensor._base = tensor._accumulator = None
    tensor.requires_grad_(requires_grad)
    return tensor


def wrap(array: np.ndarray, node: Node | Accumulator | None, version: VersionCell | None = None) -> Tensor:
    """Make a tensor around `array` as it is, without copying or checking: for the engine's own results."""
    tensor: Any = UncheckedTensor()
    tensor._array = array
    tensor._node = node
    tensor._version = version
    tensor._base = tensor._accumulator = None
    tensor.__class__ = Tensor  # the same layout, with checks added
    return tensor


def cell_of(tensor: Tensor) -> VersionCell:
    """The version cell a tensor shares with its views, made at first need."""
    return tensor._version or tensor._demand_version()


def make_view(tensor: Tensor, base: Tensor) -> None:
    """Let a new tensor that shows memory of `base` count its changes with it, and follow its history."""
    _set_version(tensor, base._version or base._demand_version())
    _set_base(tensor, base)


# Past Tensor's own __setattr__, for its cost.
_set_version: Callable[[Tensor, VersionCell], None] = UncheckedTensor.__dict__["_version"].__set__
_set_base: Callable[[Tensor, Tensor], None] = UncheckedTensor.__dict__["_base"].__set__


def _missing_attribute(kind: type, name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, [n for n in dir(kind) if not n.startswith("_")], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{kind.__name__!r} object has no attribute {name!r}{hint}"
