"""Networks of the literature: names and shapes of their parameters, and equality with PyTorch's modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
import nn

# Of torchvision's documentation: blocks of each stage, whether they are bottlenecks, and the number of parameters.
PUBLISHED = {
    "resnet18": ((2, 2, 2, 2), False, 11_689_512),
    "resnet34": ((3, 4, 6, 3), False, 21_797_672),
    "resnet50": ((3, 4, 6, 3), True, 25_557_032),
    "resnet101": ((3, 4, 23, 3), True, 44_549_160),
    "resnet152": ((3, 8, 36, 3), True, 60_192_808),
}


def _norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def torchvision_entries(stages: tuple[int, ...], bottleneck: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Keys and shapes of torchvision's state dictionaries, in their order."""
    yield "conv1.weight", (64, 3, 7, 7)
    yield from _norm("bn1", 64)
    narrow, expansion = 64, 4 if bottleneck else 1
    for stage, blocks in enumerate(stages):
        planes = 64 << stage
        for block in range(blocks):
            path = f"layer{stage + 1}.{block}"
            if bottleneck:
                shapes = ((planes, narrow, 1, 1), (planes, planes, 3, 3), (4 * planes, planes, 1, 1))
            else:
                shapes = ((planes, narrow, 3, 3), (planes, planes, 3, 3))
            for number, shape in enumerate(shapes, 1):
                yield f"{path}.conv{number}.weight", shape
                yield from _norm(f"{path}.bn{number}", shape[0])
            if block == 0 and (stage or narrow != planes * expansion):
                yield f"{path}.downsample.0.weight", (planes * expansion, narrow, 1, 1)
                yield from _norm(f"{path}.downsample.1", planes * expansion)
            narrow = planes * expansion
    yield "fc.weight", (1000, narrow)
    yield "fc.bias", (1000,)


@pytest.mark.parametrize("name", PUBLISHED)
def test_state_is_torchvisions_key_by_key(name: str) -> None:
    stages, bottleneck, count = PUBLISHED[name]
    model = getattr(nn.models, name)()
    assert [(key, tuple(value.shape)) for key, value in model.state_dict(keep_vars=True).items()] == list(
        torchvision_entries(stages, bottleneck)
    )
    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize(("depth", "count"), [(20, 269_722), (32, 464_154), (56, 853_018), (110, 1_727_962)])
def test_cifar_networks_have_the_published_sizes(depth: int, count: int) -> None:
    """He et al. 2015, table 6: 0.27, 0.46, 0.85 and 1.7 million; option A has no parameters in its shortcuts."""
    model = getattr(nn.models, f"cifar_resnet{depth}")()
    assert sum(parameter.numel() for parameter in model.parameters()) == count
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


