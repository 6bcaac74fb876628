import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy._label_noise.report import MOST_SAMPLES, NoiseReport
from sknoisy._training.noise_inspection import in_warmup_half
from sknoisy.functional import logit_bound_for_rate, smoothing_rate_for_noise
from sknoisy.methods import Method
from sknoisy.noise import corrupt_labels
from tests.views import view_of

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = X[:1000], X[1000:], y[:1000], y[1000:]
noisy = corrupt_labels(y, 0.4, random_state=0)
words = np.array(list("abcdefghij"))


def make(method="ce", **params):
    settings = {"smoothing": "auto", "max_epochs": 30, "random_state": 0}
    return NoisyLabelClassifier(method, **{**settings, **params})


# ---- what the fit finds --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ce", "bagging"])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.4])
def test_finds_the_rate_of_noise(method, rate):
    given = corrupt_labels(y, rate, random_state=1)
    clf = make(method).fit(X, given)
    wrong = np.mean(given != y)
    assert abs(clf.noise_rate_ - wrong) < 0.08
    report = clf.noise_report_
    assert report.low <= clf.noise_rate_ <= report.high
    assert report.evidence == ("out of bag" if method == "bagging" else "neighbours")


def test_finds_which_label_is_given_for_which():
    given = corrupt_labels(words[y], 0.3, kind="pair", random_state=0)
    clf = make().fit(X, given)
    np.testing.assert_array_equal(clf.noise_report_.classes, words)
    np.testing.assert_allclose(clf.transition_matrix_.sum(axis=1), 1)
    true = 0.7 * np.eye(10) + 0.3 * np.roll(np.eye(10), 1, axis=1)
    assert np.abs(clf.transition_matrix_ - true).sum(axis=1).mean() < 0.25
    first = clf.noise_report_.confusions()[0]
    assert words.tolist().index(first.given) == (words.tolist().index(first.true) + 1) % 10
    assert f"{first.given} for {first.true}" in str(clf.noise_report_)


def test_rate_and_bound_follow_from_what_was_found():
    clf = make().fit(X, noisy)
    assert clf.smoothing_ == smoothing_rate_for_noise(
        clf.noise_report_.unexplained, 10, clf.noise_report_.memorized
    )
    assert clf.noise_report_.smoothing == clf.smoothing_ < -5
    assert view_of(clf, X, noisy).logit_bound == logit_bound_for_rate(clf.smoothing_)


def test_what_is_memorized_is_the_loss_that_rows_left_out_have_more():
    learned = in_warmup_half(torch.arange(len(X))).numpy()
    for weight in (np.ones(len(X)), np.where(np.arange(len(X)) < 500, 3.0, 1.0)):
        # Warm-up alone: this network is what the other one looked at.
        warm = make(max_epochs=3, warmup=3, warm_start=True).fit(X, noisy, sample_weight=weight)
        clf = make(max_epochs=4, warmup=3).fit(X, noisy, sample_weight=weight)
        log_p = warm.predict_log_proba(X)[np.arange(len(X)), noisy]
        means = [np.average(log_p[part], weights=weight[part]) for part in (learned, ~learned)]
        assert clf.noise_report_.memorized == pytest.approx(means[0] - means[1], rel=1e-3)


def test_the_more_features_the_more_is_memorized():
    noise = np.random.default_rng(0).normal(size=(len(X), 300))
    few = make(max_epochs=20).fit(X, noisy).noise_report_
    many = make(max_epochs=20).fit(np.c_[X / 16, noise], noisy).noise_report_
    assert many.memorized > 2 * few.memorized > 0
    assert many.smoothing < few.smoothing


def test_methods_that_hold_rows_out_keep_what_was_memorized():
    report = make("bagging", max_epochs=20).fit(X, noisy).noise_report_
    assert report.evidence == "out of bag"
    assert report.memorized > 0


def test_no_noise_found_is_an_answer():
    iris, species = load_iris(return_X_y=True)
    report = make().fit(X, y).noise_report_
    assert report.rate < 0.05
    found = NoiseReport.of(np.repeat([0, 1], 50), np.repeat(np.eye(2), 50, axis=0), "neighbours")
    assert found.rate == 0.0
    assert found.smoothing == 0.0
    # Of a hundred labels that are all right, one in 28 is wrong with a probability of .025.
    assert found.high == pytest.approx(1 - 0.025**0.01)
    assert str(found).startswith("No wrong labels found; up to about 4 % may be (100 samples")
    assert make(max_epochs=100).fit(iris, species).score(iris, species) > 0.9


