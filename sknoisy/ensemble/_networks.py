"""Opinions of a NoisyLabelClassifier about the given labels, which its predictions correct."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.samples import rows_to_predict
from sknoisy._runtime.threads import limit_threads
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods.bagging import Bagging

__all__ = ["given_label_proba", "out_of_bag_proba"]


def given_label_proba(clf: NoisyLabelClassifier, X: np.ndarray) -> np.ndarray:
    """Predict probabilities of the given labels for new samples, (n_samples, n_classes)."""
    method = clf.method_
    if isinstance(method, Bagging):
        return _softmax_of_networks(clf, X).mean(dim=0).numpy()
    proba = clf.predict_proba(X).astype(np.float64)
    matrix = None if method.oob_predictions is None else method.oob_predictions[1]
    return proba if matrix is None else proba @ matrix.double().cpu().numpy()


def out_of_bag_proba(
    clf: NoisyLabelClassifier, X: np.ndarray, groups: np.ndarray
) -> np.ndarray | None:
    """Return out-of-bag probabilities of the given labels, or None if the method has none.

    Of a bagged ensemble they are those of the trained networks without dropout. The ones that the
    method records are of each training step: noisier, and of networks that were still learning.

    Parameters
    ----------
    clf : NoisyLabelClassifier
    X : ndarray of shape (n_samples, ...)
        The samples that it was fitted to.
    groups : ndarray of shape (n_samples,), int
        Their groups, numbered by first appearance.

    Returns
    -------
    ndarray of shape (n_samples, n_classes) or None
        NaN for samples without such a prediction.
    """
    method = clf.method_
    if isinstance(method, Bagging):
        bags = method.bags.cpu()
        is_out = ~bags[:, torch.from_numpy(groups) % bags.shape[1]]
        weights = (is_out / is_out.sum(dim=0)).double()
        return torch.einsum("mn,mnk->nk", weights, _softmax_of_networks(clf, X)).numpy()
    if method.oob_predictions is None:
        return None
    return method.oob_predictions[0].double().cpu().numpy()


def _softmax_of_networks(clf: NoisyLabelClassifier, X: np.ndarray) -> Tensor:
    """Predict with each network in evaluation mode, (n_networks, n_samples, n_classes)."""
    net = clf.net_
    device = torch.device(net.device)
    rows = rows_to_predict(clf, X, net.row_shape_, device, net.dtype, net.columns_)
    with limit_threads(net.flops_per_step(rows)):
        logits = torch.cat(list(net.forward_iter(LabelledRows(rows))), dim=1)
    return torch.softmax(logits.double(), dim=-1)
