"""Repeated parts are drawn once: what counts as repeated, what does not, and that nothing is lost in the counting."""

from __future__ import annotations

from typing import Any

import pytest

from autograd_core.graph import scope
from autograd_core.visualize import GraphPicture, draw


def labels(picture: GraphPicture) -> list[str]:
    return [cluster.label for cluster in picture.picture.clusters]


def names(picture: GraphPicture) -> list[str]:
    return [node.lines[0] for node in picture.picture.nodes]


def block(record: Any, name: str, x: Any, features: int, other: Any = None) -> Any:
    with scope(name, "Block"):
        y = record.activation("act", record.linear("fc", x, features))
        return record.apply("add", record.apply("mul", y, y), x if other is None else other)


def tower(record: Any, widths: list[int], outputs: bool = False) -> Any:
    results = [record.leaf(5, widths[0])]
    with scope("Net", "Net"):
        for index, width in enumerate(widths[1:]):
            results.append(block(record, str(index), results[-1], width))
    return results if outputs else results[-1]


def test_equal_blocks_become_one(record: Any) -> None:
    picture = draw(tower(record, [8] * 7))
    assert labels(picture) == ["Net", "0 … 5 (Block × 6)", "fc (Linear)", "act (ReLU)"]
    assert names(picture) == ["input", "0…5.fc.weight", "0…5.fc.bias", "linear", "relu", "mul", "add", "output"]
    assert picture.picture.caption[0] == "forward graph · 24 operations · 12 parameters with 432 values"
    assert picture.picture.caption[-1] == "repeated parts are drawn once, with × how often"
    assert "stands for: 6 operations" in picture.source


def test_without_folding_every_block_is_there(record: Any) -> None:
    picture = draw(tower(record, [8] * 7), fold_repeats=False, max_nodes=None)
    assert labels(picture).count("fc (Linear)") == 6
    assert "×" not in "".join(labels(picture))


def test_a_closed_block_counts_all_it_stands_for(record: Any) -> None:
    picture = draw(tower(record, [8] * 7), depth=1)
    (module,) = (node for node in picture.picture.nodes if node.kind == "module")
    assert module.lines == ("0 … 5 (Block × 6)", "24 operations, 12 parameters")


def test_what_follows_reads_the_last_block(record: Any) -> None:
    picture = draw(record.apply("exp", tower(record, [8] * 4)))
    found = {
        (picture.picture.nodes[edge.source].lines[0], picture.picture.nodes[edge.target].lines[0])
        for edge in picture.picture.edges
    }
    assert ("add", "exp") in found
    assert ("input", "linear") in found


def test_blocks_of_other_shapes_stay(record: Any) -> None:
    # The residual sum would not fit, but nothing is computed here.
    picture = draw(tower(record, [8, 8, 8, 4, 4, 4, 4]), max_nodes=None)
    assert [label for label in labels(picture) if "Block" in label] == [
        "0 … 1 (Block × 2)",
        "2 (Block)",
        "3 … 5 (Block × 3)",
    ]


def test_results_that_are_read_farther_on_end_a_repetition(record: Any) -> None:
    picture = draw(tower(record, [8] * 5, outputs=True), max_nodes=None)
    assert not any("×" in label for label in labels(picture))
    results = tower(record, [8] * 7, outputs=True)
    # A skip from the third block to the end: blocks before and after it may still be folded.
    picture = draw(record.apply("add", results[-1], results[3]), max_nodes=None)
    assert [label for label in labels(picture) if "Block" in label] == ["0 … 2 (Block × 3)", "3 … 5 (Block × 3)"]


def test_blocks_that_read_the_same_from_outside_are_equal(record: Any) -> None:
    mask, other = record.leaf(5, 8), record.leaf(5, 8)
    with scope("Net", "Net"):
        x = record.leaf(5, 8)
        for index in range(3):
            x = block(record, str(index), x, 8, mask)
        for index in range(3, 6):
            x = block(record, str(index), x, 8, mask if index % 2 else other)
    picture = draw(x, max_nodes=None)
    blocks = [label for label in labels(picture) if "Block" in label]
    assert blocks == ["0 … 3 (Block × 4)", "4 (Block)", "5 (Block)"]


def test_calls_with_the_same_parameters_are_folded_too(record: Any) -> None:
    picture = draw(record.recurrent(6))
    # The first call reads a constant, not a result.
    assert labels(picture) == ["RNN", "cell (RNNCell), call 1", "cell (RNNCell), 5 calls", "outside modules"]
    assert names(picture)[:2] == ["cell.weight", "cell.bias"]


def test_parts_of_several_modules(record: Any) -> None:
    with scope("MLP", "MLP"):
        x = record.constant(5, 3)
        for index in range(6):
            x = record.linear(str(3 * index), x, 8)
            x = record.normalization(str(3 * index + 1), x, "BatchNorm1d")
            x = record.activation(str(3 * index + 2), x)
        x = record.linear("18", x, 2)
    picture = draw(x)
    # Not "(BatchNorm1d, ReLU, Linear) × 5": the repetition goes on as the first layer began.
    assert "(Linear, BatchNorm1d, ReLU) × 5" in labels(picture)
    assert "3…15.weight" in names(picture)
    assert picture.picture.caption[0].startswith("forward graph · 19 operations · 26 parameters")


def test_repetitions_inside_repetitions(record: Any) -> None:
    with scope("Net", "Net"):
        x = record.leaf(5, 8)
        for stage in range(3):
            with scope(f"stage{stage}", "Stage"):
                for index in range(4):
                    x = block(record, str(index), x, 8)
    picture = draw(x)
    assert labels(picture)[:3] == ["Net", "stage0 … stage2 (Stage × 3)", "0 … 3 (Block × 4)"]
    assert names(picture)[1] == "stage0…stage2.0…3.fc.weight"
    assert picture.picture.caption[0] == "forward graph · 48 operations · 24 parameters with 864 values"


def test_little_things_are_not_folded(record: Any) -> None:
    x = record.leaf(3)
    for _ in range(4):
        x = record.apply("exp", x)
    assert names(draw(x)).count("exp") == 4


def test_other_arguments_are_other_operations(record: Any) -> None:
    x = record.leaf(3)
    for index in range(40):
        x = record.apply("scale", x, by=index)
    assert len(draw(x, max_nodes=None).picture.nodes) == 42


def test_a_module_asked_for_is_not_folded_away(record: Any) -> None:
    picture = draw(tower(record, [8] * 7), expand="3", depth=1, max_nodes=None)
    blocks = [node.lines[0] for node in picture.picture.nodes if node.kind == "module"]
    assert blocks == ["0 … 2 (Block × 3)", "fc (Linear)", "act (ReLU)", "4 … 5 (Block × 2)"]


@pytest.mark.parametrize("seed", range(12))
def test_folding_random_graphs_keeps_the_counts(record: Any, seed: int) -> None:
    graph = record.random(seed, 60)
    whole, folded = (draw(graph, fold_repeats=fold, max_nodes=None) for fold in (False, True))
    assert whole.picture.caption[0] == folded.picture.caption[0]
    assert len(folded.picture.nodes) <= len(whole.picture.nodes)
