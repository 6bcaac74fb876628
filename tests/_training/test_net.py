"""The training loop."""

import copy
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import average_precision_score
from skorch.callbacks import Callback
from torch import nn

from sknoisy.functional import class_cross_entropy, cross_entropy, margin
from sknoisy.methods import ClassLoss, Method, TrainingStep
from tests.factories import NormedMLP, every_method, noisy_blobs, noisy_digits, short

X, y = noisy_blobs(150, n_features=6, noise_rate=0.2, cluster_std=4.0)


class AtEpochEnd(Callback):
    """Record a function of the net at the end of each epoch."""

    def __init__(self, function):
        self.function = function

    def on_train_begin(self, net, **_):
        self.values = []

    def on_epoch_end(self, net, **_):
        self.values.append(self.function(net))


class RecordsArguments(ClassLoss):
    """Cross-entropy that records the arguments of its hooks."""

    def setup(self, net, y):
        self.evaluations, self.batches = [], []

    def on_epoch_start(self, net, evaluation):
        self.evaluations.append(evaluation)

    def prepare_batch(self, net, batch):
        self.batches.append(batch)
        return batch

    def class_losses(self, logits):
        return class_cross_entropy(logits)


# ---- stopping early ------------------------------------------------------------------------------


def test_early_stopping_restores_the_weights_of_the_best_epoch():
    at_end = AtEpochEnd(lambda net: copy.deepcopy(net.module_.state_dict()))
    clf = short(
        callbacks=[at_end], early_stopping=True, max_epochs=60, n_iter_no_change=5, lr=0.05
    ).fit(X, y)
    scores = clf.history_[:, "valid_acc"]
    best = int(np.argmax(scores))
    assert clf.n_iter_ == len(scores) == best + 1 + 5
    assert scores[best] > scores[-1]
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, at_end.values[best][name])


def test_best_weights_are_restored_if_all_epochs_were_trained():
    at_end = AtEpochEnd(lambda net: copy.deepcopy(net.module_.state_dict()))
    clf = short(
        callbacks=[at_end], early_stopping=True, max_epochs=30, n_iter_no_change=100, lr=0.05
    ).fit(X, y)
    best = int(np.argmax(clf.history_[:, "valid_acc"]))
    assert clf.n_iter_ == 30
    assert best < 29
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, at_end.values[best][name])


def test_early_stopping_depends_on_accuracy_and_not_on_loss():
    # The loss is no measure at negative rates. The accuracy is constant here, the loss is not.
    class Frozen(nn.Linear):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out)
            self.calls = 0

        def forward(self, x):
            logits = super().forward(x)
            self.calls += not self.training
            return logits.detach() * (1 + self.calls) + 0 * logits

    clf = short(module=Frozen, early_stopping=True, n_iter_no_change=3, max_epochs=50).fit(X, y)
    assert len(set(clf.history_[:, "valid_acc"])) == 1
    assert len(set(clf.history_[:, "valid_loss"])) > 1
    assert clf.n_iter_ == 4


def test_held_out_rows_are_not_trained_on():
    clf = short(
        method=RecordsArguments, early_stopping=True, validation_fraction=0.2, warmup=0
    ).fit(X, y)
    seen = torch.cat([batch.index for batch in clf.method_.batches]).unique()
    assert len(seen) == 120
    held_out = np.setdiff1d(np.arange(150), seen)
    fractions = np.bincount(y[held_out]) / np.bincount(y)
    np.testing.assert_allclose(fractions, 0.2, atol=0.03)
    assert len(clf.method_.evaluations) == 4
    assert all(torch.equal(evaluation.index, seen) for evaluation in clf.method_.evaluations)
    assert np.isfinite(clf.label_quality_).all()


@pytest.mark.slow
def test_early_stopping_helps_on_noisy_labels():
    X, noisy = noisy_digits(noise_rate=0.45)
    _, y = noisy_digits(noise_rate=0)
    train, test = np.arange(0, 1797, 2), np.arange(1, 1797, 2)
    params = {"max_epochs": 60, "lr": 0.003}
    stopped = short(early_stopping=True, validation_fraction=0.2, **params).fit(
        X[train], noisy[train]
    )
    whole = short(**params).fit(X[train], noisy[train])
    assert stopped.score(X[test], y[test]) > whole.score(X[test], y[test]) + 0.05


