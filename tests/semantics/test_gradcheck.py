"""The checker of derivatives: section 2G of the semantics, each test named after its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.gradcheck import gradcheck_report
from autograd_core.op import REGISTRY
from tests.strategies import call, constant, cotangents_for, leaf, outputs, pull_back, samples


def point(*values: float) -> ag.Tensor:
    return ag.tensor(np.array(values), requires_grad=True)


def test_semantics_138_central_differences_with_a_step_of_the_right_size() -> None:
    x = point(0.3, -1.2, 2.0)
    assert ag.gradcheck(lambda x: (3 * x).sin() * x, x)
    assert ag.gradcheck(lambda x: x.exp(), x, eps=1e-6)
    # A step that vanishes in rounding gives zeros, which must not pass for a derivative.
    assert not ag.gradcheck(lambda x: x.exp(), x, eps=1e-17, raise_exception=False)


def test_semantics_138_each_element_is_held_to_a_relative_and_an_absolute_tolerance() -> None:
    x = point(1e-3, 1e3)
    # Wrong by a tenth in the small element only, which a norm over all would hide.
    wrong = ag.tensor([0.9, 1.0], dtype=ag.float64)
    assert not ag.gradcheck(lambda x: x * wrong + x.detach() * (1 - wrong), x, raise_exception=False)


@pytest.mark.parametrize("function", [ag.relu, lambda x: x.clamp(0.0, 1.0)])
def test_semantics_139_a_kink_is_called_one(function: Any) -> None:
    with pytest.raises(ag.GradcheckError, match="kink"):
        ag.gradcheck(function, point(0.0, 0.7))
    assert ag.gradcheck(function, point(0.5, 0.7))


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.kind == "elementwise"], ids=lambda op: op.name)
def test_semantics_139_samples_stay_away_from_kinks(op: Any) -> None:
    generator = np.random.default_rng(0)
    for domain in op.domains:
        drawn = domain.draw(generator, (2000,))
        for kink in domain.kinks:
            assert np.abs(drawn - kink).min() > 1e-5


def test_semantics_140_memory_that_overlaps_is_refused() -> None:
    wide = ag.from_numpy(np.broadcast_to(np.ones(1), (3,)).copy()[:1]).expand(3)
    x = ag.from_numpy(np.lib.stride_tricks.as_strided(np.ones(4), (3, 2), (8, 8))).requires_grad_()
    with pytest.raises(ValueError, match="memory"):
        ag.gradcheck(lambda x: x * x, x)
    assert wide.shape == (3,)


def test_semantics_141_every_evaluation_sees_the_same_random_numbers() -> None:
    x = point(*np.linspace(-1, 1, 12))
    before = ag.get_rng_state()
    assert ag.gradcheck(lambda x: ag.dropout(x * x, 0.5), x)
    assert str(ag.get_rng_state()) == str(before)


@pytest.mark.parametrize("value", [1e241, np.nan, np.inf])
def test_semantics_142_values_nobody_meant_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"input|value"):
        ag.gradcheck(lambda x: x * x, point(1.0, value))


def test_semantics_143_a_second_backward_gives_the_same_bits() -> None:
    draw = np.random.default_rng(0)

    class Unsteady:
        """Whose gradient is another every time."""

        def __call__(self, x: ag.Tensor) -> ag.Tensor:
            result = x * x
            result.register_hook(lambda g: g * (1 + 1e-9 * draw.random()))
            return result

    with pytest.raises(ag.GradcheckError):
        ag.gradcheck(Unsteady(), point(0.3, 0.4))


DIFFERENTIABLE = [op for op in REGISTRY.values() if op.differentiable and op.name != "output"]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_semantics_143_gradients_scale_with_the_cotangent(op: Any) -> None:
    sample = samples(op)[0]
    result = call(op, [constant(array) for array in sample.operands], sample.parameters)
    given = cotangents_for(result)
    if not given:
        return
    of = [
        pull_back(op, sample.operands, sample.parameters, [np.asarray(k * c) for c in given])[1]
        for k in (1.0, 4.0, 0.0)
    ]
    for once, four, none in zip(*of, strict=True):
        if once is not None:
            np.testing.assert_allclose(four, 4 * once, rtol=1e-12, atol=1e-12)
            assert not none.any()


def test_semantics_144_large_inputs_are_checked_by_projections_and_complex_ones_refused() -> None:
    large = ag.tensor(np.random.default_rng(0).standard_normal((60, 50)), requires_grad=True)
    assert ag.gradcheck(lambda x: x.tanh(), large)
    assert not ag.gradcheck(lambda x: x * x.detach(), large, raise_exception=False)
    with pytest.raises(TypeError, match="complex"):
        ag.tensor(np.ones(2, complex))


def test_semantics_145_a_gradient_that_is_almost_right_is_caught() -> None:
    """Off by a fiftieth: training would hide it."""
    x = point(0.5, -0.5)
    assert not ag.gradcheck(lambda x: x * x * 0.98 + (x * x).detach() * 0.02, x, raise_exception=False)
    report = gradcheck_report(lambda x: x * x, x)
    assert report.passed


def test_semantics_145_every_operation_is_checked_in_the_suite() -> None:
    """Nothing in the registry is left without arguments to check it with."""
    for op in REGISTRY.values():
        assert op.name == "output" or op.kind == "elementwise" or op.samples is not None, op.name
        if op.name != "output" and op.differentiable:
            tensors = [leaf(array) for array in samples(op)[0].operands]
            assert outputs(call(op, tensors, samples(op)[0].parameters)) is not None
