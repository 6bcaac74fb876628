"""
Search smoothing rates with networks trained together
=====================================================

The smoothing rate can be searched like any parameter. :class:`~sknoisy.SmoothingSearchCV` trains
all networks that differ only in the rate together.
"""

# %%
# Handwritten digits with 40 % noisy labels. The test labels are clean.
import time

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.noise import corrupt_labels

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
y_noisy = corrupt_labels(y, 0.4, random_state=0)

# %%
# Eight rates in three folds: 24 networks, and one more for the final fit.
rates = [-8, -4, -2, -1, -0.5, 0, 0.4, 0.8]
clf = NoisyLabelClassifier("ce", max_epochs=30, random_state=0)

begin = time.perf_counter()
search = SmoothingSearchCV(clf, rates, cv=3).fit(X, y_noisy)
took = time.perf_counter() - begin
print("best rate:", search.best_params_["smoothing"])
print(f"accuracy on clean test labels: {search.score(X_test, y_test):.3f}")

# %%
# A grid search gives the same result, one network after another.
begin = time.perf_counter()
plain = GridSearchCV(clf, {"smoothing": rates}, cv=3).fit(X, y_noisy)
print("best rate:", plain.best_params_["smoothing"])
print(f"{(time.perf_counter() - begin) / took:.1f} times as long")

# %%
# The scores are far below one, because the test labels of the folds are noisy too; they still show
# which rate is best. With more folds the error bands would be narrower.
from sknoisy.plots import SmoothingCurveDisplay

display = SmoothingCurveDisplay.from_estimator(search)

# %%
# Among the rates within one standard error of the best rate, choose the rate nearest to zero, which
# changes the targets least.
from sknoisy.search import one_standard_error

index = one_standard_error(search.cv_results_)
print("rate by one standard error:", search.cv_results_["param_smoothing"][index])

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    display.figure_.savefig(folder / "search.png", dpi=150)
