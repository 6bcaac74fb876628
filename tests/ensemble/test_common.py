"""scikit-learn's checks of OpinionPoolClassifier."""

from functools import partial
from unittest import SkipTest

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from sknoisy.ensemble import OpinionPoolClassifier

NAMED = [("lr", LogisticRegression())]


def _expected_failures(pool):
    if not pool.built_in:
        return {}
    reason = "trees and centres are drawn by the order of the rows, which these checks change"
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


with_checks = partial(parametrize_with_checks, expected_failed_checks=_expected_failures)


def run_check(estimator, check):
    """Run a check, which must not skip itself."""
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"scikit-learn skipped a check: {skipped}")


@with_checks([OpinionPoolClassifier(NAMED, built_in=False)])
def test_scikit_learn_checks_of_named_classifiers(estimator, check):
    run_check(estimator, check)


@pytest.mark.slow
@with_checks([OpinionPoolClassifier(), OpinionPoolClassifier(NAMED)])
def test_scikit_learn_checks(estimator, check):
    run_check(estimator, check)


@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_scikit_learn_runs_on_its_own_estimators(check):
    check("OpinionPoolClassifier", OpinionPoolClassifier(NAMED, built_in=False))
