import warnings

import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.issues._undertrained import still_learning


@pytest.mark.parametrize(
    ("accuracies", "changed", "expected"),
    [
        ([0.5], float("nan"), True),
        ([0.5, 0.7], 0.3, True),
        ([0.80, 0.81], 0.1, False),
        ([0.9, 0.5, 0.7], 0.3, False),
        ([0.5, 0.9, 0.9], 0.0, False),
    ],
)
def test_significant_rise_in_the_last_epoch(accuracies, changed, expected):
    assert still_learning(accuracies, changed, 500) is expected


def test_an_undertrained_fit_is_reported_at_the_line_of_the_call():
    X, y = load_digits(return_X_y=True)
    clf = make_pipeline(StandardScaler(), NoisyLabelClassifier(max_epochs=1, random_state=0))
    with pytest.warns(UserWarning, match="after 1 epoch") as caught:
        find_label_issues(clf.fit(X[:500], y[:500]), y[:500])
    assert caught[0].filename == __file__


@pytest.mark.slow
def test_a_default_fit_is_not_reported():
    X, y = load_digits(return_X_y=True)
    clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_label_issues(clf, y)
