import numpy as np
import pytest
import torch
from skorch.helper import SliceDataset
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

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


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


class WithoutLength(Dataset):
    def __getitem__(self, i):
        return torch.zeros(4), 0


STREAMS = {
    "DataLoader": (lambda: DataLoader(TensorDataset(torch.zeros(9, 4))), "pass its Dataset, X.dat"),
    "IterableDataset": (Stream, "Dataset without a length, Stream.*or an array of all samples"),
    "no length": (WithoutLength, "Dataset without a length, WithoutLength"),
    "generator": (lambda: (row for row in np.zeros((9, 4))), "iterator, generator; pass an array"),
}


@pytest.mark.parametrize(("make", "message"), STREAMS.values(), ids=STREAMS)
def test_samples_without_positions_are_refused(fitted, make, message):
    y = np.arange(9) % 3
    calls = [
        lambda: short("ce").fit(make(), y),
        lambda: fitted.partial_fit(make(), y),
        lambda: fitted.predict(make()),
        lambda: fitted.predict_proba(make()),
        lambda: fitted.score(make(), y),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=message):
            call()


class Items(Dataset):
    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 60

    def __getitem__(self, i):
        return self.item(i), i % 2


@pytest.mark.parametrize("batch_size", [1, 128])
@pytest.mark.parametrize(
    "item",
    [lambda i: torch.zeros(1, 8, 8 + (i > 40)), lambda i: np.zeros(3 + (i > 40))],
    ids=["images", "rows"],
)
def test_items_of_several_shapes_are_refused(item, batch_size):
    with pytest.raises(ValueError, match=r"same shape. Got shapes \(.*8\), \(.*9\)|\(3,\), \(4,\)"):
        short("ce", batch_size=batch_size).fit(Items(item))


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["arrays", "tensors"])
@pytest.mark.parametrize("shape", [(1, 8), (8, 8, 3)], ids=["first", "last"])
def test_lists_of_images_of_several_shapes_are_refused(convert, shape):
    images = [convert(np.zeros((shape[0], 8 + i % 2, *shape[1:]))) for i in range(60)]
    with pytest.raises(ValueError, match=r"several shapes, .*8.*, .*9.*; resize or pad"):
        short("ce").fit(images, np.arange(60) % 2)


@pytest.mark.parametrize("item", ["text", None, object(), {"x": 1.0}], ids=type)
def test_items_that_are_no_numbers_are_refused(item):
    message = f"x is a tensor or an array of numbers. Got x of type {type(item).__name__} instead"
    with pytest.raises(TypeError, match=message):
        short("ce").fit(Items(lambda i: item))
