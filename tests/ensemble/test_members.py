"""Named classifiers: what they are fitted to, and how they are judged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy.ensemble._folds import stratified_folds
from sknoisy.ensemble._members import GivenLabels, fit_members
from tests.factories import noisy_blobs, short

N = 60


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that records its fits and predicts the label of the nearest sample."""

    fits: list = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.fits.append((X, y, sample_weight))
        self.classes_ = np.unique(y)
        self.nearest_ = KNeighborsClassifier(1).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.nearest_.predict_proba(X)


@pytest.fixture
def fits():
    Recorder.fits.clear()
    return Recorder.fits


def given(codes, soft=None, weight=None, decidedness=None, groups=None):
    n = len(codes)
    return GivenLabels(
        np.asarray(codes),
        soft,
        np.ones(n) if weight is None else weight,
        np.ones(n) if decidedness is None else decidedness,
        np.arange(n) if groups is None else groups,
        int(np.max(codes)) + 1 if soft is None else soft.shape[1],
    )


def fitted(clf, X, labels, n_folds=3, seed=0, **params):
    rng = np.random.RandomState(seed)
    splits = stratified_folds(labels.codes, labels.groups, n_folds, rng)
    [member], [opinion] = fit_members([("clf", clf)], X, labels, splits, rng, **params)
    return member, opinion, splits


def test_opinions_are_out_of_fold():
    X, y = noisy_blobs(N)
    member, opinion, splits = fitted(LogisticRegression(), X, given(y))
    expected = cross_val_predict(LogisticRegression(), X, y, cv=splits, method="predict_proba")
    assert_allclose(opinion, expected)
    assert_allclose(member.predict(X), LogisticRegression().fit(X, y).predict_proba(X))


def test_no_classifier_is_asked_about_a_group_it_knows(fits):
    X, y = noisy_blobs(N)
    X = X.repeat(2, axis=0)
    labels = given(y.repeat(2), groups=np.arange(N).repeat(2))
    _, opinion, splits = fitted(Recorder(), X, labels)
    assert len(fits) == 4
    for (train, _), (X_fit, _, _) in zip(splits, fits[1:], strict=True):
        assert_array_equal(X_fit, X[train])
    # A copy of the sample would tell its label.
    assert np.mean(opinion.argmax(axis=1) == labels.codes) < 0.95


def test_a_class_that_a_fold_lacks_is_no_error():
    X = np.arange(20.0)[:, None]
    member, opinion, _ = fitted(GaussianNB(), X, given(np.arange(20) // 2 % 10))
    assert opinion.shape == member.predict(X).shape == (20, 10)
    # One class for each sample: no classifier has learned the class that it judges.
    member, opinion, splits = fitted(GaussianNB(), X[:4], given(np.arange(4)))
    for _, test in splits:
        assert_array_equal(opinion[test, test], 0)


def test_a_fold_with_one_class_has_no_opinion():
    _, opinion, _ = fitted(LogisticRegression(), np.arange(2.0)[:, None], given([0, 1]))
    assert np.isnan(opinion).all()


def test_labels_are_encoded_without_gaps(fits):
    X, _ = noisy_blobs(N)
    codes = np.where(np.arange(N) == 0, 1, 2 * (np.arange(N) % 2))
    fitted(Recorder(), X, given(codes))
    for _, y, _ in fits:
        assert_array_equal(np.unique(y), np.arange(len(np.unique(y))))
    assert {len(np.unique(y)) for _, y, _ in fits} == {2, 3}


def test_weights_reach_a_classifier_as_they_are(fits):
    X, y = noisy_blobs(N)
    weight = np.random.default_rng(0).random(N)
    _, _, splits = fitted(Recorder(), X, given(y, weight=weight))
    assert_array_equal(fits[0][2], weight)
    assert_array_equal(fits[1][2], weight[splits[0][0]])
    fits.clear()
    fitted(Recorder(), X, given(y))
    assert all(weight is None for _, _, weight in fits)


def test_weights_reach_the_last_step_of_a_pipeline(fits):
    X, y = noisy_blobs(N)
    weight = np.random.default_rng(0).random(N)
    nested = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Recorder()))
    fitted(nested, X, given(y, weight=weight))
    assert_array_equal(fits[0][2], weight)


@pytest.mark.parametrize(
    "clf", [KNeighborsClassifier(), make_pipeline(StandardScaler(), KNeighborsClassifier())]
)
def test_weights_that_a_classifier_does_not_take_are_an_error(clf):
    X, y = noisy_blobs(N)
    fitted(clf, X, given(y))
    with pytest.raises(ValueError, match=r"'clf' must support 'sample_weight'.*KNeighborsClas"):
        fitted(clf, X, given(y, weight=np.random.default_rng(0).random(N)))


