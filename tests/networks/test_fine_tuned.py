"""Trained networks in the classifier: resized, fine-tuned, or frozen but for the head."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy import SmoothingSearchCV
from sknoisy.networks import FineTuned
from tests.factories import short, small_images
from tests.networks.foreign import NETWORKS, FromTimm, WithFC, WithoutHead, factory

X, y = small_images(n_channels=3)


@pytest.mark.parametrize("form", ["class", "instance", "callable"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_is_passed_gets_a_new_head(network, form):
    module = {"class": network, "instance": network(), "callable": lambda: network()}[form]
    clf = short(module=module).fit(X, y)
    assert clf.predict_proba(X).shape == (48, 2)
    if form == "instance":
        assert module(torch.from_numpy(X)).shape == (48, 1000)  # A copy was trained.
    if form != "callable":  # A lambda has no pickle.
        loaded = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_a_factory_of_torchvision_is_called_without_our_parameters():
    for module in (factory, partial(factory, weights=None)):
        clf = short(module=module).fit(X, y)
        assert clf.module_.fc.out_features == 2
        assert clone(clf).set_params(module__num_classes=2).fit(X, y).module_.fc.out_features == 2


def test_a_fitting_head_is_kept():
    network = WithFC(num_classes=2)
    clf = short(module=network, lr=1e-9).fit(X, y)
    torch.testing.assert_close(clf.module_.fc.weight, network.fc.weight, atol=1e-6, rtol=0)


def test_a_network_with_an_unknown_head_is_refused():
    with pytest.raises(
        ValueError, match=r"returned shape \(2, 1000\).*are \['stem', 'norm', 'out'\]"
    ):
        short(module=WithoutHead).fit(X, y)
    with pytest.raises(ValueError, match=r"must be a network .* WithoutHead are \['stem'"):
        short(module=FineTuned, module__model=WithoutHead()).fit(X, y)
    with pytest.raises(TypeError, match="must be a torch Module or make one"):
        short(module=FineTuned, module__model=lambda: None).fit(X, y)


def test_several_networks_have_the_backbone_and_other_heads():
    trained = WithFC()
    for module in (trained, partial(FineTuned, model=trained)):
        clf = short("co_teaching", module=module, lr=1e-9).fit(X, y)
        first, second = clf.module_
        backbones = [getattr(net, "backbone", net) for net in (first, second)]
        heads = [getattr(net, "head", None) or net.fc for net in (first, second)]
        for backbone in backbones:
            torch.testing.assert_close(backbone.stem.weight, trained.stem.weight)
        assert not torch.equal(heads[0].weight, heads[1].weight)


@pytest.mark.parametrize("method", ["ce", "co_teaching"])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_backbone_does_not_change(method, frozen):
    trained = WithFC()
    clf = short(method, module=FineTuned, module__model=trained, module__frozen=frozen, warmup=1)
    clf.fit(X, y)
    networks = [clf.module_] if method == "ce" else clf.module_
    for network in networks:
        state = network.backbone.state_dict()
        same = [torch.equal(state[name], v) for name, v in trained.state_dict().items()
                if not name.startswith("fc")]  # fmt: skip
        assert all(same) if frozen else not any(same)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    networks = [loaded.module_] if method == "ce" else loaded.module_
    for network in networks:
        assert [p.requires_grad for p in network.backbone.parameters()] == 4 * [not frozen]


def test_each_part_has_its_learning_rate():
    clf = short(
        module=FineTuned, module__model=WithFC(), lr=0.01, lr_schedule="linear",
        optimizer__param_groups=[("*backbone*", {"lr": 1e-4})],
    )  # fmt: skip
    groups = clf.fit(X, y).net_.optimizer_.param_groups
    assert [len(group["params"]) for group in groups] == [4, 2]
    assert [group["initial_lr"] for group in groups] == [1e-4, 0.01]
    # The schedule is a factor on both.
    slow, fast = (group["lr"] / group["initial_lr"] for group in groups)
    assert slow == pytest.approx(fast)
    assert 0 < slow < 0.5


@pytest.mark.parametrize("scale, shift", [(1.0, 0.0), (255.0, 0.0), (1e-3, 5.0)])
def test_images_of_any_range_are_standardised_by_the_training_fold(scale, shift):
    clf = short(module=FineTuned, module__model=WithFC(), lr=1e-9)
    images = (scale * X + shift).astype(np.float32)
    seen = []
    clf.fit(images, y, sample_weight=np.arange(48) < 40)
    clf.module_.backbone.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    clf.predict(images[:40])
    x = torch.cat(seen)
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=2e-3, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(3), atol=2e-3, rtol=0)


def test_a_grey_image_is_repeated_for_a_network_of_three_channels():
    grey, labels = small_images()
    clf = short(module=FineTuned, module__model=WithFC()).fit(grey, labels)
    assert clf.score(grey, labels) > 0.8
    with pytest.raises(ValueError, match="failed on the first rows"):
        short(module=WithFC).fit(grey, labels)


def test_freezing_is_a_choice_of_a_search():
    search = GridSearchCV(
        short(module=FineTuned, module__model=FromTimm()), {"module__frozen": [True, False]}, cv=2
    )
    search.set_params(error_score="raise").fit(X, y)
    assert search.best_estimator_.module_.frozen == search.best_params_["module__frozen"]


def test_a_table_can_have_a_trained_network():
    trained = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    trained.fc = nn.Linear(8, 1000)
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    labels = (rows[:, 0] > 0).astype(int)
    clf = short(module=FineTuned, module__model=trained, max_epochs=60).fit(rows, labels)
    assert clf.score(rows, labels) > 0.9


@pytest.mark.parametrize("module", [WithFC, partial(FineTuned, model=WithFC())])
def test_a_search_over_smoothing_gives_each_network_a_new_head(module):
    search = SmoothingSearchCV(short(module=module), smoothing=[-0.5, 0.0], cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict_proba(X).shape == (48, 2)


def test_training_continues_with_the_new_head():
    clf = short(module=WithFC, warm_start=True).fit(X, y)
    head = clf.module_.fc
    assert clf.fit(X, y).module_.fc is head
    assert clf.n_iter_ == 8
