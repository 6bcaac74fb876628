"""An error during training leaves the estimator as it was before."""

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
    """Call a function at the end of epoch ``at`` of a fit; ``at=0``: never."""

    def __init__(self, action=None, at=0):
        self.action = action
        self.at = at

    def on_train_begin(self, net, **_):
        self.epochs_ = 0

    def on_epoch_end(self, net, **_):
        self.epochs_ += 1
        if self.epochs_ == self.at:
            self.action()


class FailingModule(nn.Module):
    """Raises an error in training after ``forwards_left`` calls."""

    forwards_left = 10**9

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))

    def forward(self, x):
        if self.training:
            FailingModule.forwards_left -= 1
            if FailingModule.forwards_left < 0:
                raise RuntimeError("error in the module")
        return self.layers(x)


def fail():
    raise RuntimeError("error in a callback")


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def frozen(value):
    """Convert tensors and arrays to bytes, so that states are compared bit by bit."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {k: frozen(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(v) for v in value]
    # NaN differs from itself.
    return "nan" if value != value else value


def state_of(clf, epochs=slice(None)):
    """Return the whole state of a fit, without the times of epochs."""
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
def reset_failing_module():
    FailingModule.forwards_left = 10**9


@pytest.fixture
def ctrl_c_works():
    """Let Ctrl-C raise KeyboardInterrupt, which a test runner may have changed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


# ---- a first fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"lr": 1e20}, FloatingPointError),
        ({"callbacks": [Trap(fail, at=2)]}, RuntimeError),
        ({"module__hiden": 3}, ValueError),
        ({"module": FailingModule}, RuntimeError),
    ],
    ids=["diverged", "callback", "typo", "module"],
)
def test_failed_first_fit_leaves_the_estimator_unfitted(params, error):
    FailingModule.forwards_left = 8
    clf = clone(short(**params))
    before = set(vars(clf))
    with pytest.raises(error):
        clf.fit(X, y)
    assert set(vars(clf)) == before
    with pytest.raises(NotFittedError):
        clf.predict(X)


def test_failed_first_partial_fit_leaves_the_estimator_unfitted():
    clf = short(callbacks=[Trap(fail, at=1)])
    with pytest.raises(RuntimeError, match="error in a callback"):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(NotFittedError):
        clf.predict(X)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit(X, y)


def test_divergence_error_names_epoch_batch_and_lr():
    with pytest.raises(FloatingPointError, match=r"nan in epoch 1, batch \d+, with lr=1e\+20"):
        short(lr=1e20).fit(X, y)


@pytest.mark.parametrize("smoothing", [0.0, -1.0])
def test_divergence_in_the_last_step_is_noticed(smoothing):
    # The training does not need the loss of the last step.
    with pytest.raises(FloatingPointError, match=r"epoch 1.*lr=1e\+20"):
        short(lr=1e20, max_epochs=1, batch_size=-1, smoothing=smoothing).fit(X, y)


def test_error_restores_random_state_threads_and_signal_handler():
    before = torch.get_rng_state(), torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="error in a callback"):
            short(callbacks=[Trap(fail, at=2)]).fit(X, y)
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
    "callback": ({"callbacks": [Trap(fail, at=2)]}, RuntimeError),
    "typo": ({"module__hiden": 3}, ValueError),
    "value": ({"smoothing": 2.0}, ValueError),
    "device": ({"device": "nowhere"}, ValueError),
    "width": ({"module": nn.Linear(5, 7)}, ValueError),
    "method": ({"method": "elr", "method__betta": 1}, ValueError),
}


@pytest.mark.parametrize("bad", BAD_CALLS.values(), ids=BAD_CALLS)
@pytest.mark.parametrize("how", ["fit", "warm_start", "partial_fit"])
def test_refused_data_keep_the_old_model(bad, how):
    clf = short(warm_start=how == "warm_start").fit(X, y)
    before, net = state_of(clf), clf.net_
    with pytest.raises(ValueError):
        clf.partial_fit(**bad) if how == "partial_fit" else clf.fit(**bad)
    assert clf.net_ is net
    assert state_of(clf) == before


def test_data_of_one_class_keep_the_old_model():
    clf = short().fit(X, y)
    before = state_of(clf)
    with pytest.raises(ValueError, match="class"):
        clf.fit(X, np.ones_like(y))
    assert state_of(clf) == before


