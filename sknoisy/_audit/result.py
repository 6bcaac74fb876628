"""What an audit found: the data of its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sknoisy._audit.evidence import Evidence
from sknoisy._audit.findings import Finding
from sknoisy._audit.repeated import RepeatedRows
from sknoisy._audit.samples import Samples
from sknoisy._audit.suspects import order_of_suspects
from sknoisy._audit.verdict import verdict_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AuditResult"]


@dataclass(frozen=True, eq=False)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    title : str
    samples : Samples
    evidence : Evidence
    repeated : RepeatedRows
    findings : list of Finding
    suspects : DataFrame
    settings, versions : dict
    date : str
    """

    title: str
    samples: Samples
    evidence: Evidence
    repeated: RepeatedRows
    findings: list[Finding]
    suspects: pd.DataFrame
    settings: dict[str, Any]
    versions: dict[str, str]
    date: str

    @property
    def verdict(self) -> str:
        """How many labels are wrong, in one sentence."""
        return verdict_of(self.evidence)

    @property
    def positions_of_suspects(self) -> np.ndarray:
        """Positions of the suspects among the labelled rows."""
        labels = self.evidence.labels
        return labels.predictions.positions[order_of_suspects(labels)]
