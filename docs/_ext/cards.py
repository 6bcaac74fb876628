"""Cards that link to pages, and the changelog as a page."""

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


class Card(SphinxDirective):
    """A box with a title that links to a page, and a line about it."""

    required_arguments = 1
    has_content = True
    option_spec = {"title": directives.unchanged_required}

    def run(self):
        box = nodes.container(classes=["card-link"])
        link = f":doc:`{self.options['title']} <{self.arguments[0]}>`"
        lines = [link, "", *self.content]
        self.state.nested_parse(StringList(lines, self.get_source_info()[0]), 0, box)
        return [box]


class Changelog(SphinxDirective):
    """The sections of CHANGELOG.md below its title."""

    def run(self):
        self.env.note_dependency(str(CHANGELOG))
        lines = as_rst(CHANGELOG.read_text().splitlines()[1:])
        body = nodes.section()
        self.state.nested_parse(StringList(lines, str(CHANGELOG)), 0, body, match_titles=True)
        return body.children


def as_rst(lines):
    """Turn the Markdown of a changelog into rst: titles, lists, tables, code and links."""
    text, in_table = [], False
    for line in lines:
        line = re.sub(r"\[([^]]+)\]\((https?://[^)]+)\)", r"`\1 <\2>`__", line)
        line = re.sub(r"(?<!`)`([^`<]+)`(?!`|_)", r"``\1``", line)
        if match := re.match(r"(##+) (.+)", line):
            mark = "-~"[len(match[1]) - 2]
            text += ["", match[2], mark * len(match[2]), ""]
        elif line.startswith("|") and not set(line) <= set("|- "):
            if not in_table:
                text += [".. list-table::", "   :header-rows: 1", ""]
            first, *rest = (cell.strip() for cell in line.strip("|").split("|"))
            text += [f"   * - {first}", *(f"     - {cell}" for cell in rest)]
        elif not line.startswith("|"):
            text.append(line)
        in_table = line.startswith("|")
    return text


def setup(app):
    app.add_directive("card", Card)
    app.add_directive("changelog", Changelog)
    return {"parallel_read_safe": True}
