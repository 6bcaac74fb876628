"""Soft labels of all containers, and their refusal where a function compares labels."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from sknoisy import NoisyLabelClassifier, find_label_issues, transition
from sknoisy.metrics import (
    cores_score,
    make_noisy_scorer,
    noise_corrected_accuracy,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.model_selection import NoisyLabelSplitter, TrustedSplit
from sknoisy.noise import corrupt_labels, instance_dependent, symmetric
from sknoisy.plots import LossDistributionDisplay, MemorizationDisplay, TransitionMatrixDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
soft = 0.75 * np.eye(2)[y] + 0.125


def make(method="ce", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 3, "random_state": 0, **params})


# ---- containers ----------------------------------------------------------------------------------


class Pairs(Dataset):
    def __init__(self, convert):
        self.convert = convert

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.tensor(X[i]), self.convert(soft[i])


@pytest.mark.parametrize("convert", [list, tuple, np.array, torch.tensor], ids=lambda f: f.__name__)
def test_items_of_a_dataset_may_have_soft_labels(convert):
    data = Pairs(convert)
    clf, expected = make().fit(data), make().fit(X, soft)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.score(data) == expected.score(X, soft)
    np.testing.assert_array_equal(
        make().partial_fit(data, classes=[0, 1]).predict_proba(X),
        make().partial_fit(X, soft, classes=[0, 1]).predict_proba(X),
    )


def test_datasets_of_tensors_may_have_soft_labels():
    data = TensorDataset(torch.tensor(X), torch.tensor(soft))
    expected = make().fit(X, soft).predict_proba(X)
    np.testing.assert_array_equal(make().fit(data).predict_proba(X), expected)
    named = pd.DataFrame(soft, columns=["no", "yes"])
    clf = make().fit(TensorDataset(torch.tensor(X)), named)
    assert clf.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def tensor(values, dtype):
    return torch.tensor(values).to(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_tensors_of_any_precision_are_labels_samples_and_weights(dtype):
    rows, weight = tensor(X, dtype), tensor(rng.random(60), dtype)
    clf = make().fit(rows, tensor(soft, dtype), weight)
    expected = make().fit(rows.float().numpy(), soft, weight.float().numpy())
    np.testing.assert_allclose(
        clf.predict_proba(rows), expected.predict_proba(rows.float()), rtol=1e-3
    )
    assert clf.score(rows, y, weight) == expected.score(rows.float(), y, weight.float())


def test_rounded_soft_labels_are_accepted():
    third = np.array([[0.33, 0.33, 0.33], [0.17, 0.17, 0.67], [0.01, 0.01, 0.99]] * 20)
    assert make().fit(X, third).classes_.tolist() == [0, 1, 2]


# ---- functions that need one label for each sample -----------------------------------------------

PROBA = np.full((60, 2), 0.5)
NEED_HARD_LABELS = {
    "corrupt_labels": lambda s: corrupt_labels(s, 0.2),
    "instance_dependent": lambda s: instance_dependent(X, s, 2, 0.2),
    "find_label_issues": lambda s: find_label_issues(PROBA, s),
    "find_label_issues of a classifier": lambda s: find_label_issues(
        make("bagging", max_epochs=1).fit(X, soft), s
    ),
    "noise_corrected_accuracy": lambda s: noise_corrected_accuracy(
        s, y, transition_matrix=symmetric(2, 0.2)
    ),
    "predictions": lambda s: noise_corrected_accuracy(y, s, transition_matrix=symmetric(2, 0.2)),
    "peer_accuracy": lambda s: peer_accuracy(s, y),
    "cores_score": lambda s: cores_score(s, PROBA),
    "trusted_accuracy": lambda s: trusted_accuracy(s, y, trusted=y == 0),
    "noisy scorer": lambda s: make_noisy_scorer("peer_accuracy")(make().fit(X, y), X, s),
    "estimate_transition": lambda s: transition.estimate_transition(X, s),
    "estimate_transition by hoc": lambda s: transition.estimate_transition(X, s, method="hoc"),
    "TrustedSplit": lambda s: next(TrustedSplit(y == 0, cv=2).split(X, s)),
    "double": lambda s: NoisyLabelSplitter().double(X, s, y),
    "double of clean labels": lambda s: NoisyLabelSplitter().double(X, y, s),
    "NoisyLabelSplitter": lambda s: next(NoisyLabelSplitter().split(X, s)),
    "TransitionMatrixDisplay": lambda s: TransitionMatrixDisplay.from_predictions(y, s),
    "LossDistributionDisplay": lambda s: LossDistributionDisplay.from_predictions(s, PROBA),
    "MemorizationDisplay": lambda s: MemorizationDisplay.from_predictions(s, np.stack([y, y])),
}


@pytest.mark.parametrize("function", NEED_HARD_LABELS.values(), ids=NEED_HARD_LABELS)
@pytest.mark.parametrize(
    ("container", "instead"),
    [
        (np.asarray, r"\w+\.argmax\(axis=1\), or classes"),
        (lambda s: pd.DataFrame(s, columns=["no", "yes"]), r"\w+\.idxmax\(axis=1\)"),
    ],
    ids=["array", "frame"],
)
def test_functions_that_compare_labels_say_what_to_pass(function, container, instead):
    message = r"\w+ must hold one label for each sample. Got shape \(60, 2\); if these are soft "
    with pytest.raises(
        ValueError, match=rf"{message}labels, pass the most likely class: {instead}"
    ):
        function(container(soft))


@pytest.mark.parametrize(
    "labels",
    [soft.tolist(), tuple(map(tuple, soft.tolist())), torch.tensor(soft)],
    ids=["list", "tuple", "tensor"],
)
def test_lists_and_tensors_of_soft_labels_are_refused(labels):
    with pytest.raises(ValueError, match="y must hold one label for each sample"):
        corrupt_labels(labels, 0.2)


def test_the_advice_for_polars_runs():
    pl = pytest.importorskip("polars")
    y_soft = pl.DataFrame(soft, schema=["no", "yes"])
    with pytest.raises(ValueError, match="must hold one label") as error:
        corrupt_labels(y_soft, 0.2)
    code = str(error.value).partition("class: ")[2].rstrip(".")
    result = eval(code, {"np": np, "y": y_soft})
    assert result.tolist() == np.array(["no", "yes"])[y].tolist()


FORMS = {
    "list": lambda s: s.tolist(),
    "tuple of tuples": lambda s: tuple(map(tuple, s.tolist())),
    "list of arrays": list,
    "list of tensors": lambda s: list(torch.tensor(s)),
    "objects": lambda s: s.astype(object),
    "column of lists": lambda s: pd.Series(s.tolist()),
    "column of arrays": lambda s: pd.Series(list(s)),
    "frame": pd.DataFrame,
    "nullable": lambda s: pd.DataFrame(s).convert_dtypes(),
    "polars column of lists": lambda s: pytest.importorskip("polars").Series(s.tolist()),
    "polars": lambda s: pytest.importorskip("polars").DataFrame(s, schema=["no", "yes"]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_soft_labels_of_all_forms_give_the_same_results(form):
    clf, expected = make().fit(X, form(soft)), make().fit(X, soft)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.score(X, form(soft)) == expected.score(X, soft)


def test_probabilities_of_one_class_are_refused_with_the_array_to_pass():
    with pytest.raises(ValueError, match=r"continuous.*: np.column_stack\(\[1 - y, y\]\)"):
        make().fit(X, soft[:, 1] + np.arange(60) / 1e4)


def test_counts_of_votes_are_refused_with_the_function_that_takes_them():
    with pytest.raises(ValueError, match=r"soft labels, .* sknoisy.crowds.soft_labels makes them"):
        make().fit(X, np.eye(2)[y] + 1)
