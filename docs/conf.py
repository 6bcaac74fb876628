"""Configuration of the documentation.

Each build writes the tables of methods from METHODS. The extensions in ``_ext`` read figures and
tables of results from the output of the benchmarks, so that none is copied by hand, draw charts of
them, run the code of the pages, and draw formulas.
"""

import inspect
import sys
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

from sknoisy import METHODS
from sknoisy.methods import Method

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
sys.path.insert(0, str(HERE / "_ext"))

project = "sknoisy"
author = "the sknoisy developers"
copyright = "2026, the sknoisy developers"
release = version = installed_version("sknoisy")


def installed(*names):
    """Return the modules that are installed, so that a build does not need all of them."""
    return [name for name in names if find_spec(name.partition(".")[0])]


extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "math_svg",
    "results",
    "charts",
    "run_code",
    "cards",
    *installed("numpydoc", "sphinx_gallery.gen_gallery"),
]
html_math_renderer = "svg"
templates_path = ["_templates"]
exclude_patterns = ["_*", "**/sg_execution_times.rst", "sg_execution_times.rst"]
html_theme = (installed("pydata_sphinx_theme") or ["alabaster"])[0]
html_title = f"sknoisy {release}"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["style.css"]
html_sidebars = {"**": ["sidebar-pages"]}
html_theme_options = {
    "navbar_center": [],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

autodoc_typehints = "none"  # the docstrings are more precise
autosummary_generate = ["api.rst", "_methods_api.rst"]
toc_object_entries_show_parents = "hide"  # full names do not fit beside the page
numpydoc_show_class_members = False  # the class template lists them

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": "gallery_order.position",
    "download_all_examples": False,
    "show_memory": False,
    # What a last line such as ``ax.set_title(...)`` returns tells a reader nothing.
    "ignore_repr_types": r"matplotlib",
    # Checks the figures before the second one saves and closes them.
    "image_scrapers": ("check_figures", "matplotlib"),
}


def first_sentence(cls):
    """Return the first line of the docstring, which states the idea."""
    return inspect.getdoc(cls).splitlines()[0]


def settings(cls):
    """Return the parameters of a method with their defaults, as one line."""
    params = cls().get_params(deep=False)
    return ", ".join(f"``{name}={value!r}``" for name, value in params.items()) or "none"


def write(name, lines):
    """Write a generated page if it has changed; Sphinx would rebuild a rewritten one."""
    path, text = HERE / name, "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_methods():
    """Write the table for the methods page and the list for the API page."""
    table = [".. list-table::", "   :header-rows: 1", "   :widths: 14 16 42 18 10", ""]
    heads = ["``method=``", "Class", "Idea", "``method__*``", "Networks"]
    rows = [
        [
            f'``"{key}"``',
            f":class:`~sknoisy.methods.{cls.__name__}`",
            first_sentence(cls),
            settings(cls),
            str(cls.n_networks),
        ]
        for key, cls in METHODS.items()
    ]
    for row in [heads, *rows]:
        table += [f"   * - {row[0]}", *(f"     - {cell}" for cell in row[1:])]
    write("_methods_table.rst", table)

    names = dict.fromkeys(cls.__name__ for cls in METHODS.values())
    listing = [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
    write("_methods_api.rst", [*listing, *(f"   sknoisy.methods.{name}" for name in names)])


def write_plain_gallery():
    """Show the examples as plain source, if sphinx-gallery is not installed."""
    lines = ["Examples", "========", ""]
    for script in sorted(EXAMPLES.glob("plot_*.py")):
        title = script.stem.removeprefix("plot_").replace("_", " ").capitalize()
        lines += [title, "-" * len(title), ""]
        lines += [f".. literalinclude:: ../../examples/{script.name}", ""]
    write("auto_examples/index.rst", lines)


write_methods()
if "sphinx_gallery.gen_gallery" not in extensions:
    write_plain_gallery()


def show_init(app, what, name, obj, options, signature, returns):
    """Show the parameters of ``__init__``; Sphinx would show those of ``Method.__new__``."""
    if what != "class" or not issubclass(obj, Method):
        return None
    init = inspect.signature(obj.__init__)
    _, *params = (p.replace(annotation=p.empty) for p in init.parameters.values())
    return str(init.replace(parameters=params, return_annotation=init.empty)), None


def setup(app):
    app.connect("autodoc-process-signature", show_init)
