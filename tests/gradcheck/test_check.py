"""What the checker takes, refuses, reports, and leaves untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.gradcheck import gradcheck_report

# --- functions of every sort ------------------------------------------------------------------------------------


def test_several_outputs_inputs_and_constants(x: ag.Tensor, z: ag.Tensor) -> None:
    def function(x: ag.Tensor, index: ag.Tensor, z: ag.Tensor, scale: float, unused: ag.Tensor) -> Any:
        return (x * z).sum(dim=1), index, x[0] / (2 + z * z) * scale

    unused = ag.ones(2, dtype=ag.float64, requires_grad=True)
    report = gradcheck_report(function, (x, ag.tensor([1, 2]), z, 0.5, unused))
    assert report.passed
    assert len(report.pairs) == 2 * 3
    assert [pair.input_number for pair in report.pairs[:2]] == [0, 0]
    assert {pair.input_number for pair in report.pairs} == {0, 2, 4}


def test_detached_output_beside_others(x: ag.Tensor) -> None:
    assert gradcheck_report(lambda x: (x * x, x.detach()), x).passed


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 1, 2)])
def test_every_rank(shape: tuple[int, ...]) -> None:
    x = ag.Tensor(np.random.default_rng(0).uniform(0.5, 2, shape), requires_grad=True)
    assert ag.gradcheck(lambda x: x * x + x, x)
    assert ag.gradgradcheck(lambda x: x * x + x, x)


def test_strided_input(x: ag.Tensor) -> None:
    memory = np.random.default_rng(0).standard_normal((4, 6))
    transposed = ag.from_numpy(memory[::-2, ::2].T).requires_grad_()
    assert ag.gradcheck(lambda x: x * x, transposed)


def test_large_values() -> None:
    # A step of 1e-6 is lost in 1e9; the step grows with the input.
    x = ag.Tensor(np.array([1e9, -3e8, 1.0]), requires_grad=True)
    assert ag.gradcheck(lambda x: x * 3, x)


def test_parameters_reached_through_a_closure(x: ag.Tensor) -> None:
    weight = ag.Tensor(np.array([[0.3, -0.2, 0.5]]), requires_grad=True)
    report = gradcheck_report(lambda *_: (x @ weight.T).tanh(), [weight])
    assert report.passed
    assert report.pairs[0].worst is not None
    assert report.pairs[0].worst.numeric != 0


def test_gradient_taken_inside(x: ag.Tensor) -> None:
    def penalty(x: ag.Tensor) -> ag.Tensor:
        (gradient,) = ag.grad((x * x * x).sum(), x, create_graph=True)
        return (gradient * gradient).sum()

    assert ag.gradcheck(penalty, x)


def test_dropout_is_checked_with_one_mask(x: ag.Tensor) -> None:
    state = ag.get_rng_state()
    assert ag.gradcheck(lambda x: ag.dropout(x * x, 0.5), x)
    assert ag.gradgradcheck(lambda x: ag.dropout(x * x, 0.5), x)
    after = ag.get_rng_state()
    assert str(after) == str(state), "the generator is where it was"


def test_batch_norm_with_running_statistics(x: ag.Tensor) -> None:
    mean, variance = ag.zeros(3, dtype=ag.float64), ag.ones(3, dtype=ag.float64)
    assert ag.gradcheck(lambda x: ag.batch_norm(x, mean, variance, training=True), x)


def test_float32_with_tolerances(x: ag.Tensor) -> None:
    single = ag.Tensor(x.tolist(), dtype=ag.float32, requires_grad=True)
    assert ag.gradcheck(lambda x: x * x, single, eps=1e-2, atol=1e-3, rtol=1e-2)
    assert not ag.gradcheck(lambda x: x * x.detach(), single, eps=1e-2, atol=1e-3, rtol=1e-2, raise_exception=False)


def test_third_order(x: ag.Tensor) -> None:
    assert gradcheck_report(lambda x: x * x * x * x, x, order=3).passed


# --- cotangents -------------------------------------------------------------------------------------------------


def test_given_cotangents(x: ag.Tensor, z: ag.Tensor) -> None:
    constant = ag.ones((2, 3), dtype=ag.float64)
    report = gradcheck_report(lambda x: x * x, x, constant, order=2)
    assert report.passed
    assert [pair.input for pair in report.pairs] == ["input 0"]
    with pytest.raises(ValueError, match="1 outputs need as many grad_outputs, got 2"):
        ag.gradgradcheck(lambda x: x * x, x, (constant, constant))


def test_pairs_of_second_order_are_named(x: ag.Tensor) -> None:
    report = gradcheck_report(lambda x: x * x, x, order=2)
    assert [(pair.output, pair.input) for pair in report.pairs] == [
        ("gradient of input 0", "input 0"),
        ("gradient of input 0", "cotangent of output 0"),
    ]


# --- reports ----------------------------------------------------------------------------------------------------


def test_report_tells_where(x: ag.Tensor) -> None:
    def function(x: ag.Tensor) -> ag.Tensor:
        return x * ag.tensor([[1.0, 1, 1], [1, 1, 0]], dtype=ag.float64) + x.detach() * ag.tensor(
            [[0.0, 0, 0], [0, 0, 1]], dtype=ag.float64
        )

    report = gradcheck_report(function, x)
    worst = report.worst
    assert worst is not None
    assert (worst.output_index, worst.output_flat, worst.input_index, worst.input_flat) == ((1, 2), 5, (1, 2), 5)
    assert worst.analytic == 0
    assert worst.numeric == pytest.approx(1, abs=1e-8)
    assert worst.step == pytest.approx(1e-6)
    assert not worst.kink
    text = str(report)
    for part in ("d output 0 (2,3) / d input 0 (2,3)", "output[1, 2] (flat 5)", "input[1, 2] (flat 5)", "eps 1e-06"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


def test_report_of_success(x: ag.Tensor) -> None:
    report = gradcheck_report(lambda x: x * x, x, names=["weight"])
    assert report
    assert "gradcheck passed" in str(report)
    assert "d weight (2,3)" in str(report)
    assert report.worst is None
    assert report.relative < 1e-6


@pytest.mark.parametrize(
    ("function", "values", "analytic"),
    [
        pytest.param(lambda x: ag.relu(x), [1.0, 0.0], 0.0, id="relu at 0"),
        pytest.param(lambda x: ag.relu(x), [1.0, 3e-7], 1.0, id="relu near 0"),
        pytest.param(lambda x: ag.leaky_relu(x, 0.2), [1.0, 0.0], 0.2, id="leaky relu at 0"),
        pytest.param(lambda x: ag.where(x > 2, x + 1, x), [1.0, 2.0], 1.0, id="jump"),
    ],
)
def test_kink(function: Any, values: list[float], analytic: float) -> None:
    report = gradcheck_report(function, ag.Tensor(np.array(values), requires_grad=True))
    assert not report.passed
    assert report.worst is not None
    assert report.worst.kink
    assert report.worst.input_index == (1,)
    assert report.worst.analytic == analytic
    assert "likely at a kink" in str(report)


def test_edge_of_the_domain() -> None:
    # The infinite slope turns the other output's zero into NaN; the entry still tells which element it is about.
    report = gradcheck_report(lambda x: x.sqrt(), ag.Tensor(np.array([1.0, 0.0]), requires_grad=True))
    assert report.worst is not None
    assert report.worst.kink
    assert report.worst.input_index == (1,)
    assert not np.isfinite(report.worst.analytic)


def test_kink_in_a_large_input() -> None:
    values = np.linspace(0.5, 2, 5000)
    values[1234] = 0
    report = gradcheck_report(lambda x: ag.relu(x), ag.Tensor(values, requires_grad=True))
    assert report.worst is not None
    assert report.worst.input_index == (1234,)
    assert report.worst.kink


def test_steep_is_no_kink() -> None:
    report = gradcheck_report(lambda x: (x * 1e3).sin() * x.detach(), ag.Tensor(np.array([0.3]), requires_grad=True))
    assert report.worst is not None
    assert not report.worst.kink


# --- refusals ---------------------------------------------------------------------------------------------------


def test_float32_is_refused(x: ag.Tensor) -> None:
    single = ag.Tensor(x.tolist(), dtype=ag.float32, requires_grad=True)
    with pytest.raises(TypeError, match=r"input 0 is float32.*use float64"):
        ag.gradcheck(lambda x: x * x, single)
    with pytest.raises(TypeError, match="float32"):
        ag.gradcheck(lambda x: x * x, single, eps=1e-2)
    with pytest.raises(TypeError, match="float32"):
        ag.gradgradcheck(lambda x: x * x, single, atol=1e-2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e241])
def test_values_nobody_meant_are_refused(value: float) -> None:
    x = ag.Tensor(np.array([1.0, value]), requires_grad=True)
    with pytest.raises(ValueError, match=r"input 0 holds .* at \(1,\)"):
        ag.gradcheck(lambda x: x * 2, x)


def test_nothing_to_differentiate(x: ag.Tensor) -> None:
    with pytest.raises(ValueError, match="no input requires a gradient"):
        ag.gradcheck(lambda x: x * x, x.detach())


def test_computed_input_is_refused() -> None:
    x = ag.Tensor(np.ones(3), dtype=ag.float32, requires_grad=True).double()
    with pytest.raises(ValueError, match=r"was computed \(by 'cast'\)"):
        ag.gradcheck(lambda x: x * x, x)


def overlapping() -> dict[str, np.ndarray]:
    memory = np.arange(6.0)
    windows = np.lib.stride_tricks.as_strided(memory, (4, 3), (8, 8), writeable=True)
    return {
        "broadcast": np.lib.stride_tricks.as_strided(memory, (3, 2), (0, 8), writeable=True),
        "windows": windows,
        "partly": np.lib.stride_tricks.as_strided(memory, (2, 2), (8, 8), writeable=True),
    }


@pytest.mark.parametrize("kind", list(overlapping()))
def test_overlapping_memory_is_refused(kind: str) -> None:
    x = ag.from_numpy(overlapping()[kind]).requires_grad_()
    with pytest.raises(ValueError, match="are the same memory"):
        ag.gradcheck(lambda x: x * x, x)


def test_interleaved_memory_is_not_overlapping() -> None:
    # Two dimensions whose strides interleave without ever meeting: offsets 0, 2, 3, 5.
    x = ag.from_numpy(np.lib.stride_tricks.as_strided(np.arange(6.0), (2, 2), (16, 24), writeable=True))
    assert ag.gradcheck(lambda x: x * x, x.requires_grad_())


def test_shared_memory_is_refused(x: ag.Tensor) -> None:
    with pytest.raises(ValueError, match="input 0 and input 1 share memory"):
        ag.gradcheck(lambda x, z: x * z, (x, x))
    with pytest.raises(ValueError, match="share memory"):
        ag.gradcheck(lambda x, z: x[0] * z, (x, x.detach()[1]))


def test_disjoint_parts_of_one_array_are_taken() -> None:
    memory = np.arange(1.0, 9.0)
    even, odd = (ag.from_numpy(memory[start::2]).requires_grad_() for start in (0, 1))
    assert ag.gradcheck(lambda x, z: x * z, (even, odd))


def test_read_only_memory_is_refused() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ag.gradcheck(lambda x: x * x, ag.from_numpy(array).requires_grad_())


def test_functions_that_return_no_tensor(x: ag.Tensor) -> None:
    with pytest.raises(TypeError, match="must return a tensor or a sequence of tensors, got float"):
        ag.gradcheck(lambda x: 1.0, x)
    with pytest.raises(ValueError, match="no floating tensor"):
        ag.gradcheck(lambda x: x > 0, x)


def test_order_must_be_positive(x: ag.Tensor) -> None:
    with pytest.raises(ValueError, match="order must be at least 1"):
        gradcheck_report(lambda x: x, x, order=0)


# --- what is left behind ----------------------------------------------------------------------------------------


def test_nothing_is_left_behind(x: ag.Tensor) -> None:
    y = x * x
    y.sum().backward(retain_graph=True)
    gradient, values = x.grad, x.tolist()
    assert gradient is not None
    known = gradient.tolist()
    ag.gradcheck(lambda x: x * x, x)
    ag.gradcheck(lambda x: x * x, x, fast_mode=True)
    ag.gradgradcheck(lambda x: x * x, x)
    assert x.tolist() == values
    assert x.grad is gradient
    assert gradient.tolist() == known
    # The graph recorded before can still be used: its saved values count as unchanged.
    y.sum().backward()


def test_inputs_are_put_back_when_the_function_raises(x: ag.Tensor) -> None:
    values = x.tolist()

    def fails_when_moved(x: ag.Tensor) -> ag.Tensor:
        if x.tolist() != values:
            raise ArithmeticError("moved")
        return x * x

    for fast_mode in (False, True):
        with pytest.raises(ArithmeticError):
            ag.gradcheck(fails_when_moved, x, fast_mode=fast_mode)
        assert x.tolist() == values


def test_recording_is_on_inside_no_grad(x: ag.Tensor) -> None:
    with ag.no_grad():
        assert ag.gradcheck(lambda x: x * x, x)
        assert not ag.is_grad_enabled()
