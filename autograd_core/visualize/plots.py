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
from .formulas import formulas_of
from .measure import norm
from .subject import undisturbed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with any colour vision.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def _axes(axes: Axes | None, **options: Any) -> Any:
    """The Axes to draw into, as Any: matplotlib's own annotations are stricter than what it takes."""
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'plots need matplotlib: python -m pip install "autograd-core[plot]"', name=error.name
        ) from None
    return pyplot.subplots(layout="constrained", **options)[1]


def _tidy(axes: Any) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


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
    found = _axes(axes, figsize=(5, 3.4))
    for place, (name, values) in enumerate(curves.items()):
        heights = np.asarray(values, float) * (100 if percent else 1)
        color = COLORS[place % len(COLORS)]
        found.plot(np.arange(1, len(heights) + 1), heights, color=color, label=name, linewidth=1.8)
    if percent:
        ylabel = f"{ylabel}, %" if ylabel else "%"
    found.set(title=title, xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    _tidy(found)
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
    found = _axes(axes, figsize=(max(3.6, 0.45 * size),) * 2)
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
    found = _axes(axes, figsize=(4.4, 4.4))
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
    found = _axes(axes, figsize=(4.2, 3.2))
    found.plot(_array(x), _array(y), color=COLORS[0], linewidth=1.8, label="$y$")
    found.plot(_array(x), _array(slope), color=COLORS[1], linewidth=1.5, linestyle="--", label="$∂y/∂x$")
    found.set(title=title, xlabel="x")
    found.axhline(0, color="#999999", linewidth=0.7, zorder=0)
    found.axvline(0, color="#999999", linewidth=0.7, zorder=0)
    _tidy(found)
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
    found = _axes(axes, figsize=(5, 3))
    for place, values in enumerate(np.array(rates).reshape(steps, -1).T):
        found.plot(values, color=COLORS[place % len(COLORS)], linewidth=1.8, label=f"group {place}")
    found.set(title=type(scheduler).__name__, xlabel="step", ylabel="learning rate")
    _tidy(found)
    if len(groups) > 1:
        found.legend(frameon=False)
    return found


# --- gradients and activations through depth --------------------------------------------------------------------


def gradient_norms(model: Any) -> dict[str, float]:
    """The Euclidean norm of each parameter's gradient, by name; call it after ``backward()``.

    Example:
        >>> import autograd_core as ag, nn
        >>> from autograd_core.visualize import gradient_norms
        >>> model = nn.Linear(2, 1)
        >>> model(ag.ones(4, 2)).sum().backward()
        >>> {name: round(size, 2) for name, size in gradient_norms(model).items()}
        {'weight': 5.66, 'bias': 4.0}
    """
    named = model.named_parameters()
    return {name: norm(parameter.grad._array) for name, parameter in named if parameter.grad is not None}


def plot_gradient_flow(source: Any, *, names: Callable[[str], bool] | str = "weight", axes: Axes | None = None) -> Axes:
    """Plot gradient norms from the first layer to the last, on a logarithmic scale.

    Args:
        source: a module after ``backward()``, or what :func:`gradient_norms` returned; or a list of such dictionaries,
            one a step: layers are rows then, and steps columns, coloured by the norm.
        names: which parameters: those whose name ends so, or for which a function of the name is true.
        axes: where to draw.

    Raises:
        ValueError: if there are no gradients of such parameters.

    Example:
        >>> import autograd_core as ag, nn
        >>> from autograd_core.visualize import plot_gradient_flow
        >>> model = nn.MLP(2, [8] * 5, 1, activation="sigmoid")
        >>> model(ag.randn(16, 2)).sum().backward()
        >>> plot_gradient_flow(model).get_yscale()
        'log'
    """
    wanted = (lambda name: name.endswith(names)) if isinstance(names, str) else names
    over_steps = isinstance(source, (list, tuple))
    history = list(source) if over_steps else [source if isinstance(source, Mapping) else gradient_norms(source)]
    layers = [name for name in (history[0] if history else ()) if wanted(name)]
    if not layers:
        raise ValueError("there are no gradients to plot: call backward() first, or say which parameters: names=...")
    sizes = np.array([[step.get(name, np.nan) for name in layers] for step in history])
    found = _axes(axes, figsize=(max(4.8, 0.22 * len(layers)) if not over_steps else 5.4, 3.4))
    if over_steps:
        from matplotlib.colors import LogNorm

        positive = sizes[np.isfinite(sizes) & (sizes > 0)]
        low, high = (positive.min(), positive.max()) if positive.size else (1e-3, 1.0)
        shades = LogNorm(low, high if high > low else 10 * low)
        drawn = found.imshow(sizes.T, aspect="auto", norm=shades, cmap="viridis", interpolation="nearest")
        found.figure.colorbar(drawn, ax=found, label="gradient norm")
        found.set(xlabel="step", ylabel="layer")
        _ticks(found.yaxis, layers)
        return found
    places = np.arange(len(layers))
    heights = np.where(np.isfinite(sizes[0]) & (sizes[0] > 0), sizes[0], np.nan)
    found.semilogy(places, heights, color=COLORS[0], marker="o", markersize=3.5, linewidth=1.5)
    wrong = np.isnan(heights)
    if wrong.any():
        # They have no place on a logarithmic scale, and stand at its lower end.
        lowest = 1.0 if wrong.all() else np.nanmin(heights)
        found.semilogy(places[wrong], np.full(wrong.sum(), lowest), "x", color=COLORS[1], label="0, NaN or infinite")
        found.legend(frameon=False)
    found.set(ylabel="gradient norm")
    _ticks(found.xaxis, layers, rotation=90)
    _tidy(found)
    return found


def _ticks(axis: Any, names: Sequence[str], rotation: float = 0) -> None:
    """At most thirty names, evenly chosen."""
    step = max(1, -(-len(names) // 30))
    axis.set_ticks(range(0, len(names), step), names[::step], rotation=rotation, fontsize=7)


def plot_activations(
    model: Any,
    inputs: Any,
    *,
    kinds: Sequence[str] | None = None,
    bins: int = 80,
    limit: float | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Show histograms of activations through depth: a column of shades for each layer, with mean ± deviation.

    Args:
        model: a module, called once; its buffers are left as they were.
        inputs: its argument, or a tuple of arguments.
        kinds: class names of the modules to look at, ``("Tanh",)`` for instance; all that contain no others by default.
        bins: how many in each histogram.
        limit: how far from 0 activations are shown; as far as 99.5% of all reach unless given.
        axes: where to draw.

    Raises:
        ValueError: if there are no such modules, or they return no floating tensors.

    Example:
        >>> import autograd_core as ag, nn
        >>> from autograd_core.visualize import plot_activations
        >>> plot_activations(nn.MLP(2, [8] * 5, 1), ag.randn(16, 2)).get_ylabel()
        'activation'
    """
    seen: list[tuple[str, np.ndarray]] = []

    def watch(name: str) -> Callable[[Any, Any, Any], None]:
        def note(module: Any, arguments: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                seen.append((name, output.detach().numpy().astype(np.float64).ravel()))

        return note

    chosen = [
        (name or type(module).__name__, module)
        for name, module in model.named_modules()
        if (type(module).__name__ in kinds if kinds is not None else not list(module.children()))
    ]
    handles = [module.register_forward_hook(watch(name)) for name, module in chosen]
    try:
        with no_grad():
            undisturbed(model, lambda: model(*inputs) if isinstance(inputs, tuple) else model(inputs))
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise ValueError(f"no module of the kinds {kinds or '(all)'} returned a floating tensor")
    finite = [values[np.isfinite(values)] for _, values in seen]
    everything = np.concatenate(finite)
    low, high = (-1.0, 1.0) if limit is None else (-limit, limit)
    if limit is None and everything.size:
        low, high = map(float, np.quantile(everything, (0.0025, 0.9975)))
        low, high = (low, high) if low < high else (low - 1, high + 1)
    edges = np.linspace(low, high, bins + 1)
    columns = [np.histogram(np.clip(values, low, high), edges)[0] / max(values.size, 1) for values in finite]
    found = _axes(axes, figsize=(max(4.8, 0.2 * len(seen)), 3.4))
    # Shades by the fourth root: a peak at 0 must not hide the rest.
    shades = np.stack(columns, axis=1) ** 0.25
    box = (-0.5, len(seen) - 0.5, low, high)
    found.imshow(shades, origin="lower", aspect="auto", cmap="Blues", extent=box, vmin=0, vmax=1)
    means = np.array([values.mean() if values.size else np.nan for values in finite])
    deviations = np.array([values.std() if values.size else np.nan for values in finite])
    places = np.arange(len(seen))
    found.plot(places, means, color=COLORS[1], linewidth=1.5, label="mean")
    found.plot(places, means + deviations, color=COLORS[1], linewidth=1, linestyle="--", label="± deviation")
    found.plot(places, means - deviations, color=COLORS[1], linewidth=1, linestyle="--")
    found.set(ylabel="activation", ylim=(low, high), xlim=(-0.5, len(seen) - 0.5))
    _ticks(found.xaxis, [name for name, _ in seen], rotation=90)
    found.spines[["top", "right"]].set_visible(False)
    found.legend(frameon=True, framealpha=0.8, fontsize=8, loc="upper right")
    return found
