"""Parts of numbers, regions, descriptive statistics and the pattern makers, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(23)
X = R.standard_normal((3, 4, 2))
M = R.standard_normal((3, 4))
V = R.standard_normal(5)
SCALAR = np.array(1.5)
EMPTY = np.zeros((0, 3))
INTS = np.array([[12, -18, 0], [7, 21, 5]])
POSITIVE = R.random((2, 3)) + 2
WEIGHTS = R.random(4)
COUNTS = np.array([1, 3, 0, 2])


@table(
    case(lambda L, x, n: (L.ldexp(x, n), x.ldexp(n)), M, np.array([3, 2, 0, 1])),
    case(lambda L, x, z: L.ldexp(x, z), M, R.standard_normal(4)),
    case(lambda L, n: L.ldexp(n, n), np.array([1, 3])),
    case(lambda L, x: L.frexp(x), M),
    case(lambda L, x: x.frexp(), np.array([0.0, -0.0, 1e-40, np.inf, np.nan, -5, 3e38])),
    case(lambda L, x, z: (L.nextafter(x.detach(), z.detach()), x.detach().nextafter(x.detach())), M, M[::-1].copy()),
    case(lambda L, n, m: (L.gcd(n, m), L.lcm(n, m), n.gcd(m), m.lcm(n)), INTS, INTS[::-1].copy()),
    case(lambda L, n: L.gcd(n, n[0, 0]), INTS),
    case(lambda L, x: (L.isreal(x.detach()), x.isreal()), M),
    case(lambda L, n, m: (L.isin(n, m), L.isin(n, m, invert=True), L.isin(n, 7)), INTS, np.array([7, 0, 0])),
    case(lambda L, x: (L.mvlgamma(x, 1), x.mvlgamma(3)), POSITIVE),
    case(lambda L, x: L.special.entr(x), POSITIVE),
    case(lambda L, x: L.special.entr(x.detach()), np.array([0.0, -0.0, -1.0, np.inf, np.nan, 1.0])),
)
def test_numbers(torch: Any, given: Case) -> None:
    # PyTorch's digamma, of which the derivative of lgamma is made, has only 9 digits.
    for dtype in (np.float32,) if given.arrays[0] is POSITIVE else (np.float32, np.float64):
        check(torch, given, dtype)


@table(
    case(lambda L, x, s: (x.select_scatter(s, 0, 1), L.select_scatter(x, s, 0, -1)), M, V[:4]),
    case(lambda L, x, s: x.select_scatter(s, -1, 0), X, M),
    case(lambda L, x, s: x.slice_scatter(s, 0, 1, 3), M, M[:2]),
    case(lambda L, x, s: (L.slice_scatter(x, s, 1, 0, None, 2), x.slice_scatter(s, -1, -2)), M, M[:, :2].copy()),
    case(lambda L, x, s: (L.diagonal_scatter(x, s), x.diagonal_scatter(s, 1)), M, V[:3]),
    case(lambda L, x, s: x.diagonal_scatter(s, 0, 0, 2), X, R.standard_normal((4, 2))),
    case(lambda L, x, n, s: x.index_reduce(0, n, s, "prod"), M, np.array([0, 2, 0]), M[::-1].copy()),
    case(lambda L, x, n, s: x.index_reduce(1, n, s, "mean", include_self=False), M, np.array([1, 1]), M[:, :2].copy()),
    case(
        lambda L, x, n, s: (x.index_reduce(0, n, s, "amax"), x.index_reduce(0, n, s, "amin", include_self=False)),
        M,
        np.array([1, 1]),
        M[1:] + 1,
    ),
)
@pytest.mark.filterwarnings("ignore:index_reduce")
def test_regions(torch: Any, given: Case) -> None:
    for dtype in (np.float32, np.float64):
        check(torch, given, dtype)


@table(
    case(lambda L, x: (L.cov(x), x.cov(correction=0), L.corrcoef(x), x.corrcoef()), M),
    case(lambda L, x: (x.cov(), L.cov(x[:2]), L.corrcoef(x)), V),
    case(lambda L, x, f: (L.cov(x, fweights=f), L.cov(x, fweights=f, correction=0)), M, COUNTS),
    case(
        lambda L, x, f, a: (L.cov(x, fweights=f, aweights=a), L.cov(x, aweights=a)),
        M,
        COUNTS,
        WEIGHTS,
    ),
    case(lambda L, x: (*L.gradient(x), *L.gradient(x, spacing=0.5, edge_order=2)), V),
    case(lambda L, x: (*L.gradient(x), *L.gradient(x, dim=1), *L.gradient(x, spacing=[2.0, 0.5], dim=(0, 1))), M),
    case(lambda L, x, p: L.gradient(x, spacing=(p.detach(),)), V, np.array([0.0, 1, 3, 4, 9])),
    case(lambda L, x, p: L.gradient(x, spacing=(p.detach(),), edge_order=2), V, np.array([0.0, 1, 3, 4, 9])),
    case(lambda L, x: (L.vander(x.detach()), L.vander(x.detach(), 3), L.vander(x.detach(), 0)), V),
    case(lambda L, x: (L.linalg.vander(x), L.linalg.vander(x, N=3)), M),
    case(lambda L, x: (*L.histogram(x.detach(), 4), *L.histogram(x.detach(), 3, range=(-1.0, 1.0), density=True)), M),
    case(lambda L, x, w: L.histogram(x.detach(), 5, weight=w.detach()), V, R.random(5)),
    case(lambda L, x, e: L.histogram(x.detach(), e.detach()), V, np.array([-1.0, 0, 0.5, 2])),
    case(lambda L, x: (x.renorm(2, 0, 1.0), L.renorm(x, 1, 1, 2.0), x.renorm(3, -1, 0.5)), M),
    case(lambda L, x: x.renorm(2, 1, 1.5), X),
)
def test_descriptive(torch: Any, given: Case) -> None:
    check(torch, given)


@table(
    case(lambda L, x: (x.mH, L.adjoint(x), x.adjoint(), x.sum_to_size(3, 1, 2), x.sum_to_size(4, 1)), X),
    case(lambda L, x: x.H, M),
    case(lambda L, x: (L.argwhere(x > 0), x.argwhere(), L.argwhere(x[0, 0])), M),
    case(lambda L, x: (L.as_strided(x, (2, 2), (4, 1), 1), x.as_strided((3, 2), (1, 1))), M.ravel()),
    case(lambda L, x: (x.new_zeros(2, 3), x.new_ones((2,)), x.new_full((2, 2), 7), x.new_tensor([1, 2])), M),
    case(lambda L, x: x.new_zeros(2, dtype=L.int32), M),
    case(lambda L, x: (L.logspace(-1, 2, 4), L.logspace(0, 3, 4, base=2.0), L.scalar_tensor(3)), M),
)
def test_properties(torch: Any, given: Case) -> None:
    found, expected = given.arrays, given
    tensors = [torch.from_numpy(array.copy()) for array in found]
    for ours, theirs in zip(
        flat(expected.call(ag, *map(ag.tensor, found))), flat(expected.call(torch, *tensors)), strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    if given.arrays[0].shape == X.shape:
        check(torch, given)


def test_powers_of_two_below_one_are_passed_back() -> None:
    # PyTorch takes the integer power in its gradient, which is 0.
    x = ag.ones(2, requires_grad=True)
    ag.ldexp(x, ag.tensor([-1, 2])).sum().backward()
    assert x.grad.tolist() == [0.5, 4.0]


def test_strides_that_repeat_elements_add_their_gradients(torch: Any) -> None:
    ours, theirs = ag.tensor(V, requires_grad=True), torch.from_numpy(V.copy()).requires_grad_()
    for x in (ours, theirs):
        (x.as_strided((4, 2), (1, 1)) ** 2).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)


def test_powers_of_elements(torch: Any) -> None:
    x, z = ag.tensor(V, requires_grad=True), torch.from_numpy(V.copy()).requires_grad_()
    for tensor, library in ((x, ag), (z, torch)):
        (library.linalg.vander(tensor) * library.arange(5.0)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-12)


def flat(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")


@pytest.mark.parametrize("first", DTYPES)
def test_questions_about_dtypes(torch: Any, first: str) -> None:
    def ours(name: str) -> Any:
        return getattr(ag, "bool_" if name == "bool" else name)

    for second in DTYPES:
        pair = ours(first), ours(second)
        theirs = getattr(torch, first), getattr(torch, second)
        assert str(ag.promote_types(*pair)) == str(torch.promote_types(*theirs)).removeprefix("torch.")
        assert ag.can_cast(*pair) == torch.can_cast(*theirs), (first, second)
        found = ag.result_type(ag.ones(2, dtype=pair[0]), ag.ones((), dtype=pair[1]))
        expected = torch.result_type(torch.ones(2, dtype=theirs[0]), torch.ones((), dtype=theirs[1]))
        assert str(found) == str(expected).removeprefix("torch.")


def test_questions_about_tensors(torch: Any) -> None:
    for library in (ag, torch):
        x = library.ones(2, 3)
        assert library.is_tensor(x)
        assert not library.is_tensor(1)
        assert library.is_floating_point(x)
        assert not library.is_complex(x)
        assert library.numel(x) == x.nelement() == 6
        assert library.is_nonzero(x[0, 0])
        assert x.stride() == (3, 1)
        assert x.stride(0) == 3
        assert x.t().stride() == (1, 3)
        assert x.element_size() == x.itemsize == 4
        assert x.ndimension() == 2
        assert x.is_same_size(library.zeros(2, 3))
        assert x.is_signed()
        assert not x.byte().is_signed()
        assert tuple(library.broadcast_shapes((2, 1), (3,))) == (2, 3)
        assert x.short().dtype == library.int16
        assert x.char().dtype == library.int8
    with pytest.raises(TypeError, match="float16 is not supported: convert to float32"):
        ag.ones(1).half()


def test_asarray_shares_memory_unless_told_to_copy() -> None:
    array = np.ones(3)
    assert ag.asarray(array).numpy() is array or np.shares_memory(ag.asarray(array).numpy(), array)
    assert not np.shares_memory(ag.asarray(array, copy=True).numpy(), array)
    assert ag.asarray([1.0, 2.0], requires_grad=True).requires_grad
    with pytest.raises(ValueError, match="cannot be a tensor without a copy"):
        ag.asarray([1, 2], copy=False)


def test_refusals(torch: Any) -> None:
    refused(torch, lambda L, x: L.gcd(x, x), V)
    refused(torch, lambda L, n: L.frexp(n), INTS)
    refused(torch, lambda L, n: L.nextafter(n, n), INTS)
    refused(torch, lambda L, x: L.mvlgamma(x, 0), V)
    refused(torch, lambda L, x: L.cov(x), X)
    refused(torch, lambda L, x, w: L.cov(x, aweights=-w), M, WEIGHTS)
    refused(torch, lambda L, x, w: L.cov(x, fweights=w), M, WEIGHTS)
    refused(torch, lambda L, x: L.gradient(x, edge_order=3), V)
    refused(torch, lambda L, x: L.gradient(x), V[:1])
    refused(torch, lambda L, x: L.vander(x), M)
    refused(torch, lambda L, x, s: x.select_scatter(s, 0, 3), M, V[:4])
    refused(torch, lambda L, x, s: x.select_scatter(s, 0, 0), M, V[:3])
    refused(torch, lambda L, x, s: x.slice_scatter(s, 0, 0, 2), M, M)
    refused(torch, lambda L, x, s: x.slice_scatter(s, 0, 0, 2, -1), M, M)
    refused(torch, lambda L, x, s: x.diagonal_scatter(s), M, V)
    refused(torch, lambda L, x, n: x.index_reduce(0, n, x, "sum"), M, np.array([0, 1, 2]))
    refused(torch, lambda L, x, n: x.index_reduce(0, n, x, "prod"), M, np.array([0, 1, 5]))
    refused(torch, lambda L, x, n: x.index_reduce(0, n, x, "prod"), M, np.array([0, 1]))
    refused(torch, lambda L, x: L.histogram(x, 0), V)
    refused(torch, lambda L, x: L.histogram(x, 3, range=(1.0, -1.0)), V)
    refused(torch, lambda L, x: x.renorm(2, 0, -1.0), M)
    refused(torch, lambda L, x: x.renorm(2, 0, 1.0), V)
    refused(torch, lambda L, x: x.as_strided((5, 5), (5, 1)), V)
    refused(torch, lambda L, x: x.sum_to_size(2), M)
    refused(torch, lambda L, x: L.broadcast_shapes((2,), (3,)), M)
    refused(torch, lambda L, x: x.H, X)


@pytest.mark.parametrize(
    "name",
    [
        *("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2"),
        *("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn"),
    ],
)
def test_fourier_transforms_say_why_there_are_none(torch: Any, name: str) -> None:
    assert callable(getattr(torch.fft, name))
    with pytest.raises(NotImplementedError, match=rf"fft\.{name}: complex tensors are not supported"):
        getattr(ag.fft, name)(ag.ones(4))


def test_frequencies_and_shifts(torch: Any) -> None:
    public = {name for name in dir(torch.fft) if name.endswith(("fft", "fft2", "fftn", "freq", "shift"))}
    assert public - {"_fft"} <= set(ag.fft.__all__)
    for n, d in ((5, 1.0), (8, 0.25), (1, 2.0)):
        for name in ("fftfreq", "rfftfreq"):
            np.testing.assert_allclose(getattr(ag.fft, name)(n, d).numpy(), getattr(torch.fft, name)(n, d).numpy())
    check(torch, case(lambda L, x: (L.fft.fftshift(x), L.fft.ifftshift(x, 1), L.fft.fftshift(x, (0, -1))), M))
