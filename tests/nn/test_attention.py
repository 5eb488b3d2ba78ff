"""Attention and transformers, against PyTorch with its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
import nn


def load(own: nn.Module, other: Any) -> None:
    """Give a module the weights of PyTorch's, whose names must be the same, in the same order."""
    theirs = other.state_dict()
    assert list(own.state_dict()) == list(theirs)
    own.load_state_dict({name: ag.from_numpy(value.numpy().copy()) for name, value in theirs.items()})


def compare(
    torch: Any, own: nn.Module, other: Any, inputs: list[np.ndarray], tolerance: float = 1e-9, **named: Any
) -> None:
    """Results and gradients of all inputs and parameters; `named` are masks as arrays, or options."""
    load(own, other)
    options = [
        {name: make(value) if isinstance(value, np.ndarray) else value for name, value in named.items()}
        for make in (ag.from_numpy, torch.from_numpy)
    ]
    x = [ag.from_numpy(a.copy()).requires_grad_() for a in inputs]
    y = [torch.from_numpy(a.copy()).requires_grad_() for a in inputs]
    results, expected = own(*x, **options[0]), other(*y, **options[1])
    results = results if isinstance(results, tuple) else (results,)
    expected = expected if isinstance(expected, tuple) else (expected,)
    total, wanted = 0, 0
    for result, reference in zip(results, expected, strict=True):
        if reference is None:
            assert result is None
            continue
        assert_allclose(result.detach().numpy(), reference.detach().numpy(), rtol=tolerance, atol=tolerance)
        weight = np.random.default_rng(3).standard_normal(result.shape).astype(inputs[0].dtype)
        total = total + (result * ag.from_numpy(weight)).sum()
        wanted = wanted + (reference * torch.from_numpy(weight)).sum()
    total.backward()
    wanted.backward()
    gradients = dict(other.named_parameters())
    for ours, theirs in [*zip(x, y, strict=True), *((p, gradients[n]) for n, p in own.named_parameters())]:
        if theirs.grad is not None:
            assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 2, 140, 16), (2, 2, 33, 40), (3, 7, 6), (4, 2), (2, 1, 2, 3, 4)])
def test_attention_of_any_shape(torch: Any, random: np.random.Generator, shape: Any, dtype: Any) -> None:
    query = random.standard_normal(shape).astype(dtype)
    key, value = random.standard_normal((2, *shape[:-2], 37, shape[-1])).astype(dtype)
    value = value[..., : max(1, shape[-1] - 1)].copy()
    tolerance = 1e-9 if dtype is np.float64 else 1e-4
    seen = random.random((shape[-2], 37)) < 0.7
    seen[:, 0] = True
    added = random.standard_normal((*shape[:-2], shape[-2], 37)).astype(dtype)
    for options in ({}, {"is_causal": True}, {"scale": 0.3}, {"attn_mask": seen}, {"attn_mask": added}):
        found = []
        for library, functional in ((ag, nn.functional), (torch, torch.nn.functional)):
            tensors = [library.from_numpy(a.copy()).requires_grad_() for a in (query, key, value)]
            given = {n: library.from_numpy(v) if isinstance(v, np.ndarray) else v for n, v in options.items()}
            result = functional.scaled_dot_product_attention(*tensors, **given)
            cotangent = np.random.default_rng(1).standard_normal(tuple(result.shape)).astype(dtype)
            result.backward(library.from_numpy(cotangent))
            found.append([result.detach(), *[t.grad for t in tensors]])
        for ours, theirs in zip(*found, strict=True):
            assert_allclose(ours.numpy(), theirs.numpy(), rtol=tolerance, atol=tolerance)


def test_shared_heads_broadcasting_and_heads_inside_tokens(torch: Any, random: np.random.Generator) -> None:
    sdpa, other = nn.functional.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention
    query, key = random.standard_normal((2, 6, 9, 8)), random.standard_normal((2, 2, 11, 8))
    value = random.standard_normal((2, 2, 11, 3))
    arrays = (query, key, value)
    result = sdpa(*map(ag.from_numpy, arrays), enable_gqa=True).numpy()
    assert_allclose(result, other(*map(torch.from_numpy, arrays), enable_gqa=True).numpy(), rtol=1e-9, atol=1e-9)
    inside = [np.ascontiguousarray(a.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3) for a in arrays]
    tensors = [ag.from_numpy(a).requires_grad_() for a in inside]
    plain = [ag.from_numpy(a).requires_grad_() for a in arrays]
    results = [sdpa(*given, enable_gqa=True) for given in (tensors, plain)]
    assert_allclose(results[0].detach().numpy(), result, rtol=1e-12, atol=1e-12)
    assert results[0].detach().numpy().transpose(0, 2, 1, 3).flags.c_contiguous
    for found in results:
        (found * found).sum().backward()
    for ours, theirs in zip(tensors, plain, strict=True):
        assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-10)
    wide = (query[:, :1], key[:1, :1].repeat(2, 1), value[:1, :1])
    assert_allclose(
        sdpa(*map(ag.from_numpy, wide)).numpy(), other(*map(torch.from_numpy, wide)).numpy(), rtol=1e-9, atol=1e-9
    )


