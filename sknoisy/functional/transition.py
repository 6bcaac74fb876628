"""Transition matrices in training: found in what networks say, which is corrected by them."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional.losses import one_hot

__all__ = [
    "class_scores",
    "confident_transition",
    "correct_predictions",
    "confident_counts",
    "counts_to_transition",
    "trusted_transition",
]


def class_scores(features: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Guess the given labels from features linearly, too roughly to learn any by heart.

    A ridge regression with a penalty of the size of the mean eigenvalue. Its guesses show wrong
    labels when the network itself already repeats them, and are of use before it has learned much.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_features)
    target : Tensor of shape (n_samples, n_classes)
        The given labels as distributions.
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
    >>> class_scores(features, torch.eye(2)[y], torch.ones(6)).argmax(dim=1)
    tensor([0, 0, 0, 1, 1, 1])
    """
    share = (weight / weight.sum()).unsqueeze(-1)
    centred, mean = features - (share * features).sum(dim=0), (share * target).sum(dim=0)
    gram = centred.T @ (share * centred)
    penalty = gram.diagonal().mean().clamp_min(1e-12) * torch.eye(len(gram)).to(gram)
    return mean + centred @ torch.linalg.solve(gram + penalty, centred.T @ (share * target))


def confident_transition(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Estimate from confident guesses how often each label was given for each true one.

    A sample is counted as one of the class with the highest score, among those where it scores at
    least as high as the average sample labelled so.

    Parameters
    ----------
    scores : Tensor of shape (n_samples, n_classes)
        Probabilities or others, best from a model that did not learn these labels by heart.
    target : Tensor of shape (n_samples, n_classes)
        The given labels as distributions.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true. A class that no sample
        was counted as keeps its label.

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
    # Where a label is never given the threshold is NaN, and nothing passes it.
    passing = scores >= (given * scores).sum(dim=0) / totals
    likeliest = torch.where(passing, scores, -torch.inf).argmax(dim=-1)
    counted = one_hot(likeliest, target.shape[-1], target.dtype) * passing.any(dim=-1, keepdim=True)
    joint = given.T @ counted
    # As many of each given label as there are, however many of them were counted.
    return counts_to_transition(joint.T * (totals / joint.sum(dim=1).clamp_min(1e-12)))


def trusted_transition(scores: Tensor, target: Tensor, weight: Tensor, trusted: Tensor) -> Tensor:
    """Estimate from samples whose labels are right how the labels of the others were changed.

    A sample is counted as one of the class whose trusted samples score most alike on average.

    Parameters
    ----------
    scores : Tensor of shape (n_samples, n_classes)
        What a model of the given labels says of each sample.
    target : Tensor of shape (n_samples, n_classes)
        The given labels as distributions.
    weight : Tensor of shape (n_samples,)
    trusted : Tensor of bool of shape (n_samples,)
        A class without trusted samples is represented by all that are labelled so.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true. A class that no sample
        was counted as keeps its label.

    Examples
    --------
    Half of the labels are the wrong way round, which only the trusted ones can tell:

    >>> import torch
    >>> p = torch.tensor([[0.3, 0.7], [0.7, 0.3], [0.3, 0.7], [0.3, 0.7], [0.7, 0.3], [0.7, 0.3]])
    >>> y = torch.tensor([0, 1, 1, 1, 0, 1])
    >>> trusted = torch.tensor([True, True, False, False, False, False])
    >>> trusted_transition(p, torch.eye(2)[y], torch.ones(6), trusted)
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    given = target * weight.unsqueeze(-1)
    right, rest = given * trusted.unsqueeze(-1), given * ~trusted.unsqueeze(-1)
    known = torch.where(right.sum(dim=0) > 0, right, rest)
    centre = known.T @ scores / known.sum(dim=0).clamp_min(1e-12).unsqueeze(-1)
    nearest_class = torch.cdist(scores, centre).argmin(dim=-1)
    return counts_to_transition(one_hot(nearest_class, target.shape[-1], target.dtype).T @ rest)


def confident_counts(p: Tensor, weight: Tensor) -> Tensor:
    """Count what is said of samples under the class each is likeliest of, the surest the most.

    Of a model that has not seen the labels of these samples, what it says of samples whose class is
    beyond doubt tells how that class was labelled. A sample counts by the lead of its likeliest
    class over the next.

    Parameters
    ----------
    p : Tensor of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that was not trained on these samples.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        To be added up over batches, and made a transition matrix by :func:`counts_to_transition`.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]])
    >>> confident_counts(p, torch.ones(3))
    tensor([[0.3750, 0.1250],
            [0.0000, 1.0000]])
    """
    likeliest = one_hot(p.argmax(dim=-1), p.shape[-1], p.dtype)
    lead = p.amax(dim=-1) - (p * (1 - likeliest)).amax(dim=-1)
    return likeliest.T @ (p * (weight * lead).unsqueeze(-1))


def counts_to_transition(counts: Tensor) -> Tensor:
    """Make counts of given labels, a row for each true one, a transition matrix.

    Parameters
    ----------
    counts : Tensor of shape (n_classes, n_classes)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Each row as shares of its sum; a row without counts is that of an untouched label.

    Examples
    --------
    >>> import torch
    >>> counts_to_transition(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    tensor([[0.7500, 0.2500],
            [0.0000, 1.0000]])
    """
    total = counts.sum(dim=1, keepdim=True)
    return torch.where(
        total > 0, counts / total.clamp_min(1e-12), torch.eye(len(counts)).to(counts)
    )


def correct_predictions(p: Tensor, transition: Tensor, n_iter: int = 4) -> Tensor:
    """Turn probabilities of the given labels into those of the true ones.

    Looks for the probabilities that the transition matrix turns into these, by expectation
    maximisation from these: where no probabilities fit, it comes near without leaving [0, 1], which
    the inverse of the matrix would. A few iterations go most of the way where the matrix says much,
    and change little where all labels are about as likely to be wrong as right, and a small error
    in the matrix would change all.

    Parameters
    ----------
    p : Tensor of shape (n_samples, n_classes)
    transition : Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true. The identity changes
        nothing, and symmetric noise not which class is the likeliest.
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
    Where two in five of class 1 were labelled 0, even odds speak for class 1:

    >>> import torch
    >>> T = torch.tensor([[1.0, 0.0], [0.4, 0.6]])
    >>> correct_predictions(torch.tensor([[0.5, 0.5]]), T).argmax(dim=1)
    tensor([1])
    """
    tiny = torch.finfo(p.dtype).tiny
    true = p
    for _ in range(n_iter):
        true = true * ((p / (true @ transition).clamp_min(tiny)) @ transition.T)
        true = true / true.sum(dim=-1, keepdim=True).clamp_min(tiny)
    return true