def test_few_clean_labels_may_all_be_right():
    iris, species = load_iris(return_X_y=True)
    for data, labels in ((iris, species), (X[:500], y[:500])):
        report = make(max_epochs=20).fit(data, labels).noise_report_
        assert report.low < 0.03
        assert report.low <= report.rate <= report.high
        assert str(report).startswith(f"About {100 * report.rate:.0f} % of the labels look wrong")
        assert "Classes that overlap look so too" in str(report)
    noise = corrupt_labels(species, 0.3, exact=True, random_state=0)
    report = make(max_epochs=20).fit(iris, noise).noise_report_
    assert 0.1 < report.low < 0.3 < report.high


def test_the_rate_by_neighbours_is_that_of_a_quarter():
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=900)
    codes = p.argmax(axis=1)
    codes[::5] = (codes[::5] + 1) % 3
    found = NoiseReport.of(codes, p, "neighbours")
    for label in range(3):
        own = np.flatnonzero(p.argmax(axis=1) == label)
        own = own[np.argsort(-p[own, label])][: -(-len(own) // 4)]
        said = (p[own].mean(axis=0) + np.eye(3)[codes[own]].mean(axis=0)) / 2
        np.testing.assert_allclose(found.transition_matrix[label], said)
    assert found.smoothing == smoothing_rate_for_noise(found.unexplained, 3)
    # A fifth, less two standard errors.
    assert found.unexplained == pytest.approx(0.2 - 2 * (0.2 * 0.8 / 900) ** 0.5, abs=0.003)
    assert found.low <= NoiseReport.of(codes, p, "out of bag", labels_alone=True).rate <= found.high


def test_beats_cross_entropy_under_noise_and_costs_little_without():
    plain = NoisyLabelClassifier("ce", random_state=0, max_epochs=60)
    auto = make(max_epochs=60)
    assert (
        auto.fit(X, noisy).score(X_test, y_test) > plain.fit(X, noisy).score(X_test, y_test) + 0.1
    )
    assert auto.fit(X, y).score(X_test, y_test) > plain.fit(X, y).score(X_test, y_test) - 0.02


# ---- how -----------------------------------------------------------------------------------------


def test_half_of_the_rows_are_left_out_of_warm_up_and_of_warm_up_only():
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
    # Whatever is said of the other rows, warm-up alone is the same.
    by_chance = np.random.default_rng(0).integers(0, 10, len(y))
    other = np.where(in_warmup_half(torch.arange(len(y))), noisy, by_chance)
    going_on = {"max_epochs": 4, "warmup": 4, "warm_start": True}
    one, two = (make(**going_on).fit(X, given) for given in (noisy, other))
    np.testing.assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))
    assert two.fit(X, other).noise_rate_ > one.fit(X, noisy).noise_rate_


@pytest.mark.parametrize("warmup", [0, "auto", 2])
def test_any_warm_up(warmup):
    clf = make(max_epochs=3, warmup=warmup).fit(X, noisy)
    assert 0 <= clf.noise_rate_ <= 1
    assert (
        smoothing_rate_for_noise(1.0, 10)
        <= clf.smoothing_
        <= smoothing_rate_for_noise(clf.noise_report_.unexplained, 10)
    )


def test_without_warm_up_the_rate_is_that_of_theory():
    clf = make(max_epochs=3, warmup=0).fit(X, noisy)
    assert clf.noise_report_.memorized == 0.0
    assert clf.smoothing_ == smoothing_rate_for_noise(clf.noise_report_.unexplained, 10)


@pytest.mark.parametrize("warmup", [1.0, 3, 200])
def test_warm_up_must_end(warmup):
    clf = make(max_epochs=3, warmup=warmup)
    with pytest.raises(ValueError, match=r"'warmup' parameter must leave an epoch .* max_epochs=3"):
        clf.fit(X, noisy)
    assert not hasattr(clf, "classes_")
    clf.set_params(warm_start=True).fit(X, noisy)
    assert clf.smoothing_ == 0.0
    assert not hasattr(clf, "noise_report_")


def test_a_method_that_warms_up_for_long_leaves_an_epoch():
    class Late(METHODS["ce"]):
        warmup = 50

    clf = make(Late, max_epochs=3).fit(X, noisy)
    assert clf.net_.settings.warmup_epochs == 2
    assert clf.noise_rate_ > 0.1


