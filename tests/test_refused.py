"""Values that were accepted, and gave something else than their user meant."""

import re
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import METHODS, NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.crowds import soft_labels
from sknoisy.datasets import make_noisy_classification
from sknoisy.functional import (
    FeatureCorruption,
    RandomFlip,
    RandomShift,
    logit_bound_for_rate,
    smoothing_rate_for_noise,
)
from sknoisy.issues import find_label_issues
from sknoisy.methods import make_method
from sknoisy.metrics import (
    NoisyScorer,
    cores_score,
    issue_precision_at_k,
    make_noisy_scorer,
    noise_corrected_accuracy,
    noise_corrected_calibration_error,
    peer_accuracy,
)
from sknoisy.model_selection import NoisyLabelSplitter, TrustedSplit
from sknoisy.networks import CNN, MLP, Dropout, PiecewiseLinear, Standardize, replicate
from sknoisy.noise import asymmetric, corrupt_labels, instance_dependent, pair, symmetric
from sknoisy.plots import (
    LabelQualityDisplay,
    LossDistributionDisplay,
    MemorizationDisplay,
    SmoothingCurveDisplay,
    TransitionMatrixDisplay,
)
from sknoisy.search import one_standard_error
from sknoisy.transition import estimate_transition, hoc

X, y = load_iris(return_X_y=True)


