"""What all methods have in common, and methods that users write."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ELR, ClassLoss, CrossEntropy, Method, make_method

X, y = load_iris(return_X_y=True)


def train(method, **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 4, "random_state": 0, **params}).fit(X, y)


class Absolute(ClassLoss):
    def class_losses(self, logits):
        return 2 * (1 - torch.softmax(logits, -1))


class Scaled(ClassLoss):
    def __init__(self, factor=1.0):
        self.factor = factor  # and super().__init__() is not called

    def class_losses(self, logits):
        return self.factor * class_cross_entropy(logits)


class Learned(Method):
    """A temperature for each row, learned with the network, and a count of the moments."""

    per_sample = True

    def setup(self, net, y):
        self.scale = nn.Parameter(torch.ones(len(y), dtype=net.dtype))
        self.register_buffer("moments", torch.zeros(4))

    def on_epoch_start(self, net, evaluation):
        self.moments[0] += 1

    def prepare_batch(self, net, batch):
        self.moments[1] += 1
        return batch

    def loss(self, logits, batch):
        self.moments[2] += 1
        losses = class_cross_entropy(logits * self.scale[batch.index].unsqueeze(-1))
        return (losses * batch.target).sum(-1)

    def sample_weights(self, losses, batch):
        self.moments[3] += 1
        assert not losses.requires_grad
        return torch.ones_like(losses)


# ---- make_method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_names_lead_to_methods_with_their_defaults(name):
    made = make_method(name)
    assert type(made) is METHODS[name]
    assert made.get_params() == METHODS[name]().get_params()


def test_an_instance_is_an_example():
    example = ELR(beta=0.5)
    made = make_method(example, lam=7)
    assert (made.beta, made.lam, example.lam) == (0.5, 7, 3.0)
    assert made is not example


def test_unknown_parameters_are_named():
    with pytest.raises(ValueError, match="Invalid parameter 'betta' for estimator ELR"):
        make_method("elr", betta=1)
    with pytest.raises(TypeError, match=r"among \[.*'ce', .*Got <class 'dict'> instead"):
        make_method(dict)


# ---- every method --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_name_class_and_instance_are_the_same(name):
    expected = train(name).predict_proba(X)
    np.testing.assert_array_equal(train(METHODS[name]).predict_proba(X), expected)
    np.testing.assert_array_equal(train(METHODS[name]()).predict_proba(X), expected)


@pytest.mark.parametrize("name", [name for name, kind in METHODS.items() if kind.n_networks == 1])
def test_warm_up_for_all_epochs_is_cross_entropy(name):
    found = train(name, warmup=4, smoothing=0.3)
    np.testing.assert_array_equal(found.predict_proba(X), train("ce").predict_proba(X))


@pytest.mark.parametrize("name", METHODS)
def test_method_is_estimator_and_module(name):
    clf = train(name)
    fitted = clf.method_
    assert fitted.get_params() == clone(fitted).get_params()
    assert not clone(fitted).state_dict()
    state = fitted.state_dict()
    travelled = pickle.loads(pickle.dumps(fitted)).state_dict()
    assert state.keys() == travelled.keys()
    assert all(torch.equal(state[k], travelled[k]) or state[k].isnan().any() for k in state)


def test_abstract_methods_say_what_to_define():
    class Empty(Method):
        pass

    class EmptyLoss(ClassLoss):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define loss\(logits, batch\)"):
        train(Empty)
    with pytest.raises(NotImplementedError, match=r"EmptyLoss must define class_losses\(logits\)"):
        train(EmptyLoss)


# ---- a user's own --------------------------------------------------------------------------------


def test_class_without_init():
    assert train(Absolute, max_epochs=40, lr=0.01).score(X, y) > 0.9
    assert not np.array_equal(train(Absolute).predict_proba(X), train("ce").predict_proba(X))


@pytest.mark.parametrize("given", [Scaled, Scaled(1.0)], ids=["class", "instance"])
def test_class_whose_init_does_not_call_super(given):
    np.testing.assert_array_equal(train(given).predict_proba(X), train("ce").predict_proba(X))
    doubled = train(given, method__factor=2.0)
    plain = train("ce")
    assert doubled.history_[0, "train_loss"] > 1.5 * plain.history_[0, "train_loss"]


def test_parameters_of_an_own_class_can_be_searched():
    search = GridSearchCV(
        NoisyLabelClassifier(Scaled, max_epochs=2, random_state=0),
        {"method__factor": [1.0, 1e-12]},
        cv=2,
    ).fit(X, y)
    assert search.best_params_ == {"method__factor": 1.0}


def test_moments_come_when_they_should_and_parameters_are_learned():
    clf = train(Learned, warmup=1, batch_size=50)
    refits, *others = clf.method_.moments.tolist()
    assert refits == 3
    assert others == [9, 9, 9]
    assert (clf.method_.scale != 1).all()
    again = pickle.loads(pickle.dumps(clf))
    assert isinstance(again.method_.scale, nn.Parameter)
    assert torch.equal(again.method_.scale, clf.method_.scale)
    np.testing.assert_array_equal(
        again.partial_fit(X, y).predict_proba(X), clf.partial_fit(X, y).predict_proba(X)
    )


def test_a_method_may_hold_a_module():
    class WithModule(ClassLoss):
        def setup(self, net, y):
            self.mix = nn.Linear(net.n_classes, net.n_classes, bias=False, dtype=net.dtype)
            nn.init.eye_(self.mix.weight)

        def class_losses(self, logits):
            return class_cross_entropy(self.mix(logits))

    clf = train(WithModule)
    assert not torch.equal(clf.method_.mix.weight, torch.eye(3))
    assert isinstance(clone(clf.method_), WithModule)


def test_own_step_is_the_last_resort():
    class Twice(CrossEntropy):
        def training_step(self, net, batch):
            step = super().training_step(net, batch)
            return step._replace(weight=2 * step.weight)

    params = {"optimizer": "sgd", "lr": 0.01}
    doubled = train(Twice, **params).predict_proba(X)
    np.testing.assert_allclose(
        doubled, train("ce", optimizer="sgd", lr=0.02).predict_proba(X), 1e-4
    )


def test_built_in_networks_take_what_suits_the_method():
    class Own(CrossEntropy):
        module_params = {"dropout": 0.4, "bins": 3}

    first, *_, dropout, _ = NoisyLabelClassifier(Own, max_epochs=1).fit(X, y).module_
    assert (first.low.shape, dropout.p) == ((4, 3), 0.4)
    plain = NoisyLabelClassifier(Own, max_epochs=1, module__dropout=0.0, module__bins=0).fit(X, y)
    assert [type(part).__name__ for part in list(plain.module_)[:2]] == ["Standardize", "Linear"]
    pictures = np.zeros((150, 1, 4, 4)) + y[:, None, None, None]
    images = NoisyLabelClassifier(Own, max_epochs=1).fit(pictures, y)
    assert images.module_[-2].p == 0.4
    given = NoisyLabelClassifier(Own, module=nn.Linear(4, 3), max_epochs=1).fit(X, y)
    assert isinstance(given.module_, nn.Linear)
