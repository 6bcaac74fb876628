"""Real network views for tests, as methods get them from the training loop."""

import torch
from torch import nn

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.rows import as_rows
from sknoisy._training.build import make_run
from sknoisy._training.network_view import ModuleView
from sknoisy._training.training_set import TrainingSet

__all__ = ["linear_view", "module_view", "view_of"]


def view_of(clf, X, y, **params):
    """Return the view of a fitted classifier's network in a training on these rows."""
    shape, classes = clf.net_.row_shape_, clf.classes_
    data = TrainingSet.from_arrays(clf, X, y, classes=classes, row_shape=shape, **params)
    net, run, _ = make_run(clf, data, clf.net_)
    run.noise = net.noise_
    run.attach(net.view(run))
    return run.view


def module_view(module, X, y, n_classes=3, dtype=torch.float64, trusted=None, augment=None):
    """Return a view of a module in a training on these rows, without a fit.

    Parameters
    ----------
    module : Module
    X : array of shape (n_rows, ...)
    y : array of int of shape (n_rows,)
    n_classes : int, default=3
    dtype : torch.dtype, default=torch.float64
    trusted : array of bool of shape (n_rows,) or None, default=None
    augment : callable or None, default=None
        Makes a random view of a batch; None: the batch itself.
    """
    device, y = torch.device("cpu"), torch.as_tensor(y)
    data = LabelledRows(
        as_rows(X, device, dtype),
        y,
        torch.ones(len(y), dtype=dtype),
        trusted=None if trusted is None else torch.as_tensor(trusted),
    )
    module, augment = module.to(dtype), augment or nn.Identity()
    return ModuleView(module, n_classes, device, dtype, augment, data=data)


def linear_view(weight, X, y, **params):
    """Return a view of a linear network without bias, from its weight (n_features, n_classes)."""
    n_features, n_classes = weight.shape
    # Without an initialisation, which would draw random numbers.
    module = nn.utils.skip_init(nn.Linear, n_features, n_classes, bias=False)
    module.weight.data = torch.as_tensor(weight).T.contiguous()
    return module_view(module, X, y, n_classes, **params)
