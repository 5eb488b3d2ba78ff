"""PyTorch's counterparts of the operations on images."""

from __future__ import annotations

from typing import Any

from tests.oracle.libraries import F, torch


def _regular(windows: Any) -> dict[str, Any]:
    return {
        "kernel_size": [window.kernel for window in windows],
        "stride": [window.stride for window in windows],
        "padding": [window.padding for window in windows],
    }


def _out_as_declared(y: Any, windows: Any) -> Any:
    assert tuple(y.shape[2:]) == tuple(window.out for window in windows)
    return y


def _max_pool(x: Any, windows: Any) -> Any:
    count = len(windows)
    if not windows[0].kernel:
        return getattr(F, f"adaptive_max_pool{count}d")(x, [window.out for window in windows])
    options = {**_regular(windows), "dilation": [window.dilation for window in windows]}
    return _out_as_declared(getattr(F, f"max_pool{count}d")(x, **options), windows)


def _avg_pool(x: Any, windows: Any, divisor: int | None, transposed: bool, channels_last: bool) -> Any:
    if transposed:
        # The transpose of a linear map is its gradient, which PyTorch's autograd gives.
        point = torch.zeros(*x.shape[:2], *(window.size for window in windows), dtype=x.dtype, requires_grad=True)
        return torch.autograd.grad(
            _avg_pool(point, windows, divisor, False, channels_last), point, x, create_graph=True
        )[0]
    count = len(windows)
    if not windows[0].kernel:
        y = getattr(F, f"adaptive_avg_pool{count}d")(x, [window.out for window in windows])
        assert divisor is None
        return y
    whole = windows[0].whole
    if divisor is None:
        y = getattr(F, f"avg_pool{count}d")(x, **_regular(windows), count_include_pad=whole)
    elif count == 1:
        flat = {
            name: (1, value[0]) if name != "padding" else (0, value[0]) for name, value in _regular(windows).items()
        }
        y = F.avg_pool2d(x.unsqueeze(2), **flat, divisor_override=divisor).squeeze(2)
    else:
        y = getattr(F, f"avg_pool{count}d")(x, **_regular(windows), divisor_override=divisor)
    return _out_as_declared(y, windows)


def _max_pool_transpose(x: Any, index: Any, windows: Any) -> Any:
    sizes = [window.size for window in windows]
    planes = torch.zeros(*x.shape[:2], int(torch.tensor(sizes).prod()), dtype=x.dtype)
    planes = planes.scatter_add(2, index.flatten(2).long(), x.flatten(2))
    return planes.reshape(*x.shape[:2], *sizes)


ADAPTED: dict[str, Any] = {
    "avg_pool": _avg_pool,
    "max_pool": _max_pool,
    "max_pool_take": lambda x, index, windows: x.flatten(2).gather(2, index.flatten(2).long()).reshape(index.shape),
    "max_pool_transpose": _max_pool_transpose,
}


def _matrix(how: Any) -> Any:
    """What PyTorch's interpolation does along one dimension, as a matrix: the images of all unit vectors."""
    units = torch.eye(how.size, dtype=torch.float64)
    options: dict[str, Any] = {"size": how.out} if how.scale is None else {"scale_factor": 1 / how.scale}
    if how.kind == "cubic":
        options = {name: [1, value] for name, value in options.items()}
        images = units[:, None, None].expand(-1, 1, 1, -1)
        return F.interpolate(images, mode="bicubic", align_corners=how.align, **options)[:, 0, 0].T
    align = how.align if how.kind == "linear" else None
    return F.interpolate(units[:, None], mode=how.kind, align_corners=align, **options)[:, 0].T


def _resample(x: Any, how: Any, dim: int, transposed: bool) -> Any:
    matrix = _matrix(how).to(x.dtype)
    assert matrix.shape == (how.out, how.size)
    return (x.movedim(dim, -1) @ (matrix if transposed else matrix.T)).movedim(-1, dim)


def _window(patches: Any) -> dict[str, Any]:
    return {name: getattr(patches, name) for name in ("dilation", "padding", "stride")}


ADAPTED |= {
    "resample": _resample,
    "im2col": lambda x, patches: F.unfold(x, patches.kernel, **_window(patches)),
    "col2im": lambda x, patches: F.fold(x, patches.size, patches.kernel, **_window(patches)),
}


def _read(x: Any, places: Any) -> Any:
    """x[i, c, places[i, t, p]] for all i, c, t, p."""
    flat = places.long().flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.gather(2, flat).reshape(*x.shape[:2], *places.shape[1:])


def _put_weighted(operand: Any, weight: Any, places: Any, size: int) -> Any:
    flat = places.long().flatten(1)[:, None].expand(-1, operand.shape[1], -1)
    shares = (operand[:, :, None] * weight[:, None]).flatten(2)
    return torch.zeros(*operand.shape[:2], size, dtype=operand.dtype).scatter_add(2, flat, shares)


def _grid_sample(x: Any, grid: Any, mode: str, padding: str, align: bool) -> Any:
    return F.grid_sample(x, grid, mode, padding, align)


ADAPTED |= {
    "grid_sample": _grid_sample,
    "take_weighted": lambda x, weight, places: (_read(x, places) * weight[:, None]).sum(2),
    "put_weighted": _put_weighted,
    "point_products": lambda x, operand, places: (_read(x, places) * operand[:, :, None]).sum(1),
}
