"""What is wrong with the labels, each with a stable code: how detected, why, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sknoisy._audit.evidence import Evidence
from sknoisy._audit.repeated import RepeatedRows
from sknoisy._audit.texts import listed, named, percent

__all__ = ["CODES", "SEVERITIES", "Finding", "find_all"]

SEVERITIES = ("low", "medium", "high")


class Code(NamedTuple):
    """The texts of a kind of finding."""

    title: str
    detected: str
    why: str
    advice: str


CODES = {
    "SKN001": Code(
        "Label noise",
        "Labels are compared with predictions of models that were not trained on these rows. The "
        "lower end of the 95 % interval decides: high from 10 %, medium from 2 %.",
        "A flexible model memorises wrong labels, and scores on wrong labels mislead.",
        "Look at the suspects first, correct them and audit again. Train with a method that is "
        "robust to label noise, and score with sknoisy.metrics.",
    ),
    "SKN002": Code(
        "Rows that contradict each other",
        "Rows whose cells are all equal, but whose labels differ: high from 5 % of the rows, "
        "medium from 1 %.",
        "At least one label of each group is wrong, or the columns cannot tell the classes apart.",
        "Decide on one label for each group, or add a column that tells the rows apart.",
    ),
    "SKN003": Code(
        "Repeated rows",
        "Rows whose cells and label equal those of an earlier row: medium from 10 % of the rows.",
        "A copy in the test set makes a model look better than it is.",
        "Remove copies, or keep them together when you split: pass groups.",
    ),
    "SKN004": Code(
        "Confused classes",
        "Of the rows that surely belong to a class, more have the label of one other class than "
        "uniform noise explains: high from 30 %, medium from 10 %.",
        "Such errors have a cause, such as an unclear instruction. They move the border between "
        "the two classes, while errors in all directions hardly do.",
        "Read the suspects of this pair together with those who label, and make the rule clear.",
    ),
    "SKN005": Code(
        "Class with unreliable labels",
        "The expected fraction of wrong labels among the rows with this label is at least 30 %, "
        "and twice that of all rows: medium; from 50 %: high.",
        "What a model says about this class is learned from wrong examples.",
        "Check this class first, or collect new examples of it.",
    ),
    "SKN006": Code(
        "Classes with few rows",
        "Fewer than 10 rows have the label: low.",
        "Predictions for such classes are not reliable, so their labels look wrong more often.",
        "Judge the suspects of these classes with care; collect more rows or join classes.",
    ),
    "SKN007": Code(
        "Labels that are spelt in several ways",
        "Labels that are equal without case, spaces and punctuation at the ends: high.",
        "Each spelling is a class of its own, so rows of one class contradict each other.",
        "Use one spelling, and audit again.",
    ),
    "SKN008": Code(
        "The columns tell nothing about the labels",
        "Out-of-sample predictions are not better than the frequencies of the classes: high.",
        "Whether a label is wrong cannot be seen from these columns.",
        "Check that rows and labels are in the same order, and add columns that have to do with "
        "the labels.",
    ),
    "SKN009": Code(
        "Rows without a label",
        "The label is missing: low; these rows are left out.",
        "They teach a supervised model nothing.",
        "Label them, or use a method for unlabelled rows.",
    ),
    "SKN010": Code(
        "Training ended too early",
        "The classifier warned, for instance that its networks still learned: low.",
        "Labels of rows that are not yet learned are taken for wrong.",
        "Read the warning; raise max_epochs.",
    ),
}

_MIN_ROWS = 10
_PUNCTUATION = " \t\r\n.,;:!?'\"`_-"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the labels.

    Attributes
    ----------
    code : str
        A key of CODES.
    severity : {"low", "medium", "high"}
    message : str
        What was found, with numbers.
    """

    code: str
    severity: str
    message: str

    @property
    def title(self) -> str:
        """The title of this kind of finding."""
        return CODES[self.code].title

    def to_dict(self) -> dict[str, str]:
        """Return all texts of the finding."""
        code = CODES[self.code]
        return {
            "code": self.code,
            "severity": self.severity,
            "title": code.title,
            "message": self.message,
            "detected": code.detected,
            "why": code.why,
            "advice": code.advice,
        }


