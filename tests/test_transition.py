"""Estimators of transition matrices and noise rates."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad
from scipy.sparse import csr_matrix
from scipy.stats import binomtest, norm
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknoisy import NoisyLabelClassifier
from sknoisy._label_noise import hoc as _hoc
from sknoisy.noise import asymmetric, corrupt_labels, pair, symmetric
from sknoisy.search import _candidates, _proxy
from sknoisy.transition import (
    ESTIMATORS,
    anchor_points,
    confident_joint,
    dual_t,
    estimate_transition,
    gold,
    hoc,
    most_confident,
    noise_rate,
)
from tests.modules import Branching

rng = np.random.default_rng(0)
MATRICES = [np.eye(3), symmetric(3, 0.4), pair(3, 0.35), asymmetric(3, 0.4, {0: 1})]
FROM_PROBA = [most_confident, anchor_points, confident_joint, dual_t]


def noisy_problem(T, n=6000, doubt=0.05, seed=0):
    """Noisy labels by T, predictions of the Bayes-optimal model and the true labels."""
    local = np.random.default_rng(seed)
    true = local.integers(len(T), size=n)
    posterior = local.dirichlet(np.full(len(T), doubt), size=n) + 4 * np.eye(len(T))[true]
    posterior /= posterior.sum(axis=1, keepdims=True)
    return corrupt_labels(true, T, random_state=seed), posterior @ T, true


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
@pytest.mark.parametrize("estimate", FROM_PROBA)
def test_estimate_is_near_the_true_matrix(estimate, T):
    y, p, _ = noisy_problem(T)
    # The others count predicted classes, which are often wrong where two are about as likely.
    tolerance = {confident_joint: 0.45, dual_t: 0.6}.get(estimate, 0.1)
    assert abs(estimate(y, p) - T).sum(axis=1).max() < tolerance


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
def test_hoc_estimates_the_matrix_from_neighbclassifier(T):
    X, true = make_blobs(3000, centers=np.eye(3) * 8, random_state=0)
    y = corrupt_labels(true, T, random_state=0)
    assert abs(hoc(y, X) - T).sum(axis=1).max() < 0.12


def test_gold_averages_trusted_samples_or_falls_back_to_most_confident():
    T = pair(3, 0.6)
    y, p, true = noisy_problem(T, 600)
    trusted = (np.arange(600) < 60) & (true != 2)
    y = np.where(trusted, true, y)
    estimated = gold(y, p, trusted)
    for label in (0, 1):
        assert_allclose(estimated[label], p[trusted & (true == label)].mean(axis=0))
        assert abs(estimated[label] - T[label]).sum() < 0.15
    assert_array_equal(estimated[2], most_confident(y, p)[2])


@pytest.mark.parametrize(("min_samples", "z_score"), [(10, 2.0), (40, 4.0), (1000, 1.0)])
def test_most_confident_matches_a_loop(min_samples, z_score):
    """The bound is that of scipy; of samples with equal confidence all or none are counted."""
    y, p, _ = noisy_problem(symmetric(4, 0.3), 500, doubt=1.0)
    p = p.round(2) / p.round(2).sum(axis=1, keepdims=True)
    expected, ties = np.eye(4), 0
    for label in range(4):
        members = [i for i in range(500) if p[i].argmax() == label]
        members = sorted(members, key=lambda i: -p[i, label])
        bounds = {}
        for n in range(min(min_samples, len(members)), len(members) + 1):
            if n < len(members) and p[members[n], label] == p[members[n - 1], label]:
                ties += 1
                continue
            test = binomtest(int((y[members[:n]] == label).sum()), n)
            level = 2 * norm.cdf(z_score) - 1
            bounds[n] = test.proportion_ci(level, method="wilson").low
        chosen = members[: max(bounds, key=bounds.get)]
        expected[label] = np.eye(4)[y[chosen]].mean(axis=0)
    assert ties or min_samples == 1000
    assert_allclose(most_confident(y, p, min_samples=min_samples, z_score=z_score), expected)


def test_most_confident_does_not_depend_on_the_order_of_samples():
    true = rng.integers(3, size=900)
    p, y = np.where(np.eye(3)[true] > 0, 0.6, 0.2), corrupt_labels(true, 0.4, random_state=0)
    by_label = np.argsort(y)
    assert_allclose(most_confident(y[by_label], p[by_label]), most_confident(y, p))


@pytest.mark.parametrize(
    "clf",
    [KNeighborsClassifier(25), LogisticRegression(), RandomForestClassifier(50, random_state=0)],
    ids=repr,
)
def test_noise_rate_is_unbiased_for_separated_classes(clf):
    hits = 0
    for seed in range(5):
        X, true = make_blobs(900, centers=np.eye(3) * 8, random_state=seed)
        y = corrupt_labels(true, 0.2, exact=True, random_state=seed)
        p = cross_val_predict(clf, X, y, cv=5, method="predict_proba")
        result = noise_rate(y, p, n_resamples=50, random_state=0)
        assert abs(result.rate - 0.2) < 0.04
        hits += result.low <= 0.2 <= result.high
    assert hits >= 4


def test_confident_joint_matches_a_loop():
    """Northcutt et al. 2021, Eq. 1 to 3."""
    y, p, _ = noisy_problem(pair(4, 0.3), 400, doubt=1.0)
    counts = np.zeros((4, 4))
    thresholds = [p[y == j, j].mean() for j in range(4)]
    for given, row in zip(y, p, strict=True):
        above = [j for j in range(4) if row[j] >= thresholds[j]]
        if above:
            counts[given, max(above, key=lambda j: row[j])] += 1
    joint = counts / counts.sum(axis=1, keepdims=True) * np.bincount(y)[:, None]
    assert_allclose(confident_joint(y, p), joint.T / joint.sum(axis=0)[:, None])


def test_dual_t_is_the_product_of_anchor_points_and_counts():
    y, p, _ = noisy_problem(pair(3, 0.3), 500)
    counts = pd.crosstab(p.argmax(axis=1), y, normalize="index").to_numpy()
    assert_allclose(dual_t(y, p, quantile=0.9), anchor_points(y, p, quantile=0.9) @ counts)


def test_anchor_points_do_not_change_their_input():
    y, p, _ = noisy_problem(symmetric(3, 0.2), 300)
    before = p.copy()
    matrix = anchor_points(y, p, quantile=0.5)
    assert_array_equal(p, before)
    for label in range(3):
        assert matrix[label, label] == pytest.approx(np.sort(p[:, label])[150])


@pytest.mark.parametrize("estimate", FROM_PROBA)
def test_labels_of_any_type_and_classes_missing_from_y(estimate):
    y, p, _ = noisy_problem(pair(3, 0.2), 300)
    names = np.array(["b", "c", "d"])[y]
    assert_array_equal(estimate(names, p), estimate(y, p))
    assert_array_equal(
        estimate(pd.Series(names, index=range(5, 305)), pd.DataFrame(p)), estimate(y, p)
    )
    wide = np.column_stack([np.zeros(300), p])
    matrix = estimate(names, wide, classes=["a", "b", "c", "d"])
    assert matrix.shape == (4, 4)
    assert_allclose(matrix.sum(axis=1), 1)


def test_gradient_of_hoc_objective():
    triples = rng.random((3, 3, 3))
    triples /= triples.sum()
    for _ in range(3):
        x = rng.normal(size=12)
        error = check_grad(
            lambda x: _hoc._objective(x, triples)[0],
            lambda x: _hoc._objective(x, triples)[1],
            x,
        )
        assert error < 1e-6


@pytest.mark.parametrize("method", ESTIMATORS)
def test_estimate_transition(method):
    X, true = make_blobs(600, centers=np.eye(3) * 6, random_state=0)
    T = pair(3, 0.3)
    trusted = rng.random(600) < 0.2
    y = np.where(trusted, true, corrupt_labels(true, T, random_state=0))
    params = {"trusted": trusted} if method == "gold" else {}
    matrix = estimate_transition(X, y, KNeighborsClassifier(25), method=method, **params)
    T = 0.8 * T + 0.2 * np.eye(3)
    assert abs(matrix - T).sum(axis=1).max() < 0.45
    assert_array_equal(matrix.argmax(axis=1), [0, 1, 2])


def test_parameters_are_passed_to_the_function_of_the_method():
    X, y = load_iris(return_X_y=True)
    matrix = estimate_transition(X, y, method="hoc", max_iter=5)
    assert_array_equal(matrix, hoc(y, X, max_iter=5))
    clf = KNeighborsClassifier(25)
    p = cross_val_predict(clf, X, y, cv=5, method="predict_proba")
    matrix = estimate_transition(X, y, clf, method="anchor_points", quantile=0.5)
    assert_array_equal(matrix, anchor_points(y, p, quantile=0.5))


def test_hoc_accepts_sparse_features():
    X, y = load_iris(return_X_y=True)
    matrix = estimate_transition(csr_matrix(X), y, method="hoc", max_iter=20)
    assert_allclose(matrix, hoc(y, X, max_iter=20))


def test_without_an_estimator_the_default_classifier_is_fitted():
    X, true = make_blobs(600, centers=np.eye(3) * 6, random_state=0)
    y, T = corrupt_labels(true, 0.4, kind="pair", random_state=0), pair(3, 0.4)
    matrix, again = (estimate_transition(X, y, random_state=0) for _ in range(2))
    assert_array_equal(matrix, again)
    # Nearer to T than to the identity.
    assert abs(matrix - T).sum(axis=1).max() < 0.4


def test_estimator_is_cloned_and_predicts_out_of_fold():
    X = rng.normal(size=(200, 2))
    y = rng.integers(2, size=200)
    clf = KNeighborsClassifier(1)
    # Random labels: a model that has seen them would predict them, and no noise would be found.
    assert estimate_transition(X, y, clf).diagonal().max() < 0.85
    assert not hasattr(clf, "classes_")


def classifier(method="ce", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 10, "random_state": 0, **params})


CLASSIFIERS = {
    "loss": classifier(smoothing=-2.0),
    "pipeline": make_pipeline(StandardScaler(), classifier("gce")),
    "more than a loss": classifier("elr"),
    "auto": classifier(smoothing="auto"),
    "no stack": classifier(module=Branching),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("cv", [5, KFold(3, shuffle=True, random_state=0)], ids=["5", "splitter"])
def test_folds_trained_together_predict_the_same_as_alone(name, cv, monkeypatch):
    estimator = CLASSIFIERS[name]
    X, y = load_iris(return_X_y=True)
    y = np.array(["x", "y", "z"])[corrupt_labels(y, 0.3, random_state=0)]
    train, trained_together = _candidates.fit_folds, []

    def record(folds, *args):
        trained_together.append([len(fold.data) for fold in folds])
        train(folds, *args)

    monkeypatch.setattr(_candidates, "fit_folds", record)
    matrix = estimate_transition(X, y, estimator, method="confident_joint", cv=cv)
    if name in ("loss", "pipeline"):
        assert trained_together == [[120] * 5 if cv == 5 else [100] * 3]
    p = cross_val_predict(estimator, X, y, cv=cv, method="predict_proba")
    assert_allclose(matrix, confident_joint(y, p), atol=1e-3)


@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(25), CLASSIFIERS["loss"]], ids=["knn", "ce"]
)
def test_groups_are_in_one_fold(estimator):
    X, y = load_iris(return_X_y=True)
    y = corrupt_labels(y, 0.3, random_state=0)
    # Each sample twice, with its label: a model that has seen the copy would predict it.
    X, y, groups = np.tile(X, (2, 1)), np.tile(y, 2), np.tile(np.arange(150), 2)
    params = {"method": "confident_joint", "cv": GroupKFold(3)}
    matrix = estimate_transition(X, y, estimator, groups=groups, **params)
    p = cross_val_predict(
        clone(estimator), X, y, groups=groups, cv=params["cv"], method="predict_proba"
    )
    assert_allclose(matrix, confident_joint(y, p), atol=1e-3)
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        estimate_transition(X, y, estimator, **params)
    for params in ({"method": "hoc", "estimator": estimator}, {}):
        with pytest.raises(ValueError, match="'groups' parameter of estimate_transition needs"):
            estimate_transition(X, y, groups=groups, **params)


@pytest.mark.parametrize("routing", [False, True])
def test_folds_trained_together_may_lack_a_class(routing):
    X, y = load_iris(return_X_y=True)
    folds = PredefinedSplit(y)
    with (
        config_context(enable_metadata_routing=routing),
        pytest.warns(RuntimeWarning, match="class"),
    ):
        p = _proxy.proba_out_of_fold(CLASSIFIERS["loss"], X, y, folds)
    assert_array_equal(p[np.arange(150), y], 0)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_errors_of_folds_trained_together_are_raised():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="'lr' parameter"):
        estimate_transition(X, y, classifier(lr=-1.0))
    with pytest.raises(ValueError, match="only works for partitions"):
        estimate_transition(X, y, CLASSIFIERS["loss"], cv=ShuffleSplit(3, random_state=0))


@pytest.mark.parametrize("T", MATRICES[1:], ids=["symmetric", "pair", "asymmetric"])
def test_interval_contains_the_true_noise_rate(T):
    hits = 0
    for seed in range(10):
        y, p, true = noisy_problem(T, 1000, seed=seed)
        result = noise_rate(y, p, random_state=0)
        assert result.low <= result.rate <= result.high
        assert abs(result.rate - (y != true).mean()) < 0.06
        hits += result.low <= (y != true).mean() <= result.high
    assert hits >= 9


@pytest.mark.parametrize("method", ["most_confident", "anchor_points", "confident_joint", "dual_t"])
def test_interval_contains_the_estimate(method):
    """Also where all samples of a class have equal confidence."""
    T = symmetric(3, 0.3)
    for seed in range(25):
        true = np.random.default_rng(seed).integers(3, size=400)
        y = corrupt_labels(true, T, random_state=seed)
        result = noise_rate(y, T[true], method=method, n_resamples=20, random_state=seed)
        assert 0 <= result.low <= result.rate <= result.high <= 1


def test_few_clean_labels_do_not_rule_out_noise():
    y = np.arange(30) % 3
    result = noise_rate(y, np.eye(3)[y], random_state=0)
    assert result.rate == 0
    assert result.high == pytest.approx(1 - 0.025 ** (1 / 30))


def test_clean_labels_have_rate_zero():
    y, p, _ = noisy_problem(np.eye(3), 1000)
    result = noise_rate(y, p, random_state=0)
    assert (result.rate, result.low) == (0, 0)
    assert noise_rate(*noisy_problem(symmetric(3, 0.1), 1000)[:2], random_state=0).low > 0.01
    assert noise_rate(y, p, random_state=0) == result
    wide = noise_rate(
        *noisy_problem(symmetric(3, 0.3), 300)[:2], confidence_level=0.99, random_state=0
    )
    slim = noise_rate(
        *noisy_problem(symmetric(3, 0.3), 300)[:2], confidence_level=0.5, random_state=0
    )
    assert wide.low < slim.low < slim.high < wide.high


@pytest.mark.parametrize(
    ("y", "p", "params", "message"),
    [
        ([0, 1], [[0.5, 0.6], [0.5, 0.5]], {}, r"row 0 with minimum 0.5 and sum 1.1"),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]], {}, "row 0 with minimum -0.5"),
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], {}, "proba contains NaN"),
        ([0, 1], np.full((2, 3), 1 / 3), {}, r"3 columns, but there are 2 classes: \[0, 1\]"),
        ([0, 1, 1], [[0.5, 0.5]] * 2, {}, "inconsistent numbers of samples"),
        ([0, np.nan], [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        ([0, pd.NA], [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        (["a", None], [[0.5, 0.5]] * 2, {}, "Input y contains None"),
        (pd.Series([0, None], dtype="Int64"), [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        (
            ["a", "b"],
            [[0.5, 0.5]] * 2,
            {"classes": [0, 1]},
            r"all hold numbers or all strings\. Got",
        ),
        ([0, 1], [[0.5, 0.5]] * 2, {"classes": [1, 0]}, r"sorted and different. Got \[1, 0\]"),
        ([0, 5], [[0.5, 0.5]] * 2, {"classes": [0, 1]}, r"got \[5\] beside \[0, 1\]"),
    ],
)
@pytest.mark.parametrize("estimate", [*FROM_PROBA, noise_rate])
def test_invalid_data_raises(estimate, y, p, params, message):
    with pytest.raises(ValueError, match=message):
        estimate(y, p, **params)


def test_invalid_parameters_raise():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(
        ValueError, match=r"'method' parameter of estimate_transition must be .*'sure'"
    ):
        estimate_transition(X, y, LogisticRegression(), method="sure")
    with pytest.raises(ValueError, match=r"'trusted' parameter .* is required with method='gold'"):
        estimate_transition(X, y, LogisticRegression(), method="gold")
    with pytest.raises(ValueError, match="must be None otherwise"):
        estimate_transition(X, y, LogisticRegression(), trusted=y == 0)
    with pytest.raises(
        ValueError, match=r"'method' parameter of noise_rate must be a str among .* Got 'hoc'"
    ):
        noise_rate(y, np.eye(3)[y], method="hoc")
    with pytest.raises(ValueError, match="at least 3 samples"):
        hoc([0, 1], [[0.0], [1.0]])
    assert hoc([0, 1, 0], X[:3]).shape == (2, 2)
    with pytest.raises(ValueError, match=r"'trusted' parameter of gold must .* Got None"):
        gold(y, np.eye(3)[y], None)
    with pytest.raises(TypeError, match="'most_confident' takes no parameter 'max_iter'"):
        estimate_transition(X, y, LogisticRegression(), max_iter=3)
    with pytest.raises(TypeError, match="'most_confident' takes no parameter 'proba'"):
        estimate_transition(X, y, LogisticRegression(), proba=np.eye(3)[y])
    with pytest.raises(TypeError, match="'hoc' takes no parameter 'features'"):
        estimate_transition(X, y, method="hoc", features=X)
    for estimator in ("knn", SVC(), make_pipeline(StandardScaler(), SVC())):
        with pytest.raises(
            TypeError, match=r"'estimator' parameter .* with predict_proba, or None"
        ):
            estimate_transition(X, y, estimator)
    with pytest.raises(ValueError, match="'max_iter' parameter of hoc"):
        estimate_transition(X, y, method="hoc", max_iter=0)


@pytest.mark.parametrize(
    ("estimate", "params"),
    [
        (most_confident, {"min_samples": 0}),
        (most_confident, {"min_samples": 2.5}),
        (most_confident, {"z_score": -1}),
        (most_confident, {"z_score": np.nan}),
        (anchor_points, {"quantile": 97}),
        (anchor_points, {"quantile": -0.5}),
        (dual_t, {"quantile": -2}),
        (hoc, {"max_iter": 0}),
        (noise_rate, {"confidence_level": 95}),
        (noise_rate, {"confidence_level": 0}),
        (noise_rate, {"n_resamples": 0}),
        (noise_rate, {"min_rate": 2}),
    ],
)
def test_parameters_out_of_range_raise(estimate, params):
    y = np.arange(30) % 3
    (name, value) = next(iter(params.items()))
    message = f"'{name}' parameter of {estimate.__name__} must be .* Got {value} instead"
    with pytest.raises(ValueError, match=message):
        estimate(y, np.eye(3)[y], **params)


def test_named_columns_must_be_in_the_order_of_the_classes():
    y, p, _ = noisy_problem(pair(3, 0.2), 300)
    names = np.array(["b", "c", "d"])
    frame = pd.DataFrame(p, columns=names)
    assert_array_equal(most_confident(names[y], frame), most_confident(y, p))
    message = r"must be the classes in their order, \['b', 'c', 'd'\]. Got \['d', 'c', 'b'\]"
    with pytest.raises(ValueError, match=message):
        most_confident(names[y], frame.iloc[:, ::-1])
    # Names that are not the classes are ignored.
    assert_array_equal(
        most_confident(names[y], frame.set_axis(["z", "y", "x"], axis=1)), most_confident(y, p)
    )
