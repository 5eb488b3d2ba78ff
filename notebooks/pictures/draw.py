"""Draw the pictures of the README: ``python notebooks/pictures/draw.py``.

The built-in layout draws them, so that they are the same on every machine but for rounding in the numbers they show. A
test says when they are out of date.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import autograd_core as ag
import nn
import nn.models
from autograd_core.demos import rings
from autograd_core.visualize import GraphPicture, draw

DIRECTORY = pathlib.Path(__file__).parent


def graph() -> GraphPicture:
    """One training step of the rings network."""
    return draw(rings.step_graph(seed=0), max_nodes=60)


def resnet18() -> GraphPicture:
    """ResNet-18 as it is drawn without options."""
    ag.manual_seed(0)
    return draw(nn.models.resnet18(), ag.randn(2, 3, 64, 64), name="ResNet-18")


def batch_norm() -> GraphPicture:
    """Batch normalisation as the composition that defines it."""
    ag.manual_seed(0)
    return draw(nn.BatchNorm1d(16), ag.randn(32, 16, requires_grad=True), expand="batch_norm")


def gradients() -> GraphPicture:
    """A gradient that vanishes on its way through sigmoids."""
    ag.manual_seed(0)
    loss = nn.MLP(2, [16] * 4, 1, activation="sigmoid")(ag.randn(64, 2)).square().mean()
    return draw(loss, show="gradient", depth=1, fold_repeats=False)


PICTURES: dict[str, Callable[[], GraphPicture]] = {
    "graph": graph,
    "resnet18": resnet18,
    "batch_norm": batch_norm,
    "gradients": gradients,
}


if __name__ == "__main__":
    for name, make in PICTURES.items():
        path = DIRECTORY / f"{name}.svg"
        path.write_text(make().to_svg(engine="builtin"), encoding="utf-8")
        print(path)
