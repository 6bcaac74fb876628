import numpy as np
import pytest
import torch
from skorch.helper import SliceDataset
from torch.utils.data import Dataset, TensorDataset

from sknoisy._data.samples import is_dataset
from tests.factories import short


class Rows(Dataset):
    def __init__(self, X, y=None):
        self.X, self.y = torch.as_tensor(X), y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i] if self.y is None else (self.X[i], int(self.y[i]))


@pytest.fixture
def fitted(table):
    X, y = table
    return short(max_epochs=2).fit(Rows(X, y))


def test_torch_datasets_are_recognised(table):
    X, y = table
    assert is_dataset(Rows(X, y)) and is_dataset(SliceDataset(TensorDataset(torch.tensor(X))))
    assert not is_dataset(X) and not is_dataset(X.tolist()) and not is_dataset(torch.tensor(X))


def test_predictions_for_a_dataset_are_those_for_its_array(fitted, table):
    X, _ = table
    np.testing.assert_array_equal(fitted.predict_proba(Rows(X)), fitted.predict_proba(X))


@pytest.mark.parametrize("n_columns", [3, 5])
def test_a_dataset_of_another_width_is_refused(fitted, table, n_columns):
    """It passed the checks and failed in the network, with torch's error."""
    X = np.zeros((7, n_columns), dtype=np.float32)
    message = f"X has {n_columns} features, but NoisyLabelClassifier is expecting 4 features"
    with pytest.raises(ValueError, match=message):
        fitted.predict_proba(Rows(X))
    with pytest.raises(ValueError, match=message):
        fitted.set_params(warm_start=True).fit(Rows(X, np.arange(7) % 3))
    with pytest.raises(ValueError, match=message):
        fitted.partial_fit(Rows(X, np.arange(7) % 3))


@pytest.mark.parametrize("shape", [(7, 4, 4), (7, 1, 4, 4)])
def test_a_dataset_of_other_dimensions_is_refused(fitted, shape):
    with pytest.raises(ValueError, match=f"Found array with dim {len(shape)}, while dim 2"):
        fitted.predict_proba(Rows(np.zeros(shape, dtype=np.float32)))


def test_checks_apply_to_modules_of_users(table):
    X, y = table
    clf = short(module=torch.nn.Linear(4, 3), max_epochs=1)
    clf.fit(Rows(X.astype(np.float32), y))
    with pytest.raises(ValueError, match="X has 2 features"):
        clf.predict(Rows(np.zeros((3, 2), dtype=np.float32)))


@pytest.mark.parametrize("shape", [(9,), (9, 4, 4)])
def test_first_rows_of_a_dataset_are_tables_or_images(shape):
    data = Rows(np.zeros(shape, dtype=np.float32), np.arange(9) % 3)
    with pytest.raises(ValueError, match=f"Found array with dim {len(shape)}, while dim 2"):
        short("ce").fit(data)


def test_an_empty_dataset_is_refused(fitted):
    empty = Rows(np.zeros((0, 4), dtype=np.float32), np.zeros(0))
    message = "Found a Dataset with 0 samples while a minimum of 1 is required"
    calls = (short("ce").fit, fitted.partial_fit, fitted.predict)
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call(empty)
