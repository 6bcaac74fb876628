"""Data frames of pandas and polars, and tensors: what users pass beside arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = [
    "is_temporal",
    "names_of_rows",
    "on_host",
    "refuse_another_order",
    "refuse_frame_in_another_order",
]


def on_host(values: Any) -> Any:
    """Turn a tensor into an array and an Arrow table into a data frame; others are unchanged.

    NumPy has no bfloat16; its numbers are float32 numbers too.
    """
    if isinstance(values, torch.Tensor):
        if values.is_meta or values.layout != torch.strided:
            kind = "on the device meta" if values.is_meta else f"of layout {values.layout}"
            raise TypeError(
                f"A tensor {kind} must not be passed: its values cannot be read. Got one of shape "
                f"{tuple(values.shape)}; pass a dense tensor, an array or a sparse matrix of SciPy."
            )
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if hasattr(values, "column_names") and hasattr(values, "to_pandas"):
        return values.to_pandas()
    if type(values).__name__ == "LazyFrame":
        raise TypeError("A LazyFrame has no values yet; pass the result of its collect().")
    return values


def is_temporal(dtype: Any) -> bool:
    """Tell whether a dtype of pandas, Arrow or polars holds dates, times, durations or periods."""
    if hasattr(dtype, "is_temporal"):  # polars
        return bool(dtype.is_temporal())
    arrow = str(getattr(dtype, "pyarrow_dtype", ""))
    if arrow.startswith(("date", "time", "duration", "month")):
        return True
    named = str(dtype).startswith(("period", "interval"))
    return named or getattr(dtype, "kind", "") in "mM"


def names_of_rows(X: Any) -> Any:
    """Return the index of a pandas data frame or Series; None for anything else."""
    return X.index if hasattr(X, "iloc") else None


def refuse_another_order(what: str, names: Any, classes: np.ndarray) -> None:
    """Refuse names that are the classes in another order; any other names are accepted."""
    names, known = [] if names is None else list(names), classes.tolist()
    if names != known and len(names) == len(known) and set(names) == set(known):
        raise ValueError(f"The {what} must be the classes in their order, {known}. Got {names}.")


def refuse_frame_in_another_order(parameter: str, matrix: Any, classes: np.ndarray) -> None:
    """Refuse a data frame whose columns or rows are named by the classes in another order."""
    if hasattr(matrix, "columns"):
        refuse_another_order(f"columns of '{parameter}'", matrix.columns, classes)
        refuse_another_order(f"rows of '{parameter}'", names_of_rows(matrix), classes)
