"""The built-in layout, checked by geometry: what must not overlap does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from autograd_core.visualize import draw
from autograd_core.visualize.layered import Layout, lay_out
from autograd_core.visualize.layered.nesting import Arrow, Box
from autograd_core.visualize.model import DIRECTIONS, Direction, Picture

TOLERANCE = 0.05


def overlap(first: Box, second: Box) -> bool:
    """Whether two boxes share more than a border."""
    return (
        first.x + first.width > second.x + TOLERANCE
        and second.x + second.width > first.x + TOLERANCE
        and first.y + first.height > second.y + TOLERANCE
        and second.y + second.height > first.y + TOLERANCE
    )


def inside(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - TOLERANCE
        and inner.y >= outer.y - TOLERANCE
        and inner.x + inner.width <= outer.x + outer.width + TOLERANCE
        and inner.y + inner.height <= outer.y + outer.height + TOLERANCE
    )


def around(picture: Picture, cluster: int | None) -> set[int]:
    """A cluster and all those around it."""
    found = set()
    while cluster is not None:
        found.add(cluster)
        cluster = picture.clusters[cluster].parent
    return found


def points(arrow: Arrow) -> list[tuple[float, float]]:
    """Places along an arrow, close enough together that none jumps over a box."""
    found = []
    here = arrow.start
    for piece in arrow.pieces:
        end = piece[-2:]
        controls = [here, piece[0:2], piece[2:4], end] if len(piece) == 6 else [here, here, end, end]
        steps = int(max(abs(here[0] - end[0]), abs(here[1] - end[1])) / 4) + 2
        for step in range(steps + 1):
            t = step / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            found.append(
                (
                    sum(weight * control[0] for weight, control in zip(weights, controls, strict=True)),
                    sum(weight * control[1] for weight, control in zip(weights, controls, strict=True)),
                )
            )
        here = end
    return found


def pictures(output: Any, direction: Direction) -> tuple[Picture, Layout]:
    picture = draw(output, direction=direction, max_nodes=None).picture
    return picture, lay_out(picture)


@pytest.fixture(params=["LR", "TB"])
def laid_out(request: pytest.FixtureRequest, graph: Any) -> tuple[Picture, Layout]:
    return pictures(graph, request.param)


def test_boxes_do_not_overlap(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    assert len(layout.nodes) == len(picture.nodes)
    for first, second in itertools.combinations(layout.nodes, 2):
        assert not overlap(first, second)


def test_boxes_stand_in_their_frames_and_in_no_others(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    for node, box in zip(picture.nodes, layout.nodes, strict=True):
        own = around(picture, node.cluster)
        for index, frame in enumerate(layout.clusters):
            assert inside(box, frame) if index in own else not overlap(box, frame)


def test_frames_are_nested_or_apart(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    for first, second in itertools.combinations(range(len(picture.clusters)), 2):
        if first in around(picture, second):
            assert inside(layout.clusters[second], layout.clusters[first])
        else:
            assert not overlap(layout.clusters[first], layout.clusters[second])


def test_titles_and_labels_stand_free(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    labels = [arrow.label for arrow in layout.arrows if arrow is not None and arrow.label is not None]
    for text in labels + layout.titles:
        assert not any(overlap(text, box) for box in layout.nodes)
    for first, second in itertools.combinations(labels, 2):
        assert not overlap(first, second)
    for label, title in itertools.product(labels, layout.titles):
        assert not overlap(label, title)
    for title, frame in zip(layout.titles, layout.clusters, strict=True):
        assert inside(title, frame)


def test_arrows_touch_only_their_ends(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        if arrow is None:
            continue
        for x, y in points(arrow):
            for index, box in enumerate(layout.nodes):
                if index not in (edge.source, edge.target):
                    assert not overlap(Box(x - 0.5, y - 0.5, 1, 1), box)


def test_arrows_arrive_at_their_boxes(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    reached = set()
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        assert arrow is not None
        x, y = arrow.pieces[-1][-2:]
        assert inside(Box(x, y, 0, 0), layout.nodes[edge.target])
        reached.add(edge.target)
    assert reached == {edge.target for edge in picture.edges}


def test_arrows_keep_out_of_foreign_frames(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        assert arrow is not None
        allowed = around(picture, picture.nodes[edge.source].cluster) | around(
            picture, picture.nodes[edge.target].cluster
        )
        for x, y in points(arrow):
            for index, frame in enumerate(layout.clusters):
                assert index in allowed or not overlap(Box(x - 0.5, y - 0.5, 1, 1), frame)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_everything_is_on_the_canvas_and_flows_in_its_direction(record: Any, direction: Direction) -> None:
    picture, layout = pictures(record.chain(4), direction)
    canvas = Box(0, 0, layout.width, layout.height)
    assert all(inside(box, canvas) for box in layout.nodes)
    centers = [(box.x + box.width / 2, box.y + box.height / 2) for box in layout.nodes]
    along = [center[0] if direction in ("LR", "RL") else center[1] for center in centers]
    assert along == sorted(along, reverse=direction in ("RL", "BT"))
    assert len(picture.nodes) == 6


def test_the_main_line_of_a_model_is_straight(record: Any) -> None:
    picture, layout = pictures(record.perceptron(), "TB")
    centers = {
        round(box.x + box.width / 2, 1)
        for node, box in zip(picture.nodes, layout.nodes, strict=True)
        if node.kind in ("operation", "output")
    }
    assert len(centers) == 1


def test_a_long_chain_is_wrapped(record: Any) -> None:
    _, layout = pictures(record.chain(300), "LR")
    assert layout.width < 3000
    assert layout.height < 2000


def test_calls_that_feed_each_other_in_a_circle_are_still_drawn(record: Any) -> None:
    from autograd_core.graph import Scope, mode

    one, two = Scope("one", "Module", None), Scope("two", "Module", None)
    x = record.leaf(3)
    for current in (one, two, one, two):
        mode.scope = current
        x = record.apply("tanh", x)
    mode.scope = None
    for depth in (None, 0):
        picture = draw(x, depth=depth)
        layout = lay_out(picture.picture)
        assert not any(overlap(a, b) for a, b in itertools.combinations(layout.nodes, 2))
        assert "<svg" in picture.to_svg(engine="builtin")


def test_a_parameter_used_at_every_step_does_not_take_forever(record: Any) -> None:
    weight = x = record.leaf(3, name="weight")
    for _ in range(3000):
        x = record.apply("mul", x, weight)
    _, layout = pictures(x, "LR")
    assert len(layout.nodes) == 3002
