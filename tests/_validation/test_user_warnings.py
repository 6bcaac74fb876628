"""Warnings point at the line of the user's call, whatever lies between."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import sknoisy
from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.crowds import soft_labels
from sknoisy.issues import find_label_issues
from sknoisy.transition import noise_rate

rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), np.arange(60) % 3
copies = np.repeat(rng.normal(size=(300, 4)), 2, axis=0)
y_of_copies = np.repeat(np.arange(300) % 3, 2)
votes = np.array([[1, 2], [2, 1], [3, 0], [0, 3]] * 5)


class Softmax(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 3), nn.Softmax(dim=1))


def make(**params):
    return NoisyLabelClassifier("ce", max_epochs=1, **params)


WARNINGS = {
    "probabilities": (lambda: make(module=Softmax).fit(X, y), "return logits"),
    "copies": (lambda: make(early_stopping=True).fit(copies, y_of_copies), "are copies"),
    "training samples": (lambda: find_label_issues(np.eye(3)[y], y), "has seen their labels"),
    "rate of training samples": (lambda: noise_rate(np.eye(3)[y], y), "has seen their labels"),
    "counts": (lambda: soft_labels(votes), "layout='counts'"),
    "in a pipeline": (
        lambda: make_pipeline(FunctionTransformer(), make(module=Softmax)).fit(X, y),
        "return logits",
    ),
    "in a search": (
        lambda: GridSearchCV(make(module=Softmax), {"lr": [0.1]}, cv=2).fit(X, y),
        "return logits",
    ),
    "in our search": (
        lambda: SmoothingSearchCV(make(module=Softmax), [0, -1], cv=2).fit(X, y),
        "return logits",
    ),
    "in cross_val_score": (
        lambda: cross_val_score(make(early_stopping=True), copies, y_of_copies, cv=2),
        "are copies",
    ),
    "in cross_val_predict": (
        lambda: cross_val_predict(make(module=Softmax), X, y, cv=2, method="predict_proba"),
        "return logits",
    ),
}


@pytest.mark.parametrize(("call", "match"), WARNINGS.values(), ids=WARNINGS)
def test_warnings_point_at_the_line_of_the_user(call, match):
    with pytest.warns(UserWarning, match=match) as record:
        call()
    for warning in record:
        assert Path(warning.filename).name == Path(__file__).name
        assert warning.lineno in {line for _, _, line in call.__code__.co_lines()}


def test_all_warnings_are_given_by_one_function():
    files = sorted(Path(sknoisy.__file__).parent.rglob("*.py"))
    assert len(files) > 100
    users = [path.name for path in files if "warnings.warn(" in path.read_text("utf-8")]
    assert users == ["user_warnings.py"]
