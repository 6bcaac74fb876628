"""
A search that trains all rates at once
======================================

Which rate of smoothing serves best is searched like any parameter. Networks that differ in the rate
only can be trained at once, and :class:`~sknoisy.SmoothingSearchCV` does.
"""

# %%
# Handwritten digits, of which 40 % are labelled wrong. The test labels are right.
import time

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.noise import corrupt_labels

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
noisy = corrupt_labels(y, 0.4, random_state=0)

# %%
# Eight rates in three folds: 24 networks, and one more for all samples.
rates = [-8, -4, -2, -1, -0.5, 0, 0.4, 0.8]
clf = NoisyLabelClassifier("ce", max_epochs=30, random_state=0)

begin = time.perf_counter()
search = SmoothingSearchCV(clf, rates, cv=3).fit(X, noisy)
took = time.perf_counter() - begin
print("best rate:", search.best_params_["smoothing"])
print(f"accuracy on right labels: {search.score(X_test, y_test):.3f}")

# %%
# A grid search finds the same, one network after another.
begin = time.perf_counter()
plain = GridSearchCV(clf, {"smoothing": rates}, cv=3).fit(X, noisy)
print("best rate:", plain.best_params_["smoothing"])
print(f"{(time.perf_counter() - begin) / took:.1f} times as long")

# %%
# Scores on noisy labels are far below one, as many of these labels are wrong; they still say which
# rate is best. With more folds the bands would be narrower.
from sknoisy.plots import SmoothingCurveDisplay

display = SmoothingCurveDisplay.from_estimator(search)

# %%
# Of rates that are within one standard error of the best, the one nearest to zero changes the
# labels least.
from sknoisy.search import one_standard_error

place = one_standard_error(search.cv_results_)
print("with care:", search.cv_results_["param_smoothing"][place])

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    display.figure_.savefig(folder / "search.png", dpi=150)
