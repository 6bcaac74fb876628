"""Ranking of samples by the probability that their label is clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sknoisy._validation.constraints import checked
from sknoisy.issues._posterior import LabelPosterior
from sknoisy.issues._undertrained import warn_if_undertrained

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_label_issues", "rank_by_quality"]


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
        A classifier with the default method or "bagging", or an opinion pool, alone, at the end of
        a pipeline or in a search, fitted to these labels; its out-of-bag predictions are used. Or
        out-of-fold probabilities of the given labels from any model.
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

    labels = LabelPosterior.of(source, y, transition_matrix, classes)
    codes, suggested = labels.codes, labels.suggested
    table = pd.DataFrame(
        {
            "given": labels.classes[codes],
            "suggested": labels.classes[suggested],
            "quality": labels.quality,
            "confidence": labels.proba.max(axis=1),
        },
        index=labels.predictions.positions,
    )
    issues = table if return_all else table[suggested != codes]
    issues = issues.sort_values("quality", kind="stable")
    issues.attrs["n_wrong"] = float((1 - labels.clean_proba).sum())
    issues.attrs["n_contradicting"] = labels.predictions.n_contradicting
    return issues, labels.predictions.row_names
