"""Measured cells of a benchmark: one committed CSV with the origin of every row.

A cell is what one call of a benchmark's ``measure`` finds, such as a contender on a data set with
one kind of noise and one seed. Every row of ``results/NAME.csv`` has the commit, the version of
sknoisy and the date of its cells, and a fingerprint of the code that they used (`_fingerprint`).
While a benchmark runs, each cell is a line of ``raw/NAME.jsonl``, which git ignores, with all that
was measured; at the end the columns that the tables need are put into the CSV.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from _common import RESULTS, save, table

RAW = Path(__file__).parent / "raw"
FAILED = "failed"

Key = tuple[str | int, ...]
Value = float | str | None


class Origin(NamedTuple):
    """Where a measurement comes from; without a fingerprint the code is not known."""

    commit: str
    version: str
    date: str
    fingerprint: str


class Row(NamedTuple):
    """What a table needs of one cell, and where it comes from."""

    values: dict[str, Value]
    origin: Origin


@dataclass(frozen=True)
class CellTable:
    """The cells of one benchmark.

    Parameters
    ----------
    name : str
        Of the files.
    key : tuple of str
        What identifies a cell. ``seed`` is an int, everything else text.
    digits : dict of str to int
        Columns that the tables need, with the digits kept after the point.
    code : callable
        Takes a key and returns the fingerprint of the code that its cell uses.
    across : tuple of str, default=()
        Parts of the key whose values are columns of the CSV, where ``digits`` has one entry:
        fewer and longer rows.
    """

    name: str
    key: tuple[str, ...]
    digits: dict[str, int]
    code: Callable[..., str]
    across: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        """The committed file."""
        return RESULTS / f"{self.name}.csv"

    @property
    def raw_path(self) -> Path:
        """The file of what was measured here."""
        return RAW / f"{self.name}.jsonl"

    def rows(self) -> dict[Key, Row]:
        """Read the CSV and what was measured here since; of two rows of a cell the later holds."""
        rows = self._read_csv(self.path.read_text()) if self.path.exists() else {}
        for line in self.raw_path.read_text().splitlines() if self.raw_path.exists() else ():
            raw = json.loads(line)
            key = tuple(raw[name] for name in self.key)
            values = {c: _rounded(raw.get(c), n) for c, n in self.digits.items()}
            origin = Origin(*(raw[name] for name in Origin._fields))
            if key not in rows or rows[key].origin.date <= origin.date:
                rows[key] = Row(values, origin)
        return rows

    def rows_of(self, revision: str) -> dict[Key, Row]:
        """Read the CSV that was committed at a revision."""
        path = f"{revision}:./{self.path.relative_to(Path(__file__).parent)}"
        return self._read_csv(_git("show", path, folder=Path(__file__).parent))

    def save(self, rows: dict[Key, Row]) -> None:
        """Write the CSV, whole or not at all."""
        lines: dict[tuple, dict[str, Value]] = {}
        for key, row in rows.items():
            line = lines.setdefault((self._row_part(key), row.origin), {})
            if self.across:
                (value,) = row.values.values()
                line[self._column_part(key)] = value
            else:
                line |= row.values
        columns = list(dict.fromkeys(c for line in lines.values() for c in line))
        names = [n for n in self.key if n not in self.across]
        RESULTS.mkdir(exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}.tmp")
        with new.open("w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([*names, *Origin._fields, *columns])
            for (key, origin), line in sorted(lines.items(), key=lambda item: item[0]):
                values = [line.get(column) for column in columns]
                writer.writerow([*key, *origin, *("" if v is None else v for v in values)])
        new.replace(self.path)

    def _read_csv(self, text: str) -> dict[Key, Row]:
        rows: dict[Key, Row] = {}
        for line in csv.DictReader(text.splitlines()):
            origin = Origin(*(line.pop(name) for name in Origin._fields))
            known = {n: line.pop(n) for n in self.key if n not in self.across}
            if not self.across:
                rows[self._key(known)] = Row({c: _read(v) for c, v in line.items()}, origin)
                continue
            (column,) = self.digits
            for title, value in line.items():
                if value:
                    parts = dict(zip(self.across, title.split("/"), strict=True))
                    rows[self._key(known | parts)] = Row({column: _read(value)}, origin)
        return rows

    def _key(self, known: dict[str, str]) -> Key:
        return tuple(int(known[n]) if n == "seed" else known[n] for n in self.key)

    def _row_part(self, key: Key) -> Key:
        return tuple(v for n, v in zip(self.key, key, strict=True) if n not in self.across)

    def _column_part(self, key: Key) -> str:
        return "/".join(str(v) for n, v in zip(self.key, key, strict=True) if n in self.across)

    def measure_missing(
        self,
        keys: Iterable[Key],
        measure: Callable[..., dict[str, Any]],
        hours: float = 1e9,
        renew: bool = False,
    ) -> None:
        """Measure cells that have no row, then those whose code has changed.

        Parameters
        ----------
        keys : iterable of tuple
        measure : callable
            Takes a key; returns the values by column, and what else is worth a raw line.
        hours : float, default=1e9
            No cell is begun after so long.
        renew : bool, default=False
            Whether to measure also cells whose row has no fingerprint.
        """
        rows, end = self.rows(), time.monotonic() + 3600 * hours
        todo = [key for key in keys if self.state(key, rows, renew) != "holds"]
        todo.sort(key=lambda key: key in rows)
        RAW.mkdir(exist_ok=True)
        with self.raw_path.open("a", buffering=1) as out:
            for key in todo:
                if time.monotonic() > end:
                    return
                values = measure(*key)
                named = dict(zip(self.key, key, strict=True))
                out.write(json.dumps(named | values | self.origin(key)._asdict()) + "\n")

    def origin(self, key: Key) -> Origin:
        """Where a cell that is measured now comes from."""
        return Origin(commit(), version("sknoisy"), _today(), self.code(*key))

    def state(self, key: Key, rows: dict[Key, Row], renew: bool = False) -> str:
        """Return "missing", "changed" or "holds"; rows without a fingerprint hold until renewed."""
        if key not in rows:
            return "missing"
        known = rows[key].origin.fingerprint
        if not known:
            return "changed" if renew else "holds"
        try:
            return "holds" if known == self.code(*key) else "changed"
        except PackageNotFoundError:  # What is not installed here cannot be compared.
            return "holds"

    def origins(self, rows: dict[Key, Row]) -> str:
        """Describe dates and commits of the cells of a table, and whether their code changed."""
        commits = {row.origin.commit for row in rows.values()}
        text = f"{len(rows)} cell{'s' * (len(rows) != 1)}, measured {_dates(rows.values())}"
        text += (
            " at one commit."
            if len(commits) == 1
            else (f" at {len(commits)} commits, which are counted under *Origin of the cells*.")
        )
        unknown = [row for row in rows.values() if not row.origin.fingerprint]
        if unknown:
            who = "All" if len(unknown) == len(rows) else f"{len(unknown)} of them"
            text += (
                f" {who} were measured before fingerprints were kept ({_dates(unknown)}), by the "
                "code of other commits than that of this table, which may round and draw "
                "differently; their commit is the one that added the row."
            )
        changed = sum(self.state(key, rows) == "changed" for key in rows)
        if changed:
            text += f" The code that {changed} of them used has changed since."
        return text

    def origin_table(self, rows: dict[Key, Row]) -> str:
        """Count the cells of each commit and date."""
        count: Counter[tuple[str, ...]] = Counter()
        for key, row in rows.items():
            commit, number, date, known = row.origin
            code = {"holds": "same", "changed": "changed since"}[self.state(key, rows)]
            count[date, commit, number, code if known else "unknown"] += 1
        head = ["date", "commit", "sknoisy", "its code is", "cells"]
        return table(head, [[*origin, n] for origin, n in sorted(count.items())])


def _dates(rows: Iterable[Row]) -> str:
    dates = sorted({row.origin.date for row in rows})
    return f"on {dates[0]}" if len(dates) == 1 else f"from {dates[0]} to {dates[-1]}"


def _rounded(value: Any, digits: int) -> Value:
    return round(float(value), digits) if isinstance(value, int | float) else value


def _read(text: str) -> Value:
    if not text:
        return None
    return text if text == FAILED else float(text)


def _today() -> str:
    return datetime.date.today().isoformat()


@cache
def commit() -> str:
    """The commit that is checked out, with a plus sign if its code was edited; "" without git."""
    here = Path(__file__).parent
    try:
        head = _git("rev-parse", "--short=8", "HEAD", folder=here).strip()
        edited = _git("status", "--porcelain", "--", "../sknoisy", "*.py", folder=here)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + "+" * bool(edited)


def _git(*words: str, folder: Path) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def options(doc: str | None, **defaults: int) -> argparse.ArgumentParser:
    """Make the command line that all benchmarks of cells have; defaults add integer options."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the table")
    parser.add_argument("--hours", type=float, default=1e9, help="begin no cell after so long")
    parser.add_argument("--share", default="0/1", help="i/n: every n-th cell, for n processes")
    parser.add_argument(
        "--renew", action="store_true", help="measure also rows that have no fingerprint"
    )
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser


def run(
    cells: CellTable,
    chosen: argparse.Namespace,
    keys: Callable[[], Iterable[Key]],
    measure: Callable[..., dict[str, Any]],
    report: Callable[[dict[Key, Row]], str],
) -> None:
    """Measure what the options ask for, then write the CSV and the table."""
    if not chosen.table:
        i, n = map(int, chosen.share.split("/"))
        cells.measure_missing(list(keys())[i::n], measure, chosen.hours, chosen.renew)
    rows = cells.rows()
    if rows:
        cells.save(rows)
        save(cells.name, report(rows))
