"""Searches spread over the workers of a Dask cluster, of which some may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joblib import parallel_config

__all__ = ["on_dask"]


@contextmanager
def on_dask(*data: Any, client: Any = None, **settings: Any) -> Iterator[None]:
    """Spread the fits of scikit-learn's searches over a Dask cluster.

    It is ``joblib.parallel_config(backend="dask")`` for workers that come and go: data are on every
    worker, where joblib holds its own (such as the rows of each fold) on one, and cannot go on
    when that one is lost. Fits that a lost worker had are repeated by another.

    Parameters
    ----------
    *data : array, DataFrame or other object
        What is passed to ``fit``, X and y say, the very objects: it goes to each worker once.
    client : distributed.Client, default=None
        Of the cluster; None: the one made last.
    **settings
        Of ``parallel_config(backend="dask")``, such as ``wait_for_workers_timeout``.

    Raises
    ------
    ImportError
        If the package distributed is not installed.
    ValueError
        If there is no client.

    Notes
    -----
    Give each worker one thread: fits in threads of one process take turns, see the notes of
    :class:`~sknoisy.NoisyLabelClassifier`. The workers of a
    ``LocalCluster(processes=True, threads_per_worker=1)``, and others that have a nanny, hold torch
    to one thread.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.dask import on_dask
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(NoisyLabelClassifier("elr"), {"smoothing": [-1, 0, 0.4]})
    >>> def main():
    ...     from distributed import Client, LocalCluster
    ...
    ...     with LocalCluster(threads_per_worker=1) as cluster, Client(cluster):
    ...         with on_dask(X, y):
    ...             search.fit(X, y)
    """
    try:
        from distributed import get_client
    except ImportError as error:
        raise ImportError(
            "on_dask needs the package distributed: pip install 'sknoisy[distributed]'."
        ) from error
    try:
        client = get_client() if client is None else client
    except ValueError as error:
        raise ValueError(
            "on_dask needs a client of the cluster: make one first, "
            "client = distributed.Client('address:8786')."
        ) from error
    if not hasattr(client, "amm"):
        raise TypeError(f"The 'client' of on_dask must be a distributed.Client. Got {client!r}.")
    client.wait_for_workers(1, timeout=settings.get("wait_for_workers_timeout", 10))
    # Dask takes copies of data that no fit waits for at the moment for a waste of memory.
    with (
        _stopped(client.amm),
        parallel_config(backend="dask", client=_Everywhere(client), scatter=list(data), **settings),
    ):
        yield


@contextmanager
def _stopped(memory_manager: Any) -> Iterator[None]:
    running = memory_manager.running()
    memory_manager.stop()
    try:
        yield
    finally:
        if running:
            memory_manager.start()


class _Everywhere:
    """A client of Dask that puts data on all workers."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def scatter(self, data: Any, **how: Any) -> Any:
        return self._client.scatter(data, **{**how, "broadcast": True})
