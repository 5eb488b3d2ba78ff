"""The built-in layout, checked by geometry: what must not overlap does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from autograd_core.graph import Scope, thread
from autograd_core.visualize import draw
from autograd_core.visualize.layered import Layout, lay_out
from autograd_core.visualize.layered.nesting import Arrow, Box
from autograd_core.visualize.model import DIRECTIONS, Direction, Picture

TOLERANCE = 0.05


def edges_of(boxes: Iterable[Box]) -> np.ndarray:
    """Left, top, right and bottom of boxes, one a row."""
    return np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in boxes], float).reshape(-1, 4)


def overlaps(first: Iterable[Box], second: Iterable[Box]) -> Any:
    """For every pair of boxes whether they share more than a border."""
    a, b = edges_of(first)[:, None], edges_of(second)[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return (high - low > TOLERANCE).all(-1)


def passes(points: np.ndarray, boxes: Iterable[Box]) -> Any:
    """For every box whether a line through `points` passes its inside."""
    edges = edges_of(boxes)[:, None]
    inner = (points > edges[..., :2] + 0.5) & (points < edges[..., 2:] - 0.5)
    return inner.all(-1).any(-1)


def spot(x: float, y: float) -> Box:
    return Box(x, y, 0.0, 0.0)


def inside(inner: Box, outer: Box) -> bool:
    a, b = edges_of([inner])[0], edges_of([outer])[0]
    return bool((a[:2] >= b[:2] - TOLERANCE).all() and (a[2:] <= b[2:] + TOLERANCE).all())


def around(picture: Picture, cluster: int | None) -> set[int]:
    """A cluster and all those around it."""
    found = set()
    while cluster is not None:
        found.add(cluster)
        cluster = picture.clusters[cluster].parent
    return found


def points_of(arrow: Arrow) -> np.ndarray:
    """Places along an arrow, close enough together that none jumps over a box."""
    found = [np.array([arrow.start])]
    for piece in arrow.pieces:
        here, end = found[-1][-1], np.array(piece[-2:])
        first, second = (np.array(piece[:2]), np.array(piece[2:4])) if len(piece) == 6 else (here, end)
        t = np.linspace(0, 1, int(np.abs(end - here).max() / 4) + 3)[:, None]
        found.append((1 - t) ** 3 * here + 3 * t * (1 - t) ** 2 * first + 3 * t * t * (1 - t) * second + t**3 * end)
    return np.concatenate(found)


def pictures(output: Any, direction: Direction) -> tuple[Picture, Layout]:
    picture = draw(output, direction=direction, max_nodes=None, fold_repeats=False).picture
    return picture, lay_out(picture)


@pytest.fixture(params=["LR", "TB"])
def laid_out(request: pytest.FixtureRequest, graph: Any) -> tuple[Picture, Layout]:
    return pictures(graph, request.param)


def test_boxes_do_not_overlap(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    assert len(layout.nodes) == len(picture.nodes)
    assert overlaps(layout.nodes, layout.nodes).sum() == len(layout.nodes)


def test_boxes_stand_in_their_frames_and_in_no_others(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    overlapping = overlaps(layout.nodes, layout.clusters)
    for node, box, found in zip(picture.nodes, layout.nodes, overlapping, strict=True):
        own = around(picture, node.cluster)
        assert set(np.flatnonzero(found).tolist()) == own
        assert all(inside(box, layout.clusters[index]) for index in own)


def test_frames_are_nested_or_apart(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    overlapping = overlaps(layout.clusters, layout.clusters)
    for first, second in itertools.combinations(range(len(picture.clusters)), 2):
        if first in around(picture, second):
            assert inside(layout.clusters[second], layout.clusters[first])
        else:
            assert not overlapping[first, second]


def test_titles_and_labels_stand_free(laid_out: tuple[Picture, Layout]) -> None:
    _, layout = laid_out
    texts = [arrow.label for arrow in layout.arrows if arrow is not None and arrow.label is not None]
    count = len(texts)
    # A title's box is as wide as its frame where nothing else can be at that height; only texts can meet it there.
    assert not overlaps(texts + layout.titles, layout.nodes).any()
    assert overlaps(texts, texts).sum() == count
    assert not overlaps(texts, layout.titles).any()
    assert all(inside(title, frame) for title, frame in zip(layout.titles, layout.clusters, strict=True))


def test_arrows_run_from_box_to_box_and_through_nothing_else(laid_out: tuple[Picture, Layout]) -> None:
    picture, layout = laid_out
    texts = [arrow.label for arrow in layout.arrows if arrow is not None and arrow.label is not None]
    starts: dict[int, list[np.ndarray]] = {}
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        assert arrow is not None
        points = points_of(arrow)
        source, target = picture.nodes[edge.source], picture.nodes[edge.target]
        # It begins at its box, or where it leaves an arrow from the same box.
        before = starts.setdefault(edge.source, [])
        from_box = inside(spot(*arrow.start), layout.nodes[edge.source])
        assert from_box or min(np.abs(line - points[0]).max(-1).min() for line in before) < 4.1
        before.append(points)
        assert inside(spot(*points[-1]), layout.nodes[edge.target])
        # The end of one piece is the start of the next, with no jump.
        assert np.abs(np.diff(points, axis=0)).max() < 8
        passed = set(np.flatnonzero(passes(points, layout.nodes)).tolist())
        assert not passed - {edge.source, edge.target}
        entered = set(np.flatnonzero(passes(points, layout.clusters)).tolist())
        assert entered <= around(picture, source.cluster) | around(picture, target.cluster)
        assert not passes(points, texts).any()
        assert not passes(points, layout.titles).any()


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
    one, two = Scope("one", "Module", None), Scope("two", "Module", None)
    x = record.leaf(3)
    for current in (one, two, one, two):
        thread.mode.scope = current
        x = record.apply("tanh", x)
    thread.mode.scope = None
    for depth in (None, 0):
        picture = draw(x, depth=depth)
        layout = lay_out(picture.picture)
        assert overlaps(layout.nodes, layout.nodes).sum() == len(layout.nodes)
        assert "<svg" in picture.to_svg(engine="builtin")


def test_a_parameter_used_at_every_step_does_not_take_forever(record: Any) -> None:
    weight = x = record.leaf(3, name="weight")
    for _ in range(800):
        x = record.apply("mul", x, weight)
    _, layout = pictures(x, "LR")
    assert len(layout.nodes) == 802


def test_many_operations_side_by_side_do_not_take_forever(record: Any) -> None:
    x = record.leaf(3)
    output = record.apply("stack", *(record.apply("exp", x) for _ in range(800)), shape=(800, 3))
    _, layout = pictures(output, "TB")
    assert len(layout.nodes) == 803


def test_too_many_long_arrows_are_drawn_directly(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd_core.visualize.layered.ranking.MAX_BENDS", 10)
    picture, layout = pictures(record.dense(12), "LR")
    assert overlaps(layout.nodes, layout.nodes).sum() == len(layout.nodes)
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        assert arrow is not None
        assert inside(spot(*arrow.pieces[-1][-2:]), layout.nodes[edge.target])