# ---- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ("cosine", lambda t: 0.5 * (1 + np.cos(np.pi * t))),
        ("linear", lambda t: 1 - t),
        (lambda t: 0.1 if t >= 0.5 else 1.0, lambda t: np.where(t >= 0.5, 0.1, 1.0)),
        (None, lambda t: np.ones_like(t)),
    ],
    ids=["cosine", "linear", "callable", "none"],
)
def test_learning_rates_follow_the_schedule(schedule, factor):
    lrs = []

    class Read(Callback):
        def on_batch_end(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    short(callbacks=[Read()], lr_schedule=schedule).fit(X, y)
    np.testing.assert_allclose(lrs, 0.01 * factor(np.arange(20) / 20))


def test_schedule_starts_again_with_each_fit_and_its_learning_rate():
    lrs = []

    class Read(Callback):
        def on_batch_end(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    clf = short(callbacks=[Read()], lr_schedule="linear", warm_start=True).fit(X, y)
    clf.set_params(lr=0.5).fit(X, y)
    np.testing.assert_allclose(
        lrs, np.r_[0.01, 0.5].repeat(20) * np.tile(1 - np.arange(20) / 20, 2)
    )


def test_partial_fit_trains_after_the_end_of_the_schedule():
    clf = short(lr_schedule="cosine").fit(X, y)
    before = clf.predict_proba(X)
    assert not np.array_equal(clf.partial_fit(X, y).predict_proba(X), before)


# ---- warm-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("warmup", "epochs"), [(0, 0), (3, 3), (0.25, 2), (0.01, 1), (1.0, 8), ("auto", 0)], ids=str
)
def test_warm_up_is_cross_entropy_and_calls_no_hooks(warmup, epochs):
    clf = short(method=RecordsArguments, warmup=warmup, max_epochs=8, smoothing=0.3).fit(X, y)
    assert [evaluation.epoch for evaluation in clf.method_.evaluations] == list(range(8 - epochs))
    assert sorted({batch.epoch for batch in clf.method_.batches}) == list(range(8 - epochs))
    for batch in clf.method_.batches:
        expected = 0.7 * torch.eye(3)[batch.y] + 0.1
        torch.testing.assert_close(batch.target, expected)
    plain = short(warmup=0, max_epochs=8).fit(X, y)
    losses, plain_losses = (np.array(fit.history_[:, "train_loss"]) for fit in (clf, plain))
    np.testing.assert_array_equal(losses[:epochs], plain_losses[:epochs])
    assert (losses[epochs:] != plain_losses[epochs:]).all()


def test_batches_hold_rows_with_their_labels_and_weights():
    weight = np.random.default_rng(0).uniform(0.5, 2, 150)
    clf = short(method=RecordsArguments, max_epochs=1).fit(X, y, weight)
    for batch in clf.method_.batches:
        np.testing.assert_array_equal(batch.x, X[batch.index])
        np.testing.assert_array_equal(batch.y, y[batch.index])
        np.testing.assert_allclose(
            batch.weight, weight[batch.index] / weight.mean() / len(batch.y), rtol=1e-5
        )
    assert sorted(torch.cat([b.index for b in clf.method_.batches]).tolist()) == list(range(150))


# ---- evaluation passes and features --------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("logit_bound", [None, 0.1])
def test_evaluation_pass_is_one_pass_over_the_training_rows_in_evaluation_mode(
    early_stopping, logit_bound
):
    passes = []

    class Counted(NormedMLP):
        def forward(self, x):
            if not self.training:
                passes.append((len(x), torch.is_grad_enabled()))
            return super().forward(x)

    class Evaluates(RecordsArguments):
        def on_epoch_start(self, net, evaluation):
            before = copy.deepcopy(net.module.state_dict())
            super().on_epoch_start(net, evaluation)
            logits = evaluation.logits
            passes.clear()
            repeated = net.evaluate(net_data[0], evaluation.epoch)
            assert not passes
            assert torch.equal(repeated.logits, logits)
            assert sum(n_rows for n_rows, _ in passes) == len(evaluation.index)
            assert not any(with_graph for _, with_graph in passes)
            for name, value in net.module.state_dict().items():
                assert torch.equal(value, before[name])
            network = copy.deepcopy(net.module).eval()
            with torch.no_grad():
                torch.testing.assert_close(
                    evaluation.logits, network(torch.tensor(X)[evaluation.index])
                )
                body = nn.Sequential(*list(network)[:-1])
                torch.testing.assert_close(
                    evaluation.features, body(torch.tensor(X)[evaluation.index])
                )

    net_data = []

    class RecordsData(Callback):
        def on_epoch_begin(self, net, dataset_train, **_):
            net_data[:] = [net.get_dataset(dataset_train)]

    weight = np.ones(150)
    weight[[0, 99]] = 0
    clf = short(
        callbacks=[RecordsData()],
        method=Evaluates,
        module=Counted,
        early_stopping=early_stopping,
        logit_bound=logit_bound,
    ).fit(X, y, weight)
    assert len(clf.method_.evaluations) == 4
    for evaluation in clf.method_.evaluations:
        index = evaluation.index.tolist()
        assert index == sorted(index)
        assert len(index) == (133 if early_stopping else 148)
        assert not {0, 99} & set(index)
        np.testing.assert_array_equal(evaluation.y, y[index])
        assert (evaluation.weight > 0).all()
        assert not evaluation.logits.requires_grad and not evaluation.features.requires_grad


@pytest.mark.parametrize("n_networks", [1, 2])
def test_computing_features_changes_nothing(n_networks):
    n_batches = []

    class UsesFeatures(Method):
        def prepare_batch(self, net, batch):
            modes = [part.training for part in net.module.modules()]
            before = copy.deepcopy(net.module.state_dict())
            features = net.features(batch.x)
            assert modes == [part.training for part in net.module.modules()]
            assert all(modes)
            for name, value in net.module.state_dict().items():
                assert torch.equal(value, before[name])
            leading = (2,) if n_networks == 2 else ()
            assert features.shape == (*leading, len(batch.y), 16)
            assert torch.equal(features, net.features(batch.x))
            assert not features.requires_grad
            n_batches.append(1)
            return batch

        def loss(self, logits, batch):
            return (class_cross_entropy(logits) * batch.target).sum(-1)

    UsesFeatures.n_networks = n_networks
    actual = short(method=UsesFeatures, module=NormedMLP, max_epochs=2).fit(X, y)

    assert len(n_batches) == 2 * 5

    class UsesNoFeatures(UsesFeatures):
        def prepare_batch(self, net, batch):
            return batch

    expected = short(method=UsesNoFeatures, module=NormedMLP, max_epochs=2).fit(X, y)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("frozen", [True, False])
def test_layers_that_a_module_keeps_in_evaluation_mode_stay_in_it(frozen):
    class Partly(NormedMLP):
        def train(self, mode=True):
            super().train(mode)
            if frozen:
                self[1].eval()
            return self

    clf = short(module=Partly, method="co_teaching").fit(X, y)
    assert (clf.module_[0][1].num_batches_tracked == 0) == frozen


# ---- the quality of labels -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"smoothing": -1.0}, {"method": "elr"}, {"method": "co_teaching"}], ids=str
)
def test_mislabelled_samples_have_a_low_label_quality(params):
    X, noisy = noisy_digits(noise_rate=0.4)
    mislabelled = noisy != noisy_digits(noise_rate=0)[1]
    quality = short(max_epochs=20, batch_size=128, **params).fit(X, noisy).label_quality_
    assert quality.shape == (1797,)
    assert quality.min() >= 0 and quality.max() <= 1
    assert average_precision_score(mislabelled, -quality) > 0.95


