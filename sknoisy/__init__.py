"""scikit-learn classifiers that learn well from wrong labels."""

from importlib.metadata import version

from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import METHODS
from sknoisy.search import SmoothingSearchCV

__all__ = ["METHODS", "NoisyLabelClassifier", "SmoothingSearchCV"]
__version__ = version("sknoisy")
