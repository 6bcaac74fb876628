"""
Quickstart: train on wrong labels, and find them
================================================

40 % of the labels are wrong, and nobody knows which. The default classifier learns well all the
same, says how noisy the labels are, and lists the samples whose label is probably wrong.
"""

# %%
# scikit-learn's handwritten digits, with 40 % symmetric label noise in the training set. The test
# labels stay clean: they only show the result.
import os
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.noise import corrupt_labels

X, y_clean = load_digits(return_X_y=True)
X, X_test, y_clean, y_test = train_test_split(X, y_clean, stratify=y_clean, random_state=0)
y = corrupt_labels(y_clean, 0.4, random_state=0)
mislabelled = y != y_clean

# %%
# The default, a plain network, and two forests. A forest whose leaves have one sample memorises.
candidates = {
    "NoisyLabelClassifier()": NoisyLabelClassifier(random_state=0),
    "forest, 10 samples in a leaf": RandomForestClassifier(min_samples_leaf=10, random_state=0),
    "forest, default": RandomForestClassifier(random_state=0),
    "plain cross-entropy": NoisyLabelClassifier("ce", random_state=0),
}
accuracy = {}
for name, candidate in candidates.items():
    accuracy[name] = candidate.fit(X, y).score(X_test, y_test)
    print(f"{name:30} accuracy on clean test labels {accuracy[name]:.3f}")

# %%
# The same fit knows how noisy the labels are.
clf = candidates["NoisyLabelClassifier()"]
print(clf.noise_report_)

# %%
# The samples whose label is probably wrong, the most suspicious first.
issues = find_label_issues(clf, y)
precision = mislabelled[issues.index].mean()
print(issues.head())
print(
    f"{len(issues)} listed, {precision:.0%} of them mislabelled; mislabelled: {mislabelled.sum()}"
)

# %%
# A picture of both: accuracies, and the most suspicious samples with their row numbers.
figure = plt.figure(figsize=(10, 4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
ax = left.subplots()
names = list(accuracy)[::-1]
bars = ax.barh(names, [accuracy[n] for n in names], color=["C7", "C7", "C7", "C1"])
ax.bar_label(bars, fmt=" {:.2f}")
ax.set(xlim=(0, 1.12), xlabel="accuracy on clean test labels")
ax.set_title("Trained on 40 % wrong labels")
ax.spines[["top", "right"]].set_visible(False)
right.suptitle("Most suspicious: given label → suggested")
for ax, (row, issue) in zip(right.subplots(2, 5).flat, issues.iterrows(), strict=False):
    ax.imshow(X[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{issue['given']:.0f} → {issue['suggested']:.0f}", size=11)
    ax.set_xlabel(f"row {row}", size=8)
    ax.set(xticks=[], yticks=[])

if "__file__" in globals():
    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "quickstart.png", dpi=150)
    print(f"The picture is in {os.path.relpath(folder / 'quickstart.png')}")