def find_all(evidence: Evidence, repeated: RepeatedRows, n_unlabelled: int) -> list[Finding]:
    """Collect all findings, the most severe first.

    Parameters
    ----------
    evidence : Evidence
    repeated : RepeatedRows
    n_unlabelled : int
        Number of rows that were left out because they have no label.

    Returns
    -------
    list of Finding
    """
    findings = [
        *_uninformative(evidence),
        *_spellings(evidence.labels.classes),
        *_noise(evidence),
        *_contradictions(repeated),
        *_confusions(evidence),
        *_unreliable_classes(evidence),
        *_repetitions(repeated),
        *_rare_classes(evidence),
        *_unlabelled(n_unlabelled),
        *_warnings(evidence),
    ]
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def _by_limits(value: float, medium: float, high: float) -> str:
    return SEVERITIES[int(value >= medium) + int(value >= high)]


def _noise(evidence: Evidence) -> Iterator[Finding]:
    noise = evidence.noise
    if evidence.has_noise_rate and noise.rate > 0:
        message = (
            f"About {percent(noise.rate)} of the labels are wrong (95 % interval "
            f"{percent(noise.low)} to {percent(noise.high)})."
        )
        yield Finding("SKN001", _by_limits(noise.low, 0.02, 0.1), message)


def _contradictions(repeated: RepeatedRows) -> Iterator[Finding]:
    if groups := repeated.contradicting:
        n = sum(map(len, groups))
        fraction = n / len(repeated.first)
        message = (
            f"{n} rows ({percent(fraction)}) in {len(groups)} "
            f"group{'s' * (len(groups) > 1)} are equal to a row with another label."
        )
        yield Finding("SKN002", _by_limits(fraction, 0.01, 0.05), message)


def _repetitions(repeated: RepeatedRows) -> Iterator[Finding]:
    copies = repeated.first != np.arange(len(repeated.first))
    n = int((copies & (repeated.codes == repeated.codes[repeated.first])).sum())
    if n:
        fraction = n / len(copies)
        rows = "1 row" if n == 1 else f"{n} rows"
        copies_of = "is a copy" if n == 1 else "are copies"
        message = f"{rows} ({percent(fraction)}) {copies_of} of an earlier row, with its label."
        yield Finding("SKN003", "medium" if fraction >= 0.1 else "low", message)


def _confusions(evidence: Evidence) -> Iterator[Finding]:
    noise = evidence.noise
    if not evidence.has_noise_rate:
        return
    for true, given, probability, low, high in noise.confusions():
        message = (
            f"{percent(probability)} ({percent(low)} to {percent(high)}) of the rows of class "
            f"{named(true)} have the label {named(given)}."
        )
        yield Finding("SKN004", _by_limits(probability, 0.1, 0.3), message)


def _unreliable_classes(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.is_informative:
        return
    labels = evidence.labels
    wrong = 1 - labels.clean_proba
    overall = wrong.mean()
    for code, name in enumerate(labels.classes.tolist()):
        mine = labels.codes == code
        if mine.sum() >= _MIN_ROWS and (rate := wrong[mine].mean()) >= max(0.3, 2 * overall):
            message = f"About {percent(rate)} of the {mine.sum()} labels {named(name)} are wrong."
            yield Finding("SKN005", "high" if rate >= 0.5 else "medium", message)


def _rare_classes(evidence: Evidence) -> Iterator[Finding]:
    counts = np.bincount(evidence.labels.codes, minlength=len(evidence.labels.classes))
    rare = evidence.labels.classes[counts < _MIN_ROWS].tolist()
    if rare:
        yield Finding("SKN006", "low", f"Fewer than {_MIN_ROWS} rows: {listed(rare)}.")


def _spellings(classes: np.ndarray) -> Iterator[Finding]:
    spellings: dict[str, list[Any]] = {}
    for name in classes.tolist():
        if isinstance(name, str):
            plain = " ".join(name.casefold().strip(_PUNCTUATION).split())
            spellings.setdefault(plain, []).append(name)
    for plain, names in spellings.items():
        if plain and len(names) > 1:
            quoted = ", ".join(map(repr, names))
            yield Finding("SKN007", "high", f"Probably the same class: {quoted}.")


def _uninformative(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.is_informative:
        message = "Predictions from these columns are no better than guessing by class frequency."
        yield Finding("SKN008", "high", message)


def _unlabelled(n_unlabelled: int) -> Iterator[Finding]:
    if n_unlabelled:
        rows = "1 row has" if n_unlabelled == 1 else f"{n_unlabelled} rows have"
        yield Finding("SKN009", "low", f"{rows} no label.")


def _warnings(evidence: Evidence) -> Iterator[Finding]:
    for message in evidence.warnings:
        if "undertrained" in message:
            yield Finding("SKN010", "low", message)
