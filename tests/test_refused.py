"""Values that were accepted, and gave something else than their user meant."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import FeatureCorruption, RandomShift
from sknoisy.networks import CNN, MLP

X, y = load_iris(return_X_y=True)


def make(**params):
    return NoisyLabelClassifier(**{"method": "ce", "max_epochs": 2, **params})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"optimizer__lr": 0.1}, r"'optimizer__lr' parameter must not be given.*'lr'"),
        ({"lr_schedule": lambda progress: -1.0}, r"'lr_schedule' parameter must .* Got -1.0 at"),
        ({"lr_schedule": lambda progress: np.nan}, r"'lr_schedule' parameter must .* Got nan"),
        ({"lr_schedule": lambda progress: "fast"}, r"'lr_schedule' parameter must .* Got 'fast'"),
        ({"device": "cpu:3"}, r"'device' parameter .* 'cpu:3', which is not available"),
        ({"module__hidden": (0,)}, r"'hidden' parameter of MLP must .* Got \[0\]|\(0,\)"),
        ({"module__hidden": (8, True)}, "'hidden' parameter of MLP must"),
        ({"module__hidden": 2.5}, "'hidden' parameter of MLP must"),
        ({"module__dropout": np.nan}, "'dropout' parameter of MLP must .* Got nan"),
        ({"module__dropout": 1.0}, "'dropout' parameter of MLP must"),
        ({"max_epochs": True}, "'max_epochs' parameter of NoisyLabelClassifier must not be a bool"),
        ({"lr": True}, "'lr' parameter of NoisyLabelClassifier must not be a bool"),
        ({"smoothing": False}, "'smoothing' parameter of NoisyLabelClassifier must not be"),
        ({"method": "elr", "method__lam": True}, "'lam' parameter of ELR must not be a bool"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


@pytest.mark.parametrize("method", METHODS)
def test_default_parameters_of_no_method_are_refused(method):
    make(method=method).fit(X, y)


@pytest.mark.parametrize("kind", [FeatureCorruption, RandomShift])
@pytest.mark.parametrize("fraction", [2, -0.1, np.nan, True, "half"])
def test_fractions_of_views_are_in_range(kind, fraction):
    with pytest.raises(ValueError, match=f"'fraction' parameter of {kind.__name__} must"):
        kind(fraction)


@pytest.mark.parametrize(
    "params", [{"widths": (0,)}, {"pooled": 0}, {"hidden": -1}, {"dropout": -0.5}], ids=str
)
def test_parameters_of_the_cnn_are_in_range(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of CNN must"):
        CNN(1, 2, **params)
    assert MLP(2, 2, hidden=[]) is not None


def test_weights_that_single_precision_cannot_hold_together_are_refused():
    weight = np.where(np.arange(150) < 75, 1e300, 1e-300)
    with pytest.raises(ValueError, match=r"must not differ by more than torch.float32 can hold"):
        make().fit(X, y, weight)
    make().fit(X, y, np.full(150, 1e-300))
