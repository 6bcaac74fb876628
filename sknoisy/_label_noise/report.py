"""Report on the label noise that ``fit`` detected."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from html import escape
from math import ceil, sqrt
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sknoisy._label_noise.confusions import Confusion, find_confusions
from sknoisy._label_noise.estimators import (
    NoiseRate,
    bootstrap_noise_rates,
    noise_rate,
    noise_rate_from_transition,
)
from sknoisy._label_noise.most_confident import (
    most_confident,
    most_confident_counts,
    most_confident_of_ranked,
    most_confident_quarter,
    most_likely,
    wilson_interval,
)
from sknoisy._validation.constraints import checked
from sknoisy.functional import smoothing_rate_for_noise

__all__ = ["MAX_SAMPLES", "NoiseReport", "subsample"]

# Limits the time of an estimate; the interval from this many samples is narrow enough.
MAX_SAMPLES = 5000

_N_RESAMPLES = 100

# With fewer samples a report says so instead of a rate: few samples have neighbours of their class.
_MIN_SAMPLES, _MIN_SAMPLES_PER_CLASS = 20, 10

# Number of confusions that are printed.
_N_PRINTED = 3

_COMPARED_WITH = {"out-of-bag": "out-of-bag predictions", "neighbours": "their neighbours"}

# The disagreement is a lower bound, this many standard errors below the observed fraction, because
# an estimate that is too high does more harm than one that is too low.
_Z_SCORE = 2.0


def subsample(n_samples: int) -> np.ndarray:
    """Draw at most MAX_SAMPLES positions, the same ones in every run."""
    return np.random.RandomState(0).permutation(n_samples)[:MAX_SAMPLES]


def _noise_rate_from_neighbors(
    codes: np.ndarray, p: np.ndarray, rng: np.random.RandomState, groups: np.ndarray | None
) -> NoiseRate:
    """Estimate the noise rate from labels and the labels of neighbours, with an interval.

    If there are few samples or classes overlap, many neighbours are of another class, and p is less
    confident than it should be. So the interval includes the interval from labels alone.
    """
    resampled = bootstrap_noise_rates(codes, p, most_confident_quarter, rng, _N_RESAMPLES, groups)
    low, high = np.quantile(resampled, [0.025, 0.975])
    rate = (
        noise_rate_from_transition(most_confident_quarter(codes, p), codes) if low > 0.01 else 0.0
    )
    labels_only = _noise_rate_from_labels(codes, p, rng, groups, _N_RESAMPLES // 2)
    ends = (rate, labels_only.low, labels_only.high, *((low, high) if rate else (high,)))
    return NoiseRate(rate, float(min(ends)), float(max(ends)))


def _noise_rate_from_labels(
    codes: np.ndarray,
    p: np.ndarray,
    rng: np.random.RandomState,
    groups: np.ndarray | None,
    n_resamples: int,
) -> NoiseRate:
    """Estimate the noise rate from the labels of the most confident samples."""
    estimate = partial(most_confident_of_ranked, n_classes=p.shape[1], **_evidence(groups))
    ranked = most_likely(p)
    return noise_rate(codes, ranked, estimate, rng, n_resamples=n_resamples, groups=groups)


def _evidence(groups: np.ndarray | None) -> dict[str, Any]:
    """Return parameters of :func:`most_confident` for groups that count as one sample each."""
    if groups is None:
        return {}
    size = len(groups) / len(np.unique(groups))
    return {"min_samples": ceil(10 * size), "z_score": 4.0 * sqrt(size)}


@dataclass(frozen=True, eq=False)
class NoiseReport:
    """Label noise that ``fit`` detected.

    Attributes
    ----------
    rate : float
        Estimated fraction of mislabelled samples among those that are not trusted; 0 if no noise is
        detected. It is too high if even the most confident samples lie where classes overlap, or if
        classes have few samples.
    low, high : float
        Bounds of the 95 % bootstrap interval of the rate, which does not account for bias of the
        model. Samples of one group, or with equal features, are drawn together. If the evidence is
        neighbours, it includes the interval from the labels of the most confident samples alone,
        which starts at 0 if all these labels may be clean.
    transition_matrix : ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true label i. It is the matrix passed to
        the method, if there is one; all other attributes are estimated nevertheless.
    counts : ndarray of shape (n_classes, n_classes)
        Entry (i, j): how many of the most confident samples of class i have the label j; the
        evidence of :meth:`confusions`.
    classes : ndarray of shape (n_classes,)
        The classes of rows and columns.
    smoothing : float or ndarray of shape (n_classes,)
        The smoothing rate in use. A rate chosen by "auto" is 0 if samples are too few to estimate
        a noise rate, and not below minus ``n_samples``, because few samples do not show how much a
        network memorises.
    evidence : {"out-of-bag", "neighbours"}
        What the labels were compared with: predictions of networks that were not trained on these
        samples, or the labels of the nearest neighbours in the features of a network that was not
        trained on these samples. For neighbours, half of the samples are left out of warm-up.
    n_samples : int
        Number of samples compared, over which the rate is computed: at most 5000 of those whose
        labels are decided and not trusted.
    disagreement : float
        Fraction of labels that disagree with the majority of their neighbours at the end of
        warm-up, minus two standard errors. These are labels of mislabelled samples and of samples
        where classes overlap. It determines the smoothing rate, together with ``memorized``.
        Without ``smoothing="auto"``: fraction of labels that disagree with the predictions.
    memorized : float
        Cross-entropy on samples left out of warm-up minus cross-entropy on samples used in it, at
        the end of warm-up, in nats; 0 without ``smoothing="auto"``.
    n_contradicting : int or None, default=None
        Number of training samples whose features equal those of a sample with another label: some
        of these labels are wrong, or classes overlap. None: unknown, as for a Dataset that is read
        item by item.
    n_trusted : int, default=0
        Number of trusted samples, whose labels are known to be clean. They are not compared, unless
        all are trusted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y = corrupt_labels(y, 0.3, exact=True, random_state=0)
    >>> clf = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, y)
    >>> report = clf.noise_report_
    >>> report.evidence, bool(report.rate > 0.1), bool(report.smoothing < 0)
    ('neighbours', True, True)
    """

    rate: float
    low: float
    high: float
    transition_matrix: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)
    classes: np.ndarray = field(repr=False)
    smoothing: float | np.ndarray
    evidence: str
    n_samples: int
    disagreement: float
    memorized: float
    n_contradicting: int | None = None
    n_trusted: int = 0

    @classmethod
    def from_predictions(
        cls,
        codes: np.ndarray,
        p: np.ndarray,
        evidence: str,
        memorized: float = 0.0,
        labels_only: bool = False,
        groups: np.ndarray | None = None,
    ) -> NoiseReport:
        """Compare labels with predictions that were made without them.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,)
            Encoded labels.
        p : ndarray of shape (n_samples, n_classes)
            Predicted probabilities of these labels.
        evidence : {"out-of-bag", "neighbours"}
            Source of the predictions.
        memorized : float, default=0.0
            See the attribute of this name.
        labels_only : bool, default=False
            Whether to estimate from labels only; then p only ranks the samples.
        groups : ndarray of shape (n_samples,), default=None
            Numbers of groups of samples that are no independent evidence, such as copies; None:
            each sample is a group of its own.

        Returns
        -------
        NoiseReport
            With encoded labels as ``classes``.
        """
        if len(codes) > MAX_SAMPLES:
            rows = subsample(len(codes))
            codes, p = codes[rows], p[rows]
            groups = None if groups is None else groups[rows]
        # A separate generator, so that the report does not depend on other random draws.
        rng = np.random.RandomState(0)
        if labels_only:
            noise = _noise_rate_from_labels(codes, p, rng, groups, _N_RESAMPLES)
            matrix = most_confident(codes, p, **_evidence(groups))
        else:
            noise, matrix = (
                _noise_rate_from_neighbors(codes, p, rng, groups),
                most_confident_quarter(codes, p),
            )
        k, counts = p.shape[1], most_confident_counts(codes, p, **_evidence(groups))
        observed = float(np.mean(p.argmax(axis=1) != codes))
        disagreement = max(float(wilson_interval(observed, len(codes), _Z_SCORE)[0]), 0.0)
        smoothing = 0.0
        if _are_enough(len(codes), k):
            rate = smoothing_rate_for_noise(disagreement, k, memorized)
            smoothing = max(rate, -float(len(codes)))
        return cls(
            *noise,
            matrix,
            counts,
            np.arange(k),
            smoothing,
            evidence,
            len(codes),
            disagreement,
            memorized,
        )

    @checked(
        min_probability=[Interval(Real, 0, 1, closed="both")],
        confidence_level=[Interval(Real, 0, 1, closed="neither")],
    )
    def confusions(
        self, min_probability: float = 0.05, confidence_level: float = 0.95
    ) -> list[Confusion]:
        """List the classes that are labelled as another class more often than by uniform noise.

        Parameters
        ----------
        min_probability : float, default=0.05
            Confusions of a lower probability are omitted.
        confidence_level : float, default=0.95
            Probability, in (0, 1), that the intervals of all pairs of classes contain the true
            probabilities, so that uniform noise is rarely taken for a confusion. A pair is listed
            if its interval lies above the probability that all other classes would have under
            uniform noise.

        Returns
        -------
        list of Confusion
            The most frequent confusion first. The probabilities are corrected for the selection;
            they are lower than the entries of ``transition_matrix``.
        """
        return find_confusions(self.counts, self.classes, min_probability, confidence_level)

    def __str__(self) -> str:
        rate, *details = self._rate_texts()
        text = f"{rate} ({'; '.join([*details, self._basis()])})."
        if self._has_enough_samples:
            confusions = self._confusion_texts()
            text += f" Most frequent confusions: {', '.join(confusions)}." if confusions else ""
            if self.rate > 0:
                text += " Overlapping classes raise the estimate, more so with few samples."
        if self.n_contradicting:
            text += f" {self._contradiction_text()}."
        return f"{text} {self._smoothing_text()}."

    def _repr_html_(self) -> str:
        """Show the report as a small table in notebooks."""
        rate, *details = self._rate_texts()
        rows = [
            ("Label noise", f"{rate} ({details[0]})" if details else rate),
            ("Evidence", self._basis()),
        ]
        if self._has_enough_samples:
            confusions = self._confusion_texts() or ["none beyond uniform noise"]
            rows += zip(["Confusions", *[""] * _N_PRINTED], confusions, strict=False)
        if self.n_contradicting:
            rows += [("Contradictions", self._contradiction_text())]
        name, _, rates = self._smoothing_text().partition(": ")
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for name, value in [*rows, (name, rates)]
        )
        return f"<table><tbody>{cells}</tbody></table>"

    @property
    def _has_enough_samples(self) -> bool:
        return _are_enough(self.n_samples, len(self.classes))

    def _rate_texts(self) -> list[str]:
        """Write the rate, followed by its interval if it has one."""
        if not self._has_enough_samples:
            return ["Too few samples to estimate the noise rate"]
        low, high = _percent(self.low), _percent(self.high)
        if self.rate > 0:
            interval = f"95 % interval {low} to {high} %"
            return [f"Estimated noise rate: {_percent(self.rate)} %", interval]
        high = _percent(max(self.high, 0.01))
        # Noise of a single class may be too little for a rate above 0.
        amount = "Little label noise" if self.confusions() else "No label noise found"
        return [f"{amount}; the noise rate can be up to {high} %"]

    def _confusion_texts(self) -> list[str]:
        """Write the most frequent confusions, each with its interval."""
        texts = []
        for true, given, *probabilities in self.confusions()[:_N_PRINTED]:
            probability, low, high = map(_percent, probabilities)
            texts.append(f"{true} labelled {given}: {probability} % ({low} to {high})")
        return texts

    def _contradiction_text(self) -> str:
        return (
            f"{self.n_contradicting} samples have the features of a sample with another label: "
            "noise or overlap"
        )

    def _basis(self) -> str:
        samples = "1 sample" if self.n_samples == 1 else f"{self.n_samples} samples"
        others = f" besides {self.n_trusted} trusted ones" if self.n_trusted else ""
        return f"{samples}{others}, compared with {_COMPARED_WITH[self.evidence]}"

    def _smoothing_text(self) -> str:
        rates = np.ravel(self.smoothing)
        name = "Smoothing rate" if len(rates) == 1 else "Smoothing rates"
        return f"{name}: {', '.join(f'{rate:.3g}' for rate in rates)}"


def _are_enough(n_samples: int, n_classes: int) -> bool:
    """Tell whether samples are enough to estimate a noise rate."""
    needed = max(_MIN_SAMPLES, _MIN_SAMPLES_PER_CLASS * n_classes)
    return n_samples >= min(needed, MAX_SAMPLES)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f}" if fraction >= 0.01 else f"{100 * fraction:.1g}"
