"""Rows of one group, and equal rows, are trained on or held out together."""

import warnings

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.datasets import make_blobs, make_classification
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy._training.build import make_run
from sknoisy._training.noise_inspection import in_warmup_half
from sknoisy._training.training_set import TrainingSet
from sknoisy.issues import find_label_issues
from sknoisy.methods import Bagging
from sknoisy.noise import corrupt_labels
from sknoisy.transition import estimate_transition
from tests.factories import mostly_slow, noisy_blobs, short

COPIES = pytest.mark.filterwarnings("ignore:.* of the samples are copies")
X, y = noisy_blobs()
rng = np.random.default_rng(0)
ORDER = rng.permutation(360)
TRIPLE, LABELS = np.repeat(X, 3, axis=0)[ORDER], np.repeat(y, 3)[ORDER]
ORIGIN = np.repeat(np.arange(120), 3)[ORDER]


def bags_of_rows(clf):
    """The networks that are trained on each row, from the predictions that leave a row out."""
    recorded = clf.method_.in_bag_of_row
    return np.array([recorded[row] for row in range(len(recorded))])


class RecordsBags(Bagging):
    """Bagging that records the networks of each row."""

    def setup(self, net, y):
        super().setup(net, y)
        self.in_bag_of_row = {}

    def sample_weights(self, losses, batch):
        weights = super().sample_weights(losses, batch)
        self.in_bag_of_row.update(zip(batch.index.tolist(), weights.T.tolist(), strict=True))
        return weights


def shares_by(numbers, values):
    """Whether rows of the same number have the same value, and whether all have."""
    same = all(len(np.unique(values[numbers == n], axis=0)) == 1 for n in np.unique(numbers))
    return same, len(np.unique(values, axis=0)) == 1


FITS = {
    "equal rows": (TRIPLE, {}, ORIGIN),
    "dataset": (TensorDataset(torch.tensor(TRIPLE)), {}, ORIGIN),
    "near copies": (
        TRIPLE + 1e-3 * rng.normal(size=TRIPLE.shape),
        {"groups": [f"patient {i}" for i in ORIGIN]},
        ORIGIN,
    ),
    "few groups": (TRIPLE, {"groups": ORIGIN % 3}, ORIGIN % 3),
}


@COPIES
@pytest.mark.parametrize(("X", "given", "origin"), FITS.values(), ids=FITS)
def test_rows_of_one_group_share_a_bag(X, given, origin):
    clf = short(RecordsBags, max_epochs=1).fit(X, LABELS, **given)
    bags = bags_of_rows(clf)
    assert shares_by(origin, bags) == (True, False)
    assert (bags.sum(axis=1) == 4).all()
    assert (bags.any(axis=0) & ~bags.all(axis=0)).all()
    continued = clf.partial_fit(X, LABELS, **given)
    np.testing.assert_array_equal(bags_of_rows(continued), bags)


@pytest.mark.parametrize("n_groups", [2, 3, 5, 9, 33, 200])
def test_no_bag_is_empty(n_groups, set_up_bags):
    bags = set_up_bags(Bagging(), n_groups)
    counts = bags.sum(axis=1)
    assert counts.min() > 0 and counts.max() < n_groups
    assert (bags.sum(axis=0) == 4).all()


@pytest.mark.parametrize(
    ("params", "n_groups", "needed"), [({}, 1, 2), ({"max_samples": 0.1}, 3, 8)]
)
def test_too_few_groups_for_bags_are_refused(params, n_groups, needed, set_up_bags):
    with pytest.raises(ValueError, match=f"at least {needed} groups.* Got {n_groups} instead"):
        set_up_bags(Bagging(**params), n_groups)


@pytest.fixture
def set_up_bags():
    def set_up(method, n_groups):
        groups = np.arange(240) % n_groups
        clf = short(method, max_epochs=1).fit(
            np.repeat(X, 2, axis=0), np.repeat(y, 2), groups=groups
        )
        return clf.method_.bags[:, :n_groups].numpy()

    return set_up


@COPIES
@pytest.mark.parametrize(("X", "given", "origin"), FITS.values(), ids=FITS)
def test_early_stopping_holds_out_whole_groups(X, given, origin):
    clf = short(early_stopping=True)
    data = TrainingSet.from_arrays(clf, X, LABELS, **given)
    _, run, _ = make_run(clf, data)
    train, held_out = run.data.index.numpy(), run.validation.index.numpy()
    assert len(held_out) and not set(origin[train]) & set(origin[held_out])