def test_stopping_early_never_goes_back_to_warm_up():
    clf = make(early_stopping=True, warmup=12, n_iter_no_change=3, max_epochs=60).fit(X, noisy)
    alone = make(smoothing=0.0, early_stopping=True, n_iter_no_change=3, max_epochs=60)
    alone.fit(X, noisy)
    assert alone.n_iter_ < 12 < clf.n_iter_
    assert clf.smoothing_ < -1
    accuracy = clf.history_[:, "valid_acc"]
    assert clf.n_iter_ == 13 + np.argmax(accuracy[12:]) + 3


def test_many_rows_are_judged_by_some():
    many = 4 * MOST_SAMPLES
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, many)
    p = np.where(np.eye(2)[codes] > 0, 0.8, 0.2)
    flipped = np.where(rng.random(many) < 0.2, 1 - codes, codes)
    found = NoiseReport.of(flipped, p, "out of bag")
    assert found.n_samples == MOST_SAMPLES
    assert abs(found.rate - 0.2) < 0.02


def test_is_the_same_every_time_and_travels():
    one, two = (make().fit(X, noisy) for _ in range(2))
    assert repr(one.noise_report_) == repr(two.noise_report_)
    np.testing.assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))
    back = pickle.loads(pickle.dumps(one))
    assert str(back.noise_report_) == str(one.noise_report_)
    np.testing.assert_array_equal(back.predict_proba(X_test), one.predict_proba(X_test))
    assert clone(one).get_params()["smoothing"] == "auto"


# ---- from one call to the next -------------------------------------------------------------------


def test_another_fit_forgets_what_was_found():
    clf = make().fit(X, noisy)
    clf.set_params(smoothing=0.0).fit(X, noisy)
    for name in ("noise_report_", "noise_rate_", "transition_matrix_"):
        assert not hasattr(clf, name)
    assert clf.smoothing_ == 0.0


def test_going_on_keeps_the_rate():
    clf = make(warm_start=True, max_epochs=10).fit(X, noisy)
    rate = clf.smoothing_
    assert clf.fit(X, noisy).smoothing_ == rate


def test_partial_fit_looks_when_warm_up_ends():
    whole = make(warmup=6, max_epochs=8).fit(X, noisy)
    clf = make(warmup=6)
    for _ in range(6):
        clf.partial_fit(X, noisy, classes=np.arange(10))
        assert clf.smoothing_ == 0.0
        assert not hasattr(clf, "noise_rate_")
    for _ in range(2):
        clf.partial_fit(X, noisy)
        # The orders of rows differ.
        assert abs(clf.noise_rate_ - whole.noise_rate_) < 0.1
        assert 0.5 < clf.smoothing_ / whole.smoothing_ < 2
    rate = clf.smoothing_
    assert clf.partial_fit(X, y).smoothing_ == rate


def test_an_error_takes_back_what_was_found():
    class Broken(Method):
        def loss(self, logits, batch):
            raise RuntimeError("broken")

    clf = make(warm_start=True).fit(X, noisy)
    before = str(clf.noise_report_)
    with pytest.raises(RuntimeError, match="broken"):
        clf.set_params(method=Broken, warm_start=False).fit(X, y)
    assert str(clf.noise_report_) == before


def test_an_error_while_going_on_takes_back_what_was_found():
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


def test_one_row_says_nothing():
    clf = make(warmup=0).partial_fit(X[:1], noisy[:1], classes=np.arange(10))
    assert clf.noise_rate_ == 0.0
    assert -0.5 < clf.smoothing_ <= 0


def test_html_shows_what_was_found():
    html = make(max_epochs=3).fit(X, noisy)._repr_html_()
    if "Fitted attributes" in html:  # Since scikit-learn 1.9.
        assert "noise_rate_" in html
        assert "noise_report_" in html


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method(method):
    trusted = np.arange(len(X)) < 100 if method == "meta_label_net" else None
    given = np.where(np.arange(len(X)) < 100, y, noisy)
    clf = make(method, max_epochs=4).fit(X, given, trusted=trusted)
    assert clf.smoothing_ <= 0
    assert 0 <= clf.noise_rate_ <= 1


def test_soft_labels():
    clf = make().fit(X, 0.9 * np.eye(10)[noisy] + 0.01)
    assert abs(clf.noise_rate_ - 0.4) < 0.1


def test_unknown_word_is_refused():
    with pytest.raises(ValueError, match="The 'smoothing' parameter of NoisyLabelClassifier"):
        make(smoothing="automatic").fit(X, y)
