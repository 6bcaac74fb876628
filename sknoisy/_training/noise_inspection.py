"""Estimates of the label noise for ``smoothing="auto"``: after warm-up, and out-of-bag.

Half of the rows are left out of warm-up. At its end, their labels are compared with the labels of
their neighbours in the features of the network, which was not trained on these rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy._label_noise.report import MAX_SAMPLES, NoiseReport, subsample
from sknoisy._training.network_view import ModuleView
from sknoisy.functional import cross_entropy, knn_label_distribution
from sknoisy.methods import EvaluationPass, Method

__all__ = [
    "in_warmup_half",
    "inspect_labels",
    "inspect_out_of_bag",
    "mean_loss",
    "report_out_of_bag",
]


def in_warmup_half(group: Tensor) -> Tensor:
    """Return a mask of the rows used in warm-up: a random half, the same in every training.

    It depends on the number of the group of a row, so that groups are not split.
    """
    # The fractional parts of multiples of the golden ratio are evenly spread, without a table.
    return (group * 2654435769) % 2**32 < 2**31


def inspect_labels(
    view: ModuleView, data: LabelledRows, epoch: int, warmed_up: bool
) -> NoiseReport:
    """Compare the labels of rows left out of warm-up with the labels of their neighbours."""
    index = torch.arange(len(data.rows)) if data.index is None else data.index
    # A label without a most likely class is neither clean nor noisy.
    decided = data.is_decided(index)
    index = index[decided] if decided.any() else index
    trained = in_warmup_half(index if data.groups is None else data.groups[index].cpu())
    used, left_out = index[trained], index[~trained]
    # If there are hardly any rows or groups, all of them are compared.
    can_compare = _are_comparable(data, left_out)
    evaluation = _evaluate_some(view, data, left_out if can_compare else index, epoch)
    if evaluation.groups is not None and not _are_comparable(data, index):
        raise ValueError(
            "smoothing='auto' compares the labels of samples of different groups, so 'groups' must "
            "have at least 2 groups."
        )
    features = evaluation.features if evaluation.features.dim() == 2 else evaluation.features[0]
    p = knn_label_distribution(features, evaluation.target, groups=evaluation.groups)
    memorized = 0.0
    if warmed_up and can_compare and len(used):
        loss_on_used = mean_loss(_evaluate_some(view, data, used, epoch))
        memorized = mean_loss(evaluation) - loss_on_used
    codes, probs = evaluation.y.cpu().numpy(), p.double().cpu().numpy()
    rows = _untrusted(np.arange(len(codes)), _to_numpy(evaluation.trusted))
    groups = _to_numpy(evaluation.groups)
    groups = None if groups is None else groups[rows]
    report = NoiseReport.from_predictions(
        codes[rows], probs[rows], "neighbours", memorized, groups=groups
    )
    return replace(report, n_trusted=len(codes) - len(rows))


def _are_comparable(data: LabelledRows, rows: Tensor) -> bool:
    """Tell whether there are several rows, of several groups if there are groups."""
    if data.groups is None:
        return len(rows) > 1
    return len(data.groups[rows.to(data.groups.device)].unique()) > 1


def inspect_out_of_bag(method: Method, data: LabelledRows, early: NoiseReport) -> NoiseReport:
    """Return a report from out-of-bag predictions, or the early report if there are none."""
    decided = data.is_decided(torch.arange(len(data.y)))
    n_classes = 0 if data.soft_labels is None else data.soft_labels.shape[1]
    codes = torch.where(decided.to(data.y.device), data.y, n_classes)
    report = report_out_of_bag(
        method, codes.cpu().numpy(), _to_numpy(data.trusted), _to_numpy(data.groups)
    )
    if report is None:
        return early
    kept = {name: getattr(early, name) for name in ("smoothing", "disagreement", "memorized")}
    return replace(report, **kept)


def report_out_of_bag(
    method: Method,
    codes: np.ndarray,
    trusted: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> NoiseReport | None:
    """Compare labels with out-of-bag predictions.

    Trusted labels are clean, and would hide the noise of the others. They are compared only if
    there are no others.

    Parameters
    ----------
    method : Method
        A method with its state.
    codes : ndarray of shape (n_rows,)
        Encoded labels of the rows of the last training; ``n_classes`` where no class is the most
        likely one.
    trusted : ndarray of bool of shape (n_rows,), default=None
        The rows whose labels are known to be clean.
    groups : ndarray of shape (n_rows,), default=None
        Numbers of the groups of the rows; None: each row is a group of its own.

    Returns
    -------
    NoiseReport or None
        With encoded labels as classes; None if no row has both a label and a prediction.
    """
    if method.oob_predictions is None:
        return None
    p = method.oob_predictions[0]
    if len(p) != len(codes):
        # Only warm-up has trained on these rows.
        return None
    is_known = ~p.isnan().any(dim=1).cpu().numpy()
    rows = np.flatnonzero(is_known & (codes < p.shape[1]))
    if not len(rows):
        return None
    n_rows, rows = len(rows), _untrusted(rows, trusted)
    groups = None if groups is None else groups[rows]
    # Networks trained at a negative rate rank samples well, but are over-confident.
    report = NoiseReport.from_predictions(
        codes[rows],
        p[torch.from_numpy(rows).to(p.device)].double().cpu().numpy(),
        "out-of-bag",
        labels_only=True,
        groups=groups,
    )
    report = replace(report, n_trusted=n_rows - len(rows))
    matrix = _given_matrix(method)
    return report if matrix is None else replace(report, transition_matrix=matrix)


def _untrusted(rows: np.ndarray, trusted: np.ndarray | None) -> np.ndarray:
    """Return the rows that are not trusted, or all rows if all are."""
    if trusted is None or trusted[rows].all():
        return rows
    return rows[~trusted[rows]]


def _to_numpy(values: Tensor | None) -> np.ndarray | None:
    return None if values is None else values.cpu().numpy()


def _given_matrix(method: Method) -> np.ndarray | None:
    """Return the transition matrix that was passed to the method, if it has such a parameter."""
    matrix = method.get_params(deep=False).get("transition_matrix")
    return None if matrix is None or isinstance(matrix, str) else np.array(matrix, dtype=float)


def _evaluate_some(
    view: ModuleView, data: LabelledRows, index: Tensor, epoch: int
) -> EvaluationPass:
    if len(index) > MAX_SAMPLES:
        index = index[torch.from_numpy(subsample(len(index)))]
    return view.evaluate(data.part(index), epoch)


def mean_loss(evaluation: EvaluationPass) -> float:
    """Return the weighted mean of the cross-entropy over samples and networks."""
    losses = cross_entropy(evaluation.logits, evaluation.target)
    losses = losses.mean(dim=0) if losses.dim() > 1 else losses
    return float(losses @ evaluation.weight / evaluation.weight.sum())
