"""
Audit, review and train again
=============================

An audit says how many labels are wrong and which rows to look at. A person looks at a few of them,
and the next fit goes on from the answers. Here the "person" is the clean label.
"""

# %%
# 900 handwritten digits, of which a quarter have the label of another digit.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import sknoisy
from sknoisy import NoisyLabelClassifier
from sknoisy.issues import apply_review, review_sheet
from sknoisy.noise import corrupt_labels

X, y_clean = load_digits(return_X_y=True)
X, X_test, y_clean, y_test = train_test_split(X, y_clean, train_size=900, random_state=0)
y = corrupt_labels(y_clean, 0.25, random_state=0)

# %%
# The audit. ``report.save("report.html")`` writes it as a page, with a JSON file and the suspects
# beside it; ``python -m sknoisy audit data.csv --label y`` does the same for a file.
report = sknoisy.audit(X.reshape(-1, 8, 8), y, method="bagging", max_epochs=10)
print(report)

# %%
# The suspects are a review sheet: the reviewer enters the true label in ``new``.
print(report.suspects.head(3))

# %%
# The review loop: a fit, a sheet of 60 rows, the answers, and again. ``trusted`` marks the rows
# that were checked, so that they are not shown again.
labels, trusted = y, None
n_wrong, n_looks, accuracy = [np.sum(y != y_clean)], [0], []
for _ in range(4):
    clf = NoisyLabelClassifier(max_epochs=15, random_state=0).fit(X, labels)
    accuracy.append(clf.score(X_test, y_test))
    sheet = review_sheet(clf, labels, budget=60, trusted=trusted)
    sheet["new"] = y_clean[sheet["row"]]
    labels, trusted = apply_review(labels, sheet, trusted=trusted)
    n_wrong.append(np.sum(labels != y_clean))
    n_looks.append(trusted.sum())
clf = NoisyLabelClassifier(max_epochs=15, random_state=0).fit(X, labels)
accuracy.append(clf.score(X_test, y_test))
print("wrong labels:", *n_wrong)
print("accuracy on clean test labels:", *(f"{score:.3f}" for score in accuracy))

# %%
# Most looks correct a label. In random order, one look in four would.
figure = plt.figure(figsize=(10, 4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[5, 4])
ax = left.subplots()
ax.plot(n_looks, n_wrong, "o-", label="review sheets, with a new fit after each")
by_chance = n_wrong[0] * (1 - np.array(n_looks) / len(y))
ax.plot(n_looks, by_chance, "--", color="gray", label="random order, on average")
ax.set(xlabel="rows looked at", ylabel="wrong labels left", ylim=(0, None))
ax.legend()
for axis, (_, row) in zip(
    right.subplots(3, 4).flat, report.suspects.head(12).iterrows(), strict=True
):
    axis.imshow(X[row["row"]].reshape(8, 8), cmap="gray_r")
    axis.set_title(f"row {row['row']}\n{row['given']} → {row['suggested']}", fontsize=8)
    axis.set_axis_off()
right.suptitle("First suspects of the audit: given → suggested", fontsize=10)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "audit_and_review.png", dpi=100)
else:
    plt.show()
