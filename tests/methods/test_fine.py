import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import gmm_clean_probability
from sknoisy.methods import FINE
from sknoisy.methods.fine import _class_groups

X, y = load_iris(return_X_y=True)


def clusters(noise_rate=0.3, n=40, seed=0):
    """Make features of three classes near three axes, given labels, and which of them are clean."""
    rng = np.random.default_rng(seed)
    true = np.arange(3 * n) % 3
    features = 0.2 * rng.normal(size=(3 * n, 3)) + np.eye(3)[true]
    clean = rng.random(3 * n) >= noise_rate
    given = np.where(clean, true, (true + rng.integers(1, 3, 3 * n)) % 3)
    return features, given, given == true


def reference(features, given, kept, normalise):
    """Kim et al. 2021, Algorithm 1, from the eigenvectors of the Gram matrices."""
    chosen = np.empty(len(given))
    for label in np.unique(given):
        members = given == label
        subset = features[members & (kept > 0)]
        eigenvector = np.linalg.eigh(subset.T @ subset)[1][:, -1]
        score = (features[members] @ eigenvector) ** 2
        if normalise:
            score = np.sqrt(score) / np.linalg.norm(features[members], axis=1)
        clean = gmm_clean_probability(torch.tensor(-score), torch.ones(members.sum()))
        chosen[members] = clean.numpy() >= 0.5
    return chosen


@pytest.mark.parametrize("normalise", [True, False])
def test_equation(set_up, make_evaluation, normalise):
    features, given, _ = clusters()
    method = set_up(FINE(keep_agreeing=False, normalise=normalise), given)
    kept = np.ones(len(given))
    for epoch in range(3):
        evaluation = make_evaluation(given, np.zeros((len(given), 3)), epoch, features=features)
        method.on_epoch_start(None, evaluation)
        kept = reference(features, given, kept, normalise)
        assert 0 < kept.sum() < len(kept)
        np.testing.assert_array_equal(method.kept, kept)


def test_clean_labels_are_kept(set_up, make_evaluation):
    features, given, clean = clusters(noise_rate=0.4)
    method = set_up(FINE(keep_agreeing=False), given)
    method.on_epoch_start(
        None, make_evaluation(given, np.zeros((len(given), 3)), features=features)
    )
    assert (method.kept.numpy().astype(bool) == clean).mean() > 0.95


def test_samples_whose_label_is_predicted_are_kept_as_well(set_up, make_evaluation):
    features, given, _ = clusters(noise_rate=0.4)
    logits = np.random.default_rng(0).normal(size=(len(given), 3))
    kept = []
    for keep_agreeing in (False, True):
        method = set_up(FINE(keep_agreeing=keep_agreeing), given)
        method.on_epoch_start(None, make_evaluation(given, logits, features=features))
        kept.append(method.kept.numpy().astype(bool))
    agreeing = logits.argmax(axis=1) == given
    np.testing.assert_array_equal(kept[1], kept[0] | agreeing)
    assert not kept[1].all()


def test_only_kept_samples_have_a_weight(set_up, make_batch):
    method = set_up(FINE(keep_agreeing=False), np.zeros(5, dtype=int))
    method.kept.copy_(torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0]))
    batch = make_batch([0, 0, 0], index=[4, 2, 0])
    assert method.sample_weights(torch.zeros(3), batch).tolist() == [0, 1, 1]


def test_samples_are_selected_every_few_epochs_from_the_first(set_up, make_evaluation):
    features, given, _ = clusters()
    method = set_up(FINE(keep_agreeing=False, every=3), given)
    selected = []
    for epoch in range(7):
        method.kept.fill_(0.5)
        method.on_epoch_start(
            None, make_evaluation(given, np.zeros((len(given), 3)), epoch, features=features)
        )
        selected += [epoch] if (method.kept != 0.5).any() else []
    assert selected == [0, 3, 6]


