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
from tests.views import linear_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(12) % 3
ROWS = rng.normal(size=(12, 2))
LABELS = np.eye(3)[Y]


def started(set_up, make_evaluation, trusted=None, weight=None, **params):
    net = linear_view(rng.normal(size=(2, 3)), ROWS, Y)
    method = set_up(MetaLabelNet(**params), Y, net=net)
    logits = net.logits(torch.tensor(ROWS))
    evaluation = make_evaluation(Y, logits, 1, weight, features=ROWS, trusted=trusted)
    method.on_epoch_start(net, evaluation)
    return net, method


def weight_of(net):
    return net.module.weight.detach().numpy().T


def layer_input(x):
    """Normalise features and append a one."""
    return np.pad(x / np.linalg.norm(x, axis=1, keepdims=True), [(0, 0), (0, 1)], constant_values=1)


def trusted_loss(labeller, weight, x, sample_weight, rows, trust, virtual_lr):
    """Loss of trusted rows after a step on KL(p, soft labels), for a linear network."""
    p = softmax(x @ weight, axis=1)
    log_label = log_softmax(layer_input(x) @ labeller, axis=1)
    divergence = (p * (np.log(p) - log_label)).sum(axis=1, keepdims=True)
    gradient = x.T @ (sample_weight[:, None] * p * (np.log(p) - log_label - divergence))
    log_p = log_softmax(ROWS[rows] @ (weight - virtual_lr * gradient), axis=1)
    return -(log_p * LABELS[rows]).sum(axis=1) @ trust / trust.sum()


@pytest.mark.parametrize("virtual_lr", [0.5, 3.0])
def test_label_layer_follows_the_gradient_of_the_loss_of_trusted_rows(
    set_up, make_evaluation, make_batch, virtual_lr
):
    # Algan and Ulusoy 2022: the gradient through the virtual step, by finite differences.
    rows, weight = [0, 4, 5, 8], torch.tensor(rng.uniform(1, 2, 12))
    net, method = started(set_up, make_evaluation, rows, weight, virtual_lr=virtual_lr)
    x, before = rng.normal(size=(7, 2)), method.labeller.clone()
    sample_weight = rng.dirichlet(np.ones(7))
    batch = make_batch(Y[:7], weight=torch.tensor(sample_weight)).replace(x=torch.tensor(x))
    soft_labels = method.prepare_batch(net, batch).target
    gradient, labeller = np.empty((3, 3)), before.numpy()
    given = weight_of(net), x, sample_weight, rows, weight[rows].numpy(), virtual_lr
    for entry in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[entry] = 1e-6
        up, down = (trusted_loss(labeller + sign * step, *given) for sign in (1, -1))
        gradient[entry] = (up - down) / 2e-6
    # The first moment of Adam starts as a tenth of the first gradient.
    np.testing.assert_allclose(10 * method.first_moment - 1e-4 * before, gradient, atol=1e-8)
    assert abs(gradient).max() > 1e-3
    outputs = layer_input(x) @ method.labeller.numpy()
    np.testing.assert_allclose(soft_labels, softmax(outputs, axis=1))


def test_loss_is_the_sum_of_divergence_and_entropy(set_up, make_batch):
    method = set_up(MetaLabelNet(), Y)
    Z, target = rng.normal(scale=3, size=(12, 3)), rng.dirichlet(np.ones(3), 12)
    p = softmax(Z, axis=1)
    expected = (rel_entr(p, target) + entr(p)).sum(axis=1)
    batch = make_batch(Y).replace(target=torch.tensor(target))
    np.testing.assert_allclose(method.loss(torch.tensor(Z), batch), expected)
    certain = batch.replace(target=torch.tensor(LABELS))
    assert torch.isfinite(method.loss(torch.tensor(1e4 * LABELS[::-1].copy()), certain)).all()


def test_label_layer_is_trained_by_adam(set_up):
    method = set_up(MetaLabelNet(), Y)
    expected = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([expected], lr=0.01, weight_decay=1e-4)
    for _ in range(5):
        expected.grad = torch.tensor(rng.normal(size=(3, 3)))
        method._adam_step(expected.grad, 0.01)
        adam.step()
    torch.testing.assert_close(method.labeller, expected.detach())


def test_trusted_rows_are_those_passed_to_fit(set_up, make_evaluation):
    weight = torch.arange(12, dtype=torch.float64)
    _, method = started(set_up, make_evaluation, [1, 5, 6], weight)
    assert torch.nonzero(method.trust).flatten().tolist() == [1, 5, 6]
    assert method.trust[[1, 5, 6]].tolist() == [1, 5, 6]
    assert method.trusted_labels.tolist() == LABELS[[1, 5, 6]].tolist()


