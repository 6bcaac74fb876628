"""Weights of soft labels: rows count by how decided they are."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknoisy._training.training_set import TrainingSet
from sknoisy.methods import METHODS
from tests.factories import short

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype(np.float32)
y = X[:, :3].argmax(axis=1)
soft = 0.7 * np.eye(3)[y] + 0.1
undecided = rng.random(90) < 0.3


def weights(labels, sample_weight=None, **params):
    return TrainingSet.from_arrays(short(**params), X, labels, sample_weight).weight


def test_weights_grow_from_undecided_to_decided():
    top = np.linspace(1 / 3, 1, 90)
    labels = np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1)
    result = weights(labels)
    assert result[0] == 0 and result[-1] == 1
    assert (np.diff(result) > 0).all()
    np.testing.assert_allclose(result, np.sqrt((3 * top - 1) / 2), atol=1e-7)


def test_single_votes_count_as_hard_labels():
    assert_array_equal(weights(np.eye(3)[y]), weights(y))
    assert_array_equal(weights(y), np.ones(90))


def test_weights_multiply_sample_weights_and_precede_class_weights():
    labels = np.where(undecided[:, None], 1 / 3, np.eye(3)[y])
    given = rng.random(90)
    assert_array_equal(weights(labels, given), np.where(undecided, 0, given))
    balanced = weights(labels, class_weight="balanced")
    totals = [balanced[(y == k) & ~undecided].sum() for k in range(3)]
    np.testing.assert_allclose(totals, totals[0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_rounded_uniform_labels_are_undecided(dtype):
    labels = np.where(undecided[:, None], 1 / 3, soft).astype(dtype)
    assert_array_equal(weights(labels) == 0, undecided)


@pytest.mark.parametrize("method", [*METHODS])
def test_undecided_rows_are_left_out_of_training(method):
    """They counted as votes for the first class, or moved predictions to 1 / n_classes."""
    labels = np.where(undecided[:, None], 1 / 3, soft)
    others = np.where(undecided[:, None], np.eye(3)[(y + 1) % 3], soft)
    clf, expected = (short(method, max_epochs=3) for _ in range(2))
    clf.fit(X, labels)
    expected.fit(X, others, sample_weight=~undecided)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_undecided_labels_alone_are_refused():
    with pytest.raises(ValueError, match="soft label that is not uniform, 1 / n_classes for each"):
        short().fit(X, np.full((90, 3), 1 / 3))
    labels = pd.DataFrame(np.where(undecided[:, None], 1 / 3, soft), columns=[*"abc"])
    with pytest.raises(ValueError, match="in a row with a positive weight"):
        short().fit(X, labels, sample_weight=undecided)
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        short().fit(X, labels, sample_weight=np.zeros(90))