def test_integer_weights_equal_repeated_rows(set_up, make_evaluation):
    features, given, _ = clusters(n=20)
    weight = np.random.default_rng(1).integers(1, 4, len(given))
    results = []
    for repeats in (np.ones_like(weight), weight):
        rows = np.arange(len(given)).repeat(repeats)
        w = torch.tensor((weight if repeats is not weight else np.ones(len(rows))) * 1.0)
        method = set_up(FINE(keep_agreeing=False), given[rows])
        logits = np.zeros((len(rows), 3))
        method.on_epoch_start(None, make_evaluation(given[rows], logits, 0, w, features[rows]))
        results.append(method.kept.numpy())
    assert 0 < results[0].mean() < 1
    np.testing.assert_array_equal(results[0].repeat(weight), results[1])


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_class_of_few_distinct_samples_keeps_all(set_up, make_evaluation, repeats):
    features, given, _ = clusters()
    rows = np.concatenate(
        [np.flatnonzero(given != 2), np.flatnonzero(given == 2)[:4].repeat(repeats)]
    )
    method = set_up(FINE(keep_agreeing=False), given[rows])
    evaluation = make_evaluation(given[rows], np.zeros((len(rows), 3)), features=features[rows])
    method.on_epoch_start(None, evaluation)
    assert method.kept[-4 * repeats :].all()
    assert not method.kept[: -4 * repeats].all()


@pytest.mark.parametrize("features", [np.zeros((12, 3)), np.ones((12, 3))], ids=["zero", "equal"])
@pytest.mark.parametrize("normalise", [True, False])
def test_equal_features_keep_all_samples(set_up, make_evaluation, features, normalise):
    given = np.arange(12) % 3
    method = set_up(FINE(keep_agreeing=False, normalise=normalise), given)
    method.on_epoch_start(None, make_evaluation(given, np.zeros((12, 3)), features=features))
    assert method.kept.all()


def test_eigenvector_of_a_single_kept_sample_in_single_precision(set_up, make_evaluation):
    # The Gram matrix has rank one, at which eigensolvers in single precision can fail.
    features, given, _ = clusters(n=60)
    wide = np.pad(features, [(0, 0), (0, 125)]).astype(np.float32)
    method = set_up(FINE(keep_agreeing=False), given, dtype=torch.float32)
    for label in range(3):
        members = np.flatnonzero(given == label)
        method.kept[torch.tensor(members[1:])] = 0
    evaluation = make_evaluation(given, np.zeros((len(given), 3), dtype=np.float32), features=wide)
    method.on_epoch_start(None, evaluation)
    assert 20 < method.kept.sum() < len(given)


def test_a_few_long_orthogonal_features_do_not_change_the_eigenvector(set_up, make_evaluation):
    features, given = np.zeros((100, 12)), np.zeros(100, dtype=int)
    features[:90, 1:9] = 1 + 0.05 * np.random.default_rng(0).normal(size=(90, 8))
    features[90:, 0] = 4.0
    method = set_up(FINE(keep_agreeing=False), np.r_[given, 1])
    evaluation = make_evaluation(given, np.zeros((100, 3)), features=features)
    method.on_epoch_start(None, evaluation)
    np.testing.assert_array_equal(method.kept[:100], np.arange(100) < 90)


def test_the_selection_does_not_depend_on_groups_of_classes(set_up, make_evaluation, monkeypatch):
    features, given, _ = clusters(n=60)
    given = np.where(np.arange(180) % 5, given, 3)
    kept = []
    for max_numbers in (2**25, 9 * 2, 8 * 50):
        monkeypatch.setattr("sknoisy.methods.fine._MAX_NUMBERS", max_numbers)
        method = set_up(FINE(keep_agreeing=False), given)
        evaluation = make_evaluation(given, np.zeros((180, 4)), features=features)
        method.on_epoch_start(None, evaluation)
        kept.append(method.kept.clone())
        sizes = [len(group) for group in _class_groups(evaluation)]
        assert sum(sizes) == 4
        assert (len(sizes) > 1) == (max_numbers < 2**25)
    assert 0 < kept[0].mean() < 1
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(kept[0], kept[2])


def test_at_threshold_zero_it_is_cross_entropy():
    params = {"max_epochs": 5, "random_state": 0, "precision": "float64"}
    fine = NoisyLabelClassifier("fine", method__threshold=0.0, warmup=1, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(fine.predict_proba(X), ce.predict_proba(X), rtol=1e-9)
    assert fine.method_.kept.all()


def test_rows_held_out_or_of_weight_zero_are_kept():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier("fine", max_epochs=3, early_stopping=True, random_state=0)
    kept = clf.fit(X, y, weight).method_.kept
    assert kept[[3, 77]].all()
    assert 0 < kept.mean() < 1


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("fine", max_epochs=3, random_state=0).fit(X, y)
    assert {"kept"} == set(clf.method_.state_dict())
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.kept, clf.method_.kept)
    assert not clone(clf.method_).state_dict()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="fine") > ce_score + 0.15
