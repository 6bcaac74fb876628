"""Data sets with noisy labels for experiments, and images in folders.

Functions that begin with ``fetch`` read files that they download on request only.
"""

from sknoisy.datasets._cifar import fetch_cifar10, fetch_cifar100
from sknoisy.datasets._fashion_mnist import fetch_fashion_mnist
from sknoisy.datasets._folder import load_image_folder
from sknoisy.datasets._layouts import load_animal10n, load_clothing1m
from sknoisy.datasets._synthetic import make_noisy_classification

__all__ = [
    "fetch_cifar10",
    "fetch_cifar100",
    "fetch_fashion_mnist",
    "load_animal10n",
    "load_clothing1m",
    "load_image_folder",
    "make_noisy_classification",
]
