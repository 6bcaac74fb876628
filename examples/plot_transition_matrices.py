"""
How labels were changed, by six estimators
==========================================

A transition matrix says how often each label is given where each is true. It can be estimated from
predictions, from neighbours, or from a few labels that somebody has checked.
"""

# %%
# Handwritten digits; three in ten labels of each digit are those of the next one.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy.noise import corrupt_labels
from sknoisy.transition import (
    anchor_points,
    confident_joint,
    dual_t,
    gold,
    hoc,
    most_confident,
    noise_rate,
)

X, y_right = load_digits(return_X_y=True)
y, manifest = corrupt_labels(y_right, 0.3, kind="pair", random_state=0, return_manifest=True)

# %%
# Most read probabilities of the given labels, for samples whose own label the model has not seen.
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05))
proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")
checked = np.random.default_rng(0).random(len(y)) < 0.1
found = {
    "most_confident": most_confident(y, proba),
    "anchor_points": anchor_points(y, proba),
    "confident_joint": confident_joint(y, proba),
    "dual_t": dual_t(y, proba),
    "hoc": hoc(y, X),
    "gold, a tenth checked": gold(np.where(checked, y_right, y), proba, checked),
}

# %%
# The error is the sum of absolute differences for each class.
from sknoisy.plots import TransitionMatrixDisplay

fig, axes = plt.subplots(2, 3, figsize=(11, 7.5), layout="constrained")
for (name, matrix), ax in zip(found.items(), axes.flat, strict=True):
    error = abs(matrix - manifest.transition_matrix).sum() / 10
    shown = TransitionMatrixDisplay(matrix)
    shown.plot(ax=ax, include_values=False, colorbar=False)
    ax.set_title(f"{name}: off by {error:.2f}")

# %%
# The share of wrong labels, with an interval, and what it is in truth.
found_rate = noise_rate(y, proba, random_state=0)
print(f"found {found_rate.rate:.3f} ({found_rate.low:.3f} to {found_rate.high:.3f})")
print(f"in truth {manifest.rate:.3f}")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    fig.savefig(folder / "transition_matrices.png", dpi=150)
