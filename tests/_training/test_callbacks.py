"""Callbacks of skorch, and those that users write for skorch, work as they do in skorch."""

import copy
import io
import re
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    TrainEndCheckpoint,
    Unfreezer,
)

from sknoisy import METHODS
from sknoisy.methods import Method
from tests.factories import every_method, noisy_blobs, short

pytestmark = pytest.mark.filterwarnings("ignore:.*Checkpoint of skorch says nothing:UserWarning")

X, y = noisy_blobs(203, n_features=6, n_classes=2)
N_BATCHES = 7


class Listener(Callback):
    """Records all events, and the arguments of the events of batches."""

    def __init__(self):
        self.events = []
        self.batches = []

    def on_train_begin(self, net, X, y, **_):
        self.events.append("train_begin")

    def on_epoch_begin(self, net, dataset_train, dataset_valid, **_):
        self.events.append("epoch_begin")

    def on_batch_begin(self, net, batch, training, **_):
        self.events.append("batch_begin")

    def on_grad_computed(self, net, named_parameters, batch, training, **_):
        self.events.append("grad_computed")
        # Parameters of the method may have no gradient during warm-up.
        assert all(p.grad is not None for p in net.module_.parameters())
        assert len(named_parameters) >= len(list(net.module_.parameters()))

    def on_batch_end(self, net, batch, training, loss, y_pred, **_):
        self.events.append("batch_end")
        self.batches.append((*batch, training, float(loss), y_pred))

    def on_epoch_end(self, net, dataset_train, dataset_valid, **_):
        self.events.append("epoch_end")

    def on_train_end(self, net, X, y, **_):
        self.events.append("train_end")


def history(clf, with_batches=True):
    """Return the history without times; NaN, which differs from itself, becomes a string."""
    rows = [
        {k: "nan" if v != v else v for k, v in row.items() if k != "dur"} for row in clf.history_
    ]
    return rows if with_batches else [{**row, "batches": []} for row in rows]


# ---- the protocol --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_events_come_in_order_with_plain_batches(method):
    listener = Listener()
    clf = short(callbacks=[listener], method=method, max_epochs=2, early_stopping=True).fit(X, y)
    # A method that scores epochs trains on all 203 rows, others on 182.
    scores_epochs = METHODS[method].epoch_score is not Method.epoch_score
    n_batches, n_rows = (7, 203) if scores_epochs else (6, 182)
    train = ["batch_begin", "grad_computed", "batch_end"] * n_batches
    held_out = [] if scores_epochs else ["batch_begin", "batch_end"]
    epoch = ["epoch_begin", *train, *held_out, "epoch_end"]
    assert listener.events == ["train_begin", *epoch, *epoch, "train_end"]
    rows = {row.tobytes(): label for row, label in zip(X.astype(np.float32), y, strict=True)}
    for x, labels, training, loss, logits in listener.batches:
        assert [rows[row.tobytes()] for row in x.numpy()] == labels.tolist()
        assert logits.shape[-2:] == (len(x), 2)
        assert np.isfinite(loss)
        assert not (training and logits.requires_grad)
    seen = torch.cat([x for x, _, training, *_ in listener.batches if training])
    assert len(seen) == 2 * n_rows
    assert dict(clf.net_.callbacks_)["Listener"] is listener


