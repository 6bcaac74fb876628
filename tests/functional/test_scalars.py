"""Numbers out of range are refused by functions of tensors, and tensors are not waited for."""

import math

import numpy as np
import pytest
import torch

from sknoisy.functional import (
    bound_logits,
    contrastive_loss,
    correct_predictions,
    draw_mixture,
    knn_label_distribution,
    nearest_neighbors,
    neighborhood_divergence,
    select_small_loss,
    sharpen,
    smooth_labels,
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
    "nearest_neighbors": ("k", lambda v: nearest_neighbors(z, z, v), [-1, math.nan]),
    "knn_label_distribution": ("k", lambda v: knn_label_distribution(z, p, v), [0, -1]),
    "correct_predictions": ("n_iter", lambda v: correct_predictions(p, torch.eye(3), v), [-1]),
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
