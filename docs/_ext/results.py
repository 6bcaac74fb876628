"""Figures and tables of the committed benchmark results, read when the pages are built.

    :result:`search | Ways | GridSearchCV | wall time @2`  one number, here with two decimals
    :noisy:`ce`  :clean:`ce`                               mean accuracies of the robustness table
    :on:`music_genre rf`                                   its mean on the noisy cells of one set
    :beaten:`bagging rf`                                   on how many sets one beats the other
    .. results:: robustness | Images                       a whole table

A name that the results lack is a warning, and so an error of ``make docs``.
"""

import re
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
ALL_SETS = "Mean over noisy cells: all sets"
EACH_SET = "Each data set, noisy cells"
EACH_KIND = "Each kind of noise"

# Contenders by their names.
NAMES = {
    "distilled_pool": "default (distilled_pool)",
    "pool": "OpinionPoolClassifier",
    "lr": "logistic regression",
    "knn": "25 nearest neighbours",
    "rf": "random forest",
    "et": "extra trees",
    "svc": "support vector classifier",
    "svc_cv": "support vector classifier, C chosen",
    "vote": "soft vote of three",
    "hgb": "gradient boosting",
    "mlp": "MLPClassifier",
    "cl_mlp": "cleanlab on MLPClassifier",
    "cl_hgb": "cleanlab on gradient boosting",
    "cl_vote": "cleanlab on the soft vote",
    "ce": "ce (plain cross-entropy)",
}


class Table:
    """A table of the results: rows by their first cell, cells by the title of their column.

    Of several rows with the same first cell, the first is looked up; all are shown.
    """

    def __init__(self, lines):
        rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines]
        self.columns = rows[0]
        self.lines = rows[2:]
        self.rows: dict = {}
        for row in self.lines:
            self.rows.setdefault(row[0], row)

    def number(self, row, column):
        """Return the first number of a cell."""
        return float(re.match(r"[-+]?[\d.]+", self.rows[row][self.columns.index(column)])[0])


@cache
def sections(name):
    """Read the texts and tables of a result, by the title of their section."""
    found, title = {"": ([], None)}, ""
    table = []
    for line in [*(RESULTS / f"{name}.md").read_text().splitlines()[1:], ""]:
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            found[title] = (found[title][0], Table(table))
            table = []
        if line.startswith("## "):
            title = line[3:]
            found[title] = ([], None)
        elif line.strip():
            found[title][0].append(line)
    return found


def table(name, title=""):
    """Return the table of a section whose title begins like this."""
    for known, (_, content) in sections(name).items():
        if content is not None and known.startswith(title):
            return content
    raise KeyError(f"{name}.md has no table {title!r}")


def noisy(contender):
    """Return the mean accuracy over noisy cells in %."""
    return table("robustness", ALL_SETS).number(contender, "noisy cells")


def clean(contender):
    """Return the mean accuracy on clean labels in %."""
    return table("robustness", ALL_SETS).number(contender, "clean labels")


def on(set_and_contender):
    """Return the mean accuracy over the noisy cells of one set."""
    name, contender = set_and_contender.split()
    return table("robustness", EACH_SET).number(contender, name)


def beaten(contender_and_other):
    """Count the sets on whose noisy cells one contender is better than another."""
    one, other = contender_and_other.split()
    content = table("robustness", EACH_SET)
    better = [content.number(one, s) > content.number(other, s) for s in content.columns[1:]]
    return f"{sum(better)} of {len(better)}"


def result(text):
    """Look a cell up: name of the file, beginning of the section, row and column."""
    name, title, row, column = (part.strip() for part in text.split("|"))
    return table(name, title).number(row, column)


def estimate(which):
    """Return the mean error of the noise rate that a fit estimates, or how often it is large."""
    lines = [line for text, _ in sections("auto_smoothing").values() for line in text]
    numbers = next(
        re.findall(r"[.\d]+", line) for line in lines if line.startswith("The noise rate")
    )
    return numbers[0] if which == "mean" else numbers[2]


class Lookup(SphinxRole):
    """A role that writes what a function finds."""

    def __init__(self, find):
        super().__init__()
        self.find = find

    def run(self):
        text, _, digits = self.text.partition(" @")
        try:
            found = self.find(text)
        except (KeyError, ValueError, TypeError, FileNotFoundError) as error:
            message = self.inliner.reporter.warning(f"results: {error}", line=self.lineno)
            return [nodes.inline("?", "?")], [message]
        if isinstance(found, float):
            found = f"{found:.{digits or 1}f}"
        return [nodes.inline(found, found)], []


class Results(SphinxDirective):
    """Show a table of the results; ``columns`` and ``rows`` choose some, ``across`` turns it."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {
        "columns": directives.unchanged,
        "rows": directives.unchanged,
        "across": directives.flag,
        "text": directives.flag,
        "plain": directives.flag,
    }

    def run(self):
        name, _, title = (part.strip() for part in self.arguments[0].partition("|"))
        try:
            content = table(name, title)
        except (KeyError, FileNotFoundError) as error:
            return [self.state_machine.reporter.warning(f"results: {error}", line=self.lineno)]
        self.env.note_dependency(str(RESULTS / f"{name}.md"))
        columns = self._chosen("columns", content.columns)
        kept = [i for i, c in enumerate(content.columns) if i == 0 or c in columns]
        rows = self._chosen("rows", list(content.rows))
        chosen = [line for line in content.lines if line[0] in rows]
        if "rows" in self.options:
            chosen.sort(key=lambda line: rows.index(line[0]))
        lines = [[line[i] for i in kept] for line in [content.columns, *chosen]]
        if "plain" not in self.options:
            lines = [[NAMES.get(c, c) if i == 0 or j == 0 else c for j, c in enumerate(line)]
                     for i, line in enumerate(lines)]  # fmt: skip
        if "across" in self.options:
            lines = [list(line) for line in zip(*lines, strict=True)]
        return [make_table(lines)]

    def _chosen(self, option, known):
        text = self.options.get(option)
        if text is None:
            return known
        chosen = [part.strip() for part in text.split("|")]
        if missing := set(chosen) - set(known):
            raise self.error(f"results: {self.arguments[0]} has no {option} {sorted(missing)}")
        return chosen


class ResultsText(SphinxDirective):
    """Show what a result says above its first table: versions, seeds and dates."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        self.env.note_dependency(str(RESULTS / f"{name}.md"))
        lines, _ = sections(name)[""]
        body = nodes.container(classes=["small-print"])
        body += [nodes.paragraph(line, line.replace("*", "").replace("`", "")) for line in lines]
        return [body]


def make_table(lines):
    """Build a table whose first line is its head."""
    node = nodes.table(classes=["results"])
    group = nodes.tgroup(cols=len(lines[0]))
    group += [nodes.colspec(colwidth=1) for _ in lines[0]]
    head, body = nodes.thead(), nodes.tbody()
    for i, line in enumerate(lines):
        row = nodes.row()
        for cell in line:
            text = cell.replace("`", "").replace("\\", "")
            row += nodes.entry("", nodes.paragraph(text, text))
        (body if i else head).append(row)
    group += [head, body]
    node += group
    return node


def setup(app):
    for find in (noisy, clean, on, beaten, result, estimate):
        app.add_role(find.__name__, Lookup(find))
    app.add_directive("results", Results)
    app.add_directive("results-text", ResultsText)
    return {"parallel_read_safe": True}
