"""Real networks: that they are readable without options, and drawn in full at a cost that grows as their size."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import autograd_core as ag
import nn.models
from autograd_core.visualize import draw


def calls(function: Callable[[], object]) -> int:
    """How many functions it calls, theirs included: the same on every machine, however busy."""
    count = 0

    def observe(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(observe)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(scope="module")
def output() -> Any:
    """The output of a small ResNet-50 in training."""
    ag.manual_seed(0)
    return nn.models.resnet50(num_classes=10)(ag.randn(2, 3, 32, 32))


def test_resnet18_without_options_fits_on_a_screen() -> None:
    ag.manual_seed(0)
    picture = draw(nn.models.resnet18(), ag.randn(1, 3, 64, 64).expand(2, 3, 64, 64))
    assert len(picture.picture.nodes) <= 40
    titles = [cluster.label for cluster in picture.picture.clusters]
    assert {"ResNet", "layer1 (Sequential)", "layer4 (Sequential)", "fc (Linear)"} <= set(titles)
    closed = [node.lines[0] for node in picture.picture.nodes if node.kind == "module"]
    assert closed[0] == "0 … 1 (BasicBlock × 2)"
    assert len(closed) == 7


def test_resnet50_in_full(output: Any) -> None:
    whole = draw(output, max_nodes=None, fold_repeats=False).source
    # 53 convolutions and normalisations, the last layer's weight and bias.
    assert whole.count("parameter") >= 161
    assert "layer3.5.conv3.weight" in whole
    folded = draw(output, max_nodes=None)
    assert "1 … 5 (Bottleneck × 5)" in [cluster.label for cluster in folded.picture.clusters]
    assert sum("Bottleneck" in cluster.label for cluster in folded.picture.clusters) == 8


def test_resnet50_health(output: Any) -> None:
    picture = draw(output, show=("gradient", "saved"))
    assert len(picture.picture.nodes) <= 40
    assert all(node.fill for node in picture.picture.nodes if node.kind != "output")
    assert not any(node.fault for node in picture.picture.nodes)
    lines = [line for node in picture.picture.nodes if node.kind == "module" for line in node.lines]
    assert any(line.startswith("off ") for line in lines)


def test_resnet50_laid_out_without_graphviz(output: Any) -> None:
    text = draw(output, max_nodes=None, fold_repeats=False).to_svg(engine="builtin")
    assert text.count('data-node="parameter') == 161


def test_the_work_of_drawing_a_box_does_not_grow_with_the_network() -> None:
    def work(blocks: int) -> tuple[float, float]:
        """Calls for each box: of the text for Graphviz, and of the drawing laid out here."""
        network = nn.models.ResNet(nn.models.Bottleneck, [blocks] * 4, num_classes=10)
        output = network(ag.randn(2, 3, 16, 16))
        options: dict[str, Any] = {"max_nodes": None, "fold_repeats": False}
        boxes = len(draw(output, **options).picture.nodes)
        text = calls(lambda: draw(output, **options).source)
        return text / boxes, calls(lambda: draw(output, **options).to_svg(engine="builtin")) / boxes

    # Measured 0.98 and 0.93 of the smaller network's; work that grew with the square of its size would give 3.
    for small, large in zip(work(1), work(4), strict=True):
        assert large < 1.2 * small


def test_transformer_layers_are_folded_whatever_their_random_masks() -> None:
    ag.manual_seed(0)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 5)
    x = ag.randn(3, 2, 16, requires_grad=True)
    picture = draw(encoder, x, depth=1)
    (module,) = (node for node in picture.picture.nodes if node.kind == "module")
    assert module.lines[0] == "layers.0 … layers.4 (TransformerEncoderLayer × 5)"
    # Expanding everything opens it, but does not draw it five times.
    labels = [cluster.label for cluster in draw(encoder, x, expand=True, max_nodes=None).picture.clusters]
    assert sum("TransformerEncoderLayer" in label for label in labels) == 1
    assert any("(composition)" in label for label in labels)
