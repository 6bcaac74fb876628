"""Label issues: samples that are probably mislabelled, with suggested labels."""

from sknoisy.issues._find import find_label_issues

__all__ = ["find_label_issues"]
