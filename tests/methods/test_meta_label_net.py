import pickle

import numpy as np
import pytest
import torch
from scipy.special import entr, log_softmax, rel_entr, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import MetaLabelNet

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(12) % 3
ROWS = rng.normal(size=(12, 2))
LABELS = np.eye(3)[Y]


class Linear:
    """A network of one layer on ``ROWS``, whose features are the columns of x."""

    n_features = 2

    def __init__(self):
        self.weight = torch.tensor(rng.normal(size=(2, 3)))

    def infer(self, x, weights=None):
        return x @ (self.weight if weights is None else weights.view(2, 3))

    def features(self, x, weights=None):
        return x

    def weights(self):
        return self.weight.flatten()

    def rows(self, index):
        return torch.tensor(ROWS)[index]

    def labels(self):
        return torch.tensor(LABELS)


def started(begin, make_scan, trusted=None, weight=None, **params):
    net = Linear()
    method = begin(MetaLabelNet(**params), Y, weights=net.weights, n_features=2)
    logits = net.infer(torch.tensor(ROWS))
    evaluation = make_scan(Y, logits, 1, weight, features=ROWS, trusted=trusted)
    method.on_epoch_start(net, evaluation)
    return net, method


def seen(x):
    """What the layer reads: features of length one, and a one."""
    return np.pad(x / np.linalg.norm(x, axis=1, keepdims=True), [(0, 0), (0, 1)], constant_values=1)


def trusted_loss(labeller, weight, x, share, rows, trust, virtual_lr):
    """What trusted rows cost after a step on KL(p, made labels), for a linear network."""
    p = softmax(x @ weight, axis=1)
    made = log_softmax(seen(x) @ labeller, axis=1)
    divergence = (p * (np.log(p) - made)).sum(axis=1, keepdims=True)
    slope = x.T @ (share[:, None] * p * (np.log(p) - made - divergence))
    log_p = log_softmax(ROWS[rows] @ (weight - virtual_lr * slope), axis=1)
    return -(log_p * LABELS[rows]).sum(axis=1) @ trust / trust.sum()


@pytest.mark.parametrize("virtual_lr", [0.5, 3.0])
def test_labels_follow_the_loss_of_trusted_rows(begin, make_scan, make_batch, virtual_lr):
    # Algan and Ulusoy 2022: the gradient through the virtual step, by finite differences.
    rows, weight = [0, 4, 5, 8], torch.tensor(rng.uniform(1, 2, 12))
    net, method = started(begin, make_scan, rows, weight, virtual_lr=virtual_lr)
    x, share, before = rng.normal(size=(7, 2)), rng.dirichlet(np.ones(7)), method.labeller.clone()
    batch = make_batch(Y[:7], weight=torch.tensor(share)).replace(x=torch.tensor(x))
    made = method.prepare_batch(net, batch).target
    slope, base = np.empty((3, 3)), before.numpy()
    given = net.weight.numpy(), x, share, rows, weight[rows].numpy(), virtual_lr
    for place in np.ndindex(3, 3):
        nudge = np.zeros((3, 3))
        nudge[place] = 1e-6
        up, down = (trusted_loss(base + s * nudge, *given) for s in (1, -1))
        slope[place] = (up - down) / 2e-6
    # The first average of Adam holds a tenth of the first slope.
    np.testing.assert_allclose(10 * method.drift - 1e-4 * before, slope, atol=1e-8)
    assert abs(slope).max() > 1e-3
    moved = seen(x) @ method.labeller.numpy()
    np.testing.assert_allclose(made, softmax(moved, axis=1))


def test_loss_is_divergence_and_entropy(begin, make_batch):
    method = begin(MetaLabelNet(), Y, weights=Linear().weights, n_features=2)
    Z, made = rng.normal(scale=3, size=(12, 3)), rng.dirichlet(np.ones(3), 12)
    p = softmax(Z, axis=1)
    expected = (rel_entr(p, made) + entr(p)).sum(axis=1)
    batch = make_batch(Y).replace(target=torch.tensor(made))
    np.testing.assert_allclose(method.loss(torch.tensor(Z), batch), expected)
    certain = batch.replace(target=torch.tensor(LABELS))
    assert torch.isfinite(method.loss(torch.tensor(1e4 * LABELS[::-1].copy()), certain)).all()


def test_labels_move_by_adam(begin):
    method = begin(MetaLabelNet(), Y, weights=Linear().weights, n_features=2)
    twin = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([twin], lr=0.01, weight_decay=1e-4)
    for _ in range(5):
        twin.grad = torch.tensor(rng.normal(size=(3, 3)))
        method._move(twin.grad, 0.01)
        adam.step()
    torch.testing.assert_close(method.labeller, twin.detach())


