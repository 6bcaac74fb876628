"""Out-of-sample predictions of models, and checks of what is passed instead of them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.noise import corrupt_labels
from sknoisy.plots import LabelQualityDisplay, LossDistributionDisplay, MemorizationDisplay
from sknoisy.search import SmoothingSearchCV
from sknoisy.transition import (
    anchor_points,
    confident_joint,
    dual_t,
    gold,
    hoc,
    most_confident,
    noise_rate,
)

X, true = make_blobs(300, centers=np.eye(3) * 5, random_state=0)
y = corrupt_labels(true, 0.2, exact=True, random_state=0)
words = np.array(["ant", "bee", "cow"])
trusted = np.arange(300) < 60


def gold_with_mask(clf_or_proba, y, **params):
    return gold(clf_or_proba, y, trusted[: len(y)], **params)


ESTIMATES = [most_confident, anchor_points, confident_joint, dual_t, gold_with_mask, noise_rate]
TAKE_A_MODEL = [*ESTIMATES, find_label_issues]


def short(method="bagging", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 4, "random_state": 0, **params})


@pytest.fixture(scope="module")
def clf():
    return short().fit(X, y)


@pytest.fixture(scope="module")
def proba(clf):
    return clf.method_.out_of_bag.double().numpy()


# ---- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ESTIMATES)
def test_a_classifier_stands_for_its_out_of_bag_predictions(function, clf, proba):
    params = {"random_state": 0, "n_resamples": 10} if function is noise_rate else {}
    assert_array_equal(function(clf, y, **params), function(proba, y, **params))


def test_rows_without_predictions_are_left_out():
    weight = np.where(np.arange(300) % 3, 1.0, 0.0)
    fitted = short().fit(X, y, weight)
    rows = np.flatnonzero(weight)
    p = fitted.method_.out_of_bag.double().numpy()[rows]
    assert_array_equal(most_confident(fitted, y), most_confident(p, y[rows]))
    assert_array_equal(gold(fitted, y, trusted), gold(p, y[rows], trusted[rows]))


@pytest.mark.filterwarnings("ignore:The networks are undertrained")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda clf: make_pipeline(StandardScaler(), clf),
        lambda clf: GridSearchCV(clf, {"max_epochs": [2]}, cv=2),
        lambda clf: RandomizedSearchCV(clf, {"max_epochs": [2]}, n_iter=1, cv=2),
        lambda clf: GridSearchCV(make_pipeline(clf), {"noisylabelclassifier__lr": [0.01]}, cv=2),
        lambda clf: make_pipeline(GridSearchCV(clf, {"max_epochs": [2]}, cv=2)),
    ],
    ids=["pipeline", "grid", "random", "grid of a pipeline", "pipeline of a grid"],
)
def test_models_that_contain_a_classifier(wrap):
    model = wrap(short()).fit(X, y)
    inner = model
    while not isinstance(inner, NoisyLabelClassifier):
        inner = inner.best_estimator_ if hasattr(inner, "best_estimator_") else inner[-1]
    assert_array_equal(most_confident(model, y), most_confident(inner, y))
    pd.testing.assert_frame_equal(find_label_issues(model, y), find_label_issues(inner, y))
    assert MemorizationDisplay.from_estimator(model).ax_ is not None


@pytest.mark.parametrize("function", TAKE_A_MODEL)
def test_models_without_out_of_sample_predictions_raise(function):
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    for model in (forest, make_pipeline(forest), GridSearchCV(forest, {}, cv=2).fit(X, y)):
        with pytest.raises(TypeError, match="RandomForestClassifier has no out-of-sample"):
            function(model, y)
    with pytest.raises(TypeError, match="'passthrough' has no out-of-sample"):
        function(make_pipeline(StandardScaler(), "passthrough"), y)
    with pytest.raises(ValueError, match=r"CrossEntropy has no out-of-sample .* cross_val_predict"):
        function(short("ce", max_epochs=1).fit(X, y), y)
    search = SmoothingSearchCV(short("ce"), smoothing=[0.0, -1.0], cv=2).fit(X, y)
    with pytest.raises(ValueError, match="CrossEntropy has no out-of-sample"):
        function(search, y)
    for model in (short(), GridSearchCV(short(), {}), make_pipeline(short())):
        with pytest.raises(NotFittedError):
            function(model, y)
    with pytest.raises(ValueError, match="GridSearchCV with refit=False has no fitted model"):
        function(GridSearchCV(LogisticRegression(), {}, cv=2, refit=False).fit(X, y), y)
    with pytest.raises(TypeError, match=r"a fitted model\. Got the class NoisyLabelClassifier"):
        function(NoisyLabelClassifier, y)


def test_a_frame_with_a_column_named_fit_is_no_model():
    labels = np.array(["fit", "predict", "score"])
    p = pd.DataFrame(np.full((300, 3), 1 / 3), columns=labels)
    assert most_confident(p, labels[y]).shape == (3, 3)


def test_classes_come_from_the_classifier(clf):
    with pytest.raises(ValueError, match=r"'classes' parameter of most_confident must be None"):
        most_confident(clf, y, classes=[0, 1, 2])


# ---- other labels --------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*TAKE_A_MODEL, LabelQualityDisplay.from_estimator])
def test_labels_of_another_fit_raise(function, clf):
    other, args = y.copy(), (X,) if "from_estimator" in function.__name__ else ()
    other[[7, 50]] = (other[[7, 50]] + 1) % 3
    message = rf"2 of 300 labels differ, first at position 7: {other[7]} instead of {y[7]}\.$"
    with pytest.raises(ValueError, match=message):
        function(clf, *args, other)
    with pytest.raises(ValueError, match=r"\d+ of 300 .* same labels in another order"):
        function(clf, *args, y[::-1])
    with pytest.raises(ValueError, match=r"(?i)300 samples|numbers of samples: \[299, 300\]"):
        function(clf, *args, y[1:])


@pytest.mark.parametrize(
    "container",
    [list, pd.Series, lambda v: pd.Series(v, dtype="category"), lambda v: v.astype(object)],
    ids=["list", "Series", "category", "object"],
)
@pytest.mark.parametrize("kind", [int, float, str])
def test_equal_labels_in_another_container_are_the_same(kind, container):
    labels = words[y] if kind is str else y.astype(kind)
    fitted = pickle.loads(pickle.dumps(short(max_epochs=1).fit(X, labels)))
    expected = most_confident(fitted, labels)
    assert_array_equal(most_confident(fitted, container(labels)), expected)
    with pytest.raises(ValueError, match="labels differ"):
        most_confident(fitted, container(np.roll(labels, 1)))


def test_labels_of_the_last_call_count():
    fitted = short().fit(X, y)
    fitted.partial_fit(X[:100], true[:100])
    assert most_confident(fitted, true[:100]).shape == (3, 3)
    with pytest.raises(ValueError, match="labels differ"):
        most_confident(fitted, y[:100])


@pytest.mark.parametrize("n_rows", [300, 100])
def test_during_warmup_there_are_no_predictions_yet(n_rows):
    fitted = short(warmup=2).partial_fit(X, y, classes=[0, 1, 2])
    fitted.partial_fit(X[:n_rows], y[:n_rows])
    with pytest.raises(ValueError, match=r"noise_rate has no out-of-sample predictions yet"):
        noise_rate(fitted, y[:n_rows])


def test_soft_labels_are_known_by_their_most_likely_class():
    soft = 0.8 * np.eye(3)[y] + 0.2 / 3
    soft[:2] = [[0.5, 0.5, 0.0], [1 / 3] * 3]
    fitted = short(max_epochs=1).fit(X, soft)
    for first, second in ((0, 0), (1, 2)):
        # Any label is accepted where the soft one has no most likely class.
        assert most_confident(fitted, np.r_[first, second, y[2:]]).shape == (3, 3)
    with pytest.raises(ValueError, match="1 of 300 labels differ, first at position 299"):
        most_confident(fitted, np.r_[y[:299], (y[299] + 1) % 3])


def test_labels_are_kept_in_few_bytes():
    rows = np.arange(600.0).reshape(-1, 1)
    for n_classes, dtype in ((3, np.uint8), (300, np.uint16)):
        fitted = short("ce", max_epochs=1).fit(rows, np.arange(600) % n_classes)
        assert fitted._codes.dtype == dtype


# ---- the order of arguments ----------------------------------------------------------------------


@pytest.mark.parametrize("function", TAKE_A_MODEL)
@pytest.mark.parametrize("labels", [y, words[y], list(y), pd.Series(y), y[:, None]])
def test_labels_first_raise(function, labels, proba):
    with pytest.raises(ValueError, match=r"takes a fitted model or probabilities .* first, labels"):
        function(labels, proba)


def test_other_functions_name_their_order(proba):
    with pytest.raises(ValueError, match=r"hoc takes features .* first, labels second"):
        hoc(y, X)
    with pytest.raises(TypeError, match=r"'features' parameter of hoc .* Got NoisyLabelClassifier"):
        hoc(short(), y)
    for display in (LabelQualityDisplay, LossDistributionDisplay):
        with pytest.raises(ValueError, match=r"from_predictions takes labels first, probabilities"):
            display.from_predictions(proba, y)


# ---- probabilities of the training samples -------------------------------------------------------


@pytest.mark.parametrize("function", TAKE_A_MODEL)
def test_probabilities_of_training_samples_warn_at_the_line_of_the_user(function):
    p = RandomForestClassifier(50, bootstrap=False, random_state=0).fit(X, y).predict_proba(X)
    with pytest.warns(UserWarning, match="has seen their labels.*cross_val_predict") as caught:
        function(p, y)
    assert {warning.filename for warning in caught} <= {__file__}


@pytest.mark.parametrize(("agreement", "probability"), [(0.99, 0.999), (1.0, 0.98)])
def test_both_limits_must_be_exceeded(agreement, probability):
    given, most_likely = np.arange(1000) % 3, np.arange(1000) % 3
    most_likely[: round(1000 * (1 - agreement))] += 1
    p = np.where(np.eye(3)[most_likely % 3], probability, (1 - probability) / 2)
    assert most_confident(p, given).shape == (3, 3)


@pytest.mark.parametrize("source", [None, "rf", 0.5])
@pytest.mark.parametrize("function", [find_label_issues, most_confident], ids=lambda f: f.__name__)
def test_what_is_no_model_and_no_array_is_refused(function, source):
    with pytest.raises(TypeError, match=f"{function.__name__} takes a fitted model or"):
        function(source, [0, 1, 0])


def test_misspelt_parameters_of_estimators_are_recognised():
    with pytest.raises(TypeError, match=r"most_confident\(\) .*Did you mean 'min_samples'\?"):
        most_confident([[0.5, 0.5]], [0], min_sample=3)
