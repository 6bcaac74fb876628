"""SHAP and captum: what the predictions depend on."""

import numpy as np
import pytest
import torch

from tests.factories import short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def clf():
    return short(max_epochs=20).fit(X, y)


def test_captum_attributes_to_the_column_that_decides(clf):
    captum = pytest.importorskip("captum.attr")
    rows = torch.from_numpy(X[:50])
    parts = captum.IntegratedGradients(clf.module_).attribute(rows, target=1).abs().mean(dim=0)
    assert int(parts.argmax()) == 0
    assert parts[0] > 3 * parts[1:].max()


def test_shap_attributes_to_the_column_that_decides(clf):
    shap = pytest.importorskip("shap")
    explained = shap.Explainer(clf.predict_proba, X[:50], seed=0)(X[:20])
    assert explained.values.shape == (20, 3, 2)
    parts = np.abs(explained.values[:, :, 1]).mean(axis=0)
    assert parts[0] > 3 * parts[1:].max()