def test_trusted_rows_are_those_named(begin, make_scan):
    weight = torch.arange(12, dtype=torch.float64)
    _, method = started(begin, make_scan, [1, 5, 6], weight)
    assert torch.nonzero(method.trust).flatten().tolist() == [1, 5, 6]
    assert method.trust[[1, 5, 6]].tolist() == [1, 5, 6]
    assert method.answers.tolist() == LABELS[[1, 5, 6]].tolist()


def test_without_trusted_rows_the_most_believed_of_each_class_are(begin, make_scan):
    net, method = started(begin, make_scan, believed=0.5)
    paid = -log_softmax(ROWS @ net.weight.numpy(), axis=1)[np.arange(12), Y]
    for label in range(3):
        own = np.flatnonzero(label == Y)
        believed = own[np.argsort(paid[own])[:2]]
        np.testing.assert_allclose(method.trust[own], np.isin(own, believed))


def test_labels_begin_as_trusted_rows_have_them(begin, make_scan):
    _, method = started(begin, make_scan, list(range(12)))
    labeller = method.labeller.numpy()
    made = softmax(seen(ROWS) @ labeller, axis=1)
    assert -np.log(made[np.arange(12), Y]).mean() < np.log(3)
    # Later scans change nothing of it.
    net, state = Linear(), {k: v.clone() for k, v in method.state_dict().items()}
    method.on_epoch_start(net, make_scan(Y, np.zeros((12, 3)), 2, features=ROWS))
    assert all(torch.equal(state[k], v) for k, v in method.state_dict().items())


def test_encoder_is_the_network_as_warm_up_left_it():
    params = {"max_epochs": 2, "lr": 0.01, "random_state": 0}
    warm = NoisyLabelClassifier("ce", **params).fit(X, y)
    clf = NoisyLabelClassifier("meta_label_net", warmup=2, **{**params, "max_epochs": 4}).fit(X, y)
    left = torch.cat([p.detach().flatten() for p in warm.module_.parameters()])
    assert torch.equal(clf.method_.encoder[: len(left)], left)


def test_given_labels_count_only_in_warm_up_and_where_they_are_trusted():
    trusted = np.arange(150) % 5 == 0
    params = {"max_epochs": 4, "lr": 0.01, "batch_size": 50, "random_state": 0}
    other = np.where(trusted, y, rng.permutation(y))
    for warmup, same in ((0, True), (1, False)):
        fits = [
            NoisyLabelClassifier("meta_label_net", warmup=warmup, **params)
            .fit(X, labels, trusted=trusted)
            .predict_proba(X)
            for labels in (y, other)
        ]
        assert np.array_equal(*fits) == same


def test_warm_up_for_all_epochs_is_cross_entropy():
    params = {"max_epochs": 3, "random_state": 0}
    ours = NoisyLabelClassifier("meta_label_net", warmup=3, **params)
    ours.fit(X, y, trusted=np.arange(150) < 9)
    plain = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))


def test_training_goes_on_with_other_rows_trusted():
    first, later = np.arange(150) % 5 == 0, np.arange(150) % 5 == 1
    for before in (first, None):
        clf = NoisyLabelClassifier("meta_label_net", max_epochs=3, warmup=1, random_state=0)
        clf.fit(X, y, trusted=before).partial_fit(X, y, trusted=later)
        np.testing.assert_array_equal(clf.method_.trust > 0, later)
    kept = clf.partial_fit(X, y).method_.trust > 0
    np.testing.assert_array_equal(kept, later)


def test_state_survives_a_pickle_and_is_forgotten_by_clone():
    trusted = np.arange(150) % 5 == 0
    clf = NoisyLabelClassifier("meta_label_net", max_epochs=3, warmup=1, random_state=0)
    clf.fit(X, y, trusted=trusted)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(np.flatnonzero(again.method_.trust), np.flatnonzero(trusted))
    for each in (clf, again):
        each.partial_fit(X, y, trusted=trusted)
    assert torch.equal(again.method_.labeller, clf.method_.labeller)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert not clone(clf.method_).state_dict()
    assert not list(clf.method_.parameters())


def test_beats_cross_entropy_where_some_labels_are_trusted():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
    rng = np.random.default_rng(0)
    trusted = np.arange(len(y)) < 0.1 * len(y)
    wrong = ~trusted & (rng.random(len(y)) < 0.7)
    noisy = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    params = {"max_epochs": 30, "batch_size": 64, "lr": 0.003, "random_state": 0}
    ours = NoisyLabelClassifier("meta_label_net", **params).fit(X, noisy, trusted=trusted)
    plain = NoisyLabelClassifier("ce", **params).fit(X, noisy)
    assert ours.score(X_test, y_test) > plain.score(X_test, y_test) + 0.25


def test_beats_cross_entropy_without(score_on_noisy_digits, plain_score):
    assert score_on_noisy_digits(method="meta_label_net") > plain_score + 0.1
