"""Plots: the numbers in them, what they leave as it was, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import visualize

pytest.importorskip("matplotlib").use("Agg")
pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    pyplot.close("all")


def lines(axes: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {line.get_label(): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in axes.lines}


def test_curves() -> None:
    axes = visualize.plot_curves({"training": [0.5, 0.75], "test": [0.25, 0.5]}, percent=True, ylabel="right")
    found = lines(axes)
    assert found["training"][0].tolist() == [1, 2]
    assert found["test"][1].tolist() == [25, 50]
    assert axes.get_ylabel() == "right, %"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "test"]


def test_they_draw_into_the_axes_given() -> None:
    _, axes = pyplot.subplots()
    assert visualize.plot_curves({"loss": [1.0]}, axes=axes, log=True) is axes
    assert axes.get_yscale() == "log"
    assert len(pyplot.get_fignums()) == 1


def test_confusion_matrix_against_counting() -> None:
    random = np.random.default_rng(0)
    targets, predictions = random.integers(0, 4, 300), random.integers(0, 4, 300)
    counts = visualize.confusion_matrix(ag.tensor(targets), predictions, 5)
    expected = [[sum((targets == row) & (predictions == column)) for column in range(5)] for row in range(5)]
    assert counts.tolist() == expected
    axes = visualize.plot_confusion_matrix(counts, labels="abcde")
    shown = {tuple(map(int, text.get_position())): text.get_text() for text in axes.texts}
    assert shown[1, 2] == str(expected[2][1])
    assert [text.get_text() for text in axes.get_xticklabels()] == list("abcde")
    with pytest.raises(ValueError, match=r"one shape \(N,\), got \(2,\) and \(3,\)"):
        visualize.confusion_matrix([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="classes must be from 0 to 1"):
        visualize.confusion_matrix([0, 2], [0, 1], 2)
    with pytest.raises(ValueError, match="square"):
        visualize.plot_confusion_matrix(np.zeros((2, 3)))


def test_decision_boundary_of_a_line_and_of_sectors() -> None:
    points = np.array([[1.0, 0.5], [-1.0, 0.5]], np.float32)
    axes = visualize.plot_decision_boundary(lambda x: x[:, :1] * 3 - 1.5, points, [1, 0], extent=2, resolution=81)
    (contour,) = (found for found in axes.collections if type(found).__name__ == "QuadContourSet")
    boundary = np.concatenate([path.vertices for path in contour.get_paths()])
    np.testing.assert_allclose(boundary[:, 0], 0.5, atol=1e-3)
    picture = axes.images[0].get_array()
    assert picture.min() >= 0
    assert picture.max() <= 1
    axes = visualize.plot_decision_boundary(lambda x: ag.cat([x, -x], dim=1), points, [0, 2], resolution=20)
    assert len(axes.get_legend().get_texts()) == 4
    with pytest.raises(ValueError, match=r"points must have shape \(N, 2\), got \(2, 3\)"):
        visualize.plot_decision_boundary(lambda x: x, np.zeros((2, 3)), [0, 0])


def test_decision_boundary_leaves_the_model_as_it_was() -> None:
    model = nn.MLP(2, [4], 1, normalization=True)
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    visualize.plot_decision_boundary(model, ag.randn(10, 2), ag.zeros(10), resolution=5)
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before


def test_activation_with_its_derivative() -> None:
    x, slope = lines(visualize.plot_activation("tanh"))["$∂y/∂x$"]
    np.testing.assert_allclose(slope, 1 - np.tanh(x) ** 2, atol=1e-12)
    x, y = lines(visualize.plot_activation("leaky_relu", negative_slope=0.5))["$y$"]
    np.testing.assert_allclose(y, np.where(x > 0, x, 0.5 * x))
    assert visualize.plot_activation(nn.functional.gelu, low=-1, high=1).get_title() == "gelu"
    with pytest.raises(ValueError, match="one operand, or a function; got 'add'"):
        visualize.plot_activation("add")


def test_schedule_is_put_back() -> None:
    optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.1)
    before = scheduler.state_dict()
    _, rates = lines(visualize.plot_schedule(scheduler, 5))["group 0"]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01])
    assert scheduler.state_dict() == before
    assert optimizer.param_groups[0]["lr"] == 1.0
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    _, rates = lines(visualize.plot_schedule(plateau, 4, metrics=[1, 1, 1, 1]))["group 0"]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.01])
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_gradient_flow_of_a_chain_of_sigmoids_falls_as_it_must() -> None:
    ag.manual_seed(0)
    model = nn.MLP(4, [8] * 12, 1, activation="sigmoid")
    model(ag.randn(16, 4)).sum().backward()
    sizes = visualize.gradient_norms(model)
    expected = {name: np.linalg.norm(parameter.grad.numpy()) for name, parameter in model.named_parameters()}
    assert sizes == pytest.approx(expected, rel=1e-5)
    axes = visualize.plot_gradient_flow(model)
    (_, heights) = next(iter(lines(axes).values()))
    np.testing.assert_allclose(heights, [size for name, size in expected.items() if name.endswith("weight")], rtol=1e-5)
    assert heights[0] < 1e-6 * heights[-1]
    assert visualize.plot_gradient_flow(sizes, names="bias").get_yscale() == "log"


def test_gradient_flow_over_steps_and_zeros() -> None:
    history = [{"a.weight": 1.0, "b.weight": 10.0}, {"a.weight": 0.1, "b.weight": 0.0}]
    image = visualize.plot_gradient_flow(history).images[0].get_array()
    assert np.asarray(image).tolist() == [[1.0, 0.1], [10.0, 0.0]]
    axes = visualize.plot_gradient_flow(history[1])
    assert "0, NaN or infinite" in lines(axes)
    with pytest.raises(ValueError, match="call backward"):
        visualize.plot_gradient_flow(nn.Linear(2, 2))


def test_activation_histograms() -> None:
    model = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.BatchNorm1d(64), nn.Dropout(0.5))
    x = ag.randn(128, 3)
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    axes = visualize.plot_activations(model, x)
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before
    assert all(module._hooks is None or not module._hooks.forward for module in model.modules())
    means = lines(axes)["mean"][1]
    assert means[0] == pytest.approx(float(model[0](x).detach().numpy().mean()), rel=1e-5)
    shades = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose((shades**4).sum(axis=0), 1)
    assert visualize.plot_activations(model, (x,), kinds=["Tanh"]).images[0].get_array().shape == (80, 1)
    with pytest.raises(ValueError, match="no module of the kinds"):
        visualize.plot_activations(model, x, kinds=["Conv2d"])


def test_without_matplotlib_the_remedy_is_named() -> None:
    program = """