def make(**params):
    return NoisyLabelClassifier(**{"method": "ce", "max_epochs": 2, **params})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"optimizer__lr": 0.1}, r"'optimizer__lr' parameter must not be given.*'lr'"),
        ({"lr_schedule": lambda progress: -1.0}, r"'lr_schedule' parameter must .* Got -1.0 at"),
        ({"lr_schedule": lambda progress: np.nan}, r"'lr_schedule' parameter must .* Got nan"),
        ({"lr_schedule": lambda progress: "fast"}, r"'lr_schedule' parameter must .* Got 'fast'"),
        (
            {"optimizer": partial(torch.optim.SGD, lr=5.0)},
            r"'optimizer' parameter must not .* lr",
        ),
        ({"module": partial(MLP, n_out=7)}, r"returned shape \(2, 7\) but y has 3 classes"),
        ({"module": partial(MLP, n_in=7)}, "n_in=7 columns or channels. Got 4"),
        ({"device": "cpu:3"}, r"'device' parameter .* 'cpu:3', which is not available"),
        (
            {"lr": Fraction(1, 10)},
            r"'lr' parameter .* must be an int or a float",
        ),
        (
            {"smoothing": [[0.1, 0.1, 0.1]]},
            "'smoothing' parameter must be a float or",
        ),
        (
            {"smoothing": -1e308},
            r"'smoothing' parameter .* range \[-10{9}.0, 1.0\] .* Got -1e\+308",
        ),
        ({"smoothing": [-1e308, 0, 0]}, r"range \[-1e\+09, 1\]. Got \[-1e\+308"),
        ({"optimizer__eps": True}, "'optimizer__eps' parameter must be a number. Got True"),
        ({"optimizer__weight_decay": np.nan}, "'optimizer' parameter: Adam failed: .*weight_decay"),
        ({"device": "gpu"}, r"'device' parameter .* 'gpu', which is not available"),
        ({"device": "cuda:99"}, r"'device' parameter .* 'cuda:99', which is not available"),
        ({"device": "meta"}, r"'device' parameter .* 'meta', which is not available"),
        ({"device": torch.device("meta")}, r"'device' parameter .* 'meta', which is not available"),
        ({"module__hidden": (0,)}, r"'hidden' parameter of MLP must .* Got \[0\]|\(0,\)"),
        ({"module__hidden": (8, True)}, "'hidden' parameter of MLP must"),
        ({"module__hidden": 2.5}, "'hidden' parameter of MLP must"),
        ({"module__dropout": np.nan}, "'dropout' parameter of MLP must .* Got nan"),
        ({"module__dropout": 1.0}, "'dropout' parameter of MLP must"),
        ({"max_epochs": True}, "'max_epochs' parameter of NoisyLabelClassifier must not be a bool"),
        ({"lr": True}, "'lr' parameter of NoisyLabelClassifier must not be a bool"),
        ({"smoothing": False}, "'smoothing' parameter of NoisyLabelClassifier must not be"),
        ({"method": "elr", "method__lam": True}, "'lam' parameter of ELR must not be a bool"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


DEFAULT = NoisyLabelClassifier(max_epochs=2).fit(X, y)
FITTED = make().fit(X, y)


@pytest.mark.parametrize("classes", [3, "abc", [[0, 1, 2]], [0.5, 1.5], None])
def test_classes_of_partial_fit_are_labels(classes):
    with pytest.raises(ValueError, match=r"(?s)classes.* must be"):
        make().partial_fit(X, y, classes)


@pytest.mark.parametrize(
    ("schedule", "match"),
    [
        (torch.optim.lr_scheduler.StepLR, r"callbacks=\[LRScheduler\(StepLR\)\]"),
        (lambda epoch, n_epochs: 1.0, "which fails: .*argument"),
        (lambda: 1.0, "which fails: .*argument"),
    ],
)
def test_schedules_that_are_no_function_of_the_progress_are_refused(schedule, match):
    with pytest.raises(TypeError, match=f"'lr_schedule' parameter must be .*{match}"):
        make(lr_schedule=schedule).fit(X, y)


LR = {"optimizer__lr": 0.1}


@pytest.mark.parametrize(
    "fit",
    [
        lambda: make().set_params(**LR).fit(X, y),
        lambda: clone(make(**LR)).fit(X, y),
        lambda: make(**LR).partial_fit(X, y, classes=[0, 1, 2]),
        lambda: GridSearchCV(make(), {"optimizer__lr": [0.1]}, error_score="raise").fit(X, y),
        lambda: SmoothingSearchCV(make(**LR), [0, -1], cv=2, error_score="raise").fit(X, y),
        lambda: make_pipeline(StandardScaler(), make(**LR)).fit(X, y),
    ],
    ids=["set_params", "clone", "partial_fit", "grid search", "smoothing search", "pipeline"],
)
def test_second_learning_rate_is_refused_wherever_it_comes_from(fit):
    with pytest.raises(ValueError, match="'optimizer__lr' parameter must not be given"):
        fit()


def test_parameters_are_checked_in_later_calls_of_partial_fit():
    clf = make().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="'lr' parameter of NoisyLabelClassifier must be"):
        clf.set_params(lr=-1.0).partial_fit(X, y)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"smoothing": [True, False, True]}, "'smoothing' parameter must"),
        ({"smoothing": ["0.1", "0.2", "0.3"]}, "'smoothing' parameter must"),
        ({"smoothing": {}}, "'smoothing' parameter must"),
        ({"lr_schedule": lambda progress: True}, "'lr_schedule' parameter must .* Got True"),
        ({"lr_schedule": lambda progress: np.inf}, "'lr_schedule' parameter must .* Got inf"),
        ({"random_state": True}, "'random_state' parameter .* must not be a bool"),
        ({"class_weight": {0: "a"}}, "'class_weight' parameter must"),
        ({"class_weight": {0: True}}, "'class_weight' parameter must"),
        ({"class_weight": {0: np.nan}}, "'class_weight' parameter must"),
        ({"method": "forward", "method__transition_matrix": np.eye(3) == 1}, "'transition_matrix'"),
        ({"module__n_in": True}, "'n_in' parameter of MLP must"),
        ({"module__bins": True}, "'bins' parameter of MLP must"),
        ({"module__hidden": "8"}, "'hidden' parameter of MLP must"),
        (
            {"method": "forward", "method__transition_matrix": np.eye(3).astype(str)},
            "'transition_matrix' parameter must",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_booleans_and_strings_are_no_numbers(params, match):
    with pytest.raises((ValueError, TypeError), match=match):
        make(**params).fit(X, y)


@pytest.mark.parametrize("weight", [True, "a", np.nan, np.inf, -1.0, ["1"] * 150, [1j] * 150])
@pytest.mark.parametrize("weighted", ["fit", "metric", "score", "score of soft labels"])
def test_weights_that_are_no_finite_numbers_are_refused(weight, weighted):
    with pytest.raises(ValueError, match="sample_weight"):
        if weighted == "fit":
            make().fit(X, y, weight)
        elif weighted == "metric":
            peer_accuracy(y, y, sample_weight=weight)
        else:
            labels = y if weighted == "score" else np.eye(3)[y]
            FITTED.score(X, labels, sample_weight=weight)


NUMBERS = [
    (method, parameter)
    for method, kind in METHODS.items()
    for parameter, value in kind().get_params().items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]


@pytest.mark.parametrize(("method", "parameter"), NUMBERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, "a", True, [1.0], b"1"], ids=repr)
def test_no_number_of_a_method_is_something_else(method, parameter, value):
    with pytest.raises(
        ValueError, match=f"'{parameter}' parameter of .* Got {re.escape(repr(value))}"
    ):
        make_method(method, **{parameter: value})


