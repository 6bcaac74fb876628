"""The containers that users bring: frames of pandas, Arrow and polars, tensors, soft labels."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV, find_label_issues, metrics, transition
from sknoisy.model_selection import NoisyLabelSplitter, TrustedSplit
from sknoisy.noise import corrupt_labels, symmetric

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)


def make(method="ce", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 3, "random_state": 0, **params})


def same_fit(first, second, rows=X):
    np.testing.assert_array_equal(first.predict_proba(rows), second.predict_proba(rows))


@pytest.mark.parametrize("dtype", ["bool", "boolean", "Int64", "float32", "Float64"])
def test_weights_may_be_a_series_of_any_numbers(dtype):
    weight = pd.Series(np.arange(60) % 3 > 0).astype(dtype)
    same_fit(make().fit(X, y, weight), make().fit(X, y, (np.arange(60) % 3 > 0).astype(float)))


@pytest.mark.parametrize(
    "weight",
    [["a"] * 60, [[1], [1, 2]] * 30, {"a": 1}],
    ids=["strings", "ragged", "dict"],
)
def test_weights_that_are_no_numbers_are_refused_by_name(weight):
    with pytest.raises(ValueError, match=r"'sample_weight' parameter must be .* Got"):
        make().fit(X, y, weight)


def test_missing_weights_are_refused():
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        make().fit(X, y, pd.Series([1, None] * 30, dtype="Int64"))


FRAMES = {
    "get_dummies": lambda: pd.get_dummies(np.array(["no", "yes"])[y]),
    "nullable": lambda: pd.get_dummies(np.array(["no", "yes"])[y]).astype("Int64"),
    "Float64": lambda: (pd.get_dummies(np.array(["no", "yes"])[y]) * 1.0).convert_dtypes(),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_soft_labels_may_be_frames_of_any_numbers(kind):
    soft = FRAMES[kind]()
    clf = make().fit(X, soft)
    assert clf.classes_.tolist() == ["no", "yes"]
    same_fit(clf, make().fit(X, np.eye(2)[y]))


def test_frames_of_strings_are_no_soft_labels():
    with pytest.raises(ValueError, match=r"multioutput|1d array"):
        make().fit(X, pd.DataFrame({"a": ["x"] * 60, "b": ["y"] * 60}))


def test_polars_frames_are_taken_everywhere():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    clf = make().fit(frame, pl.Series(y), sample_weight=pl.Series(np.ones(60)))
    assert clf.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(clf.predict_proba(frame), make().fit(X, y).predict_proba(X))
    soft = pl.DataFrame({"no": np.full(60, 0.3), "yes": np.full(60, 0.7)})
    assert make().fit(frame, soft).classes_.tolist() == ["no", "yes"]
    with sklearn.config_context(transform_output="polars"):
        assert make_pipeline(StandardScaler(), make()).fit(X, y).predict(X).shape == (60,)
    dates = frame.with_columns(pl.date(2024, 1, 1).alias("day"), pl.time(1).alias("time"))
    with pytest.raises(TypeError, match=r"columns of dates, .*\['day', 'time'\]"):
        make().fit(dates, y)


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2024", periods=60),
        pd.timedelta_range(0, periods=60),
        pd.period_range("2024", periods=60, freq="D"),
        pd.interval_range(0, periods=60),
    ],
    ids=lambda column: type(column).__name__,
)
def test_dates_and_the_like_are_refused_by_the_names_of_their_columns(column):
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(when=column)
    with pytest.raises(TypeError, match=r"columns of dates, times, periods .*\['when'\]"):
        make().fit(frame, y)


def test_tensors_with_array_api_dispatch():
    rows, labels = torch.tensor(X), torch.tensor(y)
    with sklearn.config_context(array_api_dispatch=True):
        clf = make().fit(rows, labels, sample_weight=torch.ones(60))
        assert clf.score(rows, labels, torch.ones(60)) == make().fit(X, y).score(X, y)
    same_fit(clf, make().fit(X, y))


def test_the_score_on_soft_labels_is_the_expected_accuracy():
    soft = 0.8 * np.eye(2)[y] + 0.1
    clf = make(max_epochs=30).fit(X, soft)
    hits = soft[np.arange(60), clf.predict(X)]
    assert clf.score(X, soft) == pytest.approx(hits.mean())
    weight = rng.random(60)
    assert clf.score(X, soft, weight) == pytest.approx(np.average(hits, weights=weight))
    named = pd.DataFrame(soft[:, ::-1], columns=["b", "a"])
    clf = make(max_epochs=30).fit(X, named)
    assert clf.score(X, named) == pytest.approx(hits.mean(), abs=0.05)
    with pytest.raises(ValueError, match="columns of y must be the classes"):
        clf.score(X, np.full((60, 3), 1 / 3))


def test_the_score_of_a_dataset_is_that_of_its_items():
    data = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    clf = make(max_epochs=30).fit(data)
    assert clf.score(data) == clf.score(X.astype(np.float32), y)


@pytest.mark.parametrize("search", [SmoothingSearchCV, GridSearchCV])
def test_searches_on_soft_labels_choose_by_expected_accuracy(search):
    """They scored NaN, and took the first candidate."""
    soft = 0.8 * np.eye(2)[y] + 0.1
    rates = [-1.0, 0.0] if search is SmoothingSearchCV else {"smoothing": [-1.0, 0.0]}
    found = search(make(max_epochs=20), rates, cv=2).fit(X, soft)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("cv", [3, StratifiedKFold(3)], ids=["int", "splitter"])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_searches_on_soft_labels_stratify_by_the_most_likely_class(cv, container):
    """Folds of sorted samples lacked classes in training."""
    order = np.argsort(y, kind="stable")
    soft = container(0.8 * np.eye(2)[y[order]] + 0.1)
    search = SmoothingSearchCV(make(max_epochs=20), [0.0, -1.0], cv=cv).fit(X[order], soft)
    hard = SmoothingSearchCV(make(max_epochs=20), [0.0, -1.0], cv=cv).fit(X[order], y[order])
    scores = [s.cv_results_["mean_test_score"] for s in (search, hard)]
    np.testing.assert_allclose(scores[0], 0.8 * scores[1] + 0.1, atol=0.05)


def test_trusted_samples_are_no_suspects():
    table, true = make_blobs(600, centers=[[-2, 0], [2, 0]], random_state=0)
    noisy = corrupt_labels(true, 0.3, random_state=0)
    trusted = np.arange(600) < 60
    given = np.where(trusted, true, noisy)
    clf = make("bagging", max_epochs=20).fit(table, given, trusted=trusted)
    issues = find_label_issues(clf, given)
    assert len(issues) and not trusted[issues.index].any()
    table = find_label_issues(clf, given, return_all=True)
    of_trusted = table[trusted[table.index]]
    assert (of_trusted["given"] == of_trusted["suggested"]).all()
    assert (of_trusted["confidence"] == 1).all()
    assert issues.attrs["n_wrong"] < (~trusted).sum()


# ---- every function takes every container --------------------------------------------------------

rows, names = X, np.array(["no", "yes"])[y]
proba = 0.75 * np.eye(2)[y] + 0.125
weights, trusted = np.arange(60) % 4 / 2 + 0.5, np.arange(60) % 3 == 0


def polars():
    return pytest.importorskip("polars")


def arrow(values):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(values) if np.ndim(values) == 2 else pd.Series(values)
    return table.convert_dtypes(dtype_backend="pyarrow")


def nullable(values):
    table = pd.DataFrame(values) if np.ndim(values) == 2 else pd.Series(values)
    return table.convert_dtypes()


def polars_of(values):
    if np.ndim(values) == 1:
        return polars().Series(values.tolist())
    columns = ["no", "yes"] if values is proba else ["a", "b", "c"]
    return polars().DataFrame(values, schema=columns)


CONVERSIONS = {
    "list": lambda values: values.tolist(),
    "pandas": lambda values: pd.DataFrame(values) if values.ndim == 2 else pd.Series(values),
    "nullable": nullable,
    "Arrow": arrow,
    "polars": polars_of,
    "tensor": lambda values: values if values is names else torch.tensor(values),
}

FUNCTIONS = {
    "fit": lambda X, y, w, t, p: make().fit(X, y, w).predict_proba(X),
    "fit with trusted": lambda X, y, w, t, p: (
        make("bagging").fit(X, y, w, trusted=t).score(X, y, w)
    ),
    "fit with soft labels": lambda X, y, w, t, p: make().fit(X, p, w).score(X, p, w),
    "SmoothingSearchCV": lambda X, y, w, t, p: (
        SmoothingSearchCV(make(), [0.0, -1.0], cv=2)
        .fit(X, y, sample_weight=w)
        .cv_results_["mean_test_score"]
    ),
    "GridSearchCV on soft labels": lambda X, y, w, t, p: (
        GridSearchCV(make(), {"smoothing": [0.0, -1.0]}, cv=2)
        .fit(X, p)
        .cv_results_["mean_test_score"]
    ),
    "pipeline": lambda X, y, w, t, p: make_pipeline(StandardScaler(), make()).fit(X, y).score(X, y),
    "corrupt_labels": lambda X, y, w, t, p: np.asarray(
        corrupt_labels(y, 0.3, kind="instance", X=X, random_state=0)
    ),
    "find_label_issues": lambda X, y, w, t, p: find_label_issues(p, y, return_all=True).to_numpy(),
    "noise_rate": lambda X, y, w, t, p: transition.noise_rate(p, y).rate,
    "estimate_transition": lambda X, y, w, t, p: transition.estimate_transition(X, y, make(), cv=2),
    "gold": lambda X, y, w, t, p: transition.gold(p, y, trusted=t),
    "hoc": lambda X, y, w, t, p: transition.hoc(X, y),
    "log loss": lambda X, y, w, t, p: metrics.noise_corrected_log_loss(
        y, p, transition_matrix=symmetric(2, 0.2), sample_weight=w
    ),
    "trusted_accuracy": lambda X, y, w, t, p: metrics.trusted_accuracy(y, y, trusted=t),
    "ranking": lambda X, y, w, t, p: metrics.issue_average_precision(t, w),
    "TrustedSplit": lambda X, y, w, t, p: np.concatenate(
        [test for _, test in TrustedSplit(t, cv=2).split(X, y)]
    ),
    "NoisyLabelSplitter": lambda X, y, w, t, p: np.concatenate(
        [test for _, test in double_and_split(X, y)]
    ),
}


def double_and_split(X, y):
    splitter = NoisyLabelSplitter(cv=2)
    return splitter.split(*splitter.double(X, y, y))


def apply_to(function, convert=lambda values: values):
    return function(*(convert(values) for values in (rows, names, weights, trusted, proba)))


@pytest.fixture(scope="module")
def expected_results():
    return {name: apply_to(function) for name, function in FUNCTIONS.items()}


@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_containers_give_the_same_results(name, conversion, expected_results):
    result = apply_to(FUNCTIONS[name], CONVERSIONS[conversion])
    expected = expected_results[name]
    if isinstance(expected, np.ndarray) and expected.dtype == object:
        assert result.tolist() == expected.tolist()
    elif isinstance(expected, np.ndarray) and expected.dtype.kind == "U":
        assert result.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tensors_give_the_same_results_under_array_api_dispatch(name, expected_results):
    with sklearn.config_context(array_api_dispatch=True):
        result = apply_to(FUNCTIONS[name], CONVERSIONS["tensor"])
    expected = expected_results[name]
    if np.asarray(expected).dtype.kind in "OU":
        assert result.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-6)


def test_corrupt_labels_returns_a_series_of_polars():
    labels = polars().Series("label", names.tolist())
    noisy = corrupt_labels(labels, 0.3, random_state=0)
    assert noisy.name == "label" and noisy.dtype == labels.dtype
    assert noisy.to_list() == corrupt_labels(names, 0.3, random_state=0).tolist()


def test_tables_of_arrow_are_data_frames():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({name: rows[:, i] for i, name in enumerate("abc")})
    soft = pa.table({"no": proba[:, 0], "yes": proba[:, 1]})
    clf = make().fit(table, soft, pa.array(weights))
    assert clf.feature_names_in_.tolist() == ["a", "b", "c"]
    assert clf.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(
        clf.predict_proba(table), make().fit(rows, proba, weights).predict_proba(rows)
    )


def test_lazy_frames_are_refused():
    lazy = polars_of(rows).lazy()
    for call in (lambda: make().fit(lazy, y), lambda: make().fit(rows, lazy)):
        with pytest.raises(TypeError, match=r"LazyFrame has no values yet; .* collect\(\)"):
            call()
