"""OpinionPoolClassifier: what it learns, keeps, accepts and refuses."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.ensemble import OpinionPoolClassifier
from sknoisy.noise import corrupt_labels
from tests.factories import short, small_images

K = 3


def named(**params):
    defaults = {"estimators": [("nb", GaussianNB())], "random_state": 0}
    return OpinionPoolClassifier(**{**defaults, **params})


def blobs(n=150, noise=0.3, seed=0):
    """Three round classes, their true codes and noisy labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % K
    X = rng.normal(size=(n, 2)) + 4 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    return X, y, corrupt_labels(y, noise, random_state=seed)


# ---- learning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"built_in": False}, {"estimators": None}, {"estimators": []}], ids=str
)
def test_noisy_labels_are_seen_through(params):
    X, y, given = blobs()
    pool = named(**params).fit(X, given)
    assert pool.score(X, y) > 0.93
    assert_allclose(pool.transition_matrix_, 0.55 * np.eye(K) + 0.15, atol=0.25)
    assert abs(pool.noise_rate_ - 0.3) < 0.15
    assert np.mean(pool.oob_decision_function_.argmax(axis=1) == y) > 0.93
    wrong = given != y
    assert pool.label_quality_[wrong].mean() < 0.3 < 0.7 < pool.label_quality_[~wrong].mean()


def test_labels_of_copies_are_not_known():
    # Random labels of equal samples: a member that has seen a copy would know them.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 3)).repeat(3, axis=0), rng.integers(K, size=100).repeat(3)
    forgetful = named(estimators=[("tree", DecisionTreeClassifier())])
    with pytest.warns(UserWarning, match="67% of the samples are copies"):
        p = forgetful.fit(X, y).oob_decision_function_
    assert np.mean(p.argmax(axis=1) == y) < 0.55
    p = forgetful.fit(X, y, groups=np.arange(300)).oob_decision_function_
    assert np.mean(p.argmax(axis=1) == y) > 0.9


@pytest.mark.parametrize("built_in", [False, True])
def test_rows_without_weight_are_left_out_and_predicted(built_in):
    X, _, given = blobs()
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    used = weight > 0
    weighted = named(built_in=built_in).fit(X, given, sample_weight=weight)
    removed = named(built_in=built_in).fit(X[used], given[used])
    assert_array_equal(weighted.predict_proba(X), removed.predict_proba(X))
    assert_array_equal(weighted.oob_decision_function_[used], removed.oob_decision_function_)
    predicted = removed.predict_proba(X[~used])
    assert_allclose(weighted.oob_decision_function_[~used], predicted)
    plausible = predicted * removed.transition_matrix_[:, given[~used]].T
    plausible /= plausible.sum(axis=1, keepdims=True)
    of_given = plausible[np.arange(len(predicted)), given[~used]]
    assert_allclose(weighted.label_quality_[~used], of_given)


def test_soft_labels_that_are_certain_are_labels():
    X, _, given = blobs()
    hard, soft = named().fit(X, given), named().fit(X, np.eye(K)[given])
    assert_allclose(soft.predict_proba(X), hard.predict_proba(X))
    assert_allclose(soft.label_quality_, hard.label_quality_)


@pytest.mark.parametrize("estimators", [None, [("nb", GaussianNB())], [("net", short("gce"))]])
def test_soft_labels_are_learned(estimators):
    X, y, _ = blobs()
    votes = np.random.default_rng(0).multinomial(5, 0.5 * np.eye(K)[y] + 0.5 / K) / 5
    pool = named(estimators=estimators).fit(X, votes)
    assert pool.score(X, y) > 0.9
    assert 0.5 < pool.score(X, votes) < 0.8
    expected = np.average(votes[np.arange(len(y)), pool.predict(X)])
    assert_allclose(pool.score(X, votes), expected)


