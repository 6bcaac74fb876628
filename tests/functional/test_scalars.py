"""Numbers out of range are refused by functions of tensors, and tensors are not waited for."""

import math

import numpy as np
import pytest
import torch

from sknoisy.functional import (
    bound_logits,
    contrastive_loss,
    correct_log_predictions,
    correct_predictions,
    counts_to_transition,
    draw_mixture,
    fit_gaussian_mixture,
    gmm_clean_probability,
    knn_label_distribution,
    leading_eigenvectors,
    nearest_neighbors,
    neighborhood_divergence,
    one_hot,
    select_small_loss,
    self_and_nearest_neighbors,
    sharpen,
    smooth_labels,
    smoothing_rate_for_noise,
    squash_logits,
)

z = torch.randn(5, 3)
p, ones = torch.softmax(z, dim=-1), torch.ones(5)

CALLS = {
    "smooth_labels": ("rate", lambda v: smooth_labels(p, v), [2, math.nan, -math.inf]),
    "bound_logits": ("bound", lambda v: bound_logits(z, v), [0, -1, math.nan]),
    "squash_logits": ("bound", lambda v: squash_logits(z, v), [0, -1, math.nan]),
    "sharpen": ("temperature", lambda v: sharpen(p, v), [0, -1, math.nan]),
    "contrastive_loss": ("temperature", lambda v: contrastive_loss(z, z, v), [0, -1, math.nan]),
    "neighborhood_divergence": ("width", lambda v: neighborhood_divergence(z, z, v), [0, -1]),
    "select_small_loss": ("fraction", lambda v: select_small_loss(ones, ones, v), [-0.1, 1.1]),
    "draw_mixture": ("alpha", lambda v: draw_mixture(ones, v), [-1, math.nan, math.inf]),
    "leading_eigenvectors": ("tol", lambda v: leading_eigenvectors(z.T @ z[None], v), [-1]),
    "nearest_neighbors": ("k", lambda v: nearest_neighbors(z, z, v), [-1, math.nan, 2.5, 6]),
    "self_and_nearest_neighbors": (
        "n_neighbors",
        lambda v: self_and_nearest_neighbors(z, v),
        [-1, 2.5, None],
    ),
    "knn_label_distribution": ("k", lambda v: knn_label_distribution(z, p, v), [0, -1, 2.5]),
    "correct_predictions": (
        "n_iter",
        lambda v: correct_predictions(p, torch.eye(3), v),
        [-1, 2.5, None],
    ),
    "correct_log_predictions": (
        "n_iter",
        lambda v: correct_log_predictions(p.log(), torch.eye(3), v),
        [-1, 2.5, None],
    ),
    "gmm_clean_probability": (
        "max_iter",
        lambda v: gmm_clean_probability(z[:, 0], ones, v),
        [-1, 2.5, None],
    ),
    "fit_gaussian_mixture": (
        "max_iter",
        lambda v: fit_gaussian_mixture(z[:, 0], ones, v),
        [-1, 2.5, None],
    ),
    "one_hot": ("n_classes", lambda v: one_hot(torch.tensor([0]), v), [0, -1, 2.5, None]),
    "smoothing_rate_for_noise": (
        "memorized",
        lambda v: smoothing_rate_for_noise(0.2, 3, v),
        [None],
    ),
}


@pytest.mark.parametrize(
    ("function", "value"),
    [(name, value) for name, (_, _, values) in CALLS.items() for value in (*values, "a", True)],
)
def test_numbers_out_of_range_are_refused(function, value):
    name, call, _ = CALLS[function]
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of {function} must be .* Got {value!r}"
    ):
        call(value)


@pytest.mark.parametrize("rate", [1, -3, np.float32(0.5), torch.tensor(0.5), torch.tensor(2.0)])
def test_numbers_in_range_and_tensors_are_accepted(rate):
    assert smooth_labels(p, rate).shape == p.shape


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda m: counts_to_transition(m), ValueError, r"\(n_classes, n_classes\). Got \(2, 3\)"),
        (lambda m: correct_predictions(p, m), ValueError, r"shape \(3, 3\). Got \(2, 3\)"),
        (lambda m: correct_log_predictions(p.log(), m), ValueError, r"\(3, 3\). Got \(2, 3\)"),
        (lambda m: correct_predictions(p, m.numpy()), TypeError, "must be a Tensor. Got ndarray"),
        (lambda m: counts_to_transition(m.tolist()), TypeError, "must be a Tensor. Got list"),
    ],
)
def test_matrices_of_another_shape_are_refused(call, error, match):
    """The error was torch's, about sizes at a non-singleton dimension."""
    with pytest.raises(error, match=rf"'(counts|transition)' parameter of .*{match}"):
        call(torch.ones(2, 3))


def test_negative_counts_are_refused():
    """Their rows summed to one, with entries above 1 and below 0."""
    with pytest.raises(ValueError, match=r"'counts' parameter .* at least 0. Got -1"):
        counts_to_transition(torch.tensor([[3.0, -1.0], [1.0, 1.0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bound", [1e-200, 1e-30, 1e20, 1e200])
def test_bounds_whose_square_overflows_or_vanishes_are_used(bound, dtype):
    """A large bound raised OverflowError or made all logits zero, a small one made them NaN."""
    logits = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], dtype=dtype)
    centred = torch.tensor([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype=dtype)
    bounded = bound_logits(logits, bound)
    if bound > 1:
        torch.testing.assert_close(bounded, centred)
    else:
        assert bounded.isfinite().all() and 0 < bounded.norm() < 1e-15