@pytest.mark.parametrize(
    ("call", "suggestion"),
    [
        (lambda: NoisyLabelClassifier(smoothng=0.1), "smoothing"),
        (lambda: make().set_params(smoothng=0.1), "smoothing"),
        (lambda: NoisyLabelClassifier(learning_rate=0.1), "lr"),
        (lambda: NoisyLabelClassifier(hidden_layer_sizes=(8,)), "module__hidden"),
        (lambda: make().set_params(weight_decay=0.1), "optimizer__weight_decay"),
        (lambda: make_method("gce", momentum=0.1), None),
        (lambda: GridSearchCV(make(), {"max_epoch": [1]}).fit(X, y), "max_epochs"),
        (lambda: make(method="cotheaching").fit(X, y), "co_teaching"),
        (lambda: make(method="ELR").fit(X, y), "elr"),
        (lambda: make_method("dividemixx"), "dividemix"),
        (lambda: make(method="elr", method__lambd=1).fit(X, y), "lam"),
        (lambda: make(optimizer="Adamm").fit(X, y), "adam"),
        (lambda: make(optimizer="sgd", optimizer__momentun=0.9).fit(X, y), "momentum"),
        (lambda: make(optimzer__betas=(0.9, 0.9)).fit(X, y), "optimizer"),
        (lambda: make(module__hiden=8).fit(X, y), "hidden"),
        (lambda: make(callbacks__epoch_timr__x=1).fit(X, y), "epoch_timer"),
        (lambda: make(early_stopping="atuo").fit(X, y), "auto"),
        (lambda: make(early_stopping="labelwave").fit(X, y), "label_wave"),
        (lambda: make(smoothing="Auto").fit(X, y), "auto"),
        (lambda: make(warmup="aut").fit(X, y), "auto"),
        (lambda: make(lr_schedule="cosin").fit(X, y), "cosine"),
        (lambda: make(precision="float_32").fit(X, y), "float32"),
        (lambda: make(class_weight="balance").fit(X, y), "balanced"),
        (lambda: make(callbacks="disabled").fit(X, y), "disable"),
        (lambda: make_method("bootstrap", kind="hardd"), "hard"),
        (lambda: corrupt_labels(y, 0.2, kind="symmetrik"), "symmetric"),
        (lambda: asymmetric(10, 0.2, "cifar-10"), "cifar10"),
        (lambda: make_noisy_scorer("peer_acuracy"), "peer_accuracy"),
        (lambda: estimate_transition(X, y, method="dual-t"), "dual_t"),
        (lambda: estimate_transition(X, y, method="hoc", max_itr=3), "max_iter"),
        (lambda: find_label_issues(PROBA, y, transition_matrix="atuo"), "auto"),
        (lambda: one_standard_error(RESULTS, "scor"), "score"),
        (lambda: soft_labels([[0, 1], [1, 0]], layout="wid"), "wide"),
        (lambda: MLP(4, 3, bins="atuo"), "auto"),
        (lambda: hoc(X, y, metric="cosin"), "cosine"),
        (lambda: estimate_transition(X, y, method="hoc", metric="cosin"), "cosine"),
        (lambda: make_method("elr").set_params(bta=0.5), "beta"),
        (lambda: make(method="elr").set_params(method__bta=0.5).fit(X, y), "beta"),
        (lambda: make(method=make_method("elr")).set_params(method__bta=0.5).fit(X, y), "beta"),
        (lambda: GridSearchCV(make(method="elr"), {"method__bta": [1]}).fit(X, y), "beta"),
        (lambda: SmoothingSearchCV(make()).set_params(smothing=[0]), "smoothing"),
        (lambda: SmoothingSearchCV(make()).set_params(estimator__smothing=0), "smoothing"),
    ],
)
def test_misspelt_names_are_recognised(call, suggestion):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    hint = f"Did you mean {suggestion!r}?"
    assert (hint in str(caught.value)) if suggestion else ("Did you" not in str(caught.value))


