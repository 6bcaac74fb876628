"""Objects come back from plain data, and no others are made."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sknoisy._training.plain import from_plain, to_plain
from sknoisy.functional import Cutout, FeatureCorruption, RandAugment, RandomFlip, RandomShift
from sknoisy.methods import ELR, METHODS
from sknoisy.networks import IMAGE_NETWORKS, MLP
from sknoisy.recipes import RECIPES, CosineRestarts, LinearDecay, Steps
from sknoisy.transition import NoiseReport
from tests.factories import short

OBJECTS = [
    Cutout(0.25, first=RandAugment(1, 0.5, first=RandomFlip(first=RandomShift(0.5)))),
    FeatureCorruption(0.5),
    CosineRestarts(2, 0.1),
    LinearDecay(0.5),
    Steps((0.5,), (0.1,)),
    torch.float64,
    torch.device("cpu"),
    torch.optim.AdamW,
    MLP,
    *IMAGE_NETWORKS.values(),
    *METHODS.values(),
    *(params["lr_schedule"] for params in RECIPES.values()),
]


@pytest.mark.parametrize("value", OBJECTS)
def test_objects_come_back(value):
    assert from_plain(to_plain(value)) == value


def test_a_method_comes_back_with_its_parameters():
    assert repr(from_plain(to_plain(ELR(lam=2.0, beta=0.8)))) == repr(ELR(lam=2.0, beta=0.8))


def test_a_random_state_comes_back():
    rng = np.random.RandomState(0)
    rng.normal(size=3)
    back = from_plain(to_plain(rng))
    assert_array_equal(back.normal(size=9), rng.normal(size=9))


@pytest.mark.parametrize("params", [{"smoothing": "auto", "warmup": 1}, {"smoothing": [0.1] * 3}])
def test_records_of_a_fit_come_back(params, table):
    X, y = table
    clf = short(**params).fit(X + np.float32([0, 0, 0, 1e5]), y)
    reports = [clf.noise_report_] if params["smoothing"] == "auto" else []
    for record in (clf.net_.settings, clf.net_.columns_, *reports):
        assert is_dataclass(record)
        back = from_plain(to_plain(record))
        assert type(back) is type(record)
        for field in fields(record):
            assert_array_equal(getattr(back, field.name), getattr(record, field.name))


@pytest.mark.parametrize("value", [None, 1, "a", [1], print, NoiseReport, torch.nn.Linear, {}])
def test_others_are_unchanged(value):
    assert to_plain(value) is value
    assert from_plain(value) is value


@pytest.mark.parametrize(
    "plain",
    [
        {"$record": ["system", {"command": "true"}]},
        {"$record": ["Steps", {"at": (2.0,), "factors": (1.0,)}]},
        {"$network": "Linear"},
        {"$optimizer": "lr_scheduler"},
        {"$method": "os"},
        {"$dtype": "load"},
        {"$device": "gpu"},
        {"$random_state": ("MT19937", np.zeros(3), 0)},
    ],
)
def test_unknown_names_are_refused(plain):
    with pytest.raises((ValueError, LookupError, RuntimeError)):
        from_plain(plain)