@pytest.mark.parametrize("method", ["mixup", "synthetic", "dividemix"])
def test_label_quality_is_computed_at_the_end_if_training_changes_the_rows(method):
    """The passes of warm-up do not count."""
    X, y = noisy_digits(noise_rate=0)
    clf = short(method=method, warmup=2, max_epochs=4, batch_size=128).fit(X, y)
    logits = torch.log(torch.from_numpy(clf.predict_proba(X)))
    expected = torch.sigmoid(margin(logits, torch.from_numpy(y)))
    if clf.method_.n_networks == 1:
        np.testing.assert_allclose(clf.label_quality_, expected, rtol=2e-3, atol=1e-5)
    else:
        assert np.corrcoef(clf.label_quality_, expected)[0, 1] > 0.95


def test_label_quality_is_computed_from_the_training_passes():
    margins = {i: [] for i in range(150)}

    class RecordsMargins(RecordsArguments):
        def loss(self, logits, batch):
            for i, z, label in zip(batch.index.tolist(), logits.detach(), batch.y, strict=True):
                margins[i].append(z[label] - np.delete(z.numpy(), label).max())
            return super().loss(logits, batch)

    clf = short(method=RecordsMargins).fit(X, y)
    expected = [torch.sigmoid(torch.tensor(margins[i])).mean() for i in range(150)]
    np.testing.assert_allclose(clf.label_quality_, expected, rtol=1e-4)


