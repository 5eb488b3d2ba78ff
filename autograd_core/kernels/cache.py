"""Compiled kernels on disk: one self-checking file for each kernel and signature.

Numba's own cache keeps an index beside the data, tied to the time stamp of one source file. That breaks in the ways
its users report: a truncated file raises, two processes that compile different signatures at once can leave an index
that names the wrong data, and an edited helper in another file is not noticed. Here a file's name is a hash of
everything the machine code depends on, its content carries a checksum, and whatever is wrong with it counts as a
miss. A cache never raises.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pathlib
import pickle
import platform
import sys
import threading
import types
import uuid
from typing import Any

import numba
import numpy as np
from llvmlite import binding
from numba.core import caching
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

from autograd_core.kernels.directory import cache_directory, look_after

# Changes with the layout of the files below.
_MAGIC = b"autograd-core kernel 1\n"

# Settings of Numba that change what is compiled are part of the key; these do not, and must not cause recompilation.
_HARMLESS_SETTINGS = frozenset(
    ("NUMBA_CACHE_DIR", "NUMBA_DEBUG_CACHE", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER")
)

_compiled: list[str] = []
_loaded: list[str] = []
_source_hashes: dict[str, str] = {}
_generated_lock = threading.Lock()


def _package_version() -> str:
    try:
        return importlib.metadata.version("autograd-core")
    except importlib.metadata.PackageNotFoundError:
        return "0"


@functools.cache
def cache_key() -> str:
    """A hash of everything that all kernels share: sources, versions, interpreter, processor, Numba's settings."""
    digest = hashlib.sha256()
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name not in _HARMLESS_SETTINGS
    )
    parts = (
        _package_version(),
        numba.__version__,
        np.__version__,
        sys.implementation.cache_tag or platform.python_version(),
        sys.platform,
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        *settings,
    )
    digest.update("\0".join(parts).encode())
    directory = pathlib.Path(__file__).parent
    for path in sorted(directory.rglob("*.py")):
        digest.update(str(path.relative_to(directory)).encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def kernel_directory() -> pathlib.Path:
    """The directory of this key inside :func:`cache_directory`; it may not exist yet."""
    return cache_directory() / cache_key()


@functools.cache
def _look_after(directory: pathlib.Path) -> None:
    """Once a process: note that it uses the directory, and remove those of other keys that nobody does."""
    look_after(directory)


def write_atomically(path: pathlib.Path, content: bytes) -> bool:
    """Write `path` so that a reader sees all of `content` or none; False if that is impossible."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:  # also on KeyboardInterrupt; after a successful replace there is nothing to remove
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError:
        return False
    return True


def _source_hash(filename: str) -> str:
    """The hash of a source file, so that a kernel outside this package is compiled again after an edit."""
    found = _source_hashes.get(filename)
    if found is None:
        try:
            found = hashlib.sha256(pathlib.Path(filename).read_bytes()).hexdigest()
        except OSError:
            found = ""
        _source_hashes[filename] = found
    return found


def _is_constant(value: Any) -> bool:
    """Whether `repr(value)` says all there is to say, the same in every process."""
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, (bool, int, float, str, bytes, np.number))


def _external_symbols(library: Any) -> tuple[str, ...]:
    """The names that compiled code expects to find in the process."""
    module = library._final_module
    values = (*module.functions, *module.global_variables)
    return tuple(value.name for value in values if value.is_declaration and not value.name.startswith("llvm."))


def _describe(value: Any, seen: set[int]) -> str:
    """What a global that a kernel names contributes to its code: a number's value, a helper's whole source."""
    if _is_constant(value):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    function = getattr(value, "py_func", None)
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return ""
    seen.add(id(function))
    code = function.__code__
    own = f"{function.__module__}.{function.__qualname__}:{code.co_firstlineno}:{_source_hash(code.co_filename)}"
    return f"{own}({_globals_of(function, seen)})"


def _globals_of(function: types.FunctionType, seen: set[int]) -> str:
    """The globals frozen into compiled code, for they may be rebound, or live in other files that get edited."""
    found = function.__globals__
    return ";".join(f"{name}={_describe(found[name], seen)}" for name in _names(function.__code__) if name in found)


def _names(code: types.CodeType) -> list[str]:
    inner = [name for constant in code.co_consts if isinstance(constant, types.CodeType) for name in _names(constant)]
    return [*code.co_names, *inner]


class KernelCache(caching._Cache):
    """What Numba's dispatcher asks for compiled code; also counts what was compiled and what was loaded."""

    def __init__(self, function: types.FunctionType, options: str) -> None:
        code = function.__code__
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        source = _source_hash(code.co_filename)
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        # A function typed at a prompt has no file to hash, and a closure over an object has no stable text: both
        # are compiled and not kept.
        self._enabled = bool(source) and all(map(_is_constant, cells))
        self._function = function
        self._identity = "\0".join(
            (function.__module__, function.__qualname__, str(code.co_firstlineno), options, source, repr(cells))
        )

    @property
    def cache_path(self) -> str:
        return str(kernel_directory())

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing is held in memory."""

    def _path(self, signature: Any, target: tuple[str, ...]) -> pathlib.Path | None:
        described = str(signature)
        if not self._enabled or " at 0x" in described:  # an address: a function passed as an argument
            return None
        # Read now rather than when the kernel was defined, as its module may define what it names further down.
        frozen = _globals_of(self._function, {id(self._function)})
        text = "\0".join((self._identity, frozen, described, *map(str, target)))
        readable = "".join(c if c.isalnum() or c in "._" else "-" for c in self._name)[:80]
        return kernel_directory() / f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """The compiled function for `sig`, or None: absent, unreadable, damaged, from another world."""
        result = None
        # Whatever a damaged file makes pickle or LLVM raise, the answer is to compile.
        with contextlib.suppress(Exception):
            path = self._path(sig, target_context.codegen().magic_tuple())
            if path is not None:
                _look_after(path.parent)
                result = self._read(path, target_context)
        (_compiled if result is None else _loaded).append(f"{self._name}{sig}")
        return result

    def _read(self, path: pathlib.Path, target_context: Any) -> CompileResult | None:
        content = path.read_bytes()
        start = len(_MAGIC) + hashlib.sha256().digest_size
        payload = content[start:]
        if content[:start] != _MAGIC + hashlib.sha256(payload).digest():
            return None
        symbols, starters, parts = pickle.loads(payload)
        # Numba's refresh() imports all that Numba can compile (and SciPy, if there is one): a quarter of a second that
        # loaded code needs only if it calls a function that one of those modules provides.
        rtsys.initialize(target_context)
        for starter in starters:  # of the thread pool, whose functions are among the symbols
            starter()
        if not all(map(binding.address_of_symbol, symbols)):
            target_context.refresh()
        result: CompileResult = CompileResult._rebuild(target_context, *parts)
        return result

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep `data`, the compiled function for `sig`, if that can be done."""
        if data.library.has_dynamic_globals or any(not lifted.can_cache for lifted in data.lifted):
            return  # addresses of this process are baked in
        with contextlib.suppress(Exception):
            path = self._path(sig, data.codegen.magic_tuple())
            if path is not None:
                payload = dumps((_external_symbols(data.library), data.reload_init, data._reduce()))
                write_atomically(path, _MAGIC + hashlib.sha256(payload).digest() + payload)


def compile_statistics() -> tuple[int, int]:
    """How many kernel signatures this process has compiled, and how many it has loaded from the cache."""
    return len(_compiled), len(_loaded)


def compile_log() -> tuple[str, ...]:
    """The compiled signatures by name, oldest first: what to print when a step compiled more than it should."""
    return tuple(_compiled)


def _holds(path: pathlib.Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def load_generated(name: str, source: str) -> types.ModuleType:
    """Import `source` as a module whose kernels are cached; equal sources give the same module.

    The text is kept as ``generated/<name>_<hash>.py`` beside the compiled kernels, for tracebacks and the curious.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    stem = f"{name}_{digest[:20]}"
    module_name = f"autograd_core_generated_{stem}"
    with _generated_lock:
        known = sys.modules.get(module_name)
        if known is not None:
            return known
        path = kernel_directory() / "generated" / f"{stem}.py"
        content = source.encode()
        if not _holds(path, content):
            write_atomically(path, content)
        module = types.ModuleType(module_name, f"Generated by autograd_core for {name}.")
        module.__file__ = str(path)
        # A cached kernel finds its globals through sys.modules, so the module must be there before it runs. The text
        # runs from memory: what lies on the disk is never executed.
        sys.modules[module_name] = module
        _source_hashes[str(path)] = digest
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except BaseException:
            del sys.modules[module_name]
            raise
    return module
