"""What every method owes to scikit-learn and to its users, whatever it does in training."""

import functools
import os
import pickle
from unittest import SkipTest

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)
from skorch.callbacks import Callback
from torch.utils._python_dispatch import TorchDispatchMode

from sknoisy import METHODS, NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.methods import Method
from tests.factories import every_method, mostly_slow, short
from tests.views import view_of

ONE_NETWORK = [name for name, method in METHODS.items() if method.n_networks == 1]


# All methods have left warm-up after their first epoch.
warmed_up = functools.partial(short, warmup=1, batch_size=128)

# scikit-learn's checks ask for good scores, and whether random_state is None by default.
checked = functools.partial(short, max_epochs=20, batch_size=128, random_state=None)
CHECKED = [
    *(checked(name, precision="float64") for name in METHODS),
    checked(smoothing=-0.5, precision="float64"),
    checked(),
    SmoothingSearchCV(checked(precision="float64", random_state=0), [-1, 0, 0.4], cv=2),
]


# Methods whose training on repeated rows differs by nature from that on weighted rows, and why.
PARTNERS_AT_RANDOM: dict[str, str] = {
    "bagging": "copies of a row fall into different bags, a weighted row into one",
    "disturb_label": "a row of weight two is disturbed once, two equal rows are disturbed apart",
    "mixup": "a row of weight two is mixed once, two equal rows are mixed apart",
    "elr_plus": "samples are mixed in pairs drawn at random",
    "synthetic": "a sample given twice is its own nearest neighbour",
    "dividemix": "views and pairs are drawn at random",
    "co_learning": "views and pairs are drawn at random, and copies are told apart",
}


def _expected_failures(estimator):
    if not isinstance(estimator, NoisyLabelClassifier):
        return {}
    reason = PARTNERS_AT_RANDOM.get(estimator.method)
    if estimator.precision != "float64":
        reason = "compares to 1e-7, more digits than float32 has; see test_weights_repeat_rows"
    if reason is None:
        return {}
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


# Splitters ask whether labels are whole numbers, infinity among them.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
# A search goes on where a fold cannot be fitted, or has no sample of a class.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings(
    "ignore:The least populated class|One or more of the test|Scoring failed"
)
@parametrize_with_checks(CHECKED, expected_failed_checks=_expected_failures)
def test_scikit_learn(estimator, check):
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"scikit-learn skipped a check: {skipped}")


def test_scipy_reads_the_array_api():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


@every_method
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_scikit_learn_asks_of_its_own(method, check):
    check("NoisyLabelClassifier", NoisyLabelClassifier(method, max_epochs=2))


@every_method
@pytest.mark.parametrize("classes", [["no", "yes"], [3, 5, 15]])
def test_two_and_more_classes(method, classes, table):
    X, codes = table
    keep = codes < len(classes)
    X, y = X[keep], np.array(classes)[codes[keep]]
    clf = warmed_up(method, max_epochs=20).fit(X, y)
    assert_array_equal(clf.classes_, classes)
    p = clf.predict_proba(X)
    assert p.shape == (len(X), len(classes))
    assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    with np.errstate(divide="ignore"):
        assert_allclose(clf.predict_log_proba(X), np.log(p))
    assert_array_equal(clf.predict(X), clf.classes_[p.argmax(axis=1)])
    scores = clf.decision_function(X)
    assert scores.shape == ((len(X),) if len(classes) == 2 else p.shape)
    assert clf.score(X, y) > 0.7


@every_method
@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_images(method, smoothing, images):
    X, y = images
    clf = warmed_up(method, smoothing=smoothing, max_epochs=15).fit(X, y)
    assert clf.score(X, y) > 0.9


@every_method
@pytest.mark.parametrize("smoothing", [0.0, 0.3, -1.0])
def test_same_seed_same_bits(method, smoothing, table):
    first, second = (warmed_up(method, smoothing=smoothing).fit(*table) for _ in range(2))
    assert_array_equal(first.predict_proba(table[0]), second.predict_proba(table[0]))
    assert_array_equal(first.label_quality_, second.label_quality_)
    assert_array_equal(first.history_[:, "train_loss"], second.history_[:, "train_loss"])
    other = warmed_up(method, smoothing=smoothing, random_state=1).fit(*table)
    assert not np.array_equal(first.predict_proba(table[0]), other.predict_proba(table[0]))


@every_method
def test_clone_keeps_parameters_and_forgets_the_rest(method, table):
    clf = warmed_up(method, module__hidden=(8,), optimizer__weight_decay=0.01).fit(*table)
    twin = clone(clf)
    assert twin.get_params() == clf.get_params()
    assert {name for name in vars(twin) if name.endswith("_")} == set()
    assert_array_equal(twin.fit(*table).predict_proba(table[0]), clf.predict_proba(table[0]))


