"""Networks as torch modules.

The built-in networks are :class:`MLP` for tables and :class:`CNN` for images; :class:`Standardize`
and :class:`PiecewiseLinear` are their first layers. :func:`replicate` builds several networks as
one module (:class:`BatchedMLP` or :class:`NetworkEnsemble`), and :func:`capture_features` returns
logits together with the input of the last linear layer.
"""

from sknoisy.networks.cnn import CNN
from sknoisy.networks.ensemble import BatchedMLP, NetworkEnsemble, replicate
from sknoisy.networks.features import capture_features
from sknoisy.networks.inputs import PiecewiseLinear, Standardize
from sknoisy.networks.mlp import MLP, Dropout, is_plain_mlp

__all__ = [
    "BatchedMLP",
    "CNN",
    "Dropout",
    "MLP",
    "NetworkEnsemble",
    "PiecewiseLinear",
    "Standardize",
    "capture_features",
    "is_plain_mlp",
    "replicate",
]
