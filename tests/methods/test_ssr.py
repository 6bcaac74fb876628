import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import SSR

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(30) % 3
FEATURES = np.eye(3)[Y] + rng.normal(scale=0.6, size=(30, 3))
Z = 3 * FEATURES


def reference(target, weight, k, relabel, select, balanced, agreeing):
    """Feng et al. 2022, Eq. 2 to 5, with centred features and without the vote of the sample."""
    p = softmax(Z, axis=1)
    labels = np.where(p.max(axis=1) > relabel, p.argmax(axis=1), -1)
    target = np.where(labels[:, None] < 0, target, np.eye(3)[labels])
    f = FEATURES - FEATURES.mean(axis=0)
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    similarity = f @ f.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, :k]
    votes = (weight[:, None] * target)[nearest].sum(axis=1)
    if balanced:
        votes /= np.average(target, axis=0, weights=weight)
    current = np.where(labels < 0, Y, labels)
    ratio = votes[np.arange(30), current] / votes.max(axis=1)
    return labels, (ratio >= select) | (agreeing & (p.argmax(axis=1) == current))


@pytest.mark.parametrize("agreeing", [False, True])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(
    ("k", "relabel", "select"), [(5, 0.9, 1.0), (3, 0.7, 0.5), (10, 1.0, 0.8), (1, 0.0, 1.0)]
)
def test_equation(set_up, make_evaluation, agreeing, balanced, k, relabel, select):
    method = set_up(SSR(relabel, select, k, balanced, agreeing), Y)
    weight = rng.integers(1, 4, size=30).astype(float)
    method.on_epoch_start(None, make_evaluation(Y, Z, 0, torch.tensor(weight), FEATURES))
    labels, kept = reference(np.eye(3)[Y], weight, k, relabel, select, balanced, agreeing)
    np.testing.assert_array_equal(method.labels, labels)
    np.testing.assert_array_equal(method.kept, kept)
    assert 0 < kept.sum() < 30 or relabel == 0


def test_number_of_neighbours_follows_the_samples_per_class(set_up, make_evaluation):
    n = 600
    labels, features = np.arange(n) % 3, rng.normal(size=(n, 3))
    kept = []
    for k in ("auto", 8):
        method = set_up(SSR(n_neighbors=k, keep_agreeing=False), labels)
        method.on_epoch_start(None, make_evaluation(labels, np.zeros((n, 3)), features=features))
        kept.append(method.kept.numpy())
    np.testing.assert_array_equal(*kept)


def test_labels_can_be_restored(set_up, make_evaluation):
    method, confident = set_up(SSR(), Y), 20 * np.eye(3)[(Y + 1) % 3]
    method.on_epoch_start(None, make_evaluation(Y, confident, 0, features=FEATURES))
    np.testing.assert_array_equal(method.labels, (Y + 1) % 3)
    method.on_epoch_start(None, make_evaluation(Y, 0 * confident, 1, features=FEATURES))
    np.testing.assert_array_equal(method.labels, -1)


def test_every_is_the_number_of_epochs_between_selections(set_up, make_evaluation):
    method, confident = set_up(SSR(every=2), Y), 20 * np.eye(3)[(Y + 1) % 3]
    method.on_epoch_start(None, make_evaluation(Y, confident, 1, features=FEATURES))
    np.testing.assert_array_equal(method.labels, -1)
    method.on_epoch_start(None, make_evaluation(Y, confident, 2, features=FEATURES))
    np.testing.assert_array_equal(method.labels, (Y + 1) % 3)


def test_targets_of_relabelled_samples_are_smoothed_like_the_others(set_up, make_batch):
    method, rate = set_up(SSR(alpha=0.0), Y), -0.6
    method.labels[:4] = torch.tensor([2, 2, 0, 1])
    smoothed = (1 - rate) * torch.eye(3).double() + rate / 3
    batch = make_batch(Y, rate=rate).replace(smoothed_classes=smoothed)
    labels = np.concatenate([[2, 2, 0, 1], Y[4:]])
    torch.testing.assert_close(method.prepare_batch(None, batch).target, smoothed[labels])


def test_selected_samples_are_mixed_with_selected_samples(set_up, make_batch):
    method = set_up(SSR(alpha=1.0), Y)
    method.kept[::2] = 0
    batch = make_batch(Y).replace(x=torch.eye(30).double())
    mixed = method.prepare_batch(None, batch)
    partners = mixed.x.clone().fill_diagonal_(0).sum(dim=0) > 0
    assert not partners[::2].any() and partners[1::2].any()
    torch.testing.assert_close(mixed.target, mixed.x @ batch.target)
    logits = rng.normal(size=(30, 3))
    losses = method.loss(torch.tensor(logits), mixed)
    expected = -(mixed.target.numpy() * log_softmax(logits, axis=1)).sum(axis=1)
    np.testing.assert_allclose(losses, expected)
    np.testing.assert_array_equal(method.sample_weights(losses, mixed), np.arange(30) % 2)


def test_only_samples_with_many_entries_are_mixed(set_up, make_batch):
    for n_columns, is_mixed in ((63, False), (64, True)):
        batch = make_batch(Y).replace(x=torch.tensor(rng.normal(size=(30, n_columns))))
        mixed = set_up(SSR(), Y).prepare_batch(None, batch)
        assert torch.equal(mixed.x, batch.x) != is_mixed


def test_without_any_selected_sample_the_mixture_is_finite(set_up, make_batch):
    method = set_up(SSR(alpha=1.0), Y)
    method.kept[:] = 0
    batch = make_batch(Y).replace(x=torch.eye(30).double())
    assert torch.isfinite(method.prepare_batch(None, batch).target).all()


def test_copies_do_not_vote_for_each_other(set_up, make_evaluation):
    # Each of the first ten samples of class 0 is a copy of one of class 1, all in one group.
    features, labels = FEATURES.copy(), Y.copy()
    features[:10], labels[:10] = features[1], 0
    labels[1], groups = 0, torch.arange(30)
    groups[:10] = 0
    for given, kept in ((None, 1), (groups, 0)):
        method = set_up(SSR(1.0, 1.0, 5, keep_agreeing=False), labels)
        evaluation = make_evaluation(labels, np.zeros((30, 3)), features=features)
        method.on_epoch_start(None, type(evaluation)(**{**vars(evaluation), "groups": given}))
        assert (method.kept[:10] == kept).all()


def test_rows_held_out_or_of_weight_zero_keep_their_labels():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier("ssr", max_epochs=4, early_stopping=True, random_state=0)
    method = clf.set_params(method__relabel_threshold=0.0).fit(X, y, weight).method_
    assert (method.labels[[3, 77]] == -1).all()
    assert (method.labels == -1).sum() == 2 + 15
    assert (method.kept[method.labels == -1] == 1).all()


def test_without_relabelling_selection_and_mixing_it_is_cross_entropy():
    params = {"max_epochs": 6, "batch_size": -1, "precision": "float64", "random_state": 0}
    off = {"relabel_threshold": 1.0, "select_threshold": 0.0, "alpha": 0.0}
    clf = NoisyLabelClassifier("ssr", warmup=0, **{f"method__{k}": v for k, v in off.items()})
    clf = clf.set_params(**params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("ssr", max_epochs=3, random_state=0).fit(X, y)
    state = clf.method_.state_dict()
    loaded = pickle.loads(pickle.dumps(clf)).method_.state_dict()
    assert set(loaded) == set(state) == {"kept", "labels"}
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="ssr") > ce_score + 0.1
