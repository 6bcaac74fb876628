import pickle
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy._label_noise.report import MAX_SAMPLES, NoiseReport
from sknoisy._training.noise_inspection import in_warmup_half
from sknoisy.functional import logit_bound_for_rate, smoothing_rate_for_noise
from sknoisy.methods import Method
from sknoisy.noise import corrupt_labels
from tests.factories import SKLEARN, every_method
from tests.views import view_of

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = X[:1000], X[1000:], y[:1000], y[1000:]
noisy = corrupt_labels(y, 0.4, random_state=0)
words = np.array(list("abcdefghij"))


def make(method="ce", **params):
    settings = {"smoothing": "auto", "max_epochs": 30, "random_state": 0}
    return NoisyLabelClassifier(method, **{**settings, **params})


# ---- what the report contains --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ce", "bagging"])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.4])
def test_noise_rate_is_near_the_true_rate(method, rate):
    given = corrupt_labels(y, rate, random_state=1)
    clf = make(method).fit(X, given)
    true_rate = np.mean(given != y)
    assert abs(clf.noise_rate_ - true_rate) < 0.08
    report = clf.noise_report_
    assert report.low <= clf.noise_rate_ <= report.high
    assert report.evidence == ("out-of-bag" if method == "bagging" else "neighbours")


def test_transition_matrix_and_confusions_are_near_the_true_ones():
    given = corrupt_labels(words[y], 0.3, kind="pair", random_state=0)
    clf = make().fit(X, given)
    np.testing.assert_array_equal(clf.noise_report_.classes, words)
    np.testing.assert_allclose(clf.transition_matrix_.sum(axis=1), 1)
    true = 0.7 * np.eye(10) + 0.3 * np.roll(np.eye(10), 1, axis=1)
    assert np.abs(clf.transition_matrix_ - true).sum(axis=1).mean() < 0.25
    found = clf.noise_report_.confusions()
    assert len(found) >= 3
    for true, given, probability, low, high in found:
        assert words.tolist().index(given) == (words.tolist().index(true) + 1) % 10
        assert low <= probability <= high
    first = found[0]
    probabilities = (round(100 * value) for value in first[2:])
    shown = "{}: {} % ({} to {})".format(f"{first.true} labelled {first.given}", *probabilities)
    assert shown in str(clf.noise_report_)
    assert shown in clf.noise_report_._repr_html_()


def test_smoothing_rate_and_logit_bound_follow_from_the_report():
    clf = make().fit(X, noisy)
    assert clf.smoothing_ == smoothing_rate_for_noise(
        clf.noise_report_.disagreement, 10, clf.noise_report_.memorized
    )
    assert clf.noise_report_.smoothing == clf.smoothing_ < -5
    assert view_of(clf, X, noisy).logit_bound == logit_bound_for_rate(clf.smoothing_)


def test_memorized_is_the_difference_in_loss_to_rows_left_out():
    learned = in_warmup_half(torch.arange(len(X))).numpy()
    for weight in (np.ones(len(X)), np.where(np.arange(len(X)) < 500, 3.0, 1.0)):
        # Warm-up only: the network whose losses the other fit compared.
        warm = make(max_epochs=3, warmup=3, warm_start=True).fit(X, noisy, sample_weight=weight)
        clf = make(max_epochs=4, warmup=3).fit(X, noisy, sample_weight=weight)
        log_p = warm.predict_log_proba(X)[np.arange(len(X)), noisy]
        means = [np.average(log_p[part], weights=weight[part]) for part in (learned, ~learned)]
        assert clf.noise_report_.memorized == pytest.approx(means[0] - means[1], rel=1e-3)


@pytest.mark.slow
def test_more_features_mean_more_memorized():
    noise = np.random.default_rng(0).normal(size=(len(X), 300))
    few = make(max_epochs=20).fit(X, noisy).noise_report_
    many = make(max_epochs=20).fit(np.c_[X / 16, noise], noisy).noise_report_
    assert many.memorized > 2 * few.memorized > 0
    assert many.smoothing < few.smoothing


@pytest.mark.slow
def test_out_of_bag_report_keeps_memorized():
    report = make("bagging", max_epochs=20).fit(X, noisy).noise_report_
    assert report.evidence == "out-of-bag"
    assert report.memorized > 0


