"""The report of an audit, for users: print it, read it, write it to files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sknoisy._audit.files import write_together
from sknoisy._audit.findings import SEVERITIES, Finding
from sknoisy._audit.page import write_page
from sknoisy._audit.result import AuditResult
from sknoisy._audit.summary import summarize
from sknoisy.issues._lookup import is_empty, read_boolean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AuditReport", "refuse_answered_sheet", "sheet_beside"]


class AuditReport:
    """What :func:`sknoisy.audit` found; print it for a short text.

    Attributes
    ----------
    verdict : str
        How many labels are wrong, in one sentence.
    findings : list of Finding
        What is wrong with the labels, the most severe first. Each has a stable ``code``, a
        ``severity``, a ``title`` and a ``message``.
    suspects : DataFrame
        The rows whose given label is not the most likely one, as a review sheet: see
        :func:`sknoisy.issues.review_sheet`.
    """

    def __init__(self, result: AuditResult) -> None:
        self._result = result

    @property
    def verdict(self) -> str:
        """How many labels are wrong, in one sentence."""
        return self._result.verdict

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with the labels, the most severe first."""
        return self._result.findings

    @property
    def suspects(self) -> pd.DataFrame:
        """The rows whose given label is not the most likely one, as a review sheet."""
        return self._result.suspects

    def is_at_least(self, severity: str) -> bool:
        """Tell whether there is a finding of this severity or a higher one.

        Parameters
        ----------
        severity : {"low", "medium", "high"}

        Returns
        -------
        bool
        """
        if severity not in SEVERITIES:
            raise ValueError(
                f"The 'severity' parameter must be one of {list(SEVERITIES)}. Got {severity!r} "
                "instead."
            )
        least = SEVERITIES.index(severity)
        return any(SEVERITIES.index(finding.severity) >= least for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers, texts, lists and dicts.

        Returns
        -------
        dict
            Without the cells of the rows. An unknown number is None.
        """
        return summarize(self._result)

    def to_html(self) -> str:
        """Return the report as a page that needs no other file and no network.

        Returns
        -------
        str
        """
        return write_page(self._result)

    def save(self, path: Any) -> list[Path]:
        """Write the page, a JSON file and the suspects, all of them or none.

        Parameters
        ----------
        path : str or path
            Of the page, such as "report.html". The other files are "report.json" and
            "report.suspects.csv" beside it.

        Returns
        -------
        list of Path
            The three files.

        Raises
        ------
        FileExistsError
            If the file of suspects is there and a reviewer has filled it in.
        """
        page = Path(os.fspath(path))
        if page.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"The 'path' parameter must end with '.html'. Got {str(page)!r}.")
        refuse_answered_sheet(sheet_beside(page))
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return write_together(
            {
                page: self.to_html(),
                page.with_suffix(".json"): text + "\n",
                sheet_beside(page): self.suspects.to_csv(index=False),
            }
        )

    def __repr__(self) -> str:
        return f"<AuditReport: {self.verdict}>"

    def __str__(self) -> str:
        n, n_rows = len(self.suspects), len(self._result.samples)
        lines = [self.verdict, f"{n} suspect{'s' * (n != 1)} in {n_rows} rows."]
        lines += [f"{f.code} {f.severity}: {f.title}. {f.message}" for f in self.findings]
        return "\n".join(lines)


def sheet_beside(page: Path) -> Path:
    """Return the path of the suspects that belong to a page."""
    return page.with_suffix(".suspects.csv")


def refuse_answered_sheet(path: Path) -> None:
    """Refuse to replace anything but a review sheet without answers.

    Parameters
    ----------
    path : Path
        A file that need not exist.

    Raises
    ------
    FileExistsError
        If the file is something else, or has answers.
    """
    import pandas as pd

    if not path.exists():
        return
    try:
        sheet = pd.read_csv(path, dtype=str, keep_default_na=False)
        is_open = all(is_empty(new) for new in sheet["new"])
        is_open = is_open and not any(read_boolean(mark) for mark in sheet["checked"])
    except (KeyError, ValueError):
        is_open = False
    if not is_open:
        raise FileExistsError(
            f"{str(path)!r} has answers of a reviewer, or is no review sheet, and is not replaced. "
            "Move it, or write the report to another file."
        )
