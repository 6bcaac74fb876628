import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import gmm_clean_probability
from sknoisy.methods import FINE
from sknoisy.methods.fine import _classes, _main_directions

X, y = load_iris(return_X_y=True)


def clusters(wrong=0.3, n=40, seed=0):
    """Features of three classes along an axis each, their given labels, and which are right."""
    rng = np.random.default_rng(seed)
    true = np.arange(3 * n) % 3
    features = 0.2 * rng.normal(size=(3 * n, 3)) + np.eye(3)[true]
    right = rng.random(3 * n) >= wrong
    given = np.where(right, true, (true + rng.integers(1, 3, 3 * n)) % 3)
    return features, given, given == true


def reference(features, given, kept, normalise):
    """Kim et al. 2021, Algorithm 1, from the eigenvectors of the Gram matrices."""
    chosen = np.empty(len(given))
    for label in np.unique(given):
        own = given == label
        subset = features[own & (kept > 0)]
        direction = np.linalg.eigh(subset.T @ subset)[1][:, -1]
        score = (features[own] @ direction) ** 2
        if normalise:
            score = np.sqrt(score) / np.linalg.norm(features[own], axis=1)
        clean = gmm_clean_probability(torch.tensor(-score), torch.ones(own.sum()))
        chosen[own] = clean.numpy() >= 0.5
    return chosen


@pytest.mark.parametrize("normalise", [True, False])
def test_equation(begin, make_scan, normalise):
    features, given, _ = clusters()
    method = begin(FINE(normalise=normalise), given)
    kept = np.ones(len(given))
    for epoch in range(3):
        evaluation = make_scan(given, np.zeros((len(given), 3)), epoch, features=features)
        method.on_epoch_start(None, evaluation)
        kept = reference(features, given, kept, normalise)
        assert 0 < kept.sum() < len(kept)
        np.testing.assert_array_equal(method.kept, kept)


def test_right_labels_are_kept(begin, make_scan):
    features, given, right = clusters(wrong=0.4)
    method = begin(FINE(), given)
    method.on_epoch_start(None, make_scan(given, np.zeros((len(given), 3)), features=features))
    assert (method.kept.numpy().astype(bool) == right).mean() > 0.95


def test_only_what_is_kept_counts(begin, make_batch):
    method = begin(FINE(), np.zeros(5, dtype=int))
    method.kept.copy_(torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0]))
    batch = make_batch([0, 0, 0], index=[4, 2, 0])
    assert method.sample_weights(torch.zeros(3), batch).tolist() == [0, 1, 1]


def test_refit_comes_every_few_epochs_from_the_first(begin, make_scan):
    features, given, _ = clusters()
    method = begin(FINE(every=3), given)
    renewed = []
    for epoch in range(7):
        method.kept.fill_(0.5)
        method.on_epoch_start(
            None, make_scan(given, np.zeros((len(given), 3)), epoch, features=features)
        )
        renewed += [epoch] if (method.kept != 0.5).any() else []
    assert renewed == [0, 3, 6]


def test_weights_are_repeated_rows(begin, make_scan):
    features, given, _ = clusters(n=20)
    weight = np.random.default_rng(1).integers(1, 4, len(given))
    found = []
    for repeats in (np.ones_like(weight), weight):
        rows = np.arange(len(given)).repeat(repeats)
        w = torch.tensor((weight if repeats is not weight else np.ones(len(rows))) * 1.0)
        method = begin(FINE(), given[rows])
        logits = np.zeros((len(rows), 3))
        method.on_epoch_start(None, make_scan(given[rows], logits, 0, w, features[rows]))
        found.append(method.kept.numpy())
    assert 0 < found[0].mean() < 1
    np.testing.assert_array_equal(found[0].repeat(weight), found[1])


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_class_of_few_samples_keeps_all(begin, make_scan, repeats):
    features, given, _ = clusters()
    rows = np.concatenate(
        [np.flatnonzero(given != 2), np.flatnonzero(given == 2)[:4].repeat(repeats)]
    )
    method = begin(FINE(), given[rows])
    evaluation = make_scan(given[rows], np.zeros((len(rows), 3)), features=features[rows])
    method.on_epoch_start(None, evaluation)
    assert method.kept[-4 * repeats :].all()
    assert not method.kept[: -4 * repeats].all()


