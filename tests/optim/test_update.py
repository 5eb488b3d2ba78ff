"""FusedUpdate: formulas over rows of tensors, in place, on whatever memory they have."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import config
from autograd_core.kernels import jit, rows
from autograd_core.kernels.emit import CHUNK


def heavy_ball(parameter: Any, gradient: Any, velocity: Any, *, rate: Any, momentum: Any, unread: Any = 0) -> Any:
    velocity = momentum * velocity + gradient
    return parameter - rate * velocity, velocity


UPDATES = ("parameter", "velocity")
NUMBERS = {"rate": 0.25, "momentum": 0.5, "unread": 3.0}
SHAPES = [(3, 4), (5,), (), (2, 0, 3), (1, 7, 2)]


def _contiguous(array: np.ndarray) -> np.ndarray:
    return array.copy()


def _transposed(array: np.ndarray) -> np.ndarray:
    return array.T.copy().T


def _strided(array: np.ndarray) -> np.ndarray:
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 1] = array
    return wide[..., 1]


def _reversed(array: np.ndarray) -> np.ndarray:
    return array[::-1].copy()[::-1] if array.ndim else array.copy()


def _unaligned(array: np.ndarray) -> np.ndarray:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    view = memory.view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS = [_contiguous, _transposed, _strided, _reversed, _unaligned]


def _tensors(
    dtype: Any, layouts: tuple[Callable[..., Any], ...] = (_contiguous,) * 3, shapes: Any = None
) -> list[list[ag.Tensor]]:
    random = np.random.default_rng(0)
    return [
        [ag.from_numpy(layout(np.asarray(random.normal(size=shape), dtype))) for shape in shapes or SHAPES]
        for layout in layouts
    ]


def _expected(columns: list[list[ag.Tensor]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    arrays = [[tensor.numpy().astype(np.float64) for tensor in column] for column in columns]
    velocities = [0.5 * v + g for _, g, v in zip(*arrays, strict=True)]
    return [p - 0.25 * v for p, v in zip(arrays[0], velocities, strict=True)], velocities


def _check(columns: list[list[ag.Tensor]], expected: tuple[list[np.ndarray], list[np.ndarray]], dtype: Any) -> None:
    tolerance = 4 * np.finfo(dtype).eps
    for column, values in zip((columns[0], columns[2]), expected, strict=True):
        for tensor, value in zip(column, values, strict=True):
            assert tensor.dtype == dtype
            np.testing.assert_allclose(tensor.numpy(), value, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_memory_layout(dtype: Any, layout: Callable[..., Any], place: int) -> None:
    layouts = [_contiguous] * 3
    layouts[place] = layout
    columns = _tensors(dtype, tuple(layouts))
    arrays = [tensor.numpy() for tensor in columns[place]]
    gradients = [tensor.numpy().copy() for tensor in columns[1]]
    expected = _expected(columns)
    ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
    _check(columns, expected, dtype)
    assert all(tensor.numpy() is array for tensor, array in zip(columns[place], arrays, strict=True))
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(gradients, columns[1], strict=True))


def test_layouts_and_dtypes_mixed_in_one_call() -> None:
    random = np.random.default_rng(1)
    columns: list[list[ag.Tensor]] = [[], [], []]
    for index in range(20):
        dtype = np.float64 if index % 7 == 3 else np.float32
        for column in columns:
            layout = LAYOUTS[random.integers(len(LAYOUTS))]
            column.append(ag.from_numpy(layout(np.asarray(random.normal(size=(3, 5)), dtype))))
    expected = _expected(columns)
    ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
    for column, values in zip((columns[0], columns[2]), expected, strict=True):
        for tensor, value in zip(column, values, strict=True):
            np.testing.assert_allclose(tensor.numpy(), value, rtol=1e-6, atol=1e-6)


def test_read_only_gradients_are_read() -> None:
    columns = _tensors(np.float32)
    columns[1] = [ag.from_numpy(np.broadcast_to(np.float32(2), shape)) for shape in SHAPES]
    assert not columns[1][0].numpy().flags.writeable
    expected = _expected(columns)
    ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
    _check(columns, expected, np.float32)


def test_without_looking_into_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The careful way alone gives the same, for interpreters whose objects look otherwise."""
    monkeypatch.setattr(rows, "objects_readable", lambda: False)
    columns = _tensors(np.float64, (_contiguous, _strided, _transposed))
    expected = _expected(columns)
    ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
    _check(columns, expected, np.float64)


