"""What a picture shows: names, shapes, frames, captions; the DOT and Mermaid texts."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from typing import Any

import graphviz
import numpy as np
import pytest

import autograd_core as ag
from autograd_core.graph import scope
from autograd_core.visualize import GraphPicture, draw


def names(picture: GraphPicture, kind: str) -> list[str]:
    return [node.lines[0] for node in picture.picture.nodes if node.kind == kind]


def labels(picture: GraphPicture) -> dict[tuple[str, str], str]:
    nodes = picture.picture.nodes
    return {(nodes[e.source].lines[0], nodes[e.target].lines[0]): e.text for e in picture.picture.edges}


def test_every_run_gives_the_same_text(record: Any) -> None:
    first, second = draw(record.small()), draw(record.small())
    assert first.source == second.source
    assert first.to_mermaid() == second.to_mermaid()
    assert first.to_svg(engine="builtin") == second.to_svg(engine="builtin")


def test_the_real_engine_before_and_after_backward() -> None:
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    loss = (x.exp() * x).sum()
    picture = draw(loss, name="loss")
    assert names(picture, "operation") == ["exp", "mul", "sum"]
    assert names(picture, "input") == ["input"]
    assert labels(picture) == {
        ("input", "exp"): "",
        ("input", "mul"): "",
        ("exp", "mul"): "2×3 float64",
        ("mul", "sum"): "2×3 float64",
        ("sum", "output"): "scalar float64",
    }
    assert picture.picture.caption == ("loss: forward graph · 3 operations",)
    loss.backward()
    assert draw(loss).picture.caption == ("after backward · 3 operations",)


def test_a_picture_keeps_no_graph_alive(record: Any) -> None:
    y = record.small()
    node = weakref.ref(y.grad_fn)
    picture = draw(y)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()
    assert "fc1.weight" in picture.source


def test_parameters_are_named_by_the_module_that_used_them_first(record: Any) -> None:
    picture = draw(record.resnet((1, 2)), max_nodes=None)
    found = names(picture, "parameter")
    assert found[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert "layer2.0.downsample.0.weight" in found
    assert found[-2:] == ["fc.weight", "fc.bias"]
    tied = record.leaf(7, 3, name="weight")
    with scope("Model", "Model"):
        with scope("embedding", "Embedding"):
            x = record.apply("embedding", tied, shape=(3,))
        with scope("head", "Linear"):
            x = record.apply("linear", x, tied, shape=(7,))
    picture = draw(x)
    assert names(picture, "parameter") == ["embedding.weight"]
    # It stands where both of its users can see it.
    (node,) = (node for node in picture.picture.nodes if node.kind == "parameter")
    assert node.cluster is not None
    assert picture.picture.clusters[node.cluster].label == "Model"


def test_a_module_called_again_has_a_frame_for_every_call(record: Any) -> None:
    picture = draw(record.recurrent(3), fold_repeats=False)
    assert [cluster.label for cluster in picture.picture.clusters] == [
        "RNN",
        "cell (RNNCell), call 1",
        "cell (RNNCell), call 2",
        "cell (RNNCell), call 3",
        "outside modules",
    ]
    assert names(picture, "parameter") == ["cell.weight", "cell.bias"]


def test_outputs_are_named_by_their_place(record: Any) -> None:
    x = record.leaf(2)
    output = (x, {"a": [record.apply("exp", x)], "b": None}, record.constant(3))
    picture = draw(output)
    assert names(picture, "output") == ["output[0]", "output[1]['a'][0]", "output[2]"]
    assert len(picture.picture.edges) == 3


def test_results_of_one_operation_flow_from_its_one_box(record: Any) -> None:
    main = record.apply("lstm", record.leaf(4), shape=(4,))
    first, second = (record.apply("output", main, shape=shape) for shape in ((2, 2), (3,)))
    picture = draw(record.apply("add", first, second))
    assert names(picture, "operation") == ["lstm", "add"]
    assert sorted(edge.label for edge in picture.picture.edges if edge.target == 2) == ["2×2", "3"]


def test_nothing_recorded(record: Any) -> None:
    picture = draw(record.constant(2, 3))
    assert picture.picture.caption[1] == "nothing was recorded: the output needs no gradient"
    assert "output1" in picture.source
    assert "2×3" in picture.to_svg(engine="builtin")


def test_without_shapes(record: Any) -> None:
    picture = draw(record.small(), show=())
    assert not [text for node in picture.picture.nodes for text in node.lines if "×" in text]
    assert labels(picture)["linear", "mul"] == "twice"


@pytest.mark.parametrize(
    "name", ['a"b\\', "<b>x</b>", "<>", "ünïcode 漢字", "line\nbreak\x00", "a & b", "end", "\ud800"]
)
def test_names_of_any_kind(record: Any, name: str) -> None:
    with scope(name, name), scope(name, name):
        y = record.apply(name, record.leaf(2, name=name), text=name)
    picture = draw({name: y}, name=name)
    picture.source.encode()
    ElementTree.fromstring(picture.to_svg(engine="builtin"))
    ElementTree.fromstring(picture.to_svg())
    assert len(picture.to_mermaid().splitlines()) == len(draw({"key": y}).to_mermaid().splitlines())


def test_mermaid_text(record: Any) -> None:
    assert draw(record.small(), direction="TB", max_nodes=4).to_mermaid().splitlines()[:3] == [
        "%% forward graph · 3 operations · 2 parameters with 8 values",
        "%% operands that need no gradient are not drawn",
        "%% 6 boxes exceed max_nodes=4: modules are collapsed to depth 1",
    ]
    text = draw(record.small(), depth=1).to_mermaid()
    assert 'subgraph cluster1["Net"]' in text
    assert 'module1[["fc1 (Linear)<br>1 operation, 2 parameters"]]' in text
    assert 'module1 -->|"5×2"| operation1' in text


def test_wrong_arguments(record: Any) -> None:
    x = record.leaf(2)
    with pytest.raises(TypeError, match="got str without any"):
        draw("model")
    with pytest.raises(TypeError, match="got list without any tensor"):
        draw([None, 3])
    with pytest.raises(TypeError, match=r"say what goes in: draw\(model, inputs=batch\)"):
        draw(lambda x: x)
    with pytest.raises(TypeError, match="inputs belong to a model"):
        draw(x, x)
    with pytest.raises(ValueError, match="show must be among shape, dtype, saved, gradient, value, time; got 'shap'"):
        draw(x, show=("shap",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='show="time" needs a model'):
        draw(x, show="time")
    with pytest.raises(ValueError, match="graph must be 'forward', 'backward' or 'both'; got 'reverse'"):
        draw(x, graph="reverse")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expand takes names of operations and modules"):
        draw(x, expand=[3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="nothing to expand is called 'softmx'"):
        draw(x, expand="softmx")
    with pytest.raises(ValueError, match="direction must be one of LR, TB, RL, BT; got 'up'"):
        draw(x, direction="up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_nodes must be at least 1 or None, got 0"):
        draw(x, max_nodes=0)
    with pytest.raises(TypeError, match="depth must be an integer or None, got float"):
        draw(x, depth=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="depth must be at least 0"):
        draw(x, depth=-1)


def test_it_is_a_digraph_to_add_to(record: Any) -> None:
    picture = draw(record.small())
    assert isinstance(picture, graphviz.Digraph)
    picture.node("note", "a note")
    with picture.subgraph(name="cluster_more") as more:
        more.node("inner")
    assert 'note [label="a note"]' in picture.source
    assert "cluster_more" in picture.source
    duplicate = copy.copy(picture).copy()
    assert duplicate.source == picture.source
    assert duplicate.picture is picture.picture


def test_layers_above_are_not_imported() -> None:
    code = "import sys, autograd_core.visualize; print(sorted({'nn', 'optim', 'pygraphviz'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
