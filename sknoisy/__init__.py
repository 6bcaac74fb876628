"""scikit-learn classifiers that are robust to label noise."""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sknoisy._loading import load
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.methods import METHODS
from sknoisy.search import SmoothingSearchCV

if TYPE_CHECKING:
    from sknoisy._audit import audit

__all__ = [
    "METHODS",
    "NoisyLabelClassifier",
    "SmoothingSearchCV",
    "audit",
    "find_label_issues",
    "load",
]
__version__ = version("sknoisy")

_MODULES = (
    "crowds",
    "dask",
    "datasets",
    "embeddings",
    "ensemble",
    "functional",
    "issues",
    "methods",
    "metrics",
    "model_selection",
    "networks",
    "noise",
    "plots",
    "recipes",
    "search",
    "transition",
)


# Functions that are imported when they are first used, by the module that has them.
_FUNCTIONS = {"audit": "sknoisy._audit"}


def __getattr__(name: str) -> Any:
    """Import a public module or function when it is first used."""
    if name in _MODULES:
        return importlib.import_module(f"sknoisy.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'sknoisy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_FUNCTIONS})
