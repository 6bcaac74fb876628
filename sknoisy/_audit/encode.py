"""Numbers for a network from columns of any kind, learned inside the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from sknoisy._audit.columns import to_dates, to_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["table_encoder"]

_MAX_CATEGORIES = 50
_N_HASHES, _N_COMPONENTS = 2**14, 50
_NANOSECONDS_PER_DAY = 86_400e9
# Single precision has no larger numbers, with room to standardise them.
_LARGEST = 1e30


def table_encoder(kinds: dict[Any, str]) -> ColumnTransformer:
    """Make a transformer that turns columns into numbers.

    Missing numbers become the median, and a column says where they were missing. Dates become their
    day, month, weekday and hour. Categories become one column each; rare ones share a column. Texts
    become the main components of their words or, if they are short, of parts of words.

    Parameters
    ----------
    kinds : dict of str to str
        The kind of each column, see :func:`~sknoisy._audit.columns.kinds_of_columns`.

    Returns
    -------
    ColumnTransformer
    """
    names = {kind: [n for n, k in kinds.items() if k == kind] for kind in set(kinds.values())}
    steps: list[tuple[str, TransformerMixin, Any]] = []
    for kind, make in (("numbers", _numbers), ("dates", _dates), ("categories", _categories)):
        if names.get(kind):
            steps.append((kind, make(), names[kind]))
    for i, name in enumerate(names.get("texts", [])):
        steps.append((f"text {i}", _texts(), [name]))
    return ColumnTransformer(steps, sparse_threshold=0)


def _numbers() -> TransformerMixin:
    return make_pipeline(FunctionTransformer(_read_numbers), _imputer())


def _dates() -> TransformerMixin:
    return make_pipeline(FunctionTransformer(_parts_of_dates), _imputer())


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)


def _categories() -> TransformerMixin:
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MAX_CATEGORIES, sparse_output=False
    )
    return make_pipeline(FunctionTransformer(_as_texts), encoder)


def _texts() -> TransformerMixin:
    hashes = HashingVectorizer(analyzer=_tokens, n_features=_N_HASHES, norm=None)
    components = TruncatedSVD(_N_COMPONENTS, random_state=0)
    return make_pipeline(FunctionTransformer(_first_texts), hashes, TfidfTransformer(), components)


def _read_numbers(X: pd.DataFrame) -> np.ndarray:
    numbers = np.column_stack([to_numbers(X[name]) for name in X.columns])
    return numbers.clip(-_LARGEST, _LARGEST)


def _parts_of_dates(X: pd.DataFrame) -> np.ndarray:
    parts = []
    for name in X.columns:
        dates = to_dates(X[name])
        days = dates.astype("int64").where(dates.notna()) / _NANOSECONDS_PER_DAY
        parts += [days, dates.dt.month, dates.dt.day_of_week, dates.dt.hour]
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in parts])


def _as_texts(X: pd.DataFrame) -> np.ndarray:
    """Write cells as text; missing ones are a category of their own."""
    return X.astype(object).where(X.notna(), "").astype(str).to_numpy(dtype=object)


def _first_texts(X: pd.DataFrame) -> np.ndarray:
    return _as_texts(X)[:, 0]


def _tokens(text: str) -> list[str]:
    """Split a text into its words, and short texts also into parts of words."""
    words = text.lower().split()
    if len(words) > 5:
        return words
    padded = [f" {word} " for word in words]
    return [w[i : i + 3] for w in padded for i in range(max(1, len(w) - 2))] + words
