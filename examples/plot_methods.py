"""
Ten methods compared
====================

The same network, the same wrong labels, ten ways to train. Which one is best depends on the kind of
noise; the boundaries in the plane show why.
"""

# %%
# Two half moons, of which 30 % of the labels are wrong: at random, or only those of one class.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y_clean = make_moons(600, noise=0.15, random_state=0)
X_test, y_test = make_moons(4000, noise=0.15, random_state=1)
noises = {
    "30 % of all labels": 0.3,
    "40 % of the blue class": np.array([[0.6, 0.4], [0.0, 1.0]]),
}
methods = {
    "ce": {},
    "ce, smoothing=-4": {"method": "ce", "smoothing": -4},
    'ce, smoothing="auto"': {"method": "ce", "smoothing": "auto"},
    "mae": {},
    "gce": {},
    "elr": {},
    "co_teaching": {},
    "forward": {},
    "bagging": {},
    "distilled_pool": {},
}

# %%
# Fit all of them.
fits, accuracy = {}, {}
for noise, kind in noises.items():
    y = corrupt_labels(y_clean, kind, random_state=0)
    for name, params in methods.items():
        clf = NoisyLabelClassifier(**({"method": name} | params), random_state=0)
        fits[noise, name] = clf.fit(X, y)
        accuracy[noise, name] = clf.score(X_test, y_test)
for name in methods:
    print(f"{name:22}", "  ".join(f"{accuracy[noise, name]:.3f}" for noise in noises))

# %%
# Boundaries after training on labels of which 40 % of the blue class are wrong. A boundary that
# follows single points has memorised them; one that is moved into the blue class corrects nothing.
noise = "40 % of the blue class"
y = corrupt_labels(y_clean, noises[noise], random_state=0)
figure, axes = plt.subplots(2, 5, figsize=(12, 5), layout="constrained", sharex=True, sharey=True)
x0, x1 = np.meshgrid(np.linspace(-1.6, 2.6, 120), np.linspace(-1.2, 1.7, 90))
grid = np.stack([x0.ravel(), x1.ravel()], axis=1)
for ax, name in zip(axes.flat, methods, strict=True):
    proba = fits[noise, name].predict_proba(grid)[:, 1].reshape(x0.shape)
    ax.contourf(x0, x1, proba, levels=[0, 0.5, 1], colors=["#a6c8e8", "#f7c9a6"])
    ax.scatter(*X.T, s=3, c=np.where(y == 0, "#1f5a94", "#b8540c"))
    ax.set(title=f"{name}: {accuracy[noise, name]:.2f}", xticks=[], yticks=[])
figure.suptitle("Wrong labels in the blue class: what ten methods learn (clean test accuracy)")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "methods.png", dpi=150)
