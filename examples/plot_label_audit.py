"""
What is wrong with these labels?
================================

Some handwritten digits carry the label of the next one. One fit of the classifier as it comes tells
how labels were changed, which are wrong, and what they should be.
"""

# %%
# scikit-learn's digits; three in ten of the even ones are labelled as the odd digit after them.
# Right labels are kept aside, to look at in the end.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.noise import asymmetric, corrupt_labels

X, y_right = load_digits(return_X_y=True)
X, X_test, y_right, y_test = train_test_split(X, y_right, random_state=0)
T = asymmetric(10, 0.3, {digit: digit + 1 for digit in range(0, 10, 2)})
y = corrupt_labels(y_right, T, random_state=0)

# %%
# The networks of the default method judge rows that they were not trained on, so one fit is enough.
clf = NoisyLabelClassifier(random_state=0).fit(X, y)
print(f"accuracy on right labels: {clf.score(X_test, y_test):.3f}")

# %%
# How labels were changed, as far as the classifier can tell:
from sknoisy.plots import LabelQualityDisplay, TransitionMatrixDisplay

matrix = TransitionMatrixDisplay.from_estimator(clf)
matrix.ax_.set_title("Estimated in the fit")

# %%
# The labels it believes least, with what it would have said, and the images themselves:
issues = find_label_issues(clf, y)
print(issues.head())
wrong = y != y_right
print(f"expected to be wrong: {issues.attrs['n_wrong']:.0f} labels; truly: {wrong.sum()}")
doubted = wrong[issues.index].mean()
mended = (issues["suggested"] == y_right[issues.index]).mean()
print(f"{len(issues)} doubted: {doubted:.0%} are wrong, {mended:.0%} of the suggestions are right")

quality = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), y)

# %%
# The suggestions can be taken over where they are sure; the images are what to look at first.
sure = issues[issues["confidence"] > 0.9]
y_mended = y.copy()
y_mended[sure.index] = sure["suggested"]
print(f"wrong labels before: {wrong.sum()}, after: {np.sum(y_mended != y_right)}")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    matrix.figure_.savefig(folder / "transition_matrix.png", dpi=150)
    quality.figure_.savefig(folder / "label_quality.png", dpi=150)
