"""Transition matrices in training: estimates from scores, and the correction of predictions.

Entry (i, j) of a transition matrix is the probability that a sample of true class i is given
label j.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_count, check_square
from sknoisy.functional.losses import one_hot

__all__ = [
    "confident_counts",
    "confident_transition",
    "correct_log_predictions",
    "correct_predictions",
    "counts_to_transition",
    "ridge_class_scores",
    "trusted_transition",
]


def ridge_class_scores(features: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Predict the given labels from features by a ridge regression that cannot memorise them.

    The penalty is the mean eigenvalue of the weighted covariance. The scores reveal noisy labels
    that the network itself has memorised already, and are useful before it has learned much.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_features)
    target : Tensor of shape (n_samples, n_classes)
        Given labels as distributions.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_samples, n_classes)
        Rows sum to one; entries may be negative.

    Examples
    --------
    >>> import torch
    >>> features = torch.tensor([[-3.0], [-2.0], [-2.5], [2.0], [2.5], [3.0]])
    >>> y = torch.tensor([0, 0, 1, 1, 1, 0])
    >>> ridge_class_scores(features, torch.eye(2)[y], torch.ones(6)).argmax(dim=1)
    tensor([0, 0, 0, 1, 1, 1])
    """
    w = (weight / weight.sum()).unsqueeze(-1)
    centred, mean = features - (w * features).sum(dim=0), (w * target).sum(dim=0)
    gram = centred.T @ (w * centred)
    penalty = gram.diagonal().mean().clamp_min(1e-12) * torch.eye(len(gram)).to(gram)
    return mean + centred @ torch.linalg.solve(gram + penalty, centred.T @ (w * target))


def confident_transition(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Estimate a transition matrix from confident predictions.

    The threshold of a class is the average score of that class among the samples labelled with it.
    A sample is counted for the class with the highest score among those that reach their threshold.

    Parameters
    ----------
    scores : Tensor of shape (n_samples, n_classes)
        Probabilities or other scores, ideally of a model that has not memorised these labels.
    target : Tensor of shape (n_samples, n_classes)
        Given labels as distributions.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        A class without counted samples gets its row of the identity matrix.

    References
    ----------
    Northcutt et al., "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021,
    Eq. 1 to 3.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])
    >>> y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    >>> confident_transition(p, y, torch.ones(4))
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    given = target * weight.unsqueeze(-1)
    totals = given.sum(dim=0)
    # The threshold of a label that is never given is NaN, which no score reaches.
    confident = scores >= (given * scores).sum(dim=0) / totals
    predicted = torch.where(confident, scores, -torch.inf).argmax(dim=-1)
    is_counted = confident.any(dim=-1, keepdim=True)
    joint = given.T @ (one_hot(predicted, target.shape[-1], target.dtype) * is_counted)
    # Calibrate the counts of each given label to its weight (Eq. 3).
    return counts_to_transition(joint.T * (totals / joint.sum(dim=1).clamp_min(1e-12)))