@pytest.mark.parametrize(("params", "error"), BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_failed_refit_keeps_the_old_model(params, error):
    clf = short().fit(X, y)
    before, net = state_of(clf), clf.net_
    clf.set_params(**params)
    with pytest.raises(error):
        clf.fit(X[::-1], y[::-1])
    assert clf.net_ is net
    assert state_of(clf) == before


# ---- going on from a model -----------------------------------------------------------------------


def continue_fit(clf, how):
    return clf.partial_fit(X, y) if how == "partial_fit" else clf.fit(X, y)


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
@every_method
def test_failed_continuation_is_rolled_back_and_can_be_repeated(method, how):
    params = {"method": method, "warm_start": True, "warmup": 1, "smoothing": 0.2}
    trap = Trap(fail)
    clf, undisturbed = short(callbacks=[trap], **params), short(**params)
    continue_fit(clf.fit(X, y), how)
    continue_fit(undisturbed.fit(X, y), how)
    before = state_of(clf)
    trap.at = 1 if how == "partial_fit" else 2
    with pytest.raises(RuntimeError, match="error in a callback"):
        continue_fit(clf, how)
    assert state_of(clf) == before
    trap.at = 0
    assert state_of(continue_fit(clf, how)) == state_of(continue_fit(undisturbed, how))


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_batch_statistics_are_rolled_back(how):
    clf = short(module=FailingModule, warm_start=True, batch_size=16).fit(X, y)
    before = state_of(clf)
    FailingModule.forwards_left = 7 if how == "partial_fit" else 13
    with pytest.raises(RuntimeError, match="error in the module"):
        continue_fit(clf, how)
    assert state_of(clf) == before


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
    trap = Trap(fail)
    clf = short(warm_start=True, callbacks=[trap]).fit(X, y)
    before = state_of(clf)
    trap.at = 1
    clf.set_params(**params)
    with pytest.raises((FloatingPointError, RuntimeError)):
        continue_fit(clf, how)
    assert state_of(clf) == before


def test_another_number_of_rows_is_refused_if_the_method_keeps_state_for_each():
    clf = short(method="elr").fit(X, y)
    before = state_of(clf)
    with pytest.raises(ValueError, match=r"ELR keeps state for each.*same 150 rows. Got 100 rows"):
        clf.partial_fit(X[:100], y[:100])
    assert state_of(clf) == before


# ---- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["fit", "partial_fit", "warm_start"])
def test_ctrl_c_stops_the_fit_and_keeps_the_old_model(ctrl_c_works, how):
    trap = Trap(press_ctrl_c)
    clf = short(callbacks=[trap], warm_start=how == "warm_start").fit(X, y)
    before = state_of(clf)
    trap.at = 1
    with pytest.raises(KeyboardInterrupt):
        continue_fit(clf, how)
    assert state_of(clf) == before


def test_ctrl_c_in_a_first_fit_leaves_the_estimator_unfitted(ctrl_c_works):
    clf = short(callbacks=[Trap(press_ctrl_c, at=2)])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    with pytest.raises(NotFittedError):
        clf.predict(X)


@pytest.mark.parametrize("method", ["ce", "co_teaching"])
def test_ctrl_c_at_any_time_stops_the_fit(ctrl_c_works, method):
    delays = np.linspace(0.001, 0.12, 8)
    trap = Trap()
    clf = short(method=method, callbacks=[trap], warm_start=True, lr=0.001).fit(X, y)
    before = state_of(clf)
    clf.set_params(max_epochs=100_000)
    trap.at = 1
    for delay in delays:
        trap.action = threading.Timer(delay, press_ctrl_c).start
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
        assert state_of(clf) == before


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


def test_fits_in_other_threads_do_not_handle_ctrl_c():
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


def test_early_stopping_of_skorch_raises_no_keyboard_interrupt():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=lambda text: None)
    clf = short(callbacks=[stop], max_epochs=50).fit(X, y)
    assert clf.n_iter_ == len(clf.history_) == 3
    alone = short(max_epochs=3).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(clf.label_quality_, alone.label_quality_)


def test_signal_handlers_of_users_are_called_and_training_continues():
    received = []
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=lambda text: None)
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        clf = short(callbacks=[Trap(press_ctrl_c, at=1), stop], max_epochs=50).fit(X, y)
    except KeyboardInterrupt:
        # It would end the test run.
        pytest.fail("stopping early was taken for Ctrl-C")
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]
    assert clf.n_iter_ == 3


# ---- in a search ---------------------------------------------------------------------------------


def test_candidate_that_diverges_does_not_affect_the_others_of_a_search():
    search = GridSearchCV(short(), {"lr": [0.001, 0.01, 1e20]}, cv=2, error_score=np.nan)
    with pytest.warns(FitFailedWarning, match="FloatingPointError"):
        with pytest.warns(UserWarning, match="One or more of the test scores are non-finite"):
            search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [False, False, True]
    alone = GridSearchCV(short(), {"lr": [0.001, 0.01]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(scores[:2], alone.cv_results_["mean_test_score"])
    assert search.best_params_ == alone.best_params_
