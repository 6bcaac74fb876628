"""Fit of a transition matrix to the labels of neighbours."""

import numpy as np
from scipy.optimize import check_grad

from sknoisy._label_noise import hoc

rng = np.random.default_rng(0)


def test_gradient_of_hoc_objective():
    triples = rng.random((3, 3, 3))
    triples /= triples.sum()
    for _ in range(3):
        x = rng.normal(size=12)
        error = check_grad(
            lambda x: hoc._objective(x, triples)[0], lambda x: hoc._objective(x, triples)[1], x
        )
        assert error < 1e-6