RESULTS = {
    "param_smoothing": [0.0],
    "mean_test_score": [0.5],
    "std_test_score": [0.1],
    "split0_test_score": [0.5],
}
PROBA = 0.7 * np.eye(3)[y] + 0.1
TRUSTED = np.arange(150) % 5 == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: symmetric(3, 0.2, inclusive="no"),
        lambda: pair(10, 0.2, swap=1),
        lambda: symmetric(3, True),
        lambda: symmetric(True, 0.2),
        lambda: asymmetric(3, 0.2, {True: 2}),
        lambda: instance_dependent(X, y, 3, 0.2, by_class="no"),
        lambda: instance_dependent(X, y, 3, 0.2, random_state="a"),
        lambda: corrupt_labels(y, 0.2, exact="no"),
        lambda: corrupt_labels(y, 0.2, return_manifest="no"),
        lambda: corrupt_labels(y, 0.2, random_state="a"),
        lambda: corrupt_labels(y, 0.2, kind=np.array(["pair"])),
        lambda: corrupt_labels(y, [["0.8", "0.2"], ["0.2", "0.8"]]),
        lambda: corrupt_labels(y, 0.2, classes=[]),
        lambda: make_noisy_classification(exact="no"),
        lambda: find_label_issues(PROBA, y, return_all="no"),
        lambda: estimate_transition(X, y, random_state="a"),
        lambda: estimate_transition(X, y, method=np.array([1, 2])),
        lambda: hoc(features=X, y=y, max_iter=True),
        lambda: noise_corrected_calibration_error(y, np.eye(3)[y], np.eye(3), n_bins=True),
        lambda: noise_corrected_accuracy(y, y, np.eye(3), confidence_level=True),
        lambda: noise_corrected_accuracy(y, y, np.eye(3), classes=[]),
        lambda: cores_score(y, np.eye(3)[y], beta=True),
        lambda: issue_precision_at_k(y == 1, X[:, 0], k=True),
        lambda: NoisyScorer("accuracy")(make().fit(X, y), X, y),
        lambda: SmoothingSearchCV(make(), [0], n_jobs=True).fit(X, y),
        lambda: SmoothingSearchCV(make(), [True]).fit(X, y),
        lambda: SmoothingSearchCV(make(), [0], return_train_score="no").fit(X, y),
        lambda: one_standard_error(3),
        lambda: one_standard_error(RESULTS, np.array([1, 2])),
        lambda: TrustedSplit("a").get_n_splits(X, y),
        lambda: TrustedSplit(TRUSTED.astype(float)).get_n_splits(X, y),
        lambda: TrustedSplit(TRUSTED[1:]).get_n_splits(X, y),
        lambda: TrustedSplit([0, 1]).get_n_splits(),
        lambda: MLP(0, 3),
        lambda: MLP(3, 2.5),
        lambda: CNN(1, True),
        lambda: CNN(1, 2, widths=4),
        lambda: CNN(1, 2, widths=b"a"),
        lambda: CNN(1, 2, hidden=[8]),
        lambda: Standardize(-1),
        lambda: PiecewiseLinear(3, True),
        lambda: replicate(lambda: MLP(3, 2), 0),
        lambda: RandomFlip(None),
        lambda: soft_labels([[0, 1], [1, 0]], columns=3),
        lambda: soft_labels([[0, 1], [1, 0]], classes=3),
        lambda: peer_accuracy(y, y, confidence_level="high"),
        lambda: noise_corrected_accuracy(y, y, np.eye(3), classes=3),
        lambda: corrupt_labels(y, 0.2, classes="abc"),
        lambda: DEFAULT.noise_report_.confusions(min_probability=2),
        lambda: DEFAULT.noise_report_.confusions(min_probability=np.nan),
        lambda: DEFAULT.noise_report_.confusions(min_probability=True),
        lambda: DEFAULT.noise_report_.confusions(confidence_level=95),
        lambda: Dropout(np.nan),
        lambda: Dropout(True),
        lambda: smoothing_rate_for_noise(True, 3),
        lambda: logit_bound_for_rate(-np.inf),
        lambda: corrupt_labels(y[:100], [True, False]),
        lambda: make_noisy_classification(n_samples=True),
        lambda: make_noisy_classification(n_samples=100.0),
        lambda: LabelQualityDisplay([0.5, 0.1], [0, 1]).plot(bins=True),
        lambda: LabelQualityDisplay([0.5, 0.1], [0, 1]).plot(ax=3),
        lambda: LabelQualityDisplay(["0.5", "0.1"], [0, 1]).plot(),
        lambda: LossDistributionDisplay([0.5, 0.1]).plot(bins=0),
        lambda: LossDistributionDisplay([0.5, 0.1]).plot(bins="a"),
        lambda: LossDistributionDisplay([0.5, 0.1], mislabelled=[0.2, 1]).plot(),
        lambda: MemorizationDisplay(0.5).plot(),
        lambda: MemorizationDisplay([]).plot(),
        lambda: MemorizationDisplay([0.5], held_out=0.5).plot(),
        lambda: MemorizationDisplay([0.5], held_out=["a"]).plot(),
        lambda: SmoothingCurveDisplay(["0"], [0.5]).plot(),
        lambda: SmoothingCurveDisplay([0], [0.5], score_error=["a"]).plot(),
        lambda: TransitionMatrixDisplay(np.eye(2)).plot(include_values="no"),
        lambda: TransitionMatrixDisplay(np.eye(2)).plot(values_format=2),
        lambda: TransitionMatrixDisplay(np.eye(2)).plot(colorbar="no"),
        lambda: TransitionMatrixDisplay(np.eye(2).astype(str)).plot(),
        lambda: TransitionMatrixDisplay(None).plot(),
        lambda: TransitionMatrixDisplay(0.5).plot(),
        lambda: TransitionMatrixDisplay([]).plot(),
        lambda: TransitionMatrixDisplay(np.eye(2), display_labels=3).plot(),
        lambda: SmoothingCurveDisplay([0], [0.5], score_name=["a", "b"]).plot(),
        lambda: estimate_transition(None, y, LogisticRegression()),
        lambda: estimate_transition(X, y, LogisticRegression(), groups=np.zeros((150, 2))),
        lambda: hoc(features=None, y=y),
        lambda: hoc(features=X[:, 0, None, None], y=y),
        lambda: instance_dependent(None, y, 3, 0.2),
        lambda: instance_dependent(X, None, 3, 0.2),
        lambda: instance_dependent(X, y.astype(float), 3, 0.2),
        lambda: corrupt_labels(y, 0.2, X=3),
        lambda: soft_labels((["a"], ["x"], [0]), layout="long", samples=3),
        lambda: NoisyLabelSplitter().double(None, y, y),
        lambda: NoisyLabelSplitter().double(X, y, None),
        lambda: list(TrustedSplit(TRUSTED).split(X, 3)),
        lambda: list(TrustedSplit(TRUSTED).split(X, y, groups=3)),
    ],
)
def test_functions_refuse_values_of_another_type_or_range(call):
    with pytest.raises((ValueError, TypeError), match=r"(?s)(must|needs).*Got"):
        call()


