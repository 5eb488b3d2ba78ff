"""Kernels, threads and layers: sections 2D to 2F of the semantics where no other file names the row."""

from __future__ import annotations

import math
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import config
from autograd_core.kernels.loop import Loop
from autograd_core.op import REGISTRY
from tests.kernels.process import ROOT, run

functional = nn.functional


# --- layers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: nn.LayerNorm(64), lambda: nn.GroupNorm(1, 64)])
def test_semantics_84_normalisation_keeps_its_digits_at_a_large_mean(make: Any) -> None:
    x = (1e4 + 0.1 * np.random.default_rng(0).standard_normal((5, 64))).astype(np.float32)
    wide = x.astype(np.float64)
    centred = wide - wide.mean(1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(make()(ag.tensor(x)).detach().numpy(), expected, atol=1e-3)
    constant = make()(ag.full((2, 64), 3e3)).detach().numpy()
    assert not constant.any()


def test_semantics_88_embedding_rows() -> None:
    weight = ag.tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)
    functional.embedding(ag.tensor([1, 2, 1, 0]), weight, padding_idx=0).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0.0] * 3, [2.0] * 3, [1.0] * 3, [0.0] * 3]
    for wrong in (4, -1):
        with pytest.raises(IndexError):
            functional.embedding(ag.tensor([wrong]), weight)


def test_semantics_97_sizes_of_convolutions(torch: Any) -> None:
    for size, kernel, stride, padding, dilation in ((7, 3, 2, 1, 1), (8, 3, 2, 0, 2), (5, 2, 3, 1, 1), (6, 1, 4, 0, 1)):
        x, w = np.ones((1, 2, size, size), np.float32), np.ones((3, 2, kernel, kernel), np.float32)
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        found = functional.conv2d(ag.tensor(x), ag.tensor(w), **options).shape
        assert found == tuple(torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), **options).shape)
    with pytest.raises(ValueError, match="kernel"):
        functional.conv2d(ag.ones(1, 1, 2, 2), ag.ones(1, 1, 3, 3))


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (10, 2, 5), (9, 4, 3)])
def test_semantics_98_gradients_of_trailing_pixels_are_zero(size: int, kernel: int, stride: int, torch: Any) -> None:
    x = ag.ones(1, 1, size, size, dtype=ag.float64, requires_grad=True)
    functional.conv2d(x, ag.ones(1, 1, kernel, kernel, dtype=ag.float64), stride=stride).sum().backward()
    z = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.conv2d(z, torch.ones(1, 1, kernel, kernel, dtype=torch.float64), stride=stride).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == z.grad.tolist()


def test_semantics_99_overlaps_add_up_and_nothing_is_averaged() -> None:
    x = ag.ones(2, 1, 4, 4, dtype=ag.float64, requires_grad=True)
    weight = ag.ones(1, 1, 3, 3, dtype=ag.float64, requires_grad=True)
    functional.conv2d(x, weight).sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert x.grad.tolist()[0][0] == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]
    assert weight.grad.tolist() == [[[[8.0] * 3] * 3]]


