import math

import numpy as np
import pytest
import torch

from sknoisy._training.label_wave import LabelWave
from tests.factories import noisy_blobs, noisy_digits, short

X, y = noisy_blobs(200, noise_rate=0.3)
rng = np.random.default_rng(0)


def scores(epochs, weight=None):
    predictions = torch.tensor(np.array(epochs))
    weight = torch.ones(predictions.shape[1], dtype=torch.float64) if weight is None else weight
    wave = LabelWave(weight)
    return [wave.update(predicted) for predicted in predictions]


def test_score_is_the_agreement_with_the_epoch_before_averaged_over_three():
    """Eq. 2 and 3, where rows count by their weight."""
    predictions, weight = rng.integers(3, size=(8, 40)), rng.random(40)
    agreement = (predictions[1:] == predictions[:-1]) @ weight / weight.sum()
    expected = [*[math.nan] * 3, *np.convolve(agreement, np.ones(3) / 3, mode="valid")]
    np.testing.assert_allclose(scores(predictions, torch.tensor(weight)), expected)


def test_predictions_are_copied():
    predicted, wave = torch.arange(4), LabelWave(torch.ones(4))
    for _ in range(4):
        score = wave.update(predicted)
        predicted += 1
    assert score == 0


def test_epochs_that_predict_only_one_class_are_not_scored():
    """Rows that are not trained on, -1, are no class."""
    constant, learned = [-1, 2, 2, 2], [-1, 2, 2, 0]
    result = scores([constant] * 5 + [learned] * 2, torch.tensor([0.0, 1, 1, 1]))
    assert np.isnan(result[:5]).all()
    np.testing.assert_allclose(result[5:], [8 / 9] * 2)


def test_training_stops_after_the_epoch_with_the_fewest_changes():
    params = {"max_epochs": 60, "n_iter_no_change": 4, "lr": 0.005}
    clf = short(early_stopping="label_wave", **params).fit(X, y)
    agreement = np.array(clf.history_[:, "train_agreement"])
    expected = [*[np.nan] * 3, *np.convolve(agreement[1:], np.ones(3) / 3, mode="valid")]
    score = np.array(clf.history_[:, "label_wave"])
    np.testing.assert_allclose(score, expected, rtol=1e-5)
    best = np.nanargmax(score)
    assert clf.n_iter_ == best + 5 < 60
    # No rows are held out, and the weights of the best epoch were restored.
    same = short(**{**params, "max_epochs": int(best) + 1}).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), same.predict_proba(X))
    assert "valid_acc" not in clf.history_[-1]


@pytest.mark.parametrize("method", ["mixup", "co_learning", "bagging"])
def test_works_with_methods_that_change_samples_or_score_epochs(method):
    """Samples that were trained on only in changed form are evaluated after the epoch."""
    clf = short(method, early_stopping="label_wave", n_iter_no_change=2, max_epochs=40).fit(X, y)
    score = np.array(clf.history_[:, "label_wave"])
    counted = score.copy()
    counted[: round(clf.method_.warmup * 40)] = np.nan
    assert clf.n_iter_ == np.nanargmax(counted) + 3 < 40


def test_epochs_of_warmup_do_not_count():
    clf = short(early_stopping="label_wave", warmup=15, n_iter_no_change=1, max_epochs=40)
    assert clf.fit(X, y).n_iter_ >= 17


def test_continued_training_starts_to_score_again():
    clf = short(early_stopping="label_wave", warm_start=True).fit(X, y).fit(X, y)
    missing = np.isnan(clf.history_[:, "label_wave"])
    np.testing.assert_array_equal(missing, [True, True, True, False] * 2)


def test_partial_fit_refuses_it():
    with pytest.raises(ValueError, match="early_stopping='label_wave' is not supported"):
        short(early_stopping="label_wave").partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.slow
def test_it_helps_on_noisy_labels():
    (X, y_noisy), (_, y) = noisy_digits(noise_rate=0.4), noisy_digits(noise_rate=0)
    clf, stopping = (
        short(early_stopping=value, max_epochs=60, batch_size=64, lr=0.003).fit(
            X[:1000], y_noisy[:1000]
        )
        for value in (False, "label_wave")
    )
    assert stopping.score(X[1000:], y[1000:]) > clf.score(X[1000:], y[1000:]) + 0.1