def test_trusted_samples_improve_the_matrix():
    X, y, _ = blobs()
    given = np.where((y == 0) & (np.arange(len(y)) % 10 < 7), 1, y)
    trusted = np.arange(len(y)) % 5 == 0
    given[trusted] = y[trusted]
    pool, without = named().fit(X, given, trusted=trusted), named().fit(X, given)
    assert_array_equal(pool.label_quality_[trusted], 1)
    assert pool.transition_matrix_[0, 1] > without.transition_matrix_[0, 1]


@pytest.mark.parametrize("estimators", [None, [("nb", GaussianNB())]])
def test_class_weights_favour_a_rare_class(estimators):
    X, y = make_classification(400, weights=[0.9], class_sep=0.5, flip_y=0, random_state=0)
    pools = [named(estimators=estimators, class_weight=w).fit(X, y) for w in (None, "balanced")]
    plain, balanced = (pool.predict_proba(X)[y == 1, 1].mean() for pool in pools)
    assert balanced > plain + 0.1


@pytest.mark.parametrize("matrix", [None, np.array([[0.8, 0.2, 0], [0, 1, 0], [0, 0.4, 0.6]])])
def test_a_given_matrix_is_used(matrix):
    X, _, given = blobs()
    pool = named(transition_matrix=matrix).fit(X, given)
    assert_array_equal(pool.transition_matrix_, np.eye(K) if matrix is None else matrix)
    if matrix is not None:
        assert_array_equal(pool.noise_report_.transition_matrix, matrix)


def test_classes_of_any_type_are_learned():
    X, y, given = blobs()
    names = np.array(["ant", "bee", "cat"])
    pool = named().fit(X, names[given])
    assert_array_equal(pool.classes_, names)
    assert pool.score(X, names[y]) > 0.9
    assert_array_equal(pool.noise_report_.classes, names)


def test_images_are_learned():
    X, y = small_images()
    pool = OpinionPoolClassifier([("net", short("bagging"))], random_state=0).fit(X, y)
    assert pool.score(X, y) > 0.9
    with pytest.raises(
        ValueError, match=r"shape \(1, 8, 7\).*fitted to samples of shape \(1, 8, 8\)"
    ):
        pool.predict(X[..., :7])


@pytest.mark.parametrize(("n", "k"), [(2, 2), (3, 3), (20, 20), (20, 2)])
@pytest.mark.parametrize("estimators", [None, [("nb", GaussianNB())]])
def test_few_samples(n, k, estimators):
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n) % k
    pool = named(estimators=estimators).fit(X, y)
    p = pool.predict_proba(X)
    assert p.shape == pool.oob_decision_function_.shape == (n, k)
    assert_allclose(p.sum(axis=1), 1)
    assert np.isfinite(pool.label_quality_).all()


@pytest.mark.slow
def test_many_classes():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(150, 8))
    y = np.arange(750) % 150
    X = centres[y] + 0.1 * rng.normal(size=(750, 8))
    assert named().fit(X, y).score(X, y) > 0.5


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("estimators", [None, []])
def test_scale_of_columns_does_not_matter(scale, estimators):
    X, y, given = blobs()
    X = np.c_[X * scale, np.ones(len(X))]
    X[0, 0] = 1e6 * scale
    assert named(estimators=estimators).fit(X, given).score(X, y) > 0.9


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_order_numbers_are_distinguished(dtype):
    X = (2_000_000_000 + np.arange(120)).astype(dtype)[:, None]
    y = np.arange(120) // 40
    assert named().fit(X, corrupt_labels(y, 0.2, random_state=0)).score(X, y) > 0.9


@pytest.mark.parametrize("make", [sp.csr_array, sp.coo_matrix])
def test_sparse_samples_are_dense_ones(make):
    X, _, given = blobs()
    X = np.c_[X, np.where(X < 0.5, 0, X)]
    dense, sparse = named().fit(X, given), named().fit(make(X), given)
    assert_array_equal(sparse.predict_proba(make(X)), dense.predict_proba(X))


