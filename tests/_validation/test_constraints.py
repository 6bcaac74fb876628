"""Checks of parameters: out of range, of another type, or misspelt."""

from numbers import Integral, Real

import numpy as np
import pytest
from sklearn.utils._param_validation import Interval, StrOptions

from sknoisy._validation.constraints import Names, check_params, checked, did_you_mean

CONSTRAINTS = {
    "n": [Interval(Integral, 1, None, closed="left")],
    "rate": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
    "kind": [Names({"symmetric", "pair"})],
    "exact": ["boolean"],
    "verbose": ["verbose"],
    "seed": ["random_state"],
}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("atuo", ["auto"], " Did you mean 'auto'?"),
        ("ELR", ["elr", "elr_plus"], " Did you mean 'elr'?"),
        ("CoTeaching", ["co_teaching", "mixup"], " Did you mean 'co_teaching'?"),
        ("lambd", ["lam", "beta"], " Did you mean 'lam'?"),
        ("zzz", ["auto"], ""),
        ("", ["auto"], ""),
        (3, ["auto"], ""),
        (None, ["auto"], ""),
        ("auto", [], ""),
        ("auto", [1, None], ""),
    ],
)
def test_the_closest_name_is_suggested(name, options, expected):
    assert did_you_mean(name, options) == expected


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n": True}, "'n' parameter of f must not be a bool. Got True"),
        ({"n": 1.5}, r"'n' parameter of f must be an int in the range \[1, inf\). Got 1.5"),
        ({"n": np.nan}, "'n' parameter of f must be .* Got nan"),
        ({"n": np.True_}, "'n' parameter of f must be"),
        ({"rate": False}, "'rate' parameter of f must not be a bool. Got False"),
        ({"rate": "atuo"}, "Got 'atuo' instead. Did you mean 'auto'"),
        ({"rate": np.inf}, "'rate' parameter of f must be .* Got inf"),
        ({"kind": "symmetrik"}, "among .'pair', 'symmetric'.. Got 'symmetrik'.* mean 'symmetric'"),
        ({"kind": np.array([1, 2])}, "'kind' parameter of f must be"),
        ({"exact": "no"}, "'exact' parameter of f must be an instance of 'bool'.* Got 'no'"),
        ({"exact": 1}, "'exact' parameter of f must be .* Got 1"),
        ({"seed": "a"}, "'seed' parameter of f must be .* Got 'a'"),
        ({"seed": True}, "'seed' parameter of f must not be a bool"),
    ],
)
def test_values_outside_of_the_constraints_are_refused(params, match):
    with pytest.raises((ValueError, TypeError), match=match):
        check_params("f", CONSTRAINTS, params)


def test_values_within_the_constraints_and_other_parameters_are_accepted():
    values = {"n": np.int64(3), "rate": 0, "kind": "pair", "exact": np.True_, "verbose": True}
    check_params("f", CONSTRAINTS, {**values, "seed": None, "other": object()})


def test_decorated_function_checks_its_arguments_and_keeps_its_signature():
    @checked(n=CONSTRAINTS["n"])
    def twice(n, *, other=0):
        """Double a number."""
        return 2 * n

    assert twice(2) == twice(n=2) == 4
    assert twice.__doc__ == "Double a number."
    for call in (lambda: twice(0), lambda: twice(n=0), lambda: twice("a", other=1)):
        with pytest.raises(ValueError, match="'n' parameter of twice must be an int"):
            call()
    with pytest.raises(TypeError, match=r"twice\(\).* unexpected keyword argument 'm'"):
        twice(m=1)
