"""Networks as torch modules.

The built-in networks are :class:`MLP` for tables and :class:`CNN` for images, and larger ones for
images that have names in ``IMAGE_NETWORKS``; :class:`Standardize` and :class:`PiecewiseLinear` are
their first layers. :func:`replicate` builds several networks as
one module (:class:`BatchedMLP` or :class:`NetworkEnsemble`), and :func:`capture_features` returns
logits together with the input of the last linear layer. :class:`FineTuned` gives a trained network,
such as one of torchvision or timm, a new last layer.
"""

from collections.abc import Callable

from torch import nn

from sknoisy.networks.cnn import CNN
from sknoisy.networks.cnn9 import CNN9
from sknoisy.networks.ensemble import BatchedMLP, NetworkEnsemble, replicate
from sknoisy.networks.features import capture_features
from sknoisy.networks.fine_tuned import FineTuned
from sknoisy.networks.inputs import PiecewiseLinear, Standardize
from sknoisy.networks.mlp import MLP, Dropout, is_plain_mlp
from sknoisy.networks.resnet import ResNet, preact_resnet18, resnet18, resnet34

__all__ = [
    "BatchedMLP",
    "CNN",
    "CNN9",
    "Dropout",
    "FineTuned",
    "IMAGE_NETWORKS",
    "MLP",
    "NetworkEnsemble",
    "PiecewiseLinear",
    "ResNet",
    "Standardize",
    "capture_features",
    "is_plain_mlp",
    "preact_resnet18",
    "replicate",
    "resnet18",
    "resnet34",
]

IMAGE_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "resnet18": resnet18,
    "resnet34": resnet34,
    "preact_resnet18": preact_resnet18,
    "cnn9": CNN9,
}
