"""Data sets with noisy labels for experiments, and images in folders."""

from sknoisy.datasets._folder import load_image_folder
from sknoisy.datasets._synthetic import make_noisy_classification

__all__ = ["load_image_folder", "make_noisy_classification"]
