"""The order of the examples: the first steps first, what few need last."""

FIRST = (
    "quickstart", "label_audit", "audit_and_review", "dataframe", "text", "image_folder",
    "frozen_embeddings", "crowds", "groups", "auto_smoothing", "methods", "memorization", "search",
    "transition_matrices", "noisy_scores", "right_labels", "own_method",
)  # fmt: skip


def position(filename):
    """Return the place of an example; those that are not named come last."""
    name = filename.removeprefix("plot_").removesuffix(".py")
    return FIRST.index(name) if name in FIRST else len(FIRST), name
