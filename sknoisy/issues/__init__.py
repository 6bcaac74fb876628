"""Which labels are probably wrong, and what they should be."""

from sknoisy.issues._find import find_label_issues

__all__ = ["find_label_issues"]
