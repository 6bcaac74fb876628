"""The rate nearest to zero within one standard error of the best."""

import numpy as np
import pytest

from sknoisy import SmoothingSearchCV
from sknoisy.search import one_standard_error
from tests.search.helpers import (
    RATES,
    X,
    double,
    y,
)


def test_one_standard_error_chooses_the_rate_nearest_to_zero():
    scores = np.array([[0.8, 0.9], [0.82, 0.86], [0.7, 0.72], [0.84, 0.84]])
    results = {
        "param_clf__smoothing": np.ma.array([-4.0, -1.0, 0.0, 2.0]),
        "mean_test_score": scores.mean(axis=1),
        "std_test_score": scores.std(axis=1),
        "split0_test_score": scores[:, 0],
        "split1_test_score": scores[:, 1],
    }
    assert one_standard_error(results) == 1
    # The standard error of two folds is half of their difference, so the limit is 0.85 - 0.05.
    near = np.array([[0.8, 0.9], [0.78, 0.83], [0.7, 0.72], [0.84, 0.84]])
    results |= {"mean_test_score": near.mean(axis=1), "std_test_score": near.std(axis=1)}
    assert one_standard_error(results) == 1
    search = SmoothingSearchCV(double(), RATES, cv=3, refit=one_standard_error).fit(X, y)
    means, stds = (search.cv_results_[f"{name}_test_score"] for name in ("mean", "std"))
    limit = means.max() - stds[means.argmax()] / np.sqrt(2)
    good = [abs(rate) for rate, mean in zip(RATES, means, strict=True) if mean >= limit]
    assert abs(search.best_params_["smoothing"]) == min(good)
    with pytest.raises(ValueError, match="no parameter 'smoothing'"):
        one_standard_error({"param_lr": [1]})


def test_auto_is_chosen_if_no_rate_is_within_one_standard_error():
    rates = np.array([-4.0, "auto", 0.0], dtype=object)
    results = {"param_smoothing": rates, "split0_test_score": None, "split1_test_score": None}
    for mean, expected in (([0.8, 0.81, 0.6], 0), ([0.6, 0.81, 0.6], 1), ([0.6, 0.8, 0.8], 2)):
        scores = {"mean_test_score": mean, "std_test_score": [0.02] * 3}
        assert one_standard_error(results | scores) == expected


def test_one_standard_error_takes_one_of_several_scores():
    results = {"param_smoothing": [-1.0, 0.0]}
    for name, means in (("accuracy", [0.9, 0.5]), ("recall", [0.5, 0.9])):
        results |= {f"mean_test_{name}": means, f"std_test_{name}": [0.1, 0.1]}
        results |= {f"split{i}_test_{name}": means for i in range(5)}
    assert one_standard_error(results, metric="accuracy") == 0
    assert one_standard_error(results, metric="recall") == 1
    with pytest.raises(
        ValueError, match=r"'metric'.*\['accuracy', 'recall'\]. Got 'score' instead"
    ):
        one_standard_error(results)


def test_one_standard_error_uses_the_last_iteration_of_halving():
    results = {"param_smoothing": [0.0, -1.0, -2.0, -1.0, -2.0], "iter": [0, 0, 0, 1, 1]}
    results |= {"mean_test_score": [0.9, 0.9, 0.9, 0.7, 0.8], "std_test_score": [0.01] * 5}
    assert one_standard_error(results) == 4
