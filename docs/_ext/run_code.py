"""Run the Python blocks of a page, one after another, and show under each what it prints.

The value of a last expression is shown as in a notebook, and figures as pictures. A page is run
again when its code or the library has changed; its outputs are kept in ``docs/_outputs``. A block
that needs a package that is not installed is shown without output. ``-D run_code=0`` runs nothing.
"""

import ast
import contextlib
import hashlib
import io
import json
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

import sknoisy

logger = logging.getLogger(__name__)

MAX_LINES = 30


def run_page(app, doctree):
    """Add outputs to the Python blocks of a page."""
    page = app.env.docname
    blocks = [b for b in doctree.findall(nodes.literal_block) if _runs(b)]
    if not app.config.run_code or not blocks or page.startswith(("generated/", "auto_examples/")):
        return
    sources = [b.astext() for b in blocks]
    folder = Path(app.srcdir) / "_outputs" / page
    for block, output in zip(blocks, _outputs(sources, folder, blocks), strict=True):
        _show(block, output, f"/_outputs/{page}")


def _runs(block):
    return block.get("language") == "python" and "no-run" not in block["classes"]


def _outputs(sources, folder, blocks):
    """Read the outputs of a page that was run before, or run it."""
    digest = hashlib.sha256((json.dumps(sources) + _library()).encode()).hexdigest()
    kept = folder / "outputs.json"
    if kept.exists():
        known = json.loads(kept.read_text())
        if known["digest"] == digest:
            return known["outputs"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    namespace = {"__name__": "notebook"}
    outputs, failed = [], False
    with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
        for i, (source, block) in enumerate(zip(sources, blocks, strict=True)):
            try:
                outputs.append(_run(source, namespace, folder, i))
            except ModuleNotFoundError as error:
                logger.info("%s is not installed: block not run", error.name)
                outputs.append({})
            except Exception as error:
                failed = True
                text = f"{type(error).__name__}: {error}"
                logger.warning("code block: %s", text, location=block)
                outputs.append({"text": text})
    if not failed:
        kept.write_text(json.dumps({"digest": digest, "outputs": outputs}))
    return outputs


@cache
def _library():
    """Hash the code of the library."""
    files = sorted(Path(sknoisy.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _run(source, namespace, folder, i):
    import matplotlib.pyplot as plt

    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(tree, "block", "exec"), namespace)
        if last is not None:
            code = compile(ast.Expression(last.value), "block", "eval")
            value = eval(code, namespace)
    output = {"text": printed.getvalue(), "figures": []}
    for n in plt.get_fignums():
        name = f"{i}-{n}.png"
        plt.figure(n).savefig(folder / name, dpi=100, bbox_inches="tight")
        output["figures"].append(name)
    plt.close("all")
    shows_itself = hasattr(value, "_repr_html_") and not hasattr(value, "fit")
    if shows_itself:
        output["html"] = value._repr_html_()
    elif value is not None and not output["figures"] and not hasattr(value, "fit"):
        output["text"] += repr(value)
    return output


def _show(block, output, folder):
    added = []
    text = "\n".join(output.get("text", "").strip("\n").splitlines()[:MAX_LINES])
    if text:
        added.append(nodes.literal_block(text, text, language="none", classes=["output"]))
    if output.get("html"):
        html = f'<div class="output output-html">{output["html"]}</div>'
        added.append(nodes.raw("", html, format="html"))
    for name in output.get("figures", ()):
        added.append(nodes.image(uri=f"{folder}/{name}", alt="The figure that the code draws"))
    block.parent[block.parent.index(block) + 1 : block.parent.index(block) + 1] = added


def setup(app):
    app.add_config_value("run_code", True, "env", bool)
    # Before Sphinx collects the images of a page.
    app.connect("doctree-read", run_page, priority=400)
    return {"parallel_read_safe": False}
