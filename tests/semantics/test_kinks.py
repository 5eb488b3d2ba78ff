"""Conventions at kinks, ties and singular points: section 2A of the semantics, each test named after its row.

Rows that state PyTorch's behaviour are confirmed against it where it is installed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag

INF, NAN = math.inf, math.nan


def slopes(function: Callable[..., Any], *points: Any, dtype: str = "float64") -> Any:
    """The gradients of the sum of `function` at `points`, as lists; one list if there is one point."""
    leaves = [ag.tensor(point, dtype=dtype, requires_grad=True) for point in points]
    function(*leaves).sum().backward()
    found = [leaf.grad.tolist() for leaf in leaves]
    return found[0] if len(found) == 1 else found


def second_slope(function: Callable[[Any], Any], point: float) -> float:
    x = ag.tensor(point, dtype="float64", requires_grad=True)
    (first,) = ag.grad(function(x), x, create_graph=True)
    return ag.grad(first, x, allow_unused=True, materialize_grads=True)[0].item()


def torch_slopes(torch: Any, function: Callable[..., Any], *points: Any) -> Any:
    leaves = [torch.tensor(point, dtype=torch.float64, requires_grad=True) for point in points]
    function(*leaves).sum().backward()
    found = [leaf.grad.tolist() for leaf in leaves]
    return found[0] if len(found) == 1 else found


def test_semantics_1_abs_and_sign_at_zero() -> None:
    assert slopes(ag.abs, [-2.0, 0.0, 3.0]) == [-1.0, 0.0, 1.0]
    assert slopes(ag.sign, [-2.0, 0.0, 3.0]) == [0.0, 0.0, 0.0]


def test_semantics_1_sign_gives_a_tensor_of_zeros_not_none() -> None:
    x = ag.tensor([1.0, INF], requires_grad=True)
    (gradient,) = ag.grad(ag.sign(x).sum(), x)
    assert gradient.tolist() == [0.0, 0.0]


def test_semantics_2_relu_at_zero() -> None:
    assert slopes(ag.relu, [-1.0, -0.0, 0.0, 2.0]) == [0.0, 0.0, 0.0, 1.0]


def test_semantics_2_leaky_relu_at_zero_is_the_negative_slope(torch: Any) -> None:
    points = [-1.0, 0.0, 2.0]
    ours = slopes(lambda x: ag.leaky_relu(x, negative_slope=0.25), points)
    assert ours == [0.25, 0.25, 1.0]
    assert ours == torch_slopes(torch, lambda x: torch.nn.functional.leaky_relu(x, 0.25), points)


def test_semantics_2_relu_lets_nothing_pass_where_it_is_off() -> None:
    """Not even an infinite cotangent: 0 * inf would be NaN."""
    assert slopes(lambda x: ag.sqrt(ag.relu(x)), [-1.0, 0.0, 4.0]) == [0.0, 0.0, 0.25]
    x = ag.tensor([-1.0, 4.0], requires_grad=True)
    (first,) = ag.grad(ag.sqrt(ag.relu(x)).sum(), x, create_graph=True)
    assert first.tolist() == [0.0, 0.25]


def test_semantics_3_maximum_and_minimum_share_a_tie() -> None:
    first, second = slopes(ag.maximum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert (first, second) == ([0.0, 0.5, 1.0], [1.0, 0.5, 0.0])
    first, second = slopes(ag.minimum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert (first, second) == ([1.0, 0.5, 0.0], [0.0, 0.5, 1.0])


def test_semantics_3_the_smaller_side_gets_zero_of_an_infinite_cotangent() -> None:
    first, second = slopes(lambda x, y: ag.sqrt(ag.maximum(x, y)), [-1.0], [0.0])
    assert (first, second) == ([0.0], [INF])


@pytest.mark.parametrize("function", [ag.amax, ag.amin, ag.max, ag.min])
def test_semantics_4_extrema_without_an_index_share_among_ties(function: Any) -> None:
    assert slopes(function, [2.0, 2.0, 2.0, 2.0]) == [0.25] * 4


def test_semantics_4_weights_of_ties_sum_to_one_along_a_dimension(torch: Any) -> None:
    points = [[1.0, 3.0, 3.0], [5.0, 5.0, 5.0]]
    ours = slopes(lambda x: ag.amax(x, dim=1), points)
    assert_allclose(ours, [[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    assert_allclose(ours, torch_slopes(torch, lambda x: torch.amax(x, dim=1), points))


def test_semantics_5_max_and_min_along_a_dimension_give_all_to_the_returned_index() -> None:
    points = [[1.0, 3.0, 3.0], [5.0, 5.0, 2.0]]
    x = ag.tensor(points, requires_grad=True)
    values, indices = ag.max(x, dim=1)
    values.sum().backward()
    assert indices.tolist() == [1, 0]
    assert x.grad.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    x.grad = None
    values, indices = x.min(1)
    values.sum().backward()
    assert indices.tolist() == [0, 2]
    assert x.grad.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_semantics_5_other_positions_get_zero_of_an_infinite_cotangent() -> None:
    assert slopes(lambda x: ag.max(x, dim=0).values.sqrt(), [-1.0, 0.0]) == [0.0, INF]


@pytest.mark.parametrize(
    ("function", "values", "gradient"),
    [
        (lambda x: ag.sort(x, dim=0).values[:2], [3.0, 1.0, 1.0], [0.0, 1.0, 1.0]),
        (lambda x: ag.topk(x, 1).values, [1.0, 7.0, 3.0], [0.0, 1.0, 0.0]),
        (lambda x: ag.median(x, dim=0).values, [3.0, 1.0, 2.0], [0.0, 0.0, 1.0]),
        (lambda x: ag.kthvalue(x, 2).values, [3.0, 1.0, 2.0], [0.0, 0.0, 1.0]),
        (lambda x: ag.cummax(x, 0).values, [1.0, 3.0, 2.0], [1.0, 2.0, 0.0]),
    ],
    ids=["sort", "topk", "median", "kthvalue", "cummax"],
)
def test_semantics_5_what_returns_indices_gives_all_to_them(function: Any, values: Any, gradient: Any) -> None:
    assert slopes(function, values) == gradient


@pytest.mark.parametrize(
    "function", [lambda x: x.topk(1).values, lambda x: x.median(0).values, lambda x: x.mode(0).values]
)
def test_semantics_5_a_tie_gives_all_to_one(function: Any) -> None:
    gradient = slopes(function, [2.0, 2.0, 2.0])
    assert sorted(gradient) == [0.0, 0.0, 1.0]


@pytest.mark.slow
def test_semantics_6_ties_are_counted_exactly_beyond_two_to_the_24() -> None:
    size = 5 * 2**22  # counted one by one in float32, the count would stop at 2**24
    x = ag.zeros(size, requires_grad=True)
    ag.amax(x).backward()
    assert_allclose(x.grad.numpy()[[0, -1]], 1 / size, rtol=1e-6)


def test_semantics_7_clamp_passes_the_gradient_inside_and_at_the_bounds(torch: Any) -> None:
    points = [-2.0, -1.0, 0.0, 1.0, 2.0]
    ours = slopes(lambda x: ag.clamp(x, -1.0, 1.0), points)
    assert ours == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert ours == torch_slopes(torch, lambda x: torch.clamp(x, -1.0, 1.0), points)
    assert slopes(lambda x: ag.clamp(x, min=0.0), points) == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert slopes(lambda x: ag.clamp(x, max=0.0), points) == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_semantics_7_clamp_keeps_nan_and_lets_nothing_pass_outside() -> None:
    assert np.isnan(ag.clamp(ag.tensor([NAN]), 0.0, 1.0).item())
    assert slopes(lambda x: ag.sqrt(ag.clamp(x, min=0.0)), [-1.0, 4.0]) == [0.0, 0.25]


def test_semantics_8_square_root_at_zero_and_below() -> None:
    assert slopes(ag.sqrt, [0.0, 4.0]) == [INF, 0.25]
    assert np.isnan(ag.sqrt(ag.tensor([-1.0])).item())
    assert np.isnan(slopes(ag.sqrt, [-1.0])[0])


@pytest.mark.parametrize("order", [2, 2.0, 3, 1, 0.5, INF])
def test_semantics_9_norm_at_zero_has_gradient_zero(order: float) -> None:
    assert slopes(lambda x: ag.norm(x, order), [0.0, 0.0]) == [0.0, 0.0]
    assert slopes(lambda x: ag.norm(x, order) ** 2, [0.0, 0.0]) == [0.0, 0.0]


def test_semantics_9_norms_of_order_one_and_infinity(torch: Any) -> None:
    assert slopes(lambda x: ag.norm(x, 1), [-3.0, 0.0, 4.0]) == [-1.0, 0.0, 1.0]
    ties = [-4.0, 1.0, 4.0]
    ours = slopes(lambda x: ag.norm(x, INF), ties)
    assert ours == [-0.5, 0.0, 0.5]
    assert ours == torch_slopes(torch, lambda x: torch.linalg.vector_norm(x, INF), ties)


def test_semantics_10_only_the_rows_that_are_zero_get_zero() -> None:
    gradient = slopes(lambda x: ag.norm(x, dim=1), [[0.0, 0.0], [3.0, 4.0]])
    assert_allclose(gradient, [[0.0, 0.0], [0.6, 0.8]], rtol=1e-15)


@pytest.mark.parametrize("size", [2, 3, 7, 10, 49, 98])
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, 1 / 3, 1e4, -1e-30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_11_standard_deviation_of_a_constant_has_gradient_zero(dtype: str, value: float, size: int) -> None:
    x = ag.full((size,), value, dtype=dtype, requires_grad=True)
    deviation = x.std()
    deviation.backward()
    assert deviation.item() == 0
    assert x.grad.tolist() == [0.0] * size


def test_semantics_11_variance_of_one_value_is_nan_with_a_nan_gradient_of_its_shape(torch: Any) -> None:
    for function in (ag.var, ag.std):
        x = ag.ones(1, 1, requires_grad=True)
        value = function(x)
        value.backward()
        assert np.isnan(value.item())
        assert x.grad.shape == (1, 1)
        assert np.isnan(x.grad.item())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(torch.ones(1, 1).var().item())


def test_semantics_12_power_zero() -> None:
    """x**0 is 1 with gradient 0, also at 0, by number and by tensor."""
    points = [-2.0, 0.0, 3.0]
    assert slopes(lambda x: x**0, points) == [0.0, 0.0, 0.0]
    assert slopes(lambda x: ag.pow(x, ag.zeros(3, dtype="float64")), points) == [0.0, 0.0, 0.0]
    assert ag.tensor(points).pow(0).tolist() == [1.0, 1.0, 1.0]


def test_semantics_12_base_zero(torch: Any) -> None:
    """0**b has gradient 0 by b for b > 0, and at 0**0 both gradients are 0."""
    bases, exponents = [0.0, 0.0, 0.0], [2.0, 0.5, 0.0]
    by_base, by_exponent = slopes(ag.pow, bases, exponents)
    assert by_base == [0.0, INF, 0.0]
    assert by_exponent == [0.0, 0.0, 0.0]
    assert [by_base, by_exponent] == torch_slopes(torch, torch.pow, bases, exponents)


def test_semantics_12_negative_base_with_a_fraction_is_nan() -> None:
    assert np.isnan(ag.tensor([-2.0]).pow(0.5).item())
    assert np.isnan(slopes(lambda x: x**0.5, [-2.0])[0])


@pytest.mark.parametrize(("exponent", "expected"), [(0, 0.0), (1, 0.0), (2, 2.0), (3, 0.0)])
def test_semantics_12_second_derivative_at_zero(exponent: int, expected: float) -> None:
    assert second_slope(lambda x: x**exponent, 0.0) == expected


def test_semantics_13_a_constant_integer_exponent_takes_no_logarithm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative base has no logarithm; nothing about its powers may be NaN or warn."""
    assert slopes(lambda x: x**3, [-2.0]) == [12.0]
    assert slopes(lambda x: ag.pow(x, 3), [-2.0]) == [12.0]
    exponent = ag.tensor(3.0, dtype="float64")
    assert slopes(lambda x: ag.pow(x, exponent), [-2.0]) == [12.0]
    assert second_slope(lambda x: x**3, -2.0) == -12.0
    x = ag.tensor([-2.0], requires_grad=True)
    assert "log" not in str(x.pow(3).grad_fn.plan.op.partial_expression(0))


