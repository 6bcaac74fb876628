"""scikit-learn classifiers that learn well from wrong labels."""

from importlib.metadata import version

from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import METHODS

__all__ = ["METHODS", "NoisyLabelClassifier"]
__version__ = version("sknoisy")
