"""Data sets, batches and augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd_core as ag
import nn
from nn import data


class Squares(data.Dataset):
    """Samples one by one: a number and its square."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> Any:
        return {"number": index, "square": np.float32(index * index), "name": f"n{index}"}


def test_batches_are_those_of_pytorchs_loader(torch: Any) -> None:
    for size, drop in ((3, False), (3, True), (7, False), (10, True), (10, False)):
        found = list(data.DataLoader(Squares(), size, drop_last=drop))
        wanted = list(torch.utils.data.DataLoader(Squares(), size, drop_last=drop))
        assert len(found) == len(wanted) == len(data.DataLoader(Squares(), size, drop_last=drop))
        for ours, theirs in zip(found, wanted, strict=True):
            assert_array_equal(ours["number"].numpy(), theirs["number"].numpy())
            assert_array_equal(ours["square"].numpy(), theirs["square"].numpy())
            assert ours["name"] == theirs["name"]


def test_a_shuffled_epoch_has_each_sample_once_in_an_order_of_its_own() -> None:
    loader = data.DataLoader(data.TensorDataset(ag.arange(20)), 6, shuffle=True, generator=ag.Generator(3))
    epochs = [np.concatenate([batch.numpy() for (batch,) in loader]) for _ in range(3)]
    for epoch in epochs:
        assert_array_equal(np.sort(epoch), np.arange(20))
    assert not np.array_equal(epochs[0], epochs[1])
    again = data.DataLoader(data.TensorDataset(ag.arange(20)), 6, shuffle=True, generator=ag.Generator(3))
    assert_array_equal(np.concatenate([batch.numpy() for (batch,) in again]), epochs[0])


def test_the_default_generator_orders_batches_and_augments() -> None:
    images = ag.arange(4 * 36).reshape(4, 1, 6, 6).float()
    loader = data.DataLoader(data.TensorDataset(images, ag.arange(4)), 2, shuffle=True, transform=data.RandomShift(2))

    def epoch() -> list[np.ndarray]:
        return [part.numpy() for batch in loader for part in batch]

    ag.manual_seed(5)
    first, second = epoch(), epoch()
    ag.manual_seed(5)
    for one, other in zip(first, epoch(), strict=True):
        assert_array_equal(one, other)
    assert any(not np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_parts_of_a_random_split_share_nothing() -> None:
    whole = data.TensorDataset(ag.arange(11))
    for lengths in ([0.5, 0.3, 0.2], [5, 4, 2]):
        parts = data.random_split(whole, lengths, ag.Generator(1))
        found = np.concatenate([part.batch(np.arange(len(part)))[0].numpy() for part in parts])
        assert_array_equal(np.sort(found), np.arange(11))
        assert parts[0][1][0].item() == parts[0].batch(np.array([1]))[0].item()
    assert [len(part) for part in data.random_split(whole, [0.5, 0.5])] == [6, 5]


@pytest.mark.parametrize("crop", [data.RandomCrop(4), data.RandomCrop((3, 5)), data.RandomCrop(6, padding=2)])
def test_a_crop_is_a_part_of_the_padded_image(crop: data.RandomCrop) -> None:
    images = ag.randn(40, 2, 6, 6)
    found = crop(images, ag.Generator(0)).numpy()
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (crop.padding,) * 2, (crop.padding,) * 2))
    places = set()
    height, width = crop.size
    for image, part in zip(padded, found, strict=True):
        matches = [
            (i, j)
            for i in range(image.shape[1] - height + 1)
            for j in range(image.shape[2] - width + 1)
            if np.array_equal(image[:, i : i + height, j : j + width], part)
        ]
        assert matches
        places.add(matches[0])
    assert len(places) > 3


def test_flips_turn_about_half_of_the_images() -> None:
    images = ag.randn(200, 1, 3, 4)
    for flip, axis in ((data.RandomHorizontalFlip(), 3), (data.RandomVerticalFlip(), 2)):
        found = flip(images, ag.Generator(0)).numpy()
        turned = (found == np.flip(images.numpy(), axis)).all((1, 2, 3))
        assert (turned | (found == images.numpy()).all((1, 2, 3))).all()
        assert 70 < turned.sum() < 130
    assert_array_equal(data.RandomHorizontalFlip(0)(images).numpy(), images.numpy())
    both = data.Compose([data.RandomHorizontalFlip(1), data.RandomVerticalFlip(1)])
    assert_array_equal(both(images).numpy(), images.numpy()[:, :, ::-1, ::-1])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: data.TensorDataset(), ValueError, "number of samples"),
        (lambda: data.TensorDataset(ag.ones(2), ag.ones(3)), ValueError, "number of samples"),
        (lambda: data.Subset(data.TensorDataset(ag.ones(2)), [2]), IndexError, r"\[0, 2\)"),
        (lambda: data.random_split(data.TensorDataset(ag.ones(3)), [1, 1]), ValueError, "add up"),
        (lambda: data.DataLoader(Squares(), 0), ValueError, "batch_size"),
        (lambda: data.RandomCrop(9)(ag.ones(1, 1, 4, 4)), ValueError, "do not fit"),
        (lambda: data.RandomShift(1)(ag.ones(4, 4)), ValueError, "expected images"),
        (lambda: data.RandomHorizontalFlip(1.5), ValueError, "p must lie"),
        (lambda: data.default_collate([object()]), TypeError, "cannot make a batch"),
        (lambda: data.default_collate([]), ValueError, "no samples"),
        (lambda: nn.data.Dataset()[0], NotImplementedError, "__getitem__"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