import sys
sys.modules["matplotlib"] = None
import autograd_core.visualize as visualize
try:
    visualize.plot_curves({"loss": [1.0]})
except ModuleNotFoundError as error:
    print(error, error.name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith('plots need matplotlib: python -m pip install "autograd-core[plot]"')
    assert done.stdout.strip().endswith("matplotlib")


# --- explain ----------------------------------------------------------------------------------------------------


def test_explanations() -> None:
    x = ag.ones(2, 3, requires_grad=True)
    found = visualize.explain(x.sigmoid())
    assert found.formulas == (("y", r"\sigma(x)"), ("∂y/∂x", r"y \, \left(1 - y\right)"))
    assert r"$$\frac{\partial y}{\partial x} = y \, \left(1 - y\right)$$" in found._repr_markdown_()
    model = nn.BatchNorm1d(3)
    text = str(visualize.explain(model(x)))
    for part in ("batch_norm", "module", "BatchNorm1d", "x 2×3, weight 3, bias 3", "eps=1e-05", "composition", "rule"):
        assert part in text
    y = x.exp()
    y.sum().backward()
    assert "nothing any more" in str(visualize.explain(y))
    assert "Hyperbolic" in str(visualize.explain("tanh"))
    with ag.detect_anomaly():
        assert "test_plots.py" in str(visualize.explain(x.exp()))
    assert "topk" in str(visualize.explain(x.topk(1)[0])) or "sort" in str(visualize.explain(x.sort()[0]))


def test_what_cannot_be_explained() -> None:
    with pytest.raises(ValueError, match="it is a leaf"):
        visualize.explain(ag.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="nothing it was computed from requires gradients"):
        visualize.explain(ag.ones(2).exp())
    with pytest.raises(ValueError, match="there is no operation 'tanhh'"):
        visualize.explain("tanhh")
    with pytest.raises(TypeError, match="got int"):
        visualize.explain(3)  # type: ignore[arg-type]