@every_method
@pytest.mark.parametrize("early_stopping", [False, True])
def test_listening_changes_nothing(method, early_stopping):
    params = {"method": method, "early_stopping": early_stopping, "warmup": 1}
    alone = short(**params).fit(X, y)
    observed = short(callbacks=[Listener()], **params).fit(X, y)
    np.testing.assert_array_equal(observed.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(observed.label_quality_, alone.label_quality_)
    assert [r["train_loss"] for r in observed.history_] == [r["train_loss"] for r in alone.history_]
    assert history(observed) == history(alone)


def test_history_records_each_batch():
    clf = short().fit(X, y)
    sizes = np.array(clf.history_[:, "batches", :, "train_batch_size"])
    losses = np.array(clf.history_[:, "batches", :, "train_loss"])
    assert sizes.tolist() == [[32] * 6 + [11]] * 4
    np.testing.assert_allclose(
        np.average(losses, axis=1, weights=sizes[0]), clf.history_[:, "train_loss"]
    )


def test_callbacks_can_read_the_parameters_of_the_classifier():
    seen = []

    class Read(Callback):
        def on_epoch_begin(self, net, **_):
            rate = net.settings.smoothing.rate(None)
            seen.append((rate, net.max_epochs, net.lr, net.batch_size, net.n_classes))

    short(callbacks=[Read()], smoothing=-0.5, max_epochs=2).fit(X, y)
    assert seen == [(-0.5, 2, 0.01, 32, 2)] * 2


def test_errors_of_callbacks_are_raised():
    class Fail(Callback):
        def on_batch_end(self, net, **_):
            raise LookupError("from a callback")

    with pytest.raises(LookupError, match="from a callback"):
        short(callbacks=[Fail()]).fit(X, y)


@pytest.mark.parametrize("kind", ["class", "named", "instance"])
def test_callbacks_are_given_as_class_pair_or_instance(kind):
    class Count(Callback):
        def __init__(self, step=1):
            self.step = step

        def on_epoch_end(self, net, **_):
            net.history.record("counted", self.step)

    callback = {"class": Count, "named": ("Count", Count()), "instance": Count()}[kind]
    clf = short(callbacks=[callback], callbacks__Count__step=3).fit(X, y)
    assert clf.history_[:, "counted"] == [3] * 4
    assert clf.get_params()["callbacks__Count__step"] == 3
    copy = clone(clf).set_params(callbacks__Count__step=5).fit(X, y)
    assert copy.history_[:, "counted"] == [5] * 4


def test_callbacks_can_be_disabled():
    clf = short().set_params(callbacks="disable").fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), short().fit(X, y).predict_proba(X))
    assert all("dur" not in row for row in clf.history_)


# ---- printing ------------------------------------------------------------------------------------


def test_verbose_prints_a_row_for_each_epoch():
    out = io.StringIO()
    with redirect_stdout(out):
        short(verbose=1, early_stopping=True).fit(X, y)
    head, rule, *rows = out.getvalue().splitlines()
    trained, held_out = ["train_acc", "train_agreement", "train_loss"], ["valid_acc", "valid_loss"]
    assert head.split() == ["epoch", *trained, *held_out, "dur"]
    assert set(rule) == {"-", " "}
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_verbose_shows_one_line_with_the_time_left_on_a_terminal():
    terminal = Terminal()
    with redirect_stdout(terminal):
        short(verbose=1, early_stopping=True, n_iter_no_change=9).fit(X, y)
    assert "\n" not in terminal.getvalue()
    start, *lines, end = terminal.getvalue().split("\r\x1b[K")
    assert start == end == ""
    number = r"0\.\d{3}|1\.000"
    for epoch, line in enumerate(lines, 1):
        scores = f"train_acc ({number}), valid_acc ({number})"
        assert re.fullmatch(rf"epoch {epoch} of 4, {scores}, about \d+ s left", line)
    assert len(lines) == 4


