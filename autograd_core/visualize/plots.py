"""Plots of training and of what goes on in a network: small matplotlib functions that draw into Axes and return them.

All take the Axes to draw into as `axes`, and make a new figure without it. They need matplotlib, the extra "plot".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import grad
from ..grad_mode import no_grad
from ..op import REGISTRY, Elementwise
from ..tensor import Tensor, wrap
from .axes import COLORS, demand_axes, tidy
from .formulas import formulas_of
from .subject import undisturbed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    title: str = "",
    xlabel: str = "epoch",
    ylabel: str = "",
    log: bool = False,
    percent: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """Plot training curves: losses or accuracies by epoch.

    Args:
        curves: from names to one value an epoch.
        title, xlabel, ylabel: what stands around; without a `title` the names of the curves are in the legend alone.
        log: whether the values' axis is logarithmic.
        percent: whether values are shares, to be shown in per cent.
        axes: where to draw.

    Example:
        >>> from autograd_core.visualize import plot_curves
        >>> plot_curves({"training": [0.9, 0.5, 0.3], "test": [1.0, 0.6, 0.5]}, ylabel="loss").get_xlabel()
        'epoch'
    """
    found = demand_axes(axes, figsize=(5, 3.4))
    for place, (name, values) in enumerate(curves.items()):
        heights = np.asarray(values, float) * (100 if percent else 1)
        color = COLORS[place % len(COLORS)]
        found.plot(np.arange(1, len(heights) + 1), heights, color=color, label=name, linewidth=1.8)
    if percent:
        ylabel = f"{ylabel}, %" if ylabel else "%"
    found.set(title=title, xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    tidy(found)
    found.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        found.legend(frameon=False)
    return found


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def confusion_matrix(targets: Any, predictions: Any, classes: int | None = None) -> np.ndarray:
    """Count how often each class (row) was taken for each class (column).

    Args:
        targets, predictions: class indices of shape (N,), tensors or arrays.
        classes: how many there are; as many as occur unless given.

    Raises:
        ValueError: if shapes differ or an index lies outside.

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0]).tolist()
        [[1, 0], [1, 1]]
    """
    rows, columns = _array(targets).astype(np.int64), _array(predictions).astype(np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"targets and predictions must have one shape (N,), got {rows.shape} and {columns.shape}")
    count = classes if classes is not None else int(max(rows.max(initial=-1), columns.max(initial=-1))) + 1
    if rows.size and (min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= count):
        raise ValueError(f"classes must be from 0 to {count - 1}")
    return np.bincount(rows * count + columns, minlength=count * count).reshape(count, count)


def plot_confusion_matrix(counts: Any, *, labels: Sequence[str] | None = None, axes: Axes | None = None) -> Axes:
    """Show a matrix of :func:`confusion_matrix`: counts as numbers, shares of each row as shades.

    Args:
        counts: shape (classes, classes).
        labels: the classes' names; their numbers unless given.
        axes: where to draw.

    Example:
        >>> from autograd_core.visualize import confusion_matrix, plot_confusion_matrix
        >>> plot_confusion_matrix(confusion_matrix([0, 1, 1], [0, 1, 0])).get_ylabel()
        'is'
    """
    numbers = _array(counts)
    if numbers.ndim != 2 or numbers.shape[0] != numbers.shape[1]:
        raise ValueError(f"a confusion matrix is square, got shape {numbers.shape}")
    size = len(numbers)
    found = demand_axes(axes, figsize=(max(3.6, 0.45 * size),) * 2)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    found.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(numbers), strict=True):
        color = "#ffffff" if shares[row, column] > 0.5 else "#222222"
        found.text(column, row, numbers[row, column], ha="center", va="center", color=color, fontsize=8)
    found.set(title="Confusion", xlabel="taken for", ylabel="is", xticks=range(size), yticks=range(size))
    if labels is not None:
        found.set_xticklabels(labels, rotation=45, ha="right")
        found.set_yticklabels(labels)
    return found


def plot_decision_boundary(
    model: Callable[[Tensor], Any],
    points: Any,
    classes: Any,
    *,
    extent: float | None = None,
    resolution: int = 240,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Shade the plane by what a model says of it, and draw points over it.

    Args:
        model: from points (N, 2) to logits: (N,) or (N, 1) for two classes, (N, C) for C.
        points: shape (N, 2).
        classes: class indices of the points, (N,) or (N, 1).
        extent: how far the plane is shown from the origin; a little more than the points reach unless given.
        resolution: steps in each direction.
        title: what stands above.
        axes: where to draw.

    Raises:
        ValueError: if `points` are not in a plane.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.visualize import plot_decision_boundary
        >>> plane = plot_decision_boundary(lambda x: x[:, 0], ag.randn(20, 2), ag.zeros(20), resolution=8)
        >>> plane.get_xlabel()
        '$x_1$'
    """
    places, indices = _array(points), _array(classes).reshape(-1).astype(np.int64)
    if places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(f"points must have shape (N, 2), got {places.shape}")
    found = demand_axes(axes, figsize=(4.4, 4.4))
    reach = extent if extent is not None else 1.1 * float(np.abs(places).max(initial=1e-3))
    line = np.linspace(-reach, reach, resolution, dtype=places.dtype)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    with no_grad():
        logits = _array(undisturbed(model, lambda: model(wrap(grid, None)))).reshape(len(grid), -1)
    names = range(max(logits.shape[1], 2))
    palette = ("#E69F00", "#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
    colors = [palette[index % len(palette)] for index in names]
    if logits.shape[1] == 1:
        # The logistic function, as a hyperbolic tangent that cannot overflow.
        shares = (1 + np.tanh(logits / 2)) / 2
        shares = np.concatenate([1 - shares, shares], axis=1)
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
    from matplotlib.colors import to_rgb

    shade = shares @ np.array([to_rgb(color) for color in colors])
    # Where no class is likelier than others the plane is white.
    weight = 0.6 * np.clip((shares.max(axis=1, keepdims=True) - 1 / len(colors)) / (1 - 1 / len(colors)), 0, 1)
    picture = (1 - weight + weight * shade).reshape(resolution, resolution, 3)
    box = (-reach, reach, -reach, reach)
    found.imshow(picture, origin="lower", extent=box, interpolation="bilinear")
    for index in names if len(colors) > 2 else (1,):
        others = np.delete(shares, index, axis=1).max(axis=1)
        lead = (shares[:, index] - others).reshape(resolution, resolution)
        if lead.min() < 0 < lead.max():
            found.contour(line, line, lead, levels=[0], colors="#222222", linewidths=1.2)
    for index, color in enumerate(colors):
        chosen = places[indices == index]
        found.scatter(*chosen.T, s=7, color=color, edgecolors="white", linewidths=0.3, label=f"class {index}")
    found.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xlim=box[:2], ylim=box[2:])
    found.set_aspect("equal")
    found.legend(loc="upper right", fontsize=8, framealpha=0.9)
    return found


