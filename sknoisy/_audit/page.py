"""The report as one page of HTML, without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from sknoisy._audit.findings import CODES, Finding
from sknoisy._audit.pictures import bars_of_classes, interval
from sknoisy._audit.result import AuditResult
from sknoisy._audit.tables import sortable_table, table, transition_table
from sknoisy._audit.texts import listed, named
from sknoisy._audit.thumbnails import thumbnails

__all__ = ["write_page"]

_MAX_SUSPECTS, _MAX_COLUMNS, _MAX_GROUPS, _MAX_IN_GROUP = 200, 20, 30, 6
_N_FIXED = 7  # row, given, suggested, new, checked, quality, confidence


def write_page(result: AuditResult) -> str:
    """Write the page of a result.

    Parameters
    ----------
    result : AuditResult

    Returns
    -------
    str
        The page. Whatever comes from the data is escaped, and a policy in the page allows no script
        but its own, which sorts tables.
    """
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    sections = [
        _head(result),
        _findings(result.findings),
        _classes(result),
        _suspects(result),
        _contradictions(result),
        _basis(result),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(result.title)}</title><style>\n{_asset('page.css')}</style></head>\n<body>"
        f"{''.join(sections)}<script>{script}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return files("sknoisy._audit").joinpath(name).read_text(encoding="utf-8")


def _head(result: AuditResult) -> str:
    noise, labels = result.evidence.noise, result.evidence.labels
    picture = ""
    if result.evidence.has_noise_rate:
        picture = interval(noise.rate, noise.low, noise.high)
    counted = [
        (f"{len(result.samples):,}", "labelled rows"),
        (f"{len(labels.classes):,}", "classes"),
        (f"{len(result.suspects):,}", "suspects"),
        (f"{sum(map(len, result.repeated.contradicting)):,}", "contradicting rows"),
        (f"{result.repeated.n_repeated:,}", "repeated rows"),
    ]
    cards = "".join(f"<div><b>{n}</b><span>{escape(what)}</span></div>" for n, what in counted)
    return (
        f"<h1>{escape(result.title)}</h1><p class='verdict'>{escape(result.verdict)}</p>{picture}"
        f"<div class='cards'>{cards}</div><p class='warning'>This page contains raw rows of the "
        "data. Share it only with people who may see them.</p>"
    )


def _findings(findings: list[Finding]) -> str:
    if not findings:
        return "<h2>Findings</h2><p>None.</p>"
    parts = []
    for finding in findings:
        code = CODES[finding.code]
        parts.append(
            f"<div class='finding {finding.severity}'><h3><span class='badge'>{finding.code} "
            f"{finding.severity}</span>{escape(code.title)}</h3><p>{escape(finding.message)}</p>"
            f"<details><summary>How detected, why it matters, what to do</summary><dl>"
            f"<dt>How detected</dt><dd>{escape(code.detected)}</dd>"
            f"<dt>Why it matters</dt><dd>{escape(code.why)}</dd>"
            f"<dt>What to do</dt><dd>{escape(code.advice)}</dd></dl></details></div>"
        )
    return f"<h2>Findings</h2>{''.join(parts)}"


def _classes(result: AuditResult) -> str:
    labels = result.evidence.labels
    names = list(map(named, labels.classes.tolist()))
    counts = np.bincount(labels.codes, minlength=len(names))
    wrong = np.bincount(labels.codes, 1 - labels.clean_proba, len(names))
    text = (
        "<h2>Classes</h2><p class='note'><span class='key good'></span>rows with this label"
        "<span class='key bad'></span>of these probably wrong</p>"
        f"{bars_of_classes(names, counts, wrong)}"
    )
    if result.evidence.is_informative:
        text += (
            "<h2>Transition matrix</h2><p class='note'>The probability of each given label for "
            "each true class, estimated from the rows that most surely belong to the class.</p>"
            f"{transition_table(names, result.evidence.noise.transition_matrix)}"
        )
    return text


def _suspects(result: AuditResult) -> str:
    suspects = result.suspects
    if suspects.empty:
        return "<h2>Suspects</h2><p>None.</p>"
    top = suspects.iloc[:_MAX_SUSPECTS]
    columns = [0, 1, 2, 5, 6, *range(_N_FIXED, suspects.shape[1])][: 5 + _MAX_COLUMNS]
    names = [suspects.columns[i] for i in columns]
    values = [top.iloc[:, i].tolist() for i in columns]
    rows = list(zip(*values, strict=True))
    pictures = None
    if result.samples.images is not None:
        # Names of rows may occur several times; positions do not.
        positions = result.positions_of_suspects[:_MAX_SUSPECTS]
        pictures = thumbnails(result.samples.images, positions.tolist())
    hidden = suspects.shape[1] - len(columns) - 2
    notes = [
        "Rows whose given label is not the most likely one, in the order in which a look is worth "
        "most. Quality is the probability that the given label is the true one; confidence is that "
        "of the suggested label. A suspect is a reason to look, not to delete."
    ]
    if len(suspects) > len(top) or hidden > 0:
        without = f", without {hidden} columns" if hidden > 0 else ""
        notes.append(f"{len(top)} of {len(suspects)} suspects are shown{without}.")
    notes.append(
        "The file with the ending .suspects.csv has all of them: fill in its columns 'new' and "
        "'checked', and pass it to sknoisy.issues.apply_review."
    )
    paragraphs = "".join(f"<p class='note'>{escape(note)}</p>" for note in notes)
    shown = sortable_table(names, rows, pictures)
    return f"<h2>Suspects</h2>{paragraphs}{shown.replace('scroll', 'scroll tall', 1)}"


def _contradictions(result: AuditResult) -> str:
    groups = result.repeated.contradicting
    if not groups:
        return ""
    labels = result.evidence.labels
    names, shown = result.samples.shown.index, result.samples.shown
    lines = []
    for rows in groups[:_MAX_GROUPS]:
        given = labels.classes[labels.codes[rows]].tolist()
        counted = [f"{named(name)} ({given.count(name)})" for name in dict.fromkeys(given)]
        cells = shown.iloc[rows[0], :_MAX_COLUMNS].tolist()
        more = "" if len(rows) <= _MAX_IN_GROUP else f" and {len(rows) - _MAX_IN_GROUP} more"
        which = ", ".join(map(str, names[rows[:_MAX_IN_GROUP]].tolist())) + more
        lines.append([which, ", ".join(counted), *cells])
    header = ["rows", "labels", *map(str, shown.columns[:_MAX_COLUMNS])]
    left = len(groups) - len(lines)
    note = f"<p class='note'>{left} more groups are not shown.</p>" if left > 0 else ""
    return f"<h2>Rows that contradict each other</h2>{table(header, lines)}{note}"


def _basis(result: AuditResult) -> str:
    evidence = result.evidence
    kinds: dict[str, list[Any]] = {}
    for name, kind in result.samples.kinds.items():
        kinds.setdefault(kind, []).append(name)
    how = [
        ("Predictions", evidence.origin),
        (
            "Noise rate",
            f"from the labels of the rows that were predicted most confidently, in "
            f"{evidence.noise.n_samples} rows; the interval is a 95 % bootstrap interval and does "
            "not count errors of the model. Overlapping classes raise the estimate.",
        ),
        (
            "Suspects",
            "predictions are calibrated on the given labels together with the noise; about "
            f"{_count(evidence.labels.clean_proba)} labels are expected to be wrong.",
        ),
        *[(f"Columns: {kind}", listed(names)) for kind, names in kinds.items()],
        *[("Warning", message) for message in evidence.warnings],
        *[(str(name), value) for name, value in result.settings.items()],
        *result.versions.items(),
        ("made at", result.date),
        ("seconds", f"{evidence.seconds:.0f}"),
    ]
    items = "".join(f"<dt>{escape(n)}</dt><dd>{escape(str(v))}</dd>" for n, v in how)
    return (
        "<h2>How it was computed, and what it rests on</h2>"
        f"<dl>{items}</dl><p class='note'>The same seed, settings and versions give the same "
        "report on one machine. The data were not changed.</p>"
    )


def _count(clean_proba: np.ndarray) -> str:
    expected = float((1 - clean_proba).sum())
    return "an unknown number of" if np.isnan(expected) else f"{expected:,.0f}"
