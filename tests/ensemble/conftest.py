from functools import partial

import pytest

from sknoisy.ensemble import _model


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch):
    """Grow fewer trees, so that tests are short."""
    monkeypatch.setattr(_model, "fit_opinion_pool", partial(_model.fit_opinion_pool, n_trees=15))
