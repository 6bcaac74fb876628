"""Pictures."""

import numpy as np

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.plots import (
    LabelQualityDisplay,
    LossDistributionDisplay,
    MemorizationDisplay,
    SmoothingCurveDisplay,
    TransitionMatrixDisplay,
)
from tests.corpus._cases import PROBA, Bad, X, fitted, y
from tests.corpus.search import RESULTS

RANGE = r"fractions in the range \[0, 1\]. Got"


def quality(*args, **params):
    return LabelQualityDisplay(*args, **params).plot()


def matrix(values, **params):
    return TransitionMatrixDisplay(values).plot(**params)


BAD = {
    "short quality": Bad(lambda: quality([0.5], [0, 1]), r"\[1, 2\] in quality, given"),
    "quality of 2": Bad(lambda: quality([2, 0.5], [0, 1]), f"'quality' .*{RANGE} 0.5 to 2"),
    "quality of NaN": Bad(lambda: quality([np.nan, 0.5], [0, 1]), "quality contains NaN"),
    "short suggestions": Bad(
        lambda: quality([0.5, 0.5], [0, 1], [1]), r"\[2, 2, 1\] in .*suggested"
    ),
    "other samples": Bad(
        lambda: quality([0.5, 0.5], [0, 1], [1, 0], X=np.ones((3, 2))), r"\[2, 2, 2, 3\] in .*X"
    ),
    "-1 samples": Bad(
        lambda: LabelQualityDisplay([0.5], [0]).plot(n_worst=-1), r"'n_worst' .*\[0, inf\). Got -1"
    ),
    "axes of text": Bad(
        lambda: LabelQualityDisplay([0.5], [0]).plot(ax="a"), "'ax' .* Axes .* Got 'a'", TypeError
    ),
    "quality of a number": Bad(
        lambda: LabelQualityDisplay.from_estimator(3, X, y),
        "takes a fitted model .* Got 3",
        TypeError,
    ),
    "quality before fit": Bad(
        lambda: LabelQualityDisplay.from_estimator(NoisyLabelClassifier(), X, y), "not fitted yet"
    ),
    "quality of short labels": Bad(
        lambda: LabelQualityDisplay.from_predictions(y, PROBA[:5]), r"\[60, 5\] in y, proba"
    ),
    "no loss": Bad(lambda: LossDistributionDisplay([]).plot(), r"losses must .* Got .* \(0,\)"),
    "losses of NaN": Bad(lambda: LossDistributionDisplay([np.nan]).plot(), "losses contains NaN"),
    "losses of text": Bad(
        lambda: LossDistributionDisplay(["a"]).plot(), r"'losses' .* Got \['a'\]"
    ),
    "table of losses": Bad(
        lambda: LossDistributionDisplay(np.ones((2, 2))).plot(), r"losses .*\(2, 2"
    ),
    "short mask": Bad(
        lambda: LossDistributionDisplay([0.5, 0.1], mislabelled=[True]).plot(),
        r"mislabelled must be .*\(2,\). Got .*\(1,\)",
    ),
    "1.5 bins": Bad(lambda: LossDistributionDisplay([0.5]).plot(bins=1.5), "'bins' .* Got 1.5"),
    "losses of rows of sum 2": Bad(
        lambda: LossDistributionDisplay.from_predictions(y, 2 * PROBA), "proba must .* Got row 0"
    ),
    "epochs of text": Bad(lambda: MemorizationDisplay("a").plot(), "'fit' parameter .* Got 'a'"),
    "fraction of 2": Bad(lambda: MemorizationDisplay([2.0]).plot(), f"'fit' .*{RANGE} 2 to 2"),
    "accuracy of -1": Bad(
        lambda: MemorizationDisplay([0.5], held_out=[-1.0]).plot(), f"'held_out' .*{RANGE} -1 to -1"
    ),
    "fewer epochs": Bad(
        lambda: MemorizationDisplay([0.5, 0.6], held_out=[0.1]).plot(), r"held_out .* 2 epochs. Got"
    ),
    "memorisation of a number": Bad(
        lambda: MemorizationDisplay.from_estimator(3), "needs a Noisy.* Got int", TypeError
    ),
    "predictions of one epoch": Bad(
        lambda: MemorizationDisplay.from_predictions(y, y), r"y_pred must .* Got \(60,\)"
    ),
    "predictions of other samples": Bad(
        lambda: MemorizationDisplay.from_predictions(y, np.zeros((3, 5))), r"y_pred .* Got \(3, 5\)"
    ),
    "fewer scores": Bad(
        lambda: SmoothingCurveDisplay([0, 1], [0.5]).plot(), r"\[2, 1\] in smoothing"
    ),
    "rate of NaN": Bad(
        lambda: SmoothingCurveDisplay([np.nan], [0.5]).plot(), "'smoothing' .* Got .nan"
    ),
    "no rate": Bad(lambda: SmoothingCurveDisplay([], []).plot(), r"'smoothing' .* one. Got \[\]"),
    "error of -1": Bad(
        lambda: SmoothingCurveDisplay([0], [0.5], score_error=[-1]).plot(),
        "'score_error' .* Got -1",
    ),
    "search before fit": Bad(
        lambda: SmoothingCurveDisplay.from_estimator(SmoothingSearchCV(fitted(), [0])), "not fitted"
    ),
    "results of a number": Bad(
        lambda: SmoothingCurveDisplay.from_cv_results(3), "'cv_results' .* Got 3", TypeError
    ),
    "unknown score": Bad(
        lambda: SmoothingCurveDisplay.from_cv_results(RESULTS, metric="x"), r"\['score'\]. Got 'x'"
    ),
    "matrix that is not square": Bad(
        lambda: matrix(np.ones((2, 3))), r"'transition_m.* Got .*\(2, 3"
    ),
    "negative matrix": Bad(
        lambda: matrix(-np.eye(2)), "'transition_matrix' .* Got row 0 .*minimum -1"
    ),
    "fewer names": Bad(
        lambda: TransitionMatrixDisplay(np.eye(2), display_labels=["a"]).plot(),
        "display_labels must have 2 entries. Got 1",
    ),
    "format": Bad(lambda: matrix(np.eye(2), values_format="no"), "'values_format' .* Got 'no'"),
    "colours": Bad(lambda: matrix(np.eye(2), cmap="no"), "'no' is not a valid value for cmap"),
    "matrix of cross-entropy": Bad(
        lambda: TransitionMatrixDisplay.from_estimator(fitted()),
        "CrossEntropy has no transition .*est",
    ),
    "matrix of a number": Bad(
        lambda: TransitionMatrixDisplay.from_estimator(3), "needs a Noisy.* Got int", TypeError
    ),
    "matrix of short labels": Bad(
        lambda: TransitionMatrixDisplay.from_predictions(y, y[:5]), r"\[60, 5\] in y, y_noisy"
    ),
    "matrix of fractions": Bad(
        lambda: TransitionMatrixDisplay.from_predictions(y, y + 0.5), "continuous. y_noisy .* Got"
    ),
}

GOOD = {
    "one sample": lambda: quality([0.5], [0]),
    "unknown row": lambda: matrix([[np.nan, np.nan], [0.2, 0.8]]),
    "one epoch": lambda: MemorizationDisplay([0.5]).plot(),
    "epochs without a score": lambda: MemorizationDisplay(
        [0.5, 0.6], held_out=[np.nan, 0.5]
    ).plot(),
    "one rate": lambda: SmoothingCurveDisplay([0], [0.5]).plot(),
}
