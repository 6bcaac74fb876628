"""Label issues: probably mislabelled samples, suggested labels, and their review.

:func:`find_label_issues` lists the issues. :func:`next_to_check` chooses the rows that are worth
the next looks, :func:`review_sheet` makes a table of them for a reviewer, and :func:`apply_review`
puts the answers into the labels.
"""

from sknoisy.issues._apply import apply_review
from sknoisy.issues._find import find_label_issues
from sknoisy.issues._label_studio import from_label_studio, to_label_studio
from sknoisy.issues._next import next_to_check
from sknoisy.issues._sheet import review_sheet

__all__ = [
    "apply_review",
    "find_label_issues",
    "from_label_studio",
    "next_to_check",
    "review_sheet",
    "to_label_studio",
]
