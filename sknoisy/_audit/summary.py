"""The numbers of a report as a dict for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._audit.result import AuditResult

__all__ = ["summarize"]

# Raised when a key of the JSON file changes its meaning or disappears.
_SCHEMA = 1


def summarize(result: AuditResult) -> dict[str, Any]:
    """Return the report as numbers, texts, lists and dicts, without the cells of the rows.

    Parameters
    ----------
    result : AuditResult

    Returns
    -------
    dict
        An unknown number is None.
    """
    labels, noise = result.evidence.labels, result.evidence.noise
    names = result.samples.shown.index
    counts = np.bincount(labels.codes, minlength=len(labels.classes))
    wrong = np.bincount(labels.codes, 1 - labels.clean_proba, len(labels.classes))
    known = result.evidence.has_noise_rate
    report = {
        "schema": _SCHEMA,
        "title": result.title,
        "date": result.date,
        "verdict": result.verdict,
        "n_rows": len(result.samples),
        "noise_rate": {
            "value": noise.rate if known else None,
            "low": noise.low if known else None,
            "high": noise.high if known else None,
            "n_compared": noise.n_samples,
        },
        "n_suspects": len(result.suspects),
        "n_wrong_expected": float((1 - labels.clean_proba).sum()),
        "classes": [
            {"name": name, "n_rows": int(n), "n_wrong_expected": float(w)}
            for name, n, w in zip(labels.classes.tolist(), counts, wrong, strict=True)
        ],
        "transition_matrix": noise.transition_matrix.tolist(),
        "findings": [finding.to_dict() for finding in result.findings],
        "contradicting_rows": [names[g].tolist() for g in result.repeated.contradicting],
        "n_repeated": result.repeated.n_repeated,
        "columns": {str(name): kind for name, kind in result.samples.kinds.items()},
        "origin_of_predictions": result.evidence.origin,
        "warnings": list(result.evidence.warnings),
        "settings": result.settings,
        "versions": result.versions,
        "seconds": round(result.evidence.seconds, 1),
    }
    return _plain(report)


def _plain(value: Any) -> Any:
    """Turn values of NumPy and pandas into those that JSON knows."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)