@every_method
def test_pickle_keeps_predictions_and_what_training_goes_on_from(method, table):
    clf = warmed_up(method).fit(*table)
    twin = pickle.loads(pickle.dumps(clf))
    assert_array_equal(twin.predict_proba(table[0]), clf.predict_proba(table[0]))
    assert_array_equal(twin.label_quality_, clf.label_quality_)
    for each in (clf, twin):
        each.partial_fit(*table)
    assert_array_equal(twin.predict_proba(table[0]), clf.predict_proba(table[0]))
    assert twin.n_iter_ == clf.n_iter_ == 5


@every_method
def test_all_a_method_learned_is_in_its_state_dict(method, table):
    clf, twin = (warmed_up(method).fit(*table) for _ in range(2))
    learned = clf.method_.state_dict()
    twin.method_.setup(view_of(twin, *table), torch.from_numpy(table[1]))
    twin.method_.load_state_dict(learned)
    for each in (clf, twin):
        each.partial_fit(*table)
    assert_array_equal(twin.predict_proba(table[0]), clf.predict_proba(table[0]))
    extra = set(vars(clf.method_)) - set(vars(Method())) - set(clf.method_.get_params())
    assert extra == set(), "state outside of buffers and parameters"


@every_method
def test_a_method_given_as_an_instance_is_an_example(method, table):
    given = METHODS[method]()
    params = given.get_params()
    clf = warmed_up(given).fit(*table)
    assert clf.method is given
    assert clf.method_ is not given
    assert given.get_params() == params
    assert not given.state_dict()
    assert_array_equal(
        clf.predict_proba(table[0]), warmed_up(method).fit(*table).predict_proba(table[0])
    )


class Listener(Callback):
    def on_train_begin(self, net, **kwargs):
        self.n_batches_ = 0

    def on_batch_end(self, net, batch, training, **kwargs):
        self.n_batches_ += training


@every_method
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_callback_that_only_listens_changes_nothing(method, optimizer, table):
    params = {"optimizer": optimizer, "batch_size": 32}
    plain = warmed_up(method, **params).fit(*table)
    heard = warmed_up(method, callbacks=[("ear", Listener)], **params).fit(*table)
    assert dict(heard.net_.callbacks_)["ear"].n_batches_ == 4 * 4
    assert_array_equal(heard.predict_proba(table[0]), plain.predict_proba(table[0]))
    assert_allclose(heard.history_[:, "train_loss"], plain.history_[:, "train_loss"], rtol=1e-6)


@pytest.mark.parametrize(
    "method", mostly_slow([name for name in METHODS if name not in PARTNERS_AT_RANDOM])
)
@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_weights_repeat_rows(method, smoothing, table):
    X, y = table
    weight = np.arange(len(X)) % 3
    # In mini-batches other rows would meet, so the two differ by nature.
    params = {"batch_size": -1, "smoothing": smoothing, "max_epochs": 8}
    weighted = warmed_up(method, **params).fit(X, y, sample_weight=weight)
    repeated = warmed_up(method, **params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize("method", mostly_slow(ONE_NETWORK))
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
def test_warmup_is_cross_entropy(method, params, table):
    warm = warmed_up(method, warmup=1.0, **params).fit(*table)
    plain = warmed_up("ce", warmup=0, **params).fit(*table)
    assert_array_equal(warm.predict_proba(table[0]), plain.predict_proba(table[0]))
    if method != "ce":
        begun = warmed_up(method, warmup=0, **params).fit(*table)
        assert not np.array_equal(begun.predict_proba(table[0]), plain.predict_proba(table[0]))


@every_method
@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "validation_fraction": 0.3}])
def test_every_row_has_a_label_quality(method, params, table):
    X, y = table
    weight = np.arange(len(X)) % 4
    clf = warmed_up(method, **params).fit(X, y, sample_weight=weight)
    assert clf.label_quality_.shape == (len(X),)
    assert ((clf.label_quality_ >= 0) & (clf.label_quality_ <= 1)).all()
    assert len(np.unique(clf.label_quality_)) > len(X) / 2


# ---- devices -------------------------------------------------------------------------------------


class Waits(TorchDispatchMode):
    """Note operations whose result a device must hand to Python, or whose shape it must tell."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "_unique", "isin", "is_nonzero")

    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        by_mask = name.startswith("index") and any(
            isinstance(i, torch.Tensor) and i.dtype == torch.bool
            for i in (args[1] if isinstance(args[1], list | tuple) else ())
        )
        if name.startswith(self.NAMES) or by_mask:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("method", "trusts"),
    [
        (name, trusts)
        for name in METHODS
        for trusts in (False, True)
        if METHODS[name]().uses_trusted >= trusts
    ],
)
def test_no_step_waits_for_a_device(method, trusts, table, monkeypatch):
    X, y = table
    found, step = [], METHODS[method].training_step

    def watched(self, net, batch):
        found.append([])
        with Waits(found[-1]):
            return step(self, net, batch)

    monkeypatch.setattr(METHODS[method], "training_step", watched)
    trusted = np.arange(len(X)) % 3 == 0 if trusts else None
    warmed_up(method, batch_size=32).fit(X, y, trusted=trusted)
    # In the first step torch checks the parameters of distributions, which are on the CPU.
    assert len(found) > 2
    assert not any(found[1:])
