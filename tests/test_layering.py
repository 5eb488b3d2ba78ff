"""The rooms of the packages, bottom to top: each imports only rooms below it. Read from the source, nothing is run."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import autograd_core as ag

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("autograd_core", "nn", "optim")

ROOMS = (
    *("errors", "dtypes", "broadcasting", "config", "lazy"),  # leaves
    "formula",
    "kernels",
    "plan",
    "elementwise_pullback",
    "op",
    "graph",
    *("anomaly", "grad_mode", "parts", "storage"),
    "tensor",
    "printing",
    "recording",
    "declaration",
    "dispatch",
    "traversal",
    "recorded",
    "backward",
    "random",
    "ops",
    *("fft", "linalg", "special"),
    "update",
    "func",
    "gradcheck",
    "visualize",
    "demos",
    "cli",
    "__main__",
)
LEVEL = {room: level for level, room in enumerate(ROOMS)}

# Modules of autograd_core that are public beside the names in its __all__.
PUBLIC_MODULES = {"formula"}
# The demos show the whole project; they import what a user would.
DEMONSTRATES = "demos"
# emit writes all modules: what others add to a loop passes through it.
GENERATORS = {"autograd_core.kernels.emit"}


@dataclass(frozen=True)
class Import:
    """One import: of which module, where, and whether it happens when the importing module is loaded."""

    source: str
    target: str
    name: str | None
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def module_name(path: pathlib.Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_of(name: str) -> Iterator[Import]:
    """The imports of a module; those under ``if TYPE_CHECKING`` do not happen and are left out."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]

    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        children = node.orelse if isinstance(node, ast.If) and is_type_checking(node) else ast.iter_child_nodes(node)
        for child in children:
            yield from read(child, at_load)
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from visit(child, at_load and not inside)

    def read(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, None, node.lineno, at_load)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                target = full if full in MODULES else base
                yield Import(name, target, None if target == full else alias.name, node.lineno, at_load)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_import":
            argument = node.args[0]
            assert isinstance(argument, ast.Constant)
            yield Import(name, argument.value, None, node.lineno, False)

    yield from visit(TREES[name], True)


IMPORTS = [found for name in MODULES for found in imports_of(name)]
OWN = [found for found in IMPORTS if found.target.split(".")[0] in PACKAGES]


def room_of(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.split(".")[0] if package == "autograd_core" else package


def test_every_module_stands_in_a_room() -> None:
    rooms = {room_of(module) for module in MODULES if module.startswith("autograd_core.")}
    assert rooms <= LEVEL.keys(), f"give {rooms - LEVEL.keys()} a place in ROOMS"


def test_rooms_import_only_rooms_below_them() -> None:
    """Imports inside functions count too: they hide a wrong direction, they do not turn it round."""
    wrong = [
        str(found)
        for found in OWN
        if found.source.startswith("autograd_core.")
        and room_of(found.source) != DEMONSTRATES
        and (
            not found.target.startswith("autograd_core.") or LEVEL[room_of(found.target)] > LEVEL[room_of(found.source)]
        )
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_do_not_import_each_other_in_circles() -> None:
    edges: dict[str, set[str]] = {name: set() for name in MODULES}
    for found in OWN:
        # A package that is being loaded is known to its modules; only what they need of its contents matters.
        inside = found.source.startswith(found.target + ".")
        if found.at_load and found.target != found.source and not inside:
            edges[found.source].add(found.target)
    state: dict[str, int] = {}

    def search(name: str, path: list[str]) -> None:
        state[name] = 1
        for target in sorted(edges[name]):
            assert state.get(target) != 1, " -> ".join([*path[path.index(target) :], target])
            if target not in state:
                search(target, [*path, target])
        state[name] = 2

    for name in MODULES:
        if name not in state:
            search(name, [name])


@pytest.mark.parametrize("package", ["nn", "optim"])
def test_layers_and_optimisers_use_public_names_only(package: str) -> None:
    public = {*ag.__all__, *PUBLIC_MODULES}
    wrong = []
    for found in OWN:
        if found.source.split(".")[0] != package or found.target.split(".")[0] == package:
            continue
        inner = found.target.split(".")[1:] or ([found.name] if found.name else [])
        if not found.target.startswith("autograd_core") or any(name not in public for name in inner[:1]):
            wrong.append(str(found) + (f" ({found.name})" if found.name else ""))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["nn", "optim"])
def test_layers_and_optimisers_read_public_attributes_only(package: str) -> None:
    """Neither ``ag._something`` nor the slots in which a tensor keeps its state."""
    slots = {slot for kind in ag.Tensor.__mro__ for slot in getattr(kind, "__slots__", ()) if slot.startswith("_")}
    slots.discard("__weakref__")
    public = {*ag.__all__, *PUBLIC_MODULES}
    wrong = []
    for name, tree in TREES.items():
        if name.split(".")[0] != package:
            continue
        aliases = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
            if alias.name == "autograd_core"
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            of_package = isinstance(node.value, ast.Name) and node.value.id in aliases
            if node.attr in slots or (of_package and node.attr not in public):
                wrong.append(f"{name}:{node.lineno} reads {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_tests_benchmarks_or_notebooks() -> None:
    outside = {"tests", "benchmarks", "notebooks"}
    assert not [str(found) for found in IMPORTS if found.target.split(".")[0] in outside]


def test_only_kernels_import_numba() -> None:
    compilers = {"numba", "llvmlite"}
    wrong = [
        str(found)
        for found in IMPORTS
        if found.target.split(".")[0] in compilers and not found.source.startswith("autograd_core.kernels.")
    ]
    assert not wrong, "\n".join(wrong)


def test_kernels_are_compiled_in_one_place() -> None:
    compilers = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "generated_jit"}
    found = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in compilers and ast.unparse(node.value) in ("numba", "nb"))
        or (isinstance(node, ast.ImportFrom) and node.module == "numba" and compilers & {a.name for a in node.names})
    }
    assert found == {"autograd_core.kernels.jit"}


def test_code_is_generated_in_one_place() -> None:
    called: dict[str, set[str]] = {name: set() for name in TREES}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                is_name = isinstance(node.func, ast.Name)
                called[name].add(node.func.id if is_name else f".{node.func.attr}")
    assert {name for name in TREES if {"exec", "eval", "compile"} & called[name]} == {"autograd_core.kernels.cache"}
    assert {name for name in TREES if {"load_generated", ".load_generated"} & called[name]} <= GENERATORS


def test_the_reader_of_imports_sees_what_it_should() -> None:
    """A test of the test: known imports of each kind are found, with where they happen."""
    known = {(found.source, found.target): found.at_load for found in IMPORTS}
    assert known["autograd_core.op", "autograd_core.kernels.emit"] is True
    assert known["autograd_core.ops.softmax", "autograd_core.kernels.softmax"] is False  # lazy_import
    assert ("autograd_core.graph", "autograd_core.op") not in known  # for type checkers only
