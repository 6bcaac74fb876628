"""Views and hooks that users write are checked before a wrong one is trained on."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknoisy import SmoothingSearchCV
from sknoisy.functional import cross_entropy
from sknoisy.methods import ClassLoss, Method
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(60, n_features=4, n_classes=3)


class CE(Method):
    """Cross-entropy, in which single hooks are replaced."""

    def loss(self, logits, batch):
        return cross_entropy(logits, batch.target)


def with_hook(name, function):
    return type("Custom", (CE,), {name: function})


HOOKS = {
    "loss is a mean": ("loss", lambda s, z, b: cross_entropy(z, b.target).mean(), r"shape \(\)"),
    "loss is a column": ("loss", lambda s, z, b: z[:, :1], r"shape \(32, 1\), .* shape \(32,\)"),
    "loss is too short": ("loss", lambda s, z, b: z[1:, 0], r"shape \(31,\), .* shape \(32,\)"),
    "loss is per class": ("loss", lambda s, z, b: z, r"shape \(32, 3\), .* shape \(32,\)"),
    "loss is an array": ("loss", lambda s, z, b: np.ones(len(z)), "must be a tensor"),
    "loss is None": ("loss", lambda s, z, b: None, "must be a tensor. Got NoneType"),
    "no gradient": ("loss", lambda s, z, b: z.detach()[:, 0], "has no gradient"),
    "NaN": ("loss", lambda s, z, b: z[:, 0] * np.nan, "Custom is nan in the first batch"),
    "weights too short": (
        "sample_weights",
        lambda s, v, b: v[1:],
        r"sample_weights of Custom .* \(32,\), or None. Got \(31,\)",
    ),
    "NaN weights": ("sample_weights", lambda s, v, b: v * np.nan, "nan in the first batch"),
    "batch is None": ("prepare_batch", lambda s, n, b: None, "must return a Batch. Got None"),
    "no step": ("training_step", lambda s, n, b: None, "must return a TrainingStep. Got None"),
}


@pytest.mark.parametrize(("name", "hook", "match"), HOOKS.values(), ids=HOOKS)
def test_wrong_result_of_a_hook_is_refused(name, hook, match):
    with pytest.raises((ValueError, TypeError), match=match) as caught:
        short(with_hook(name, hook)).fit(X, y)
    assert "'method' parameter" in str(caught.value)


def test_wrong_shape_of_probabilities_is_refused_in_predict():
    clf = short(with_hook("log_proba", lambda s, z: torch.log_softmax(z, -1)[:, :2]), max_epochs=1)
    with pytest.raises(ValueError, match=r"log_proba of Custom must .*\(60, 3\). Got \(60, 2\)"):
        clf.fit(X, y).predict(X)


def test_class_loss_of_another_shape_is_refused():
    class Wrong(ClassLoss):
        def class_losses(self, logits):
            return logits[:, 0]

    with pytest.raises(ValueError, match=r"Wrong.class_losses must return"):
        short(Wrong).fit(X, y)


class Jitter(torch.nn.Module):
    """A view as a module, like the transforms of torchvision."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


@pytest.mark.parametrize("augment", [Jitter(), torch.nn.Sequential(Jitter(), Jitter())])
def test_a_module_makes_views(augment):
    clf = short("dividemix", augment=augment, warmup=0, max_epochs=2).fit(X, y)
    assert clf.net_.settings.augment is augment
    assert not any(isinstance(part, Jitter) for part in clf.module_.modules())
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))
    assert clone(clf).fit(X, y).n_iter_ == 2


class Recorded(Jitter):
    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return super().forward(x)

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize(
    ("method", "epochs_with_views"),
    [("ce", 3), ("elr", 3), ("bagging", 3), ("dividemix", 2), ("distilled_pool", 3)],
)
def test_methods_without_views_are_trained_on_views(method, epochs_with_views):
    augment = Recorded()
    clf = short(method, augment=augment, max_epochs=3, warmup=1, batch_size=128).fit(X, y)
    n_views = {"dividemix": 2}.get(method, 1)
    assert sum(augment.seen) == n_views * epochs_with_views * len(X)
    # Predictions and evaluation passes are those of the samples.
    clf.predict(X)
    assert sum(augment.seen) == n_views * epochs_with_views * len(X)


def test_augment_may_change_when_training_continues():
    """The views of the first fit were made."""
    views = []

    def fail(x):
        raise RuntimeError("no view")

    clf = short("ce", warm_start=True, max_epochs=2).fit(X, y)
    for first in (None, "weak", torch.clone):
        clf.set_params(augment=first).fit(X, y)
        clf.set_params(augment=lambda x: views.append(len(x)) or x.clone()).fit(X, y)
        assert sum(views) == 2 * len(X)
        views.clear()
    kept, n_epochs = clf.net_.settings, clf.n_iter_
    with pytest.raises(RuntimeError, match="no view"):
        clf.set_params(augment=fail).fit(X, y)
    assert clf.net_.settings is kept
    assert clf.n_iter_ == n_epochs


def test_without_augment_samples_are_not_changed():
    expected = short("ce").fit(X, y).predict_proba(X)
    unchanged = short("ce", augment=torch.clone).fit(X, y)
    np.testing.assert_array_equal(unchanged.predict_proba(X), expected)
    changed = short("ce", augment="strong").fit(X, y)
    assert not np.array_equal(changed.predict_proba(X), expected)


@pytest.mark.parametrize("augment", ["auto", "weak", "strong"])
def test_views_by_name_are_searched(augment):
    images = np.random.default_rng(0).random((60, 3, 8, 8)).astype(np.float32)
    y = np.arange(60) % 2
    images[y == 1, :, :4] += 1
    search = GridSearchCV(short("ce"), {"augment": [augment, None]}, cv=2, error_score="raise")
    assert search.fit(images, y).best_score_ > 0.5
    with pytest.raises(TypeError, match="trains without 'augment'; use GridSearchCV"):
        SmoothingSearchCV(short("ce", augment=augment), [0.0, 0.1], cv=2).fit(images, y)


VIEWS = {
    "columns": (lambda x: x[:, 1:], r"shape and dtype .*\(\d+, 4\).* Got \(\d+, 3\)"),
    "rows": (lambda x: x[1:], "shape and dtype"),
    "double": (torch.Tensor.double, "Got .* and torch.float64"),
    "array": (torch.Tensor.numpy, "must return a tensor. Got ndarray"),
    "None": (lambda x: None, "must return a tensor. Got NoneType"),
    "NaN": (lambda x: x * np.nan, "must return finite numbers"),
    "in place": (lambda x: x.add_(1), "must return a new tensor"),
}


@pytest.mark.parametrize(("augment", "match"), VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("method", ["dividemix", "co_learning"])
def test_wrong_views_are_refused(augment, match, method):
    with pytest.raises((ValueError, TypeError), match=f"'augment' parameter.*{match}"):
        short(method, augment=augment, warmup=0).fit(X, y)