def torch_residual(torch: Any, ours: Any) -> Any:
    """The same network of PyTorch's modules, built from the structure of ours; the forward pass is written anew."""
    t = torch.nn

    def layer(module: Any) -> Any:
        if isinstance(module, nn.Conv2d):
            options = {"stride": module.stride, "padding": module.padding, "bias": module.bias is not None}
            return t.Conv2d(module.in_channels, module.out_channels, module.kernel_size, **options)
        if isinstance(module, nn.BatchNorm2d):
            return t.BatchNorm2d(module.num_features)
        if isinstance(module, nn.MaxPool2d):
            return t.MaxPool2d(module.kernel_size, module.stride, module.padding)
        if isinstance(module, nn.Linear):
            return t.Linear(module.in_features, module.out_features)
        if isinstance(module, nn.Sequential):
            return t.Sequential(*map(layer, module))
        if isinstance(module, (nn.models.BasicBlock, nn.models.Bottleneck)):
            return Block(module)
        if isinstance(module, nn.models.PaddedShortcut):
            return Padded(module)
        return t.Identity()

    class Padded(t.Module):  # type: ignore[name-defined,misc]
        def __init__(self, module: Any) -> None:
            super().__init__()
            self.stride, self.added = module.stride, module.added

        def forward(self, x: Any) -> Any:
            x = x[:, :, :: self.stride, :: self.stride]
            zeros = torch.zeros(x.shape[0], self.added, *x.shape[2:])
            return torch.cat([x, zeros], dim=1)

    class Block(t.Module):  # type: ignore[name-defined,misc]
        def __init__(self, module: Any) -> None:
            super().__init__()
            for name, child in module.named_children():
                setattr(self, name, layer(child))
            self.kind, self.count = type(module).__name__, 3 if isinstance(module, nn.models.Bottleneck) else 2

        def forward(self, x: Any) -> Any:
            shortcut = self.downsample(x) if hasattr(self, "downsample") else x
            if self.kind == "PlainBlock":
                shortcut = 0
            for number in range(1, self.count + 1):
                conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
                if self.kind == "PreActivationBlock":
                    x = conv(torch.relu(norm(x)))
                else:
                    x = norm(conv(x))
                    x = torch.relu(x) if number < self.count else x
            return x + shortcut if self.kind == "PreActivationBlock" else torch.relu(x + shortcut)

    class Network(t.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            for name, child in ours.named_children():
                setattr(self, name, layer(child))
            self.last = getattr(ours, "_normalises_last", False)

        def forward(self, x: Any) -> Any:
            x = self.conv1(x)
            if not self.last:
                x = torch.relu(self.bn1(x))
            x = getattr(self, "maxpool", t.Identity())(x)
            for number in range(1, 5):
                x = getattr(self, f"layer{number}", t.Identity())(x)
            if self.last:
                x = torch.relu(self.bn1(x))
            return self.fc(x.mean((2, 3)))

    return Network()


def _small(name: str) -> Any:
    models = nn.models
    return {
        "basic": lambda: models.ResNet(models.BasicBlock, (1, 2, 1, 1), num_classes=5),
        "basic, small stem": lambda: models.ResNet(models.BasicBlock, (1, 1, 1, 1), num_classes=5, stem="cifar"),
        "bottleneck": lambda: models.ResNet(models.Bottleneck, (1, 1, 1, 1), num_classes=5),
        "cifar": lambda: models.CifarResNet(2, 5),
        "cifar, projections": lambda: models.CifarResNet(1, 5, projection=True),
        "cifar, plain": lambda: models.CifarResNet(1, 5, block=models.PlainBlock),
        "cifar, normalised first": lambda: models.CifarResNet(2, 5, block=models.PreActivationBlock, width=8),
    }[name]()


SMALL = (
    "basic",
    "basic, small stem",
    "bottleneck",
    "cifar",
    "cifar, projections",
    "cifar, plain",
    "cifar, normalised first",
)


@pytest.mark.parametrize("name", SMALL)
def test_outputs_statistics_and_gradients_are_those_of_pytorchs_modules(
    torch: Any, name: str, random: np.random.Generator
) -> None:
    """semantics-110; in double precision, weights carried over by name."""
    ours = _small(name).double()
    theirs = torch_residual(torch, ours).double()
    theirs.load_state_dict({key: torch.from_numpy(value.numpy().copy()) for key, value in ours.state_dict().items()})
    x = random.standard_normal((3, 3, 16, 16))
    tensor, other = ag.tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    found, wanted = ours(tensor), theirs(other)
    assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-8, atol=1e-8)
    cotangent = random.standard_normal(wanted.shape)
    found.backward(ag.from_numpy(cotangent))
    wanted.backward(torch.from_numpy(cotangent))
    assert_allclose(tensor.grad.numpy(), other.grad.numpy(), rtol=1e-6, atol=1e-8)
    gradients = {key: parameter.grad for key, parameter in theirs.named_parameters()}
    for key, parameter in ours.named_parameters():
        if gradients[key] is None:
            assert parameter.grad is None
        else:
            scale = max(1.0, float(gradients[key].abs().max()))
            assert_allclose(parameter.grad.numpy(), gradients[key].numpy(), rtol=1e-6, atol=1e-9 * scale)
    expected = theirs.state_dict()
    for key, value in ours.state_dict().items():
        assert_allclose(value.numpy(), expected[key].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMALL)