@COPIES
@pytest.mark.slow
@pytest.mark.parametrize("method", ["ce", "bagging"])
def test_noise_is_detected_in_copies_as_in_single_rows(method):
    """Copies are not left out of warm-up alone, and do not vote for each other."""
    A, b = make_classification(
        500, 8, n_informative=6, class_sep=2, n_classes=2, flip_y=0, random_state=0
    )
    b = corrupt_labels(b, 0.3, random_state=0)
    params = {"smoothing": "auto", "max_epochs": 12, "random_state": 0}
    alone = NoisyLabelClassifier(method, **params).fit(A, b).noise_rate_
    order = np.random.default_rng(0).permutation(1500)
    copies = NoisyLabelClassifier(method, **params)
    copies.fit(np.repeat(A, 3, axis=0)[order], np.repeat(b, 3)[order])
    assert copies.noise_rate_ == pytest.approx(alone, abs=0.06)


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_noise_is_detected_in_few_groups(n_groups):
    table, true = make_blobs(400, centers=3, random_state=0)
    clf = short(smoothing="auto", max_epochs=4, lr=0.01)
    labels = corrupt_labels(true, 0.4, random_state=0)
    if n_groups == 1:
        with pytest.raises(ValueError, match="'groups' must have at least 2 groups"):
            clf.fit(table, labels, groups=np.zeros(400))
        return
    clf.fit(table, labels, groups=np.arange(400) % n_groups)
    assert clf.noise_rate_ > 0.2


def test_warm_up_leaves_out_whole_groups():
    numbers = torch.tensor(ORIGIN)
    half = in_warmup_half(numbers).numpy()
    assert shares_by(ORIGIN, half) == (True, False)
    assert half.mean() == pytest.approx(0.5, abs=0.1)


def test_fewer_different_rows_than_bags_need_are_single_rows():
    """As in a table of a few columns with a few values each, such as that of the Titanic."""
    coarse = rng.integers(0, [4, 2, 3], (600, 3)).astype(float)
    label = rng.integers(0, 2, 600)
    clf = short("bagging", max_epochs=2)
    alone = clf.fit(coarse, label).predict_proba(coarse)
    single = clf.fit(coarse, label, groups=np.arange(600)).predict_proba(coarse)
    np.testing.assert_array_equal(alone, single)


def test_without_equal_rows_nothing_changes():
    clf = short("bagging", max_epochs=2)
    alone = clf.fit(X, y).predict_proba(X)
    for groups in (np.arange(len(y)), [f"{i}" for i in range(len(y))]):
        np.testing.assert_array_equal(clf.fit(X, y, groups=groups).predict_proba(X), alone)


# ---- the warning ------------------------------------------------------------------------------


def fit_alone(clf, A, b):
    clf.fit(A, b)


def fit_in_pipeline(clf, A, b):
    make_pipeline(StandardScaler(), clf).fit(A, b)


def fit_in_search(clf, A, b):
    SmoothingSearchCV(clf, [0.0, 0.4], cv=3).fit(A, b)


def fit_in_grid_search(clf, A, b):
    GridSearchCV(clf, {"lr": [0.01, 0.02]}, cv=3).fit(A, b)


def fit_in_nested_search(clf, A, b):
    cross_validate(GridSearchCV(clf, {"lr": [0.01, 0.02]}, cv=2), A, b, cv=2)


def estimate(clf, A, b):
    estimate_transition(A, b, make_pipeline(StandardScaler(), clf), cv=3)


FITTING = [
    fit_alone,
    fit_in_pipeline,
    fit_in_search,
    fit_in_grid_search,
    fit_in_nested_search,
    estimate,
]


@pytest.mark.parametrize("fit", FITTING)
@pytest.mark.parametrize("method", mostly_slow(["ce", "bagging"], fast=("ce",)))
def test_copies_are_warned_about_once_at_the_line_of_the_user(fit, method):
    if fit is fit_in_search and method == "bagging":
        pytest.skip("not only a loss")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in (1, 2):
            fit(short(method, max_epochs=1), TRIPLE, LABELS)
            assert len(caught) == n
    assert all("% of the samples are copies" in str(w.message) for w in caught)
    assert {w.filename for w in caught} == {__file__} and caught[0].category is UserWarning
    assert "GroupKFold" in str(caught[0].message) and "groups=np.arange" in str(caught[0].message)


