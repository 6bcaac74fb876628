"""What goes wrong in the middle of a training leaves things as they were before it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from tests.factories import every_method, noisy_blobs, short

X, y = noisy_blobs(150, n_features=5, cluster_std=4.0)


class Trap(Callback):
    """Spring once, at the end of the epoch ``at`` of a call; ``at=0`` is harmless."""

    def __init__(self, spring=None, at=0):
        self.spring = spring
        self.at = at

    def on_train_begin(self, net, **_):
        self.epochs_ = 0

    def on_epoch_end(self, net, **_):
        self.epochs_ += 1
        if self.epochs_ == self.at:
            self.spring()


class Mine(nn.Module):
    """Raise in training once ``forwards_left`` is used up."""

    forwards_left = 10**9

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))

    def forward(self, x):
        if self.training:
            Mine.forwards_left -= 1
            if Mine.forwards_left < 0:
                raise RuntimeError("boom in the module")
        return self.layers(x)


def boom():
    raise RuntimeError("boom in a callback")


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def frozen(value):
    """Tensors and arrays as bytes, so that states compare to the last bit."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {k: frozen(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(v) for v in value]
    # A number that is unknown in both is the same.
    return "nan" if value != value else value


def learned(clf, epochs=slice(None)):
    """What was learned, without the times that epochs took."""
    rows = [{k: v for k, v in row.items() if k != "dur"} for row in list(clf.history_)[epochs]]
    return frozen(
        {
            "weights": dict(clf.module_.state_dict()),
            "method": dict(clf.method_.state_dict()),
            "optimizer": clf.net_.optimizer_.state_dict(),
            "history": rows,
            "attributes": {
                k: v
                for k, v in vars(clf).items()
                if k.endswith("_") and not k.startswith("_") and k != "net_"
            },
            "proba": clf.predict_proba(X),
        }
    )


@pytest.fixture(autouse=True)
def safe_mine():
    Mine.forwards_left = 10**9


