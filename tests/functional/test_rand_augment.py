"""Strong random views of images, and views by name."""

import math

import numpy as np
import pytest
import torch

from sknoisy.functional import (
    Cutout,
    FeatureCorruption,
    RandAugment,
    RandomFlip,
    RandomShift,
    make_augment,
)
from sknoisy.functional import rand_augment as module

IDENTITY = torch.nn.Identity()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def of_kind(x, kind, strength):
    """Apply one kind of operation to all images."""
    kinds = torch.full((len(x),), kind)
    strengths = torch.full((len(x),), strength, dtype=x.dtype)
    moved = module._moved(x, kinds, strengths)
    return module._changed_in_color(moved, kinds - module._N_GEOMETRIC, strengths)


def test_a_rotation_turns_by_its_angle(monkeypatch):
    monkeypatch.setattr(module, "_MAX_ANGLE", math.pi / 2)
    x = torch.rand(2, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(of_kind(x, 0, 1.0), x.rot90(1, (2, 3)))


@pytest.mark.parametrize(("kind", "axis"), [(3, 3), (4, 2)])
def test_a_translation_moves_all_pixels(kind, axis, monkeypatch):
    monkeypatch.setattr(module, "_MAX_TRANSLATION", 0.25)
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    moved = of_kind(x, kind, 1.0)
    torch.testing.assert_close(moved.narrow(axis, 0, 6), x.narrow(axis, 2, 6))


def test_changes_of_color():
    x = torch.rand(4, 3, 8, 8, dtype=torch.float64) * 5 - 1
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    brightness, contrast, color = (of_kind(x, kind, -1.0) for kind in (5, 6, 7))
    torch.testing.assert_close(brightness, low + 0.1 * (x - low))
    torch.testing.assert_close(contrast, mean + 0.1 * (x - mean))
    gray = x.mean(dim=1, keepdim=True)
    torch.testing.assert_close(color, (gray + 0.1 * (x - gray)).clamp(low, high))
    levels = (of_kind(x, 9, 1.0) - low) / (high - low) * 8
    torch.testing.assert_close(levels, levels.round())
    inverted = of_kind(x, 10, 1.0)
    bright = x - low > 0.5 * (high - low)
    torch.testing.assert_close(inverted, torch.where(bright, low + high - x, x))
    stretched = of_kind(x, 11, 1.0)
    for extreme in (stretched.amin(dim=(2, 3)), stretched.amax(dim=(2, 3))):
        assert (extreme[:, :1] - extreme).abs().max() < 1e-12


@pytest.mark.parametrize("kind", range(12))
def test_values_stay_in_the_range_of_the_image(kind):
    x = 200 * torch.rand(5, 3, 8, 10) + 30
    for strength in (-1.0, 0.3, 1.0):
        view = of_kind(x, kind, strength)
        assert view.shape == x.shape
        limits = x.amin(dim=(1, 2, 3)) - 1e-3, x.amax(dim=(1, 2, 3)) + 1e-3
        assert (view.amin(dim=(1, 2, 3)) >= limits[0]).all()
        assert (view.amax(dim=(1, 2, 3)) <= limits[1]).all()
    flat = torch.full((2, 1, 4, 4), 7.0)
    torch.testing.assert_close(of_kind(flat, kind, 1.0), flat)


def test_images_are_changed_independently_and_no_batch_in_place():
    x = torch.rand(1, 3, 16, 16).repeat(30, 1, 1, 1)
    before = x.clone()
    for view in (RandAugment(first=IDENTITY), Cutout(first=IDENTITY)):
        changed = view(x)
        assert len(changed.flatten(1).unique(dim=0)) > 20
    assert torch.equal(x, before)


def test_cutout_replaces_a_square_by_the_mean():
    x = torch.rand(200, 2, 8, 12)
    changed = Cutout(0.5, first=IDENTITY)(x) != x
    assert (changed.all(dim=1) == changed.any(dim=1)).all()
    heights, widths = (changed.any(dim=1).any(dim=axis).sum(dim=1) for axis in (2, 1))
    assert heights.max() == widths.max() == 4
    assert (changed.flatten(1).sum(dim=1) == 2 * heights * widths).all()
    assert torch.equal(Cutout(0.0, first=IDENTITY)(x), x)


def test_views_by_name():
    assert make_augment("auto", (4,)) == make_augment("weak", (4,)) == FeatureCorruption()
    assert make_augment("strong", (4,)) == FeatureCorruption(0.4)
    assert make_augment("auto", (1, 8, 8)) == RandomShift()
    assert make_augment("weak", (3, 8, 8)) == RandomFlip()
    assert make_augment("strong", (3, 8, 8)) == Cutout(first=RandAugment(first=RandomFlip()))
    with pytest.raises(ValueError, match=r"one of \['auto', 'weak', 'strong'\]. Got 'mild'"):
        make_augment("mild", (4,))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: RandAugment(0), ValueError, r"'n_operations' .*\[1, inf\). Got 0"),
        (lambda: RandAugment(True), ValueError, "'n_operations' .* Got True"),
        (lambda: RandAugment(magnitude=2), ValueError, r"'magnitude' .*\[0, 1\]. Got 2"),
        (lambda: RandAugment(first=3), TypeError, "'first' .* Got 3"),
        (lambda: Cutout(np.nan), ValueError, "'fraction' .* Got nan"),
        (lambda: Cutout(first=None), TypeError, "'first' .* Got None"),
        (lambda: RandAugment(first=IDENTITY)(torch.ones(3, 4)), ValueError, r"shape \(3, 4\)"),
        (lambda: Cutout(first=IDENTITY)(torch.ones(3, 4)), ValueError, r"shape \(3, 4\)"),
    ],
)
def test_wrong_parameters_are_refused(make, error, match):
    with pytest.raises(error, match=match):
        make()
