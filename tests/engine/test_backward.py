"""The backward pass: where it starts and ends, and what it says when it cannot go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.leaves import leaf

# --- outputs, inputs, cotangents --------------------------------------------------------------------------------------


def test_several_outputs_add_up() -> None:
    x = leaf([1.0, 2.0])
    ag.backward([(x * 2).sum(), (x * 3).sum()])
    assert x.grad.tolist() == [5.0, 5.0]
    y = x * x
    ag.backward([y, y], [ag.ones(2, dtype="float64"), ag.full((2,), 10.0, dtype="float64")])
    assert x.grad.tolist() == [5 + 22.0, 5 + 44.0]
    (gradient,) = ag.grad([x.sum(), (x * x).sum()], x)
    assert gradient.tolist() == [3.0, 5.0]


def test_an_output_that_is_also_an_input_of_another() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * 3
    ag.backward([y, z])
    assert x.grad.item() == 4 + 12


def test_gradients_of_computed_tensors_and_of_leaves_at_once() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    z = (y * y).sum()
    by_y, by_x = ag.grad(z, [y, x])
    assert by_y.tolist() == [4.0, 8.0]
    assert by_x.tolist() == [8.0, 16.0]
    assert x.grad is None


def test_a_leaf_is_its_own_output() -> None:
    x = leaf(3.0)
    x.backward()
    assert x.grad.item() == 1.0
    assert ag.grad(x, x)[0].item() == 1.0


def test_the_same_input_twice() -> None:
    x = leaf(3.0)
    first, second = ag.grad(x * x, [x, x])
    assert first.item() == second.item() == 6.0


def test_cotangents_are_converted_to_the_outputs_dtype() -> None:
    x = leaf([1.0, 2.0], "float32")
    (x * 2).backward(ag.ones(2, dtype="float64"))
    (x * 2).backward(np.ones(2, np.int64))
    assert x.grad.dtype == ag.float32
    assert x.grad.tolist() == [4.0, 4.0]


def test_wrong_numbers_and_kinds_of_arguments() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match="2 outputs need as many gradients, got 1"):
        ag.backward([x, x], [ag.ones(2)])
    with pytest.raises(TypeError, match="tensors must be"):
        ag.backward(3.0)
    with pytest.raises(TypeError, match="inputs must be"):
        ag.grad(x.sum(), "x")
    with pytest.raises(TypeError, match="starts from tensors"):
        ag.backward([3.0])
    with pytest.raises(ValueError, match="inputs must not be empty"):
        ag.backward(x.sum(), inputs=[])


def test_backward_into_chosen_inputs_accumulates_there() -> None:
    x, y = leaf([1.0]), leaf([2.0])
    for count in (1, 2):
        (x * y).backward(inputs=[x])
        assert x.grad.tolist() == [2.0 * count]
        assert y.grad is None


def test_only_what_leads_to_an_input_is_visited() -> None:
    """A freed node aside from the path does not matter."""
    x, y = leaf(2.0), leaf(3.0)
    aside = y * y
    aside.backward(retain_graph=False)
    z = x * 5.0 + aside
    assert ag.grad(z, x, retain_graph=True)[0].item() == 5.0
    with pytest.raises(ag.GraphError):
        ag.grad(z, y)


# --- messages ---------------------------------------------------------------------------------------------------------


def test_the_message_of_a_value_changed_in_place() -> None:
    x = leaf(np.ones((2, 3)), "float32")
    y = x * 1.0
    z = y * y
    with ag.no_grad():
        y.add_(1.0)
        y.add_(1.0)
    with pytest.raises(ag.InPlaceError) as caught:
        z.sum().backward()
    message = str(caught.value)
    assert "the operation 'mul' saved for backward" in message
    assert "output (2, 3) float32" in message
    assert "was modified in place: it was at version 0 when saved and is at version 2 now" in message
    assert "detect_anomaly()" in message
    assert "clone()" in message
    assert isinstance(caught.value, RuntimeError)


def test_the_message_names_the_operand_and_under_anomaly_detection_the_line() -> None:
    x, w = leaf([1.0, 2.0]), ag.tensor([3.0, 4.0], dtype="float64")
    with ag.detect_anomaly():
        z = x / w  # saves w
        w.mul_(2.0)
        with pytest.raises(ag.InPlaceError, match=r"its operand 'z'.*test_backward\.py:\d+"):
            z.sum().backward()


def _loss_summed_over_steps() -> None:
    w = leaf([1.0, 2.0])
    total: Any = 0.0
    for _ in range(2):
        total = total + (w * w).sum()
        total.backward()


def _hidden_state_carried_over() -> None:
    w, hidden = leaf([0.5]), ag.zeros(1, dtype="float64")
    for _ in range(2):
        hidden = (hidden * w + 1.0).tanh()
        hidden.sum().backward()


@pytest.mark.parametrize("cause", [_loss_summed_over_steps, _hidden_state_carried_over])
def test_the_message_of_a_second_backward_states_causes_and_remedies(cause: Any) -> None:
    with pytest.raises(ag.GraphError) as caught:
        cause()
    message = str(caught.value)
    assert "a second time" in message
    for expected in ("accumulated over steps", "total += loss", "without being detached", "hidden state"):
        assert expected in message
    for remedy in ("loss.item()", ".detach()", "retain_graph=True"):
        assert remedy in message
