"""Published settings: the parameters with which a method was trained in its paper.

The defaults of the library follow the data; these do not. They were made for images of 32 x 32
pixels and hundreds of epochs, and each repeats what the paper or the authors' code says.
"""

from __future__ import annotations

from typing import Any

from sknoisy._training.schedules import CosineRestarts, LinearDecay, Steps
from sknoisy._validation.constraints import did_you_mean

__all__ = ["RECIPES", "CosineRestarts", "LinearDecay", "Steps", "recipe"]


def _sgd(
    module: str, lr: float, weight_decay: float, schedule: Any, epochs: int, **params: Any
) -> dict[str, Any]:
    """Return what most papers share: momentum .9, batches of 128, shifted and mirrored images."""
    return {
        "module": module,
        "optimizer": "sgd",
        "optimizer__momentum": 0.9,
        "optimizer__weight_decay": weight_decay,
        "lr": lr,
        "lr_schedule": schedule,
        "max_epochs": epochs,
        "batch_size": 128,
        "augment": "weak",
        "early_stopping": False,
        "warmup": 0,
        **params,
    }


def _adam(module: str, **params: Any) -> dict[str, Any]:
    """Return the settings of Co-teaching, which later papers took over."""
    return {
        "module": module,
        "optimizer": "adam",
        "lr": 1e-3,
        "lr_schedule": LinearDecay(80 / 200),
        "max_epochs": 200,
        "batch_size": 128,
        "early_stopping": False,
        "warmup": 0,
        **params,
    }


_ELR: dict[str, Any] = {"module": "resnet34", "lr": 0.02, "weight_decay": 1e-3}
_ELR_PLUS: dict[str, Any] = {"module": "preact_resnet18", "lr": 0.02, "weight_decay": 5e-4}
_AT_40_AND_80 = Steps((40 / 120, 80 / 120), (0.01, 1e-4))

RECIPES: dict[str, dict[str, Any]] = {
    # Wei et al. 2022, CIFAR-10, trained directly. The rate was chosen for each kind of noise.
    "negative_smoothing": _sgd(
        "resnet34", 0.1, 1e-4, Steps((0.5, 0.75), (0.1, 0.01)), 200, method="ce", smoothing=-1.0,
        logit_bound=None, optimizer__nesterov=True,
    ),
    # Zhang and Sabuncu 2018, CIFAR-10.
    "truncated_gce": _sgd(
        "resnet34", 0.01, 1e-4, Steps((40 / 120, 80 / 120), (0.1, 0.01)), 120,
        method="truncated_gce", method__q=0.7, method__threshold=0.5, method__start_epoch=40,
        method__interval=10,
    ),
    # Liu et al. 2020, CIFAR-10 with symmetric and asymmetric noise, and CIFAR-100.
    "elr": _sgd(
        **_ELR, schedule=_AT_40_AND_80, epochs=120, method="elr", method__beta=0.7, method__lam=3.0
    ),
    "elr_asymmetric": _sgd(
        **_ELR, schedule=_AT_40_AND_80, epochs=120, method="elr", method__beta=0.9, method__lam=1.0
    ),
    "elr_cifar100": _sgd(
        **_ELR, schedule=Steps((80 / 150, 120 / 150), (0.01, 1e-4)), epochs=150, method="elr",
        method__beta=0.9, method__lam=7.0,
    ),
    "elr_plus": _sgd(
        **_ELR_PLUS, schedule=Steps((150 / 200,), (0.1,)), epochs=200, method="elr_plus",
        method__beta=0.7, method__lam=3.0, method__alpha=1.0,
    ),
    "elr_plus_asymmetric": _sgd(
        **_ELR_PLUS, schedule=Steps((150 / 200,), (0.1,)), epochs=200, method="elr_plus",
        method__beta=0.9, method__lam=1.0, method__alpha=1.0,
    ),
    "elr_plus_cifar100": _sgd(
        **_ELR_PLUS, schedule=Steps((200 / 250,), (0.1,)), epochs=250, method="elr_plus",
        method__beta=0.9, method__lam=7.0, method__alpha=1.0,
    ),
    # Lu and He 2022, CIFAR-10 with 20 % symmetric noise.
    "selc": _sgd(
        "resnet34", 0.02, 1e-3, Steps((40 / 200, 80 / 200), (0.1, 0.01)), 200, method="selc",
        method__momentum=0.9, warmup=40,
    ),
    # Lu and He 2024, CIFAR-10.
    "synthetic": _sgd(
        "resnet34", 0.02, 1e-3, CosineRestarts(30, 0.05), 300, method="synthetic",
        method__n_neighbors=1, method__where="batch", method__momentum=0.9,
        method__correct_every=10, method__linear_until=50, method__mix_clean=True, warmup=10,
    ),
    # Liu et al. 2022, SOP+ for CIFAR-10, with the strong view of this library.
    "sop_plus": _sgd(
        "preact_resnet18", 0.02, 5e-4, CosineRestarts(1, 0.01), 300, method="sop_plus",
        method__lr_u=10.0, method__lr_v=10.0, method__consistency=0.9, method__balance=0.1,
        method__prior="uniform", augment="strong",
    ),
    # Li et al. 2020, CIFAR-10 with 50 % symmetric noise.
    "dividemix": _sgd(
        "preact_resnet18", 0.02, 5e-4, Steps((150 / 300,), (0.1,)), 300, method="dividemix",
        method__threshold=0.5, method__temperature=0.5, method__alpha=4.0, method__lambda_u=25.0,
        method__ramp_epochs=16, method__balance=1.0, method__prior="uniform",
        method__keep_agreeing=False, batch_size=64, warmup=10,
    ),
    # Kim et al. 2021, CIFAR-10.
    "fine": _sgd(
        "resnet34", 0.02, 1e-3, _AT_40_AND_80, 120, method="fine", method__threshold=0.5,
        method__every=10, method__keep_agreeing=False, warmup=40,
    ),
    # Han et al. 2018, CIFAR-10. They know the noise rate; here it is estimated.
    "co_teaching": _adam("cnn9", method="co_teaching", method__ramp_epochs=10),
    # Tan et al. 2021, CIFAR-10.
    "co_learning": _adam(
        "resnet18", method="co_learning", method__mixing=5.0, method__intrinsic=1.0,
        method__structural=1.0, method__temperature=0.5, method__width=0.5, augment="strong",
    ),
}  # fmt: skip


def recipe(name: str) -> dict[str, Any]:
    """Return published settings, as parameters of the classifier.

    Parameters
    ----------
    name : str
        A key of ``RECIPES``: the name of a method, alone or with a kind of noise or a data set.

    Returns
    -------
    dict
        A copy, which may be changed.

    Raises
    ------
    ValueError
        If there is no such recipe.

    Examples
    --------
    >>> from sknoisy import NoisyLabelClassifier
    >>> clf = NoisyLabelClassifier(**recipe("elr"), random_state=0)
    >>> clf.module, clf.max_epochs, clf.get_params()["method__lam"]
    ('resnet34', 120, 3.0)
    """
    if not isinstance(name, str) or name not in RECIPES:
        raise ValueError(
            f"The 'name' parameter must be one of {sorted(RECIPES)}. Got {name!r} instead."
            f"{did_you_mean(name, RECIPES)}"
        )
    return dict(RECIPES[name])
