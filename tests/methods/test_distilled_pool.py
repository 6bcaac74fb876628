import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.methods import DistilledPool, distilled_pool
from tests.factories import noisy_digits

X, y = make_classification(600, 8, n_informative=5, class_sep=1.5, random_state=0)
X = X.astype(np.float32)
rng = np.random.default_rng(0)
FLIPPED = rng.random(600) < 0.3
NOISY = np.where(FLIPPED, 1 - y, y)


@pytest.fixture(scope="module")
def fitted():
    return NoisyLabelClassifier("distilled_pool", random_state=0).fit(X, NOISY)


def test_posterior_is_better_than_labels_and_predictions_better_than_cross_entropy(fitted):
    posterior = fitted.method_.posterior
    torch.testing.assert_close(posterior.sum(dim=1), torch.ones(600))
    accuracy = (posterior.argmax(dim=1).numpy() == y).mean()
    assert accuracy > 0.9 > (NOISY == y).mean() + 0.15
    plain = NoisyLabelClassifier("ce", random_state=0).fit(X, NOISY)
    assert fitted.score(X, y) > plain.score(X, y) + 0.05


def test_transition_matrix_is_estimated(fitted):
    np.testing.assert_allclose(fitted.method_.transition, [[0.7, 0.3], [0.3, 0.7]], atol=0.08)
    assert fitted.noise_rate_ == pytest.approx(FLIPPED.mean(), abs=0.06)


def test_out_of_bag_predictions_do_not_know_the_label():
    y_random = rng.integers(0, 2, 600)
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=1, random_state=0).fit(X, y_random)
    hits = clf.method_.out_of_bag.argmax(dim=1).numpy() == y_random
    assert abs(hits.mean() - 0.5) < 0.07, "chance, within three standard errors"


def test_equal_rows_and_groups_know_no_label_of_each_other():
    y_random = rng.integers(0, 2, 300)
    copies, labels = np.repeat(X[:300], 2, axis=0), np.repeat(y_random, 2)
    near = copies + 1e-4 * rng.normal(size=copies.shape)
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=1, random_state=0)
    with pytest.warns(UserWarning, match="50% of the samples are copies"):
        clf.fit(copies, labels)
    assert abs((clf.method_.out_of_bag.argmax(dim=1).numpy() == labels).mean() - 0.5) < 0.1
    clf.fit(near, labels, groups=np.arange(600) // 2)
    assert abs((clf.method_.out_of_bag.argmax(dim=1).numpy() == labels).mean() - 0.5) < 0.1
    clf.fit(near, labels)
    assert (clf.method_.out_of_bag.argmax(dim=1).numpy() == labels).mean() > 0.65


def test_a_given_matrix_is_used_and_none_learns_the_given_labels():
    matrix = np.array([[0.7, 0.3], [0.3, 0.7]])
    given = NoisyLabelClassifier(
        "distilled_pool", method__transition_matrix=matrix, max_epochs=5, random_state=0
    ).fit(X, NOISY)
    np.testing.assert_allclose(given.method_.transition, matrix, rtol=1e-6)
    none = NoisyLabelClassifier(
        "distilled_pool", method__transition_matrix=None, max_epochs=1, random_state=0
    ).fit(X, NOISY)
    assert none.method_.transition is None
    # Without noise, Bayes' theorem leaves the given label.
    np.testing.assert_array_equal(none.method_.posterior, np.eye(2)[NOISY])


def test_the_posterior_of_trusted_samples_is_their_label():
    trusted = np.arange(600) < 60
    labels = np.where(trusted, y, NOISY)
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=1, random_state=0)
    clf.fit(X, labels, trusted=trusted)
    np.testing.assert_array_equal(clf.method_.posterior[:60], np.eye(2)[y[:60]])
    assert (clf.method_.posterior[60:] < 1).all()


def test_smoothing_is_that_of_the_posterior(set_up, make_batch):
    method = set_up(DistilledPool(), y[:20])
    method.posterior = torch.softmax(torch.randn(20, 2, dtype=torch.float64), dim=1)
    smoothed = torch.tensor([[1.5, -0.5], [-0.25, 1.25]], dtype=torch.float64)
    batch = make_batch(y[:20], index=np.arange(20)).replace(smoothed_classes=smoothed)
    expected = method.posterior @ smoothed
    torch.testing.assert_close(method.prepare_batch(None, batch).target, expected)


def test_automatic_smoothing_is_zero():
    clf = NoisyLabelClassifier("distilled_pool", smoothing="auto", max_epochs=2, random_state=0)
    assert clf.fit(X, NOISY).smoothing_ == 0
    assert clf.noise_report_.rate > 0.2
    plain = clone(clf).set_params(smoothing=0.0).fit(X, NOISY)
    np.testing.assert_array_equal(plain.predict_proba(X), clf.predict_proba(X))