def test_a_mask_that_learns_and_dropped_weights(torch: Any, random: np.random.Generator) -> None:
    arrays = random.standard_normal((3, 2, 3, 4, 5))
    mask = random.standard_normal((3, 4, 4))
    own = [ag.from_numpy(a.copy()).requires_grad_() for a in (*arrays, mask)]
    other = [torch.from_numpy(a.copy()).requires_grad_() for a in (*arrays, mask)]
    nn.functional.scaled_dot_product_attention(*own).square().sum().backward()
    torch.nn.functional.scaled_dot_product_attention(*other).square().sum().backward()
    for ours, theirs in zip(own, other, strict=True):
        assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-9, atol=1e-9)
    ones = ag.ones(1, 1, 300, 300)
    dropped = nn.functional.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5).numpy()
    assert abs(dropped.mean() - 1) < 0.02
    assert dropped.std() > 0.01


def test_a_query_that_sees_nothing_gets_nothing(torch: Any) -> None:
    x = ag.ones(1, 1, 2, 3, requires_grad=True)
    seen = ag.tensor([[True, False], [False, False]])
    result = nn.functional.scaled_dot_product_attention(x, x, x, seen)
    assert result.tolist() == [[[[1.0] * 3, [0.0] * 3]]]
    result.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_threads_change_nothing_in_attention(random: np.random.Generator) -> None:
    arrays = random.standard_normal((3, 4, 2, 150, 24)).astype(np.float32)
    outer, found = ag.get_num_threads(), []
    try:
        for threads in (1, 2):
            ag.set_num_threads(threads)
            tensors = [ag.from_numpy(a).requires_grad_() for a in arrays]
            for tensor in tensors:
                tensor.grad = None
            result = nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)
            result.square().sum().backward()
            found.append([result.detach().numpy().tobytes(), *[t.grad.numpy().tobytes() for t in tensors]])
    finally:
        ag.set_num_threads(outer)
    assert found[0] == found[1]


HEADS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"bias": False},
    {"kdim": 5, "vdim": 6},
    {"add_bias_kv": True, "add_zero_attn": True},
]


@pytest.mark.parametrize("options", HEADS, ids=str)
@pytest.mark.parametrize("batched", [True, False], ids=["batch", "no batch"])
@pytest.mark.parametrize("weights", [True, False, None], ids=["averaged", "none", "each head's"])
def test_multihead_attention(
    torch: Any, random: np.random.Generator, options: dict[str, Any], batched: bool, weights: bool | None
) -> None:
    own, other = nn.MultiheadAttention(8, 2, **options).double(), torch.nn.MultiheadAttention(8, 2, **options).double()
    sizes = [(4, 8), (7, options.get("kdim", 8)), (7, options.get("vdim", 8))]
    shapes = [(s, 3, w) for s, w in sizes] if not options.get("batch_first") else [(3, s, w) for s, w in sizes]
    inputs = [random.standard_normal(shape if batched else size) for shape, size in zip(shapes, sizes, strict=True)]
    padding = np.zeros((3, 7) if batched else 7, bool)
    padding[..., -2:] = True
    named: dict[str, Any] = {"need_weights": weights is not False, "average_attn_weights": weights is True}
    compare(torch, own, other, inputs, **named)
    compare(torch, own, other, inputs, **named, key_padding_mask=padding)
    compare(torch, own, other, inputs, **named, attn_mask=np.triu(np.ones((4, 7), bool), 1))
    compare(torch, own, other, inputs, **named, attn_mask=random.standard_normal(((6 if batched else 2), 4, 7)))


