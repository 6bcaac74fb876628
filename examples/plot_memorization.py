"""
Watch a network memorise noisy labels
=====================================

A network fits clean labels first and noisy labels later. Its progress can be seen during training,
without any clean labels.
"""

# %%
# Handwritten digits with 40 % noisy labels. The clean labels are only used at the end.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y_clean = load_digits(return_X_y=True)
y = corrupt_labels(y_clean, 0.4, random_state=0)

# %%
# Every fit records the fraction of samples predicted as labelled, and as in the previous epoch.
# With early stopping it also records the accuracy on held-out samples, whose labels are noisy too.
# When this accuracy falls while the training accuracy still rises, the network memorises noise.
from sknoisy.plots import LossDistributionDisplay, MemorizationDisplay

stopping = {"early_stopping": True, "n_iter_no_change": 60, "max_epochs": 60}
watched = NoisyLabelClassifier("ce", random_state=0, **stopping).fit(X, y)

# %%
# The clean labels show what happens to mislabelled samples: first they are predicted correctly, and
# later as labelled.
clf, predictions = NoisyLabelClassifier("ce", random_state=0), []
for _ in range(60):
    predictions.append(clf.partial_fit(X, y, classes=range(10)).predict(X))
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
MemorizationDisplay.from_estimator(watched, ax=left)
left.set_title("Cross-entropy, by the noisy labels")
MemorizationDisplay.from_predictions(y, predictions, y_clean=y_clean, ax=right)
right.set_title("Cross-entropy, by the clean labels")

# %%
# Some methods separate clean from noisy labels by the losses. The distribution has two modes
# while little is memorised, and one mode later.
early = NoisyLabelClassifier("ce", max_epochs=10, random_state=0).fit(X, y)
late = NoisyLabelClassifier("ce", max_epochs=150, random_state=0).fit(X, y)
losses, (first, second) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for fitted, ax, title in ((early, first, "10 epochs"), (late, second, "150 epochs")):
    LossDistributionDisplay.from_estimator(fitted, X, y, mislabelled=y != y_clean, ax=ax)
    ax.set_title(title)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    fig.savefig(folder / "memorization.png", dpi=150)
    losses.savefig(folder / "losses.png", dpi=150)
