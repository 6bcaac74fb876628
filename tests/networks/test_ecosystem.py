"""Networks of torchvision and timm themselves."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy.embeddings import Embedder
from sknoisy.networks import FineTuned
from sknoisy.networks._heads import remove_head, resize_head
from tests.factories import short, small_images

pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]
X, y = small_images(24, n_channels=3)


def of_torchvision(name):
    models = pytest.importorskip("torchvision.models")
    # The auxiliary classifiers of these two return tuples in training.
    params = {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    return partial(getattr(models, name), weights=None, **params)


def of_timm(name):
    return partial(pytest.importorskip("timm").create_model, name)


TORCHVISION = (
    "alexnet", "vgg11", "resnet18", "squeezenet1_0", "densenet121", "googlenet",
    "shufflenet_v2_x0_5", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0",
    "convnext_tiny", "vit_b_16", "swin_t", "maxvit_t",
)  # fmt: skip
TIMM = ("resnet18", "vit_tiny_patch16_224", "efficientnet_b0", "convnext_atto", "levit_128")
CASES = [(of_torchvision, name) for name in TORCHVISION] + [(of_timm, name) for name in TIMM]


@pytest.mark.parametrize("library, name", CASES)
def test_heads_are_resized_and_removed(library, name):
    make = library(name)
    with torch.device("meta"):
        network, x = make().eval(), torch.rand(2, 3, 224, 224)
        resize_head(network, 7)
        assert network(x).shape == (2, 7)
        n_features = remove_head(network)
        assert network(x).flatten(1).shape == (2, n_features)


@pytest.mark.parametrize("library", [of_torchvision, of_timm])
def test_a_resnet_in_the_classifier(library):
    factory = library("resnet18")
    for module in (factory, factory(), partial(FineTuned, model=factory(), frozen=True)):
        clf = short(module=module, max_epochs=1, image_size=32).fit(X, y)
        loaded = pickle.loads(pickle.dumps(clf))
        np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=1e-6)
    assert Embedder(factory, image_size=32).fit_transform(X).shape == (24, 512)
    assert any(isinstance(layer, nn.Conv2d) for layer in clf.module_.modules())
