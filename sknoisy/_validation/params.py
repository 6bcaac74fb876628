"""Parameters such as ``optimizer__betas``, which belong to a part of the estimator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Set
from typing import Any, Self

from sklearn.utils._param_validation import InvalidParameterError, StrOptions

__all__ = [
    "DunderParams",
    "Names",
    "accepted_params",
    "check_accepted",
    "check_part_names",
    "parameters_of",
    "params_of_part",
    "refuse_booleans",
]


@functools.lru_cache
def parameters_of(part: Callable) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class or function; cached, since every fit needs them."""
    try:
        return inspect.signature(part).parameters
    except ValueError:  # Some built-in types have no signature.
        return {}


def accepted_params(part: Callable, params: dict[str, Any]) -> dict[str, Any]:
    """Select the parameters that a class or function accepts."""
    known = parameters_of(part).values()
    if any(p.kind is p.VAR_KEYWORD for p in known):
        return params
    return {name: value for name, value in params.items() if name in {p.name for p in known}}


def check_accepted(
    prefix: str, part: Callable, params: dict[str, Any], also: Set[str] = frozenset()
) -> None:
    """Check that a class or function accepts these parameters, apart from those in ``also``."""
    unknown = sorted(set(params) - set(accepted_params(part, params)) - also)
    if unknown:
        known = [name for name in parameters_of(part) if name != "params"]
        raise ValueError(
            f"Invalid parameter '{prefix}__{unknown[0]}': {getattr(part, '__name__', part)} takes "
            f"{known}."
        )


class Names(StrOptions):
    """Constraint on a str parameter; the error message lists the options alphabetically."""

    def __str__(self) -> str:
        return f"a str among {sorted(self.options)}"


def params_of_part(estimator: Any, part: str) -> dict[str, Any]:
    """Return the parameters of a part of an estimator, by their names without the prefix."""
    prefix = f"{part}__"
    dunder = estimator._dunder.items()
    return {name.removeprefix(prefix): v for name, v in dunder if name.startswith(prefix)}


def check_part_names(estimator: Any) -> None:
    """Refuse parameters that belong to no part; called in ``fit``, as all checks of values."""
    for name in estimator._dunder:
        part, _, rest = name.partition("__")
        if part not in estimator._parts or not rest:
            raise InvalidParameterError(
                f"Invalid parameter {name!r} for estimator {type(estimator).__name__}. Parameters "
                f"of its parts begin with one of {[f'{p}__' for p in estimator._parts]!r}."
            )


def refuse_booleans(estimator: Any) -> None:
    """Refuse True and False as numbers, which Python takes for 1 and 0.

    Raises
    ------
    InvalidParameterError
        If a parameter that may not be boolean is.
    """
    for name, constraints in estimator._parameter_constraints.items():
        value = getattr(estimator, name)
        allowed = {"boolean", "random_state", "verbose"} & {c for c in constraints if _is_str(c)}
        if isinstance(value, bool) and not allowed:
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must not be a bool. Got "
                f"{value!r} instead."
            )


def _is_str(constraint: Any) -> bool:
    return isinstance(constraint, str)


class DunderParams:
    """Mixin for parameters of parts of an estimator, such as ``optimizer__betas``.

    They are stored as given, appear in ``get_params`` and are passed to their part in ``fit``. A
    subclass lists the parts in ``_parts``, calls :meth:`_store_params` in ``__init__`` and
    :func:`check_part_names` in ``fit``.
    """

    _parts: tuple[str, ...] = ()

    def _store_params(self, params: dict[str, Any]) -> None:
        unknown = [name for name in params if "__" not in name and name != "params"]
        # The error is Python's for a misspelt keyword. The name "params" is refused in fit only:
        # scikit-learn's checks pass a value for every name in the signature of __init__.
        if unknown:
            name = type(self).__name__
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument {unknown[0]!r}")
        self._dunder = dict(params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of a ``method`` instance, as ``method__name``.

        Returns
        -------
        dict
            Parameter names mapped to their values, including parameters of parts.
        """
        return {**super().get_params(deep=deep), **self._dunder}  # type: ignore[misc]

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator and, as ``part__name``, of its parts.

        Parameters
        ----------
        **params
            Parameters by name.

        Returns
        -------
        self
            The estimator.
        """
        dunder = {k: v for k, v in params.items() if "__" in k or k in self._dunder}
        super().set_params(**{k: v for k, v in params.items() if k not in dunder})  # type: ignore[misc]
        self._dunder = {**self._dunder, **dunder}
        return self
