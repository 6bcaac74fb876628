"""Data sets with noisy labels for experiments."""

from sknoisy.datasets._synthetic import make_noisy_classification

__all__ = ["make_noisy_classification"]
