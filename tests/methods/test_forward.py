import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ForwardCorrection
from sknoisy.methods._transition import estimate_transition_matrix
from sknoisy.noise import corrupt_labels

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
T = np.array([[0.7, 0.3, 0.0], [0.0, 0.9, 0.1], [0.2, 0.2, 0.6]])


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.3])
def test_equation(set_up, make_batch, rate):
    # Patrini et al. 2017, Theorem 2.
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    losses = set_up(ForwardCorrection(T), Y).loss(torch.tensor(Z), make_batch(Y, rate=rate))
    np.testing.assert_allclose(losses, -(target * np.log(softmax(Z, axis=1) @ T)).sum(axis=1))


def test_clean_probabilities_minimise_the_mean_loss_over_the_noise(set_up, make_batch):
    z = torch.tensor(Z, requires_grad=True)
    batch = make_batch(Y).replace(target=torch.tensor(softmax(Z, axis=1) @ T))
    set_up(ForwardCorrection(T), Y).loss(z, batch).sum().backward()
    np.testing.assert_allclose(z.grad, 0, atol=1e-12)


def test_loss_and_gradient_are_finite_for_a_label_of_probability_zero(set_up, make_batch):
    z = torch.tensor([[0.0, 1e4, -1e4], [0.0, 0.0, 0.0]], requires_grad=True)
    losses = set_up(ForwardCorrection(T), Y).loss(z.double(), make_batch([0, 0]))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


def test_identity_is_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("forward", method__transition_matrix=np.eye(3), **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


def test_trusted_rows_are_not_corrected(set_up, make_batch):
    method = set_up(ForwardCorrection(T), Y)
    batch = make_batch(Y, index=[5, 1, 0, 3, 4, 6, 7], trusted=[3, 8, 5])
    losses = method.loss(torch.tensor(Z), batch)
    plain, corrected = -log_softmax(Z, axis=1), -np.log(softmax(Z, axis=1) @ T)
    expected = np.where(np.isin(np.arange(7), [0, 3])[:, None], plain, corrected)
    np.testing.assert_allclose(losses, expected[np.arange(7), Y])


def test_the_matrix_is_estimated_once_when_warm_up_ends(set_up, make_evaluation):
    method = set_up(ForwardCorrection(), Y)
    evaluation = make_evaluation(Y, Z, epoch=5)
    assert method.transition.isnan().all()
    method.on_epoch_start(None, evaluation)
    transition = method.transition.clone()
    torch.testing.assert_close(transition, estimate_transition_matrix(evaluation))
    method.on_epoch_start(None, make_evaluation(Y[::-1].copy(), Z, epoch=6))
    assert torch.equal(method.transition, transition)


def test_a_given_matrix_is_not_estimated_and_not_changed(set_up, make_evaluation):
    given = T.copy()
    method = set_up(ForwardCorrection(given), Y)
    method.on_epoch_start(None, make_evaluation(Y, Z))
    np.testing.assert_allclose(method.transition, T)
    method.transition.zero_()
    np.testing.assert_array_equal(given, T)


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize(("estimate", "tolerance"), [("dual_t", 0.18), ("hoc", 0.1)])
def test_the_matrix_is_estimated_by_name(method, estimate, tolerance):
    points, labels = make_blobs(600, n_features=2, centers=3, random_state=1)
    noisy = corrupt_labels(labels, T, random_state=0)
    params = {"max_epochs": 11, "warmup": 10, "lr": 0.01, "random_state": 0}
    clf = NoisyLabelClassifier(method, method__transition_matrix=estimate, **params)
    np.testing.assert_allclose(clf.fit(points, noisy).method_.transition, T, atol=tolerance)


@pytest.mark.parametrize("kind", [list, pd.DataFrame, torch.tensor])
def test_the_matrix_may_be_a_list_frame_or_tensor(kind):
    clf = NoisyLabelClassifier("forward", method__transition_matrix=kind(T), max_epochs=2)
    np.testing.assert_allclose(clf.fit(X, y).method_.transition, T, rtol=1e-6)


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("hco", r"Got 'hco' instead. Did you mean 'hoc'\?"),
        (
            np.eye(2),
            r"'auto' or .*'hoc' or an array of shape \(3, 3\), .* shape \(2, 2\) instead",
        ),
        (np.ones(3) / 3, r"Got one of shape \(3,\) instead"),
        (T - [[0], [0.2], [0]], r"Got row 1 with minimum -0.2 and sum 0.4 instead"),
        (T * [[1], [1], [1.1]], r"Got row 2 with minimum 0.22 and sum 1.1 instead"),
        (T.T, r"Got row 0 with minimum 0 and sum 0.9 instead"),
        (np.full((3, 3), np.nan), r"Got row 0 with minimum nan and sum nan instead"),
        (
            "best",
            r"'transition_matrix' parameter of .*Correction must be a str among {.*'hoc'.*} or",
        ),
    ],
)
def test_an_invalid_transition_matrix_is_refused(method, matrix, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelClassifier(method, method__transition_matrix=matrix, max_epochs=1).fit(X, y)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("forward", max_epochs=20, random_state=0).fit(X, y)
    transition = clf.method_.state_dict()["transition"]
    np.testing.assert_allclose(transition.sum(dim=1), 1, rtol=1e-6)
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.transition, transition)
    assert not clone(clf.method_).state_dict()


# ---- on noisy labels -----------------------------------------------------------------------------


def digits_with_pair_noise():
    """Load digits with 40 % of the labels replaced by the next class, and a tenth trusted."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.4, (y + 1) % 10, y)
    trusted = rng.random(len(y)) < 0.1
    return X, noisy, np.where(trusted, y, noisy), trusted, X_test, y_test


@pytest.mark.slow
def test_it_beats_cross_entropy_with_pair_noise_more_so_with_trusted_rows():
    X, noisy, partly_clean, trusted, X_test, y_test = digits_with_pair_noise()
    params = {"max_epochs": 60, "batch_size": 64, "lr": 0.003, "random_state": 0}
    ce, forward, forward_trusted = (
        NoisyLabelClassifier(m, **params) for m in ("ce", *["forward"] * 2)
    )
    ce.fit(X, noisy)
    forward.fit(X, noisy)
    forward_trusted.fit(X, partly_clean, trusted=trusted)
    assert forward.score(X_test, y_test) > ce.score(X_test, y_test) + 0.05
    assert forward_trusted.score(X_test, y_test) > ce.score(X_test, y_test) + 0.2
    truth = 0.6 * np.eye(10) + 0.4 * np.roll(np.eye(10), 1, axis=1)
    # Half the sum of a row's absolute errors is the total variation distance.
    for clf in (forward, forward_trusted):
        assert abs(clf.method_.transition.numpy() - truth).sum(axis=1).mean() / 2 < 0.15


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="forward") > ce_score + 0.03


def test_beats_cross_entropy_with_a_given_matrix(score_on_noisy_digits, ce_score):
    matrix = np.full((10, 10), 0.4 / 9)
    np.fill_diagonal(matrix, 0.6)
    score = score_on_noisy_digits(method="forward", method__transition_matrix=matrix)
    assert score > ce_score + 0.06
