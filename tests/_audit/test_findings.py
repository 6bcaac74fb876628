"""Findings: codes, severities and numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sknoisy._audit.evidence import Evidence
from sknoisy._audit.findings import CODES, SEVERITIES, find_all
from sknoisy._audit.repeated import RepeatedRows
from sknoisy._label_noise.report import NoiseReport
from sknoisy._predictions import Predictions
from sknoisy.issues._posterior import LabelPosterior
from sknoisy.noise import corrupt_labels


def evidence_of(y, proba, classes, warnings=()):
    """Evidence from labels and the probabilities of the true ones."""
    codes = np.searchsorted(classes, y)
    predictions = Predictions(codes, proba, np.asarray(classes), np.arange(len(codes)), None)
    noise = NoiseReport.from_predictions(codes, proba, "out-of-bag", labels_only=True)
    noise = NoiseReport(**{**vars(noise), "classes": np.asarray(classes)})
    return Evidence(LabelPosterior(predictions, proba), noise, "here", warnings, 0.0)


def problem(rate, classes=("a", "b", "c"), n=900):
    """Labels of which a fraction is wrong, and predictions that know the true ones."""
    true = np.arange(n) % len(classes)
    y = corrupt_labels(true, rate, exact=True, random_state=0) if rate else true
    k = len(classes)
    proba = np.where(np.eye(k, dtype=bool)[true], 1 - 0.01 * (k - 1), 0.01)
    return evidence_of(np.asarray(classes)[y], proba, classes)


def distinct(evidence):
    return RepeatedRows(np.arange(len(evidence.labels.codes)), evidence.labels.codes)


def codes_of(findings):
    return {finding.code: finding for finding in findings}


@pytest.mark.parametrize(
    ("rate", "severity"), [(0.0, None), (0.025, "low"), (0.06, "medium"), (0.3, "high")]
)
def test_severity_of_noise_follows_the_lower_end_of_the_interval(rate, severity):
    evidence = problem(rate)
    found = codes_of(find_all(evidence, distinct(evidence), 0))
    if severity is None:
        assert not found
        return
    assert found["SKN001"].severity == severity
    assert evidence.noise.rate == pytest.approx(rate, abs=0.03)


def test_equal_rows_contradict_or_repeat_each_other():
    X = pd.DataFrame({"u": [1, 1, 2, 2, 2, None, None, 3], "v": list("xxyyyzzw")})
    repeated = RepeatedRows.of_table(X, np.array([0, 1, 0, 0, 1, 2, 2, 1]))
    assert repeated.first.tolist() == [0, 0, 2, 2, 2, 5, 5, 7]
    assert [group.tolist() for group in repeated.contradicting] == [[2, 3, 4], [0, 1]]
    assert repeated.n_repeated == 4
    evidence = problem(0.0)
    found = codes_of(find_all(evidence, repeated, 0))
    assert found["SKN002"].message.startswith("5 rows (62 %) in 2 groups")
    assert found["SKN002"].severity == "high"
    # A row with the label of the first one; the others contradict it.
    assert found["SKN003"].message.startswith("2 rows (25 %)")


def test_files_with_the_same_bytes_are_equal(tmp_path):
    paths = []
    for i, content in enumerate([b"a", b"b", b"a"]):
        paths.append(str(tmp_path / f"{i}.png"))
        (tmp_path / f"{i}.png").write_bytes(content)
    assert RepeatedRows.of_files(paths, np.array([0, 1, 1])).first.tolist() == [0, 1, 0]


def test_confused_and_unreliable_classes_are_named():
    classes = ["a", "b", "c"]
    true = np.arange(900) % 3
    y = true.copy()
    y[np.flatnonzero(true == 0)[:210]] = 2
    proba = np.where(np.eye(3, dtype=bool)[true], 0.98, 0.01)
    found = codes_of(
        find_all(
            evidence_of(np.array(classes)[y], proba, classes), RepeatedRows(np.arange(900), y), 0
        )
    )
    assert found["SKN004"].severity == "high"
    assert "class a have the label c" in found["SKN004"].message


def test_other_findings():
    classes = [" Yes", "no", "yes", "z"]
    y = np.repeat(classes, [20, 40, 40, 3])
    proba = np.full((103, 4), np.nan)
    evidence = evidence_of(y, np.full((103, 4), 0.25), classes, ("The networks are undertrained",))
    evidence = Evidence(
        LabelPosterior(evidence.labels.predictions, proba),
        evidence.noise,
        "",
        ("The networks are undertrained: ...", "other"),
        0.0,
    )
    found = codes_of(find_all(evidence, distinct(evidence), 2))
    assert found["SKN006"].message == "Fewer than 10 rows: z."
    assert found["SKN007"].message == "Probably the same class: ' Yes', 'yes'."
    assert found["SKN008"].severity == "high"
    assert found["SKN009"].message == "2 rows have no label."
    assert set(found) == {"SKN006", "SKN007", "SKN008", "SKN009", "SKN010"}
    order = [SEVERITIES.index(f.severity) for f in find_all(evidence, distinct(evidence), 2)]
    assert order == sorted(order, reverse=True)


def test_documentation_has_all_codes():
    page = (Path(__file__).parents[2] / "docs" / "audit.rst").read_text(encoding="utf-8")
    for code, texts in CODES.items():
        assert f"   * - {code}\n     - {texts.title}\n" in page


def test_codes_are_stable_and_complete():
    assert list(CODES) == [f"SKN{i:03d}" for i in range(1, 11)]
    assert all(all(text.endswith(".") for text in code[1:]) for code in CODES.values())
