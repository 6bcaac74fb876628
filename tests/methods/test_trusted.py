"""The trusted samples of a method: those passed to ``fit``, or samples with small losses."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sknoisy.methods import L2RW
from sknoisy.methods._trusted import trusted_loss, update_trusted
from tests.views import linear_view

rng = np.random.default_rng(0)
Y = np.arange(12) % 3
ROWS = rng.normal(size=(12, 4))
WEIGHT = rng.normal(size=(4, 3))
LOSSES = -log_softmax(ROWS @ WEIGHT, axis=1)[np.arange(12), Y]


@pytest.fixture
def started(set_up, make_evaluation):
    net = linear_view(WEIGHT, ROWS, Y)
    method = set_up(L2RW(), Y, net=net)

    def update(trusted, weight=None, epoch=0, agreeing=False):
        logits = torch.tensor(ROWS @ WEIGHT)
        evaluation = make_evaluation(Y, logits, epoch, weight, trusted=trusted)
        update_trusted(method, net, evaluation, 0.25, agreeing)
        return method, net

    return update


def test_trusted_samples_count_by_their_weights(started):
    weight = torch.tensor(rng.random(12) + 0.5)
    method, net = started([2, 7, 8], weight)
    assert method.trusted_rows.tolist() == [2, 7, 8]
    torch.testing.assert_close(method.trusted_labels, torch.eye(3).double()[Y[[2, 7, 8]]])
    expected = np.average(LOSSES[[2, 7, 8]], weights=weight[[2, 7, 8]])
    np.testing.assert_allclose(trusted_loss(method, net, net.weights(), 5), expected)


def test_other_trusted_samples_replace_the_first(started):
    started([2, 7, 8])
    method, _ = started([1, 2], epoch=3)
    assert method.trust.nonzero().flatten().tolist() == [1, 2]


def test_samples_with_small_losses_are_selected_once(started):
    method, _ = started(None)
    expected = [min(np.flatnonzero(Y == label), key=lambda i: LOSSES[i]) for label in range(3)]
    assert method.trusted_rows.tolist() == sorted(expected)
    # A later pass has other weights, so other samples would be selected.
    method, _ = started(None, torch.tensor(rng.random(12)), epoch=1)
    assert method.trusted_rows.tolist() == sorted(expected)
    # Trusted samples that are passed when training continues replace them.
    method, _ = started([0, 3], epoch=2)
    assert method.trusted_rows.tolist() == [0, 3]


def test_at_most_so_many_are_drawn(started):
    method, net = started([2, 7, 8])
    drawn = {float(trusted_loss(method, net, net.weights(), 1)) for _ in range(30)}
    np.testing.assert_allclose(sorted(drawn), np.sort(LOSSES[[2, 7, 8]]))


def test_samples_whose_label_is_predicted_are_trusted_as_well(started):
    method, _ = started(None, agreeing=True)
    smallest = [min(np.flatnonzero(Y == label), key=lambda i: LOSSES[i]) for label in range(3)]
    agreeing = np.flatnonzero((ROWS @ WEIGHT).argmax(axis=1) == Y)
    assert method.trusted_rows.tolist() == sorted({*smallest, *agreeing})
    assert len(agreeing) > 0
