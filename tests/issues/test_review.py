"""The review loop: a sheet, its answers, and a fit that goes on from there."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import (
    apply_review,
    find_label_issues,
    from_label_studio,
    next_to_check,
    review_sheet,
    to_label_studio,
)
from tests.factories import noisy_digits

MATRIX = [[0.8, 0.2], [0.2, 0.8]]
PROBA = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.9, 0.1]])
COLUMNS = ["row", "given", "suggested", "new", "checked"]


def labels_of(classes, index=None):
    """Three labels that are probably wrong, and one that is right."""
    return pd.Series([classes[0], classes[0], classes[0], classes[0]], index=index), classes


def sheet_of(y, classes, **params):
    return review_sheet(PROBA, y, transition_matrix=MATRIX, classes=classes, **params)


def test_sheet_holds_the_issues_in_the_order_of_next_to_check():
    sheet = sheet_of([0, 0, 0, 0], [0, 1])
    assert list(sheet.columns) == COLUMNS
    rows = next_to_check(PROBA, [0, 0, 0, 0], 3, transition_matrix=MATRIX, classes=[0, 1])
    assert sheet["row"].tolist() == rows.tolist() == [0, 1, 2]
    assert sheet["suggested"].tolist() == [1, 1, 1]
    assert sheet["new"].isna().all()
    assert not sheet["checked"].any()
    assert len(sheet_of([0, 0, 0, 0], [0, 1], budget=1)) == 1
    assert len(sheet_of([0, 0, 0, 0], [0, 1], budget=4)) == 4


@pytest.mark.parametrize(
    ("X", "columns"),
    [
        (
            pd.DataFrame({"age": range(4), "new": range(4), "new_": range(4)}),
            ["age", "new__", "new_"],
        ),
        (pd.Series(list("abcd"), name="path"), ["path"]),
        (np.arange(8).reshape(4, 2), [0, 1]),
        (["a", "b", "c", "d"], [0]),
    ],
    ids=["frame", "series", "array", "list"],
)
def test_sheet_shows_the_rows_of_x(X, columns):
    sheet = sheet_of([0, 0, 0, 0], [0, 1], X=X, budget=2)
    assert list(sheet.columns) == [*COLUMNS, *columns]
    assert_array_equal(sheet[columns], np.asarray(X).reshape(4, -1)[[0, 1]])


def test_images_and_other_lengths_are_refused_for_the_sheet():
    with pytest.raises(ValueError, match=r"must be a table or a column.*\(4, 2, 2\)"):
        sheet_of([0, 0, 0, 0], [0, 1], X=np.zeros((4, 2, 2)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sheet_of([0, 0, 0, 0], [0, 1], X=np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("classes", "index"),
    [
        ([0, 1], None),
        ([-1, 1], [10, 20, 30, 40]),
        ([1.0, 2.0], None),
        ([False, True], None),
        (["1", "2"], ["007", "7", "08", "x"]),
        (["NA", "None"], ["NA", "nan", "", "None"]),
        (["no", "yes"], pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"])),
        (["a,b", 'c"d\n'], ["é", "<b>", "=1+1", "a b"]),
    ],
    ids=["int", "negative", "float", "bool", "digits", "missing words", "dates", "quotes"],
)
@pytest.mark.parametrize("way", ["frame", "csv", "read_csv", "label studio"])
def test_answers_survive_a_file(tmp_path, classes, index, way):
    y, classes = labels_of(classes, index)
    sheet = sheet_of(y, classes)
    sheet.loc[0, "new"] = classes[1]
    sheet.loc[1, "checked"] = True
    file = tmp_path / "sheet.csv"
    if way == "csv":
        sheet.to_csv(file, index=False)
        sheet = file
    elif way == "read_csv":
        if classes[0] == "NA" or "007" in list(y.index):
            pytest.skip("pandas changes these words; pass the path instead")
        sheet.to_csv(file, index=False)
        sheet = pd.read_csv(file)
    elif way == "label studio":
        tasks = to_label_studio(sheet)
        for task, answer in zip(tasks, [classes[1], classes[0], None], strict=True):
            if answer is not None:
                result = [{"type": "choices", "value": {"choices": [str(answer)]}}]
                task["annotations"] = [{"result": result}]
        sheet = tmp_path / "export.json"
        sheet.write_text(json.dumps(tasks))
    corrected, trusted = apply_review(y, sheet, classes=classes)
    assert corrected.tolist() == [classes[1], classes[0], classes[0], classes[0]]
    assert corrected.index.equals(y.index)
    assert corrected.dtype == y.dtype
    assert trusted.tolist() == [True, True, False, False]
    assert y.tolist() == [classes[0]] * 4


@pytest.mark.parametrize("mark", [True, "TRUE", "true", 1, 1.0, "1", "x", "Yes", " y "])
def test_marks_that_confirm_the_given_label(mark):
    sheet = pd.DataFrame({"row": [1], "given": ["a"], "new": [""], "checked": [mark]})
    assert apply_review(["a", "a", "b"], sheet)[1].tolist() == [False, True, False]


@pytest.mark.parametrize("mark", [False, "FALSE", 0, 0.0, "", None, np.nan, "no"])
def test_rows_that_are_not_marked_are_unchanged(mark):
    sheet = pd.DataFrame(
        {"row": [0, 1], "given": ["a", "a"], "new": ["b", " "], "checked": [mark, mark]}
    )
    y, trusted = apply_review(["a", "a", "b"], sheet)
    assert y.tolist() == ["b", "a", "b"]
    assert trusted.tolist() == [True, False, False]


def test_sheets_add_up_and_a_sheet_may_be_applied_twice():
    y = np.array(["a", "a", "b"])
    first = pd.DataFrame({"row": [0], "given": ["a"], "new": ["b"], "checked": [True]})
    second = pd.DataFrame({"row": [2], "given": ["b"], "new": [None], "checked": [True]})
    once, trusted = apply_review(y, first)
    twice, _ = apply_review(once, first)
    assert_array_equal(once, twice)
    corrected, trusted = apply_review(once, second, trusted=trusted)
    assert corrected.tolist() == ["b", "a", "b"]
    assert trusted.tolist() == [True, False, True]
    assert y.tolist() == ["a", "a", "b"]


def test_a_new_label_may_be_longer_than_all_before():
    sheet = pd.DataFrame({"row": [0], "given": ["a"], "new": ["a long label"], "checked": [True]})
    y, _ = apply_review(np.array(["a", "b"]), sheet, classes=["a", "a long label", "b"])
    assert y.tolist() == ["a long label", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row": [0, 9]}, r"rows that are not in y: 9\."),
        ({"row": [1, 1]}, r"rows that occur more than once: 1\."),
        ({"row": [1, "1"]}, r"rows that occur more than once: 1, '1'\."),
        (
            {"new": ["c", None]},
            r"not among the classes \['a', 'b'\]: 'c' in row 0\. Pass 'classes'",
        ),
        ({"checked": ["maybe", False]}, r"must hold True or False. Got 'maybe' in row 0"),
        ({"given": ["b", "a"]}, r"other labels than y.*row 0 has the label 'a' in y and 'b'"),
        (
            {"new": [None, None], "checked": [False, False]},
            "No row of the review sheet is answered",
        ),
    ],
    ids=["unknown", "repeated", "repeated as text", "label", "checked", "given", "empty"],
)
def test_faults_of_a_sheet_raise(change, message):
    fields = {"row": [0, 1], "given": ["a", "a"], "new": ["b", None], "checked": [True, True]}
    y = np.array(["a", "a", "b"])
    if "given" in change:
        fields["new"] = [None, None]
    with pytest.raises(ValueError, match=message):
        apply_review(y, pd.DataFrame(fields | change))
    assert y.tolist() == ["a", "a", "b"]


def test_sheets_of_another_form_raise():
    with pytest.raises(TypeError, match=r"must be a DataFrame or the path of a file\. Got list"):
        apply_review(["a", "b"], [1])
    with pytest.raises(ValueError, match=r"must have the columns 'row', .*Got \['row'\]"):
        apply_review(["a", "b"], pd.DataFrame({"row": [0]}))


def test_names_of_rows_must_be_distinct():
    y = pd.Series(["a", "a", "b", "a"], index=["r", "s", "r", "t"])
    with pytest.raises(ValueError, match=r"must be distinct.*'r' occurs several times"):
        sheet_of(y, ["a", "b"])
    sheet = pd.DataFrame({"row": ["r"], "given": ["a"], "new": ["b"], "checked": [True]})
    with pytest.raises(ValueError, match=r"must be distinct.*'r' occurs several times"):
        apply_review(y, sheet)
    corrected, _ = apply_review(list(y), sheet, names=["r", "s", "u", "v"])
    assert corrected.tolist() == ["b", "a", "b", "a"]
    with pytest.raises(ValueError, match="'names' parameter of apply_review must have 4 entries"):
        apply_review(list(y), sheet, names=["r"])


def test_label_studio_tasks_are_json_and_carry_the_suggestion():
    X = pd.DataFrame(
        {
            "when": pd.to_datetime(["2020-01-01"] * 4),
            "n": [1, 2, 3, 4],
            "none": [np.nan, np.inf, 1.5, None],
        }
    )
    tasks = to_label_studio(sheet_of(["no"] * 4, ["no", "yes"], X=X))
    assert json.loads(json.dumps(tasks, allow_nan=False)) == tasks
    assert tasks[1]["data"] == {
        "row": 1,
        "given": "no",
        "suggested": "yes",
        "when": "2020-01-01 00:00:00",
        "n": 2,
        "none": "inf",
    }
    assert tasks[0]["data"]["none"] is None
    result = tasks[0]["predictions"][0]["result"][0]
    assert result["value"] == {"choices": ["yes"]}
    assert (result["from_name"], result["to_name"]) == ("label", "item")


def test_skipped_and_disputed_annotations():
    def annotated(*labels, skipped=False):
        notes = [
            {
                "was_cancelled": skipped,
                "result": [{"type": "choices", "value": {"choices": [label]}}],
            }
            for label in labels
        ]
        return [{"data": {"row": 0, "given": "a", "suggested": "b"}, "annotations": notes}]

    assert from_label_studio(annotated("b", "b"))["new"].tolist() == ["b"]
    assert from_label_studio(annotated("b", skipped=True))["checked"].tolist() == [False]
    with pytest.raises(ValueError, match=r"Row 0 has several labels.*'a'.*'b'"):
        from_label_studio(annotated("a", "b"))
    with pytest.raises(ValueError, match="Task 0 has no data 'row' and 'given'"):
        from_label_studio([{"text": "x"}])
    with pytest.raises(TypeError, match="must be a list of tasks or the path"):
        from_label_studio({"data": 1})


@pytest.mark.slow
def test_refit_goes_on_from_the_answers():
    X, noisy = noisy_digits(600)
    clean = noisy_digits(600, noise_rate=0)[1]
    y, trusted = noisy, None
    n_wrong = [(y != clean).sum()]
    looked_at = set()
    for _ in range(3):
        clf = NoisyLabelClassifier(random_state=0).fit(X, y, trusted=trusted)
        sheet = review_sheet(clf, y, budget=60)
        assert not looked_at & set(sheet["row"])
        looked_at |= set(sheet["row"])
        sheet["new"] = clean[sheet["row"]]
        y, trusted = apply_review(y, sheet, trusted=trusted)
        assert trusted.sum() == len(looked_at)
        n_wrong.append((y != clean).sum())
    # 30 % are wrong: most looks at the first sheets correct a label.
    assert n_wrong[0] - n_wrong[1] > 50
    assert n_wrong[1] - n_wrong[2] > 45
    clf = NoisyLabelClassifier(random_state=0).fit(X, y, trusted=trusted)
    assert not set(find_label_issues(clf, y).index) & looked_at
