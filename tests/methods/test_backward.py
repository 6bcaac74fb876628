import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import BackwardCorrection

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
T = np.array([[0.7, 0.3, 0.0], [0.0, 0.9, 0.1], [0.2, 0.2, 0.6]])


def losses_of(method, Z, batch):
    return method.loss(torch.tensor(Z), method.prepare_batch(None, batch))


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.3])
@pytest.mark.parametrize("bound", [None, 1.0, 4.0])
def test_equation(set_up, make_batch, rate, bound):
    # Patrini et al. 2017, Theorem 1.
    target = ((1 - rate) * np.eye(3)[Y] + rate / 3) @ np.linalg.inv(T)
    squashed = Z if bound is None else Z / np.sqrt(1 + (Z / bound) ** 2)
    losses = losses_of(set_up(BackwardCorrection(T, bound), Y), Z, make_batch(Y, rate=rate))
    np.testing.assert_allclose(losses, -(target * log_softmax(squashed, axis=1)).sum(axis=1))


def test_mean_loss_over_the_noise_is_the_loss_of_the_clean_label(set_up, make_batch):
    method = set_up(BackwardCorrection(T, None), Y)
    losses = losses_of(method, Z[:1].repeat(3, axis=0), make_batch([0, 1, 2]))
    np.testing.assert_allclose(T @ losses.numpy(), -log_softmax(Z[0]))


@pytest.mark.parametrize("noise_rate", [0.2, 0.5])
def test_correction_of_symmetric_noise_is_negative_smoothing(noise_rate):
    # Wei et al. 2022 for two classes: r = -r_n / (1 - r_n), labels replaced uniformly at rate r_n.
    matrix = (1 - noise_rate) * np.eye(3) + noise_rate / 3
    params = {"max_epochs": 8, "warmup": 0, "precision": "float64", "random_state": 0}
    method_params = {"method__transition_matrix": matrix, "method__bound": None}
    clf = NoisyLabelClassifier("backward", **method_params, **params).fit(X, y)
    rate = -noise_rate / (1 - noise_rate)
    smoothed = NoisyLabelClassifier("ce", smoothing=rate, logit_bound=None, **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), smoothed.predict_proba(X), rtol=1e-8)


def test_identity_without_a_bound_is_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    method_params = {"method__transition_matrix": np.eye(3), "method__bound": None}
    clf = NoisyLabelClassifier("backward", **method_params, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


def test_trusted_rows_are_not_corrected(set_up, make_batch):
    batch = make_batch(Y, index=[5, 1, 0, 3, 4, 6, 7], trusted=[3, 8, 5])
    losses = losses_of(set_up(BackwardCorrection(T, None), Y), Z, batch)
    log_p = log_softmax(Z, axis=1)
    expected = -(np.linalg.inv(T)[Y] * log_p).sum(axis=1)
    expected[[0, 3]] = -log_p[[0, 3], Y[[0, 3]]]
    np.testing.assert_allclose(losses, expected)


def test_a_matrix_without_an_inverse_is_refused():
    matrix = [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    with pytest.raises(ValueError, match=r"must have an inverse.*condition number (\d|inf)"):
        NoisyLabelClassifier("backward", method__transition_matrix=matrix).fit(X, y)


def test_an_estimated_matrix_is_well_conditioned(set_up, make_evaluation):
    # Two classes with the same features have the same row.
    y, features = np.arange(90) % 3, np.zeros((90, 2))
    features[:, 0] = y == 2

    method = set_up(BackwardCorrection(), y)
    assert method.inverse.isnan().all()
    evaluation = make_evaluation(y, np.zeros((90, 3)), features=features, trusted=[0, 1, 2])
    method.on_epoch_start(None, evaluation)
    assert np.linalg.cond(method.transition) <= 100
    np.testing.assert_allclose(method.inverse, np.linalg.inv(method.transition))


def test_the_matrix_is_estimated_once(set_up, make_evaluation):
    method = set_up(BackwardCorrection(), Y)
    method.on_epoch_start(None, make_evaluation(Y, Z))
    before = method.transition.clone()
    method.on_epoch_start(None, make_evaluation(Y[::-1].copy(), Z))
    assert torch.equal(method.transition, before)
    np.testing.assert_allclose(method.inverse, np.linalg.inv(before))


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("backward", max_epochs=20, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    for name in ("transition", "inverse"):
        assert torch.equal(loaded.method_.state_dict()[name], clf.method_.state_dict()[name])
    assert not clone(clf.method_).state_dict()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="backward") > ce_score + 0.1
