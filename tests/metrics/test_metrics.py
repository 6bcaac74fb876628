"""Scores on labels that are wrong in part."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    PredefinedSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import metrics
from sknoisy.metrics import (
    METRICS,
    cores_score,
    issue_average_precision,
    issue_precision_at_k,
    make_noisy_scorer,
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
    noise_corrected_log_loss,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.noise import asymmetric, corrupt_labels, pair, symmetric

rng = np.random.default_rng(0)
MATRICES = [np.eye(3), symmetric(3, 0.3), pair(3, 0.4), asymmetric(3, 0.45, {0: 1, 2: 0})]
OF_LABELS = [noise_corrected_accuracy, noise_corrected_balanced_accuracy]
OF_PROBA = [
    noise_corrected_log_loss,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
]


def brier(y, p):
    return ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean()


def calibration_error(y, p, n_bins=10):
    total, sure = 0.0, p.max(axis=1)
    for i in range(n_bins):
        own = (sure > i / n_bins) & (sure <= (i + 1) / n_bins)
        if own.any():
            total += own.mean() * abs(sure[own].mean() - (p.argmax(axis=1) == y)[own].mean())
    return total


CLEAN = {
    noise_corrected_accuracy: accuracy_score,
    noise_corrected_balanced_accuracy: balanced_accuracy_score,
    noise_corrected_log_loss: log_loss,
    noise_corrected_brier_score: brier,
    noise_corrected_calibration_error: calibration_error,
}


def predictions(n=60, seed=0):
    local = np.random.default_rng(seed)
    y = local.integers(3, size=n)
    p = local.dirichlet(np.ones(3), size=n) + 0.7 * np.eye(3)[y]
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
@pytest.mark.parametrize("metric", CLEAN)
def test_over_all_labels_there_might_be_it_is_the_score_on_right_ones(metric, T):
    """Each sample with each label, weighted by its probability: the expectation, exactly."""
    y, p = predictions()
    given, weight = np.tile(np.arange(3), 60), T[y].ravel()
    seen = p.argmax(axis=1) if metric in OF_LABELS else p
    found = metric(given, seen.repeat(3, axis=0), T, sample_weight=weight)
    assert found == pytest.approx(CLEAN[metric](y, seen), rel=1e-9)


@pytest.mark.parametrize("metric", [*OF_LABELS, *OF_PROBA[:2], peer_accuracy, cores_score])
def test_intervals_hold_what_they_should(metric):
    T = pair(3, 0.3)
    takes = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": T}
    reads_labels = metric in OF_LABELS or metric is peer_accuracy

    def score(n, seed, **params):
        y, p = predictions(n, seed)
        y = corrupt_labels(y, T, random_state=seed)
        return metric(y, p.argmax(axis=1) if reads_labels else p, **takes, **params)

    true = score(400_000, 10_000)
    found = [score(300, seed, confidence_level=0.9) for seed in range(300)]
    hits = np.mean([one.low <= true <= one.high for one in found])
    assert 0.86 < hits < 0.94
    values = np.array([one.value for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(values.std(), rel=0.1)
    assert abs(values.mean() - true) < 4 * values.std() / np.sqrt(300)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("prior", [(1 / 3, 1 / 3, 1 / 3), (0.8, 0.15, 0.05)])
def test_the_error_of_the_cores_score_knows_that_the_labels_it_draws_are_a_sample(prior, beta):
    local = np.random.default_rng(1)

    def score(n, **params):
        y = local.choice(3, size=n, p=prior)
        p = local.dirichlet([3.0, 1.0, 0.3], size=n) + 0.7 * np.eye(3)[y]
        p /= p.sum(axis=1, keepdims=True)
        return cores_score(y, p, beta=beta, classes=[0, 1, 2], **params)

    true = score(400_000)
    found = np.array([score(300, confidence_level=0.9) for _ in range(400)])
    assert 0.86 < np.mean((found[:, 2] <= true) & (true <= found[:, 3])) < 0.94
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.1)


def test_balanced_accuracy_is_near_what_it_can_be_or_refused():
    """Rare classes and much noise: the share that divides may come out as next to nothing."""
    local = np.random.default_rng(0)
    T, turn = symmetric(3, 0.4), symmetric(3, 0.15)
    found = []
    for _ in range(400):
        y = local.choice(3, size=600, p=[0.9, 0.07, 0.03])
        seed = local.integers(2**31, size=2)
        noisy, said = (
            corrupt_labels(y, matrix, classes=[0, 1, 2], random_state=one)
            for matrix, one in zip((T, turn), seed, strict=True)
        )
        try:
            found.append(noise_corrected_balanced_accuracy(noisy, said, T, confidence_level=0.95))
        except ValueError as refusal:
            assert "is not clearly above zero" in str(refusal)
    assert 50 < len(found) < 200
    assert 0.2 < min(one.value for one in found) and max(one.value for one in found) < 1.3
    # A share of which all but a rounding error cancels.
    noisy, said = [0] * 15 + [1] * 5, [0] * 10 + [1] * 10
    with pytest.raises(
        ValueError, match=r"share of class 1 .* not clearly above zero: .* error of"
    ):
        noise_corrected_balanced_accuracy(noisy, said, symmetric(2, 0.25))


@pytest.mark.parametrize("sharper", [1.0, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_interval_of_the_calibration_error_holds_it(sharper, noise):
    local, T = np.random.default_rng(2), symmetric(3, noise)
    p = np.exp(1.5 * local.normal(size=(100_000, 3)))
    p /= p.sum(axis=1, keepdims=True)
    said = p**sharper / (p**sharper).sum(axis=1, keepdims=True)
    # Each label with its probability.
    true = noise_corrected_calibration_error(
        np.tile(np.arange(3), len(p)), said.repeat(3, axis=0), np.eye(3), sample_weight=p.ravel()
    )
    found = []
    for _ in range(200):
        rows = local.integers(len(p), size=500)
        drawn = local.random((500, 1)) >= (p[rows] @ T).cumsum(axis=1)[:, :2]
        found.append(
            noise_corrected_calibration_error(
                drawn.sum(axis=1), said[rows], T, classes=[0, 1, 2], confidence_level=0.95
            )
        )
    assert np.mean([one.low <= true <= one.high for one in found]) > 0.92
    assert all(one.low >= 0 for one in found)
    if sharper == 4.0 and not noise:
        values = [one.value for one in found]
        assert np.mean([one.standard_error for one in found]) == pytest.approx(
            np.std(values), rel=0.15
        )


def test_a_plain_number_unless_an_interval_is_asked_for():
    y, p = predictions()
    found = noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3), confidence_level=0.95)
    assert type(noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3))) is float
    right = y == p.argmax(axis=1)
    error = right.std() / np.sqrt(60)
    assert_allclose(
        found,
        (right.mean(), error, right.mean() - 1.96 * error, right.mean() + 1.96 * error),
        rtol=1e-4,
    )


@pytest.mark.parametrize("metric", [*CLEAN, peer_accuracy, cores_score])
def test_weights_are_repeated_samples(metric):
    # Of few samples some draws leave too little of a class, and the score is refused.
    y, p = predictions(400)
    params = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": MATRICES[2]}
    seen = p.argmax(axis=1) if metric in (*OF_LABELS, peer_accuracy) else p
    weight = rng.integers(0, 4, size=len(y))
    repeated = metric(y.repeat(weight), seen.repeat(weight, axis=0), **params)
    assert metric(y, seen, sample_weight=weight, **params) == pytest.approx(repeated, rel=1e-9)


@pytest.mark.parametrize(("e0", "e1"), [(0.0, 0.0), (0.1, 0.3), (0.4, 0.4)])
def test_peer_accuracy_shrinks_with_the_noise_and_ranks_alike(e0, e1):
    """Liu and Guo 2020: the expectation is 1 - e0 - e1 times that on right labels."""
    y, said = rng.integers(2, size=100), rng.integers(2, size=100)
    T = np.array([[1 - e0, e0], [e1, 1 - e1]])
    given, weight = np.tile([0, 1], 100), T[y].ravel()
    noisy = peer_accuracy(given, said.repeat(2), sample_weight=weight)
    assert noisy == pytest.approx((1 - e0 - e1) * peer_accuracy(y, said), abs=1e-12)


def test_peer_accuracy_is_the_mean_over_all_pairs():
    y, said = rng.integers(3, size=30), rng.integers(3, size=30)
    pairs = np.mean([[y[j] == said[i] for j in range(30)] for i in range(30)])
    assert peer_accuracy(y, said) == pytest.approx((y == said).mean() - pairs)


def test_cores_score_against_a_loop():
    y, p = predictions()
    prior = np.bincount(y) / 60
    expected = np.mean(
        [np.log(row[k]) - 1.5 * prior @ np.log(row) for k, row in zip(y, p, strict=True)]
    )
    assert cores_score(y, p, beta=1.5) == pytest.approx(expected)
    assert cores_score(y, p, beta=0.0) == pytest.approx(-log_loss(y, p))


def test_labels_of_any_type():
    y, p = predictions()
    names = np.array(["a", "b", "c"])
    for metric in OF_LABELS:
        plain = metric(y, p.argmax(axis=1), MATRICES[1])
        named = metric(pd.Series(names[y]), names[p.argmax(axis=1)], pd.DataFrame(MATRICES[1]))
        assert named == plain
    for metric in OF_PROBA:
        assert metric(names[y], pd.DataFrame(p), MATRICES[1]) == metric(y, p, MATRICES[1])
    # A class that neither has.
    kept = (y < 2) & (p.argmax(axis=1) < 2)
    found = noise_corrected_accuracy(y[kept], p[kept].argmax(axis=1), np.eye(3), classes=[0, 1, 2])
    assert found == pytest.approx((y == p.argmax(axis=1))[kept].mean())


def test_trusted_accuracy_has_the_interval_of_wilson():
    def score(right, **params):
        right = np.asarray(right, dtype=int)
        trusted = np.r_[np.ones(len(right), bool), False]
        return trusted_accuracy(
            np.ones(len(right) + 1), np.r_[right, 0], trusted, confidence_level=0.95, **params
        )

    plain = binomtest(28, 30).proportion_ci(method="wilson")
    found = score(np.arange(30) < 28)
    assert_allclose((found.low, found.high), plain)
    assert found.value == pytest.approx(28 / 30)
    assert found.standard_error == pytest.approx(np.sqrt(28 / 30 * 2 / 30 / 30))
    # Weights that are all alike change nothing, and those without weight do not count.
    assert_allclose(score(np.arange(30) < 28, sample_weight=np.full(31, 5.0)), found)
    assert_allclose(score(np.arange(60) < 28, sample_weight=np.arange(61) < 30), found)
    assert_allclose(score(np.ones(12))[2:], binomtest(12, 12).proportion_ci(method="wilson"))
    local = np.random.default_rng(0)
    for n, accuracy in ((30, 0.97), (30, 0.8), (100, 0.97)):
        for weight in (None, local.exponential(size=n + 1)):
            rounds = [score(local.random(n) < accuracy, sample_weight=weight) for _ in range(400)]
            assert np.mean([one.low <= accuracy <= one.high for one in rounds]) > 0.9


# ---- scorers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_scorers_choose_in_a_search_and_travel(metric):
    X, true = load_iris(return_X_y=True)
    y, T = corrupt_labels(true, 0.4, random_state=1), symmetric(3, 0.4)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    scorer = make_noisy_scorer(metric, **params)
    clf = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 25]}
    search = GridSearchCV(clf, grid, scoring=pickle.loads(pickle.dumps(scorer)), cv=5)
    search.fit(X, y)
    if metric != "cores_score":
        # That one likes a neighbour that is always sure.
        assert search.best_params_ == {"kneighborsclassifier__n_neighbors": 25}
    # By hand, and a fold without a class.
    fitted = clf.fit(X, y)
    name = metric.removeprefix("neg_")
    function = getattr(metrics, name)
    seen = fitted.predict if "accuracy" in name else fitted.predict_proba
    sign = -1 if metric.startswith("neg_") else 1
    assert scorer(fitted, X, y) == pytest.approx(sign * function(y, seen(X), **params))
    if metric != "noise_corrected_balanced_accuracy":
        assert np.isfinite(scorer(fitted, X[y < 2], y[y < 2]))
    assert repr(scorer) == f"make_noisy_scorer({metric!r})"


@pytest.mark.parametrize("metric", METRICS)
def test_a_scorer_knows_classes_that_a_training_fold_lacks(metric):
    X, y = load_iris(return_X_y=True)
    T = symmetric(3, 0.2)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    clf = KNeighborsClassifier().fit(X[y > 0], y[y > 0])
    scorer = make_noisy_scorer(metric, classes=[0, 1, 2], **params)
    wide = np.c_[np.zeros(150), clf.predict_proba(X)]
    seen = clf.predict(X) if "accuracy" in metric else wide
    function = getattr(metrics, metric.removeprefix("neg_"))
    expected = (-1 if metric.startswith("neg_") else 1) * function(y, seen, **params)
    assert scorer(clf, X, y) == pytest.approx(expected)
    if params:
        message = r"knows 2 classes, \[1, 2\], and the 'transition_matrix' has 3 rows.* 'classes'"
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer(metric, **params)(clf, X, y)
        with pytest.raises(ValueError, match=r"of shape \(2, 2\)"):
            make_noisy_scorer(metric, classes=[0, 1], **params)
    with pytest.raises(ValueError, match="classes must be sorted"):
        make_noisy_scorer(metric, classes=[2, 1, 0], **params)


def test_sample_weight_reaches_a_scorer_in_a_search():
    X, y = load_iris(return_X_y=True)
    weight, folds = np.where(y == 2, 5.0, 1.0), KFold(3, shuffle=True, random_state=0)
    scorer = make_noisy_scorer("peer_accuracy")
    # Without routing scikit-learn asks several scorers whether they take weights, from 1.9 on.
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring={"peer": scorer}, refit=False)
    assert np.isfinite(search.fit(X, y, sample_weight=weight).cv_results_["mean_test_peer"]).all()
    expected = [
        peer_accuracy(
            y[b],
            LogisticRegression(C=0.1).fit(X[a], y[a]).predict(X[b]),
            sample_weight=weight[b],
        )
        for a, b in folds.split(X)
    ]
    with config_context(enable_metadata_routing=True):
        assert scorer.set_score_request(sample_weight=True) is scorer
        clf = LogisticRegression().set_fit_request(sample_weight=False)
        for scoring in (scorer, {"peer": pickle.loads(pickle.dumps(scorer))}):
            search = GridSearchCV(clf, {"C": [0.1]}, scoring=scoring, cv=folds, refit=False)
            found = search.fit(X, y, sample_weight=weight).cv_results_
            key = "peer" if isinstance(scoring, dict) else "score"
            assert_allclose([found[f"split{i}_test_{key}"][0] for i in range(3)], expected)
        other = make_noisy_scorer("peer_accuracy").set_score_request(sample_weight="of_score")
        params = {"scoring": other, "cv": folds}
        scores = cross_validate(clf.set_params(C=0.1), X, y, params={"of_score": weight}, **params)
        assert_allclose(scores["test_score"], expected)
        with pytest.raises(ValueError, match="sample_weight"):
            other = make_noisy_scorer("peer_accuracy")
            cross_validate(clf, X, y, scoring=other, cv=folds, params={"sample_weight": weight})
    with pytest.raises(RuntimeError, match="only available when metadata routing is enabled"):
        scorer.set_score_request(sample_weight=True)


@pytest.mark.parametrize("n", [3, 150, 1001])
def test_a_score_of_all_right_or_all_wrong_is_a_share_to_the_last_digit(n):
    y, trusted = np.arange(n) % 3, np.ones(n, bool)
    weight = np.random.default_rng(0).random(n)
    for said, share in ((y, 1.0), ((y + 1) % 3, 0.0)):
        for params in ({}, {"sample_weight": weight}):
            assert trusted_accuracy(y, said, trusted, **params) == share
            assert noise_corrected_accuracy(y, said, np.eye(3), **params) == share
            for level in (0.1, 0.9, 0.999):
                score = trusted_accuracy(y, said, trusted, confidence_level=level, **params)
                assert 0 <= score.low <= score.value == share <= score.high <= 1


def test_trusted_accuracy_and_its_routing():
    X, true = load_iris(return_X_y=True)
    y = corrupt_labels(true, 0.5, random_state=0)
    trusted = y == true
    clf = LogisticRegression(C=0.1).fit(X, true)
    score = clf.score(X[trusted], true[trusted])
    assert trusted_accuracy(y, clf.predict(X), trusted) == pytest.approx(score)
    half = trusted_accuracy(y, clf.predict(X), trusted, sample_weight=np.arange(150) < 100)
    kept = trusted & (np.arange(150) < 100)
    assert half == pytest.approx(clf.score(X[kept], true[kept]))
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(trusted_accuracy).set_score_request(trusted=True)
        folds = KFold(3, shuffle=True, random_state=0)
        found = cross_validate(clf, X, true, scoring=scorer, cv=folds, params={"trusted": trusted})[
            "test_score"
        ]
    expected = [
        clf.fit(X[a], true[a]).score(X[b][trusted[b]], true[b][trusted[b]])
        for a, b in folds.split(X)
    ]
    assert_allclose(found, expected)
    with pytest.raises(ValueError, match="needs trusted samples"):
        trusted_accuracy(y, y, None)


# ---- wrong labels found --------------------------------------------------------------------------


def test_detection():
    wrong = np.array([True, False, True, False, False])
    quality = [0.1, 0.2, 0.2, 0.8, 0.9]
    assert issue_average_precision(wrong, quality) == pytest.approx(0.5 + 0.5 * 2 / 3)
    found = [issue_precision_at_k(wrong, quality, k) for k in range(1, 6)]
    assert_allclose(found, [1, 1.5 / 2, 2 / 3, 2 / 4, 2 / 5])
    for k in (0, 6, 1.5, "2"):
        with pytest.raises(ValueError, match=r"'k' parameter .* in the range \[1, 5\]"):
            issue_precision_at_k(wrong, quality, k)
    with pytest.raises(ValueError, match="boolean mask"):
        issue_average_precision([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="contains NaN"):
        issue_average_precision([0, 1], [0.1, np.nan])


def test_detection_refuses_series_in_another_order():
    wrong = pd.Series([True, False, True, False], index=list("abcd"))
    quality = pd.Series([0.1, 0.9, 0.2, 0.8], index=list("abcd"))
    ranked = quality.sort_values()
    for metric in (issue_average_precision, lambda *given: issue_precision_at_k(*given, k=2)):
        assert metric(wrong, ranked.sort_index()) == metric(wrong, quality.to_numpy()) == 1
        assert metric(wrong, quality.tolist()) == metric(wrong.tolist(), quality) == 1
        with pytest.raises(ValueError, match=r"must have the same index.* by \.sort_index\(\)"):
            metric(wrong, ranked)


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("T", "params", "message"),
    [
        (np.eye(2), {}, r"of shape \(3, 3\).* Got one of shape \(2, 2\)"),
        (0.9 * np.eye(3), {}, "row 0 with minimum 0 and sum 0.9"),
        ([[1, 0, 0], [0, 1, 0], [0.5, 1, -0.5]], {}, "row 2 with minimum -0.5"),
        (np.full((3, 3), 1 / 3), {}, "condition number"),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1]], {}, "condition number inf"),
        (np.eye(3), {"classes": [2, 1, 0]}, "classes must be sorted"),
        (
            np.eye(3),
            {"classes": [0, 1]},
            r"got \[2\] beside \[0, 1\]|3 columns, but",
        ),
        (np.eye(3), {"sample_weight": np.zeros(60)}, "at least one non-zero"),
        (np.eye(3), {"sample_weight": -np.ones(60)}, "Negative values in data"),
    ],
)
@pytest.mark.parametrize("metric", CLEAN)
def test_bad_input_is_refused(metric, T, params, message):
    y, p = predictions()
    with pytest.raises(ValueError, match=message):
        metric(y, p.argmax(axis=1) if metric in OF_LABELS else p, T, **params)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0, 1, np.nan], "NaN"),
        (pd.Series([0, 1, pd.NA], dtype="Int64"), "NaN"),
        ([0, 1, pd.NA], "NaN"),
        (["a", "b", None], "None"),
        (np.array(["a", "b", np.nan], dtype=object), "NaN"),
    ],
    ids=str,
)
def test_missing_labels_are_refused(bad, message):
    good, p = ["a", "b", "b"] if "a" in list(bad)[:1] else [0, 1, 1], np.full((3, 2), 0.5)
    for metric in (*OF_LABELS, lambda y, said, _: peer_accuracy(y, said)):
        with pytest.raises(ValueError, match=f"Input y contains {message}"):
            metric(bad, good, np.eye(2))
        with pytest.raises(ValueError, match=f"Input y_pred contains {message}"):
            metric(good, bad, np.eye(2))
    for metric in (*OF_PROBA, lambda y, p, _: cores_score(y, p)):
        with pytest.raises(ValueError, match=f"Input y contains {message}"):
            metric(bad, p, np.eye(2))


def test_labels_of_two_types_are_refused():
    message = r"y and y_pred must all hold .* Got \['a', 'b'\] in y, \[0, 1\] in y_pred"
    for metric in (*OF_LABELS, lambda y, said, _: peer_accuracy(y, said)):
        with pytest.raises(ValueError, match=message):
            metric(["a", "b"], [0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"Got \['a', 0\] in y, "):
        noise_corrected_accuracy(np.array(["a", 0], dtype=object), [0, 0], np.eye(2))


@pytest.mark.parametrize("matrix", ["auto", [[1, 0], [0]], None, {}])
def test_a_matrix_that_is_no_array_of_numbers_is_named(matrix):
    message = "'transition_matrix' parameter must"
    for metric in OF_LABELS:
        with pytest.raises(ValueError, match=message):
            metric([0, 1], [0, 1], matrix)
    if matrix is not None:
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)


@pytest.mark.parametrize("metric", ["cores_score", "neg_noise_corrected_log_loss"])
def test_a_scorer_says_what_to_do_where_a_training_fold_lacks_a_class(metric):
    X, y = load_iris(return_X_y=True)
    params = {} if metric == "cores_score" else {"transition_matrix": np.eye(3)}
    scorer, folds = make_noisy_scorer(metric, **params), PredefinedSplit(y)
    message = "pass all of them as 'classes' to make_noisy_scorer"
    with pytest.raises(ValueError, match=message):
        cross_val_score(KNeighborsClassifier(), X, y, cv=folds, scoring=scorer, error_score="raise")
    # A test sample may be of a class that was not passed either.
    few = make_noisy_scorer("cores_score", classes=[0, 1])
    with pytest.raises(ValueError, match=rf"got \[2\] beside \[0, 1\]. .*{message}"):
        few(KNeighborsClassifier().fit(X[y < 2], y[y < 2]), X, y)


def test_bad_parameters_are_refused():
    y, p = predictions()
    trusted = np.ones(60, bool)
    for level in (95, 0, 1.0, np.nan, "0.9"):
        for metric, args in [
            *((metric, (y, y, np.eye(3))) for metric in OF_LABELS),
            *((metric, (y, p, np.eye(3))) for metric in OF_PROBA),
            (peer_accuracy, (y, y)),
            (cores_score, (y, p)),
            (trusted_accuracy, (y, y, trusted)),
        ]:
            with pytest.raises(ValueError, match=f"'confidence_level' parameter .* Got {level!r}"):
                metric(*args, confidence_level=level)
    for beta in (-1, np.inf, np.nan, "2"):
        with pytest.raises(ValueError, match=rf"'beta' parameter .*\[0, inf\). Got {beta!r}"):
            cores_score(y, p, beta=beta)
    for n_bins in (0, 2.5, "10"):
        with pytest.raises(ValueError, match=rf"'n_bins' parameter .*\[1, inf\). Got {n_bins!r}"):
            noise_corrected_calibration_error(y, p, np.eye(3), n_bins=n_bins)
    for matrix in (0.3, [0.3, 0.7], np.ones((2, 3)) / 3):
        with pytest.raises(ValueError, match="'transition_matrix' parameter must be a square"):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)
    with pytest.raises(ValueError, match=r"'metric' parameter must be a str among .* 'accuracy'"):
        make_noisy_scorer("accuracy")
    with pytest.raises(ValueError, match="needs a 'transition_matrix'"):
        make_noisy_scorer("noise_corrected_accuracy")
    with pytest.raises(ValueError, match="takes no 'transition_matrix'"):
        make_noisy_scorer("peer_accuracy", transition_matrix=np.eye(3))
    with pytest.raises(ValueError, match="condition number"):
        make_noisy_scorer("noise_corrected_accuracy", transition_matrix=np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="share of class 2 in the right labels is not clearly"):
        noise_corrected_balanced_accuracy([0, 0, 1], [0, 0, 1], np.eye(3), classes=[0, 1, 2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        peer_accuracy([0, 1], [0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cores_score(y[:5], p)


def test_frames_in_another_order_are_refused():
    labels, T = np.array(["b", "c", "d"]), pair(3, 0.3)
    codes = np.arange(30) % 3
    y, p = labels[codes], np.full((30, 3), 0.2) + 0.4 * np.eye(3)[codes]
    frame = pd.DataFrame(T, index=labels, columns=labels)
    for metric, said in (*((each, y) for each in OF_LABELS), *((each, p) for each in OF_PROBA)):
        assert metric(y, said, frame) == metric(y, said, T)
        with pytest.raises(ValueError, match="rows of 'transition_matrix' must be"):
            metric(y, said, frame.iloc[::-1])
    with pytest.raises(ValueError, match="columns of 'transition_matrix' must be"):
        make_noisy_scorer(
            "noise_corrected_accuracy", transition_matrix=frame.iloc[:, ::-1], classes=labels
        )
