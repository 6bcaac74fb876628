"""Constraints on parameters, in the format of scikit-learn, and suggestions for misspelt names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ParamSpec, TypeVar

from sklearn.utils._param_validation import (
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

__all__ = ["Names", "check_options", "check_params", "checked", "did_you_mean"]

P = ParamSpec("P")
R = TypeVar("R")

# The constraints of scikit-learn that allow True and False.
_ALLOW_BOOLEANS = {"boolean", "verbose"}


class Names(StrOptions):
    """Constraint on a str parameter; the error message lists the options alphabetically."""

    def __str__(self) -> str:
        return f"a str among {sorted(self.options)}"


def did_you_mean(name: Any, options: Iterable[Any]) -> str:
    """Suggest the option that a misspelt name is closest to, as a sentence after a space.

    Returns
    -------
    str
        Empty if no option is similar.
    """
    if not isinstance(name, str):
        return ""
    by_lower_case = {option.lower(): option for option in options if isinstance(option, str)}
    close = get_close_matches(name.lower(), by_lower_case, n=1)
    return f" Did you mean {by_lower_case[close[0]]!r}?" if close else ""


def check_params(
    owner: str, constraints: Mapping[str, list[Any]], params: Mapping[str, Any]
) -> None:
    """Check parameters of a class or function; those without a constraint are not checked.

    As in scikit-learn, but True and False are no numbers, and misspelt names are recognised.

    Parameters
    ----------
    owner : str
        Name of the class or function, for error messages.
    constraints : mapping from str to list
        For each parameter the constraints of which it must meet one.
    params : mapping from str to object

    Raises
    ------
    InvalidParameterError
        A ValueError and TypeError, if a parameter meets none of its constraints.
    """
    for name, value in params.items():
        allowed = constraints.get(name)
        if allowed is None:
            continue
        named = {constraint for constraint in allowed if isinstance(constraint, str)}
        if isinstance(value, bool) and not named & _ALLOW_BOOLEANS:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must not be a bool. Got {value!r} instead."
            )
        try:
            validate_parameter_constraints({name: allowed}, {name: value}, owner)
        except InvalidParameterError as error:
            sets = [c.options for c in allowed if isinstance(c, StrOptions)]
            hint = did_you_mean(value, set().union(*sets))
            raise InvalidParameterError(f"{error}{hint}") from None
        except TypeError:  # A number that NumPy does not know, such as a Fraction.
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must be an int or a float. Got {value!r} "
                "instead."
            ) from None


def check_options(owner: str, name: str, value: Any, options: Iterable[str]) -> None:
    """Check that a parameter of a class or function is one of some names."""
    check_params(owner, {name: [Names(set(options))]}, {name: value})


def checked(**constraints: list[Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a decorator that checks arguments of a function before it is called.

    Parameters
    ----------
    **constraints : list
        For each parameter the constraints of which it must meet one.

    Returns
    -------
    callable
        The decorator; the function keeps its signature and docstring.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                params = signature.bind(*args, **kwargs).arguments
            except TypeError:
                # Python's own error names the function.
                return function(*args, **kwargs)
            check_params(function.__name__, constraints, params)
            return function(*args, **kwargs)

        return call

    return decorate
