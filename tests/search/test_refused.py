"""What cannot be trained together is refused with the reason."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import GradientNormClipping
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sknoisy import SmoothingSearchCV
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ClassLoss
from sknoisy.search import one_standard_error
from tests.factories import Branching
from tests.search.helpers import RATES, X, changed_mlp, double, y


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        (double("elr"), {}, "only a loss.*ELR is more"),
        (double("bagging"), {}, "Bagging is more"),
        (double("forward"), {}, "ForwardCorrection is more"),
        (double(callbacks=[GradientNormClipping()]), {}, "no place for callbacks"),
        (double(optimizer="lbfgs"), {}, "updates each parameter entry by itself.*Got LBFGS"),
        (StandardScaler(), {}, "must be a NoisyLabelClassifier, or a Pipeline that ends in one"),
        (make_pipeline(StandardScaler()), {}, r"Got StandardScaler\(\) instead"),
        (double(), {"smoothing": ["auto", 0]}, "must hold numbers. Got 'auto'"),
        (double(), {"param_grid": {"lr": [0.1, 0.2]}}, r"named method__\*. Got 'lr'"),
    ],
    ids=[
        "elr",
        "bagging",
        "forward",
        "callbacks",
        "lbfgs",
        "no classifier",
        "pipeline without classifier",
        "auto",
        "lr in the grid",
    ],
)
def test_what_cannot_be_trained_together_is_refused(estimator, params, message):
    search = SmoothingSearchCV(estimator, **{"smoothing": RATES, "cv": 2, **params})
    with pytest.raises(TypeError, match=f"(?s){message}.*GridSearchCV"):
        search.fit(X, y)


def test_unknown_parameter_of_the_grid_is_refused():
    search = SmoothingSearchCV(double("sce"), RATES, param_grid={"method__alfa": [1]}, cv=2)
    with pytest.raises(ValueError, match="Invalid parameter"):
        search.fit(X, y)


def test_grid_instead_of_rates_is_refused():
    with pytest.raises(TypeError, match=r"must be a sequence of rates. Got \{'smoothing'"):
        SmoothingSearchCV(double(), {"smoothing": [0, 0.2]}).fit(X, y)


def test_module_that_branches_is_refused():
    search = SmoothingSearchCV(double(module=Branching), RATES, cv=2)
    with pytest.raises(TypeError, match=r"Branching cannot be computed together.*Use GridSearchCV"):
        search.fit(X, y)


class BranchingOnRows(Branching):
    """A network whose operations depend on its rows, but not on its parameters."""

    def forward(self, x):
        return self.linear(x if x.abs().max() < 1e9 else 0 * x)


@pytest.mark.parametrize(
    "cv", [2, [(np.arange(80), np.arange(80, 120))]], ids=["two folds", "one fold"]
)
def test_module_that_branches_on_its_rows_is_refused(cv):
    """Also if all networks get the same rows, so that vmap could follow it."""
    search = SmoothingSearchCV(double(module=BranchingOnRows), RATES, cv=cv)
    with pytest.raises(
        TypeError, match=r"BranchingOnRows cannot be computed together.*Use GridSearchCV"
    ):
        search.fit(X, y)


class Power(ClassLoss):
    """A loss whose parameter decides what it computes."""

    def __init__(self, power=1):
        self.power = power

    def class_losses(self, logits):
        losses = class_cross_entropy(logits)
        return losses**2 if self.power == 2 else losses


def test_parameter_that_a_loss_branches_on_is_refused():
    search = SmoothingSearchCV(double(Power), [0], param_grid={"method__power": [1, 2]}, cv=2)
    with pytest.raises(TypeError, match=r"'power' of Power is something else; use GridSearchCV"):
        search.fit(X, y)


class AcrossRows(ClassLoss):
    """A loss that depends on the other rows."""

    def class_losses(self, logits):
        return -torch.log_softmax(logits, dim=1)


class LearnedScale(ClassLoss):
    """A loss with a parameter to learn."""

    def __init__(self):
        self.scale = nn.Parameter(torch.ones(()))

    def class_losses(self, logits):
        return class_cross_entropy(logits * self.scale)


class ReboundBuffer(nn.Module):
    """A network that binds a new tensor to its buffer instead of writing to it."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.register_buffer("mean", torch.zeros(n_in))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        return self.linear(x - self.mean)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": AcrossRows}, "loss for logits of shape"),
        ({"method": LearnedScale}, "LearnedScale is more"),
        ({"optimizer": torch.optim.Adafactor}, "Got Adafactor"),
        ({"module": ReboundBuffer}, "Copies of ReboundBuffer computed together give other results"),
        (
            {"module": changed_mlp(_2=nn.BatchNorm1d(12, momentum=None))},
            "cannot be computed together",
        ),
    ],
    ids=["loss across rows", "learned loss", "adafactor", "rebound buffer", "batch norm"],
)
def test_what_computes_something_else_together_is_refused(params, message):
    with pytest.raises(TypeError, match=f"{message}.*GridSearchCV"):
        SmoothingSearchCV(double(**params), RATES, cv=2).fit(X, y)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (lambda: TensorDataset(torch.tensor(X)), "cannot be split into folds; pass skorch.helper"),
        (lambda: DataLoader(TensorDataset(torch.tensor(X))), "X is a DataLoader"),
        (lambda: iter(X), "X is an iterator"),
    ],
    ids=["Dataset", "DataLoader", "iterator"],
)
def test_samples_that_cannot_be_split_are_refused(samples, message):
    with pytest.raises(TypeError, match=message):
        SmoothingSearchCV(double(), RATES).fit(samples(), y)


def test_missing_labels_are_refused_before_they_are_split():
    labels = np.where(np.arange(len(y)) < 2, np.nan, y)
    with pytest.raises(ValueError, match=r"y contains NaN: 2 of 207 .* first in row 0"):
        SmoothingSearchCV(double(), RATES).fit(X, labels)


@pytest.mark.parametrize("refit", [True, False, one_standard_error])
def test_a_search_whose_scores_are_all_nan_is_refused(refit):
    """It took the first candidate."""
    soft = 0.8 * np.eye(10)[y] + 0.02
    search = SmoothingSearchCV(double(), RATES, cv=2, scoring="accuracy", refit=refit)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="All scores of the sea") as got:
        search.fit(X, soft)
    assert not hasattr(search, "cv_results_")
    if refit is True:
        assert "ValueError: Classification metrics can't handle a mix" in str(got.value)
        assert "scoring=None" in str(got.value)
