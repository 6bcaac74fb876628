"""What a fitted classifier shows in a notebook under the diagram of its parameters."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

__all__ = ["HTMLSummaryMixin"]

_N_ROWS = 5
_WIDTH, _HEIGHT = 220, 60
# What a curve shows, in the order in which they are looked for; held-out accuracy tells more.
_CURVES = {"valid_acc": "held-out accuracy", "train_acc": "accuracy on the given labels"}


class HTMLSummaryMixin:
    """Mixin that adds the noise, a curve and the rows to look at first to the HTML repr."""

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + summary(self)  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += summary(self)
        return bundle


def summary(clf: Any) -> str:
    """Write the summary of a fitted classifier; nothing if it is not fitted."""
    if "net_" not in vars(clf):
        return ""
    cells = [_noise(clf), _curve(clf.history_), _first_rows(clf)]
    style = "vertical-align:top;text-align:left;padding:0 1.5em 0 0"
    row = "".join(f'<td style="{style}">{cell}</td>' for cell in cells if cell)
    return f'<table class="sknoisy-summary"><tbody><tr>{row}</tr></tbody></table>'


def _noise(clf: Any) -> str:
    """Write the noise report, or the smoothing rate alone where there is no report."""
    report = getattr(clf, "noise_report_", None)
    if report is not None:
        return report._repr_html_()
    rates = ", ".join(f"{rate:.3g}" for rate in np.ravel(clf.smoothing_))
    return f"Smoothing rate: {escape(rates)}"


def _curve(history: Any) -> str:
    """Draw how an accuracy went over the epochs."""
    columns = {title: _finite(history, name) for name, title in _CURVES.items()}
    title = next((title for title, values in columns.items() if len(values) > 1), None)
    if title is None:
        return ""
    values = columns[title]
    low, high = values.min(), values.max()
    x = np.linspace(2, _WIDTH - 2, len(values))
    y = 2 + (_HEIGHT - 4) * (high - values) / max(high - low, 1e-9)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f"{escape(title)}, {len(values)} epochs: {values[0]:.2f} to {values[-1]:.2f}<br>"
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def _finite(history: Any, name: str) -> np.ndarray:
    """Return the numbers of a column of the history."""
    rows = np.array([float(epoch.get(name, np.nan)) for epoch in history])
    return rows[np.isfinite(rows)]


def _first_rows(clf: Any) -> str:
    """List the rows with the lowest label quality, by name if X had names."""
    quality = getattr(clf, "label_quality_", None)
    if quality is None or not len(quality):
        return ""
    worst = np.argsort(np.where(np.isnan(quality), np.inf, quality), kind="stable")[:_N_ROWS]
    names = clf._names_of_rows
    lines = "".join(
        f"<tr><td>{escape(str(i if names is None else names[i]))}</td>"
        f"<td>{quality[i]:.3f}</td></tr>"
        for i in worst
    )
    head = "<tr><th>row to look at first</th><th>label quality</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{lines}</tbody></table>"
