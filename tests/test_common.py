"""scikit-learn's checks of every method, and what every method promises its users."""

import functools
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
checked = functools.partial(short, max_epochs=12, batch_size=128, random_state=None)
CHECKED = {
    **{name: checked(name, precision="float64") for name in METHODS},
    "small bagging": checked("bagging", method__n_networks=2, max_epochs=10, precision="float64"),
    "smoothed": checked(smoothing=-0.5, precision="float64"),
    "float32": checked(),
    "search": SmoothingSearchCV(checked(precision="float64", random_state=0), [-1, 0, 0.4], cv=2),
}
# The others take minutes together.
FAST = ("ce", "elr", "small bagging")


# Methods for which a weighted row is not equivalent to a repeated row, and why.
NOT_EQUIVALENT: dict[str, str] = {
    "bagging": "bags are drawn by the order of the rows, which these checks change",
    "distilled_pool": "bags of trees are drawn by the order of the rows",
    "disturb_label": "the label of a weighted row is drawn once, those of two equal rows twice",
    "mixup": "a weighted row is mixed once, two equal rows are mixed independently",
    "gjs": "views are drawn at random",
    "cutmix": "samples are mixed in pairs drawn at random",
    "elr_plus": "samples are mixed in pairs drawn at random",
    "ssr": "a repeated sample takes the places of several neighbours",
    "synthetic": "a repeated sample is its own nearest neighbour",
    "dividemix": "views and pairs are drawn at random",
    "sop_plus": "views are drawn at random",
    "co_learning": "views and pairs are drawn at random, and copies are contrasted",
}


def _expected_failures(estimator):
    if not isinstance(estimator, NoisyLabelClassifier):
        return {}
    reason = NOT_EQUIVALENT.get(estimator.method)
    if METHODS[estimator.method].warmup == "auto":
        reason = "the samples left out of warm-up are drawn by the order of the rows"
    if estimator.precision != "float64":
        reason = "compares to 1e-7, but float32 has fewer digits; see test_weights_are_repetitions"
    if reason is None:
        return {}
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


with_checks = functools.partial(parametrize_with_checks, expected_failed_checks=_expected_failures)


def run_check(estimator, check):
    """Run a check, which must not skip itself."""
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"scikit-learn skipped a check: {skipped}")


@with_checks([CHECKED[name] for name in FAST])
def test_scikit_learn_checks(estimator, check):
    run_check(estimator, check)


@pytest.mark.slow
# Splitters ask whether labels are integers, and infinity is one of the labels.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
# A search continues if a fold cannot be fitted, or has no sample of a class.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings(
    "ignore:The least populated class|One or more of the test|Scoring failed"
)
@with_checks([estimator for name, estimator in CHECKED.items() if name not in FAST])
def test_scikit_learn_checks_of_all_methods(estimator, check):
    run_check(estimator, check)


@every_method
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_scikit_learn_runs_on_its_own_estimators(method, check):
    check("NoisyLabelClassifier", NoisyLabelClassifier(method, max_epochs=2))


@every_method
@pytest.mark.parametrize("classes", [["no", "yes"], [3, 5, 15]])
def test_two_and_more_classes_are_learned(method, classes, table):
    X, codes = table
    keep = codes < len(classes)
    X, y = X[keep], np.array(classes)[codes[keep]]
    clf = warmed_up(method, max_epochs=20).fit(X, y)
    assert_array_equal(clf.classes_, classes)
    p = clf.predict_proba(X)
    assert p.shape == (len(X), len(classes))
    assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    log_p = clf.predict_log_proba(X)
    assert np.isfinite(log_p).all()
    # Below the smallest normal number, single precision has fewer digits.
    assert_allclose(np.exp(log_p), p, rtol=1e-6, atol=np.finfo(np.float32).tiny)
    assert_array_equal(clf.predict(X), clf.classes_[p.argmax(axis=1)])
    scores = clf.decision_function(X)
    assert scores.shape == ((len(X),) if len(classes) == 2 else p.shape)
    assert clf.score(X, y) > 0.7


@every_method
@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_images_are_learned(method, smoothing, images):
    X, y = images
    clf = warmed_up(method, smoothing=smoothing, max_epochs=15).fit(X, y)
    assert clf.score(X, y) > 0.9


@every_method
@pytest.mark.parametrize("smoothing", [0.0, 0.3, -1.0])
def test_the_same_seed_gives_the_same_results(method, smoothing, table):
    first, second = (warmed_up(method, smoothing=smoothing).fit(*table) for _ in range(2))
    assert_array_equal(first.predict_proba(table[0]), second.predict_proba(table[0]))
    assert_array_equal(first.label_quality_, second.label_quality_)
    assert_array_equal(first.history_[:, "train_loss"], second.history_[:, "train_loss"])
    other = warmed_up(method, smoothing=smoothing, random_state=1).fit(*table)
    assert not np.array_equal(first.predict_proba(table[0]), other.predict_proba(table[0]))


@every_method
def test_clone_copies_only_parameters(method, table):
    clf = warmed_up(method, module__hidden=(8,), optimizer__weight_decay=0.01).fit(*table)
    copy = clone(clf)
    assert copy.get_params() == clf.get_params()
    assert {name for name in vars(copy) if name.endswith("_")} == set()
    assert_array_equal(copy.fit(*table).predict_proba(table[0]), clf.predict_proba(table[0]))


