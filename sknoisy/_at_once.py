"""Fit many classifiers at once, in as few sweeps as their folds and threads allow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sklearn.utils.parallel import Parallel, delayed

from sknoisy._folds import Fold
from sknoisy._sweep import Sweep
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["train_at_once", "train_folds"]


def train_at_once(
    candidates: Sequence[NoisyLabelClassifier], X: Any, y: Any, **params: Any
) -> list[NoisyLabelClassifier | Exception]:
    """Fit classifiers that differ in ``smoothing`` and in numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted.
    X, y, **params
        As in ``fit``.

    Returns
    -------
    list of NoisyLabelClassifier or Exception
        Each fitted, as if it had been alone, or what went wrong with it.
    """
    fold = Fold(candidates, X, y, **params)
    train_folds([fold])
    return fold.outcome


def train_folds(folds: Sequence[Fold], share: float = 1.0, n_threads: int = 1) -> None:
    """Fit the candidates of folds, all networks at once where folds allow it.

    Parameters
    ----------
    folds : sequence of Fold
        Their ``outcome`` is filled. With ``random_state=None`` they all start alike.
    share : float, default=1.0
        Part of the free memory to count on, where several of these run at the same time.
    n_threads : int, default=1
        Threads to spread the networks over.
    """
    kinds: dict[Any, list[Fold]] = {}
    for fold in [fold for fold in folds if fold.settings]:
        if fold.random_state is None:
            fold.seed = next(one.seed for one in folds if one.settings)
        try:
            fold.build()
        except Exception as error:
            fold.fail(error)
            continue
        kinds.setdefault(fold.kind, []).append(fold)
    parts = []
    for alike in kinds.values():
        networks = [(fold, place) for fold in alike for place in fold.settings]
        n_parts = min(n_threads, len(networks))
        ends = [round(i * len(networks) / n_parts) for i in range(n_parts + 1)]
        parts += [networks[begin:end] for begin, end in itertools.pairwise(ends)]
    run = delayed(_train_part)
    Parallel(n_threads, backend="threading")(run(part, share / n_threads) for part in parts)


def _train_part(networks: list[tuple[Fold, int]], share: float) -> None:
    """Train some networks at once; an error in between is that of all, one after is of one."""
    sweep = Sweep(networks, share)
    try:
        sweep.run()
    except Exception as error:
        for fold, place in networks:
            fold.outcome[place] = error
        return
    for i, (fold, place) in enumerate(networks):
        try:
            fold.finish(place, sweep.outcome(i), sweep.quality[i].numpy())
        except Exception as error:
            fold.outcome[place] = error
