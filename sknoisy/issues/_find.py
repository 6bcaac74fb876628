"""Ranking of samples by the probability that their label is clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sknoisy._label_noise.information import are_informative
from sknoisy._label_noise.posterior import true_label_posterior
from sknoisy._predictions import Predictions, out_of_sample_predictions
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._validation.constraints import checked, did_you_mean
from sknoisy._validation.matrices import check_transition_matrix
from sknoisy._validation.user_warnings import warn_user
from sknoisy.functional import correct_predictions
from sknoisy.issues._undertrained import warn_if_undertrained

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_label_issues", "rank_by_quality"]

# Iterations of the correction. More are needed than in predictions, because probabilities are
# reported here, and not only the most likely class.
_N_ITER = 8

_UNINFORMATIVE = (
    "The predictions tell nothing about the labels: given them, labels are not significantly more "
    "likely than by the frequencies of the classes. So no label issues are returned, and 'n_wrong' "
    "is unknown (NaN). Use a model or features that predict the labels better than chance, or more "
    "samples, and check that probabilities are in the order of the samples."
)


@checked(return_all=["boolean"])
def find_label_issues(
    clf_or_proba: Any,
    y: Any,
    *,
    transition_matrix: Any = "auto",
    return_all: bool = False,
    classes: Any = None,
) -> pd.DataFrame:
    """Find samples that are probably mislabelled, and suggest labels.

    The result is the probability that each label is the true one, given out-of-sample predictions
    and the given label. Predictions need not be calibrated: they are calibrated on the given
    labels, together with the noise, as in label-noise robust logistic regression [1]_. The true
    class has probability proportional to ``exp(b[i]) * p[i] ** s``, with a sharpness s and a bias b
    of each class; and given label j instead of true label i has odds ``exp(a[i, j]) * p[j] ** d``.
    At d = 0, noise is class-conditional: labels that confident predictions do not explain are
    noise, and doubtful predictions are overlap of classes.

    Where classes overlap, there are about as many near ties (odds below 2 for the most likely
    class) as errors. If the calibrated predictions have significantly fewer, they are doubtful
    because hard samples are mislabelled more often, as by humans. Then s is raised until both
    numbers agree, and d is fitted. Of two classes that overlap everywhere, the noise rate cannot be
    known.

    If ``transition_matrix`` is known, Bayes' rule combines it with predictions that are calibrated
    for the given labels. With a classifier, the probability is averaged with ``label_quality_``,
    which is recorded during training and assumes none of this.

    If predictions are no better than the frequencies of the classes, they cannot tell which labels
    are wrong: no issues are returned, with a warning. A known ``transition_matrix`` is used anyway.

    Samples of several classes or of none are ranked as mislabelled too: inspect samples before
    changing their labels.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, OpinionPoolClassifier, Pipeline, search or array-like of \