@every_method
def test_training_continues_the_same_after_pickling(method, table):
    clf = warmed_up(method).fit(*table)
    loaded = pickle.loads(pickle.dumps(clf))
    assert_array_equal(loaded.predict_proba(table[0]), clf.predict_proba(table[0]))
    assert_array_equal(loaded.label_quality_, clf.label_quality_)
    clf.partial_fit(*table)
    loaded.partial_fit(*table)
    assert_array_equal(loaded.predict_proba(table[0]), clf.predict_proba(table[0]))
    assert loaded.n_iter_ == clf.n_iter_ == 5


@every_method
def test_state_dict_holds_the_whole_state_of_a_method(method, table):
    clf, other = (warmed_up(method).fit(*table) for _ in range(2))
    other.method_.setup(view_of(other, *table), torch.from_numpy(table[1]))
    other.method_.load_state_dict(clf.method_.state_dict())
    clf.partial_fit(*table)
    other.partial_fit(*table)
    assert_array_equal(other.predict_proba(table[0]), clf.predict_proba(table[0]))
    extra = set(vars(clf.method_)) - set(vars(Method())) - set(clf.method_.get_params())
    assert extra == set(), "state outside of buffers and parameters"


@every_method
def test_a_method_given_as_an_instance_is_copied(method, table):
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


class CountsBatches(Callback):
    """Callback that only listens."""

    def on_train_begin(self, net, **kwargs):
        self.n_batches_ = 0

    def on_batch_end(self, net, batch, training, **kwargs):
        self.n_batches_ += training


@every_method
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_callback_that_only_listens_changes_nothing(method, optimizer, table):
    params = {"optimizer": optimizer, "batch_size": 32}
    plain = warmed_up(method, **params).fit(*table)
    observed = warmed_up(method, callbacks=[("counter", CountsBatches)], **params).fit(*table)
    assert dict(observed.net_.callbacks_)["counter"].n_batches_ == 4 * 4
    assert_array_equal(observed.predict_proba(table[0]), plain.predict_proba(table[0]))
    assert_allclose(observed.history_[:, "train_loss"], plain.history_[:, "train_loss"], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.* of the samples are copies")
@pytest.mark.parametrize(
    "method", mostly_slow([name for name in METHODS if name not in NOT_EQUIVALENT])
)
@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_weights_are_repetitions(method, smoothing, table):
    X, y = table
    weight = np.arange(len(X)) % 3
    # Mini-batches would consist of other rows, and single precision rounds the sums of losses.
    params = {"batch_size": -1, "smoothing": smoothing, "max_epochs": 8, "precision": "float64"}
    weighted = warmed_up(method, **params).fit(X, y, sample_weight=weight)
    repeated = warmed_up(method, **params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


@every_method
def test_a_class_without_weight_is_not_learned(method, table):
    """The balance of the classes had a gradient that is not a number."""
    X, y = table
    clf = warmed_up(method, max_epochs=10).fit(X, y, sample_weight=y != 2)
    assert clf.score(X[y != 2], y[y != 2]) > 0.7


@pytest.mark.parametrize("method", mostly_slow(ONE_NETWORK))
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
def test_warm_up_is_cross_entropy(method, params, table):
    warm = warmed_up(method, warmup=1.0, **params).fit(*table)
    plain = warmed_up("ce", warmup=0, **params).fit(*table)
    assert_array_equal(warm.predict_proba(table[0]), plain.predict_proba(table[0]))
    if method != "ce":
        without = warmed_up(method, warmup=0, **params).fit(*table)
        assert not np.array_equal(without.predict_proba(table[0]), plain.predict_proba(table[0]))


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


class RecordsSynchronisations(TorchDispatchMode):
    """Record operations that wait for a device: Python needs their result or its shape."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "_unique", "isin", "is_nonzero")

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        by_mask = name.startswith("index") and any(
            isinstance(i, torch.Tensor) and i.dtype == torch.bool
            for i in (args[1] if isinstance(args[1], list | tuple) else ())
        )
        if name.startswith(self.NAMES) or by_mask:
            self.operations.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("method", "uses_trusted"),
    [
        (name, uses_trusted)
        for name in METHODS
        for uses_trusted in (False, True)
        if METHODS[name]().uses_trusted >= uses_trusted
    ],
)
def test_no_training_step_waits_for_a_device(method, uses_trusted, table, monkeypatch):
    X, y = table
    steps, training_step = [], METHODS[method].training_step

    def recorded(self, net, batch):
        with RecordsSynchronisations() as record:
            step = training_step(self, net, batch)
        steps.append(record.operations)
        return step

    monkeypatch.setattr(METHODS[method], "training_step", recorded)
    trusted = np.arange(len(X)) % 3 == 0 if uses_trusted else None
    warmed_up(method, batch_size=32).fit(X, y, trusted=trusted)
    # In the first step torch checks the parameters of distributions, which are on the CPU.
    assert len(steps) > 2
    assert not any(steps[1:])


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x.masked_fill_(x > 0, 0).nonzero(),
        lambda x: bool(x.any()),
        lambda x: x.unique(),
    ],
    ids=["item", "mask", "nonzero", "bool", "unique"],
)
def test_operations_that_wait_for_a_device_are_recorded(wait):
    with RecordsSynchronisations() as record:
        wait(torch.ones(3))
    assert record.operations
