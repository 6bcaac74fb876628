"""Wrong parameters and modules are refused with an error that names them."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GCE
from tests.factories import short

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
y = np.arange(60) % 3
images = rng.random((60, 3, 8, 8))


# ---- parameters ----------------------------------------------------------------------------------

WRONG_VALUES = {
    "smoothing": [1.5, np.nan, -np.inf, "0.1", None],
    "method": ["smothing", "CE", None, 3, dict, nn.Linear],
    "module": [3, "mlp", int],
    "warmup": [-1, 1.5, np.nan, "none", None],
    "logit_bound": [0, -1, np.inf, np.nan, "high"],
    "class_weight": ["auto", 3],
    "augment": ["flip", 3],
    "image_size": [0, -1, 8.0, "8", (8,), (8, 0), (8, 8, 3), [4, True]],
    "optimizer": ["Adm", 3, int],
    "lr": [0, -1, np.nan, np.inf, "0.1", None],
    "lr_schedule": ["cos", 3],
    "max_epochs": [0, -3, 2.5, None],
    "batch_size": [0, -5, 32.0, None],
    "precision": ["half", 16],
    "compile": ["yes", 1, None],
    "early_stopping": ["yes", 2, None],
    "validation_fraction": [0, 1, 1.5, np.nan],
    "n_iter_no_change": [0, 2.5],
    "device": ["gpu", "cuda:99", 3],
    "deterministic": ["yes", 1, None],
    "checkpoint": [3, 1.5, ["folder"]],
    "checkpoint_every": [0, -1, 1.5, "2", None],
    "random_state": ["x", -1, 1.5],
    "warm_start": ["yes"],
    "verbose": ["yes", -1],
    "callbacks": [5, "off", [5], [ValueError], [("name",)]],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_VALUES.items() for value in values]
)
def test_wrong_parameter_is_refused(name, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        short(**{name: value}).fit(X, y)
    message = str(caught.value)
    assert f"'{name}' parameter" in message
    assert repr(value) in message
    assert re.search("must be|use ", message)


def test_every_parameter_has_wrong_values():
    assert set(WRONG_VALUES) == set(short().get_params())


def test_error_lists_the_names_of_methods():
    with pytest.raises(ValueError, match=r"must be a str among .*'ce'.*Got 'smothing' instead"):
        short(method="smothing").fit(X, y)


def test_validation_fraction_that_leaves_no_training_rows_is_refused():
    with pytest.raises(ValueError, match=r"validation_fraction=0.999, 60 samples leave none"):
        short(early_stopping=True, validation_fraction=0.999).fit(X, y)


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("gce", "q", 0),
        ("gce", "q", 2.0),
        ("gce", "q", "a"),
        ("js", "label_weight", 0),
        ("gjs", "label_weight", 1.0),
        ("jal", "scale", 0.5),
        ("jal", "alpha", -1),
        ("anl", "beta", -1),
        ("bi_tempered", "t1", 1.5),
        ("bi_tempered", "t2", 0.5),
        ("peer", "alpha", -0.1),
        ("peer", "bound", 0),
        ("cores2", "beta", -1),
        ("cores2", "sieve_epoch", 2.5),
        ("elr", "beta", 1.0),
        ("elr", "beta", -0.1),
        ("elr", "lam", -1),
        ("elr", "lam", np.nan),
        ("co_teaching", "forget_rate", 1.0),
        ("co_teaching", "forget_rate", -0.1),
        ("co_teaching", "forget_rate", "x"),
        ("co_teaching", "ramp_epochs", 0),
        ("co_teaching", "ramp_epochs", 2.5),
        ("selc", "momentum", 1.1),
        ("selc", "momentum", None),
        ("ssr", "relabel_threshold", 1.5),
        ("ssr", "select_threshold", -0.1),
        ("ssr", "n_neighbors", 0),
        ("ssr", "balanced", "yes"),
        ("ssr", "every", 0),
        ("l2rw", "trusted_batch", 0),
        ("l2rw", "trusted_fraction", 0),
        ("cutmix", "alpha", -1),
        ("cutmix", "probability", 1.5),
        ("pencil", "label_lr", -1),
        ("pencil", "compatibility", "none"),
        ("pencil", "entropy", -0.1),
        ("pencil", "label_epochs", 1.5),
        ("jocor", "agreement", 1.0),
        ("jocor", "agreement", "auto"),
        ("jocor", "forget_rate", "x"),
        ("jocor", "ramp_epochs", 0),
        ("trimmed", "forget_rate", 1.0),
        ("truncated_gce", "threshold", 1.0),
        ("truncated_gce", "interval", 0),
    ],
)
def test_wrong_parameter_of_a_method_is_refused(method, name, value):
    clf = short(method=method, **{f"method__{name}": value})
    with pytest.raises(ValueError, match=f"'{name}' parameter .* must be .*Got {value!r} instead"):
        clf.fit(X, y)


def test_wrong_parameter_of_a_method_instance_is_refused():
    with pytest.raises(ValueError, match=r"'q' parameter of GCE .* \(0.0, 1.0\]. Got 3 instead"):
        short(method=GCE(q=3)).fit(X, y)


# ---- misspelt names ------------------------------------------------------------------------------


def test_misspelt_parameter_is_refused_immediately():
    with pytest.raises(TypeError, match="unexpected keyword argument 'smothing'"):
        NoisyLabelClassifier(smothing=1)
    with pytest.raises(ValueError, match="Invalid parameter 'smothing' for estimator"):
        short().set_params(smothing=1)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"optimizr__lr": 0.1}, "Invalid parameter 'optimizr__lr'.*'optimizer__'"),
        ({"module__": 1}, "Invalid parameter 'module__'"),
        ({"module__hiden": 3}, "Invalid parameter 'module__hiden': MLP takes .*'hidden'"),
        ({"module__bins": "all"}, r"'bins' parameter of MLP must be 'auto' or an int .* Got 'all'"),
        ({"module__bins": -2}, r"'bins' parameter of MLP must .* \[0, inf\). Got -2"),
        (
            {"method": "bagg"},
            r"'method' parameter .* among \['anl', 'backward', 'bagging', .*Got 'bagg'",
        ),
        ({"optimizer__momentun": 0.9}, "'optimizer__momentun': Adam takes .*'betas'"),
        ({"optimizer": "sgd", "optimizer__momentun": 0.9}, "SGD takes .*'momentum'"),
        ({"method__betta": 1}, "Invalid parameter 'betta' for estimator CrossEntropy"),
        (
            {"method": "elr", "method__betta": 1},
            r"'betta' .*parameters are: \['beta', 'consistency', 'lam'\]",
        ),
        ({"callbacks__nothere__x": 1}, "callbacks__nothere__x|nothere"),
        ({"callbacks__epoch_timer__x": 1}, "Invalid parameter 'x' for estimator .*EpochTimer"),
        ({"module": nn.Linear(4, 3), "module__x": 1}, r"\['module__x'\] have no effect"),
        ({"module": nn.Linear, "module__in_featurs": 4}, "Linear takes .*'in_features'"),
    ],
    ids=lambda value: next(reversed(value)) if isinstance(value, dict) else "",
)
def test_misspelt_parameter_of_a_component_is_refused_in_fit(params, match):
    clf = short(**params)
    with pytest.raises((ValueError, TypeError), match=match):
        clf.fit(X, y)


# ---- modules -------------------------------------------------------------------------------------


class LinearThen(nn.Module):
    """A linear layer, and then a function."""

    def __init__(self, then):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.then = then

    def forward(self, x):
        return self.then(self.layer(x))


WRONG_MODULES = {
    "too wide": (
        nn.Linear(4, 8),
        r"Linear returned shape \(2, 8\) .* 3 classes: expected \(2, 3\)",
    ),
    "too narrow": (nn.Linear(4, 2), r"Linear returned shape \(2, 2\)"),
    "other columns": (nn.Linear(5, 3), r"Linear.*\(2, 4\)"),
    "tuple": (
        LinearThen(lambda z: (z, z)),
        r"LinearThen returned tuple, .* shape \(2, 3\) was expected",
    ),
    "list": (LinearThen(lambda z: [z]), "LinearThen returned list"),
    "None": (LinearThen(lambda z: None), "LinearThen returned NoneType"),
    "numpy": (LinearThen(lambda z: z.detach().numpy()), "LinearThen returned ndarray"),
    "1-D": (LinearThen(lambda z: z[:, 0]), r"LinearThen returned shape \(2,\)"),
    "3-D": (LinearThen(lambda z: z[None]), r"LinearThen returned shape \(1, 2, 3\)"),
    "scalar": (LinearThen(torch.sum), r"LinearThen returned shape \(\)"),
    "NaN": (LinearThen(lambda z: z * np.nan), "LinearThen returned NaN or infinity"),
    "inf": (LinearThen(lambda z: z / 0), "LinearThen returned NaN or infinity"),
    "integers": (LinearThen(torch.Tensor.long), "LinearThen returned .*int64"),
    "complex": (LinearThen(lambda z: z + 1j), "LinearThen returned .*complex"),
    "no gradient": (LinearThen(torch.Tensor.detach), "LinearThen.*gradient"),
}


@pytest.mark.parametrize(("module", "match"), WRONG_MODULES.values(), ids=WRONG_MODULES)
def test_wrong_output_of_a_module_is_refused(module, match):
    with pytest.raises((ValueError, TypeError), match=f"(?s)'module' parameter.*{match}"):
        short(module=module).fit(X, y)


def test_wrong_output_of_two_networks_is_refused():
    with pytest.raises(ValueError, match=r"Linear returned shape .*8\) .* 3 classes"):
        short(module=nn.Linear(4, 8), method="co_teaching").fit(X, y)


def test_function_that_returns_no_module_is_refused():
    with pytest.raises((ValueError, TypeError), match=r"'module' parameter.*makes 3"):
        short(module=lambda: 3).fit(X, y)


def test_sizes_that_contradict_the_data_are_refused():
    with pytest.raises(ValueError, match=r"n_in=7 columns or channels\. Got 4"):
        short(module__n_in=7).fit(X, y)
    with pytest.raises(ValueError, match=r"returned shape \(2, 7\) but y has 3 classes"):
        short(module__n_out=7).fit(X, y)


def test_probabilities_instead_of_logits_give_a_warning():
    with pytest.warns(UserWarning, match="LinearThen seems to return probabilities; return logits"):
        short(module=LinearThen(nn.Softmax(dim=1))).fit(X, y)