# ---- attributes ----------------------------------------------------------------------------------


def test_opinions_have_exponents():
    X, _, given = blobs()
    pool = named().fit(X, given)
    assert list(pool.exponents_) == ["nb", "random_forest", "extra_trees", "kernel_ridge"]
    assert all(0 <= exponent <= 5 for exponent in pool.exponents_.values())
    assert isinstance(pool.named_estimators_.nb, GaussianNB)
    assert pool.estimators_ == [pool.named_estimators_["nb"]]
    default = named(estimators=None).fit(X, given)
    assert isinstance(default.named_estimators_.networks, NoisyLabelClassifier)
    assert list(named(built_in=False).fit(X, given).exponents_) == ["nb"]


def test_a_classifier_is_dropped():
    X, _, given = blobs()
    pool = named(estimators=[("nb", GaussianNB()), ("lr", "drop")]).fit(X, given)
    assert "lr" not in pool.exponents_
    assert_array_equal(pool.predict_proba(X), named().fit(X, given).predict_proba(X))


def test_parameters_of_classifiers_are_set_by_name():
    pool = OpinionPoolClassifier([("lr", LogisticRegression(C=2))])
    assert pool.get_params()["lr__C"] == 2
    pool.set_params(lr__C=3, cv=2)
    assert (pool.estimators[0][1].C, pool.cv) == (3, 2)
    pool.set_params(lr=GaussianNB())
    assert isinstance(pool.get_params()["lr"], GaussianNB)
    pool.set_params(estimators=[("new", LogisticRegression())], new__C=4)
    assert pool.get_params()["new__C"] == 4


def test_the_same_seed_gives_the_same_results():
    X, _, given = blobs()
    first, second = (named(estimators=None).fit(X, given) for _ in range(2))
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert_array_equal(first.label_quality_, second.label_quality_)
    other = named(estimators=None, random_state=1).fit(X, given)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


@pytest.mark.slow
def test_jobs_change_nothing():
    X, _, given = blobs()
    first, second = (named(estimators=None, n_jobs=n_jobs).fit(X, given) for n_jobs in (None, 2))
    assert_allclose(first.predict_proba(X), second.predict_proba(X), rtol=1e-5)


def test_pickle_and_clone():
    X, _, given = blobs()
    pool = named(estimators=None).fit(X, given)
    loaded = pickle.loads(pickle.dumps(pool))
    assert_array_equal(loaded.predict_proba(X), pool.predict_proba(X))
    assert loaded.noise_rate_ == pool.noise_rate_
    assert_array_equal(clone(pool).fit(X, given).predict_proba(X), pool.predict_proba(X))
    nested = clone(named())
    assert nested.estimators[0][1] is not named().estimators[0][1]


def test_scores_agree_with_probabilities():
    X, y, given = blobs()
    pool = named().fit(X, given)
    p = pool.predict_proba(X)
    assert_allclose(np.exp(pool.predict_log_proba(X)), p)
    assert_allclose(pool.decision_function(X), np.log(p / (1 - p)))
    assert_array_equal(pool.predict(X), p.argmax(axis=1))
    two = named().fit(X, y == 0)
    log_p = two.predict_log_proba(X)
    assert_allclose(two.decision_function(X), log_p[:, 1] - log_p[:, 0])
    weight = np.arange(len(X))
    assert_allclose(pool.score(X, y, weight), np.average(p.argmax(axis=1) == y, weights=weight))


def test_predictions_do_not_depend_on_their_parts(monkeypatch):
    X, _, given = blobs()
    pool = named().fit(X, given)
    expected = pool.predict_proba(X)
    monkeypatch.setattr("sknoisy.ensemble.opinion_pool._CHUNK_ROWS", 7)
    assert_allclose(pool.predict_proba(X), expected)


# ---- label noise ---------------------------------------------------------------------------------


