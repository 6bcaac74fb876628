"""Tables of measured cells: what is kept, what is measured again, and the text on their origin."""

import importlib
import json

import _cells
import pytest
from _cells import FAILED, CellTable, Origin, Row
from _fingerprint import fingerprint

OLD = Origin("0ld0ld00", "0.1.0", "2026-11-21", "")
NEW = Origin("12345678", "0.1.0", "2026-11-30", "code")


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """A table of accuracies by contender and seed, in a folder of its own."""
    monkeypatch.setattr(_cells, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(_cells, "RAW", tmp_path / "raw")
    return CellTable("some", ("contender", "seed"), {"accuracy": 4}, lambda *key: "code")


def row(accuracy, origin=NEW):
    return Row({"accuracy": accuracy}, origin)


def measured(cells, keys, **params):
    """Keys that a run measures."""
    done = []
    cells.measure_missing(keys, lambda *key: done.append(key) or {"accuracy": 0.5}, **params)
    return done


def test_a_table_is_read_as_it_was_written(cells):
    rows = {("ce", 0): row(0.5), ("ce", 10): row(FAILED, OLD), ("elr", 2): row(None)}
    cells.save(rows)
    assert cells.rows() == rows
    assert cells.path.read_text().splitlines()[0] == (
        "contender,seed,commit,version,date,fingerprint,accuracy"
    )


def test_parts_of_the_key_can_be_columns(cells):
    wide = CellTable(cells.name, ("contender", "set", "seed"), {"a": 4}, cells.code, ("set",))
    rows = {
        ("ce", "wine", 0): Row({"a": 0.5}, NEW),
        ("ce", "digits", 0): Row({"a": 0.25}, NEW),
        ("ce", "digits", 1): Row({"a": FAILED}, OLD),
    }
    wide.save(rows)
    assert wide.rows() == rows
    assert len(wide.path.read_text().splitlines()) == 3


def test_missing_cells_are_measured_and_those_that_hold_are_kept(cells):
    cells.save({("ce", 0): row(0.25)})
    assert measured(cells, [("ce", 0), ("ce", 1)]) == [("ce", 1)]
    assert measured(cells, [("ce", 0), ("ce", 1)]) == []
    rows = cells.rows()
    assert rows["ce", 0] == row(0.25)
    assert rows["ce", 1].values == {"accuracy": 0.5}
    assert rows["ce", 1].origin.fingerprint == "code"


def test_cells_of_changed_code_are_measured_after_missing_ones(cells):
    cells.save({("ce", 0): row(0.25, NEW._replace(fingerprint="other"))})
    assert measured(cells, [("ce", 0), ("ce", 1)]) == [("ce", 1), ("ce", 0)]
    assert cells.rows()["ce", 0].values == {"accuracy": 0.5}


def test_cells_without_a_fingerprint_are_kept_until_they_are_renewed(cells):
    cells.save({("ce", 0): row(0.25, OLD)})
    assert measured(cells, [("ce", 0)]) == []
    assert measured(cells, [("ce", 0)], renew=True) == [("ce", 0)]
    assert measured(cells, [("ce", 0)], renew=True) == []


def test_no_cell_begins_after_the_hours_are_over(cells):
    assert measured(cells, [("ce", 0)], hours=-1) == []


def test_a_raw_row_has_all_that_was_measured_and_the_table_what_it_needs(cells):
    cells.measure_missing([("ce", 0)], lambda *key: {"accuracy": 1 / 3, "seconds": 2.0})
    (line,) = cells.raw_path.read_text().splitlines()
    assert json.loads(line)["seconds"] == 2.0
    assert cells.rows()["ce", 0].values == {"accuracy": 0.3333}


@pytest.mark.parametrize(("date", "kept"), [("2026-11-29", 0.25), ("2026-11-30", 0.5)])
def test_of_two_measurements_of_a_cell_the_later_is_kept(cells, date, kept):
    cells.save({("ce", 0): row(0.25)})
    _cells.RAW.mkdir()
    raw = {"contender": "ce", "seed": 0, "accuracy": 0.5} | NEW._replace(date=date)._asdict()
    cells.raw_path.write_text(json.dumps(raw) + "\n")
    assert cells.rows()["ce", 0].values == {"accuracy": kept}


def test_the_text_above_a_table_counts_commits_dates_and_changed_code(cells):
    rows = {("ce", 0): row(0.5), ("ce", 1): row(0.5)}
    assert cells.origins(rows) == "2 cells, measured on 2026-11-30 at one commit."
    rows["ce", 2] = row(0.5, OLD)
    rows["ce", 3] = row(0.5, NEW._replace(fingerprint="other"))
    text = cells.origins(rows)
    assert "4 cells, measured from 2026-11-21 to 2026-11-30 at 2 commits" in text
    assert "1 of them were measured before fingerprints were kept (on 2026-11-21)" in text
    assert "The code that 1 of them used has changed since." in text
    assert cells.origin_table(rows).splitlines()[2:] == [
        "| 2026-11-21 | 0ld0ld00 | 0.1.0 | unknown | 1 |",
        "| 2026-11-30 | 12345678 | 0.1.0 | changed since | 1 |",
        "| 2026-11-30 | 12345678 | 0.1.0 | same | 2 |",
    ]


def test_every_contender_has_a_fingerprint_of_its_own():
    robustness = importlib.import_module("robustness")
    starts = {c: robustness.code_of_contender(c) for c in robustness.CONTENDERS}
    hashes = [
        fingerprint(*(part for part in parts if not isinstance(part, str)))
        for parts in starts.values()
    ]
    assert len(set(hashes)) == len(robustness.CONTENDERS)


@pytest.mark.parametrize("name", ["robustness", "scores", "auto_smoothing"])
def test_committed_cells_are_written_again_byte_for_byte(name, tmp_path, monkeypatch):
    cells = importlib.import_module(name).CELLS
    committed = cells.path.read_bytes()
    rows = cells._read_csv(committed.decode())
    assert len(rows) > 100
    assert len(cells.code(*next(iter(rows)))) == 8
    monkeypatch.setattr(_cells, "RESULTS", tmp_path)
    cells.save(rows)
    assert cells.path.read_bytes() == committed
