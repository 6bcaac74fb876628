"""Noisy problems whose transition matrix is known."""

import numpy as np

from sknoisy.noise import asymmetric, corrupt_labels, pair, symmetric
from sknoisy.transition import anchor_points, confident_joint, dual_t, most_confident

MATRICES = [np.eye(3), symmetric(3, 0.4), pair(3, 0.35), asymmetric(3, 0.4, {0: 1})]
FROM_PROBA = [most_confident, anchor_points, confident_joint, dual_t]


def noisy_problem(T, n=6000, doubt=0.05, seed=0):
    """Noisy labels by T, predictions of the Bayes-optimal model and the true labels."""
    local = np.random.default_rng(seed)
    true = local.integers(len(T), size=n)
    posterior = local.dirichlet(np.full(len(T), doubt), size=n) + 4 * np.eye(len(T))[true]
    posterior /= posterior.sum(axis=1, keepdims=True)
    return corrupt_labels(true, T, random_state=seed), posterior @ T, true
