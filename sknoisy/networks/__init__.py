"""Networks: the built-in MLP and CNN, their input layers, and several networks as one."""

from sknoisy.networks.cnn import CNN
from sknoisy.networks.ensemble import NetworkEnsemble, StackedMLP, replicate
from sknoisy.networks.features import capture_features
from sknoisy.networks.inputs import PiecewiseLinear, Standardize
from sknoisy.networks.mlp import MLP, Dropout, is_plain_mlp

__all__ = [
    "CNN",
    "Dropout",
    "MLP",
    "NetworkEnsemble",
    "PiecewiseLinear",
    "StackedMLP",
    "Standardize",
    "capture_features",
    "is_plain_mlp",
    "replicate",
]