def test_the_line_is_erased_after_an_error():
    class Failing(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                raise RuntimeError("disk")

    terminal = Terminal()
    with redirect_stdout(terminal), pytest.raises(RuntimeError, match="disk"):
        short(verbose=1, callbacks=[Failing()]).fit(X, y)
    assert re.search(r"epoch 2 of 4, .*left\r\x1b\[K$", terminal.getvalue())


def test_the_line_counts_the_epochs_of_earlier_fits():
    clf = short(warm_start=True).fit(X, y)
    terminal = Terminal()
    with redirect_stdout(terminal):
        clf.set_params(verbose=1).fit(X, y)
    assert re.findall(r"epoch (\d+) of (\d+)", terminal.getvalue()) == [
        (str(epoch), "8") for epoch in (5, 6, 7, 8)
    ]


@pytest.mark.parametrize(("verbose", "train"), [(2, "fit"), (1, "partial_fit")])
def test_rows_on_a_terminal(verbose, train):
    terminal = Terminal()
    with redirect_stdout(terminal):
        clf = short(verbose=verbose)
        clf.fit(X, y) if train == "fit" else clf.partial_fit(X, y, classes=np.unique(y))
    assert "\r" not in terminal.getvalue()
    assert terminal.getvalue().splitlines()[0].split()[:2] == ["epoch", "train_acc"]


def test_nothing_is_printed_by_default(capsys):
    short().fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_progress_bar_counts_batches(capsys):
    short(callbacks=[ProgressBar(detect_notebook=False)], max_epochs=2).fit(X, y)
    assert capsys.readouterr().err.count(f"0/{N_BATCHES} ") == 2


# ---- scoring -------------------------------------------------------------------------------------


def half_the_accuracy(net, X, y):
    return accuracy_score(y, net.predict(X)) / 2


@pytest.mark.parametrize("use_caching", [True, False], ids=["cached", "not cached"])
@pytest.mark.parametrize("on_train", [True, False], ids=["train", "valid"])
@pytest.mark.parametrize(
    ("scoring", "score"),
    [
        ("accuracy", lambda y, p: accuracy_score(y, p.argmax(1))),
        ("roc_auc", lambda y, p: roc_auc_score(y, p[:, 1])),
        (half_the_accuracy, lambda y, p: accuracy_score(y, p.argmax(1)) / 2),
        (make_scorer(accuracy_score), lambda y, p: accuracy_score(y, p.argmax(1))),
    ],
    ids=["accuracy", "roc_auc", "callable", "scorer"],
)
def test_epoch_scoring_scores_the_part_it_is_given(scoring, score, on_train, use_caching):
    class Keep(Callback):
        def on_epoch_end(self, net, dataset_train, dataset_valid, **_):
            self.part_ = dataset_train if on_train else dataset_valid
            self.proba_ = net.predict_proba(self.part_)

    keep = Keep()
    scored = EpochScoring(
        scoring, lower_is_better=False, on_train=on_train, name="s", use_caching=use_caching
    )
    clf = short(callbacks=[keep, scored], early_stopping=True, max_epochs=2).fit(X, y)
    values = clf.history_[:, "s"]
    assert len(values) == 2
    if not (on_train and use_caching):
        # Predictions cached in training were made while the weights changed.
        labels = np.array([keep.part_[i][1] for i in range(len(keep.part_))])
        expected = score(labels, keep.proba_)
        assert values[-1] == pytest.approx(expected)
    assert 0 <= values[-1] <= 1
    assert clf.history_[0, "s_best"] is True


def test_cached_training_score_is_computed_from_the_training_passes():
    listener = Listener()
    scored = EpochScoring("accuracy", on_train=True, name="s")
    clf = short(callbacks=[listener, scored], max_epochs=1).fit(X, y)
    n_correct = [(p.argmax(1) == labels).sum() for _, labels, _, _, p in listener.batches]
    assert clf.history_[-1, "s"] == pytest.approx(float(sum(n_correct)) / len(y))


def test_valid_acc_equals_the_accuracy_of_a_callback():
    scored = EpochScoring("accuracy", lower_is_better=False, name="s")
    clf = short(callbacks=[scored], early_stopping=True).fit(X, y)
    np.testing.assert_allclose(clf.history_[:, "valid_acc"], clf.history_[:, "s"], rtol=1e-6)
    assert clf.history_[:, "valid_acc_best"] == clf.history_[:, "s_best"]


def test_two_networks_are_scored_by_their_mean():
    scored = EpochScoring("accuracy", lower_is_better=False, name="s")
    clf = short(callbacks=[scored], method="co_teaching", early_stopping=True).fit(X, y)
    np.testing.assert_allclose(clf.history_[:, "valid_acc"], clf.history_[:, "s"], rtol=1e-6)


def test_batch_scoring_scores_each_batch():
    clf = short(callbacks=[BatchScoring("accuracy", on_train=True, name="b")], max_epochs=2).fit(
        X, y
    )
    scores = np.array(clf.history_[:, "batches", :, "b"])
    assert scores.shape == (2, N_BATCHES)
    sizes = clf.history_[0, "batches", :, "train_batch_size"]
    np.testing.assert_allclose(np.average(scores, axis=1, weights=sizes), clf.history_[:, "b"])


# ---- stopping and keeping ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monitor", "params"),
    [("train_loss", {}), ("valid_loss", {"early_stopping": True, "n_iter_no_change": 100})],
)
def test_early_stopping_of_skorch(monitor, params):
    stop = EarlyStopping(monitor, patience=3, threshold=5.0, sink=lambda text: None)
    clf = short(callbacks=[stop], max_epochs=30, **params).fit(X, y)
    assert clf.n_iter_ == 4