@pytest.mark.parametrize("features", [np.zeros((12, 3)), np.ones((12, 3))], ids=["none", "alike"])
@pytest.mark.parametrize("normalise", [True, False])
def test_features_that_tell_nothing_keep_all(begin, make_scan, features, normalise):
    given = np.arange(12) % 3
    method = begin(FINE(normalise=normalise), given)
    method.on_epoch_start(None, make_scan(given, np.zeros((12, 3)), features=features))
    assert method.kept.all()


def test_direction_of_a_single_sample_in_single_precision(begin, make_scan):
    # The Gram matrix has rank one, at which eigensolvers in single precision can fail.
    features, given, _ = clusters(n=60)
    wide = np.pad(features, [(0, 0), (0, 125)]).astype(np.float32)
    method = begin(FINE(), given, dtype=torch.float32)
    for label in range(3):
        own = np.flatnonzero(given == label)
        method.kept[torch.tensor(own[1:])] = 0
    evaluation = make_scan(given, np.zeros((len(given), 3), dtype=np.float32), features=wide)
    method.on_epoch_start(None, evaluation)
    assert 20 < method.kept.sum() < len(given)


def test_few_long_features_elsewhere_do_not_hide_the_main_direction(begin, make_scan):
    features, given = np.zeros((100, 12)), np.zeros(100, dtype=int)
    features[:90, 1:9] = 1 + 0.05 * np.random.default_rng(0).normal(size=(90, 8))
    features[90:, 0] = 4.0
    method = begin(FINE(), np.r_[given, 1])
    evaluation = make_scan(given, np.zeros((100, 3)), features=features)
    method.on_epoch_start(None, evaluation)
    np.testing.assert_array_equal(method.kept[:100], np.arange(100) < 90)


@pytest.mark.parametrize("gap", [1.5, 1.05])
def test_directions_are_eigenvectors(gap):
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.normal(size=(5, 9, 9)))[0]
    values = np.r_[gap, np.linspace(1, 0.1, 8)]
    grams = torch.tensor((vectors * values) @ vectors.transpose(0, 2, 1))
    found = _main_directions(grams).numpy()
    np.testing.assert_allclose(abs((found * vectors[:, :, 0]).sum(axis=1)), 1, atol=1e-6)


def test_classes_come_in_groups_and_the_answer_is_the_same(begin, make_scan, monkeypatch):
    features, given, _ = clusters(n=60)
    given = np.where(np.arange(180) % 5, given, 3)
    kept = []
    for room in (2**25, 9 * 2, 8 * 50):
        monkeypatch.setattr("sknoisy.methods.fine._ROOM", room)
        method = begin(FINE(), given)
        evaluation = make_scan(given, np.zeros((180, 4)), features=features)
        method.on_epoch_start(None, evaluation)
        kept.append(method.kept.clone())
        sizes = [len(group) for group in _classes(evaluation)]
        assert sum(sizes) == 4
        assert (len(sizes) > 1) == (room < 2**25)
    assert 0 < kept[0].mean() < 1
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(kept[0], kept[2])


def test_at_threshold_zero_it_is_cross_entropy():
    params = {"max_epochs": 5, "random_state": 0, "precision": "float64"}
    fine = NoisyLabelClassifier("fine", method__threshold=0.0, warmup=1, **params).fit(X, y)
    plain = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(fine.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    assert fine.method_.kept.all()


def test_rows_held_out_or_without_weight_are_not_judged():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier("fine", max_epochs=3, early_stopping=True, random_state=0)
    kept = clf.fit(X, y, weight).method_.kept
    assert kept[[3, 77]].all()
    assert 0 < kept.mean() < 1


def test_state_survives_a_pickle_and_is_forgotten_by_clone():
    clf = NoisyLabelClassifier("fine", max_epochs=3, random_state=0).fit(X, y)
    assert {"kept"} == set(clf.method_.state_dict())
    again = pickle.loads(pickle.dumps(clf))
    assert torch.equal(again.method_.kept, clf.method_.kept)
    assert not clone(clf.method_).state_dict()


def test_beats_cross_entropy(score_on_noisy_digits, plain_score):
    assert score_on_noisy_digits(method="fine") > plain_score + 0.15