def test_folded_normalisation_gives_the_same_outputs(name: str) -> None:
    model = _small(name)
    with ag.no_grad():
        for _ in range(3):
            model(ag.randn(4, 3, 16, 16))
        model.eval()
        folded = nn.fuse_batch_norm(model)
        x = ag.randn(2, 3, 16, 16)
        wanted = model(x).numpy()
        assert_allclose(folded(x).numpy(), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    left = sum(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    # Blocks that normalise first keep those that stand behind an addition.
    assert left == (sum(isinstance(p, nn.models.BasicBlock) for p in model.modules()) + 1 if "first" in name else 0)


@pytest.mark.parametrize("groups", [1, 2])
def test_folding_into_convolutions_of_every_kind(groups: int) -> None:
    for dimensions in (1, 2, 3):
        for kind in (f"Conv{dimensions}d", f"ConvTranspose{dimensions}d"):
            conv = getattr(nn, kind)(4, 6, 3, groups=groups, bias=groups == 1).double()
            norm = getattr(nn, f"BatchNorm{dimensions}d")(6).double()
            with ag.no_grad():
                norm.weight.copy_(ag.rand(6) + 0.5)
                norm.bias.copy_(ag.randn(6))
                norm.running_mean.copy_(ag.randn(6))
                norm.running_var.copy_(ag.rand(6) + 0.5)
                both = nn.Sequential(conv, norm).eval()
                x = ag.randn(2, 4, *(5,) * dimensions, dtype=ag.float64)
                folded = nn.utils.fuse_conv_bn_eval(conv, norm)
                assert_allclose(folded(x).numpy(), both(x).numpy(), rtol=1e-12, atol=1e-12)
                assert_allclose(nn.fuse_batch_norm(both)(x).numpy(), both(x).numpy(), rtol=1e-12, atol=1e-12)


def test_folding_asks_for_evaluation_mode_and_fitting_sizes() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    with pytest.raises(ValueError, match="do not fit"):
        nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 2, 1).eval(), nn.BatchNorm2d(3).eval())


def test_blocks_can_start_as_identities() -> None:
    model = nn.models.CifarResNet(1, 5, zero_init_residual=True)
    block = model.layer1[0]
    x = ag.relu(ag.randn(2, 16, 4, 4))
    assert_array_equal(block(x).detach().numpy(), x.numpy())
    assert not nn.models.resnet18(zero_init_residual=True).layer3[1].bn2.weight.detach().numpy().any()


def test_another_normalisation_takes_its_place() -> None:
    model = nn.models.ResNet(
        nn.models.BasicBlock, (1, 1, 1, 1), 5, norm_layer=lambda channels: nn.GroupNorm(4, channels)
    )
    assert model(ag.randn(2, 3, 32, 32)).shape == (2, 5)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in model.modules())


def test_dilation_takes_the_place_of_strides() -> None:
    model = nn.models.resnet50(num_classes=2, replace_stride_with_dilation=(False, True, True))
    assert model.layer4(ag.zeros(1, 1024, 4, 4)).shape == (1, 2048, 4, 4)
    assert model.layer4[1].conv2.dilation == (4, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.models.resnet18(stem="large"), "stem"),
        (lambda: nn.models.ResNet(nn.models.BasicBlock, (1, 1, 1)), "four entries"),
        (lambda: nn.models.BasicBlock(4, 4, groups=2), "groups"),
        (lambda: nn.models.LeNet5()(ag.ones(1, 1, 20, 20)), "expected images"),
        (lambda: nn.BatchNorm2d(2)(ag.ones(2, 2, 2, 2), ag.ones(2, 2, 2, 2)), "rectified"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_images_stay_channels_last_between_layers() -> None:
    seen: list[tuple[str, bool]] = []
    model = nn.models.cifar_resnet20().train()
    for name, part in model.named_modules():
        if isinstance(part, (nn.Conv2d, nn.BatchNorm2d, nn.models.PaddedShortcut)):
            part.register_forward_hook(
                lambda module, arguments, output, name=name: seen.append(
                    (name, output.detach().numpy().transpose(0, 2, 3, 1).flags.c_contiguous)
                )
            )
    model(ag.randn(2, 3, 32, 32))
    assert len(seen) == 2 * 19 + 2
    assert all(last for _, last in seen), [name for name, last in seen if not last]
