"""The opinion pool, splitters and published settings."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch.utils.data import TensorDataset

from sknoisy.ensemble import OpinionPoolClassifier
from sknoisy.model_selection import NoisyLabelSplitter, TrustedSplit
from sknoisy.recipes import CosineRestarts, LinearDecay, Steps, recipe
from tests.corpus._cases import Bad, X, y

LIST = r"'estimators' parameter must be a list of \(name, classifier\) tuples"
NUMBERS = "parameter of Steps must be a tuple of numbers. Got"
logistic = LogisticRegression()


def pool(*classifiers, of=None, **params):
    named = [("a", logistic)] if of is None and not classifiers else of
    named = [*zip("ab", classifiers, strict=False)] if classifiers else named
    return OpinionPoolClassifier(named, **{"built_in": False, **params}).fit(X, y)


def splits(splitter, X=X, y=y):
    return list(splitter.split(X, y))


BAD = {
    "number": Bad(lambda: pool(of=3), "'estimators' parameter .* must be .* Got 3"),
    "no classifier": Bad(lambda: pool(of=[]), rf"{LIST}, at least one .* Got \[\]"),
    "list of numbers": Bad(lambda: pool(of=[3]), f"{LIST}. Got 3"),
    "number as classifier": Bad(lambda: pool(3), f"{LIST}. Got 3 as 'a', which is no classifier"),
    "class": Bad(lambda: pool(LogisticRegression), f"{LIST}. Got <class .*no classifier"),
    "no probabilities": Bad(lambda: pool(LinearSVC()), f"{LIST} with predict_proba. Got LinearSVC"),
    "equal names": Bad(lambda: pool(of=[("a", logistic)] * 2), r"not unique: \['a', 'a'\]"),
    "name with underscores": Bad(lambda: pool(of=[("a__b", logistic)]), r"__: got \['a__b'\]"),
    "built_in": Bad(lambda: pool(built_in="no"), "'built_in' parameter .* must be .* Got 'no'"),
    "1 fold": Bad(lambda: pool(cv=1), r"'cv' parameter .*\[2, inf\).* Got 1"),
    "matrix": Bad(
        lambda: pool(transition_matrix=np.eye(2)),
        r"'transition_matrix' .*\(3, 3\).* Got .*\(2, 2\)",
    ),
    "matrix of text": Bad(lambda: pool(transition_matrix="x"), "'transition_matrix' .* Got 'x'"),
    "class weights": Bad(lambda: pool(class_weight="x"), "'class_weight' parameter .* Got 'x'"),
    "jobs": Bad(lambda: pool(n_jobs="a"), "'n_jobs' parameter .* must be .* Got 'a'"),
    "seed": Bad(lambda: pool(random_state="a"), "'random_state' parameter .* Got 'a'"),
    "misspelt": Bad(lambda: OpinionPoolClassifier().set_params(cvv=3), "'cvv' .* mean 'cv'"),
    "Dataset": Bad(
        lambda: OpinionPoolClassifier().fit(TensorDataset(), y),
        "takes arrays.* Got a Tens",
        TypeError,
    ),
    "NaN": Bad(lambda: OpinionPoolClassifier().fit(X * np.nan, y), "X contains NaN"),
    "no labels": Bad(lambda: OpinionPoolClassifier().fit(X), "requires y to be passed"),
    "one class": Bad(lambda: OpinionPoolClassifier().fit(X, 0 * y), "at least 2 classes"),
    "predict before fit": Bad(lambda: OpinionPoolClassifier().predict(X), "is not fitted yet"),
    "fewer columns": Bad(lambda: pool().predict(X[:, :2]), "X has 2 features, .* expecting 4"),
    "NaN in predict": Bad(lambda: pool().predict(X * np.nan), "X contains NaN"),
    "samples that are not double": Bad(
        lambda: splits(NoisyLabelSplitter()), "halves of X must be the same samples, as `double`"
    ),
    "odd number": Bad(
        lambda: splits(NoisyLabelSplitter(), X[:59], y[:59]), "twice, .* Got 59 labels"
    ),
    "split of no labels": Bad(
        lambda: splits(NoisyLabelSplitter(), y=None), "y must be .* Got None", TypeError
    ),
    "1 fold of double samples": Bad(
        lambda: splits(NoisyLabelSplitter(cv=1), *NoisyLabelSplitter().double(X, y, y)),
        "n_splits=1",
    ),
    "double of short labels": Bad(
        lambda: NoisyLabelSplitter().double(X, y, y[:5]), r"\[60, 60, 5\] in X, y_noisy, y"
    ),
    "double of text": Bad(
        lambda: NoisyLabelSplitter().double(X, y.astype(str), y), "all hold numbers .* Got .'0'"
    ),
    "no trusted": Bad(lambda: splits(TrustedSplit(np.zeros(60, bool))), "trusted marks no sample"),
    "2 trusted": Bad(
        lambda: splits(TrustedSplit(np.arange(60) < 2)), "n_splits=5 greater than .*2"
    ),
    "no X": Bad(
        lambda: splits(TrustedSplit(np.arange(60) < 20), X=None), "X must be .* Got None", TypeError
    ),
    "no fold": Bad(lambda: splits(TrustedSplit(np.arange(60) < 20, cv=0)), "got n_splits=0"),
    "unknown recipe": Bad(lambda: recipe("elrr"), r"'name' .* one of .* Got 'elrr'.*mean 'elr'"),
    "list of recipes": Bad(lambda: recipe(["elr"]), r"'name' parameter .* Got \['elr'\]"),
    "recipe None": Bad(lambda: recipe(None), "'name' parameter .* Got None"),
    "more factors": Bad(lambda: Steps((0.5,), (0.1, 0.2)), r"'factors' .* 1 numbers.* Got \(0.1"),
    "steps of text": Bad(lambda: Steps("a", "b"), f"'at' {NUMBERS} 'a'"),
    "steps of a number": Bad(lambda: Steps(3, (0.1,)), f"'at' {NUMBERS} 3"),
    "factors of text": Bad(lambda: Steps((0.5,), ("a",)), rf"'factors' {NUMBERS} \('a',\)"),
    "steps that go back": Bad(
        lambda: Steps((0.5, 0.2), (1, 1)), r"'at' .* ascending.* Got \(0.5, 0.2"
    ),
    "decay from 2": Bad(lambda: LinearDecay(2), r"'start' .*\[0, 1\). Got 2"),
    "decay from None": Bad(lambda: LinearDecay(None), "'start' parameter .* Got None"),
    "no curve": Bad(lambda: CosineRestarts(0, 0.1), r"'n_curves' .*\[1, inf\). Got 0"),
    "curves of text": Bad(lambda: CosineRestarts(2, "a"), r"'lowest' .*\[0, 1\]. Got 'a'"),
}

GOOD = {
    "two classifiers": lambda: pool(logistic, LogisticRegression(C=0.1)),
    "more folds than samples": lambda: pool(cv=1000),
    "dropped": lambda: pool(logistic, "drop"),
    "all trusted": lambda: splits(TrustedSplit(np.ones(60, bool))),
    "double samples": lambda: splits(
        NoisyLabelSplitter(cv=2), *NoisyLabelSplitter().double(X, y, y)
    ),
    "schedule of no step": lambda: Steps((), ()),
    "schedule of NumPy": lambda: LinearDecay(np.float64(0.5))(0.7),
}
