"""What all methods have in common, and methods written by users."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ELR, MAE, ClassLoss, CrossEntropy, Method, make_method

X, y = load_iris(return_X_y=True)


def train(method, **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 4, "random_state": 0, **params}).fit(X, y)


class MeanAbsoluteError(ClassLoss):
    def class_losses(self, logits):
        return 2 * (1 - torch.softmax(logits, -1))


class Scaled(ClassLoss):
    def __init__(self, factor=1.0):
        self.factor = factor  # super().__init__() is not called on purpose.

    def class_losses(self, logits):
        return self.factor * class_cross_entropy(logits)


class Learned(Method):
    """A scale for each row, learned with the network, and a count of the calls of four hooks."""

    per_sample = True

    def setup(self, net, y):
        self.scale = nn.Parameter(torch.ones(len(y), dtype=net.dtype))
        self.register_buffer("n_calls", torch.zeros(4))

    def on_epoch_start(self, net, evaluation):
        self.n_calls[0] += 1

    def prepare_batch(self, net, batch):
        self.n_calls[1] += 1
        return batch

    def loss(self, logits, batch):
        self.n_calls[2] += 1
        losses = class_cross_entropy(logits * self.scale[batch.index].unsqueeze(-1))
        return (losses * batch.target).sum(-1)

    def sample_weights(self, losses, batch):
        self.n_calls[3] += 1
        assert not losses.requires_grad
        return torch.ones_like(losses)


# ---- make_method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_name_gives_the_method_with_its_default_parameters(name):
    method = make_method(name)
    assert type(method) is METHODS[name]
    assert method.get_params() == METHODS[name]().get_params()


def test_an_instance_is_cloned():
    template = ELR(beta=0.5)
    method = make_method(template, lam=7)
    assert (method.beta, method.lam, template.lam) == (0.5, 7, "auto")
    assert method is not template


def test_an_unknown_parameter_is_named_in_the_error():
    with pytest.raises(ValueError, match="Invalid parameter 'betta' for estimator ELR"):
        make_method("elr", betta=1)


@pytest.mark.parametrize("method", [dict, "elr++", 3])
def test_what_is_no_method_is_refused(method):
    with pytest.raises(TypeError, match=r"among \[.*'ce', .*Got .*(dict|elr\+\+|3).* instead"):
        make_method(method)


# ---- every method --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_name_class_and_instance_give_the_same_predictions(name):
    expected = train(name).predict_proba(X)
    np.testing.assert_array_equal(train(METHODS[name]).predict_proba(X), expected)
    np.testing.assert_array_equal(train(METHODS[name]()).predict_proba(X), expected)


@pytest.mark.parametrize("name", [name for name, kind in METHODS.items() if kind.n_networks == 1])
def test_warm_up_for_all_epochs_is_cross_entropy(name):
    clf = train(name, warmup=4, smoothing=0.3)
    np.testing.assert_array_equal(clf.predict_proba(X), train("ce").predict_proba(X))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_an_estimator_and_a_module_that_can_be_pickled(name):
    clf = train(name)
    fitted = clf.method_
    assert fitted.get_params() == clone(fitted).get_params()
    assert not clone(fitted).state_dict()
    state = fitted.state_dict()
    loaded = pickle.loads(pickle.dumps(fitted)).state_dict()
    assert state.keys() == loaded.keys()
    assert all(torch.equal(state[k], loaded[k]) or state[k].isnan().any() for k in state)


def test_an_abstract_method_raises_an_error_that_names_what_to_define():
    class Empty(Method):
        pass

    class EmptyLoss(ClassLoss):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define loss\(logits, batch\)"):
        train(Empty)
    with pytest.raises(NotImplementedError, match=r"EmptyLoss must define class_losses\(logits\)"):
        train(EmptyLoss)


# ---- parameters are checked before the first epoch -----------------------------------------------


class EpochCounter(Callback):
    n_epochs = 0

    def on_epoch_begin(self, net, **kwargs):
        type(self).n_epochs += 1


SINGULAR = [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
WRONG_MATRICES = {
    "shape": np.eye(2),
    "no distribution": 0.9 * np.eye(3),
    "negative": np.eye(3) + [[0.1, -0.1, 0.0], [0.0] * 3, [0.0] * 3],
    "nan": np.full((3, 3), np.nan),
    "text": [["a"] * 3] * 3,
}
INVALID_IN_SETUP = [
    (name, {"transition_matrix": matrix})
    for name, kind in METHODS.items()
    if "transition_matrix" in kind().get_params()
    for matrix in [*WRONG_MATRICES.values(), *([SINGULAR] if name == "backward" else [])]
]
INVALID_ALONE = [
    (name, {parameter: value})
    for name, kind in METHODS.items()
    for parameter in kind._parameter_constraints
    for value in (object(), -1e9)
    if not (parameter == "log_zero" and value == -1e9)
]


@pytest.mark.parametrize(("name", "params"), [*INVALID_IN_SETUP, *INVALID_ALONE])
def test_invalid_parameters_are_refused_before_the_first_epoch(name, params):
    EpochCounter.n_epochs = 0
    clf = NoisyLabelClassifier(name, warmup=2, max_epochs=3, callbacks=[EpochCounter])
    clf.set_params(**{f"method__{key}": value for key, value in params.items()})
    with pytest.raises(ValueError, match=next(iter(params))):
        clf.fit(X, y)
    assert EpochCounter.n_epochs == 0


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_of_a_method_is_checked(name):
    assert set(METHODS[name]._parameter_constraints) == set(METHODS[name]().get_params())


@pytest.mark.parametrize("matrix", [None, np.eye(3)], ids=["None", "given"])
@pytest.mark.parametrize(
    ("call", "params"),
    [("fit", {}), ("partial_fit", {"classes": [0, 1, 2]})],
    ids=["fit", "partial"],
)
def test_trusted_samples_that_bagging_cannot_use_are_refused_before_the_first_epoch(
    matrix, call, params
):
    EpochCounter.n_epochs = 0
    clf = NoisyLabelClassifier("bagging", method__transition_matrix=matrix, warmup=2, max_epochs=3)
    clf.set_params(callbacks=[EpochCounter])
    with pytest.raises(ValueError, match="uses 'trusted' samples"):
        getattr(clf, call)(X, y, trusted=y == 0, **params)
    assert EpochCounter.n_epochs == 0
    getattr(clf, call)(X, y, **params)
    assert EpochCounter.n_epochs > 0


# ---- methods written by users --------------------------------------------------------------------


def test_a_class_loss_needs_no_init():
    p = train(MeanAbsoluteError).predict_proba(X)
    np.testing.assert_allclose(p, train(MAE, warmup=0).predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "shape"),
    [(lambda losses: losses.mean(-1), r"\(50,\)"),
     (lambda losses: torch.cat([losses, losses[:, :1]], -1), r"\(50, 4\)"),
     (lambda losses: losses.mean(-1, keepdim=True), r"\(50, 1\)"),
     (lambda losses: losses.mean(), r"\(\)")],
    ids=["one per sample", "one class too many", "one column", "a scalar"],
)  # fmt: skip
def test_class_losses_of_a_wrong_shape_are_refused(change, shape):
    class WrongShape(ClassLoss):
        def class_losses(self, logits):
            return change(class_cross_entropy(logits))

    message = rf"WrongShape.class_losses must return .* \(50, 3\).* Got one of shape {shape}"
    with pytest.raises(ValueError, match=message):
        train(WrongShape, batch_size=50)


@pytest.mark.parametrize("method", [Scaled, Scaled(1.0)], ids=["class", "instance"])
def test_a_class_whose_init_does_not_call_super(method):
    np.testing.assert_array_equal(train(method).predict_proba(X), train("ce").predict_proba(X))
    doubled = train(method, method__factor=2.0)
    plain = train("ce")
    assert doubled.history_[0, "train_loss"] > 1.5 * plain.history_[0, "train_loss"]


def test_parameters_of_a_class_written_by_a_user_can_be_searched():
    search = GridSearchCV(
        NoisyLabelClassifier(Scaled, max_epochs=2, random_state=0),
        {"method__factor": [1.0, 1e-12]},
        cv=2,
    ).fit(X, y)
    assert search.best_params_ == {"method__factor": 1.0}


def test_hooks_are_called_in_each_epoch_after_warm_up_and_parameters_are_learned():
    clf = train(Learned, warmup=1, batch_size=50)
    n_epochs, *n_batches = clf.method_.n_calls.tolist()
    assert n_epochs == 3
    assert n_batches == [9, 9, 9]
    assert (clf.method_.scale != 1).all()
    loaded = pickle.loads(pickle.dumps(clf))
    assert isinstance(loaded.method_.scale, nn.Parameter)
    assert torch.equal(loaded.method_.scale, clf.method_.scale)
    np.testing.assert_array_equal(
        loaded.partial_fit(X, y).predict_proba(X), clf.partial_fit(X, y).predict_proba(X)
    )


def test_a_method_may_contain_a_module():
    class WithModule(ClassLoss):
        def setup(self, net, y):
            self.mix = nn.Linear(net.n_classes, net.n_classes, bias=False, dtype=net.dtype)
            nn.init.eye_(self.mix.weight)

        def class_losses(self, logits):
            return class_cross_entropy(self.mix(logits))

    clf = train(WithModule)
    assert not torch.equal(clf.method_.mix.weight, torch.eye(3))
    assert isinstance(clone(clf.method_), WithModule)


def test_training_step_can_be_overridden():
    class Twice(CrossEntropy):
        def training_step(self, net, batch):
            step = super().training_step(net, batch)
            return step._replace(weight=2 * step.weight)

    params = {"optimizer": "sgd", "lr": 0.01}
    doubled = train(Twice, **params).predict_proba(X)
    np.testing.assert_allclose(
        doubled, train("ce", optimizer="sgd", lr=0.02).predict_proba(X), 1e-4
    )


def test_built_in_networks_get_the_parameters_that_suit_the_method():
    class WithModuleParams(CrossEntropy):
        module_params = {"dropout": 0.4, "bins": 3}

    first, *_, dropout, _ = NoisyLabelClassifier(WithModuleParams, max_epochs=1).fit(X, y).module_
    assert (first.lower_edge.shape, dropout.p) == ((4, 3), 0.4)
    plain = NoisyLabelClassifier(
        WithModuleParams, max_epochs=1, module__dropout=0.0, module__bins=0
    ).fit(X, y)
    assert [type(part).__name__ for part in list(plain.module_)[:2]] == ["Standardize", "Linear"]
    pictures = np.zeros((150, 1, 4, 4)) + y[:, None, None, None]
    images = NoisyLabelClassifier(WithModuleParams, max_epochs=1).fit(pictures, y)
    assert images.module_[-2].p == 0.4
    given = NoisyLabelClassifier(WithModuleParams, module=nn.Linear(4, 3), max_epochs=1).fit(X, y)
    assert isinstance(given.module_, nn.Linear)
