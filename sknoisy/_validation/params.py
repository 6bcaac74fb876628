"""Parameters such as ``optimizer__betas``, which belong to a part of the estimator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Self

from sklearn.utils._param_validation import InvalidParameterError

from sknoisy._validation.constraints import check_params, did_you_mean

__all__ = [
    "DunderParams",
    "HintedParams",
    "accepted_params",
    "check_accepted",
    "check_part_names",
    "parameters_of",
    "params_of_part",
    "refuse_unknown_names",
]


# What other libraries call a parameter of the estimator.
_OTHER_NAMES = {
    "dropout": "module__dropout",
    "hidden_layer_sizes": "module__hidden",
    "learning_rate": "lr",
    "learning_rate_init": "lr",
    "max_iter": "max_epochs",
    "momentum": "optimizer__momentum",
    "network": "module",
    "patience": "n_iter_no_change",
    "seed": "random_state",
    "solver": "optimizer",
    "weight_decay": "optimizer__weight_decay",
}


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
            f"{known}.{did_you_mean(unknown[0], known)}"
        )


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
            hint = did_you_mean(part, estimator._parts) if rest else ""
            raise InvalidParameterError(
                f"Invalid parameter {name!r} for estimator {type(estimator).__name__}. Parameters "
                f"of its parts begin with one of {[f'{p}__' for p in estimator._parts]!r}.{hint}"
            )


def _suggestion(name: str, known: Sequence[str]) -> str:
    """Suggest a parameter of the estimator for an unknown name."""
    other = _OTHER_NAMES.get(name, "")
    # Methods have other parameters than the estimator.
    is_known = other.partition("__")[0] in known
    return f" Did you mean {other!r}?" if is_known else did_you_mean(name, known)


def refuse_unknown_names(estimator: Any, params: Mapping[str, Any]) -> None:
    """Refuse names that are no parameters of an estimator, with scikit-learn's error."""
    known = [name for name in estimator.get_params(deep=False) if "__" not in name]
    for name in params:
        if name.partition("__")[0] not in known:
            raise ValueError(
                f"Invalid parameter {name!r} for estimator {estimator}. Valid parameters are: "
                f"{known!r}.{_suggestion(name, known)}"
            )


class HintedParams:
    """Mixin for estimators and methods whose ``set_params`` recognises misspelt names."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; those of a part are named ``part__name``.

        Parameters
        ----------
        **params
            Parameters by name.

        Returns
        -------
        self
            The object.
        """
        refuse_unknown_names(self, params)
        return super().set_params(**params)  # type: ignore[misc]


class DunderParams(HintedParams):
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
            known = [name for name in inspect.signature(type(self)).parameters if name != "params"]
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                f"{unknown[0]!r}.{_suggestion(unknown[0], known)}"
            )
        self._dunder = dict(params)

    def _validate_params(self) -> None:
        """Check all parameters; called by scikit-learn at the beginning of ``fit``."""
        constraints = self._parameter_constraints  # type: ignore[attr-defined]
        check_params(type(self).__name__, constraints, self.get_params(deep=False))

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
        plain = {k: v for k, v in params.items() if k not in dunder}
        super().set_params(**plain)
        self._dunder = {**self._dunder, **dunder}
        return self
