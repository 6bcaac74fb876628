"""The lossless format of the images, and the contenders of the table of images."""

import _images
import cifar
import numpy as np
import pytest


@pytest.mark.parametrize("shape", [(3, 3, 5, 7), (1, 3, 1, 1), (2, 3, 4, 1)])
def test_decoding_restores_the_images(shape):
    images = np.random.default_rng(0).integers(0, 256, size=shape).astype(np.uint8)
    np.testing.assert_array_equal(_images.decode(_images.encode(images)), images)


def test_a_predictor_is_the_median_of_three_values():
    # The green plane of a 2 x 2 image: left 30, up 20, corner 25, so the prediction is 25.
    images = np.zeros((1, 3, 2, 2), dtype=np.uint8)
    images[0, :] = [[25, 20], [30, 27]]
    assert _images.encode(images)[0, 1].tolist() == [[25, 251], [5, 2]]


@pytest.mark.parametrize("contender", cifar.CIFAR)
def test_a_scaled_recipe_keeps_parameters_that_its_method_has(contender):
    clf = cifar.make("cifar10", contender, 0.01, 0)
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, size=(8, 3, 8, 8)).astype(np.uint8), np.arange(8) % 2
    clf.set_params(module=None, max_epochs=1, warmup=0, batch_size=4).fit(X, y)
    assert clf.n_iter_ == 1


def test_the_table_has_the_last_and_the_best_epoch():
    origin = cifar._cells.Origin("a", "0", "2026-01-01", "")
    values = {"accuracy": 0.7, "best": 0.8, "seconds": 3.0, "cpu": 2.0}
    rows = {
        ("fashion", "ce", noise, "1", 0): cifar._cells.Row(values, origin)
        for noise in cifar.FASHION_NOISES
    }
    line = " | ".join(["| ce", *2 * ["70.0 (one seed)", "80.0 (one seed)"], "2", "1 |"])
    assert line in cifar.report(rows)
    again = {(*key[:-1], 1): row for key, row in rows.items()}
    assert "| ce | 70.0 ± 0.0 | 80.0 ± 0.0 |" in cifar.report(rows | again)