def test_early_stopping_of_skorch_restores_the_best_epoch(tmp_path):
    stop = EarlyStopping(
        "train_loss", patience=2, threshold=9.0, load_best=True, sink=lambda text: None
    )
    clf = short(callbacks=[stop], max_epochs=30).fit(X, y)
    np.testing.assert_array_equal(
        clf.predict_proba(X), short(max_epochs=1).fit(X, y).predict_proba(X)
    )


@every_method
def test_checkpoint_can_be_loaded(tmp_path, method):
    keep = Checkpoint(dirname=tmp_path, monitor=None)
    # Early stopping would restore the best epoch, and the checkpoint is of the last.
    clf = short(callbacks=[keep], method=method, early_stopping=False).fit(X, y)
    probs = clf.predict_proba(X)
    with torch.no_grad():
        for parameter in clf.module_.parameters():
            parameter.zero_()
    assert not np.array_equal(clf.predict_proba(X), probs)
    clf.net_.load_params(checkpoint=keep)
    np.testing.assert_array_equal(clf.predict_proba(X), probs)


def test_checkpoints_of_the_best_and_the_last_epoch(tmp_path):
    best = Checkpoint(dirname=tmp_path, monitor="valid_acc_best", fn_prefix="best_")
    last = TrainEndCheckpoint(dirname=tmp_path)
    clf = short(callbacks=[best, last], early_stopping=True).fit(X, y)
    clf.net_.load_params(checkpoint=best)
    best_epoch = int(np.argmax(clf.history_[:, "valid_acc"]))
    same = short(early_stopping=True, max_epochs=best_epoch + 1).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), same.predict_proba(X))
    assert (tmp_path / "train_end_params.pt").exists()


def test_training_starts_from_a_checkpoint(tmp_path):
    starts = []

    class Keep(Callback):
        def on_epoch_begin(self, net, dataset_train, **_):
            starts.append(net.predict_proba(dataset_train))

    first = short(callbacks=[Checkpoint(dirname=tmp_path, monitor=None)], random_state=1).fit(X, y)
    second = short(
        callbacks=[LoadInitState(Checkpoint(dirname=tmp_path)), Keep()], max_epochs=1
    ).fit(X, y)
    np.testing.assert_array_equal(starts[0], first.predict_proba(X))
    assert len(second.history_) == 5


