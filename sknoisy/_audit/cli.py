"""The command ``python -m sknoisy audit``: a CSV file in, a report out."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sknoisy._audit.findings import SEVERITIES
from sknoisy._audit.read import read_columns
from sknoisy._audit.report import refuse_answered_sheet, sheet_beside
from sknoisy._audit.run import audit
from sknoisy.methods import METHODS

__all__ = ["main"]

_OK, _FOUND, _USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        None: those of the process.

    Returns
    -------
    int
        The exit code: 0, 1 if ``--fail-on`` is met by a finding, 2 if the audit cannot be made.
    """
    options = _parser().parse_args(arguments)
    try:
        return _audit(options)
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"sknoisy audit: error: {error}", file=sys.stderr)
    except Exception:
        # Python would exit with 1, which means that there are findings.
        traceback.print_exc()
    return _USAGE


def _audit(options: argparse.Namespace) -> int:
    out = Path(options.out)
    outputs = [out, out.with_suffix(".json"), sheet_beside(out)]
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out must end with .html. Got {options.out!r} instead.")
    if not out.parent.is_dir():
        raise ValueError(f"--out: there is no folder {str(out.parent)!r}.")
    data = Path(options.data)
    if any(path.exists() and data.exists() and path.samefile(data) for path in outputs):
        raise ValueError(f"--out would replace the data {options.data!r}.")
    refuse_answered_sheet(sheet_beside(out))
    columns = read_columns(
        data, options.label, options.groups, options.trusted, options.sep, options.encoding
    )
    encoder = "columns" if options.encoder == "columns" else _skrub_encoder()
    params = {} if options.max_epochs is None else {"max_epochs": options.max_epochs}
    report = audit(
        columns.X,
        columns.y,
        groups=columns.groups,
        trusted=columns.trusted,
        ignore=options.ignore,
        images=options.images,
        folder=data.parent,
        method=options.method,
        encoder=encoder,
        random_state=options.seed,
        verbose=int(not options.quiet),
        title=f"Label audit of {data.name}, column {options.label}",
        **params,
    )
    report.save(out)
    if not options.quiet:
        print(report)
        print("Written:", *outputs)
    failed = options.fail_on is not None and report.is_at_least(options.fail_on)
    return _FOUND if failed else _OK


def _skrub_encoder() -> Any:
    try:
        from skrub import TableVectorizer
    except ImportError as error:
        raise ImportError("--encoder skrub needs the package skrub: pip install skrub.") from error
    return TableVectorizer()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sknoisy", description="Tools for noisy labels")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser(
        "audit",
        help="find wrong labels in a CSV file and write a report",
        description="Find wrong labels in a CSV file. Writes a page, and beside it a JSON file and "
        "the suspects as a CSV file. The data are not changed.",
        epilog="Exit codes: 0, 1 if there is a finding of the severity --fail-on, 2 if the audit "
        "cannot be made.",
    )
    add = command.add_argument
    add("data", help="CSV file with a header; .gz, .zip and .xz are unpacked")
    add("--label", required=True, metavar="COLUMN", help="the column with the labels")
    add("--groups", metavar="COLUMN", help="rows with the same entry depend on each other")
    add("--trusted", metavar="COLUMN", help="true where the label is known to be clean")
    add("--ignore", action="append", default=[], metavar="COLUMN",
        help="show this column, but do not use it, such as a key; may be repeated")  # fmt: skip
    add("--images", metavar="COLUMN", help="paths of images, relative to the CSV file")
    add("--method", default="distilled_pool", choices=sorted(METHODS), metavar="METHOD",
        help="a method of NoisyLabelClassifier (default: %(default)s)")  # fmt: skip
    add("--encoder", default="columns", choices=("columns", "skrub"),
        help="what turns columns into numbers (default: %(default)s)")  # fmt: skip
    add("--max-epochs", type=int, metavar="N", help="epochs of training")
    add("--seed", type=int, default=0, metavar="N", help="random seed (default: %(default)s)")
    add("--sep", default=",", help="separator of the columns (default: a comma)")
    add("--encoding", default="utf-8", help="of the file (default: %(default)s)")
    add("--out", default="report.html", metavar="FILE", help="default: %(default)s")
    add("--fail-on", choices=SEVERITIES, help="exit with 1 if a finding is at least so severe")
    add("--quiet", action="store_true", help="print nothing but errors")
    return parser
