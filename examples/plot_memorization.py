"""
Watching a network learn wrong labels by heart
==============================================

A network fits right labels first, and wrong ones later. How far it has come shows while it trains,
without a single label that is known to be right.
"""

# %%
# Handwritten digits, 40 % of whose labels are wrong. The right ones are kept aside, to see in the
# end what really happened.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y_right = load_digits(return_X_y=True)
y = corrupt_labels(y_right, 0.4, random_state=0)

# %%
# Every fit records the share of rows that it predicts as labelled, and as in the epoch before. With
# rows held out there is the accuracy on them, noisy as they are: it falls while the other goes on
# rising. From there on, what is learned is the noise.
from sknoisy.plots import LossDistributionDisplay, MemorizationDisplay

stopping = {"early_stopping": True, "n_iter_no_change": 60, "max_epochs": 60}
watched = NoisyLabelClassifier("ce", random_state=0, **stopping).fit(X, y)
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
MemorizationDisplay.from_estimator(watched, ax=left)
left.set_title("Cross-entropy, as it sees itself")

# %%
# With the right labels at hand one can see what becomes of the wrongly labelled samples: predicted
# right at first, and as labelled in the end.
clf, said = NoisyLabelClassifier("ce", random_state=0), []
for _ in range(60):
    said.append(clf.partial_fit(X, y, classes=range(10)).predict(X))
MemorizationDisplay.from_predictions(y, said, y_right=y_right, ax=right)
right.set_title("Cross-entropy, by the right labels")

# %%
# Some methods tell right from wrong by the losses. While little is memorised there are two heaps;
# later there will be one.
early = NoisyLabelClassifier("ce", max_epochs=10, random_state=0).fit(X, y)
late = NoisyLabelClassifier("ce", max_epochs=150, random_state=0).fit(X, y)
heaps, (first, second) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for fitted, ax, title in ((early, first, "10 epochs"), (late, second, "150 epochs")):
    LossDistributionDisplay.from_estimator(fitted, X, y, wrong=y != y_right, ax=ax)
    ax.set_title(title)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    fig.savefig(folder / "memorization.png", dpi=150)
    heaps.savefig(folder / "losses.png", dpi=150)