@pytest.mark.parametrize(
    ("factors", "gradient"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0]),
        ([0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
        ([0.0], [1.0]),
        ([1e200, 1e200, 0.0], [0.0, 0.0, INF]),
    ],
)
def test_semantics_14_product_of_the_others(factors: Any, gradient: Any) -> None:
    assert slopes(ag.prod, factors) == gradient
    assert slopes(lambda x: ag.prod(x, dim=1), [factors, factors]) == [gradient, gradient]


def test_semantics_14_second_derivative_of_a_product_with_zeros() -> None:
    x = ag.tensor([2.0, 0.0, 0.0], dtype="float64", requires_grad=True)
    (first,) = ag.grad(ag.prod(x), x, create_graph=True)
    (second,) = ag.grad(first[1], x)  # the derivative by the second factor is x0 x2
    assert second.tolist() == [0.0, 0.0, 2.0]


def test_semantics_15_cumulative_product_with_a_zero(torch: Any) -> None:
    assert slopes(lambda x: ag.cumprod(x, 0), [2.0, 3.0, 0.0]) == [4.0, 2.0, 6.0]
    for points in ([2.0, 0.0, 3.0, 0.0, 5.0], [0.0, 0.0], [0.0, 1.0, 2.0]):
        ours = slopes(lambda x: ag.cumprod(x, 0), points)
        assert_allclose(ours, torch_slopes(torch, lambda x: torch.cumprod(x, 0), points))


