"""Fits of the candidates of folds, together if possible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sklearn.utils.parallel import Parallel, delayed

from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.search._checkpoint import SearchCheckpoint
from sknoisy.search._fold import Fold, Member
from sknoisy.search._vectorized import VectorizedTraining

__all__ = ["fit_candidates", "fit_folds"]


def fit_candidates(
    candidates: Sequence[NoisyLabelClassifier], X: Any, y: Any, **params: Any
) -> list[NoisyLabelClassifier | Exception]:
    """Fit classifiers that differ in ``smoothing`` and in numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted in place.
    X, y, **params
        As in ``fit``.

    Returns
    -------
    list of NoisyLabelClassifier or Exception
        Each candidate, fitted as if it were alone, or its error.
    """
    fold = Fold(candidates, X, y, **params)
    fit_folds([fold])
    return fold.outcomes


def fit_folds(
    folds: Sequence[Fold],
    memory_fraction: float = 1.0,
    n_threads: int = 1,
    checkpoint: SearchCheckpoint | None = None,
) -> None:
    """Fit the candidates of folds; folds with the same signature are trained together.

    Parameters
    ----------
    folds : sequence of Fold
        Their ``outcomes`` are set. With ``random_state=None`` all folds have the same seed.
    memory_fraction : float, default=1.0
        Fraction of the free memory to use, if several of these calls run in parallel.
    n_threads : int, default=1
        Number of threads that train networks.
    checkpoint : SearchCheckpoint or None, default=None
        Where trainings are stored, and from which they go on.
    """
    groups: dict[Any, list[Fold]] = {}
    folds = [fold for fold in folds if fold.members]
    for fold in folds:
        if fold.random_state is None:
            fold.seed = folds[0].seed
        try:
            fold.build()
        except Exception as error:
            fold.fail(error)
            continue
        groups.setdefault(fold.signature, []).append(fold)
    parts = []
    for group in groups.values():
        members = [member for fold in group for member in fold.members]
        n_parts = min(n_threads, len(members))
        ends = [round(i * len(members) / n_parts) for i in range(n_parts + 1)]
        parts += [members[begin:end] for begin, end in itertools.pairwise(ends)]
    fit = delayed(_fit_members)
    fraction = memory_fraction / n_threads
    Parallel(n_threads, backend="threading")(fit(part, fraction, checkpoint) for part in parts)


def _fit_members(
    members: list[Member], memory_fraction: float, checkpoint: SearchCheckpoint | None
) -> None:
    """Train some networks together; if training fails, all of them have the same error."""
    try:
        VectorizedTraining(members, memory_fraction, checkpoint).run()
    except Exception as error:
        for member in members:
            member.error = error
    for member in members:
        member.finish()
