"""Numbers from columns of any kind."""

import numpy as np
import pandas as pd

from sknoisy._audit.columns import kinds_of_columns
from sknoisy._audit.encode import table_encoder


def test_all_kinds_become_numbers_without_missing_ones(table):
    X, _, _ = table
    kinds = kinds_of_columns(X)
    assert [kind.split(":")[0] for kind in kinds.values()] == [
        "left out", "categories", "numbers", "dates", "categories", "left out",
    ]  # fmt: skip
    encoder = table_encoder(kinds)
    encoded = encoder.fit_transform(X.iloc[:300])
    assert encoded.dtype == float
    assert np.isfinite(encoded).all()
    # A number and where it is missing; four parts of a date; four kinds with the missing one.
    assert encoded.shape == (300, 2 + 4 + 4 + X["note"].iloc[:300].nunique())
    # Words, categories and numbers that were never seen have a place, too.
    new = X.iloc[300:].assign(kind="never seen", note="purple", when="no date")
    assert np.isfinite(encoder.transform(new)).all()


def test_parts_of_dates_and_missing_numbers():
    X = pd.DataFrame({"when": ["2021-03-04 06:00", "2021-03-05 07:30", None], "n": [1.0, None, 3]})
    encoded = table_encoder({"when": "dates", "n": "numbers"}).fit_transform(X)
    # Numbers come first: the median and where it stands.
    np.testing.assert_array_equal(encoded[:, :2], [[1, 0], [2, 1], [3, 0]])
    np.testing.assert_allclose(encoded[0, 2:6], [18690.25, 3, 3, 6])
    np.testing.assert_array_equal(encoded[:, -1], [0, 0, 1])


def test_numbers_that_single_precision_lacks_are_limited():
    X = pd.DataFrame({"n": [1e300, -1e300, np.inf, 2.0]})
    encoded = table_encoder({"n": "numbers"}).fit_transform(X)
    np.testing.assert_array_equal(encoded[:, 0], [1e30, -1e30, 2, 2])


def test_similar_texts_are_near_each_other():
    texts = ["late delivery", "late deliveries", "broken screen", "broken screens"] * 20
    encoded = table_encoder({"t": "texts"}).fit_transform(pd.DataFrame({"t": texts}))
    same = np.linalg.norm(encoded[0] - encoded[1])
    assert same < 0.7 * np.linalg.norm(encoded[0] - encoded[2])