def test_self_attention_projects_once(torch: Any, random: np.random.Generator) -> None:
    own = nn.MultiheadAttention(8, 2, batch_first=True).double()
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    load(own, other)
    values = random.standard_normal((3, 5, 8))
    causal = np.triu(np.ones((5, 5), bool), 1)
    x, y = ag.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    result = own(x, x, x, need_weights=False, attn_mask=ag.tensor(causal), is_causal=True)[0]
    expected = other(y, y, y, need_weights=False, attn_mask=torch.tensor(causal), is_causal=True)[0]
    result.square().sum().backward()
    expected.square().sum().backward()
    assert_allclose(result.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-8)
    assert_allclose(own.in_proj_weight.grad.numpy(), other.in_proj_weight.grad.numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_transformers(
    torch: Any, random: np.random.Generator, norm_first: bool, activation: str, bias: bool, training: bool
) -> None:
    options: dict[str, Any] = {"norm_first": norm_first, "activation": activation, "bias": bias, "dropout": 0.0}
    own = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, **options), 2, nn.LayerNorm(8)).double()
    other = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(8, 2, 12, **options), 2, torch.nn.LayerNorm(8), enable_nested_tensor=False
    ).double()
    own.train(training)
    other.train(training)
    x, padding = random.standard_normal((5, 3, 8)), np.zeros((3, 5), bool)
    padding[1, 3:] = True
    compare(torch, own, other, [x])
    compare(torch, own, other, [x], src_key_padding_mask=padding)
    compare(torch, own, other, [x], mask=np.triu(np.full((5, 5), -np.inf), 1), is_causal=True)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 12, **options), 2).double()
    torchs = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(8, 2, 12, **options), 2).double()
    compare(torch, decoder, torchs, [x, random.standard_normal((7, 3, 8))])


def test_layers_start_apart_and_copies_alike() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 12)
    stack = nn.TransformerEncoder(layer, 2)
    states = [copied.state_dict() for copied in stack.layers]
    assert all(states[0][name].tolist() == states[1][name].tolist() for name in states[0])
    assert not any(p is q for p in layer.parameters() for q in stack.parameters())


WRONG: dict[str, Any] = {
    "widths": lambda: nn.functional.scaled_dot_product_attention(ag.ones(2, 3), ag.ones(2, 4), ag.ones(2, 4)),
    "tokens": lambda: nn.functional.scaled_dot_product_attention(ag.ones(2, 3), ag.ones(2, 3), ag.ones(4, 3)),
    "both masks": lambda: nn.functional.scaled_dot_product_attention(
        ag.ones(2, 3), ag.ones(2, 3), ag.ones(2, 3), ag.ones(2, 2), is_causal=True
    ),
    "mask": lambda: nn.functional.scaled_dot_product_attention(
        ag.ones(2, 3), ag.ones(2, 3), ag.ones(2, 3), ag.ones(3, 3)
    ),
    "one dimension": lambda: nn.functional.scaled_dot_product_attention(ag.ones(3), ag.ones(3), ag.ones(3)),
    "heads": lambda: nn.functional.scaled_dot_product_attention(
        ag.ones(1, 3, 2, 2), ag.ones(1, 2, 2, 2), ag.ones(1, 2, 2, 2), enable_gqa=True
    ),
    "dropout": lambda: nn.functional.scaled_dot_product_attention(
        ag.ones(2, 3), ag.ones(2, 3), ag.ones(2, 3), dropout_p=2.0
    ),
    "number of heads": lambda: nn.MultiheadAttention(8, 3),
    "causal without a mask": lambda: nn.MultiheadAttention(4, 2)(*[ag.ones(2, 4)] * 3, is_causal=True),
    "width of queries": lambda: nn.MultiheadAttention(4, 2)(*[ag.ones(2, 3)] * 3),
    "padding": lambda: nn.MultiheadAttention(4, 2)(*[ag.ones(2, 1, 4)] * 3, key_padding_mask=ag.ones(2, 2) > 0),
    "attention mask": lambda: nn.MultiheadAttention(4, 2)(*[ag.ones(2, 1, 4)] * 3, attn_mask=ag.ones(3, 3)),
    "activation": lambda: nn.TransformerEncoderLayer(4, 2, activation="cubic"),
}


@pytest.mark.parametrize("attempt", WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused(attempt: Any) -> None:
    with pytest.raises(ValueError, match=r"\w+: "):
        attempt()
    with pytest.raises(TypeError, match="floating"):
        nn.functional.scaled_dot_product_attention(*[ag.ones(2, 3).long()] * 3)
