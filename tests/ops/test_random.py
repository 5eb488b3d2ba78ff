"""Random tensors: reproducible, of the distributions they claim, with states that can be kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

SIZE = 200_000
DRAWS: dict[str, Any] = {
    "rand": lambda generator: ag.rand(4, 5, generator=generator),
    "randn": lambda generator: ag.randn(4, 5, generator=generator),
    "randint": lambda generator: ag.randint(0, 100, (4, 5), generator=generator),
    "randperm": lambda generator: ag.randperm(20, generator=generator),
    "normal": lambda generator: ag.normal(1.0, 2.0, (4, 5), generator=generator),
    "bernoulli": lambda generator: ag.bernoulli(ag.full((4, 5), 0.5), generator=generator),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_repeats_the_stream_and_another_does_not(draw: Any) -> None:
    first = [draw(None).tolist() for _ in range(2) if ag.manual_seed(3)]
    assert first[0] == first[1]
    assert draw(None).tolist() != first[0]
    ag.manual_seed(4)
    assert draw(None).tolist() != first[0]


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_generator_of_its_own_leaves_the_default_one_alone(draw: Any) -> None:
    state = ag.get_rng_state()
    first, second = draw(ag.Generator(5)), draw(ag.Generator(5))
    assert first.tolist() == second.tolist()
    assert draw(ag.Generator().manual_seed(5)).tolist() == first.tolist()
    ag.set_rng_state(state)
    again = draw(None).tolist()
    ag.set_rng_state(state)
    assert draw(None).tolist() == again


def test_a_state_continues_where_it_was_taken() -> None:
    ag.rand(3)
    state = ag.get_rng_state()
    expected = [ag.randn(3).tolist(), ag.randperm(5).tolist(), ag.dropout(ag.ones(20), 0.5).tolist()]
    ag.rand(100)
    ag.set_rng_state(state)
    assert [ag.randn(3).tolist(), ag.randperm(5).tolist(), ag.dropout(ag.ones(20), 0.5).tolist()] == expected


def test_a_kept_state_does_not_move_on() -> None:
    state = ag.get_rng_state()
    first = ag.rand(5).tolist()
    ag.rand(5)
    ag.set_rng_state(state)
    assert ag.rand(5).tolist() == first
    ag.set_rng_state(state)
    assert ag.rand(5).tolist() == first


def moments(tensor: ag.Tensor) -> tuple[float, float]:
    array = tensor.numpy().astype(np.float64)
    return float(array.mean()), float(array.std())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions_have_their_moments(dtype: str) -> None:
    """Means within five standard errors."""
    error = 5 / math.sqrt(SIZE)
    uniform = ag.rand(SIZE, dtype=dtype)
    assert uniform.dtype == np.dtype(dtype)
    mean, deviation = moments(uniform)
    assert mean == pytest.approx(0.5, abs=error * math.sqrt(1 / 12))
    assert deviation == pytest.approx(math.sqrt(1 / 12), rel=error)
    assert uniform.numpy().min() >= 0
    assert uniform.numpy().max() < 1
    mean, deviation = moments(ag.randn(SIZE, dtype=dtype))
    assert mean == pytest.approx(0, abs=error)
    assert deviation == pytest.approx(1, rel=error)
    mean, deviation = moments(ag.normal(3.0, 2.0, SIZE, dtype=dtype))
    assert mean == pytest.approx(3, abs=2 * error)
    assert deviation == pytest.approx(2, rel=error)


def test_integers_permutations_and_coins() -> None:
    drawn = ag.randint(-2, 3, (SIZE,))
    assert drawn.dtype == ag.int64
    assert set(drawn.tolist()) == {-2, -1, 0, 1, 2}
    assert set(ag.randint(3, (100,)).tolist()) == {0, 1, 2}
    assert sorted(ag.randperm(100).tolist()) == list(range(100))
    assert ag.randperm(0).tolist() == []
    coins = ag.bernoulli(ag.full((SIZE,), 0.3))
    assert set(coins.tolist()) == {0.0, 1.0}
    assert moments(coins)[0] == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / SIZE))
    assert ag.bernoulli(ag.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_shapes_flags_and_likeness() -> None:
    assert ag.rand(2, 3).shape == ag.randn((2, 3)).shape == ag.randint(0, 5, (2, 3)).shape == (2, 3)
    assert ag.rand(()).shape == ()
    assert ag.randn(0, 3).shape == (0, 3)
    assert ag.randn(2, requires_grad=True).requires_grad
    model = ag.zeros(2, 3, dtype="float64")
    for like in (ag.rand_like(model), ag.randn_like(model)):
        assert (like.shape, like.dtype) == ((2, 3), ag.float64)
    assert ag.randn_like(model, dtype="float32").dtype == ag.float32


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda: ag.manual_seed(-1), ValueError),
        (lambda: ag.manual_seed(1.5), TypeError),
        (lambda: ag.manual_seed(True), TypeError),
        (lambda: ag.randint(3, 3, (2,)), ValueError),
        (lambda: ag.randperm(-1), ValueError),
        (lambda: ag.rand(2, dtype="int64"), TypeError),
        (lambda: ag.randn(-2), ValueError),
        (lambda: ag.normal(0.0, -1.0, (2,)), ValueError),
        (lambda: ag.bernoulli(ag.tensor([1.5])), ValueError),
        (lambda: ag.bernoulli(ag.tensor([math.nan])), ValueError),
        (lambda: ag.dropout(ag.ones(2), -0.1), ValueError),
        (lambda: ag.dropout(ag.ones(2), math.nan), ValueError),
    ],
)
def test_wrong_arguments(attempt: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        attempt()


def test_dropout_keeps_the_expectation_and_uses_one_mask_both_ways() -> None:
    x = ag.ones(SIZE, requires_grad=True)
    dropped = ag.dropout(x, 0.25)
    dropped.sum().backward()
    values = dropped.detach().numpy()
    assert set(np.unique(values)) == {0.0, np.float32(1 / 0.75)}
    assert values.mean() == pytest.approx(1, abs=0.01)
    assert (x.grad.numpy() == values).all()


def test_dropout_at_its_limits() -> None:
    x = ag.tensor([1.0, -2.0, math.inf], requires_grad=True)
    assert ag.dropout(x, 0.0) is x
    assert ag.dropout(x, 0.5, training=False) is x
    nothing = ag.dropout(x, 1.0)
    nothing.sum().backward()
    assert nothing.tolist() == [0.0, 0.0, 0.0]
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