def test_semantics_16_where_gives_the_unselected_side_gradient_zero() -> None:
    condition = ag.tensor([True, False])
    first, second = slopes(lambda x, y: ag.where(condition, x, y), [1.0, 2.0], [3.0, 4.0])
    assert (first, second) == ([1.0, 0.0], [0.0, 1.0])


def test_semantics_16_where_passes_zero_of_an_infinite_cotangent(torch: Any) -> None:
    def both(library: Any) -> Any:
        condition = library.tensor([False, True])
        return lambda x, y: library.where(condition, x, y).sqrt()

    ours = slopes(both(ag), [1.0, 4.0], [0.0, 4.0])
    assert ours == [[0.0, 0.25], [INF, 0.0]]
    assert ours == torch_slopes(torch, both(torch), [1.0, 4.0], [0.0, 4.0])
    x, y = (ag.tensor(v, requires_grad=True) for v in ([1.0, 4.0], [0.0, 4.0]))
    recorded = ag.grad(both(ag)(x, y).sum(), [x, y], create_graph=True)
    assert [gradient.tolist() for gradient in recorded] == ours


def test_semantics_16_nan_from_an_upstream_product_of_zero_and_infinity_is_expected() -> None:
    """where(x > 0, sqrt(x), 0) at 0: the branch not taken gets 0, which sqrt multiplies with its infinite slope."""
    assert np.isnan(slopes(lambda x: ag.where(x > 0, ag.sqrt(x), 0.0), [0.0])[0])
    # The recipe: keep the argument away from the singular point as well.
    safe = slopes(lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), 0.0), [0.0, 4.0])
    assert safe == [0.0, 0.25]