@pytest.fixture
def ctrl_c_works():
    """A test runner may have set the signal aside."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


# ---- a first fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"lr": 1e20}, FloatingPointError),
        ({"callbacks": [Trap(boom, at=2)]}, RuntimeError),
        ({"module__hiden": 3}, ValueError),
        ({"module": Mine}, RuntimeError),
    ],
    ids=["diverged", "callback", "typo", "module"],
)
def test_failed_first_fit_leaves_the_estimator_unfitted(params, error):
    Mine.forwards_left = 8
    clf = clone(short(**params))
    before = set(vars(clf))
    with pytest.raises(error):
        clf.fit(X, y)
    assert set(vars(clf)) == before
    with pytest.raises(NotFittedError):
        clf.predict(X)


def test_failed_first_partial_fit_leaves_the_estimator_unfitted():
    clf = short(callbacks=[Trap(boom, at=1)])
    with pytest.raises(RuntimeError, match="boom"):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(NotFittedError):
        clf.predict(X)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit(X, y)


def test_divergence_names_epoch_batch_and_lr():
    with pytest.raises(FloatingPointError, match=r"nan in epoch 1, batch \d+, with lr=1e\+20"):
        short(lr=1e20).fit(X, y)


@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_divergence_in_the_very_last_step_is_noticed(smoothing):
    # Its loss is never read again by the training.
    with pytest.raises(FloatingPointError, match=r"epoch 1.*lr=1e\+20"):
        short(lr=1e20, max_epochs=1, batch_size=-1, smoothing=smoothing).fit(X, y)


def test_failure_leaves_generators_and_threads_as_they_were():
    before = torch.get_rng_state(), torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="boom"):
            short(callbacks=[Trap(boom, at=2)]).fit(X, y)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before[1])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert signal.getsignal(signal.SIGINT) is before[2]


# ---- a refit -------------------------------------------------------------------------------------

BAD_CALLS = {
    "y of floats": {"X": X, "y": y + 0.5},
    "y too short": {"X": X, "y": y[:-1]},
    "other columns and a bad y": {"X": X[:, :3], "y": y[:-1]},
    "NaN": {"X": np.where(X > 5, np.nan, X), "y": y},
    "weights": {"X": X, "y": y, "sample_weight": -np.ones(len(y))},
}
BAD_PARAMS = {
    "diverged": ({"lr": 1e20}, FloatingPointError),
    "callback": ({"callbacks": [Trap(boom, at=2)]}, RuntimeError),
    "typo": ({"module__hiden": 3}, ValueError),
    "value": ({"smoothing": 2.0}, ValueError),
    "device": ({"device": "nowhere"}, ValueError),
    "width": ({"module": nn.Linear(5, 7)}, ValueError),
    "method": ({"method": "elr", "method__betta": 1}, ValueError),
}


@pytest.mark.parametrize("bad", BAD_CALLS.values(), ids=BAD_CALLS)
@pytest.mark.parametrize("how", ["fit", "warm_start", "partial_fit"])
def test_bad_data_keeps_the_old_model(bad, how):
    clf = short(warm_start=how == "warm_start").fit(X, y)
    before, net = learned(clf), clf.net_
    with pytest.raises(ValueError):
        clf.partial_fit(**bad) if how == "partial_fit" else clf.fit(**bad)
    assert clf.net_ is net
    assert learned(clf) == before


def test_one_class_keeps_the_old_model():
    clf = short().fit(X, y)
    before = learned(clf)
    with pytest.raises(ValueError, match="class"):
        clf.fit(X, np.ones_like(y))
    assert learned(clf) == before


@pytest.mark.parametrize(("params", "error"), BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_failed_refit_keeps_the_old_model(params, error):
    clf = short().fit(X, y)
    before, net = learned(clf), clf.net_
    clf.set_params(**params)
    with pytest.raises(error):
        clf.fit(X[::-1], y[::-1])
    assert clf.net_ is net
    assert learned(clf) == before


# ---- going on from a model -----------------------------------------------------------------------


def go_on(clf, how):
    return clf.partial_fit(X, y) if how == "partial_fit" else clf.fit(X, y)


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
@every_method
def test_failed_continuation_is_rolled_back_and_the_next_goes_on_as_if_nothing_was(method, how):
    params = {"method": method, "warm_start": True, "warmup": 1, "smoothing": 0.2}
    trap = Trap(boom)
    clf, undisturbed = short(callbacks=[trap], **params), short(**params)
    for each in (clf, undisturbed):
        go_on(each.fit(X, y), how)
    before = learned(clf)
    trap.at = 1 if how == "partial_fit" else 2
    with pytest.raises(RuntimeError, match="boom"):
        go_on(clf, how)
    assert learned(clf) == before
    trap.at = 0
    assert learned(go_on(clf, how)) == learned(go_on(undisturbed, how))


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_module_that_fails_half_way_is_rolled_back_with_its_batch_norm(how):
    clf = short(module=Mine, warm_start=True, batch_size=16).fit(X, y)
    before = learned(clf)
    Mine.forwards_left = 7 if how == "partial_fit" else 13
    with pytest.raises(RuntimeError, match="boom in the module"):
        go_on(clf, how)
    assert learned(clf) == before


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
@pytest.mark.parametrize(
    "params",
    [
        {"lr": 1e20},
        {"lr": 1e20, "smoothing": -2.0},
        {"lr": 1e20, "logit_bound": 0.5},
    ],
    ids=["lr", "and smoothing", "and bound"],
)
def test_failed_continuation_with_other_parameters_is_rolled_back(how, params):
    trap = Trap(boom)
    clf = short(warm_start=True, callbacks=[trap]).fit(X, y)
    before = learned(clf)
    trap.at = 1
    clf.set_params(**params)
    with pytest.raises((FloatingPointError, RuntimeError)):
        go_on(clf, how)
    assert learned(clf) == before


def test_other_number_of_rows_is_refused_where_each_row_has_a_memory():
    clf = short(method="elr").fit(X, y)
    before = learned(clf)
    with pytest.raises(ValueError, match=r"ELR keeps state for each.*same 150 rows. Got 100 rows"):
        clf.partial_fit(X[:100], y[:100])
    assert learned(clf) == before


# ---- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["fit", "partial_fit", "warm_start"])
def test_ctrl_c_leaves_fit_and_keeps_the_old_model(ctrl_c_works, how):
    trap = Trap(press_ctrl_c)
    clf = short(callbacks=[trap], warm_start=how == "warm_start").fit(X, y)
    before = learned(clf)
    trap.at = 1
    with pytest.raises(KeyboardInterrupt):
        go_on(clf, how)
    assert learned(clf) == before


def test_ctrl_c_in_a_first_fit_leaves_the_estimator_unfitted(ctrl_c_works):
    clf = short(callbacks=[Trap(press_ctrl_c, at=2)])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    with pytest.raises(NotFittedError):
        clf.predict(X)


@pytest.mark.parametrize("method", ["ce", "co_teaching"])
def test_ctrl_c_at_any_moment_leaves_fit(ctrl_c_works, method):
    delays = np.linspace(0.001, 0.12, 8)
    trap = Trap()
    clf = short(method=method, callbacks=[trap], warm_start=True, lr=0.001).fit(X, y)
    before = learned(clf)
    clf.set_params(max_epochs=100_000)
    trap.at = 1
    for delay in delays:
        trap.spring = threading.Timer(delay, press_ctrl_c).start
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
        assert learned(clf) == before


@pytest.mark.slow
def test_ctrl_c_stops_a_search():
    program = """
        import os, signal
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        from skorch.callbacks import Callback
        from sknoisy import NoisyLabelClassifier

        fits = []

        class Press(Callback):
            def on_train_begin(self, net, **_):
                fits.append(net)
            def on_epoch_end(self, net, **_):
                if len(fits) == 2:
                    os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        clf = NoisyLabelClassifier("ce", max_epochs=2, callbacks=[Press()])
        search = GridSearchCV(clf, {"lr": [0.01, 0.02, 0.03]}, cv=2, error_score=0.0)
        try:
            search.fit(*load_iris(return_X_y=True))
        except KeyboardInterrupt:
            print("stopped in fit", len(fits))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["stopped", "in", "fit", "2"], done.stderr