def test_objects_are_readable_here() -> None:
    """CPython with 64 bits and NumPy 2 take the fast way."""
    assert rows.objects_readable() is (not jit.DISABLED and sys.maxsize > 2**32)


@pytest.mark.parametrize(
    "shapes", [[(jit.PARALLEL_THRESHOLD + 12345,), (7,)], [(CHUNK,), (0,), (CHUNK + 1,), (3, CHUNK - 1), ()]]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_much_work_uses_threads_and_gives_the_same(shapes: Any, dtype: Any) -> None:
    threads = config.get_num_threads()
    results = []
    try:
        for number in (1, 2):
            config.set_num_threads(number)
            columns = _tensors(dtype, shapes=shapes)
            columns[0][-1] = ag.from_numpy(_strided(columns[0][-1].numpy()))
            ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
            results.append([tensor.numpy() for tensor in columns[0] + columns[2]])
    finally:
        config.set_num_threads(threads)
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)
    _check(columns, _expected(_tensors(dtype, shapes=shapes)), dtype)


def test_arrays_are_taken_too() -> None:
    parameter, gradient, velocity = np.ones(3), np.array([1.0, 2.0, 3.0]), np.zeros(3)
    ag.FusedUpdate(heavy_ball, UPDATES)([parameter], [gradient], [velocity], **NUMBERS)
    assert np.array_equal(parameter, [0.75, 0.5, 0.25])


def test_no_rows_do_nothing() -> None:
    ag.FusedUpdate(heavy_ball, UPDATES)([], [], [], **NUMBERS)


def test_changes_are_counted_and_noticed() -> None:
    parameter = ag.ones(3, requires_grad=True)
    view = parameter.detach()
    loss = (parameter * parameter).sum()
    before = parameter.version
    ag.FusedUpdate(heavy_ball, UPDATES)([parameter], [ag.ones(3)], [ag.zeros(3)], **NUMBERS)
    assert parameter.version == view.version == before + 1
    assert parameter.grad_fn is None
    assert parameter.requires_grad
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


def test_nothing_is_kept_alive() -> None:
    columns = _tensors(np.float32)
    fused = ag.FusedUpdate(heavy_ball, UPDATES)
    fused(*columns, **NUMBERS)
    watched = [weakref.ref(tensor) for column in columns for tensor in column]
    gc.disable()
    try:
        del columns
        assert all(reference() is None for reference in watched)
    finally:
        gc.enable()


def test_conditions_constants_and_functions() -> None:
    from autograd_core import formula as f

    def clipped(parameter: Any, gradient: Any, *, bound: Any) -> Any:
        size = f.abs(gradient)
        return parameter - f.where(size > bound, bound * f.sign(gradient), gradient) / 2 + f.sqrt(size) * 0

    parameter, gradient = ag.zeros(4), ag.tensor([0.5, -3.0, 3.0, 0.0])
    ag.FusedUpdate(clipped, ["parameter"])([parameter], [gradient], bound=2.0)
    assert parameter.tolist() == [-0.25, 1.0, -1.0, 0.0]


def test_numbers_enter_in_the_dtype_of_the_arrays() -> None:
    """A float64 number does not lift float32 arithmetic: the result is that of float32 throughout."""
    parameter = ag.tensor(np.float32([1 / 3, 2 / 3]))
    gradient = ag.tensor(np.float32([0.1, 0.7]))
    expected = parameter.numpy() - np.float32(0.1) * gradient.numpy()

    def descend(parameter: Any, gradient: Any, *, rate: Any) -> Any:
        return parameter - rate * gradient

    ag.FusedUpdate(descend, ["parameter"])([parameter], [gradient], rate=np.float64(0.1))
    assert parameter.dtype == np.float32
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=2e-7)


# --- errors ---------------------------------------------------------------------------------------------------------


def _bad_rows() -> list[Any]:
    read_only = np.ones(3, np.float32)
    read_only.flags.writeable = False
    return [
        pytest.param(0, ag.from_numpy(read_only), ValueError, "read-only", id="read-only"),
        pytest.param(1, ag.ones(4), ValueError, r"gradient has the shape \(4,\).*\(3,\)", id="longer gradient"),
        pytest.param(1, ag.ones(3, 1), ValueError, r"\(3, 1\)", id="other shape of one size"),
        pytest.param(2, ag.ones(2), ValueError, "velocity", id="shorter velocity"),
        pytest.param(1, ag.ones(3, dtype=ag.float64), TypeError, "gradient is float64.*float32", id="wider gradient"),
        pytest.param(1, ag.ones(3, dtype=ag.int64), TypeError, "int64", id="integers"),
        pytest.param(2, [0.0, 0.0, 0.0], TypeError, "list", id="no tensor"),
    ]