shape (n_samples, n_classes)
        A classifier with the default method or an opinion pool, alone, at the end of a pipeline or
        in a search, fitted to these labels; its out-of-bag predictions are used. Or out-of-fold
        probabilities of the given labels from any model.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        Entry (i, j): the probability of given label j for true label i. "auto": the matrix that was
        passed to the classifier; otherwise noise is estimated from labels and predictions.
    return_all : bool, default=False
        Whether to return all samples instead of label issues only.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    DataFrame
        A row for each sample whose given label is not the most likely true label, in increasing
        order of quality, with the columns

        - ``given``: the label,
        - ``suggested``: the most likely true label,
        - ``quality``: quality of the given label, in [0, 1]: the probability that it is clean; with
          a classifier, the mean of this probability and ``label_quality_``,
        - ``confidence``: probability that the suggested label is the true label.

        If predictions tell nothing about the labels, these probabilities are unknown (NaN), and the
        quality is ``label_quality_`` or NaN.

        The index is the index of y, otherwise the index of the X that the classifier was fitted to,
        otherwise the positions of the samples. ``attrs["n_wrong"]`` is the expected number of
        mislabelled samples among all samples; it can differ from the number of rows. It is NaN if
        predictions tell nothing about the labels.
        ``attrs["n_contradicting"]`` is the number of samples whose features equal those of a sample
        with another label: some of these labels are wrong, or classes overlap. It is None for
        probabilities and for a Dataset that is read item by item.

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions or was fitted to other labels, or columns
        are named by the classes in another order.

    Warns
    -----
    UserWarning
        If the out-of-bag accuracy of the classifier still rose when its training ended, or labels
        are not more likely given the predictions than by the class frequencies, by two standard
        errors.

    References
    ----------
    .. [1] Bootkrajang and Kabán, "Label-Noise Robust Logistic Regression and Its Applications",
       ECML PKDD 2012; here log-probabilities are the features, with one exponent as in Guo et al.,
       "On Calibration of Modern Neural Networks", ICML 2017. d and the count of near ties are our
       own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.issues import find_label_issues
    >>> X, y = load_iris(return_X_y=True)
    >>> y[7] = 2
    >>> clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    >>> int(find_label_issues(clf, y).index[0])
    7
    """
    issues, row_names = rank_by_quality(clf_or_proba, y, transition_matrix, return_all, classes)
    if callable(getattr(clf_or_proba, "fit", None)):
        warn_if_undertrained(clf_or_proba)
    if row_names is not None:
        issues.index = row_names[issues.index.to_numpy()]
    return issues


def rank_by_quality(
    source: Any, y: Any, transition_matrix: Any, return_all: bool, classes: Any
) -> tuple[pd.DataFrame, Any]:
    """Rank samples as in :func:`find_label_issues`, but with positions in y as the index.

    The second value is the index of y or X, or None.
    """
    import pandas as pd

    predictions = out_of_sample_predictions(source, y, classes)
    codes, classes = predictions.codes, predictions.classes
    matrix = _resolve_matrix(transition_matrix, predictions)
    with default_torch_settings():
        if matrix is not None:
            posterior = _posterior_from_matrix(predictions, matrix)
        elif are_informative(codes, predictions.p):
            posterior = true_label_posterior(codes, predictions.p)
        else:
            warn_user(_UNINFORMATIVE)
            posterior = np.where(np.eye(len(classes), dtype=bool)[codes], np.nan, 0.0)
    if predictions.trusted is not None:
        is_given = np.eye(len(classes))[codes]
        posterior = np.where(predictions.trusted[:, None], is_given, posterior)
    clean_proba, suggested = posterior[np.arange(len(codes)), codes], posterior.argmax(axis=1)
    quality = clean_proba
    if predictions.label_quality is not None:
        quality = _mean_of_known(clean_proba, predictions.label_quality)
    table = pd.DataFrame(
        {
            "given": classes[codes],
            "suggested": classes[suggested],
            "quality": quality,
            "confidence": posterior.max(axis=1),
        },
        index=predictions.positions,
    )
    issues = table if return_all else table[suggested != codes]
    issues = issues.sort_values("quality", kind="stable")
    issues.attrs["n_wrong"] = float((1 - clean_proba).sum())
    issues.attrs["n_contradicting"] = predictions.n_contradicting
    return issues, predictions.row_names


def _mean_of_known(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Average two arrays; where one is NaN, return the other one."""
    first, second = (np.where(np.isnan(a), b, a) for a, b in ((first, second), (second, first)))
    return (first + second) / 2


def _resolve_matrix(transition_matrix: Any, predictions: Predictions) -> np.ndarray | None:
    """Check a given matrix; for "auto" return the matrix given to the classifier, or None."""
    if not isinstance(transition_matrix, str):
        k = len(predictions.classes)
        return check_transition_matrix(transition_matrix, k, "'auto' or ", predictions.classes)
    if transition_matrix != "auto":
        raise ValueError(
            "The 'transition_matrix' parameter of find_label_issues must be an array-like or the "
            f"str 'auto'. Got {transition_matrix!r} instead."
            f"{did_you_mean(transition_matrix, ['auto'])}"
        )
    return predictions.transition_matrix


def _posterior_from_matrix(predictions: Predictions, transition: np.ndarray) -> np.ndarray:
    """Combine predictions and a known matrix to the probability that each label is the true one."""
    p = torch.from_numpy(predictions.p)
    true = correct_predictions(p, torch.from_numpy(transition), _N_ITER).numpy()
    joint = true * transition.T[predictions.codes]
    total = joint.sum(axis=1, keepdims=True)
    # If model and matrix contradict each other, the model decides.
    return np.where(total > 0, joint / np.maximum(total, np.finfo(float).tiny), true)