CONVOLUTIONS: list[dict[str, Any]] = [
    {"x": (2, 4, 7, 6), "w": (6, 4, 3, 2), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
    {"x": (2, 4, 5, 5), "w": (8, 1, 3, 3), "padding": 1, "groups": 4},
    {"x": (1, 4, 5, 5), "w": (2, 2, 3, 3), "padding": 4, "groups": 2},
    {"x": (0, 3, 5, 5), "w": (2, 3, 3, 3)},
]


@pytest.mark.parametrize("given", CONVOLUTIONS, ids=range(len(CONVOLUTIONS)))
@pytest.mark.parametrize("bias", [True, False])
def test_semantics_100_convolutions_of_every_kind(given: dict[str, Any], bias: bool, torch: Any) -> None:
    generator = np.random.default_rng(0)
    options = {name: value for name, value in given.items() if name not in "xw"}
    arrays = [generator.standard_normal(given["x"]), generator.standard_normal(given["w"])]
    arrays += [generator.standard_normal(given["w"][0])] if bias else []
    ours = [ag.tensor(array, requires_grad=True) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    found, expected = functional.conv2d(*ours, **options), torch.nn.functional.conv2d(*theirs, **options)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    cotangent = generator.standard_normal(found.shape)
    found.backward(ag.tensor(cotangent))
    expected.backward(torch.tensor(cotangent))
    for own, other in zip(ours, theirs, strict=True):
        assert own.grad is not None
        np.testing.assert_allclose(own.grad.numpy(), other.grad.numpy(), rtol=1e-10, atol=1e-10)


WINDOWS = [(5, 2, 3, 1), (6, 3, 2, 1), (4, 2, 2, 1), (7, 3, 4, 0)]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), WINDOWS)
def test_semantics_103_105_windows_that_reach_out_of_the_image(
    size: int, kernel: int, stride: int, padding: int, torch: Any
) -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, size, size))
    counted: list[dict[str, Any]] = [{"count_include_pad": True}, {"count_include_pad": False}]
    variants: list[tuple[str, list[dict[str, Any]]]] = [("max_pool2d", [{}]), ("avg_pool2d", counted)]
    for name, extra in variants:
        for more in extra:
            options: dict[str, Any] = {"stride": stride, "padding": padding, "ceil_mode": True, **more}
            own = ag.tensor(x, requires_grad=True)
            other = torch.tensor(x, requires_grad=True)
            found = getattr(functional, name)(own, kernel, **options)
            expected = getattr(torch.nn.functional, name)(other, kernel, **options)
            np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
            found.sum().backward()
            expected.sum().backward()
            assert own.grad is not None
            np.testing.assert_allclose(own.grad.numpy(), other.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("align", [False, True])
def test_semantics_107_interpolation_and_the_order_of_shuffled_pixels(align: bool, torch: Any) -> None:
    x = np.random.default_rng(0).standard_normal((1, 4, 3, 5)).astype(np.float32)
    theirs = torch.nn.functional
    for name, arguments in (("pixel_shuffle", (2,)), ("interpolate", ((4, 7), None, "bilinear", align))):
        if not hasattr(functional, name):
            pytest.skip(f"{name} is not offered")
        found = getattr(functional, name)(ag.tensor(x), *arguments)
        expected = getattr(theirs, name)(torch.tensor(x), *arguments)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_semantics_110_a_saved_sum_may_be_changed_in_place() -> None:
    """The sum behind a residual branch is read by relu_ only, so changing it breaks no gradient."""
    x = ag.randn(4, 3, requires_grad=True)
    (functional.batch_norm(x, None, None, training=True) + x).relu_().sum().backward()
    assert x.grad is not None
    saved = (x * 2).exp()
    product = (saved * saved).sum()
    saved.mul_(2)
    with pytest.raises(ag.InPlaceError):
        product.backward()


def test_semantics_124_averaged_weights_share_no_memory() -> None:
    import copy

    model = nn.Linear(2, 2)
    average = copy.deepcopy(model)
    for own, copied in zip(model.parameters(), average.parameters(), strict=True):
        assert not np.shares_memory(own.detach().numpy(), copied.detach().numpy())
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    before = average.weight.tolist()
    model(ag.ones(1, 2)).sum().backward()
    optimizer.step()
    assert average.weight.tolist() == before


# --- compiled code and threads ----------------------------------------------------------------------------------


def test_semantics_128_divisions_that_a_condition_guards_are_harmless() -> None:
    from autograd_core import formula as f

    loop = Loop("test_guarded", [f.trace(lambda x: f.where(f.not_equal(x, 0), 1 / x, 0))], ("x",))
    x = np.array([0.0, 2.0] * 100, np.float32)
    (found,) = loop((x,), x.dtype)
    assert found.tolist() == [0.0, 0.5] * 100


def test_semantics_129_wrong_indices_raise_before_any_thread_starts() -> None:
    rows = 300_000
    with pytest.raises(IndexError):
        ag.zeros(10)[ag.full((rows,), 10)]
    with pytest.raises(IndexError):
        ag.zeros(10, 2).index_add(0, ag.full((rows,), 10), ag.zeros(rows, 2))
    assert ag.zeros(rows).exp().sum().item() == rows  # threads still work


def test_semantics_130_settings_that_change_reach_kernels_that_are_compiled() -> None:
    x = ag.ones(400_000)
    before = config.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 1):
            config.set_num_threads(threads)
            results.append((x * 0.3).exp().sum().item())
    finally:
        config.set_num_threads(before)
    assert len(set(results)) == 1


STEP = """
import numpy as np, autograd_core as ag, nn, optim
ag.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
optimizer = optim.Adam(model.parameters(), lr=0.1)
x, t = ag.tensor(np.linspace(-1, 1, 30).reshape(10, 3).astype(np.float32)), ag.tensor(np.arange(10) % 2)
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), t)
    loss.backward()
    optimizer.step()
print(round(loss.item(), 4), round(float(ag.arange(3000.0).sin().std().item()), 5))
"""


def test_semantics_133_without_a_compiler_the_results_are_the_same(tmp_path: pathlib.Path) -> None:
    assert run(STEP, tmp_path, prelude="") == run(STEP, tmp_path, prelude="", NUMBA_DISABLE_JIT="1")


def test_semantics_134_an_interrupted_compilation_leaves_a_usable_cache(tmp_path: pathlib.Path) -> None:
    interrupted = """
import os, threading, _thread
import numpy as np, autograd_core as ag
timer = threading.Timer(1.0, _thread.interrupt_main)
timer.start()
try:
    for function in (ag.tanh, ag.erf, ag.lgamma, ag.digamma, ag.i0, ag.sinc, ag.expm1):
        function(ag.ones(9000))
except KeyboardInterrupt:
    pass
finally:
    timer.cancel()
print("stopped")
"""
    assert run(interrupted, tmp_path, prelude="") == "stopped"
    again = "import autograd_core as ag\nprint(round(ag.lgamma(ag.full((9000,), 5.0))[0].item(), 4))"
    assert run(again, tmp_path, prelude="") == str(round(math.log(24), 4))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork")
