"""What all optimisers share: skipping, ageing, memory, groups, options, errors, compilation."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from autograd_core.kernels import jit
from tests.optim.problems import FULL, with_gradients

ALL = pytest.mark.parametrize("name", FULL)


def _make(name: str, parameters: Any, **options: Any) -> optim.Optimizer:
    optimizer: optim.Optimizer = getattr(optim, name)(parameters, **{**FULL[name], **options})
    return optimizer


def _values(parameters: list[ag.Tensor]) -> list[np.ndarray]:
    return [parameter.detach().numpy().copy() for parameter in parameters]


# --- the rules of semantics.md --------------------------------------------------------------------------------------


@ALL
def test_semantics_30_none_is_skipped_and_zeros_are_stepped(name: str) -> None:
    parameters = with_gradients((3,), (3,))
    parameters[0].grad = None
    parameters[1].grad = ag.zeros(3, dtype=ag.float64)
    before = _values(parameters)
    optimizer = _make(name, parameters, weight_decay=0.5, lr=0.1)
    optimizer.step()
    after = _values(parameters)
    assert np.array_equal(before[0], after[0]), "no gradient: no decay"
    assert not optimizer.state.get(parameters[0]), "no gradient: no state"
    if name not in ("Adadelta",):
        assert not np.array_equal(before[1], after[1]), "a gradient of zeros: decay"
    assert optimizer.state[parameters[1]]


def test_semantics_30_zero_grad() -> None:
    (parameter,) = with_gradients((3,))
    optimizer = optim.SGD([parameter])
    kept = parameter.grad
    optimizer.zero_grad(set_to_none=False)
    assert parameter.grad is kept
    assert kept.tolist() == [0, 0, 0]
    optimizer.zero_grad()
    assert parameter.grad is None


def test_zero_grad_leaves_a_recorded_gradient_to_its_graph() -> None:
    x = ag.tensor([2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    recorded = x.grad
    optim.SGD([x]).zero_grad(set_to_none=False)
    assert x.grad is not None
    assert not x.grad.requires_grad
    assert x.grad.tolist() == [0]
    assert recorded is not None


@ALL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_semantics_64_numpy_numbers_do_not_widen(name: str, dtype: Any) -> None:
    parameters = with_gradients((4,), (), dtype=dtype)
    twins = with_gradients((4,), (), dtype=dtype)
    wide = _make(name, parameters, lr=np.float64(0.1), weight_decay=np.float64(0.1))
    plain = _make(name, twins, lr=0.1, weight_decay=0.1)
    assert type(wide.param_groups[0]["lr"]) is float
    for optimizer in (wide, plain):
        for group in optimizer.param_groups:
            group["lr"] = np.float64(0.05)  # as a schedule of a user's own might
        optimizer.step()
    for parameter, twin in zip(parameters, twins, strict=True):
        assert parameter.dtype == dtype
        assert np.array_equal(parameter.detach().numpy(), twin.detach().numpy())
    for state in wide.state.values():
        assert all(entry.dtype == dtype for entry in state.values() if isinstance(entry, ag.Tensor))


def test_semantics_111_epsilon_stands_outside_the_root_and_is_not_scaled() -> None:
    x = ag.tensor(np.array([0.0]), requires_grad=True)
    x.grad = ag.tensor(np.array([3.0]))
    optim.Adam([x], lr=1.0, eps=3.0).step()
    assert x.item() == pytest.approx(-3 / (3 + 3), rel=1e-14)


def test_semantics_112_amsgrad_takes_the_maximum_of_the_raw_average() -> None:
    x = ag.tensor(np.array([0.0]), requires_grad=True)
    optimizer = optim.Adam([x], lr=1.0, betas=(0.0, 0.5), eps=0.0, amsgrad=True)
    x.grad = ag.tensor(np.array([4.0]))
    optimizer.step()  # v = 8, corrected by 1/2: 16, so the step is 4/4
    assert x.item() == pytest.approx(-1.0)
    x.grad = ag.tensor(np.array([1.0]))
    optimizer.step()  # v = 4.5, the maximum stays 8 and is corrected by 3/4; the corrected v was once 16
    assert x.item() == pytest.approx(-1.0 - 1 / np.sqrt(8 / 0.75), rel=1e-14)
    assert optimizer.state[x]["max_exp_avg_sq"].item() == pytest.approx(8.0)


def test_semantics_113_decay_is_coupled_in_adam_and_decoupled_in_adamw() -> None:
    coupled, decoupled = (ag.tensor(np.array([10.0]), requires_grad=True) for _ in range(2))
    coupled.grad, decoupled.grad = (ag.tensor(np.array([2.0])) for _ in range(2))
    adam = optim.Adam([coupled], lr=0.5, weight_decay=0.1, eps=0.0)
    adamw = optim.AdamW([decoupled], lr=0.5, weight_decay=0.1, eps=0.0)
    adam.step()
    adamw.step()
    assert adam.state[coupled]["exp_avg"].item() == pytest.approx(0.1 * (2 + 0.1 * 10)), "decay is in the average"
    assert adamw.state[decoupled]["exp_avg"].item() == pytest.approx(0.1 * 2), "decay is not in the average"
    assert coupled.item() == pytest.approx(10 - 0.5)
    assert decoupled.item() == pytest.approx(10 * (1 - 0.5 * 0.1) - 0.5)


def test_semantics_114_the_first_velocity_is_the_gradient() -> None:
    x = ag.tensor(np.array([0.0]), requires_grad=True)
    optimizer = optim.SGD([x], lr=1.0, momentum=0.5, dampening=0.75)
    x.grad = ag.tensor(np.array([4.0]))
    optimizer.step()
    assert optimizer.state[x]["momentum_buffer"].item() == 4.0, "no dampening in the first step"
    optimizer.step()
    assert optimizer.state[x]["momentum_buffer"].item() == 0.5 * 4 + 0.25 * 4
    assert x.item() == -4 - 3


def test_semantics_114_nesterov_looks_ahead_and_refuses_dampening() -> None:
    x = ag.tensor(np.array([0.0]), requires_grad=True)
    x.grad = ag.tensor(np.array([4.0]))
    optim.SGD([x], lr=1.0, momentum=0.5, nesterov=True).step()
    assert x.item() == -(4 + 0.5 * 4)
    with pytest.raises(ValueError, match=r"nesterov needs momentum above 0 and dampening 0, got momentum=0.5 and"):
        optim.SGD([x], momentum=0.5, dampening=0.1, nesterov=True)
    with pytest.raises(ValueError, match="nesterov"):
        optim.SGD([x], nesterov=True)


def test_semantics_114_rmsprop_has_epsilon_outside_the_root_and_a_variance_that_is_not_negative() -> None:
    x = ag.tensor(np.array([0.0]), requires_grad=True)
    x.grad = ag.tensor(np.array([2.0]))
    optim.RMSprop([x], lr=1.0, alpha=0.75, eps=3.0).step()
    assert x.item() == pytest.approx(-2 / (1 + 3))
    steady = ag.tensor(np.float32([0.1, 0.3, 0.7, 1e3, 1e-3]), requires_grad=True)
    optimizer = optim.RMSprop([steady], lr=1e-3, alpha=0.5, centered=True)
    for _ in range(200):
        steady.grad = ag.tensor(np.float32([0.1, 0.3, 0.7, 1e3, 1e-3]))
        optimizer.step()
    assert np.isfinite(steady.detach().numpy()).all()


@ALL
def test_semantics_115_each_parameter_has_its_own_age(name: str) -> None:
    early, late = with_gradients((3,), (3,))
    optimizer = _make(name, [early, late], lr=0.1)
    gradient, late.grad = late.grad, None
    for _ in range(3):
        optimizer.step()
    late.grad = gradient
    optimizer.step()
    (alone,) = with_gradients((3,), (3,))[1:]
    _make(name, [alone], lr=0.1).step()
    assert np.array_equal(late.detach().numpy(), alone.detach().numpy()), "its first step is a first step"


def test_semantics_115_bias_corrections_are_computed_in_float64() -> None:
    """In float32, 1 − 0.999 is off by 5e-5, and so would be the first steps."""
    gradient = np.float32(np.random.default_rng(0).normal(size=1000))
    x = ag.zeros(1000, requires_grad=True)
    x.grad = ag.tensor(gradient)
    optim.Adam([x], lr=1.0, betas=(0.9, 0.999), eps=0.0).step()
    np.testing.assert_allclose(x.detach().numpy(), -np.sign(gradient), rtol=1e-6)


@ALL
def test_semantics_116_parameters_change_in_place_whatever_their_memory(name: str) -> None:
    straight = with_gradients((4, 3), (5,), dtype=np.float32)
    memory = np.zeros((3, 4), np.float32), np.zeros(10, np.float32)
    memory[0].T[...] = straight[0].detach().numpy()
    memory[1][::2] = straight[1].detach().numpy()
    crooked = [ag.from_numpy(memory[0].T).requires_grad_(), ag.from_numpy(memory[1][::2]).requires_grad_()]
    assert not crooked[0].is_contiguous()
    crooked[0].grad = ag.from_numpy(np.asfortranarray(straight[0].grad.numpy()))
    crooked[1].grad = straight[1].grad
    view = crooked[0].detach()
    optimizers = [_make(name, straight, lr=0.1), _make(name, crooked, lr=0.1)]
    for _ in range(3):
        for optimizer in optimizers:
            optimizer.step()
    for a, b in zip(straight, crooked, strict=True):
        assert np.array_equal(a.detach().numpy(), b.detach().numpy())
        assert b.dtype == np.float32
    assert np.array_equal(memory[0].T, straight[0].detach().numpy()), "the user's own array sees it"
    assert np.array_equal(view.numpy(), memory[0].T)
    assert not memory[1][1::2].any(), "what lies between is left alone"


def test_semantics_117_generators_are_read_once_and_empty_ones_refused() -> None:
    parameters = with_gradients((3,), (2,))
    generator = (parameter for parameter in parameters)
    optimizer = optim.SGD(generator, lr=0.5)
    before = _values(parameters)
    optimizer.step()
    optimizer.step()
    assert all(not np.array_equal(a, b) for a, b in zip(before, _values(parameters), strict=True))
    with pytest.raises(ValueError, match=r"empty parameter list.*generator"):
        optim.SGD(generator)


def test_semantics_123_gradients_of_micro_batches_add_up() -> None:
    random = np.random.default_rng(0)
    inputs, targets = random.normal(size=(12, 3)), random.normal(size=12)
    results = []
    for parts in (1, 4):
        weight = ag.tensor(np.ones(3), requires_grad=True)
        optimizer = optim.Adam([weight], lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            for x, y in zip(np.split(inputs, parts), np.split(targets, parts), strict=True):
                (((ag.tensor(x) @ weight - ag.tensor(y)) ** 2).mean() / parts).backward()
            optimizer.step()
        results.append(weight.detach().numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


# --- no compilation, no leaks ---------------------------------------------------------------------------------------


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
@ALL
def test_nothing_is_compiled_after_the_first_step(name: str) -> None:
    parameters = with_gradients((4, 3), (3,), (), dtype=np.float32)
    optimizer = _make(name, parameters, lr=0.1, weight_decay=0.1)
    optimizer.step()
    before, log = jit.compile_statistics(), jit.compile_log()
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    other = _make(name, with_gradients((2, 2, 2), (1,), dtype=np.float32), lr=0.3, weight_decay=0.01)
    for step in range(20):
        parameters[step % 3].grad = None if step % 4 == 0 else ag.ones(*parameters[step % 3].shape)
        parameters[0].grad = ag.from_numpy(np.ones((3, 4), np.float32).T) if step % 2 else ag.ones(4, 3)
        optimizer.step()
        scheduler.step()
        other.step()
    assert jit.compile_statistics() == before, jit.compile_log()[len(log) :]


@ALL
def test_an_optimiser_is_freed_without_the_collector(name: str) -> None:
    parameters = with_gradients((3,))
    optimizer = _make(name, parameters)
    optimizer.step()
    watched = [weakref.ref(optimizer), weakref.ref(parameters[0])]
    watched += [weakref.ref(e) for e in optimizer.state[parameters[0]].values() if isinstance(e, ag.Tensor)]
    gc.disable()
    try:
        del optimizer, parameters
        assert all(reference() is None for reference in watched)
    finally:
        gc.enable()


# --- stepping -------------------------------------------------------------------------------------------------------


def test_closure_is_run_with_recording_and_its_loss_returned() -> None:
    x = ag.tensor([3.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.5)

    def closure() -> ag.Tensor:
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with ag.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert x.tolist() == [0.0]
    assert x.is_leaf
    assert optimizer.step() is None


def test_steps_are_not_recorded_and_old_graphs_notice() -> None:
    x = ag.tensor([3.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    optim.SGD([x], lr=0.5).step()
    assert x.grad_fn is None
    with pytest.raises(RuntimeError, match="in place"):
        y.backward()


def test_replaced_data_and_state_are_used() -> None:
    (x,) = with_gradients((3,))
    optimizer = optim.SGD([x], lr=1.0, momentum=1.0)
    optimizer.step()
    x.data = ag.zeros(3, dtype=ag.float64)
    optimizer.state[x]["momentum_buffer"] = ag.ones(3, dtype=ag.float64)
    x.grad = ag.zeros(3, dtype=ag.float64)
    optimizer.step()
    assert x.tolist() == [-1, -1, -1]
    optimizer.state.clear()
    optimizer.step()
    assert x.tolist() == [-1, -1, -1]
    assert optimizer.state[x]["momentum_buffer"].tolist() == [0, 0, 0]


def test_options_may_change_between_steps() -> None:
    (x,) = with_gradients((3,))
    optimizer = optim.SGD([x], lr=1.0)
    group = optimizer.param_groups[0]
    x.grad = ag.ones(3, dtype=ag.float64)
    start = x.detach().numpy().copy()
    optimizer.step()
    group["momentum"] = 0.5
    optimizer.step()
    optimizer.step()
    group["lr"] = 0.0
    optimizer.step()
    np.testing.assert_allclose(x.detach().numpy(), start - 1 - 1 - 1.5)


@ALL
def test_a_shape_that_changed_is_an_error_before_anything_changes(name: str) -> None:
    parameters = with_gradients((3,), (4,))
    optimizer = _make(name, parameters)
    optimizer.step()
    before, state = _values(parameters), copy.deepcopy([dict(optimizer.state[p]) for p in parameters])
    parameters[1].data = ag.zeros(2, 2, dtype=ag.float64)
    with pytest.raises(ValueError, match=r"\(4,\).*\(2, 2\)"):
        optimizer.step()
    assert np.array_equal(parameters[0].detach().numpy(), before[0])
    for old, parameter in zip(state, parameters, strict=True):
        for entry, value in old.items():
            now = optimizer.state[parameter][entry]
            assert now == value if not isinstance(now, ag.Tensor) else np.array_equal(now.numpy(), value.numpy())


def test_an_own_optimiser_may_define_step() -> None:
    class SignDescent(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            with ag.no_grad():
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.sub_(group["lr"] * parameter.grad.sign())

    x = ag.tensor([3.0, -3.0], requires_grad=True)
    (x * x).sum().backward()
    SignDescent([x], lr=0.5).step()
    assert x.tolist() == [2.5, -2.5]


def test_base_class_alone_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="update rule"):
        optim.Optimizer(with_gradients((3,)), {}).step()


# --- copies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_copies_are_independent_and_continue_alike(how: Any) -> None:
    parameters = with_gradients((3,), (2,))
    optimizer = optim.Adam(parameters)
    optimizer.step()
    copied = how(optimizer)
    twins = copied.param_groups[0]["params"]
    for twin, parameter in zip(twins, parameters, strict=True):
        assert twin is not parameter
        twin.grad = parameter.grad
    optimizer.step()
    copied.step()
    for twin, parameter in zip(twins, parameters, strict=True):
        assert not np.shares_memory(twin.detach().numpy(), parameter.detach().numpy())
        assert np.array_equal(twin.detach().numpy(), parameter.detach().numpy())


def test_repr_lists_groups_and_options_as_torch_does() -> None:
    optimizer = optim.SGD([{"params": with_gradients((1,))}, {"params": with_gradients((1,)), "lr": 0.5}], lr=0.1)
    lines = repr(optimizer).splitlines()
    assert lines[:3] == ["SGD (", "Parameter Group 0", "    dampening: 0.0"]
    assert "    lr: 0.1" in lines
    assert "    lr: 0.5" in lines
    assert lines[-1] == ")"
