"""Searches over smoothing rates."""

from sknoisy.search.smoothing_search import SmoothingSearchCV, one_standard_error

__all__ = ["SmoothingSearchCV", "one_standard_error"]
