"""Classifiers that cannot be saved say what to use instead."""

import pickle

import pytest
from numpy.testing import assert_array_equal

from sknoisy.ensemble import OpinionPoolClassifier


def test_an_opinion_pool_says_how_it_is_stored(table, tmp_path):
    X, y = table
    pool = OpinionPoolClassifier([], random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=r"cannot store OpinionPoolClassifier.*Use pickle"):
        pool.save(tmp_path / "pool")
    assert not list(tmp_path.iterdir())
    loaded = pickle.loads(pickle.dumps(pool))
    assert_array_equal(loaded.predict_proba(X), pool.predict_proba(X))
