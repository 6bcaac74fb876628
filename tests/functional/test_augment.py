import numpy as np
import pytest
import torch

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import FeatureCorruption, RandomFlip, RandomShift


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_corruption_uses_values_of_the_same_column():
    x = torch.arange(600.0).reshape(200, 3)
    view = FeatureCorruption(fraction=0.3)(x)
    for column, corrupted in zip(x.T, view.T, strict=True):
        assert torch.isin(corrupted, column).all()
    changed = (view != x).float().mean(dim=0)
    np.testing.assert_allclose(changed, 0.3, atol=0.1)
    assert torch.equal(FeatureCorruption(fraction=0.0)(x), x)


@pytest.mark.parametrize(
    ("n_columns", "n_replaced"),
    [(2, 0), (7, 0), (8, 1), (32, 1), (64, 3.2), (512, 102.4)],
)
def test_default_corruption_follows_the_number_of_columns(n_columns, n_replaced):
    x = torch.rand(2000, n_columns)
    replaced = (FeatureCorruption()(x) != x).float().sum(dim=1).mean()
    np.testing.assert_allclose(replaced, n_replaced, rtol=0.1)


def test_columns_of_a_row_get_values_of_different_rows():
    x = torch.arange(100.0)[:, None].expand(100, 2)
    view = FeatureCorruption(fraction=1.0)(x)
    assert (view[:, 0] != view[:, 1]).float().mean() > 0.9


@pytest.mark.parametrize("channels", [1, 3])
def test_shift_moves_a_window_over_the_padded_image(channels):
    x = torch.rand(50, channels, 8, 6)
    view = RandomShift(fraction=0.25)(x)
    assert view.shape == x.shape
    for image, moved in zip(x, view, strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="replicate")
        windows = (padded[:, i : i + 8, j : j + 6] for i in range(5) for j in range(5))
        assert any(torch.equal(moved, window) for window in windows)
    assert (view != x).flatten(1).any(dim=1).float().mean() > 0.8


def test_flip_mirrors_half_of_the_images():
    x = torch.rand(400, 1, 4, 4)
    view = RandomFlip(first=torch.nn.Identity())(x)
    mirrored = (view == x.flip(-1)).flatten(1).all(dim=1)
    assert (mirrored | (view == x).flatten(1).all(dim=1)).all()
    np.testing.assert_allclose(mirrored.float().mean(), 0.5, atol=0.08)


def test_views_do_not_change_the_batch():
    for view, x in [
        (RandomShift(), torch.rand(3, 1, 8, 8)),
        (FeatureCorruption(), torch.rand(9, 4)),
    ]:
        before = x.clone()
        view(x)
        assert torch.equal(x, before)


@pytest.mark.parametrize("view", [RandomShift(), RandomFlip(), RandomFlip(lambda x: x)])
def test_views_of_images_refuse_tables(view):
    with pytest.raises(ValueError, match=r"takes images of .* Got an array of shape \(5, 4\)"):
        view(torch.ones(5, 4))


@pytest.mark.parametrize(
    ("given", "used"),
    [(None, FeatureCorruption()), (FeatureCorruption(0.3), FeatureCorruption(0.3))],
)
def test_augment_parameter_of_the_estimator_is_passed_to_the_net(given, used, table):
    clf = NoisyLabelClassifier("co_learning", max_epochs=1, augment=given).fit(*table)
    assert clf.net_.settings.augment == used
