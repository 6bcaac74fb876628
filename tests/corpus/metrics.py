"""Scores on noisy labels, and label issues."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.metrics import (
    cores_score,
    issue_average_precision,
    issue_precision_at_k,
    make_noisy_scorer,
    noise_corrected_accuracy,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
    noise_corrected_log_loss,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.noise import symmetric
from tests.corpus._cases import PROBA, Bad, X, fitted, y

T = symmetric(3, 0.2)
MATRIX = "'transition_matrix' parameter must"
ROWS = "proba must have rows that are at least 0 and sum to 1. Got row 0 with minimum"


def accuracy(y_noisy=y, y_pred=y, matrix=T, **params):
    return noise_corrected_accuracy(y_noisy, y_pred, matrix, **params)


BAD = {
    "short predictions": Bad(lambda: accuracy(y_pred=y[:5]), r"\[60, 5\] in y_noisy, y_pred"),
    "matrix of 2 classes": Bad(
        lambda: accuracy(matrix=np.eye(2)), rf"{MATRIX} .*\(3, 3\).* Got one of shape \(2, 2\)"
    ),
    "matrix of ones": Bad(
        lambda: accuracy(matrix=np.ones((3, 3))), f"{MATRIX} .* Got row 0 .* sum 3"
    ),
    "matrix without inverse": Bad(
        lambda: accuracy(matrix=np.full((3, 3), 1 / 3)),
        f"{MATRIX} be invertible.* condition number",
    ),
    "matrix None": Bad(lambda: accuracy(matrix=None), f"{MATRIX} be an array .* Got None"),
    "confidence of 2": Bad(
        lambda: accuracy(confidence_level=2), r"'confidence_level' .*\(0, 1\). Got 2"
    ),
    "negative weights": Bad(
        lambda: accuracy(sample_weight=-np.ones(60)), "Negative .*`sample_weight`"
    ),
    "fractions": Bad(lambda: accuracy(y_pred=y + 0.5), "continuous. y_pred must .* Got .0.5, 1.5"),
    "text predicted": Bad(
        lambda: accuracy(y_pred=y.astype(str)), "all numbers|all hold numbers .* Got"
    ),
    "NaN": Bad(lambda: accuracy(np.where(y == 1, np.nan, y)), "y_noisy contains NaN: 20 of 60"),
    "empty": Bad(lambda: accuracy([], []), "y_noisy must contain at least one label. Got an empty"),
    "2 columns": Bad(
        lambda: noise_corrected_log_loss(y, PROBA[:, :2], T), r"2 columns, .* 3 classes: .* Pass"
    ),
    "negative": Bad(lambda: noise_corrected_log_loss(y, -PROBA, T), f"{ROWS} -0.8"),
    "1 dimension": Bad(
        lambda: noise_corrected_log_loss(y, y, T), r"proba must .* Got shape \(60,\)"
    ),
    "NaN probabilities": Bad(
        lambda: noise_corrected_brier_score(y, PROBA * np.nan, T), "proba contains NaN"
    ),
    "no bin": Bad(
        lambda: noise_corrected_calibration_error(y, PROBA, T, n_bins=0), r"'n_bins' .*\[1.* Got 0"
    ),
    "2.5 bins": Bad(
        lambda: noise_corrected_calibration_error(y, PROBA, T, n_bins=2.5), "'n_bins' .* Got 2.5"
    ),
    "beta of -1": Bad(lambda: cores_score(y, PROBA, beta=-1), r"'beta' .*\[0.0, inf\). Got -1"),
    "peers None": Bad(lambda: peer_accuracy(y, None), "y_pred must be .* Got None", TypeError),
    "no trusted": Bad(lambda: trusted_accuracy(y, y, None), "needs trusted .* Got trusted=None"),
    "trusted of no sample": Bad(
        lambda: trusted_accuracy(y, y, np.zeros(60, bool)), "trusted marks no sample"
    ),
    "trusted positions": Bad(
        lambda: trusted_accuracy(y, y, [0, 1]), "trusted must .* Got .* int64"
    ),
    "issues of numbers": Bad(
        lambda: issue_average_precision(y, PROBA[:, 0]), "mislabelled must be a boolean mask"
    ),
    "quality of NaN": Bad(
        lambda: issue_average_precision(y == 1, PROBA[:, 0] * np.nan), "label_quality contains NaN"
    ),
    "short quality": Bad(
        lambda: issue_average_precision(y == 1, PROBA[:5, 0]), r"\[60, 5\] in mislabelled, label_qu"
    ),
    "k of 100": Bad(
        lambda: issue_precision_at_k(y == 1, PROBA[:, 0], 100),
        r"'k' parameter .*\[1, 60\]. Got 100",
    ),
    "k of 0": Bad(lambda: issue_precision_at_k(y == 1, PROBA[:, 0], 0), "'k' parameter .* Got 0"),
    "unknown scorer": Bad(lambda: make_noisy_scorer("x"), r"'metric' .* among \['cores.* Got 'x'"),
    "scorer of a number": Bad(lambda: make_noisy_scorer(3), "'metric' .* must be .* Got 3"),
    "scorer without matrix": Bad(
        lambda: make_noisy_scorer("noise_corrected_accuracy"), "needs a 'transition_matrix'"
    ),
    "scorer with a matrix": Bad(
        lambda: make_noisy_scorer("peer_accuracy", transition_matrix=T),
        "takes no 'transition_matrix'",
    ),
    "matrix of text": Bad(
        lambda: make_noisy_scorer("noise_corrected_accuracy", transition_matrix="a")(
            fitted(), X, y
        ),
        f"{MATRIX} be an array of numbers .* Got 'a'",
    ),
    "scorer of no estimator": Bad(
        lambda: make_noisy_scorer("peer_accuracy")(3, X, y), "3 is not an estimator", TypeError
    ),
    "scorer before fit": Bad(
        lambda: make_noisy_scorer("peer_accuracy")(NoisyLabelClassifier(), X, y),
        "is not fitted yet",
    ),
    "issues of rows of sum 2": Bad(
        lambda: find_label_issues(2 * PROBA, y), f"{ROWS} 0.2 and sum 2"
    ),
    "issues of short labels": Bad(
        lambda: find_label_issues(PROBA, y[:3]), r"\[3, 60\] in y, proba"
    ),
    "issues of None": Bad(lambda: find_label_issues(PROBA, None), "y must be .* None", TypeError),
    "issues of fractions": Bad(
        lambda: find_label_issues(PROBA, y + 0.5), "continuous. y must .* 0.5"
    ),
    "issues of another matrix": Bad(
        lambda: find_label_issues(PROBA, y, transition_matrix=np.eye(2)), rf"{MATRIX} .*\(2, 2\)"
    ),
    "issues of 4 classes": Bad(
        lambda: find_label_issues(PROBA, y, classes=[0, 1, 2, 3]), "3 columns, .* 4 classes"
    ),
    "issues of a number": Bad(
        lambda: find_label_issues(3, y), "takes a fitted .* Got 3", TypeError
    ),
    "issues of another classifier": Bad(
        lambda: find_label_issues(LogisticRegression().fit(X, y), y), "no out-of-sample", TypeError
    ),
    "issues before fit": Bad(
        lambda: find_label_issues(NoisyLabelClassifier(), y), "not fitted yet"
    ),
    "issues of training predictions": Bad(
        lambda: find_label_issues(fitted(), y),
        "CrossEntropy has no out-of-sample predictions. Pass",
    ),
}

GOOD = {
    "lists": lambda: accuracy(y.tolist(), y.tolist(), T.tolist()),
    "weights": lambda: accuracy(sample_weight=np.arange(60)),
    "one bin": lambda: noise_corrected_calibration_error(y, PROBA, T, n_bins=1),
    "text": lambda: peer_accuracy(np.array(["a", "b"])[y % 2], np.array(["a", "b"])[y % 2]),
    "issues": lambda: find_label_issues(PROBA, y),
}
