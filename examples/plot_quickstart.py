"""
Choose the smoothing rate under label noise
===========================================

40 % of the labels are wrong, and nobody knows which. A grid search over ``smoothing``, scored on
the *noisy* labels, still finds a rate that is good on clean ones.
"""

# %%
# scikit-learn's handwritten digits, with 40 % symmetric label noise in the training set. The test
# labels stay clean: they only evaluate the choice.
import os
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

from sknoisy import NoisyLabelClassifier

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
rng = np.random.RandomState(0)
mislabelled = rng.rand(len(y)) < 0.4
y_noisy = np.where(mislabelled, (y + rng.randint(1, 10, len(y))) % 10, y)

# %%
# scikit-learn's grid search over rates of either sign: positive is label smoothing, zero is
# cross-entropy, negative is negative label smoothing.
rates = [-4, -2, -1, -0.5, 0, 0.2, 0.4, 0.6]
clf = NoisyLabelClassifier("ce", random_state=0)
search = GridSearchCV(clf, {"smoothing": rates}, cv=5, n_jobs=2, refit=False)
try:
    from sklearn.callback import ProgressBar

    search.set_callbacks(ProgressBar(max_propagation_depth=0))
except ImportError:  # scikit-learn < 1.9
    search.verbose = 1
begin = time.perf_counter()
search.fit(X, y_noisy)
noisy_score = search.cv_results_["mean_test_score"]
noisy_std = search.cv_results_["std_test_score"] / np.sqrt(5)

# %%
# The clean test accuracy of each rate, of plain cross-entropy (``smoothing=0``), of early-learning
# regularisation, and of the default settings.
fitted = [clone(clf).set_params(smoothing=rate).fit(X, y_noisy) for rate in rates]
clean_score = np.array([fitted_clf.score(X_test, y_test) for fitted_clf in fitted])
others = {
    "default": NoisyLabelClassifier(random_state=0),
    "elr": NoisyLabelClassifier("elr", random_state=0),
}
other_noisy = {
    name: cross_val_score(other, X, y_noisy, cv=5, n_jobs=2).mean()
    for name, other in others.items()
}
other_clean = {name: other.fit(X, y_noisy).score(X_test, y_test) for name, other in others.items()}

best = int(np.argmax(noisy_score))
print(f"\n{'':16}noisy CV score   clean test accuracy")
for i, rate in enumerate(rates):
    name = "cross-entropy" if rate == 0 else f"smoothing {rate:g}"
    mark = "  <- chosen on noisy labels" if i == best else ""
    print(f"{name:16}{noisy_score[i]:14.3f}   {clean_score[i]:19.3f}{mark}")
for name in others:
    print(f"{name:16}{other_noisy[name]:14.3f}   {other_clean[name]:19.3f}")
print(f"\n{(len(rates) + len(others)) * 6} fits in {time.perf_counter() - begin:.0f} s")

# %%
# Mislabelled samples have a low label quality.
n_mislabelled = mislabelled.sum()
lowest = np.argsort(fitted[best].label_quality_)[:n_mislabelled]
print(
    f"Of the {n_mislabelled} samples with the lowest label quality, "
    f"{mislabelled[lowest].mean():.0%} are mislabelled (by chance: {mislabelled.mean():.0%})."
)

# %%
# Noisy and clean accuracy against the rate: they rise and fall together.
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
position = np.arange(len(rates))
ax.plot(position, clean_score, "o-", color="C0", label="clean test labels")
ax.plot(position, noisy_score, "s-", color="C1", label="noisy labels, cross-validated")
ax.fill_between(position, noisy_score - noisy_std, noisy_score + noisy_std, color="C1", alpha=0.2)
for (name, score), style in zip(other_clean.items(), (":", "-."), strict=True):
    ax.axhline(score, color="C0", ls=style, label=f"{name}, clean test labels")
ax.axvline(position[best], color="0.6", ls="--", lw=1, label="chosen on noisy labels")
ax.set_xticks(position, [f"{rate:g}" for rate in rates])
ax.set(xlabel="smoothing", ylabel="accuracy", title="Digits with 40 % symmetric label noise")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
if "__file__" in globals():
    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    fig.savefig(folder / "quickstart.png", dpi=150)
    print(f"The plot is in {os.path.relpath(folder / 'quickstart.png')}")
else:
    plt.show()