def test_rows_without_weight_have_a_label_quality():
    weight = np.ones(150)
    weight[::2] = 0
    quality = short(max_epochs=20).fit(X, y, weight).label_quality_
    assert np.isfinite(quality).all()
    assert len(set(quality[::2])) > 50


# ---- the bound -----------------------------------------------------------------------------------


def test_logits_are_bounded_in_training_and_not_in_predictions():
    largest = []

    class Bounded(RecordsArguments):
        def loss(self, logits, batch):
            largest.append(logits.norm(dim=-1).max())
            return super().loss(logits, batch)

    clf = short(method=Bounded, logit_bound=2.0, lr=0.3, max_epochs=20).fit(X, y)
    assert 1.5 < max(largest) <= 2.0 * (1 + 1e-6)
    logits = clf.module_(torch.tensor(X))
    assert logits.norm(dim=-1).max() > 2.0
    np.testing.assert_allclose(
        clf.predict_proba(X), torch.softmax(logits, -1).detach(), rtol=1e-5, atol=1e-7
    )


def bound_of(clf):
    return clf.net_.settings.smoothing.bound(None)


@pytest.mark.parametrize(
    ("smoothing", "bounded"), [(-0.5, True), (-8.0, True), (0.0, False), (0.4, False)]
)
def test_logits_are_bounded_by_default_if_the_loss_has_no_lower_limit(smoothing, bounded):
    clf = short(smoothing=smoothing).fit(X, y)
    assert (bound_of(clf) is not None) is bounded
    assert bound_of(short(smoothing=smoothing, logit_bound=None).fit(X, y)) is None


@pytest.mark.parametrize("rate", [-8.0, -2.0, -0.5])
def test_networks_learn_at_negative_rates(rate):
    X, y = load_iris(return_X_y=True)
    assert short(smoothing=rate, max_epochs=100).fit(X, y).score(X, y) > 0.94


# ---- weights -------------------------------------------------------------------------------------


def exact(**params):
    return short(batch_size=-1, precision="float64", **params)


@every_method
def test_only_the_ratios_of_weights_matter(method):
    weight = np.random.default_rng(0).uniform(0.1, 3, 150)
    params = {"method": method, "warmup": 1}
    small, large = (exact(**params).fit(X, y, c * weight) for c in (1e-3, 1e3))
    np.testing.assert_allclose(small.predict_proba(X), large.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("method", ["ce", "gce", "co_teaching"])
def test_weights_are_repetitions(method):
    weight = np.random.default_rng(0).integers(0, 3, 150)
    params = {"method": method, "warmup": 1}
    weighted = exact(**params).fit(X, y, weight)
    repeated = exact(**params).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 2.0, 2: 0.5}, {1: 3.0}, "balanced"], ids=str)
def test_class_weights_are_equivalent_to_sample_weights(class_weight):
    rows = np.r_[np.flatnonzero(y != 1), np.flatnonzero(y == 1)[:15]]
    X_, y_ = X[rows], y[rows]
    if class_weight == "balanced":
        weight = len(y_) / (3 * np.bincount(y_)[y_])
    else:
        weight = np.array([class_weight.get(label, 1.0) for label in y_])
    by_class = exact(class_weight=class_weight).fit(X_, y_)
    by_sample = exact().fit(X_, y_, weight)
    np.testing.assert_allclose(by_class.predict_proba(X), by_sample.predict_proba(X), rtol=1e-10)
    assert not np.allclose(by_class.predict_proba(X), exact().fit(X_, y_).predict_proba(X))


# ---- batches and precisions ----------------------------------------------------------------------


def test_batch_size_minus_one_means_all_rows():
    clf = short(batch_size=-1).fit(X, y)
    assert clf.history_[:, "batches", :, "train_batch_size"] == [[150]] * 4


@pytest.mark.parametrize("n_rows", [33, 65, 97])
def test_no_batch_has_a_single_row(n_rows):
    clf = short(module=NormedMLP, batch_size=32).fit(X[:n_rows], y[:n_rows])
    sizes = clf.history_[0, "batches", :, "train_batch_size"]
    assert sum(sizes) == n_rows
    assert min(sizes) > 1


