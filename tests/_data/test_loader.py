"""Rows, batches and evaluation passes."""

import dataclasses
import threading

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import log_softmax, softmax
from skorch.helper import SliceDataset
from torch.utils.data import Dataset, TensorDataset

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._data.rows import as_rows
from sknoisy.methods import Batch, EvaluationPass

CPU = torch.device("cpu")
rng = np.random.default_rng(0)
X = rng.normal(size=(37, 4)).astype(np.float32)
y = torch.arange(37) % 3


class Items(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], int(y[i])


def read_only(value):
    value.flags.writeable = False
    return value


FORMS = {
    "array": X,
    "float64": X.astype(float),
    "read-only": read_only(X.copy()),
    "csr": sp.csr_array(X),
    "csc": sp.csc_matrix(X),
    "Dataset": Items(),
    "TensorDataset": TensorDataset(torch.tensor(X), y),
    "SliceDataset": SliceDataset(Items()),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_tensors_in_the_requested_order(form, dtype):
    rows = as_rows(form, CPU, dtype)
    index = torch.tensor([5, 0, 36, 5])
    assert len(rows) == 37
    assert rows.row_bytes == 4 * dtype.itemsize
    for selected, expected in [(rows.take(index), X[index]), (rows.span(3, 9), X[3:9])]:
        assert selected.dtype is dtype
        np.testing.assert_array_equal(selected, expected)


def test_images_of_bytes_are_stored_as_bytes():
    images = rng.integers(0, 256, (9, 3, 4, 4)).astype(np.uint8)
    rows = as_rows(images, CPU, torch.float32)
    np.testing.assert_array_equal(rows.take(torch.tensor([8, 1])), images[[8, 1]])
    assert rows.data.dtype is torch.uint8


def test_rows_of_an_array_are_not_copied():
    rows = as_rows(X, CPU, torch.float32)
    assert rows.span(0, 5).data_ptr() == X.ctypes.data


def labelled(index=None):
    return LabelledRows(as_rows(X, CPU, torch.float32), y, torch.ones(37), index)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 5, 36, 37, 100])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    "part", [None, torch.tensor([30, 2, 17, 8, 3, 33, 21])], ids=["all rows", "part"]
)
def test_batches_hold_each_row_once(batch_size, shuffle, part):
    loader = BatchLoader(labelled(part), batch_size, shuffle)
    batches = list(loader)
    n = 37 if part is None else 7
    assert len(batches) == len(loader)
    assert all(len(x) == batch_size for x, _ in batches[:-1])
    x, labels = (torch.cat(parts).numpy() for parts in zip(*batches, strict=True))
    order = [int(np.flatnonzero((X == row).all(axis=1))[0]) for row in x]
    expected = list(range(37)) if part is None else part.tolist()
    assert sorted(order) == sorted(expected)
    assert (order == expected) is not shuffle
    np.testing.assert_array_equal(labels, y[order])
    assert len(order) == n


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [
        (9, 4, [4, 5]),
        (10, 4, [4, 4, 2]),
        (8, 4, [4, 4]),
        (5, 4, [5]),
        (1, 4, [1]),
        (3, 1, [1, 1, 1]),
        (3, 2, [3]),
        (4, 100, [4]),
    ],
)
def test_single_last_row_joins_the_batch_before(n, batch_size, sizes):
    loader = BatchLoader(labelled(torch.arange(n)), batch_size)
    assert [len(x) for x, _ in loader] == sizes


