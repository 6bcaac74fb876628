"""
Find mislabelled samples
========================

Some handwritten digits have the label of the next digit. One fit with default settings estimates
the transition matrix, finds mislabelled samples and suggests their labels.
"""

# %%
# scikit-learn's digits; 30 % of each even digit are labelled as the odd digit after it. The clean
# labels only evaluate the results.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.noise import asymmetric, corrupt_labels

X, y_clean = load_digits(return_X_y=True)
X, X_test, y_clean, y_test = train_test_split(X, y_clean, random_state=0)
T = asymmetric(10, 0.3, {digit: digit + 1 for digit in range(0, 10, 2)})
y = corrupt_labels(y_clean, T, random_state=0)

# %%
# The default method has out-of-bag predictions for all training samples, so one fit is enough.
clf = NoisyLabelClassifier(random_state=0).fit(X, y)
print(f"accuracy on clean test labels: {clf.score(X_test, y_test):.3f}")

# %%
# The noise report, computed from these predictions. In a notebook it is shown as a table.
print(clf.noise_report_)

# %%
# The estimated transition matrix:
from sknoisy.plots import LabelQualityDisplay, TransitionMatrixDisplay

matrix = TransitionMatrixDisplay.from_estimator(clf)
matrix.ax_.set_title("Estimated transition matrix")

# %%
# The most suspicious labels, with suggested labels, and their images:
issues = find_label_issues(clf, y)
print(issues.head())
mislabelled = y != y_clean
print(f"mislabelled samples: {mislabelled.sum()}, estimated: {issues.attrs['n_wrong']:.0f}")
precision = mislabelled[issues.index].mean()
correct = (issues["suggested"] == y_clean[issues.index]).mean()
print(f"{len(issues)} issues: {precision:.0%} mislabelled, {correct:.0%} of suggestions correct")

quality = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), y)

# %%
# Confident suggestions can replace the given labels, after a look at the images.
confident = issues[issues["confidence"] > 0.9]
y_corrected = y.copy()
y_corrected[confident.index] = confident["suggested"]
print(f"noisy labels before: {mislabelled.sum()}, after: {np.sum(y_corrected != y_clean)}")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    matrix.figure_.savefig(folder / "transition_matrix.png", dpi=150)
    quality.figure_.savefig(folder / "label_quality.png", dpi=150)