@pytest.mark.slow
def test_clean_labels_have_rate_zero():
    iris, species = load_iris(return_X_y=True)
    report = make().fit(X, y).noise_report_
    assert report.rate < 0.05
    codes, p = np.repeat([0, 1], 50), np.repeat(np.eye(2), 50, axis=0)
    clean = NoiseReport.from_predictions(codes, p, "neighbours")
    assert clean.rate == 0.0
    assert clean.smoothing == 0.0
    # At a noise rate of one in 28, a hundred labels are all clean with a probability of .025.
    assert clean.high == pytest.approx(1 - 0.025**0.01)
    expected = "No label noise found; the noise rate can be up to 4 % (100 samples, "
    assert str(clean).startswith(expected)
    assert make(max_epochs=100).fit(iris, species).score(iris, species) > 0.9


@pytest.mark.slow
def test_interval_from_few_clean_labels_begins_near_zero():
    iris, species = load_iris(return_X_y=True)
    for data, labels in ((iris, species), (X[:500], y[:500])):
        report = make(max_epochs=20).fit(data, labels).noise_report_
        assert report.low < 0.03
        assert report.low <= report.rate <= report.high
        assert str(report).startswith(f"Estimated noise rate: {100 * report.rate:.0f} % (95 %")
        assert "Overlapping classes raise the estimate" in str(report)
    noise = corrupt_labels(species, 0.3, exact=True, random_state=0)
    report = make(max_epochs=20).fit(iris, noise).noise_report_
    assert 0.1 < report.low < 0.3 < report.high


@pytest.mark.parametrize("method", ["ce", "bagging"])
@pytest.mark.parametrize("n", [2, 8, 10, 40])
def test_few_rows_are_said_to_be_too_few(method, n):
    """Ten rows with ten labels had a smoothing rate of -10, at a noise rate of 0."""
    clf = make(method).fit(X[:n], y[:n])
    report = clf.noise_report_
    assert clf.smoothing_ == report.smoothing == 0
    for text in (str(report), report._repr_html_()):
        assert "Too few samples to estimate the noise rate" in text
        assert "labelled" not in text
    assert "95 %" not in str(report)


@pytest.mark.parametrize("labels_only", [True, False])
def test_copies_change_neither_the_rate_nor_the_interval(labels_only):
    """Nine copies of each sample were nine times the evidence: the interval missed the rate."""
    rng = np.random.default_rng(0)
    true = rng.integers(3, size=400)
    codes = corrupt_labels(true, 0.3, random_state=0)
    p = rng.dirichlet(np.ones(3), size=400) * 0.3 + 0.7 * np.eye(3)[true]

    def interval(rows, groups=None):
        report = NoiseReport.from_predictions(
            codes[rows], p[rows], "neighbours", labels_only=labels_only, groups=groups
        )
        return report.rate, report.low, report.high

    rows = np.repeat(np.arange(400), 9)
    expected = interval(np.arange(400))
    assert expected[1] < np.mean(codes != true) < expected[2]
    np.testing.assert_allclose(interval(rows, rows), expected, atol=0.005)
    assert not np.allclose(interval(rows), expected, atol=0.02)


def test_the_interval_from_clean_copies_is_that_of_the_distinct_samples():
    codes, p = np.repeat([0, 1], 500), np.repeat(np.eye(2), 500, axis=0)
    groups = np.arange(1000) // 10
    report = NoiseReport.from_predictions(codes, p, "out-of-bag", labels_only=True, groups=groups)
    assert report.high == pytest.approx(1 - 0.025**0.01)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("n", [2, 3, 5, 8, 19])
def test_too_few_samples_for_a_noise_rate_have_a_smoothing_rate_of_zero(n, k):
    """Two to eight samples had a rate of -2 or -3, although their noise rate was 0."""
    codes = np.arange(n) % k
    p = np.roll(np.eye(k), 1, axis=1)[codes]
    report = NoiseReport.from_predictions(codes, p, "neighbours")
    assert report.smoothing == 0
    assert "Too few samples to estimate the noise rate" in str(report)
    many = NoiseReport.from_predictions(np.tile(codes, 20), np.tile(p, (20, 1)), "neighbours")
    assert many.smoothing < 0