def plot_activation(
    function: str | Callable[..., Tensor],
    *,
    low: float = -4.0,
    high: float = 4.0,
    axes: Axes | None = None,
    **parameters: float,
) -> Axes:
    """Plot an elementwise function and its derivative, both computed by the engine.

    Args:
        function: an operation's name, ``"tanh"`` for instance, or a function from a tensor to one of its shape.
        low, high: from where to where.
        axes: where to draw.
        parameters: further arguments of the function, ``alpha=0.5`` for instance.

    Raises:
        ValueError: for the name of an operation that is unknown, or not elementwise with one operand.

    Example:
        >>> from autograd_core.visualize import plot_activation
        >>> [line.get_label() for line in plot_activation("tanh").lines][:2]
        ['$y$', '$∂y/∂x$']
    """
    title = function if isinstance(function, str) else function.__name__
    call = function
    if isinstance(function, str):
        op = REGISTRY.get(function)
        if not isinstance(op, Elementwise) or len(op.operands) != 1 or op.function is None:
            raise ValueError(
                f"plot_activation() wants an elementwise operation of one operand, or a function; got {function!r}"
            )
        call = op.function
        formula = formulas_of(function)[0][1]
        # matplotlib sets a part of LaTeX only, without environments.
        title = function if r"\begin" in formula else f"${formula}$"
    assert callable(call)
    x = wrap(np.linspace(low, high, 801), None).requires_grad_()
    y = call(x, **parameters)
    (slope,) = grad(y, x, wrap(np.ones(801), None))
    found = demand_axes(axes, figsize=(4.2, 3.2))
    found.plot(_array(x), _array(y), color=COLORS[0], linewidth=1.8, label="$y$")
    found.plot(_array(x), _array(slope), color=COLORS[1], linewidth=1.5, linestyle="--", label="$∂y/∂x$")
    found.set(title=title, xlabel="x")
    found.axhline(0, color="#999999", linewidth=0.7, zorder=0)
    found.axvline(0, color="#999999", linewidth=0.7, zorder=0)
    tidy(found)
    found.legend(frameon=False)
    return found


def plot_schedule(
    scheduler: Any, steps: int, *, metrics: Sequence[float] | None = None, axes: Axes | None = None
) -> Axes:
    """Plot the learning rate that a schedule gives each parameter group, and put everything back as it was.

    Args:
        scheduler: any of ``optim.lr_scheduler``.
        steps: how many.
        metrics: one value a step, for schedules that watch one.
        axes: where to draw.

    Example:
        >>> import autograd_core as ag, optim
        >>> from autograd_core.visualize import plot_schedule
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=0.1)
        >>> plot_schedule(optim.lr_scheduler.StepLR(optimizer, 10), 30).get_ylabel()
        'learning rate'
    """
    groups = scheduler.optimizer.param_groups
    before = [{key: value for key, value in group.items() if key != "params"} for group in groups]
    state = scheduler.state_dict()
    rates = []
    try:
        # Steps without the optimiser's between them are worth a warning elsewhere.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for step in range(steps):
                rates.append([float(group["lr"]) for group in groups])
                scheduler.step(*(() if metrics is None else (metrics[step],)))
    finally:
        scheduler.load_state_dict(state)
        for group, known in zip(groups, before, strict=True):
            group.update(known)
    found = demand_axes(axes, figsize=(5, 3))
    for place, values in enumerate(np.array(rates).reshape(steps, -1).T):
        found.plot(values, color=COLORS[place % len(COLORS)], linewidth=1.8, label=f"group {place}")
    found.set(title=type(scheduler).__name__, xlabel="step", ylabel="learning rate")
    tidy(found)
    if len(groups) > 1:
        found.legend(frameon=False)
    return found
