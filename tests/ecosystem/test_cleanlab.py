"""cleanlab both ways: its functions on our predictions, and ours on its classifier."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

from sknoisy import NoisyLabelClassifier, find_label_issues
from tests.factories import noisy_digits, short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]

X, y = noisy_digits(600, noise_rate=0.2)
_, clean = noisy_digits(600, noise_rate=0.0)


@pytest.fixture(scope="module")
def proba():
    forest = RandomForestClassifier(min_samples_leaf=3, random_state=0)
    return cross_val_predict(forest, X, y, cv=3, method="predict_proba")


def test_both_find_the_same_labels_in_the_same_predictions(proba):
    cleanlab = pytest.importorskip("cleanlab.filter")
    theirs = cleanlab.find_label_issues(y, proba, return_indices_ranked_by="self_confidence")
    ours = find_label_issues(proba, y).index[:50]
    assert np.mean(y[ours] != clean[ours]) > 0.8
    assert len(set(ours) & set(theirs[:100])) > 35


def test_our_classifier_inside_clean_learning():
    classification = pytest.importorskip("cleanlab.classification")
    learner = classification.CleanLearning(
        short(max_epochs=15, module__hidden=(64,)), cv_n_folds=3, seed=0
    )
    learner.fit(X, y)
    issues = learner.get_label_issues()
    worst = issues["label_quality"].to_numpy().argsort()[:50]
    assert np.mean(y[worst] != clean[worst]) > 0.8
    assert learner.score(X, clean) > 0.85


def test_our_out_of_bag_predictions_rank_for_cleanlab():
    rank = pytest.importorskip("cleanlab.rank")
    clf = NoisyLabelClassifier(random_state=0, max_epochs=10).fit(X, y)
    proba = clf.method_.oob_predictions[0].numpy()
    worst = rank.get_label_quality_scores(y, proba).argsort()[:50]
    assert np.mean(y[worst] != clean[worst]) > 0.9
