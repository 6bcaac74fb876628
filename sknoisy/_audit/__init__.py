"""The audit of labels: a report as a page, as JSON and as a table of suspects."""

from sknoisy._audit.findings import Finding
from sknoisy._audit.report import AuditReport
from sknoisy._audit.run import audit

__all__ = ["AuditReport", "Finding", "audit"]