def test_semantics_135_a_child_made_by_fork_after_threads_ran_computes(tmp_path: pathlib.Path) -> None:
    code = """
import os, autograd_core as ag
x = ag.ones(500_000)
x.tanh()
child = os.fork()
if not child:
    x.tanh()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**__import__("os").environ, "PYTHONPATH": str(ROOT), "AUTOGRAD_CORE_CACHE": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert done.stdout.strip() == "0", done.stderr


def test_semantics_137_kernels_from_the_cache_serve_another_number_of_threads(tmp_path: pathlib.Path) -> None:
    code = "import autograd_core as ag\nprint(ag.get_num_threads(), ag.ones(500_000).tanh().sum().item())"
    first = run(code, tmp_path, prelude="", NUMBA_NUM_THREADS="1", OMP_NUM_THREADS="1").split()
    second = run(code, tmp_path, prelude="", NUMBA_NUM_THREADS="2", OMP_NUM_THREADS="2").split()
    assert first[1] == second[1]


# --- digits of long reductions ----------------------------------------------------------------------------------


def test_semantics_73_reductions_of_ten_million_elements_keep_six_digits() -> None:
    generator = np.random.default_rng(0)
    x = (generator.random(10**7, np.float32) + np.float32(0.1)).astype(np.float32)
    wide, t = x.astype(np.float64), ag.from_numpy(x)
    close = np.exp((generator.random(10**7, np.float32) - np.float32(0.5)) * np.float32(1e-3))
    shift = wide.max()
    cases = {
        "sum": (t.sum(), wide.sum()),
        "mean": (t.mean(), wide.mean()),
        "var": (t.var(), wide.var(ddof=1)),
        "std": (t.std(), wide.std(ddof=1)),
        "norm": (t.norm(), np.sqrt((wide * wide).sum())),
        "norm 1": (ag.linalg.vector_norm(t, 1), wide.sum()),
        "norm 3": (ag.linalg.vector_norm(t, 3), ((wide**3).sum()) ** (1 / 3)),
        "logsumexp": (t.logsumexp(0), shift + np.log(np.exp(wide - shift).sum())),
        "prod": (ag.from_numpy(close).prod(), np.prod(close.astype(np.float64))),
        "nansum": (t.nansum(), wide.sum()),
        "columns": (t.reshape(10, 10**6).sum(1)[3], wide.reshape(10, 10**6).sum(1)[3]),
        "rows": (t.reshape(10**6, 10).sum(0)[3], wide.reshape(10**6, 10).sum(0)[3]),
        "rows mean": (t.reshape(10**6, 10).mean(0)[3], wide.reshape(10**6, 10).mean(0)[3]),
    }
    for name, (found, expected) in cases.items():
        assert found.dtype == ag.float32
        assert abs(found.item() - expected) <= 1e-6 * abs(expected), name
    np.testing.assert_allclose(t.cumsum(0).numpy()[::9973], np.cumsum(wide)[::9973], rtol=1e-6)
    np.testing.assert_allclose(t.logcumsumexp(0).numpy()[::99991], np.log(np.cumsum(np.exp(wide)))[::99991], rtol=1e-6)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 16777217.0])
def test_semantics_73_equal_elements_do_not_drift(value: float) -> None:
    """Rounding errors that all go the same way."""
    x = np.full(3_000_001, value, np.float32)
    exact = float(x[0]) * x.size
    for found in (ag.from_numpy(x).sum(), ag.from_numpy(x[:-1]).reshape(3000, 1000).sum(0).sum()):
        assert found.item() == pytest.approx(exact, rel=1e-6)


# --- the registry -----------------------------------------------------------------------------------------------


def test_no_operation_stands_in_two_lists() -> None:
    """Every public function that stands for an operation is the registry's; no name means two of them."""
    from autograd_core.op import Elementwise

    functions = [op.function for op in REGISTRY.values() if isinstance(op, Elementwise) and op.function is not None]
    assert len({id(function) for function in functions}) == len(functions)
    assert len(set(REGISTRY)) == len(REGISTRY)
    assert all(name == op.name for name, op in REGISTRY.items())
    families: dict[str, str] = {}
    for path in sorted((ROOT / "autograd_core" / "ops").glob("*.py")):
        module = sys.modules[f"autograd_core.ops.{path.stem}"] if path.stem != "__init__" else None
        for name in getattr(module, "__all__", ()):
            known = families.setdefault(name, path.stem)
            value = getattr(module, name)
            assert getattr(sys.modules[f"autograd_core.ops.{known}"], name) is value, (name, known, path.stem)