def as_skorch_users_write_them():
    """Callbacks as in the documentation of skorch, and what they need: held-out rows or a loss."""
    quiet = {"sink": lambda text: None}
    plateau = {"policy": "ReduceLROnPlateau", "monitor": "valid_loss"}
    return {
        "EpochScoring": (EpochScoring("accuracy", lower_is_better=False), "rows"),
        "EpochScoring of a function": (EpochScoring(half_the_accuracy), "rows"),
        "EpochScoring on train": (EpochScoring("accuracy", name="s", on_train=True), None),
        "BatchScoring": (BatchScoring("accuracy", name="b"), "rows"),
        "PassthroughScoring": (PassthroughScoring("valid_loss"), "rows"),
        "PassthroughScoring on train": (PassthroughScoring("train_loss", on_train=True), None),
        "Checkpoint": (Checkpoint(), "loss"),
        "Checkpoint class": (Checkpoint, "loss"),
        "Checkpoint of accuracy": (Checkpoint(monitor="valid_acc_best"), "loss"),
        "Checkpoint of train_loss": (Checkpoint(monitor="train_loss_best", load_best=True), None),
        "Checkpoint of a function": (Checkpoint(monitor=lambda net: True), None),
        "Checkpoint to a pickle": (Checkpoint(monitor=None, f_pickle="net.pkl"), None),
        "EarlyStopping": (EarlyStopping(**quiet), "loss"),
        "EarlyStopping on train": (EarlyStopping("train_loss", load_best=True, **quiet), None),
        "ReduceLROnPlateau": (LRScheduler(**plateau), "loss"),
        "ReduceLROnPlateau on train": (LRScheduler("ReduceLROnPlateau"), None),
        "StepLR that ignores its monitor": (
            LRScheduler("StepLR", monitor="valid_loss", step_size=1),
            None,
        ),
        "WarmRestartLR": (LRScheduler(), None),
        "TrainEndCheckpoint": (TrainEndCheckpoint(), None),
        "LoadInitState": (LoadInitState(Checkpoint()), None),
        "GradientNormClipping": (GradientNormClipping(0.1), None),
        "Freezer": (Freezer("1.*"), None),
        "Unfreezer": (Unfreezer("1.*", at=2), None),
        "Initializer": (Initializer("*weight", fn=torch.nn.init.ones_), None),
        "ProgressBar": (ProgressBar(detect_notebook=False), None),
        "PrintLog": (PrintLog(**quiet), None),
        "EpochTimer": (EpochTimer(), None),
    }