def test_ctrl_c_is_left_alone_in_other_threads():
    clf, failures = short(), []

    def fit():
        try:
            clf.fit(X, y)
        except BaseException as error:  # seen by the main thread
            failures.append(error)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert not failures
    assert signal.getsignal(signal.SIGINT) is before
    np.testing.assert_array_equal(clf.predict_proba(X), short().fit(X, y).predict_proba(X))


def test_early_stopping_of_skorch_is_not_taken_for_ctrl_c():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=lambda text: None)
    clf = short(callbacks=[stop], max_epochs=50).fit(X, y)
    assert clf.n_iter_ == len(clf.history_) == 3
    alone = short(max_epochs=3).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(clf.label_quality_, alone.label_quality_)


def test_handler_of_a_user_that_lets_the_training_go_on_is_no_ctrl_c():
    noted = []
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=lambda text: None)
    before = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        clf = short(callbacks=[Trap(press_ctrl_c, at=1), stop], max_epochs=50).fit(X, y)
    except KeyboardInterrupt:
        # On its own it would end the whole test run.
        pytest.fail("stopping early was taken for Ctrl-C")
    finally:
        signal.signal(signal.SIGINT, before)
    assert noted == [signal.SIGINT]
    assert clf.n_iter_ == 3


# ---- in a search ---------------------------------------------------------------------------------


def test_one_diverging_rate_spoils_only_its_own_score():
    search = GridSearchCV(short(), {"lr": [0.001, 0.01, 1e20]}, cv=2, error_score=np.nan)
    with pytest.warns(FitFailedWarning, match="FloatingPointError"):
        with pytest.warns(UserWarning, match="One or more of the test scores are non-finite"):
            search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [False, False, True]
    alone = GridSearchCV(short(), {"lr": [0.001, 0.01]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(scores[:2], alone.cv_results_["mean_test_score"])
    assert search.best_params_ == alone.best_params_