@pytest.mark.parametrize(("n_copies", "warned"), [(11, False), (14, True)])
def test_a_tenth_of_copies_is_warned_about(n_copies, warned):
    A, b = np.r_[X, X[:n_copies]], np.r_[y, y[:n_copies]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        short(max_epochs=1).fit(A, b)
        short(max_epochs=1).fit(A, b, groups=np.r_[np.arange(120), np.arange(n_copies)])
        short(max_epochs=1).fit(A, b, np.r_[np.ones(120), np.zeros(n_copies)])
    assert len(caught) == warned


# ---- metadata and searches ----------------------------------------------------------------------


def test_groups_are_routed_to_splitter_and_fit(recorded_groups):
    groups = np.arange(len(y)) // 4
    rows = [train for train, _ in GroupKFold(3).split(X, y, groups)]
    with config_context(enable_metadata_routing=True):
        clf = short(max_epochs=1).set_fit_request(groups=True)
        for estimator in (clf, short(max_epochs=1), make_pipeline(StandardScaler(), clf)):
            cross_validate(estimator, X, y, params={"groups": groups}, cv=GroupKFold(3))
            GridSearchCV(estimator, {}, cv=GroupKFold(3)).fit(X, y, groups=groups)
    expected = [groups[train] for train in rows]
    for given, correct in zip(recorded_groups, 3 * [*expected, *expected, groups], strict=True):
        np.testing.assert_array_equal(given, correct)


@pytest.fixture
def recorded_groups(monkeypatch):
    from sknoisy._training import training_set

    given, check = [], training_set.check_groups

    def recorded(groups, n):
        given.append(groups)
        return check(groups, n)

    monkeypatch.setattr(training_set, "check_groups", recorded)
    return given


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("memory", [np.inf, 1.0], ids=["folds together", "one by one"])
@pytest.mark.parametrize("kind", ["classifier", "pipeline"])
def test_a_search_passes_groups_to_splitter_and_fit(
    kind, memory, routing, recorded_groups, monkeypatch
):
    monkeypatch.setattr("sknoisy.search._candidates.free_memory", lambda device: memory)
    groups = np.arange(len(y)) // 4
    clf = short(max_epochs=1, early_stopping=True)
    estimator = make_pipeline(StandardScaler(), clf) if kind == "pipeline" else clf
    with config_context(enable_metadata_routing=routing):
        search = SmoothingSearchCV(estimator, [0.0, 0.4], cv=GroupKFold(3))
        search.fit(X, y, groups=list(groups))
    expected = [groups[train] for train, _ in GroupKFold(3).split(X, y, groups)]
    assert len(recorded_groups) == 4
    for given, correct in zip(recorded_groups, [*expected, groups], strict=True):
        np.testing.assert_array_equal(given, correct)


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False])
def test_a_search_holds_out_the_groups_of_a_grid_search(together, monkeypatch):
    if not together:
        monkeypatch.setattr("sknoisy.search._candidates.free_memory", lambda device: 1.0)
    groups = np.arange(len(y)) // 4
    clf = short(early_stopping=True, n_iter_no_change=2, max_epochs=9, precision="float64")
    params = {"cv": GroupKFold(3), "return_train_score": True}
    search = SmoothingSearchCV(clf, [-1.0, 0.0, 0.4], **params).fit(X, y, groups=groups)
    with config_context(enable_metadata_routing=True):
        grid = GridSearchCV(clf, {"smoothing": [-1.0, 0.0, 0.4]}, **params)
        grid.fit(X, y, groups=groups)
    for key, values in grid.cv_results_.items():
        if key.endswith("score"):
            np.testing.assert_array_equal(search.cv_results_[key], values)
    np.testing.assert_allclose(search.predict_proba(X), grid.predict_proba(X), atol=1e-10)


# ---- accuracy -----------------------------------------------------------------------------------


@COPIES
@pytest.mark.slow
@pytest.mark.parametrize("jitter", [0.0, 1e-3], ids=["equal rows", "near copies with groups"])
def test_copies_cost_neither_accuracy_nor_label_issues(jitter):
    A, b = make_classification(
        1500, 10, n_informative=6, n_classes=3, class_sep=1.2, flip_y=0, random_state=0
    )
    noisy = corrupt_labels(b[:600], 0.35, random_state=0)
    scores, found = [], []
    for copies in (1, 3):
        T = np.repeat(A[:600], copies, axis=0)
        T = T + jitter * np.random.default_rng(0).normal(size=T.shape)
        groups = np.repeat(np.arange(600), copies) if jitter else None
        labels = np.repeat(noisy, copies)
        clf = NoisyLabelClassifier(random_state=0).fit(T, labels, groups=groups)
        scores.append(clf.score(A[600:], b[600:]))
        found.append(len(find_label_issues(clf, labels)) / len(labels))
    assert scores[1] > scores[0] - 0.02
    assert abs(found[1] - found[0]) < 0.1 and min(found) > 0.1


# ---- contradictions -----------------------------------------------------------------------------


CONTRADICTED = LABELS.copy()
# Of the three rows of each of ten origins, one gets another label.
CONTRADICTED[[np.flatnonzero(ORIGIN == i)[0] for i in range(10)]] += 1
CONTRADICTED %= 3


@pytest.mark.slow
@COPIES
@pytest.mark.parametrize("given", [{}, {"groups": ORIGIN}, {"groups": np.arange(360)}])
@pytest.mark.parametrize("params", [{}, {"smoothing": "auto"}], ids=["plain", "auto"])
def test_contradicting_rows_are_reported_apart_from_wrong_ones(given, params):
    clf = short("bagging", max_epochs=3, **params).fit(TRIPLE, CONTRADICTED, **given)
    issues = find_label_issues(clf, CONTRADICTED)
    assert issues.attrs["n_contradicting"] == clf.noise_report_.n_contradicting == 30
    assert issues.attrs["n_wrong"] != 30
    assert "30 samples have the features of a sample with another label" in str(clf.noise_report_)


def test_contradictions_of_probabilities_are_unknown():
    assert find_label_issues(np.eye(3)[y] * 0.7 + 0.1, y).attrs["n_contradicting"] is None


def test_a_report_without_contradictions_does_not_mention_them():
    report = short("bagging", max_epochs=2).fit(X, y).noise_report_
    assert report.n_contradicting == 0
    assert "another label" not in str(report)