@every_method
@pytest.mark.parametrize(
    ("precision", "parameters", "output"),
    [
        ("float32", torch.float32, np.float32),
        ("float64", torch.float64, np.float64),
        ("bf16-mixed", torch.float32, np.float32),
    ],
)
def test_precision_sets_dtypes_and_changes_little_else(method, precision, parameters, output):
    # Few and small steps, because steps amplify rounding errors.
    params = {"method": method, "max_epochs": 2, "warmup": 1, "lr": 1e-4}
    clf = short(precision=precision, **params).fit(X, y)
    assert {p.dtype for p in clf.module_.parameters()} == {parameters}
    p = clf.predict_proba(X)
    assert p.dtype == output
    reference = short(precision="float64", **params).fit(X, y).predict_proba(X)
    tolerance = {"float32": 1e-4, "float64": 0, "bf16-mixed": 0.2}[precision]
    assert np.abs(p - reference).max() <= tolerance


def test_mixed_precision_computes_in_bfloat16():
    seen = set()

    class RecordsDtypes(nn.Linear):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out)

        def forward(self, x):
            logits = super().forward(x)
            seen.add((self.training, logits.dtype))
            return logits

    short(module=RecordsDtypes, precision="bf16-mixed", early_stopping=True).fit(X, y).predict(X)
    assert seen == {(True, torch.bfloat16), (False, torch.bfloat16)}


# ---- modules -------------------------------------------------------------------------------------


def test_lazy_modules_learn():
    lazy = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    for module in (lazy, lambda: nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))):
        clf = short(module=module, max_epochs=20).fit(X, y)
        assert clf.module_[0].in_features == 6
        assert clf.score(X, y) > 0.5
    assert nn.parameter.is_lazy(lazy[0].weight)


@pytest.mark.parametrize("method", ["ce", "co_teaching"])
def test_module_instance_is_copied_and_trained_from_its_weights(method):
    given = nn.Linear(6, 3)
    before = copy.deepcopy(given.state_dict())
    clf = short(module=given, method=method, lr=1e-9, max_epochs=1).fit(X, y)
    trained = clf.module_[0] if method == "co_teaching" else clf.module_
    assert trained is not given
    torch.testing.assert_close(trained.weight, given.weight)
    short(module=given, method=method, lr=0.1).fit(X, y)
    assert given.training
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())
    assert all(p.grad is None for p in given.parameters())


class Sized(nn.Module):
    def __init__(self, n_in, n_out, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, n_out))

    def forward(self, x):
        return self.layers(x)


class TakesOut(Sized):
    def __init__(self, n_out, width=4):
        super().__init__(6, n_out, width)


class TakesIn(Sized):
    def __init__(self, n_in, *, width=4):
        super().__init__(n_in, 3, width)


class TakesNone(Sized):
    def __init__(self, width=4):
        super().__init__(6, 3, width)


class TakesAll(Sized):
    def __init__(self, **params):
        super().__init__(**params)


def build(n_in, n_out, width=4):
    return Sized(n_in, n_out, width)


@pytest.mark.parametrize("module", [Sized, TakesOut, TakesIn, TakesNone, TakesAll, build])
def test_n_in_and_n_out_are_passed_to_modules_that_take_them(module):
    clf = short(module=module, module__width=7).fit(X, y)
    assert clf.module_.layers[0].weight.shape == (7, 6)
    assert clf.module_.layers[2].weight.shape == (3, 7)


def test_other_names_of_sizes_can_be_given_as_parameters():
    clf = short(module=nn.Linear, module__in_features=6, module__out_features=3).fit(X, y)
    assert isinstance(clf.module_, nn.Linear)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", "nadam", "radam"])
def test_optimizers_by_name_reduce_the_loss(optimizer):
    clf = short(optimizer=optimizer, max_epochs=30, lr=0.05 if optimizer == "sgd" else 0.01)
    assert clf.fit(X, y).history_[-1, "train_loss"] < 0.8 * clf.history_[0, "train_loss"]


