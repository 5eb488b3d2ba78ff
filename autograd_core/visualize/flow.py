"""Plots of what goes on through the depth of a network: gradients on their way back, and activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..grad_mode import no_grad
from ..tensor import Tensor
from .axes import COLORS, demand_axes, tidy
from .measure import norm
from .subject import undisturbed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    found = demand_axes(axes, figsize=(max(4.8, 0.22 * len(layers)) if not over_steps else 5.4, 3.4))
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
    tidy(found)
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
    found = demand_axes(axes, figsize=(max(4.8, 0.2 * len(seen)), 3.4))
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
