"""What a fit found of the noise in its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sknoisy._label_noise.estimators import (
    NoiseRate,
    most_confident,
    most_confident_quarter,
    noise_rate,
    noise_rate_from_transition,
    resampled,
    wilson,
)
from sknoisy.functional import smoothing_rate_for_noise

__all__ = ["Confusion", "NoiseReport"]


# Bounds the time of an estimate; an interval of this many samples is narrow enough.
MOST_SAMPLES = 5000


_RESAMPLES = 100


# Standard errors by which a share is rather taken too low.
_CAUTION = 2.0


def some_of(n_samples: int) -> np.ndarray:
    """Choose the samples to look at where there are many: always the same."""
    return np.random.RandomState(0).permutation(n_samples)[:MOST_SAMPLES]


def _from_both(codes: np.ndarray, p: np.ndarray, rng: np.random.RandomState) -> NoiseRate:
    """The rate by which smoothing is chosen, and an interval that holds what labels alone say too.

    Of few samples neighbours are far, and where classes overlap they are of another class: p is
    then less sure than the labels of the samples themselves.
    """
    low, high = np.quantile(
        resampled(codes, p, most_confident_quarter, rng, _RESAMPLES), [0.025, 0.975]
    )
    rate = (
        noise_rate_from_transition(most_confident_quarter(codes, p), codes) if low > 0.01 else 0.0
    )
    alone = noise_rate(codes, p, most_confident, rng, n_resamples=_RESAMPLES // 2)
    ends = (rate, alone.low, alone.high, *((low, high) if rate else (high,)))
    return NoiseRate(rate, float(min(ends)), float(max(ends)))


class Confusion(NamedTuple):
    """One label given for another.

    Attributes
    ----------
    true, given : label
    probability : float
        That ``given`` is given where ``true`` is true.
    """

    true: object
    given: object
    probability: float


@dataclass(frozen=True, eq=False)
class NoiseReport:
    """What a fit found of the noise in its labels.

    Attributes
    ----------
    rate : float
        Share of wrong labels; 0 where none were found. Classes that overlap even for the surest
        samples look like wrong labels, and so does what few neighbours cannot tell.
    low, high : float
        Ends of its 95 % interval, over samples drawn anew. It does not know of a bias of the model.
        By neighbours it reaches to what the labels of the surest samples say alone: from 0 where
        these may all be right.
    transition_matrix : ndarray of shape (n_classes, n_classes)
        Row i holds the probabilities of the given labels where label i is true.
    classes : ndarray of shape (n_classes,)
        What rows and columns stand for.
    smoothing : float
        The rate of smoothing in use.
    evidence : {"out of bag", "neighbours"}
        Whose word it is: that of networks about samples they were not trained on, or that of the
        labels of the nearest samples, in the features of a network that had not learned them. For
        that, half of the samples are left out of warm-up.
    n_samples : int
        How many samples were looked at.
    unexplained : float
        Share of labels, when warm-up ended, that are not the likeliest by their neighbours: wrong
        ones, and those of classes that overlap. Two standard errors below what was counted.
    memorized : float
        How much lower the cross-entropy was then of labels that warm-up trained on than of those it
        left out, in nats. From these two follows the rate of smoothing.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y = corrupt_labels(y, 0.3, exact=True, random_state=0)
    >>> clf = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, y)
    >>> report = clf.noise_report_
    >>> report.evidence, bool(report.rate > 0.1), bool(report.smoothing < -1)
    ('neighbours', True, True)
    """

    rate: float
    low: float
    high: float
    transition_matrix: np.ndarray = field(repr=False)
    classes: np.ndarray = field(repr=False)
    smoothing: float
    evidence: str
    n_samples: int
    unexplained: float
    memorized: float

    @classmethod
    def of(
        cls,
        codes: np.ndarray,
        p: np.ndarray,
        evidence: str,
        memorized: float = 0.0,
        labels_alone: bool = False,
    ) -> NoiseReport:
        """Judge codes of labels by what is said of samples without looking at their own.

        With ``labels_alone`` p only ranks the samples.
        """
        if len(codes) > MOST_SAMPLES:
            some = some_of(len(codes))
            codes, p = codes[some], p[some]
        # The same in every run, whatever else draws random numbers.
        rng = np.random.RandomState(0)
        if labels_alone:
            found = noise_rate(codes, p, most_confident, rng, n_resamples=_RESAMPLES)
            matrix = most_confident(codes, p)
        else:
            found, matrix = _from_both(codes, p, rng), most_confident_quarter(codes, p)
        k = p.shape[1]
        missed = float(np.mean(p.argmax(axis=1) != codes))
        missed = max(float(wilson(missed, len(codes), _CAUTION)[0]), 0.0)
        rate = smoothing_rate_for_noise(missed, k, memorized)
        return cls(*found, matrix, np.arange(k), rate, evidence, len(codes), missed, memorized)

    def confusions(self, min_probability: float = 0.05) -> list[Confusion]:
        """Labels given for others with at least this probability, the likeliest first."""
        off = np.where(np.eye(len(self.classes), dtype=bool), 0.0, self.transition_matrix)
        order = np.dstack(np.unravel_index(np.argsort(-off, axis=None, kind="stable"), off.shape))
        return [
            Confusion(self.classes[i], self.classes[j], float(off[i, j]))
            for i, j in order[0]
            if off[i, j] >= min_probability
        ]

    def __str__(self) -> str:
        basis = f"({self.n_samples} samples, {self.evidence})"
        if self.rate > 0:
            span = f"{self.low:.0%} to {self.high:.0%}"
            said = f"About {self.rate:.0%} of the labels look wrong, {span} {basis}."
            most = [f"{c.given} for {c.true} {c.probability:.0%}" for c in self.confusions()[:3]]
            said += f" Most often: {', '.join(most)}." if most else ""
            said += " Classes that overlap look so too, the more the fewer samples there are."
        else:
            said = f"No wrong labels found; up to about {max(self.high, 0.01):.0%} may be {basis}."
        return f"{said} Smoothing: {self.smoothing:.3g}.".replace("%", " %")
