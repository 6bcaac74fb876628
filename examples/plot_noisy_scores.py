"""
Which score to trust when the test labels are wrong too
=======================================================

Where wrong labels have a system, plain accuracy on them rewards the same mistakes. A score that
knows how labels were changed does not.
"""

# %%
# Handwritten digits; four in ten of the even ones are labelled as the digit after them, in the
# training set and in the test set alike.
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.metrics import noise_corrected_accuracy, peer_accuracy
from sknoisy.noise import asymmetric, corrupt_labels

X, y_right = load_digits(return_X_y=True)
T = asymmetric(10, 0.4, {digit: digit + 1 for digit in range(0, 10, 2)})
y = corrupt_labels(y_right, T, random_state=0)
X, X_test, y, y_test, _, right = train_test_split(X, y, y_right, test_size=0.4, random_state=0)

# %%
# The matrix is estimated on the training set, once: the default classifier does so in its fit, and
# :func:`~sknoisy.transition.estimate_transition` with any other. The scores of the classifiers on
# noisy labels, beside the truth. Plain accuracy has the worst one first, and the best one last.
candidates = {
    "default": NoisyLabelClassifier(random_state=0),
    "uncorrected": NoisyLabelClassifier(method__transition_matrix=None, random_state=0),
    "ce": NoisyLabelClassifier("ce", random_state=0),
    "elr": NoisyLabelClassifier("elr", random_state=0),
}
for clf in candidates.values():
    clf.fit(X, y)
found = candidates["default"].method_.transition.cpu().numpy()
print("             accuracy   corrected (95 % interval)     peer    truth")
for name, clf in candidates.items():
    said = clf.predict(X_test)
    score = noise_corrected_accuracy(y_test, said, found, confidence_level=0.95)
    print(
        f"{name:12s} {(said == y_test).mean():8.3f} {score.value:11.3f} ({score.low:.3f} to "
        f"{score.high:.3f}) {peer_accuracy(y_test, said):9.3f} {(said == right).mean():8.3f}"
    )

# %%
# In a search, :func:`~sknoisy.metrics.make_noisy_scorer` makes a scorer of them, beside others if
# you like. Both curves are highest near the best rate, within their errors; the corrected one is
# nearer to the truth, and steeper.
import matplotlib.pyplot as plt

from sknoisy import SmoothingSearchCV
from sknoisy.metrics import make_noisy_scorer
from sknoisy.plots import SmoothingCurveDisplay

clf = NoisyLabelClassifier("ce", max_epochs=60, random_state=0)
rates = (-64, -16, -4, -1, 0, 0.4)
corrected = make_noisy_scorer("noise_corrected_accuracy", transition_matrix=found)
scorers = {"plain": "accuracy", "corrected": corrected}
search = SmoothingSearchCV(clf, rates, cv=3, scoring=scorers, refit=False).fit(X, y)
truth = [clf.set_params(smoothing=rate).fit(X, y).score(X_test, right) for rate in rates]
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
for ax, name in zip(axes, scorers, strict=True):
    SmoothingCurveDisplay.from_estimator(search, metric=name, trusted_score=truth, ax=ax)
    best = search.cv_results_[f"mean_test_{name}"].argmax()
    ax.set_title(f"{name} accuracy chooses {rates[best]:g}")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "noisy_scores.png", dpi=150)