def report_on(classes):
    """A report on 600 labels of three classes, a third of the second ones labelled as the third."""
    true = np.repeat([0, 1, 2], 200)
    codes = np.where((true == 1) & (np.arange(600) % 3 == 0), 2, true)
    p = np.eye(3)[true] * 0.7 + 0.1
    report = NoiseReport.from_predictions(codes, p, "out-of-bag", labels_only=True)
    return replace(report, classes=np.array(classes, dtype=object))


def test_html_is_a_table_with_escaped_labels():
    html = report_on(["<b>cat</b>", "dog & fox", "<script>"])._repr_html_()
    assert "dog &amp; fox labelled &lt;script&gt;: 33 % (" in html
    assert "<b>" not in html and "<script>" not in html
    names = [cell.text for cell in ElementTree.fromstring(html).iter("th")]
    assert names == ["Label noise", "Evidence", "Confusions", "Smoothing rate"]
    assert len(html) < 2000


def test_noise_of_one_class_is_no_absence_of_noise():
    true = np.arange(3000) % 10
    codes = np.where((true == 7) & (np.arange(3000) // 10 % 10 == 0), 6, true)
    p = 0.5 * np.eye(10)[true] + 0.05
    report = NoiseReport.from_predictions(codes, p, "out-of-bag", labels_only=True)
    assert report.rate == 0
    assert str(report).startswith("Little label noise; the noise rate can be up to ")
    assert "Most frequent confusions: 7 labelled 6: 10 % (" in str(report)


def test_uniform_noise_is_reported_without_confusions():
    rng, named = np.random.default_rng(0), 0
    for _ in range(5):
        true = rng.integers(10, size=1000)
        codes = np.where(rng.random(1000) < 0.4, rng.integers(10, size=1000), true)
        p = rng.dirichlet(np.ones(10), size=1000) * 0.3 + 0.7 * np.eye(10)[true]
        report = NoiseReport.from_predictions(codes, p, "out-of-bag", labels_only=True)
        # The highest entry is far above the true probability of .04.
        assert report.transition_matrix[~np.eye(10, dtype=bool)].max() > 0.06
        named += "labelled" in str(report)
    assert named == 0


def test_matrix_from_neighbours_averages_the_most_confident_quarter():
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=900)
    codes = p.argmax(axis=1)
    codes[::5] = (codes[::5] + 1) % 3
    report = NoiseReport.from_predictions(codes, p, "neighbours")
    for label in range(3):
        members = np.flatnonzero(p.argmax(axis=1) == label)
        members = members[np.argsort(-p[members, label])][: -(-len(members) // 4)]
        row = (p[members].mean(axis=0) + np.eye(3)[codes[members]].mean(axis=0)) / 2
        np.testing.assert_allclose(report.transition_matrix[label], row)
    assert report.smoothing == smoothing_rate_for_noise(report.disagreement, 3)
    # A fifth, less two standard errors.
    assert report.disagreement == pytest.approx(0.2 - 2 * (0.2 * 0.8 / 900) ** 0.5, abs=0.003)
    labels_only = NoiseReport.from_predictions(codes, p, "out-of-bag", labels_only=True)
    assert report.low <= labels_only.rate <= report.high


@pytest.mark.slow
def test_beats_cross_entropy_under_noise_and_costs_little_without():
    plain = NoisyLabelClassifier("ce", random_state=0, max_epochs=60)
    auto = make(max_epochs=60)
    assert (
        auto.fit(X, noisy).score(X_test, y_test) > plain.fit(X, noisy).score(X_test, y_test) + 0.1
    )
    assert auto.fit(X, y).score(X_test, y_test) > plain.fit(X, y).score(X_test, y_test) - 0.02


# ---- warm-up and early stopping ------------------------------------------------------------------


@pytest.mark.slow
def test_half_of_the_rows_are_left_out_of_warm_up_only():
    seen: dict[bool, set] = {True: set(), False: set()}

    class Watching(METHODS["ce"]):
        def loss(self, logits, batch):
            seen[False].update(batch.index.tolist())
            return super().loss(logits, batch)

    make(Watching, max_epochs=4).fit(X, noisy)
    assert seen[False] == set(range(len(X)))
    learns = in_warmup_half(torch.arange(5000))
    assert abs(learns.float().mean() - 0.5) < 0.02
    assert torch.equal(learns[::2][:300], in_warmup_half(torch.arange(0, 600, 2)))
    # Warm-up does not depend on the labels of the other rows.
    random_labels = np.random.default_rng(0).integers(0, 10, len(y))
    other = np.where(in_warmup_half(torch.arange(len(y))), noisy, random_labels)
    warmup_only = {"max_epochs": 4, "warmup": 4, "warm_start": True}
    one, two = (make(**warmup_only).fit(X, given) for given in (noisy, other))
    np.testing.assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))
    assert two.fit(X, other).noise_rate_ > one.fit(X, noisy).noise_rate_


@pytest.mark.parametrize("warmup", [0, "auto", 2])
def test_warmup_of_any_length(warmup):
    clf = make(max_epochs=3, warmup=warmup).fit(X, noisy)
    assert 0 <= clf.noise_rate_ <= 1
    assert (
        smoothing_rate_for_noise(1.0, 10)
        <= clf.smoothing_
        <= smoothing_rate_for_noise(clf.noise_report_.disagreement, 10)
    )


def test_without_warmup_the_smoothing_rate_is_that_of_theory():
    clf = make(max_epochs=3, warmup=0).fit(X, noisy)
    assert clf.noise_report_.memorized == 0.0
    assert clf.smoothing_ == smoothing_rate_for_noise(clf.noise_report_.disagreement, 10)


@pytest.mark.parametrize("warmup", [1.0, 3, 200])
def test_warmup_must_leave_an_epoch(warmup):
    clf = make(max_epochs=3, warmup=warmup)
    with pytest.raises(ValueError, match=r"'warmup' parameter must leave an epoch .* max_epochs=3"):
        clf.fit(X, noisy)
    assert not hasattr(clf, "classes_")
    clf.set_params(warm_start=True).fit(X, noisy)
    assert clf.smoothing_ == 0.0
    assert not hasattr(clf, "noise_report_")


def test_warmup_of_a_method_is_shortened_to_leave_an_epoch():
    class Late(METHODS["ce"]):
        warmup = 50

    clf = make(Late, max_epochs=3).fit(X, noisy)
    assert clf.net_.settings.warmup_epochs == 2
    assert clf.noise_rate_ > 0.1


def test_early_stopping_never_restores_an_epoch_of_warmup():
    clf = make(early_stopping=True, warmup=18, n_iter_no_change=3, max_epochs=60).fit(X, noisy)
    alone = make(smoothing=0.0, early_stopping=True, n_iter_no_change=3, max_epochs=60)
    alone.fit(X, noisy)
    assert alone.n_iter_ < 18 < clf.n_iter_
    assert clf.smoothing_ < -1
    accuracy = clf.history_[:, "valid_acc"]
    assert clf.n_iter_ == 19 + np.argmax(accuracy[18:]) + 3


def test_large_data_are_subsampled():
    many = 4 * MAX_SAMPLES
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, many)
    p = np.where(np.eye(2)[codes] > 0, 0.8, 0.2)
    flipped = np.where(rng.random(many) < 0.2, 1 - codes, codes)
    report = NoiseReport.from_predictions(flipped, p, "out-of-bag")
    assert report.n_samples == MAX_SAMPLES
    assert abs(report.rate - 0.2) < 0.02