def test_order_is_drawn_from_the_global_random_state_of_torch():
    loader = BatchLoader(labelled(), 100, shuffle=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = next(iter(loader))[0], next(iter(loader))[0]
        torch.manual_seed(0)
        again = next(iter(loader))[0]
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


def test_chunks_have_limits_of_bytes_and_batches():
    wide = np.zeros((2000, 2**12), dtype=np.float32)
    loader = BatchLoader(LabelledRows(as_rows(wide, CPU, torch.float32)), 100, shuffle=True)
    assert max(len(index) for index, _ in loader.indices()) * 2**14 <= 2**24
    narrow = np.zeros((10_000, 1), dtype=np.float32)
    loader = BatchLoader(LabelledRows(as_rows(narrow, CPU, torch.float32)), 10)
    assert max(len(sizes) for _, sizes in loader.indices()) == 64
    assert len(BatchLoader(LabelledRows(as_rows(narrow, CPU, torch.float32)))) > 1


def test_rows_can_have_no_labels():
    data = LabelledRows(as_rows(X, CPU, torch.float32))
    assert all(labels is None for _, labels in BatchLoader(data, 10))
    assert data[0][1] == 0


def test_parts_can_be_indexed():
    part = labelled(torch.tensor([30, 2]))
    x, label = part[1]
    np.testing.assert_array_equal(x, X[2])
    assert (label, len(part)) == (2, 2)
    np.testing.assert_array_equal(part[-1][0], X[2])
    with pytest.raises(IndexError):
        labelled()[37]
    assert len(part.part(torch.tensor([1]))) == 1


@pytest.mark.parametrize("kind", [Batch, EvaluationPass])
def test_batches_and_evaluation_passes_are_frozen(kind):
    batch = kind(*range(len([f for f in dataclasses.fields(kind) if f.name != "notes"])))
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.y = 3


def test_replace_does_not_change_the_batch():
    batch = Batch(*[torch.zeros(2)] * 5, epoch=0)
    changed = batch.replace(epoch=3, notes={"a": 1})
    assert (batch.epoch, changed.epoch, dict(batch.notes), changed.notes) == (0, 3, {}, {"a": 1})
    assert changed.x is batch.x


def test_evaluation_pass_of_two_networks():
    logits = rng.normal(size=(2, 5, 3))
    labels = torch.tensor([0, 2, 1, 1, 0])
    target = torch.eye(3, dtype=torch.float64)[labels]
    outputs = torch.tensor(logits), torch.zeros(2, 5, 1)
    evaluation = EvaluationPass(
        torch.arange(5), labels, torch.ones(5), 0, target.__getitem__, lambda index: outputs
    )
    np.testing.assert_allclose(evaluation.probabilities, softmax(logits, axis=-1))
    np.testing.assert_allclose(
        evaluation.losses, -log_softmax(logits, axis=-1)[:, np.arange(5), labels]
    )


@pytest.mark.parametrize("n_samples", [1, 2, 5, 9])
def test_parts_of_an_evaluation_pass(n_samples):
    labels = torch.tensor([0, 2, 1, 1, 0, 2, 2])
    evaluation = EvaluationPass(
        torch.tensor([9, 4, 3, 0, 6, 7, 1]),
        labels,
        torch.rand(7),
        2,
        lambda index: index.unsqueeze(-1).expand(-1, 3).double(),
        lambda index: (index.expand(2, -1).unsqueeze(-1) * torch.ones(3), torch.zeros(2, 7, 1)),
        trusted=labels == 2,
        groups=labels + 10,
    )
    parts = list(evaluation.parts(n_samples))
    assert max(len(part.index) for part in parts) <= n_samples
    assert {part.epoch for part in parts} == {2}
    for name in ("index", "y", "weight", "trusted", "groups", "target"):
        joined = torch.cat([getattr(part, name) for part in parts])
        torch.testing.assert_close(joined, getattr(evaluation, name))
    logits = torch.cat([part.logits for part in parts], dim=1)
    torch.testing.assert_close(logits, evaluation.logits)


@pytest.mark.parametrize("form", ["array", "csr"])
@pytest.mark.parametrize("n_rows", [1, 5, 37])
def test_another_thread_gathers_the_next_rows(form, n_rows, monkeypatch):
    rows = as_rows(FORMS[form][:n_rows], CPU, torch.float32)
    data = LabelledRows(rows, y[:n_rows], torch.ones(n_rows))
    loader = BatchLoader(data, 4, shuffle=True)
    loader._chunk = 2
    torch.manual_seed(0)
    expected = list(loader.chunks())
    threads, gathered, gather = set(), [], rows.gather

    def recorded(index):
        threads.add(threading.get_ident())
        gathered.append(len(index))
        return gather(index)

    monkeypatch.setattr(rows, "gather", recorded)
    monkeypatch.setattr(rows, "can_prefetch", True)
    torch.manual_seed(0)
    for i, (chunk, other) in enumerate(zip(loader.chunks(), expected, strict=True)):
        for part, same in zip(chunk[:4], other[:4], strict=True):
            assert torch.equal(part, same)
        assert chunk[4] == other[4]
        assert len(gathered) <= i + 2  # No more than one chunk ahead.
    assert threading.get_ident() not in threads
    assert sum(gathered) == n_rows


def test_an_error_in_another_thread_is_raised(monkeypatch):
    rows = as_rows(X, CPU, torch.float32)
    monkeypatch.setattr(rows, "can_prefetch", True)
    monkeypatch.setattr(rows, "gather", lambda index: X[1_000])
    with pytest.raises(IndexError):
        list(BatchLoader(LabelledRows(rows, y, torch.ones(37)), 4).chunks())


def test_rows_on_the_device_are_not_prefetched():
    for form in FORMS.values():
        assert not as_rows(form, CPU, torch.float32).can_prefetch
