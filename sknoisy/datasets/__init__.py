"""Data for experiments with wrong labels."""

from sknoisy.datasets._synthetic import make_noisy_classification

__all__ = ["make_noisy_classification"]
