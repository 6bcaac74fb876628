"""A check of the pictures of the examples: no panel may be empty.

Sphinx-Gallery shows the figures of a block at its end and closes them, so a panel that a later
block draws into stays empty on the page.
"""

import matplotlib.pyplot as plt
from sphinx.errors import ExtensionError


def _get_sg_image_scraper():
    return check_figures


def check_figures(block, block_vars, gallery_conf):
    """Refuse figures with empty panels; the result is for Sphinx-Gallery, which adds it."""
    for number in plt.get_fignums():
        for ax in plt.figure(number).axes:
            if ax.axison and not (ax.has_data() or ax.texts):
                raise ExtensionError(
                    f"{block_vars['src_file']}: a panel of a figure is empty at the end of its "
                    "block. Draw into all panels of a figure in the block that makes it."
                )
    return ""
