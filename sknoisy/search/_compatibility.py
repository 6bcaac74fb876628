"""Whether trainings can run at once, and the one loss that they then have."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import torch

from sknoisy._training.net import OPTIMIZERS
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import ClassLoss, CrossEntropy, Method, make_method

__all__ = ["check_sweepable", "stacked"]


_ENTRY_BY_ENTRY = (
    *(getattr(torch.optim, name) for name in ("Adam", "AdamW", "SGD", "RMSprop", "NAdam", "RAdam")),
    *(getattr(torch.optim, name) for name in ("Adagrad", "Adadelta", "Adamax", "ASGD", "Rprop")),
)


# Hooks of a method that see more than the logits of a batch.
_HOOKS = (
    "setup",
    "on_epoch_start",
    "prepare_batch",
    "sample_weights",
    "epoch_score",
    "oob_predictions",
    "proba",
    "training_step",
)


def check_sweepable(candidates: Sequence[NoisyLabelClassifier]) -> None:
    """Check that classifiers which differ in numbers only can be trained at once.

    Raises
    ------
    TypeError
        If they cannot.
    """
    methods = []
    for clf in candidates:
        try:
            methods.append(make_method(clf.method, **clf._given("method")))
        except (ValueError, KeyError):
            # Out of range, or unknown: this candidate fails by itself.
            continue
    instead = "use GridSearchCV."
    for method in methods[:1]:
        kind = type(method)
        own = [name for name in _HOOKS if getattr(kind, name) is not getattr(Method, name)]
        own += [] if kind.loss in (ClassLoss.loss, CrossEntropy.loss) else ["loss"]
        own += ["state"] if method.n_networks > 1 or method.state_dict() else []
        if not isinstance(method, ClassLoss) or own:
            raise TypeError(
                "SmoothingSearchCV trains with methods that are only a loss (ClassLoss). "
                f"{kind.__name__} is more; {instead}"
            )
        stacked(methods, torch.float32, torch.device("cpu"))
    clf = candidates[0]
    if clf.callbacks not in (None, [], "disable") or getattr(clf, "_skl_callbacks", None):
        raise TypeError(f"SmoothingSearchCV has no place for callbacks; {instead}")
    if clf.device == "accelerate":
        raise TypeError(f"SmoothingSearchCV trains all candidates on one device; {instead}")
    optimizer = OPTIMIZERS.get(clf.optimizer) if isinstance(clf.optimizer, str) else clf.optimizer
    if optimizer is not None and optimizer not in _ENTRY_BY_ENTRY:
        raise TypeError(
            "SmoothingSearchCV needs an optimizer that moves each number by itself: "
            f"{[kind.__name__ for kind in _ENTRY_BY_ENTRY]}. Got "
            f"{getattr(optimizer, '__name__', optimizer)}; {instead}"
        )


def stacked(methods: list[Method], dtype: torch.dtype, device: torch.device) -> Method:
    """One method for several networks: numbers that differ become a tensor of them.

    Raises
    ------
    TypeError
        If something else differs, or the loss is not what it would be with one number.
    """
    first, *others = (method.get_params(deep=False) for method in methods)
    differing = [name for name, value in first.items() if any(o[name] != value for o in others)]
    made = make_method(methods[0])
    for name in differing:
        values = [method.get_params(deep=False)[name] for method in methods]
        if not all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
            raise _not_a_number(made, name)
        setattr(made, name, torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1))
    if type(made).class_losses is not CrossEntropy.class_losses:
        logits = torch.linspace(-3, 3, 15, dtype=dtype, device=device).view(5, 3)
        alone = torch.stack([method.class_losses(logits) for method in methods])
        try:
            together = made.class_losses(logits.expand(len(methods), 5, 3))
        except (RuntimeError, TypeError) as error:
            raise _not_a_number(made, *differing) from error
        if together.shape != alone.shape or not torch.allclose(together, alone, rtol=1e-3):
            raise _not_a_number(made, *differing)
    return made


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