def test_random_states_that_are_none_are_set(fits):
    X, y = noisy_blobs(N)

    def seeds(clf, seed=0):
        member, _, _ = fitted(clf, X, given(y), seed=seed)
        return {
            name: value
            for name, value in member.estimator.get_params().items()
            if name.endswith("random_state")
        }

    assert seeds(Recorder(random_state=7)) == {"random_state": 7}
    assert seeds(Recorder()) == seeds(Recorder()) != seeds(Recorder(), seed=1)
    nested = seeds(make_pipeline(StandardScaler(), Recorder()))
    assert isinstance(nested["recorder__random_state"], int)


def test_a_forest_with_out_of_bag_predictions_is_not_fitted_again(monkeypatch):
    X, y = noisy_blobs(N)
    n_fits, fit = [], RandomForestClassifier.fit
    monkeypatch.setattr(
        RandomForestClassifier, "fit", lambda *args, **kw: n_fits.append(1) or fit(*args, **kw)
    )
    forest = RandomForestClassifier(50, oob_score=True, random_state=0)
    member, opinion, _ = fitted(forest, X, given(y))
    assert len(n_fits) == 1
    assert_array_equal(opinion, member.estimator.oob_decision_function_)
    # Its bags know the labels of other samples of a group.
    n_fits.clear()
    fitted(forest, X, given(y, groups=np.arange(N) // 2))
    assert len(n_fits) == 4


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
def test_samples_that_are_in_all_bags_have_no_opinion():
    X, y = noisy_blobs(N)
    _, opinion, _ = fitted(RandomForestClassifier(3, oob_score=True, random_state=0), X, given(y))
    unknown = np.isnan(opinion).any(axis=1)
    assert 0 < unknown.sum() < N
    assert_allclose(opinion[~unknown].sum(axis=1), 1)


@pytest.mark.parametrize("method", ["bagging", "distilled_pool"])
def test_networks_are_judged_out_of_bag(method):
    X, y = noisy_blobs(N)
    groups = np.arange(N) // 2
    member, opinion, _ = fitted(short(method), X, given(y, groups=groups))
    assert_allclose(opinion.sum(axis=1), 1, rtol=1e-5)
    assert_allclose(member.predict(X).sum(axis=1), 1, rtol=1e-5)
    # A network that was fitted for a fold has other weights.
    assert_array_equal(member.estimator.method_.out_of_bag.shape, (N, 3))


def test_networks_are_judged_by_those_that_lack_the_group_in_evaluation_mode():
    X, y = noisy_blobs(N)
    groups = np.arange(N) // 2
    member, opinion, _ = fitted(short("bagging"), X, given(y, groups=groups))
    net, bags = member.estimator.net_, member.estimator.method_.bags
    net.module_.eval()
    probs = net.infer(X).detach().double().softmax(dim=-1).numpy()
    for i in (0, 1, N - 1):
        is_out = ~bags[:, groups[i]].numpy()
        assert_allclose(opinion[i], probs[is_out, i].mean(axis=0), rtol=1e-4)
    assert_allclose(member.predict(X), probs.mean(axis=0), rtol=1e-4)


def test_networks_without_out_of_bag_predictions_are_judged_out_of_fold():
    X, y = noisy_blobs(N)
    _, opinion, _ = fitted(short("gce"), X, given(y))
    assert_allclose(opinion.sum(axis=1), 1, rtol=1e-5)


def test_only_networks_learn_soft_labels(fits):
    X, _ = noisy_blobs(N)
    soft = np.random.default_rng(0).dirichlet(np.ones(3), size=N)
    codes = soft.argmax(axis=1)
    fitted(Recorder(), X, given(codes, soft))
    assert_array_equal(fits[0][1], codes)
    member, _, _ = fitted(short("gce"), X, given(codes, soft))
    hard, _, _ = fitted(short("gce"), X, given(codes))
    assert not np.allclose(member.predict(X), hard.predict(X))


@pytest.mark.long
def test_jobs_change_nothing():
    X, y = noisy_blobs(N)
    clf = GaussianNB()
    results = [fitted(clf, X, given(y), n_jobs=n_jobs) for n_jobs in (None, 2)]
    assert_array_equal(results[0][1], results[1][1])
    assert_array_equal(results[0][0].predict(X), results[1][0].predict(X))
