"""Hyper-parameter searches on a Dask cluster whose workers may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib import parallel_config

from sknoisy._validation.constraints import did_you_mean
from sknoisy._validation.params import parameters_of

__all__ = ["on_dask"]

# Parameters of parallel_config and of Client.submit that on_dask sets itself, or that are for data.
_NO_SETTINGS = {"args", "backend", "backend_params", "func", "key", "kwargs", "self"}


@contextmanager
def on_dask(*data: Any, client: Any = None, **settings: Any) -> Iterator[None]:
    """Run the fits of scikit-learn's searches on a Dask cluster.

    A context manager like ``joblib.parallel_config(backend="dask")`` that tolerates lost workers:
    the data are sent to every worker, and the fits of a lost worker are repeated by another. joblib
    alone keeps data (such as the rows of each fold) on one worker, and fails if that worker is
    lost.

    Parameters
    ----------
    *data : array, DataFrame or other object
        The same objects (not copies) that are passed to ``fit``, such as X and y. Each is sent to
        each worker once.
    client : distributed.Client, default=None
        Client of the cluster; None: the client that was created last.
    **settings
        Parameters of ``parallel_config(backend="dask")``, such as ``wait_for_workers_timeout``, and
        of ``Client.submit``, such as ``retries``.

    Yields
    ------
    None
        The fits inside the ``with`` block run on the cluster.

    Raises
    ------
    ImportError
        If the package distributed is not installed.
    ValueError
        If no client was created.
    TypeError
        If ``client`` is not a Dask client, or there is no such setting.

    Notes
    -----
    Give each worker one thread: fits in threads of one process run one after another, see the notes
    of :class:`~sknoisy.NoisyLabelClassifier`. Workers with a nanny, such as those of
    ``LocalCluster(processes=True, threads_per_worker=1)``, limit torch to one thread.

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
        from distributed import Client, get_client
    except ImportError as error:
        raise ImportError(
            "on_dask needs the package distributed: pip install 'sknoisy[distributed]'."
        ) from error
    _check_settings(settings, {*parameters_of(parallel_config), *parameters_of(Client.submit)})
    try:
        client = get_client() if client is None else client
    except ValueError as error:
        raise ValueError(
            "on_dask needs a client of the cluster. Create one first: "
            "client = distributed.Client('address:8786')."
        ) from error
    if not hasattr(client, "amm"):
        raise TypeError(
            "The 'client' parameter of on_dask must be a distributed.Client. Got "
            f"{client!r} instead."
        )
    client.wait_for_workers(1, timeout=settings.get("wait_for_workers_timeout", 10))
    # Dask's memory manager would delete copies of the data that no waiting fit uses.
    with (
        _paused(client.amm),
        parallel_config(
            backend="dask", client=_BroadcastingClient(client), scatter=list(data), **settings
        ),
    ):
        yield


def _check_settings(settings: Iterable[str], accepted: set[str]) -> None:
    """Refuse misspelt settings: joblib takes any name, and Dask fails later or ignores it."""
    known = (accepted - _NO_SETTINGS) | {"wait_for_workers_timeout"}
    for name in settings:
        if name not in known:
            raise TypeError(
                f"on_dask() got an unexpected keyword argument {name!r}.{did_you_mean(name, known)}"
            )


@contextmanager
def _paused(memory_manager: Any) -> Iterator[None]:
    """Stop Dask's active memory manager for the duration of the context."""
    running = memory_manager.running()
    memory_manager.stop()
    try:
        yield
    finally:
        if running:
            memory_manager.start()


class _BroadcastingClient:
    """Dask client that scatters data to all workers."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def scatter(self, data: Any, **params: Any) -> Any:
        return self._client.scatter(data, **{**params, "broadcast": True})
