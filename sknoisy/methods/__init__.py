"""The methods by name, and the one way from a name, class or instance to a method."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from sknoisy._params import offered
from sknoisy.methods._base import ClassLoss, Method, Net, Step
from sknoisy.methods.ce import CrossEntropy
from sknoisy.methods.co_teaching import CoTeaching
from sknoisy.methods.elr import ELR
from sknoisy.methods.gce import GCE

__all__ = [
    "ELR",
    "GCE",
    "METHODS",
    "ClassLoss",
    "CoTeaching",
    "CrossEntropy",
    "Method",
    "Net",
    "Step",
    "make_method",
]

METHODS: dict[str, type[Method]] = {
    "ce": CrossEntropy,
    "gce": GCE,
    "elr": ELR,
    "co_teaching": CoTeaching,
}


def make_method(method: str | type[Method] | Method, **params: Any) -> Method:
    """Make a fresh method; a given instance is an example and stays as it is.

    Parameters
    ----------
    method : str, Method class or Method instance
    **params
        Parameters of the method.

    Returns
    -------
    Method

    Raises
    ------
    TypeError
        If it is no method.
    ValueError
        If the method has no such parameter, or a value is out of its range.

    Examples
    --------
    >>> make_method("elr", beta=0.9)
    ELR(beta=0.9)
    """
    kind = METHODS[method] if isinstance(method, str) else method
    if isinstance(kind, type) and not issubclass(kind, Method):
        raise TypeError(
            f"The 'method' parameter must be a str among {sorted(METHODS)}, or a subclass or an "
            f"instance of Method. Got {kind!r} instead."
        )
    if isinstance(kind, type):
        made = kind(**offered(kind.__init__, params))  # type: ignore[misc]
    else:
        made = clone(kind)
    made.set_params(**params)
    made._validate_params()
    return made