def test_label_issues_are_found():
    pd = pytest.importorskip("pandas")
    X, y, given = blobs()
    frame = pd.DataFrame(X, columns=["a", "b"], index=[f"row {i}" for i in range(len(X))])
    pool = named().fit(frame, given)
    issues = find_label_issues(pool, given)
    wrong = frame.index[given != y]
    assert len(set(issues.index) & set(wrong)) > 0.8 * max(len(issues), len(wrong))
    assert issues.attrs["n_contradicting"] == 0
    everything = find_label_issues(pool, given, return_all=True)
    assert len(everything) == len(X)
    assert_array_equal(everything.loc[wrong, "given"], given[given != y])


def test_label_issues_use_a_given_matrix_and_trusted_samples():
    X, y, given = blobs()
    matrix = 0.55 * np.eye(K) + 0.15
    trusted = np.arange(len(y)) % 2 == 0
    issues = find_label_issues(named().fit(X, given, trusted=trusted), given)
    assert not trusted[issues.index].any()
    known, estimated = (
        find_label_issues(named(transition_matrix=m).fit(X, given), given, return_all=True)
        for m in (matrix, "auto")
    )
    assert not np.allclose(known["quality"].sort_index(), estimated["quality"].sort_index())


def test_label_issues_need_the_labels_of_the_fit():
    X, _, given = blobs()
    pool = named().fit(X, given)
    with pytest.raises(ValueError, match="must be the labels that the classifier was fitted to"):
        find_label_issues(pool, (given + 1) % K)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        find_label_issues(named(), given)


def test_report_names_noise():
    X, _, given = blobs()
    report = named().fit(X, given).noise_report_
    assert report.evidence == "out-of-bag"
    assert report.n_samples == len(X)
    assert report.n_contradicting == 0
    assert report.smoothing == 0


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimators": [GaussianNB()]}, r"list of \(name, classifier\) tuples. Got GaussianNB"),
        ({"estimators": [("a", GaussianNB)]}, "which is no classifier"),
        ({"estimators": [("a", "none")]}, "Got 'none' as 'a', which is no classifier"),
        ({"estimators": [("a", LinearSVC())]}, r"with predict_proba. Got LinearSVC\(\) as 'a'"),
        ({"estimators": [("a", GaussianNB())] * 2}, "not unique"),
        ({"estimators": [("a__b", GaussianNB())]}, "must not contain __"),
        ({"estimators": [("cv", GaussianNB())]}, "conflict with constructor arguments"),
        ({"estimators": [("extra_trees", GaussianNB())]}, "not those of the built-in ones"),
        ({"estimators": [], "built_in": False}, "at least one with built_in=False"),
        ({"estimators": GaussianNB()}, "'estimators' parameter of OpinionPoolClassifier must be"),
        ({"built_in": "yes"}, "'built_in' parameter of OpinionPoolClassifier must be"),
        ({"cv": 1}, "must be an int in the range"),
        ({"cv": True}, "'cv' parameter of OpinionPoolClassifier must not be a bool"),
        ({"transition_matrix": "aut"}, "Did you mean 'auto'?"),
        ({"transition_matrix": np.eye(2)}, r"shape \(3, 3\).*Got one of shape \(2, 2\)"),
        ({"class_weight": "balance"}, "Did you mean 'balanced'?"),
        ({"class_weight": {0: -1}}, "weights of at least 0"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter"),
        ({"random_state": "x"}, "'random_state' parameter"),
    ],
)  # fmt: skip
def test_wrong_parameters(params, message):
    X, _, given = blobs(30)
    with pytest.raises((ValueError, TypeError), match=message):
        named(**params).fit(X, given)