def trusted_transition(scores: Tensor, target: Tensor, weight: Tensor, trusted: Tensor) -> Tensor:
    """Estimate the transition matrix of the labels of untrusted samples, using the trusted ones.

    An untrusted sample is counted for the class whose trusted samples have the nearest mean score.

    Parameters
    ----------
    scores : Tensor of shape (n_samples, n_classes)
        Scores of a model trained on the given labels.
    target : Tensor of shape (n_samples, n_classes)
        Given labels as distributions.
    weight : Tensor of shape (n_samples,)
    trusted : Tensor of shape (n_samples,), bool
        A class without trusted samples is represented by all samples labelled with it.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        A class without counted samples gets its row of the identity matrix.

    Examples
    --------
    More than half of the labels are swapped, which only the trusted samples can show:

    >>> import torch
    >>> p = torch.tensor([[0.3, 0.7], [0.7, 0.3], [0.3, 0.7], [0.3, 0.7], [0.7, 0.3], [0.7, 0.3]])
    >>> y = torch.tensor([0, 1, 1, 1, 0, 1])
    >>> trusted = torch.tensor([True, True, False, False, False, False])
    >>> trusted_transition(p, torch.eye(2)[y], torch.ones(6), trusted)
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    given = target * weight.unsqueeze(-1)
    clean, noisy = given * trusted.unsqueeze(-1), given * ~trusted.unsqueeze(-1)
    reference = torch.where(clean.sum(dim=0) > 0, clean, noisy)
    means = reference.T @ scores / reference.sum(dim=0).clamp_min(1e-12).unsqueeze(-1)
    nearest_class = torch.cdist(scores, means).argmin(dim=-1)
    return counts_to_transition(one_hot(nearest_class, target.shape[-1], target.dtype).T @ noisy)


def confident_counts(probs: Tensor, weight: Tensor) -> Tensor:
    """Sum the predictions for samples by their most likely class, weighted by confidence.

    The predictions estimate which labels are given to samples of each class. The confidence is the
    difference between the two largest probabilities.

    Parameters
    ----------
    probs : Tensor of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that was not trained on these samples.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Sum these over batches, then convert them with :func:`counts_to_transition`.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]])
    >>> confident_counts(p, torch.ones(3))
    tensor([[0.3750, 0.1250],
            [0.0000, 1.0000]])
    """
    predicted = one_hot(probs.argmax(dim=-1), probs.shape[-1], probs.dtype)
    confidence = probs.amax(dim=-1) - (probs * (1 - predicted)).amax(dim=-1)
    return predicted.T @ (probs * (weight * confidence).unsqueeze(-1))


def counts_to_transition(counts: Tensor) -> Tensor:
    """Normalise the rows of a count matrix to a transition matrix.

    Parameters
    ----------
    counts : Tensor of shape (n_classes, n_classes)
        Counts of given labels, one row per true class.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        A row without counts becomes the row of the identity matrix.

    Examples
    --------
    >>> import torch
    >>> counts_to_transition(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    tensor([[0.7500, 0.2500],
            [0.0000, 1.0000]])
    """
    check_square("counts_to_transition", "counts", counts)
    # Another device would have to be waited for.
    if counts.device.type == "cpu" and (counts < 0).any():
        raise ValueError(
            "The 'counts' parameter of counts_to_transition must be at least 0. Got "
            f"{float(counts.min()):g} instead."
        )
    total = counts.sum(dim=1, keepdim=True)
    return torch.where(
        total > 0, counts / total.clamp_min(1e-12), torch.eye(len(counts)).to(counts)
    )


def correct_predictions(probs: Tensor, transition: Tensor, n_iter: int = 4) -> Tensor:
    """Estimate probabilities of the true classes from probabilities of the given labels.

    Expectation maximisation, started from ``probs``, approximates the probabilities that the
    transition matrix maps to ``probs``. Unlike the inverse of the matrix it never leaves [0, 1]. If
    the matrix is informative, a few iterations almost converge. If noisy labels are about as likely
    as clean ones, a few iterations change little: a small error of the matrix would have a large
    effect there.

    Parameters
    ----------
    probs : Tensor of shape (n_samples, n_classes)
    transition : Tensor of shape (n_classes, n_classes)
        The identity matrix changes nothing; the matrix of symmetric noise does not change the most
        likely class.
    n_iter : int, default=4

    Returns
    -------
    Tensor of shape (n_samples, n_classes)

    References
    ----------
    Richardson, "Bayesian-Based Iterative Method of Image Restoration", JOSA 62, 1972; here the
    point-spread function is a transition matrix.

    Examples
    --------
    If 40 % of class 1 are labelled 0, equal probabilities indicate class 1:

    >>> import torch
    >>> T = torch.tensor([[1.0, 0.0], [0.4, 0.6]])
    >>> correct_predictions(torch.tensor([[0.5, 0.5]]), T).argmax(dim=1)
    tensor([1])
    """
    check_count("correct_predictions", "n_iter", n_iter, 0)
    check_square("correct_predictions", "transition", transition, probs.shape[-1])
    return correct_log_predictions(probs.log(), transition, n_iter).exp()


def correct_log_predictions(log_probs: Tensor, transition: Tensor, n_iter: int = 4) -> Tensor:
    """Correct predictions as :func:`correct_predictions` does, computed in logarithms.

    A class whose probability would round to 0 keeps a finite logarithm, so that confident
    predictions are still ranked.

    Parameters
    ----------
    log_probs : Tensor of shape (n_samples, n_classes)
        Logarithms of probabilities.
    transition : Tensor of shape (n_classes, n_classes)
    n_iter : int, default=4

    Returns
    -------
    Tensor of shape (n_samples, n_classes)

    Examples
    --------
    >>> import torch
    >>> log_probs = torch.tensor([[0.0, -2000.0]])
    >>> correct_log_predictions(log_probs, torch.tensor([[0.9, 0.1], [0.2, 0.8]])).isfinite()
    tensor([[True, True]])
    """
    check_count("correct_log_predictions", "n_iter", n_iter, 0)
    check_square("correct_log_predictions", "transition", transition, log_probs.shape[-1])
    corrected = log_probs
    for _ in range(n_iter):
        predicted = _log_matmul(corrected, transition)
        # A label that no class can have does not count.
        ratio = torch.where(predicted.isfinite(), log_probs - predicted, -torch.inf)
        updated = corrected + _log_matmul(ratio, transition.T)
        # Predictions that the matrix cannot explain are not changed.
        explained = updated.isfinite().any(dim=-1, keepdim=True)
        corrected = torch.where(explained, torch.log_softmax(updated, dim=-1), corrected)
    return corrected


# Above this number of classes, (n_samples, n_classes, n_classes) terms take too much memory.
_EXACT_CLASSES = 32


def _log_matmul(log_values: Tensor, matrix: Tensor) -> Tensor:
    """Compute ``log(exp(log_values) @ matrix)`` for (n_samples, n_classes) values."""
    log_matrix = matrix.log()
    if len(matrix) <= _EXACT_CLASSES:
        return torch.logsumexp(log_values.unsqueeze(-1) + log_matrix, dim=-2)
    largest = log_values.amax(dim=-1, keepdim=True).clamp_min(torch.finfo(matrix.dtype).min)
    product = ((log_values - largest).exp() @ matrix).log() + largest
    # Sums that underflow have at least the term on the diagonal.
    return torch.maximum(product, log_values + log_matrix.diagonal())