@pytest.mark.parametrize(("place", "entry", "error", "message"), _bad_rows())
@pytest.mark.parametrize("row", [0, 2])
def test_bad_rows_change_nothing(place: int, entry: Any, error: type[Exception], message: str, row: int) -> None:
    columns: list[list[Any]] = [[ag.ones(3) for _ in range(3)] for _ in range(3)]
    columns[place][row] = entry
    with pytest.raises(error, match=message):
        ag.FusedUpdate(heavy_ball, UPDATES)(*columns, **NUMBERS)
    for column in columns:
        for tensor in column:
            assert tensor is entry or (tensor.numpy() == 1).all()


def test_calls_that_do_not_fit() -> None:
    fused = ag.FusedUpdate(heavy_ball, UPDATES)
    row = [ag.ones(3)]
    with pytest.raises(TypeError, match=r"3 sequences of .*parameter, gradient, velocity.*got sequences of 1, 1 "):
        fused(row, row, **NUMBERS)
    with pytest.raises(TypeError, match="rate, momentum, unread; got sequences of 1, 1, 1 and the numbers rate"):
        fused(row, row, row, rate=1.0)
    with pytest.raises(TypeError, match="other"):
        fused(row, row, row, **NUMBERS, other=1.0)
    with pytest.raises(ValueError, match="sequences of 1, 2, 1 and"):
        fused(row, row * 2, row, **NUMBERS)
    with pytest.raises((TypeError, ValueError)):
        fused(row, row, row, **{**NUMBERS, "rate": "fast"})
    assert (row[0].numpy() == 1).all()


def test_formulas_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="'weight'"):
        ag.FusedUpdate(heavy_ball, ("weight",))
    with pytest.raises(ValueError, match="one or more"):
        ag.FusedUpdate(heavy_ball, ())
    with pytest.raises(ValueError, match="each once"):
        ag.FusedUpdate(heavy_ball, ("parameter", "parameter"))
    with pytest.raises(ValueError, match="2 values for 1"):
        ag.FusedUpdate(heavy_ball, ("parameter",))
    with pytest.raises(TypeError, match="operand"):
        ag.FusedUpdate(lambda *operands: operands[0], ("operands",))
    with pytest.raises(ValueError, match="'size'"):
        ag.FusedUpdate(lambda parameter, *, size: parameter * size, ("parameter",))
    with pytest.raises(TypeError, match="str"):
        ag.FusedUpdate(lambda parameter: "new", ("parameter",))
    with pytest.raises(TypeError, match="where"):
        ag.FusedUpdate(lambda parameter: 1 if parameter > 0 else parameter, ("parameter",))


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
def test_numba_is_not_imported_before_the_first_call_and_kernels_are_cached(tmp_path: Any) -> None:
    script = """
import sys
import numpy as np
import autograd_core as ag, optim
parameter = ag.tensor(np.ones(3), requires_grad=True)
parameter.grad = ag.tensor(np.ones(3))
optimizer = optim.Adam([parameter], lr=0.5)
assert "numba" not in sys.modules
optimizer.step()
assert "numba" in sys.modules
from autograd_core.kernels.jit import compile_statistics
print(*compile_statistics(), parameter.tolist())
"""
    environment = {**os.environ, "AUTOGRAD_CORE_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    outputs = [run.stdout.split() for run in runs]
    assert outputs[0][0] == "1", "one kernel in a step of small tensors"
    assert outputs[1][:2] == ["0", "1"], "the next process compiles nothing"
    assert outputs[0][2:] == outputs[1][2:]


def test_without_a_compiler() -> None:
    script = """
import numpy as np
import autograd_core as ag, optim
parameter = ag.tensor(np.ones((2, 3)).T, requires_grad=True)
parameter.grad = ag.tensor(np.full((3, 2), 2.0))
optimizer = optim.SGD([parameter], lr=0.25, momentum=0.5)
optimizer.step()
optimizer.step()
assert (parameter.detach().numpy() == -0.25).all(), parameter
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, check=True)
