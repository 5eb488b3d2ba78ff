"""Large graphs: how they are cut down to a readable size, and that none is too long."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

import pytest

from autograd_core.graph import scope
from autograd_core.visualize import GraphPicture, draw


def kinds(picture: GraphPicture) -> dict[str, int]:
    found = [node.kind for node in picture.picture.nodes]
    return {kind: found.count(kind) for kind in dict.fromkeys(found)}


def is_acyclic(picture: GraphPicture) -> bool:
    """Whether boxes can be put in an order that every arrow respects."""
    edges = {(edge.source, edge.target) for edge in picture.picture.edges}
    left = set(range(len(picture.picture.nodes)))
    while left:
        free = left - {target for source, target in edges if source in left}
        if not free:
            return False
        left -= free
    return True


def test_a_resnet_fits_on_a_screen_by_default(record: Any) -> None:
    picture = draw(record.resnet())
    assert len(picture.picture.nodes) <= 40
    assert kinds(picture)["module"] == 7
    assert picture.picture.caption[-1] == "117 boxes exceed max_nodes=40: modules are collapsed to depth 2"
    block = next(node for node in picture.picture.nodes if node.kind == "module")
    assert block.lines == ("0 … 1 (BasicBlock × 2)", "14 operations, 12 parameters")


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5, 9])
def test_depth_says_how_many_levels_are_open(record: Any, depth: int) -> None:
    picture = draw(record.resnet(), depth=depth, max_nodes=None)
    assert max((cluster.level for cluster in picture.picture.clusters), default=0) == min(depth, 5)
    assert is_acyclic(picture)
    closed = f"modules below depth {depth} are drawn closed" in picture.picture.caption
    assert closed == (depth < 5)
    assert ("module" in kinds(picture)) == (depth < 5)


def test_a_parameter_that_others_use_too_is_not_hidden_in_a_closed_module(record: Any) -> None:
    weight = record.leaf(3, name="weight")
    with scope("Net", "Net"):
        x = record.apply("mul", weight, record.leaf(3, name="scale"))
    y = record.apply("add", x, weight)
    picture = draw(y, depth=0)
    assert kinds(picture) == {"parameter": 1, "module": 1, "operation": 1, "output": 1}
    assert picture.picture.nodes[1].lines == ("Net", "1 operation, 1 parameter")


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 60, 299])
def test_a_chain_without_modules_is_summarised_in_the_middle(record: Any, limit: int) -> None:
    picture = draw(record.chain(300), max_nodes=limit, fold_repeats=False)
    assert len(picture.picture.nodes) <= max(limit, 1)
    (summary,) = (node for node in picture.picture.nodes if node.kind == "summary")
    hidden = 300 - kinds(picture).get("operation", 0)
    assert summary.lines[0] == f"… {hidden} operations …"
    assert f"{hidden} operations in the middle summarised" in picture.picture.caption[-1]
    assert len(picture.picture.edges) == len(picture.picture.nodes) - 1
    assert is_acyclic(picture)


def test_equal_steps_are_summarised_rather_than_all_hidden_in_one_box(record: Any) -> None:
    picture = draw(record.recurrent(200), fold_repeats=False)
    assert 20 < len(picture.picture.nodes) <= 40
    assert "modules are collapsed to depth 1 and" in picture.picture.caption[-1]
    (summary,) = (node for node in picture.picture.nodes if node.kind == "summary")
    assert summary.cluster is not None
    assert picture.picture.clusters[summary.cluster].label == "RNN"
    assert is_acyclic(picture)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [5, 12, 25])
def test_any_graph_is_cut_to_size_without_cycles(record: Any, seed: int, limit: int) -> None:
    picture = draw(record.random(seed), max_nodes=limit)
    assert len(picture.picture.nodes) <= limit
    assert is_acyclic(picture)
    operations = sum(node.kind == "operation" for node in picture.picture.nodes)
    closed = [node.lines for node in picture.picture.nodes if node.kind in ("module", "summary")]
    counted = [
        int(word) for lines in closed for word in " ".join(lines).replace("…", "").split("operation")[0].split()[-1:]
    ]
    total = int(picture.picture.caption[0].split(" · ")[1].split()[0])
    assert operations + sum(counted) == total


def test_fifty_thousand_operations_need_no_recursion(record: Any) -> None:
    output = record.chain(50_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        folded = draw(output)
        source = draw(output, fold_repeats=False).source
        full = draw(output, fold_repeats=False, max_nodes=None).source
    finally:
        sys.setrecursionlimit(limit)
    assert [node.kind for node in folded.picture.nodes] == ["input", *["operation"] * 5, "output"]
    assert folded.picture.clusters[0].label == "(tanh, exp, mul and 2 more) × 10000"
    assert "… 49,963 operations …" in source
    assert full.count("->") == 50_001


def test_deeply_nested_modules_need_no_recursion(record: Any) -> None:
    with ExitStack() as stack:
        for level in range(300):
            stack.enter_context(scope(f"level{level}", "Module"))
        output = record.apply("exp", record.leaf(2))
    picture = draw(output, max_nodes=None)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        assert draw(output).source.count("subgraph") == 300
        assert picture.to_mermaid().count("subgraph") == 300
        assert "<svg" in picture.to_svg(engine="builtin")
    finally:
        sys.setrecursionlimit(limit)


def test_a_thousand_outputs(record: Any) -> None:
    x = record.leaf(2)
    picture = draw([record.apply("exp", x) for _ in range(1000)])
    assert len(picture.picture.nodes) <= 40
    assert is_acyclic(picture)
