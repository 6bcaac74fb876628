"""
Labels from a crowd
===================

Every sample has been labelled by one to five people who err in 40 % of the cases. How much does it
help to train on all votes instead of one answer or the majority?
"""

# %%
# Handwritten digits, and the answers of five annotators, of which a sample has a random part.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.crowds import soft_labels
from sknoisy.noise import corrupt_labels

X, y_clean = load_digits(return_X_y=True)
X, X_test, y_clean, y_test = train_test_split(X, y_clean, stratify=y_clean, random_state=0)
rng = np.random.default_rng(0)
answers = np.stack([corrupt_labels(y_clean, 0.4, random_state=i) for i in range(5)], axis=1)
answers = answers.astype(float)
n_votes = rng.integers(1, 6, len(X))
for row, votes in zip(answers, n_votes, strict=True):
    row[rng.permutation(5)[votes:]] = np.nan
print(answers[:3])

# %%
# One answer per sample, the most frequent answer, and all answers as soft labels.
y_votes = soft_labels(answers)
one = np.array([rng.choice(row[~np.isnan(row)]) for row in answers]).astype(int)
targets = {
    "one answer": one,
    "majority": y_votes.idxmax(axis=1).to_numpy().astype(int),
    "all votes": y_votes,
}
methods = {"cross-entropy": "ce", "default": "distilled_pool"}
accuracy = {
    (method, target): NoisyLabelClassifier(key, random_state=0).fit(X, y).score(X_test, y_test)
    for method, key in methods.items()
    for target, y in targets.items()
}
for (method, target), value in accuracy.items():
    print(f"{method:14} {target:11} accuracy on clean test labels {value:.3f}")

# %%
# How often the majority is right depends on the number of votes: with two votes it is a coin toss
# where they differ. Soft labels leave that open.
majority = targets["majority"] == y_clean
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
counts = np.arange(1, 6)
left.bar(counts, [majority[n_votes == k].mean() for k in counts], color="C7")
left.axhline(0.6, color="C3", ls="--", label="one answer")
left.set(xlabel="votes for a sample", ylabel="fraction correct", title="The most frequent answer")
left.legend()
position = np.arange(len(targets))
for i, method in enumerate(methods):
    values = [accuracy[method, target] for target in targets]
    bars = right.bar(position + 0.38 * i, values, 0.36, color=["C7", "C1"][i], label=method)
    right.bar_label(bars, fmt="{:.2f}")
right.set_xticks(position + 0.19, list(targets))
right.set(ylim=(0, 1.2), yticks=np.linspace(0, 1, 6))
right.set(ylabel="accuracy on clean test labels", title="Trained on")
right.legend(ncols=2, loc="upper center")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "crowds.png", dpi=150)
