"""How ``smoothing="auto"`` estimates the label noise: after warm-up, and from out-of-bag networks.

During warm-up, half of the rows are left out. When it ends, their labels are compared with those of
their neighbours in the features of the network, which has not been trained on them.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy._label_noise.report import MAX_SAMPLES, NoiseReport, subsample
from sknoisy._training.network_view import ModuleView
from sknoisy.functional import cross_entropy, knn_label_distribution
from sknoisy.methods import EvaluationPass, Method

__all__ = ["in_warmup_half", "inspect_labels", "inspect_out_of_bag"]


def in_warmup_half(index: Tensor) -> Tensor:
    """Tell which rows are trained on in warm-up: a random half, the same in every training."""
    # Multiples of the golden ratio have evenly spread fractions, so no table has to be kept.
    return (index * 2654435769) % 2**32 < 2**31


def inspect_labels(
    view: ModuleView, data: LabelledRows, epoch: int, warmed_up: bool
) -> NoiseReport:
    """Compare the labels that warm-up left out with those of their neighbours."""
    index = torch.arange(len(data.rows)) if data.index is None else data.index
    trained = in_warmup_half(index)
    seen, left_out = index[trained], index[~trained]
    # Half of very few rows would be too few.
    evaluation = _evaluate_some(view, data, left_out if len(left_out) > 1 else index, epoch)
    features = evaluation.features if evaluation.features.dim() == 2 else evaluation.features[0]
    p = knn_label_distribution(features, evaluation.target)
    memorized = 0.0
    if warmed_up and len(left_out) and len(seen):
        loss_on_seen = _mean_loss(_evaluate_some(view, data, seen, epoch))
        memorized = _mean_loss(evaluation) - loss_on_seen
    codes, probs = evaluation.y.cpu().numpy(), p.double().cpu().numpy()
    return NoiseReport.from_predictions(codes, probs, "neighbours", memorized)


def inspect_out_of_bag(method: Method, data: LabelledRows, early: NoiseReport) -> NoiseReport:
    """Replace an early report by one from out-of-bag predictions, where the method has some."""
    if method.oob_predictions is None:
        return early
    p = method.oob_predictions[0]
    rows = torch.nonzero(~p.isnan().any(dim=1)).squeeze(1)
    if not len(rows):
        return early
    codes, probs = data.y[rows].cpu().numpy(), p[rows].double().cpu().numpy()
    # Networks trained at a negative rate rank samples well, but are far too confident.
    report = NoiseReport.from_predictions(codes, probs, "out-of-bag", labels_only=True)
    kept = {name: getattr(early, name) for name in ("smoothing", "disagreement", "memorized")}
    return replace(report, **kept)


def _evaluate_some(
    view: ModuleView, data: LabelledRows, index: Tensor, epoch: int
) -> EvaluationPass:
    if len(index) > MAX_SAMPLES:
        index = index[torch.from_numpy(subsample(len(index)))]
    return view.evaluate(data.part(index), epoch)


def _mean_loss(evaluation: EvaluationPass) -> float:
    """Return the weighted mean cross-entropy of the labels, also over networks."""
    losses = cross_entropy(evaluation.logits, evaluation.target)
    losses = losses.mean(dim=0) if losses.dim() > 1 else losses
    return float(losses @ evaluation.weight / evaluation.weight.sum())
