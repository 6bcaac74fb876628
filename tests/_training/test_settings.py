import dataclasses

import numpy as np
import pytest

from sknoisy import NoisyLabelClassifier
from sknoisy._label_noise.report import NoiseReport
from sknoisy._training.settings import MIN_SMOOTHING, Settings, SmoothingRule
from sknoisy.functional import logit_bound_for_rate
from sknoisy.methods import METHODS, make_method
from tests.factories import mostly_slow, noisy_blobs, short

X, y = noisy_blobs()

CODES = np.arange(100) % 2
NOISE = NoiseReport.from_predictions(
    CODES, np.where(np.eye(2)[CODES] == 1, 0.9, 0.1), "neighbours", 0.1
)
NOISE = dataclasses.replace(NOISE, smoothing=-3.0)


@pytest.mark.parametrize(
    ("smoothing", "given", "noise", "rate", "bound"),
    [
        (0.0, "auto", None, 0.0, None),
        (0.4, "auto", NOISE, 0.4, None),
        (-8.0, "auto", None, -8.0, logit_bound_for_rate(-8.0)),
        (-8.0, None, None, -8.0, None),
        (0.4, 2.0, None, 0.4, 2.0),
        ((0.1, -1.0), "auto", None, (0.1, -1.0), logit_bound_for_rate(-1.0)),
        # A rate that depends on the noise is bounded from the first epoch on.
        ("auto", "auto", None, 0.0, logit_bound_for_rate(0.0)),
        ("auto", "auto", NOISE, -3.0, logit_bound_for_rate(-3.0)),
        ("auto", 2.0, NOISE, -3.0, 2.0),
    ],
)
def test_rate_and_bound_follow_from_the_rule_and_the_noise(smoothing, given, noise, rate, bound):
    rule = SmoothingRule(smoothing, given)
    assert rule.rate(noise) == rate
    assert rule.bound(noise) == bound
    assert rule.is_auto == (smoothing == "auto")


@pytest.mark.parametrize(
    ("params", "epochs"),
    [
        ({"warmup": 7}, 7),
        ({"warmup": 0.25}, 5),
        ({"warmup": 0.001}, 1),
        ({"warmup": 0.5, "max_epochs": 1}, 0),
        ({"method": "co_teaching"}, 18),
        ({"method": "co_teaching", "smoothing": -1.0}, 2),
        ({"method": "meta_label_net", "warmup": 0.25}, 5),
        ({"smoothing": -1.0}, 2),
        ({"smoothing": "auto", "max_epochs": 1}, 0),
        ({}, 0),
    ],
)
def test_epochs_of_warm_up(params, epochs):
    params = {"method": "ce", "max_epochs": 20, **params}
    method = make_method(params["method"])
    assert Settings.of(NoisyLabelClassifier(**params), method, 3, (4,)).warmup_epochs == epochs


@pytest.mark.parametrize("name", METHODS)
def test_settings_are_frozen(name):
    settings = Settings.of(NoisyLabelClassifier(name), make_method(name), 3, (4,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0


@pytest.mark.parametrize("method", mostly_slow(list(METHODS)))
@pytest.mark.parametrize("precision", ["float32", "bf16-mixed"])
def test_the_lowest_rate_is_a_number_in_every_precision(method, precision):
    clf = short(method, smoothing=MIN_SMOOTHING, precision=precision, warmup=1).fit(X, y)
    assert np.isfinite(clf.predict_log_proba(X)).all()
