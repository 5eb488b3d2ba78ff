"""What is measured of a graph: memory, gradients, blocked units, values and faults, against numbers found by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.visualize import GraphPicture, draw


def node(picture: GraphPicture, name: str) -> Any:
    return next(node for node in picture.picture.nodes if node.lines[0] == name)


def fact(picture: GraphPicture, name: str, label: str) -> str:
    return dict(node(picture, name).facts)[label]


def test_saved_memory_counts_every_array_once() -> None:
    x = ag.ones(64, 4, requires_grad=True)
    y = x.exp()  # keeps its result, 1 KiB
    z = (y * y).tanh()  # mul keeps y again, tanh its own result
    picture = draw(z.sum(), show=("shape", "saved"))
    assert node(picture, "exp").lines[1:] == ("keeps 1 KiB",)
    assert node(picture, "mul").lines == ("mul",)
    assert "which others keep too" in fact(picture, "mul", "keeps")
    assert node(picture, "tanh").lines[1:] == ("keeps 1 KiB",)
    assert picture.picture.caption[0].endswith("2 KiB kept for backward")
    z.sum().backward()
    assert node(draw(z, show="saved"), "exp").lines[1:] == ("freed",)


def test_parameters_are_not_memory_kept_for_backward() -> None:
    linear = nn.Linear(100, 100)
    picture = draw(linear(ag.ones(2, 100)), show="saved")
    assert node(picture, "linear").lines[1:] == ("keeps 800 B",)  # the input, 2 × 100 floats


def test_gradient_norms_without_touching_gradients() -> None:
    x = ag.tensor([3.0, 4.0], requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    picture = draw(z, show="gradient")
    assert x.grad is None
    # d/dy = 2y = (12, 16), d/dx = 2 · that.
    assert "gradient norm: 40" in picture.source
    assert [edge.color != "" for edge in picture.picture.edges] == [True] * 4
    z.backward()  # the graph is still alive
    assert x.grad is not None
    assert x.grad.tolist() == [24.0, 32.0]


def test_gradients_of_a_freed_graph_are_those_of_its_leaves() -> None:
    x = ag.tensor([3.0, 4.0], requires_grad=True)
    z = (x.exp() * 0 + x).sum()
    z.backward()
    picture = draw(z, show="gradient")
    assert node(picture, "input").lines[-1] == "gradient 1.4"
    assert node(picture, "exp").fill == ""
    assert "draw before backward(), or pass it retain_graph=True" in picture.picture.caption[-1]


def test_several_outputs_add_up() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    picture = draw((x * 3, x.sum()), show="gradient")
    assert node(picture, "input").lines[-1] == "gradient 5.7"  # 4 · √2
    assert picture.picture.caption[-1] == "gradients are those of the sum of all outputs' elements"


def test_colours_follow_the_logarithm() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(8):
        y = y * 1e-2
    picture = draw(y, show="gradient", fold_repeats=False)
    legend = picture.picture.legend
    assert legend is not None
    assert [text for _, text in legend.entries] == ["1e-16", "1e-12", "1e-08", "1e-04", "1e+00"]
    fills = [found.fill for found in picture.picture.nodes if found.kind == "operation"]
    assert len(set(fills)) == 8
    assert fills[-1] == legend.entries[-1][0]
    assert node(picture, "input").fill == legend.entries[0][0]
    for text in (picture.source, picture.to_svg(engine="builtin")):
        assert "gradient norm" in text
        assert legend.entries[0][0] in text


def test_zero_gradients_are_grey() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    picture = draw((x * 0).exp() * 1.0, show="gradient")
    assert node(picture, "input").fill == "#d0d7de"


def test_dead_units() -> None:
    # Four units: the first is never on, the second half the time, the others always.
    before = np.array([[-1, 1, 2, 3], [-2, -1, 2, 3]], np.float32)
    x = ag.tensor(before, requires_grad=True)
    picture = draw(x.relu(), show="gradient")
    assert node(picture, "relu").lines[-1] == "off 38%, dead 25%"
    assert node(draw(x.tanh(), show="gradient"), "tanh").lines[-1].startswith("gradient")
    leaky = draw(nn.functional.leaky_relu(x), show="gradient")
    assert "off" not in leaky.source
    images = ag.tensor(np.stack([-before, before])[:, :, :, None], requires_grad=True)  # channels are the rows
    assert "dead" not in "".join(node(draw(images.relu(), show="gradient"), "relu").lines)


def test_values_of_what_the_graph_keeps() -> None:
    x = ag.tensor([1.0, 3.0], requires_grad=True)
    picture = draw((x * x).exp().sum(), show="value")
    assert node(picture, "input").lines == ("input", "2 ± 1")
    assert fact(picture, "mul", "value") == "5 ± 4, from 1 to 9, 0% zeros"


def test_a_model_is_called_and_left_as_it_was() -> None:
    ag.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5))
    x = ag.randn(8, 3)
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    state = ag.get_rng_state()
    picture = draw(model, x, show=("value", "time", "gradient"))
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before
    assert str(ag.get_rng_state()) == str(state)
    assert all(parameter.grad is None for parameter in model.parameters())
    expected = model[0](x).detach().numpy()
    assert f"{expected.mean():.2g} ± {expected.std():.2g}" in node(picture, "linear").lines
    assert any("µs" in line or "ms" in line for line in node(picture, "relu").lines)
    assert "forward" in picture.picture.caption[0]
    assert "test_measures.py" in picture.source


@pytest.mark.parametrize("inputs", [{"input": 1}, (1,), 1])
def test_inputs_of_any_kind(inputs: Any) -> None:
    def double(input: int) -> Any:
        return ag.ones(input, requires_grad=True) * 2

    assert draw(double, inputs).picture.caption[0] == "forward graph · 1 operation"


def test_the_first_nan_is_marked() -> None:
    x = ag.tensor([-1.0, 4.0], requires_grad=True)
    y = x.log().exp()
    picture = draw((y * 2).sum(), show="value")
    assert [found.lines[0] for found in picture.picture.nodes if found.fault] == ["log"]
    assert "NaN first made here" in node(picture, "log").lines
    for text in (picture.source, picture.to_svg(engine="builtin"), picture.to_mermaid()):
        assert "#d1242f" in text


def test_nan_that_comes_in_is_not_blamed_on_an_operation() -> None:
    x = ag.tensor([np.nan, 4.0], requires_grad=True)
    picture = draw((x * x).sum(), show="value")
    assert [found.lines for found in picture.picture.nodes if found.fault] == [
        ("input", "4 ± 0", "NaN comes in here"),
    ]
    # The operand of exp is not kept, so nobody knows whether it had the NaN already.
    assert "NaN first seen here" in node(draw(x.exp().sum(), show="value"), "exp").lines
    constant = nn.Linear(2, 2)(ag.tensor([[np.nan, 1.0]])).exp()
    picture = draw(constant, show="value")
    assert "NaN comes in here" in node(picture, "linear").lines


def test_nan_and_infinity_of_the_backward_pass() -> None:
    x = ag.tensor([0.0, 1.0], requires_grad=True)
    picture = draw((x.sqrt() * 1.0).sum(), show="gradient")
    assert [found.lines[0] for found in picture.picture.nodes if found.fault] == ["sqrt"]
    assert "inf first made here, in backward" in node(picture, "sqrt").lines
    picture = draw((x.sqrt() * 0).sum(), show="gradient")  # 0 · inf
    assert "NaN first made here, in backward" in node(picture, "sqrt").lines


def test_only_the_maker_of_a_nan_is_blamed() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    picture = draw((x.square() + x.sqrt() * 0).sum(), show="gradient")  # both lead to the NaN at x
    assert [found.lines[0] for found in picture.picture.nodes if found.fault] == ["sqrt"]


# --- compositions -----------------------------------------------------------------------------------------------


def test_batch_normalisation_in_its_parts() -> None:
    norm = nn.BatchNorm1d(3)
    x = ag.randn(16, 3, requires_grad=True)
    picture = draw(norm(x), expand="batch_norm", show=("shape", "value", "gradient"), max_nodes=None)
    found = [found.lines[0] for found in picture.picture.nodes if found.kind == "operation"]
    assert {"μ = mean", "σ² = var", "z̄ = div"} <= set(found)
    assert [cluster.label for cluster in picture.picture.clusters] == ["BatchNorm1d", "batch_norm (composition)"]
    values = x.detach().numpy().astype(np.float64)
    means = values.mean(0)
    assert fact(picture, "μ = mean", "value").startswith(f"{means.mean():.2g} ± {means.std():.2g}")
    assert "σ = sqrt" in found
    # The gradient of the sum by β is the number of rows in each column: 16 · √3.
    assert node(picture, "bias").lines[-1] == "gradient 28"
    assert [leaf.lines[0] for leaf in picture.picture.nodes if leaf.kind == "parameter"] == ["weight", "bias"]


def test_a_constant_is_an_input_of_the_composition() -> None:
    picture = draw(nn.BatchNorm1d(3)(ag.randn(16, 3)), expand="batch_norm")
    found = {found.lines[0] for found in picture.picture.nodes}
    assert {"x (constant)", "μ = mean", "σ² = var", "z̄ = div"} <= found


def test_the_expanded_graph_is_that_of_the_composition() -> None:
    x = ag.randn(4, 3, requires_grad=True)
    by_hand = x.softmax(1)
    picture = draw(by_hand, expand=True)
    expanded = [found.lines[0] for found in picture.picture.nodes if found.kind == "operation"]
    assert len(expanded) > 1
    assert not any(name == "softmax" for name in expanded)


def test_expanding_after_backward_needs_its_operands() -> None:
    norm = nn.BatchNorm1d(3)
    y = norm(ag.randn(16, 3))
    y.sum().backward()
    with pytest.raises(ValueError, match=r"cannot expand 'batch_norm': backward has freed its operand 'x'"):
        draw(y, expand="batch_norm")


def test_expanding_what_is_not_there_says_what_is() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    with pytest.raises(
        ValueError, match=r"called 'conv'; this graph has the fused operations batch_norm, linear and .* 0, 1"
    ):
        draw(model, ag.randn(8, 3), expand="conv")
    with pytest.raises(ValueError, match="'tanh'"):
        draw(ag.ones(2, requires_grad=True).tanh(), expand="tanh")


def test_a_module_opened_by_its_path() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    picture = draw(model, ag.randn(8, 3), depth=1, expand=("1", "1.0"))
    closed = [found.lines[0] for found in picture.picture.nodes if found.kind == "module"]
    assert closed == ["0 (Sequential)", "1 (ReLU)"]
