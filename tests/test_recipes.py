"""Published settings: each runs, and schedules have their factors."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.networks import IMAGE_NETWORKS, ResNet
from sknoisy.recipes import RECIPES, CosineRestarts, LinearDecay, Steps, recipe

rng = np.random.default_rng(0)
y = np.arange(40) % 2
images = rng.integers(0, 100, size=(40, 3, 8, 8)).astype(np.uint8)
images[y == 1, :, :4] += 150


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_trains(name):
    params = recipe(name)
    assert params["module"] in IMAGE_NETWORKS
    # A small network, and the first two epochs: one of warm-up where there is any.
    small = {"module": ResNet, "module__n_blocks": (1,), "module__widths": (4,), "max_epochs": 2}
    params |= small | {"warmup": min(params["warmup"], 1), "batch_size": 10, "random_state": 0}
    clf = NoisyLabelClassifier(**params).fit(images, y)
    assert clf.n_iter_ == 2
    assert np.isfinite(clf.predict_proba(images)).all()
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict(images), clf.predict(images))


def test_recipes_are_those_of_methods_and_are_copied():
    assert {params["method"] for params in RECIPES.values()} <= set(METHODS)
    recipe("elr")["lr"] = 3.0
    assert recipe("elr")["lr"] == 0.02
    with pytest.raises(ValueError, match=r"'name' parameter .* Got 'erl' instead.*'elr'"):
        recipe("erl")


def test_schedules():
    steps = Steps((40 / 120, 80 / 120), (0.1, 0.01))
    factors = [steps(epoch / 120) for epoch in (0, 39, 40, 79, 80, 119)]
    assert factors == [1, 1, 0.1, 0.1, 0.01, 0.01]
    assert_allclose([LinearDecay(0.4)(p) for p in (0, 0.4, 0.7, 1)], [1, 1, 0.5, 0], atol=1e-12)
    restarts = CosineRestarts(3, 0.05)
    assert_allclose([restarts(k / 3) for k in range(3)], 1, atol=1e-6)
    assert restarts(1 / 3 - 1e-6) == pytest.approx(0.05, abs=1e-4)
    assert restarts(1 / 6) == pytest.approx(0.525)


@pytest.mark.parametrize("n_curves", range(1, 60))
def test_restarts_are_at_the_first_step_of_a_curve(n_curves):
    """A progress that is rounded down was the end of the curve before."""
    for n_epochs in (n_curves, 10 * n_curves):
        schedule = CosineRestarts(n_curves, 0.05)
        starts = range(0, n_epochs, n_epochs // n_curves)
        assert [schedule(epoch / n_epochs) for epoch in starts] == pytest.approx([1] * n_curves)


@pytest.mark.parametrize(
    ("schedule", "params", "name"),
    [
        (Steps, ((0.5, 0.2), (0.1, 0.2)), "at"),
        (Steps, ((0.5, 1.5), (0.1, 0.2)), "at"),
        (Steps, ((0.5,), (0.1, 0.2)), "factors"),
        (Steps, ((0.2, 0.5), (0.1,)), "factors"),
        (LinearDecay, (1.0,), "start"),
        (LinearDecay, (-0.1,), "start"),
        (CosineRestarts, (0, 0.5), "n_curves"),
        (CosineRestarts, (1.5, 0.5), "n_curves"),
        (CosineRestarts, (1, 1.5), "lowest"),
    ],
)
def test_schedules_that_would_fail_in_training_are_refused(schedule, params, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {schedule.__name__} must"):
        schedule(*params)