@pytest.mark.parametrize("name", as_skorch_users_write_them())
def test_callbacks_work_or_say_what_they_need(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    needs = as_skorch_users_write_them()[name][1]

    def fit(method, early_stopping):
        callbacks = [as_skorch_users_write_them()[name][0]]
        params = {"early_stopping": early_stopping, "max_epochs": 2, "callbacks": callbacks}
        return short(method=method, **params).fit(X, y)

    assert len(fit("ce", True).history_) == 2
    if needs is None:
        fit("ce", False)
        fit("bagging", "auto")
        return
    with pytest.raises(ValueError, match=r"'callbacks' parameter: .*early_stopping=True"):
        fit("ce", False)
    if needs == "loss":
        fit("bagging", "auto")
    else:
        with pytest.raises(ValueError, match=r"Bagging scores epochs itself.* on_train=True"):
            fit("bagging", "auto")


def test_score_that_another_callback_records_can_be_monitored():
    scored = EpochScoring("neg_log_loss", name="valid_loss", on_train=True)
    stop = EarlyStopping("valid_loss", sink=lambda text: None)
    assert short("ce", callbacks=[scored, stop], max_epochs=2).fit(X, y).n_iter_ == 2


def test_callbacks_that_need_held_out_rows_are_refused_in_partial_fit():
    clf = short("ce", callbacks=[EpochScoring("accuracy")])
    with pytest.raises(ValueError, match="Pass early_stopping=True, and call fit, "):
        clf.partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize(
    ("callback", "params", "match"),
    [
        (LRScheduler("StepLR", step_size=1), {"lr_schedule": "cosine"}, "'lr_schedule' parameter"),
        (InputShapeSetter(), {}, r"InputShapeSetter is not needed.* n_in"),
    ],
    ids=["two schedules", "shape"],
)
def test_callbacks_that_contradict_the_parameters_are_refused(callback, params, match):
    with pytest.raises(ValueError, match=match):
        short(callbacks=[callback], **params).fit(X, y)


# ---- changing the training -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"policy": "StepLR", "step_size": 2, "gamma": 0.1}, [0.01, 0.01, 0.001, 0.001]),
        (
            {"policy": torch.optim.lr_scheduler.ExponentialLR, "gamma": 0.5},
            [0.01, 0.005, 0.0025, 0.00125],
        ),
        (
            {"policy": "ReduceLROnPlateau", "monitor": lambda net: 1.0, "patience": 0},
            [0.01, 0.01, 0.001, 0.0001],
        ),
    ],
    ids=["step", "exponential", "plateau"],
)
def test_lr_scheduler_steps_each_epoch(params, expected):
    lrs = []

    class Read(Callback):
        def on_epoch_begin(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    short(callbacks=[Read(), LRScheduler(**params)]).fit(X, y)
    np.testing.assert_allclose(lrs, expected)


def test_lr_scheduler_steps_each_batch():
    lrs = []

    class Read(Callback):
        def on_batch_begin(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    scheduler = LRScheduler("StepLR", step_size=N_BATCHES, gamma=0.5, step_every="batch")
    short(callbacks=[Read(), scheduler], max_epochs=3).fit(X, y)
    np.testing.assert_allclose(lrs, np.repeat([0.01, 0.005, 0.0025], N_BATCHES))


def test_gradients_are_clipped():
    norms = []

    class Measure(Callback):
        def on_grad_computed(self, net, named_parameters, **_):
            norms.append(torch.stack([p.grad.norm() for _, p in named_parameters]).norm().item())

    clip = GradientNormClipping(gradient_clip_value=0.01)
    clf = short(callbacks=[clip, Measure()], optimizer="sgd", lr=0.1, max_epochs=1).fit(X, y)
    assert max(norms) <= 0.01 * (1 + 1e-4)
    free = short(callbacks=[Measure()], optimizer="sgd", lr=0.1, max_epochs=1).fit(X, y)
    assert max(norms) > 0.1
    assert not np.array_equal(clf.predict_proba(X), free.predict_proba(X))


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end"])
def test_network_that_a_callback_replaces_is_trained(event):
    class Replace(Callback):
        """Replaces the network by a wrapped copy with another optimizer."""

        def replace(self, net, **_):
            if len(net.history) < 2:
                net.module_ = torch.nn.Sequential(copy.deepcopy(net.module_))
                net.initialize_optimizer()

    setattr(Replace, event, Replace.replace)
    clf = short("ce", callbacks=[Replace()], max_epochs=6, lr=0.01).fit(X, y)
    assert type(clf.module_) is torch.nn.Sequential
    assert clf.history_[-1, "train_acc"] > 0.7
    assert clf.score(X, y) > 0.7


def test_layers_can_be_frozen():
    names = [
        n for n, _ in short(max_epochs=1).fit(X, y).module_.named_parameters() if "weight" in n
    ]
    freeze, initial = Freezer(names[0]), Initializer("*weight", fn=torch.nn.init.ones_)
    clf = short(callbacks=[initial, freeze]).fit(X, y)
    weights = dict(clf.module_.named_parameters())
    assert (weights[names[0]] == 1).all()
    assert not (weights[names[-1]] == 1).all()


def test_layers_can_be_unfrozen():
    first = {}

    class Keep(Callback):
        def on_epoch_end(self, net, **_):
            first.setdefault(len(net.history), next(net.module_.parameters()).clone())

    freeze = Freezer("1.*")
    unfreeze = ParamMapper("1.*", fn=lambda p: p.requires_grad_(True), at=3)
    short(callbacks=[freeze, unfreeze, Keep()]).fit(X, y)
    assert torch.equal(first[1], first[2])
    assert not torch.equal(first[2], first[3])


# ---- optimizers that compute the gradient several times -----------------------------------------


@pytest.mark.parametrize("listened", [False, True])
def test_lbfgs_learns_a_table(listened):
    callbacks = [Listener()] if listened else []
    clf = short(
        callbacks=[*callbacks], optimizer="lbfgs", lr=0.5, batch_size=-1, max_epochs=10
    ).fit(X, y)
    assert clf.history_[-1, "train_loss"] < 0.5 * clf.history_[0, "train_loss"]
    assert clf.score(X, y) > 0.9
    if listened:
        assert callbacks[0].events.count("grad_computed") > 10
        assert callbacks[0].events.count("batch_end") == 10


@pytest.mark.slow
def test_lbfgs_learns_images(images):
    clf = short(optimizer="lbfgs", lr=0.1, batch_size=-1, max_epochs=3)
    assert clf.fit(*images).score(*images) > 0.9