def test_later_samples_are_judged_by_the_networks():
    clf = NoisyLabelClassifier("distilled_pool", random_state=0)
    for epoch in range(40):
        half = slice(0, 300) if epoch % 2 else slice(300, 600)
        clf.partial_fit(X[half], NOISY[half], classes=[0, 1])
    assert clf.score(X, y) > 0.9
    before = clf.method_.counts.sum()
    posterior = clf.method_.posterior.clone()
    clf.partial_fit(X[half], NOISY[half])
    assert torch.equal(clf.method_.posterior, posterior), "the same samples are not judged again"
    clf.partial_fit(X[300:], NOISY[300:])
    assert clf.method_.counts.sum() == pytest.approx(float(before) + 300)


def test_other_samples_with_the_same_labels_are_judged_again():
    labels = np.repeat([0, 1], 50)
    halves = [X[y == 0][:100], X[y == 1][:100]]
    parts = [np.concatenate([half[i : i + 50] for half in halves]) for i in (0, 50)]
    clf = NoisyLabelClassifier("distilled_pool", random_state=0)
    posteriors = [
        clf.partial_fit(part, labels, classes=[0, 1]).method_.posterior.clone() for part in parts
    ]
    assert not torch.equal(*posteriors)


def test_other_one_hot_samples_with_the_same_labels_are_judged_again():
    codes = np.random.RandomState(0).randint(5, size=(400, 4))
    rows, labels = np.eye(5, dtype=np.float32)[codes].reshape(400, 20), (codes[:, 0] > 2) * 1
    order = np.argsort(labels, kind="stable")
    parts = np.r_[order[:60], order[-60:]], np.r_[order[60:120], order[-120:-60]]
    clf = NoisyLabelClassifier("distilled_pool", random_state=0)
    posteriors = [
        clf.partial_fit(rows[part], labels[part], classes=[0, 1]).method_.posterior.clone()
        for part in parts
    ]
    assert not torch.equal(*posteriors)


def test_the_same_samples_are_judged_again_if_some_are_trusted_now():
    clf = NoisyLabelClassifier("distilled_pool", random_state=0)
    clf.partial_fit(X, NOISY, classes=[0, 1])
    trusted = np.arange(600) < 100
    clf.partial_fit(X, NOISY, trusted=trusted)
    np.testing.assert_array_equal(clf.method_.posterior[:100], np.eye(2)[NOISY[:100]])


@pytest.mark.parametrize("rows", [np.ones((400, 3)), np.random.RandomState(1).randn(400, 3)])
def test_samples_that_tell_nothing_have_the_frequencies_of_the_labels(rows):
    labels = (np.random.RandomState(0).rand(400) < 0.4) * 1
    groups = np.arange(400)
    clf = NoisyLabelClassifier("distilled_pool", random_state=0).fit(rows, labels, groups=groups)
    assert abs(clf.predict_proba(rows)[:, 1].mean() - labels.mean()) < 0.05
    assert clf.predict_proba(rows)[:, 1].max() < 0.7


def test_one_group_is_learned_as_it_is_labelled():
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=1, random_state=0)
    clf.fit(X, NOISY, groups=np.zeros(600))
    np.testing.assert_array_equal(clf.method_.posterior, np.eye(2)[NOISY])


class Jittered(torch.utils.data.Dataset):
    def __len__(self):
        return 120

    def __getitem__(self, i):
        return torch.from_numpy(X[i]) + 0.01 * torch.randn(8), int(NOISY[i])


def test_samples_that_differ_in_each_epoch_are_judged_once():
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=3, random_state=0).fit(Jittered())
    assert clf.method_.counts.sum() == pytest.approx(120, rel=1e-5)


def test_predictions_need_no_judge(fitted):
    stored = pickle.dumps(fitted)
    assert b"sklearn.tree" not in stored
    np.testing.assert_array_equal(pickle.loads(stored).predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "groups", "n_judging_epochs"),
    [
        ({"max_epochs": 12}, None, 4),
        ({"max_epochs": 50}, None, 10),
        ({"max_epochs": 12, "warmup": 3}, None, 3),
        ({"max_epochs": 2}, None, 0),
        ({"max_epochs": 12}, np.arange(60) % 2, 0),
    ],
    ids=str,
)
def test_networks_judge_for_a_third_of_the_epochs(params, groups, n_judging_epochs):
    clf = NoisyLabelClassifier("distilled_pool", random_state=0, **params)
    clf.fit(X[:60], NOISY[:60], groups=groups)
    assert clf.method_.n_preparing_epochs == n_judging_epochs
    assert clf.method_.bags.any() == (n_judging_epochs > 0)
    assert not clf.method_.posterior.isnan().any(), "the judges were asked after these epochs"


def test_a_single_call_of_partial_fit_is_judged_without_networks():
    clf = NoisyLabelClassifier("distilled_pool", random_state=0)
    clf.partial_fit(X[:60], NOISY[:60], classes=[0, 1])
    assert clf.method_.n_preparing_epochs == 0
    assert not clf.method_.posterior.isnan().any()


def test_default_epochs(fitted):
    assert fitted.n_iter_ == 30
    assert NoisyLabelClassifier("ce", random_state=0).fit(X[:50], y[:50]).n_iter_ == 100


