"""
Estimate transition matrices
============================

A transition matrix contains the probability of each given label for each true class. It can be
estimated from predictions, from nearest neighbours, or from a few trusted samples.
"""

# %%
# Handwritten digits; 30 % of each digit are labelled as the next one (pair noise).
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

X, y_clean = load_digits(return_X_y=True)
y, manifest = corrupt_labels(y_clean, 0.3, kind="pair", random_state=0, return_manifest=True)

# %%
# Most estimators use out-of-fold probabilities of the given labels.
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05))
proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")
trusted = np.random.default_rng(0).random(len(y)) < 0.1
estimates = {
    "most_confident": most_confident(proba, y),
    "anchor_points": anchor_points(proba, y),
    "confident_joint": confident_joint(proba, y),
    "dual_t": dual_t(proba, y),
    "hoc": hoc(X, y),
    "gold, 10 % trusted": gold(proba, np.where(trusted, y_clean, y), trusted),
}

# %%
# The error is the sum of absolute differences to the true matrix, divided by the number of classes.
from sknoisy.plots import TransitionMatrixDisplay

fig, axes = plt.subplots(2, 3, figsize=(11, 7.5), layout="constrained")
for (name, matrix), ax in zip(estimates.items(), axes.flat, strict=True):
    error = abs(matrix - manifest.transition_matrix).sum() / 10
    TransitionMatrixDisplay(matrix).plot(ax=ax, include_values=False, colorbar=False)
    ax.set_title(f"{name}: error {error:.2f}")
fig.colorbar(axes[0, 0].images[0], ax=axes, label="probability of the given label", shrink=0.6)

# %%
# The estimated noise rate with its 95 % interval, and the true one.
estimate = noise_rate(proba, y, random_state=0)
print(f"estimated noise rate: {estimate.rate:.3f} ({estimate.low:.3f} to {estimate.high:.3f})")
print(f"true noise rate: {manifest.rate:.3f}")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    fig.savefig(folder / "transition_matrices.png", dpi=150)
