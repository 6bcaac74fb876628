"""What only a GPU can show: compiled steps, pinned copies and trained networks on it."""

from functools import partial

import numpy as np
import pytest
import torch

from sknoisy.embeddings import Embedder
from sknoisy.networks import FineTuned
from tests.factories import short, small_images
from tests.networks.foreign import WithFC

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
X, y = small_images(200, n_channels=3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("precision", ["float32", "bf16-mixed"])
@pytest.mark.parametrize("compile", [False, True])
def test_the_cpu_and_the_gpu_agree(precision, compile):
    params = {"precision": precision, "compile": compile, "lr": 1e-3, "max_epochs": 10}
    clf = short(device="cuda", **params).fit(X, y)
    assert clf.score(X, y) == short(device="cpu", lr=1e-3, max_epochs=10).fit(X, y).score(X, y) == 1


def test_rows_that_stay_on_the_host_give_the_same_network(monkeypatch):
    expected = short(device="cuda").fit(X, y).predict_proba(X)
    monkeypatch.setattr("sknoisy._data.rows._fits", lambda data, device: False)
    actual = short(device="cuda").fit(X, y).predict_proba(X)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_networks_for_images_have_channels_last():
    clf = short(device="cuda", module=partial(FineTuned, model=WithFC())).fit(X, y)
    weight = clf.module_.backbone.stem.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_embeddings_are_those_of_the_cpu(tmp_path):
    network = WithFC()
    on_gpu = Embedder(network, device="cuda", cache=tmp_path).fit_transform(X)
    np.testing.assert_allclose(on_gpu, Embedder(network, device="cpu").fit_transform(X), atol=1e-4)
