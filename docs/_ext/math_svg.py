"""Formulas as inline SVG, drawn by matplotlib in the build: a reader fetches nothing."""

from functools import cache
from html import escape

from docutils.nodes import SkipNode
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath
from sphinx.util import logging

logger = logging.getLogger(__name__)

COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
# matplotlib has other names for these signs.
SAME = {r"\lVert": r"\Vert ", r"\rVert": r"\Vert ", r"\ldots": r"\dots "}
EM = TextToPath.FONT_SCALE


@cache
def svg(formula, display):
    """Draw a formula in the colour of the text around it, on its baseline."""
    text, font = TextToPath(), FontProperties(size=EM, math_fontfamily="cm")
    drawn = " ".join(formula.split())
    for name, same in SAME.items() | ({(r"\frac", r"\dfrac")} if display else set()):
        drawn = drawn.replace(name, same)
    drawn = f"${drawn}$"
    width, height, depth, *_ = text.mathtext_parser.parse(drawn, text.DPI, font)
    outline = _outline(*text.get_text_path(font, drawn, ismath=True))
    return (
        f'<svg class="formula" role="img" aria-label="{escape(formula, quote=True)}" '
        f'style="width:{width / EM:.3f}em;height:{height / EM:.3f}em;'
        f'vertical-align:{-depth / EM:.3f}em" '
        f'viewBox="0 {depth - height:.2f} {width:.2f} {height:.2f}">'
        f'<path fill="currentColor" d="{outline}"/></svg>'
    )


def _outline(vertices, codes):
    """Write the path of a text; SVG counts downwards."""
    parts, i = [], 0
    while i < len(codes):
        if codes[i] == Path.CLOSEPOLY:
            parts.append("Z")
            i += 1
            continue
        n = Path.NUM_VERTICES_FOR_CODE[codes[i]]
        points = " ".join(f"{x:.1f} {-y:.1f}" for x, y in vertices[i : i + n])
        parts.append(COMMANDS[codes[i]] + points)
        i += n
    return "".join(parts)


def _draw(node, display):
    try:
        return svg(node.astext(), display)
    except ValueError as error:
        logger.warning("formula %r: %s", node.astext(), error, location=node)
        return escape(node.astext())


def visit_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(f'<span class="math">{_draw(node, display=False)}</span>')
    raise SkipNode


def visit_block(translator, node):
    """Write a formula on a line of its own; a wide one scrolls in its box."""
    translator.body.append(f'<div class="math formula-line">{_draw(node, display=True)}</div>')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("svg", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
