"""Images with channels last are converted, and each layout is kept from fit to predict."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from sknoisy import SmoothingSearchCV
from tests.factories import short

rng = np.random.default_rng(0)
first = rng.random((60, 3, 8, 10)).astype(np.float32)
last = first.transpose(0, 2, 3, 1)
y = np.arange(60) % 2


class Images(Dataset):
    def __init__(self, images, y=None):
        self.images, self.y = images, y

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i] if self.y is None else (self.images[i], int(self.y[i]))


FORMS = {
    "array": lambda X, y: (X, y),
    "list": lambda X, y: (list(X), y),
    "tuple": lambda X, y: (tuple(X), y),
    "nested lists": lambda X, y: (X.tolist(), y),
    "tensor": lambda X, y: (torch.tensor(X), y),
    "Dataset of arrays": lambda X, y: (Images(X, y), None),
    "Dataset of tensors": lambda X, y: (Images(torch.tensor(X), y), None),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_images_with_channels_last_give_the_results_of_channels_first(form):
    X, labels = form(last, y)
    clf = short("ce").fit(X, labels)
    expected = short("ce").fit(first, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(first))
    assert clf.n_features_in_ == 3
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(X), clf.predict_proba(last))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_another_layout_is_refused_in_predict(form):
    """Heights were taken for channels."""
    clf = short("ce").fit(first, y)
    message = r"\(60, 8, 10, 3\) has channels last, .* first: pass X.transpose\(0, 3, 1, 2\)"
    with pytest.raises(ValueError, match=message):
        clf.predict(form(last, None)[0])
    clf = short("ce").fit(last, y)
    message = r"\(60, 3, 8, 10\) has channels first, .* last: pass X.transpose\(0, 2, 3, 1\)"
    with pytest.raises(ValueError, match=message):
        clf.predict(form(first, None)[0])
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(*form(first, y))
    assert clf.predict(last[:, :4]).shape == (60,)


def test_a_refit_forgets_the_layout():
    clf = short("ce").fit(last, y)
    expected = short("ce").fit(first, y).predict_proba(first)
    np.testing.assert_array_equal(clf.fit(first, y).predict_proba(first), expected)


def test_searches_keep_the_layout():
    params = {"cv": 2, "error_score": "raise"}
    search = SmoothingSearchCV(short("ce"), [0.0, -1.0], **params).fit(last, y)
    expected = SmoothingSearchCV(short("ce"), [0.0, -1.0], **params).fit(first, y)
    np.testing.assert_array_equal(search.predict_proba(last), expected.predict_proba(first))
    scores = [s.cv_results_["mean_test_score"] for s in (search, expected)]
    np.testing.assert_array_equal(*scores)


def test_unusual_channels_last_are_refused():
    """They were trained on with rows of pixels as channels."""
    bands = rng.random((60, 9, 9, 5)).astype(np.float32)
    for data in ((bands, y), (Images(bands, y),)):
        with pytest.raises(ValueError, match=r"of 5 channels\? .* X.transpose\(0, 3, 1, 2\)"):
            short("ce").fit(*data)
    assert short("ce").fit(bands.transpose(0, 3, 1, 2), y).n_features_in_ == 5


def test_modules_of_users_get_the_layout_of_users():
    clf = short("ce", module=nn.Sequential(nn.Flatten(), nn.Linear(240, 2)))
    assert clf.fit(last, y).predict(last).shape == (60,)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* expecting 8"):
        clf.predict(first)
    with pytest.raises(ValueError, match=r"has channels last, but .* with channels first"):
        clf.fit(first, y).predict(last)


def test_images_without_an_axis_for_channels_or_samples_are_refused_with_it():
    gray = rng.random((60, 8, 8)).astype(np.float32)
    for data in ((gray, y), (Images(gray, y),)):
        with pytest.raises(ValueError, match=r"dim 3, .* an axis for them: X\[:, None\]"):
            short("ce").fit(*data)
    clf = short("ce").fit(gray[:, None], y)
    for X in (gray, Images(gray)):
        with pytest.raises(ValueError, match=r"dim 3, while dim 4 .* them: X\[:, None\]"):
            clf.predict(X)
    with pytest.raises(ValueError, match=r"dim 3, while dim 4 .* sample an axis .*: X\[None\]"):
        clf.predict(gray[:1])
    with pytest.raises(ValueError, match=r"single sample an axis for samples: X\[None\]"):
        short("ce").fit(first, y).predict(first[0])