@pytest.mark.slow
def test_report_is_deterministic_and_survives_pickling():
    one, two = (make().fit(X, noisy) for _ in range(2))
    assert repr(one.noise_report_) == repr(two.noise_report_)
    np.testing.assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))
    back = pickle.loads(pickle.dumps(one))
    assert str(back.noise_report_) == str(one.noise_report_)
    np.testing.assert_array_equal(back.predict_proba(X_test), one.predict_proba(X_test))
    assert clone(one).get_params()["smoothing"] == "auto"


# ---- several fits --------------------------------------------------------------------------------


@pytest.mark.slow
def test_fit_without_auto_deletes_the_report():
    clf = make().fit(X, noisy)
    clf.set_params(smoothing=0.0).fit(X, noisy)
    for name in ("noise_report_", "noise_rate_", "transition_matrix_"):
        assert not hasattr(clf, name)
    assert clf.smoothing_ == 0.0


def test_warm_start_keeps_the_smoothing_rate():
    clf = make(warm_start=True, max_epochs=10).fit(X, noisy)
    rate = clf.smoothing_
    assert clf.fit(X, noisy).smoothing_ == rate


@pytest.mark.slow
def test_partial_fit_reports_after_warmup():
    whole = make(warmup=6, max_epochs=8).fit(X, noisy)
    clf = make(warmup=6)
    for _ in range(6):
        clf.partial_fit(X, noisy, classes=np.arange(10))
        assert clf.smoothing_ == 0.0
        assert not hasattr(clf, "noise_rate_")
    for _ in range(2):
        clf.partial_fit(X, noisy)
        # The order of rows differs.
        assert abs(clf.noise_rate_ - whole.noise_rate_) < 0.1
        assert 0.5 < clf.smoothing_ / whole.smoothing_ < 2
    rate = clf.smoothing_
    assert clf.partial_fit(X, y).smoothing_ == rate


