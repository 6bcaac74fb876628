import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import PENCIL

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def reference(Z, S, target, lr, compatibility, entropy):
    """Yi and Wu 2019, Eq. 3 to 9, of one sample: losses of the network, and the step of labels."""
    n_classes = Z.shape[1]
    p, log_p, log_label = softmax(Z, axis=1), log_softmax(Z, axis=1), log_softmax(S, axis=1)
    classification = (p * (log_p - log_label)).sum(axis=1)
    losses = (classification - entropy * (p * log_p).sum(axis=1)) / n_classes
    s = torch.tensor(S, requires_grad=True)
    log_q = torch.log_softmax(s, -1)
    label_losses = -(torch.tensor(p) * log_q).sum(-1) / n_classes
    label_losses = label_losses - compatibility * (torch.tensor(target) * log_q).sum(-1)
    label_losses.sum().backward()
    return losses, S - lr / 128 * s.grad.numpy()


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize(
    "params",
    [(600.0, 0.4, 0.1), (180.0, 0.0, 0.0), (0.0, 0.4, 1.0), ("auto", "auto", 0.1)],
    ids=str,
)
def test_equation(set_up, make_batch, params, rate):
    method = set_up(PENCIL(*params, label_epochs=10), Y)
    lr, compatibility, entropy = params
    lr, compatibility = (60, 0.5 / 3) if lr == "auto" else (lr, compatibility)
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    S = 10 * target
    for epoch in range(4):
        Z = rng.normal(scale=3, size=(7, 3))
        expected, S = reference(Z, S, target, lr, compatibility, entropy)
        losses = method.loss(torch.tensor(Z), make_batch(Y, rate=rate, epoch=epoch))
        np.testing.assert_allclose(losses, expected, rtol=1e-6)
        np.testing.assert_allclose(method.label_logits, S, rtol=1e-6)


def test_labels_are_fixed_after_their_epochs(set_up, make_batch):
    method = set_up(PENCIL(label_epochs=1), Y)
    Z = torch.tensor(rng.normal(scale=3, size=(7, 3)))
    method.loss(Z, make_batch(Y))
    S = method.label_logits.numpy().copy()
    losses = method.loss(Z, make_batch(Y, epoch=1))
    np.testing.assert_array_equal(method.label_logits, S)
    # Without the entropy, as in the third stage of the paper.
    np.testing.assert_allclose(losses, reference(Z.numpy(), S, np.eye(3)[Y], 0, 0, 0)[0])


@pytest.mark.parametrize(("compatibility", "flips"), [("auto", True), (0.2, True), (0.5, False)])
def test_label_ends_between_prediction_and_given_label(set_up, make_batch, compatibility, flips):
    # Eq. 3 and 5: (q - p) / K + compatibility (q - given) = 0.
    method = set_up(PENCIL(400.0, compatibility, label_epochs=2000), Y)
    p = np.array([[0.1, 0.1, 0.8]] * 7)
    for epoch in range(1500):
        method.loss(torch.tensor(np.log(p)), make_batch(Y, epoch=epoch))
    weight = 0.5 if compatibility == "auto" else 3 * compatibility
    expected = (p + weight * np.eye(3)[Y]) / (1 + weight)
    label = softmax(method.label_logits.numpy(), axis=1)
    np.testing.assert_allclose(label, expected, atol=1e-3)
    assert (label[Y == 0].argmax(axis=1) == 2).all() == flips


def test_with_fixed_labels_and_entropy_one_it_is_the_mean_absolute_error(set_up, make_batch):
    z = torch.tensor(rng.normal(size=(7, 3)), requires_grad=True)
    set_up(PENCIL(label_lr=0, entropy=1.0), Y).loss(z, make_batch(Y)).sum().backward()
    pencil_grad, z.grad = z.grad, None
    (10 / 3 * (1 - torch.softmax(z, -1)[range(7), Y])).sum().backward()
    torch.testing.assert_close(pencil_grad, z.grad)


def test_only_rows_of_the_batch_are_updated(set_up, make_batch):
    method = set_up(PENCIL(), np.zeros(10, dtype=int))
    method.loss(torch.tensor(rng.normal(size=(3, 3))), make_batch([0, 0, 0], index=[7, 2, 4]))
    updated = method.label_logits[:, 0] != 10
    assert torch.nonzero(updated).flatten().tolist() == [2, 4, 7]


def test_soft_labels_are_the_first_labels(set_up, make_batch):
    method, soft = set_up(PENCIL(label_lr=0), Y), torch.tensor(rng.dirichlet(np.ones(3), size=7))
    method.loss(torch.tensor(rng.normal(size=(7, 3))), make_batch(Y).replace(target=soft))
    torch.testing.assert_close(method.label_logits, 10 * soft)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_huge_logits_have_a_finite_loss_and_gradient(set_up, make_batch, rate):
    method = set_up(PENCIL(), Y)
    z = torch.tensor(1e4 * rng.normal(size=(7, 3)), requires_grad=True)
    for epoch in range(3):
        losses = method.loss(z, make_batch(Y, rate=rate, epoch=epoch))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()
    assert torch.isfinite(method.label_logits).all() and not method.label_logits.requires_grad


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("pencil", max_epochs=3, random_state=0).fit(X, y)
    assert set(clf.method_.state_dict()) == {"label_logits"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.label_logits, clf.method_.label_logits)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="pencil") > ce_score + 0.1