@pytest.mark.parametrize("method", METHODS)
def test_default_parameters_of_no_method_are_refused(method):
    make(method=method).fit(X, y)


@pytest.mark.parametrize("kind", [FeatureCorruption, RandomShift])
@pytest.mark.parametrize("fraction", [2, -0.1, np.nan, True, "half"])
def test_fractions_of_views_are_in_range(kind, fraction):
    with pytest.raises(ValueError, match=f"'fraction' parameter of {kind.__name__} must"):
        kind(fraction)


@pytest.mark.parametrize(
    "params", [{"widths": (0,)}, {"pooled": 0}, {"hidden": -1}, {"dropout": -0.5}], ids=str
)
def test_parameters_of_the_cnn_are_in_range(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of CNN must"):
        CNN(1, 2, **params)
    assert MLP(2, 2, hidden=[]) is not None


def test_weights_whose_sum_is_infinite_are_refused():
    with pytest.raises(ValueError, match=r"'sample_weight' parameter.* must have a finite sum"):
        make().fit(X, y, np.full(150, 1e308))
    with pytest.raises(ValueError, match=r"'sample_weight' parameter.* must have a finite sum"):
        make(class_weight={0: 1e200, 1: 1.0, 2: 1.0}).fit(X, y, np.full(150, 1e200))


def test_arguments_of_a_partial_module_are_kept():
    clf = make(module=partial(MLP, n_out=3, hidden=(5,))).fit(X, y)
    assert [layer.out_features for layer in clf.module_ if hasattr(layer, "out_features")] == [5, 3]


def test_weights_that_single_precision_cannot_hold_together_are_refused():
    weight = np.where(np.arange(150) < 75, 1e300, 1e-300)
    with pytest.raises(ValueError, match=r"must not differ by more than torch.float32 can hold"):
        make().fit(X, y, weight)
    make().fit(X, y, np.full(150, 1e-300))
