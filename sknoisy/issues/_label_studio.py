"""Review sheets as tasks of Label Studio, and back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sknoisy.issues._lookup import is_empty

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_label_studio", "to_label_studio"]

# Names of the parts of the labelling interface, as in the docstring.
_CONTROL, _OBJECT = "label", "item"


def to_label_studio(sheet: pd.DataFrame, *, object_name: str = _OBJECT) -> list[dict[str, Any]]:
    """Turn a review sheet into tasks of Label Studio, with suggestions as predictions.

    Write them by ``json.dump(tasks, file)`` and import the file. The labelling interface needs a
    ``Choices`` control with the name "label", whose values are the classes:

    .. code-block:: xml

        <View>
          <Text name="item" value="$text"/>
          <Choices name="label" toName="item">
            <Choice value="cat"/> <Choice value="dog"/>
          </Choices>
        </View>

    Parameters
    ----------
    sheet : DataFrame
        The result of :func:`review_sheet`. The columns of X become the data of a task, such as
        ``$text`` for a column "text".
    object_name : str, default="item"
        Name of the object in the labelling interface to which the control belongs.

    Returns
    -------
    list of dict
        A task for each row, of numbers, text and None only.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknoisy.issues import to_label_studio
    >>> sheet = pd.DataFrame({"row": [4], "given": ["cat"], "suggested": ["dog"], "text": ["Woof"]})
    >>> to_label_studio(sheet)[0]["data"]
    {'row': 4, 'given': 'cat', 'suggested': 'dog', 'text': 'Woof'}
    """
    tasks = []
    data = sheet.drop(columns=["new", "checked"], errors="ignore")
    columns = [data.iloc[:, i].tolist() for i in range(data.shape[1])]
    for cells in zip(*columns, strict=True):
        task = {str(n): _as_json(c) for n, c in zip(data.columns, cells, strict=True)}
        choice = {
            "from_name": _CONTROL,
            "to_name": object_name,
            "type": "choices",
            "value": {"choices": [str(task["suggested"])]},
        }
        prediction = {"model_version": "sknoisy", "result": [choice]}
        tasks.append({"data": task, "predictions": [prediction]})
    return tasks


def from_label_studio(tasks: Any) -> pd.DataFrame:
    """Read the answers from a JSON export of Label Studio.

    Parameters
    ----------
    tasks : list of dict, str or path
        The export in the format "JSON" (not "JSON-MIN"), or the path of its file. Tasks that were
        skipped or not annotated are not answered.

    Returns
    -------
    DataFrame
        A review sheet for :func:`apply_review`, with the columns ``row``, ``given``,
        ``suggested``, ``new`` and ``checked``.

    Raises
    ------
    ValueError
        If tasks were not made by :func:`to_label_studio`, or annotations of a task differ.

    Examples
    --------
    >>> from sknoisy.issues import from_label_studio
    >>> result = [{"type": "choices", "value": {"choices": ["dog"]}}]
    >>> task = {"data": {"row": 4, "given": "cat"}, "annotations": [{"result": result}]}
    >>> from_label_studio([task])[["given", "new"]].iloc[0].tolist()
    ['cat', 'dog']
    """
    import pandas as pd

    if isinstance(tasks, (str, os.PathLike)):
        tasks = json.loads(Path(tasks).read_text(encoding="utf-8"))
    if not isinstance(tasks, list):
        raise TypeError(
            "The 'tasks' parameter of from_label_studio must be a list of tasks or the path of a "
            f"JSON export. Got {type(tasks).__name__} instead."
        )
    rows = []
    for number, task in enumerate(tasks):
        data = task.get("data", {}) if isinstance(task, dict) else {}
        if not {"row", "given"} <= set(data):
            raise ValueError(
                f"Task {number} has no data 'row' and 'given': export the tasks that "
                "to_label_studio made, in the format JSON."
            )
        new = _annotation(data["row"], task)
        rows.append([data["row"], data["given"], data.get("suggested"), new, new is not None])
    columns = ["row", "given", "suggested", "new", "checked"]
    return pd.DataFrame(rows, columns=columns).astype({"new": object, "checked": bool})


def _annotation(row: Any, task: dict[str, Any]) -> str | None:
    """Return the label on which all annotations of a task agree, or None if there are none."""
    choices = {
        tuple(result["value"]["choices"])
        for annotation in task.get("annotations", [])
        if not annotation.get("was_cancelled")
        for result in annotation.get("result", [])
        if result.get("type") == "choices"
    }
    if not choices:
        return None
    if len(choices) > 1 or len(next(iter(choices))) != 1:
        raise ValueError(f"Row {row!r} has several labels in the annotations: {sorted(choices)}.")
    return str(next(iter(choices))[0])


def _as_json(value: Any) -> Any:
    """Turn a cell into a number, text or None."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (bool, int, str)):
        return value
    if is_empty(value):
        return None
    return value if isinstance(value, float) and np.isfinite(value) else str(value)