def test_semantics_16_the_condition_gets_no_gradient() -> None:
    x = ag.tensor([1.0, -1.0], requires_grad=True)
    chosen = ag.where(x > 0, 1.0, 2.0)
    assert not chosen.requires_grad
    with pytest.raises(TypeError, match="condition must be a bool"):
        ag.where(ag.tensor([1, 0]), x, x)


def test_semantics_17_logsumexp_of_infinities() -> None:
    x = ag.tensor([[-INF, -INF], [INF, 0.0], [-INF, 3.0]], dtype="float64", requires_grad=True)
    result = ag.logsumexp(x, dim=1)
    assert result.tolist() == [-INF, INF, 3.0]
    result[0].backward()
    assert x.grad.tolist()[0] == [0.0, 0.0]
    assert slopes(lambda x: ag.logsumexp(x, 0), [-INF, 3.0]) == [0.0, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_17_logsumexp_of_large_numbers(dtype: str) -> None:
    result = ag.logsumexp(ag.tensor([1e4, 1e4, -1e4], dtype=dtype), 0)
    assert result.item() == pytest.approx(1e4 + math.log(2), rel=1e-7)


@pytest.mark.parametrize("function", [ag.softmax, ag.log_softmax])
def test_semantics_18_a_row_that_is_all_minus_infinity_is_nan(function: Any) -> None:
    result = function(ag.tensor([[-INF, -INF], [0.0, 0.0]]), 1).numpy()
    assert np.isnan(result[0]).all()
    assert np.isfinite(result[1]).all()


def test_semantics_18_minus_infinity_has_probability_and_gradient_exactly_zero() -> None:
    x = ag.tensor([0.0, -INF, 1.0], dtype="float64", requires_grad=True)
    probabilities = ag.softmax(x, 0)
    (probabilities * ag.tensor([1.0, 5.0, 2.0], dtype="float64")).sum().backward()
    p = 1 / (1 + math.e)
    assert_allclose(probabilities.detach().numpy(), [p, 0, 1 - p], rtol=1e-15)
    assert x.grad.tolist()[1] == 0.0
    assert_allclose(x.grad.numpy(), [-p * (1 - p), 0, p * (1 - p)], rtol=1e-14)
    x.grad = None
    ag.log_softmax(x, 0)[2].backward()
    assert x.grad.tolist()[1] == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_19_log_softmax_of_large_logits_is_finite(dtype: str) -> None:
    result = ag.log_softmax(ag.tensor([1e4, 0.0, -1e4], dtype=dtype), 0)
    assert result.tolist() == [0.0, -1e4, -2e4]
    shifted = ag.log_softmax(ag.tensor([1e4, 1e4 + 1], dtype=dtype), 0).numpy()
    assert_allclose(shifted, [-1.3132616875182228, -0.31326168751822286], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "values", "gradients"),
    [
        (ag.sigmoid, [0.0, 1.0], [0.0, 0.0]),
        (ag.tanh, [-1.0, 1.0], [0.0, 0.0]),
        (ag.softplus, [0.0, 1e3], [0.0, 1.0]),
        (lambda x: -ag.softplus(-x), [-1e3, 0.0], [1.0, 0.0]),  # the logarithm of the sigmoid
        (ag.silu, [0.0, 1e3], [0.0, 1.0]),
    ],
    ids=["sigmoid", "tanh", "softplus", "logsigmoid", "silu"],
)
def test_semantics_20_saturated_activations_stay_finite(function: Any, values: Any, gradients: Any, dtype: str) -> None:
    x = ag.tensor([-1e3, 1e3], dtype=dtype, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = function(x)
        result.sum().backward()
    assert result.tolist() == values
    assert x.grad.tolist() == gradients


def test_semantics_20_gradient_near_saturation_is_computed_from_the_result() -> None:
    """1 - tanh(x)**2 as (1 - y)(1 + y), and sigmoid' as y (1 - y): no cancellation on the small side."""
    assert_allclose(slopes(ag.sigmoid, [-40.0])[0], math.exp(-40), rtol=1e-14)
    assert_allclose(slopes(ag.tanh, [-5.0, 5.0]), 1 / np.cosh([5.0, 5.0]) ** 2, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_21_log1p_and_expm1_keep_relative_accuracy_near_zero(dtype: str) -> None:
    tiny = 1e-12
    held = float(np.dtype(dtype).type(tiny))
    epsilon = float(np.finfo(dtype).eps)
    assert ag.log1p(ag.tensor(tiny, dtype=dtype)).item() == pytest.approx(held, rel=4 * epsilon)
    assert ag.expm1(ag.tensor(tiny, dtype=dtype)).item() == pytest.approx(held, rel=4 * epsilon)
    assert slopes(ag.log1p, [tiny], dtype=dtype)[0] == pytest.approx(1 / (1 + tiny), rel=4 * epsilon)
    assert slopes(ag.expm1, [tiny], dtype=dtype)[0] == pytest.approx(math.exp(tiny), rel=4 * epsilon)


def test_semantics_22_the_angle_of_the_origin_is_zero_with_gradients_zero() -> None:
    assert ag.atan2(ag.tensor(0.0), ag.tensor(0.0)).item() == 0
    assert slopes(ag.atan2, [0.0], [0.0]) == [[0.0], [0.0]]
    assert slopes(ag.atan2, [1.0], [0.0]) == [[0.0], [-1.0]]


@pytest.mark.parametrize("function", [ag.floor, ag.ceil, ag.round, ag.trunc, ag.sign])
def test_semantics_23_rounding_has_gradient_zero(function: Any) -> None:
    assert slopes(function, [-1.5, 0.0, 0.3, 2.0]) == [0.0] * 4


def test_semantics_23_indices_and_comparisons_have_no_gradient() -> None:
    x = ag.tensor([1.0, -1.0], requires_grad=True)
    for result in (x > 0, x == x, ag.isnan(x), x.argmax(), x.argmin(), x.max(0).indices, ag.logical_not(x)):
        assert not result.requires_grad
        assert result.grad_fn is None
        assert result.dtype in (ag.bool_, ag.int64)


@pytest.mark.parametrize(("x", "y"), [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0), (-5.5, -2.0)])
def test_semantics_24_remainders(x: float, y: float) -> None:
    assert slopes(lambda x, y: x % y, [x], [y]) == [[1.0], [-math.floor(x / y)]]
    assert slopes(ag.fmod, [x], [y]) == [[1.0], [-math.trunc(x / y)]]
    assert (ag.tensor(x) % y).item() == x % y
    assert ag.fmod(ag.tensor(x), y).item() == math.fmod(x, y)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ag.maximum(x, ag.zeros(3)),
        lambda x: ag.maximum(ag.zeros(3), x),
        lambda x: ag.minimum(x, ag.zeros(3)),
        lambda x: ag.minimum(ag.zeros(3), x),
        ag.amax,
        ag.amin,
        ag.max,
        lambda x: ag.max(x, dim=0).values,
        lambda x: ag.min(x, dim=0).values,
        ag.relu,
    ],
)
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_25_nan_wins_every_comparison(function: Any, position: int, dtype: str) -> None:
    values = [1.0, 2.0, 3.0]
    values[position] = NAN
    result = np.atleast_1d(function(ag.tensor(values, dtype=dtype)).numpy())
    assert np.isnan(result).any()


def test_semantics_25_argmax_points_at_the_nan() -> None:
    x = ag.tensor([1.0, NAN, 3.0, NAN])
    assert x.argmax().item() == 1
    assert x.argmin().item() == 1
    assert x.max(0).indices.item() == 1
