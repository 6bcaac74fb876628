"""Check of candidates that are to be trained together, and their common loss."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch.utils.data import Dataset

from sknoisy._data.samples import is_dataset
from sknoisy._training.build import method_of
from sknoisy._training.net import OPTIMIZERS
from sknoisy._validation.frames import on_host
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.soft_labels import as_soft_labels
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import ClassLoss, CrossEntropy, Method, make_method

__all__ = ["check_vectorizable", "labels_to_split", "stack_methods"]


_ELEMENTWISE = (
    *(getattr(torch.optim, name) for name in ("Adam", "AdamW", "SGD", "RMSprop", "NAdam", "RAdam")),
    *(getattr(torch.optim, name) for name in ("Adagrad", "Adadelta", "Adamax", "ASGD", "Rprop")),
)


# Hooks that depend on more than the logits of a batch.
_HOOKS = (
    "setup",
    "on_epoch_start",
    "prepare_batch",
    "sample_weights",
    "epoch_score",
    "oob_predictions",
    "log_proba",
    "proba",
    "training_step",
)


def labels_to_split(X: Any, y: Any) -> Any:
    """Refuse what cannot be split into folds, and return the labels that folds are stratified by.

    Returns
    -------
    array-like of shape (n_samples,)
        The labels; for soft labels the most likely classes.

    Raises
    ------
    TypeError, ValueError
        If samples have no positions or are a torch Dataset, or labels are missing.
    """
    if is_dataset(X) and isinstance(X, Dataset):
        raise TypeError(
            f"X is a torch Dataset, {type(X).__name__}, which cannot be split into folds; pass "
            "skorch.helper.SliceDataset(X) and y, or arrays."
        )
    y = on_host(y)
    soft = as_soft_labels(y)
    return as_array_of_labels(y) if soft is None else soft.probs.argmax(axis=1)


def check_vectorizable(candidates: Sequence[NoisyLabelClassifier]) -> None:
    """Check that classifiers that differ only in numeric parameters can be trained together.

    Raises
    ------
    TypeError
        If they cannot.
    """
    methods = []
    for clf in candidates:
        try:
            methods.append(method_of(clf))
        except (ValueError, KeyError):
            # A value out of range, or an unknown method: the fit of this candidate will fail.
            continue
    instead = "use GridSearchCV."
    for method in methods[:1]:
        kind = type(method)
        hooks = [name for name in _HOOKS if getattr(kind, name) is not getattr(Method, name)]
        other_loss = kind.loss not in (ClassLoss.loss, CrossEntropy.loss)
        has_state = method.n_networks > 1 or method.state_dict()
        if not isinstance(method, ClassLoss) or hooks or other_loss or has_state:
            raise TypeError(
                "SmoothingSearchCV trains with methods that are only a loss (ClassLoss). "
                f"{kind.__name__} is more: take one of them, such as method='ce', or {instead}"
            )
        stack_methods(methods, torch.float32, torch.device("cpu"))
    clf = candidates[0]
    if clf.callbacks not in (None, [], "disable") or getattr(clf, "_skl_callbacks", None):
        raise TypeError(f"SmoothingSearchCV has no place for callbacks; {instead}")
    if clf.augment is not None:
        raise TypeError(f"SmoothingSearchCV trains without 'augment'; {instead}")
    if clf.device == "accelerate":
        raise TypeError(f"SmoothingSearchCV trains all candidates on one device; {instead}")
    optimizer = OPTIMIZERS.get(clf.optimizer) if isinstance(clf.optimizer, str) else clf.optimizer
    if optimizer is not None and optimizer not in _ELEMENTWISE:
        raise TypeError(
            "SmoothingSearchCV needs an optimizer that updates each parameter entry by itself: "
            f"{[kind.__name__ for kind in _ELEMENTWISE]}. Got "
            f"{getattr(optimizer, '__name__', optimizer)}; {instead}"
        )


def stack_methods(methods: list[Method], dtype: torch.dtype, device: torch.device) -> Method:
    """Make one method for several networks, with tensors instead of the numbers that differ.

    Raises
    ------
    TypeError
        If something else differs, or the loss does not broadcast over networks.
    """
    first, *others = (method.get_params(deep=False) for method in methods)
    differing = [name for name, value in first.items() if any(o[name] != value for o in others)]
    stacked = make_method(methods[0])
    for name in differing:
        values = [method.get_params(deep=False)[name] for method in methods]
        if not all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
            raise _not_a_number(stacked, name)
        setattr(stacked, name, torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1))
    if type(stacked).class_losses is not CrossEntropy.class_losses:
        logits = torch.linspace(-3, 3, 15, dtype=dtype, device=device).view(5, 3)
        separate = torch.stack([method.class_losses(logits) for method in methods])
        try:
            together = stacked.class_losses(logits.expand(len(methods), 5, 3))
        except (RuntimeError, TypeError) as error:
            raise _not_a_number(stacked, *differing) from error
        if together.shape != separate.shape or not torch.allclose(together, separate, rtol=1e-3):
            raise _not_a_number(stacked, *differing)
    return stacked


def _not_a_number(method: Method, *names: str) -> TypeError:
    kind = type(method).__name__
    if not names:
        return TypeError(
            f"SmoothingSearchCV needs a loss for logits of shape (..., n_classes). That of {kind} "
            "is another with an axis in front; use GridSearchCV."
        )
    return TypeError(
        f"SmoothingSearchCV can search numbers that the loss computes with. {names[0]!r} of "
        f"{kind} is something else; use GridSearchCV."
    )