@pytest.mark.parametrize(("n", "k"), [(2, 2), (3, 3), (20, 20), (20, 2)])
def test_few_samples(n, k):
    labels, centres = np.arange(n) % k, 6 * np.random.RandomState(0).randn(k, 4)
    rows = centres[labels] + np.random.RandomState(1).randn(n, 4)
    clf = NoisyLabelClassifier("distilled_pool", random_state=0).fit(rows, labels)
    assert clf.score(rows, labels) > 0.8, "one sample per class is enough to recognise it"


@pytest.mark.slow
def test_images_are_judged_by_networks_too():
    digits, noisy = noisy_digits(noise_rate=0.4)
    labels = noisy_digits(noise_rate=0)[1][:600]
    images, noisy = digits.reshape(-1, 1, 8, 8)[:600], noisy[:600]
    clf = NoisyLabelClassifier("distilled_pool", random_state=0).fit(images, noisy)
    assert clf.score(images, labels) > 0.85
    assert find_label_issues(clf, noisy).attrs["n_wrong"] == pytest.approx(240, rel=0.3)
    few = clone(clf).set_params(max_epochs=5).fit(images, noisy)
    assert 0.2 < few.noise_rate_ < 0.6
    assert not few.method_.posterior.isnan().any(), "the networks judge after one epoch"
    bags = clf.method_.bags
    assert (bags.sum(dim=0) == 1).all(), "one network of two judges each sample"


@pytest.mark.long
@pytest.mark.parametrize("method", ["distilled_pool", "bagging"])
def test_judges_of_images_do_not_learn_labels_in_warm_up(method):
    images = np.random.RandomState(0).randn(400, 1, 8, 8).astype(np.float32)
    labels = np.random.RandomState(1).randint(2, size=400)
    clf = NoisyLabelClassifier(method, warmup=25, max_epochs=40, random_state=0)
    clf.fit(images, labels)
    assert clf.noise_rate_ > 0.35, "half of the labels are what a coin would say"


@pytest.mark.slow
def test_epochs_of_judging_are_not_restored():
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=300)
    images = 0.7 * rng.randn(300, 1, 8, 8).astype(np.float32)
    images[np.arange(300), 0, labels, labels] += 4
    noisy = np.where(rng.rand(300) < 0.3, rng.randint(3, size=300), labels)
    clf = NoisyLabelClassifier("distilled_pool", early_stopping=True, random_state=0)
    clf.fit(images, noisy)
    assert not clf.method_.posterior.isnan().all()
    assert clf.score(images, labels) > 0.95


@pytest.mark.slow
def test_wide_tables_are_judged_by_networks_only(monkeypatch):
    monkeypatch.setattr("sknoisy.methods.distilled_pool._MAX_COLUMNS", 4)
    clf = NoisyLabelClassifier("distilled_pool", random_state=0).fit(X, NOISY)
    assert clf.method_.bags.shape == (2, 1024)
    assert clf.score(X, y) > 0.85


@pytest.mark.parametrize("max_epochs", [1, 30], ids=["without networks", "with networks"])
def test_of_many_samples_judges_are_fitted_to_a_part_and_judge_the_others(max_epochs, monkeypatch):
    monkeypatch.setattr(distilled_pool, "_MAX_FITTED", 150)
    monkeypatch.setattr(distilled_pool, "_PART", 64)
    sizes, fit = [], distilled_pool.fit_opinion_pool

    def recorded(samples, *args, **params):
        sizes.append(len(samples.X))
        return fit(samples, *args, **params)

    monkeypatch.setattr(distilled_pool, "fit_opinion_pool", recorded)
    trusted = np.zeros(600, dtype=bool)
    trusted[:40] = True
    labels = np.where(trusted, y, NOISY)
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=max_epochs, random_state=0)
    clf.fit(X, labels, trusted=trusted)
    assert 100 < sizes[0] < 250
    method = clf.method_
    torch.testing.assert_close(method.posterior.sum(dim=1), torch.ones(600))
    torch.testing.assert_close(method.out_of_bag.sum(dim=1), torch.ones(600))
    posterior = method.posterior.argmax(dim=1).numpy()
    np.testing.assert_array_equal(posterior[trusted], y[trusted])
    assert (posterior == y).mean() > (NOISY == y).mean() + 0.1
    assert clf.noise_rate_ == pytest.approx(FLIPPED[~trusted].mean(), abs=0.1)


def test_of_many_samples_opinions_do_not_know_the_label(monkeypatch):
    monkeypatch.setattr(distilled_pool, "_MAX_FITTED", 150)
    y_random = np.repeat(rng.integers(0, 2, 300), 2)
    near = np.repeat(X[:300], 2, axis=0) + 1e-4 * rng.normal(size=(600, 8))
    clf = NoisyLabelClassifier("distilled_pool", max_epochs=6, random_state=0)
    clf.fit(near, y_random, groups=np.arange(600) // 2)
    hits = clf.method_.out_of_bag.argmax(dim=1).numpy() == y_random
    assert abs(hits.mean() - 0.5) < 0.1