def test_optimizer_class_gets_its_parameters():
    clf = short(optimizer=torch.optim.SGD, optimizer__momentum=0.9, optimizer__weight_decay=0.1)
    group = clf.fit(X, y).net_.optimizer_.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.01, 0.9, 0.1)


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_memory_in_addition_to_x_is_bounded():
    program = """
        import json, resource
        import numpy as np
        import torch
        from sknoisy import NoisyLabelClassifier

        torch.set_num_threads(1)
        rng = np.random.default_rng(0)

        def data(n):
            return rng.random((n, 100), dtype=np.float32), rng.integers(0, 3, n)

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

        def fit(X, y):
            clf = NoisyLabelClassifier(
                "elr", max_epochs=1, batch_size=1024, module__hidden=(8,)
            )
            clf.fit(X, y).predict(X)

        fit(*data(100_000))
        X, y = data(1_000_000)
        before = peak()
        fit(X, y)
        print(json.dumps([before, peak()]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    before, after = json.loads(done.stdout)
    # X itself has 381 MiB.
    assert after - before < 200


# ---- what a method may ask of the network --------------------------------------------------------


def check_in_training(check, table, module=None, n_networks=1, **params):
    """Train for one step with a method that calls a function in it."""
    calls = []

    class Checks(Method):
        def training_step(self, net, batch):
            logits = net.infer(batch.x)
            check(net, batch, logits)
            calls.append(1)
            return TrainingStep(cross_entropy(logits, batch.target), batch.weight, logits, batch)

    Checks.n_networks = n_networks
    short(Checks, module=module, max_epochs=1, batch_size=-1, **params).fit(*table)
    assert len(calls) == 1


@pytest.mark.parametrize("n_networks", [1, 2])
def test_other_weights_give_the_results_of_another_network(n_networks, table):
    def check(net, batch, logits):
        before = net.module.state_dict()
        before = {name: part.clone() for name, part in before.items()}
        weights = net.weights()
        doubled = net.logits(batch.x, 2 * weights), net.features(batch.x, 2 * weights)
        assert torch.equal(net.logits(batch.x, weights), net.logits(batch.x))
        assert torch.equal(net.features(batch.x, weights), net.features(batch.x))
        assert net.module.training
        for name, part in net.module.state_dict().items():
            assert torch.equal(part, before[name]), name
        network = copy.deepcopy(net.module).eval()
        with torch.no_grad():
            for part in (*network.parameters(), *network.buffers()):
                if part.is_floating_point():
                    part.mul_(2)
            torch.testing.assert_close(doubled[0], network(batch.x))
        assert not doubled[0].requires_grad
        assert doubled[1].shape[-1] == net.n_features == 16

    check_in_training(check, table, NormedMLP, n_networks)


def test_gradient_by_other_weights(table):
    def check(net, batch, logits):
        weights = net.weights().requires_grad_()
        loss = cross_entropy(net.infer(batch.x, weights), batch.target).sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        parts = torch.autograd.grad(
            cross_entropy(logits, batch.target).sum(),
            list(net.module.parameters()),
            retain_graph=True,
        )
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(gradient[: len(expected)], expected)

    check_in_training(check, table)


def test_represent_can_be_differentiated(table):
    def check(net, batch, logits):
        repeated, features = net.represent(batch.x)
        assert features.requires_grad and repeated.requires_grad
        torch.testing.assert_close(repeated, logits)
        torch.testing.assert_close(features, net.features(batch.x))

    check_in_training(check, table)


def test_rows_and_labels_are_selected_by_index(table):
    X, y = table

    def check(net, batch, logits):
        assert torch.equal(net.rows(batch.index), batch.x)
        assert torch.equal(net.labels()[batch.index], batch.target)

    check_in_training(check, table, early_stopping=True)
    check_in_training(check, (X, np.eye(3, dtype=np.float32)[y] * 0.7 + 0.1))


@pytest.mark.parametrize("uses_evaluation", [False, True])
def test_evaluation_pass_is_computed_only_if_it_is_used(uses_evaluation, table):
    passes = []

    class StartsEpochs(ClassLoss):
        def on_epoch_start(self, net, evaluation):
            before = net.module.training
            eval_forward = net.eval_forward
            net.eval_forward = lambda *args: passes.append(1) or eval_forward(*args)
            assert evaluation.y.shape == evaluation.weight.shape
            if uses_evaluation:
                assert evaluation.logits is evaluation.logits
                assert len(evaluation.features) == len(evaluation.losses)
            del net.eval_forward
            assert net.module.training == before

        def class_losses(self, logits):
            return class_cross_entropy(logits)

    short(StartsEpochs, max_epochs=3).fit(*table)
    assert len(passes) == 3 * uses_evaluation