@pytest.mark.slow
def test_a_failed_fit_keeps_the_report_of_the_last():
    class Broken(Method):
        def loss(self, logits, batch):
            raise RuntimeError("broken")

    clf = make(warm_start=True).fit(X, noisy)
    before = str(clf.noise_report_)
    with pytest.raises(RuntimeError, match="broken"):
        clf.set_params(method=Broken, warm_start=False).fit(X, y)
    assert str(clf.noise_report_) == before


def test_a_failed_warm_start_leaves_no_report():
    class Sometimes(METHODS["ce"]):
        broken = False

        def loss(self, logits, batch):
            if Sometimes.broken:
                raise RuntimeError("broken")
            return super().loss(logits, batch)

    clf = make(Sometimes, smoothing=0.0, warm_start=True, max_epochs=3, warmup=0).fit(X, noisy)
    Sometimes.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        clf.set_params(smoothing="auto").fit(X, noisy)
    assert clf.net_.noise_ is None
    assert not hasattr(clf, "noise_report_")


def test_one_row_has_noise_rate_zero():
    clf = make(warmup=0).partial_fit(X[:1], noisy[:1], classes=np.arange(10))
    assert clf.noise_rate_ == 0.0
    assert -0.5 < clf.smoothing_ <= 0


@pytest.mark.skipif(SKLEARN < (1, 9), reason="this scikit-learn does not show fitted attributes")
def test_html_shows_the_fitted_attributes():
    html = make(max_epochs=3).fit(X, noisy)._repr_html_()
    assert "noise_rate_" in html
    assert "noise_report_" in html


@every_method
def test_auto_smoothing_works_with_every_method(method):
    trusted = np.arange(len(X)) < 100 if method == "meta_label_net" else None
    given = np.where(np.arange(len(X)) < 100, y, noisy)
    clf = make(method, max_epochs=4).fit(X, given, trusted=trusted)
    assert clf.smoothing_ <= 0
    assert 0 <= clf.noise_rate_ <= 1


def test_auto_smoothing_works_with_soft_labels():
    clf = make().fit(X, 0.9 * np.eye(10)[noisy] + 0.01)
    assert abs(clf.noise_rate_ - 0.4) < 0.1


def test_unknown_smoothing_raises():
    with pytest.raises(ValueError, match="The 'smoothing' parameter of NoisyLabelClassifier"):
        make(smoothing="automatic").fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ce", "bagging"])
def test_undecided_soft_labels_are_no_votes_for_the_first_class(method):
    """Rows of 1/K each, for which nobody voted, counted as labels of class 0."""
    params = {"n_informative": 8, "class_sep": 1.5, "flip_y": 0, "random_state": 0}
    rows, labels = make_classification(600, 12, n_classes=3, **params)
    soft = np.eye(3)[labels]
    undecided = np.random.default_rng(0).random(600) < 0.5
    soft[undecided] = 1 / 3
    clf = NoisyLabelClassifier(method, smoothing="auto", max_epochs=30, random_state=0)
    matrix = clf.fit(rows, soft).transition_matrix_
    decided = clf.fit(rows[~undecided], soft[~undecided]).transition_matrix_
    assert matrix[1:, 0].max() < decided[1:, 0].max() + 0.1
    # Where no label is decided, there is still a report.
    assert clf.fit(rows, np.tile([0.5, 0.5, 0.0], (600, 1))).noise_report_.n_samples > 0
