import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknoisy._training.early_stopping import EarlyStopping
from sknoisy.methods import CrossEntropy
from tests.factories import short

X, y = load_iris(return_X_y=True)


def stopped_after(scores, patience, skipped=0):
    """The number of epochs until a single network stops."""
    stopping = EarlyStopping(patience)
    for epoch, score in enumerate(scores):
        stopping.update([score], epoch < skipped)
        if stopping.has_stopped[0]:
            return epoch + 1
    return None


@pytest.mark.parametrize(
    ("scores", "patience", "skipped", "epochs"),
    [
        ([0.5, 0.6, 0.6, 0.6], 2, 0, 4),
        ([0.5, 0.4, 0.6, 0.5, 0.5], 2, 0, 5),
        # Epochs of warm-up, and those with nothing to score yet, do not count.
        ([0.9, 0.9, 0.9, 0.1, 0.0, 0.0], 2, 3, 6),
        ([-np.inf] * 5 + [-3.0, -4.0], 1, 0, 7),
        # An epoch without a score is neither better nor worse.
        ([0.5, None, None, None, 0.4], 1, 0, 5),
        ([None, None, 0.5, None, 0.4, None, 0.3], 2, 0, 7),
        ([0.5, np.nan, np.nan], 2, 0, 3),
        ([0.5, 0.4, 0.3], None, 0, None),
    ],
)
def test_training_stops_after_epochs_without_a_better_score(scores, patience, skipped, epochs):
    assert stopped_after(scores, patience, skipped) == epochs


def test_members_are_followed_separately():
    stopping = EarlyStopping(2, n_members=3)
    rows = [[0.1, 0.5, 0.9], [0.2, 0.5, None], [0.3, 0.4, None], [0.3, 0.9, 0.8]]
    improved = [stopping.update(row).tolist() for row in rows]
    assert improved == [
        [True, True, True],
        [True, False, False],
        [True, False, False],
        [False, True, False],
    ]
    np.testing.assert_array_equal(stopping.best_score, [0.3, 0.9, 0.9])
    np.testing.assert_array_equal(stopping.has_stopped, [False, False, False])
    np.testing.assert_array_equal(stopping.n_epochs_without_gain, [1, 0, 1])


class ScoresSomeEpochs(CrossEntropy):
    """Scores the epochs of a list; None where the method cannot tell."""

    scores = (None, 0.2, None, 0.9, None, None, 0.5, None, 0.4)

    def epoch_score(self):
        self.n_scored = getattr(self, "n_scored", 0) + 1
        return dict(enumerate(self.scores, 1)).get(self.n_scored)


def test_a_method_may_leave_any_epoch_without_a_score():
    """This raised KeyError, as no row is held out for a method that scores epochs."""
    clf = short(ScoresSomeEpochs, max_epochs=20, n_iter_no_change=2)
    clf.fit(X, y)
    assert clf.n_iter_ == 9
    # The network of the fourth epoch, which scored best, was restored.
    four = short(max_epochs=4).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), four.predict_proba(X))


def test_a_method_that_never_scores_trains_to_the_end():
    class NeverScores(ScoresSomeEpochs):
        scores = ()

    clf = short(NeverScores, max_epochs=15, n_iter_no_change=2)
    assert clf.fit(X, y).n_iter_ == 15
