"""Checkpoints of a search: it goes on where it was killed, and trains no candidate again."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import SmoothingSearchCV
from sknoisy._training.checkpoint_folder import CheckpointFolder
from tests.factories import NormedMLP, noisy_blobs, short
from tests.search import helpers

X, y = noisy_blobs(90, n_features=5)
N_EPOCHS, RATES = 5, (-2.0, 0.0, 0.4)


class Killed(BaseException):
    """Stands for a signal that ends the process."""


@pytest.fixture
def killed(monkeypatch):
    """Return a function that kills the process instead of some later checkpoint."""
    written = CheckpointFolder.write

    def kill_after(n):
        n_written = 0

        def write(folder, *args):
            nonlocal n_written
            if n_written == n:
                raise Killed
            n_written += 1
            written(folder, *args)

        monkeypatch.setattr(CheckpointFolder, "write", write)
        return lambda: n_written

    return kill_after


def make(checkpoint=None, cv=3, n_jobs=None, random_state=0, pipeline=False, **params):
    clf = short("gce", max_epochs=N_EPOCHS, random_state=random_state, **params)
    estimator = make_pipeline(StandardScaler(), clf) if pipeline else clf
    return SmoothingSearchCV(estimator, RATES, cv=cv, checkpoint=checkpoint, n_jobs=n_jobs)


def assert_same(ours, theirs):
    assert_same_results(ours, theirs)
    assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert repr(ours.best_estimator_) == repr(theirs.best_estimator_)


def assert_same_results(ours, theirs):
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for name, values in theirs.cv_results_.items():
        if "time" not in name:
            assert_array_equal(ours.cv_results_[name], values)


def check_killed_and_resumed(params, n_checkpoints, folder, killed):
    whole = make(**params).fit(X, y)
    killed(n_checkpoints)
    with pytest.raises(Killed):
        make(folder, **params).fit(X, y)
    killed(np.inf)
    assert_same(make(folder, **params).fit(X, y), whole)


@pytest.mark.parametrize("n_checkpoints", [0, 1, 3, 6])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": "label_wave", "n_iter_no_change": 1},
        pytest.param({"early_stopping": True, "n_iter_no_change": 1}, marks=pytest.mark.slow),
        pytest.param({"module": NormedMLP}, marks=pytest.mark.slow),
        pytest.param({"module__dropout": 0.3, "pipeline": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_killed_search_ends_with_the_same_bits(params, n_checkpoints, tmp_path, killed):
    check_killed_and_resumed(params, n_checkpoints, tmp_path, killed)


@pytest.mark.parametrize("n_checkpoints", [8, 12])
def test_a_search_that_was_killed_in_the_refit(n_checkpoints, tmp_path, killed):
    check_killed_and_resumed({}, n_checkpoints, tmp_path, killed)


def test_nothing_is_trained_again(tmp_path, killed):
    first = make(tmp_path).fit(X, y)
    n_written = killed(np.inf)
    assert_same(make(tmp_path).fit(X, y), first)
    assert n_written() == 0


def test_a_drawn_seed_is_kept(tmp_path, killed):
    n_written = killed(9)
    with pytest.raises(Killed):
        make(tmp_path, random_state=None).fit(X, y)
    assert n_written() == 9
    killed(np.inf)
    first = make(tmp_path, random_state=None).fit(X, y)
    assert_same(make(tmp_path, random_state=None).fit(X, y), first)
    assert first.best_estimator_.random_state is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"lr": 0.02}, "estimator__lr was 0.01, is 0.02"),
        ({"cv": 2}, "cv was 3, is 2"),
        ({"random_state": 3}, "estimator__random_state was 0, is 3"),
    ],
)
def test_another_search_is_refused(change, named, tmp_path):
    make(tmp_path).fit(X, y)
    with pytest.raises(ValueError, match=f"of another training: {named}"):
        make(tmp_path, **change).fit(X, y)
    with pytest.raises(ValueError, match="of another training: X differs; y differs"):
        make(tmp_path).fit(X[:60], y[:60])


def test_one_search_at_a_time_uses_a_folder(tmp_path):
    with (
        CheckpointFolder(tmp_path).locked(),
        pytest.raises(RuntimeError, match="another training uses the folder"),
    ):
        make(tmp_path).fit(X, y)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (make(""), "'checkpoint' parameter must be a folder"),
        (make(3), "'checkpoint' parameter of SmoothingSearchCV"),
        (SmoothingSearchCV(short(checkpoint="a")), "'checkpoint' parameter of the estimator"),
    ],
)
def test_wrong_parameters_are_refused(search, message):
    with pytest.raises(ValueError, match=message):
        search.fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_diverged_candidate_stays_failed(tmp_path, killed):
    def fit(checkpoint=None):
        clf = helpers.double(optimizer="sgd", lr=40.0, logit_bound=None, max_epochs=6)
        search = SmoothingSearchCV(clf, [-64.0, 1.0], cv=2, refit=False, checkpoint=checkpoint)
        return search.fit(helpers.X, helpers.y)

    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        whole = fit()
    assert_array_equal(np.isnan(whole.cv_results_["mean_test_score"]), [True, False])
    # All but the last epoch, when the candidate has failed.
    killed(6)
    with pytest.raises(Killed):
        fit(tmp_path)
    killed(np.inf)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        assert_same_results(fit(tmp_path), whole)