def test_misspelt_parameters():
    with pytest.raises(ValueError, match=r"Did you mean 'n_jobs'\?"):
        named().set_params(n_job=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_values_are_refused(value):
    X, _, given = blobs(30)
    X[3, 1] = value
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        named().fit(X, given)
    pool = named().fit(np.nan_to_num(X, posinf=0), given)
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        pool.predict(X)


def test_datasets_are_refused():
    X, _, given = blobs(30)
    data = TensorDataset(torch.tensor(X), torch.tensor(given))
    with pytest.raises(TypeError, match="Got a TensorDataset instead"):
        named().fit(data)


def test_trusted_samples_need_a_weight():
    X, _, given = blobs(30)
    trusted = np.arange(30) < 3
    with pytest.raises(ValueError, match="All trusted samples have a weight of zero"):
        named().fit(X, given, trusted=trusted, sample_weight=~trusted)


class Breaks(GaussianNB):
    """A classifier whose fit fails."""

    def fit(self, X, y, sample_weight=None):
        raise RuntimeError("broken")


def test_an_error_leaves_the_old_model():
    X, _, given = blobs()
    pool = named().fit(X, given)
    before, report = pool.predict_proba(X), pool.noise_report_
    pool.set_params(nb=Breaks())
    with pytest.raises(RuntimeError, match="broken"):
        pool.fit(X[:, :1], given == 0)
    assert_array_equal(pool.predict_proba(X), before)
    assert pool.noise_report_ is report
    pool.set_params(nb=GaussianNB()).fit(X[:, :1], given == 0)
    assert pool.noise_report_ is not report


# ---- with other tools ----------------------------------------------------------------------------


def test_feature_names_are_checked():
    pd = pytest.importorskip("pandas")
    X, _, given = blobs()
    frame = pd.DataFrame(X, columns=["a", "b"])
    pool = named().fit(frame, given)
    assert_array_equal(pool.feature_names_in_, ["a", "b"])
    assert pool.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        pool.predict(frame[["b", "a"]])


def test_groups_are_routed():
    X, _, given = blobs()
    seen, groups = [], np.arange(len(X)) // 5

    class Recorder(OpinionPoolClassifier):
        def fit(self, X, y, groups=None):
            seen.append(groups)
            return super().fit(X, y, groups=groups)

    pool = Recorder([("nb", GaussianNB())], built_in=False)
    with sklearn.config_context(enable_metadata_routing=True):
        assert pool.get_metadata_routing().fit.requests["groups"] is True
        cross_val_score(pool, X, given, cv=GroupKFold(2), params={"groups": groups})
    assert [len(part) for part in seen] == [75, 75]


def test_torch_settings_of_the_user_do_not_matter():
    X, _, given = blobs(60)
    expected = named(estimators=None).fit(X, given).predict_proba(X)
    with torch.inference_mode(), torch.device("meta"):
        pool = named(estimators=None).fit(X, given)
        assert_array_equal(pool.predict_proba(X), expected)


def test_one_group_is_refused():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match="'groups' parameter must have at least 2 groups"):
        OpinionPoolClassifier([]).fit(rows, np.arange(40) % 2, groups=np.zeros(40))


def test_undecided_soft_labels_have_no_quality():
    rows = np.random.default_rng(0).normal(size=(60, 3))
    soft = np.eye(2)[(rows[:, 0] > 0) * 1]
    soft[:10] = 0.5
    pool = OpinionPoolClassifier([], random_state=0).fit(rows, soft)
    np.testing.assert_array_equal(np.isnan(pool.label_quality_), np.arange(60) < 10)


def test_more_sparse_rows_are_predicted_than_are_fitted(monkeypatch):
    monkeypatch.setattr("sknoisy.ensemble._columns._MAX_DENSE_VALUES", 100 * 50)
    monkeypatch.setattr("sknoisy.ensemble.opinion_pool._CHUNK_VALUES", 50 * 50)
    rows = sp.random(300, 50, 0.2, format="csr", random_state=0)
    pool = OpinionPoolClassifier([], random_state=0).fit(rows[:100], np.arange(100) % 2)
    assert_allclose(pool.predict_proba(rows)[:50], pool.predict_proba(rows[:50].toarray()))