@pytest.mark.parametrize("keep_agreeing", [False, True])
def test_without_trusted_rows_small_losses_of_each_class_are_trusted(
    set_up, make_evaluation, keep_agreeing
):
    params = {"trusted_fraction": 0.5, "keep_agreeing": keep_agreeing}
    net, method = started(set_up, make_evaluation, **params)
    agreeing = keep_agreeing & ((ROWS @ weight_of(net)).argmax(axis=1) == Y)
    losses = -log_softmax(ROWS @ weight_of(net), axis=1)[np.arange(12), Y]
    for label in range(3):
        members = np.flatnonzero(label == Y)
        smallest = members[np.argsort(losses[members])[:2]]
        expected = np.isin(members, smallest) | agreeing[members]
        np.testing.assert_allclose(method.trust[members], expected)
    assert agreeing.any() == keep_agreeing


def test_label_layer_is_first_fitted_to_trusted_rows(set_up, make_evaluation):
    _, method = started(set_up, make_evaluation, list(range(12)))
    labeller = method.labeller.numpy()
    soft_labels = softmax(layer_input(ROWS) @ labeller, axis=1)
    assert -np.log(soft_labels[np.arange(12), Y]).mean() < np.log(3)
    # Later evaluation passes do not change it.
    state = {k: v.clone() for k, v in method.state_dict().items()}
    net = linear_view(rng.normal(size=(2, 3)), ROWS, Y)
    method.on_epoch_start(net, make_evaluation(Y, np.zeros((12, 3)), 2, features=ROWS))
    assert all(torch.equal(state[k], v) for k, v in method.state_dict().items())


def test_frozen_weights_are_those_at_the_end_of_warm_up():
    params = {"max_epochs": 2, "lr": 0.01, "random_state": 0}
    warm = NoisyLabelClassifier("ce", **params).fit(X, y)
    clf = NoisyLabelClassifier("meta_label_net", warmup=2, **{**params, "max_epochs": 4}).fit(X, y)
    weights = torch.cat([p.detach().flatten() for p in warm.module_.parameters()])
    assert torch.equal(clf.method_.frozen_weights[: len(weights)], weights)


def test_given_labels_are_used_only_in_warm_up_and_of_trusted_rows():
    trusted = np.arange(150) % 5 == 0
    params = {"max_epochs": 4, "lr": 0.01, "batch_size": 50, "random_state": 0}
    other = np.where(trusted, y, rng.permutation(y))
    for warmup, is_equal in ((0, True), (1, False)):
        probs = [
            NoisyLabelClassifier("meta_label_net", warmup=warmup, **params)
            .fit(X, labels, trusted=trusted)
            .predict_proba(X)
            for labels in (y, other)
        ]
        assert np.array_equal(*probs) == is_equal


def test_warm_up_for_all_epochs_is_cross_entropy():
    params = {"max_epochs": 3, "random_state": 0}
    clf = NoisyLabelClassifier("meta_label_net", warmup=3, **params)
    clf.fit(X, y, trusted=np.arange(150) < 9)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), ce.predict_proba(X))


def test_training_can_continue_with_other_trusted_rows():
    first, later = np.arange(150) % 5 == 0, np.arange(150) % 5 == 1
    for before in (first, None):
        clf = NoisyLabelClassifier("meta_label_net", max_epochs=3, warmup=1, random_state=0)
        clf.fit(X, y, trusted=before).partial_fit(X, y, trusted=later)
        np.testing.assert_array_equal(clf.method_.trust > 0, later)
    kept = clf.partial_fit(X, y).method_.trust > 0
    np.testing.assert_array_equal(kept, later)


def test_state_is_pickled_and_not_cloned():
    trusted = np.arange(150) % 5 == 0
    clf = NoisyLabelClassifier("meta_label_net", max_epochs=3, warmup=1, random_state=0)
    clf.fit(X, y, trusted=trusted)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(np.flatnonzero(loaded.method_.trust), np.flatnonzero(trusted))
    for fitted in (clf, loaded):
        fitted.partial_fit(X, y, trusted=trusted)
    assert torch.equal(loaded.method_.labeller, clf.method_.labeller)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not clone(clf.method_).state_dict()
    assert not list(clf.method_.parameters())


@pytest.mark.slow
def test_beats_cross_entropy_where_some_labels_are_trusted():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
    rng = np.random.default_rng(0)
    trusted = np.arange(len(y)) < 0.1 * len(y)
    mislabelled = ~trusted & (rng.random(len(y)) < 0.7)
    noisy = np.where(mislabelled, (y + rng.integers(1, 10, len(y))) % 10, y)
    params = {"max_epochs": 30, "batch_size": 64, "lr": 0.003, "random_state": 0}
    clf = NoisyLabelClassifier("meta_label_net", **params).fit(X, noisy, trusted=trusted)
    ce = NoisyLabelClassifier("ce", **params).fit(X, noisy)
    assert clf.score(X_test, y_test) > ce.score(X_test, y_test) + 0.25


def test_beats_cross_entropy_without_trusted_rows(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="meta_label_net") > ce_score + 0.1
