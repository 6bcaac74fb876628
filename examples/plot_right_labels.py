"""
With clean labels: calibration, features and distillation
=========================================================

Smoothing, random flips of labels and a confidence penalty regularise a network whose labels are
clean. What do they do to its accuracy, its probabilities, its features, and to a student that
learns from its probabilities? Positive smoothing, flips and the penalty calibrate: they take
confidence away from a network that has too much. Negative smoothing adds some, and is for noisy
labels. Müller et al. (2019) find that smoothed networks are worse teachers on images; on this small
table their students are as good as others.
"""

# %%
# Six classes that overlap, with correct labels: few to train on, many to test on.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.networks import capture_features

X, y = make_classification(
    3000, 20, n_informative=10, n_classes=6, class_sep=1.3, flip_y=0, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, train_size=800, stratify=y, random_state=0)
teachers = {
    "cross-entropy": {"method": "ce"},
    "smoothing 0.1": {"method": "ce", "smoothing": 0.1},
    "smoothing -0.4": {"method": "ce", "smoothing": -0.4},
    "flipped labels": {"method": "disturb_label", "method__alpha": 0.1},
    "confidence penalty": {"method": "confidence_penalty", "method__beta": 0.2},
}
seeds = range(3)


# %%
# The expected calibration error: how far confidence and accuracy are apart, on average over bins
# of confidence.
def reliability(proba, bins=8):
    confidence, correct = proba.max(axis=1), proba.argmax(axis=1) == y_test
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    kept = [b for b in range(bins) if (which == b).sum() >= 15]
    stated = np.array([confidence[which == b].mean() for b in kept])
    true = np.array([correct[which == b].mean() for b in kept])
    error = sum(
        abs(confidence[which == b].mean() - correct[which == b].mean()) * np.mean(which == b)
        for b in np.unique(which)
    )
    return stated, true, error


# %%
# Students are small networks that see no labels, only the probabilities of the teacher for a
# hundred training samples.
def distil(teacher, seed):
    rows = np.random.default_rng(seed).permutation(len(X))[:300]
    proba = teacher.predict_proba(X[rows]).astype(float)
    student = NoisyLabelClassifier(
        "ce", module__hidden=(32,), max_epochs=60, batch_size=32, random_state=seed
    )
    return student.fit(X[rows], proba / proba.sum(axis=1, keepdims=True)).score(X_test, y_test)


results = {}
for name, params in teachers.items():
    fits = [
        NoisyLabelClassifier(max_epochs=60, random_state=seed, **params).fit(X, y) for seed in seeds
    ]
    curve = reliability(fits[0].predict_proba(X_test))
    results[name] = {
        "first": fits[0],
        "curve": curve,
        "accuracy": np.mean([fit.score(X_test, y_test) for fit in fits]),
        "calibration error": np.mean([reliability(f.predict_proba(X_test))[2] for f in fits]),
        "student": np.mean([distil(f, s) for f, s in zip(fits, seeds, strict=True)]),
    }
    row = results[name]
    print(
        f"{name:20} accuracy {row['accuracy']:.3f}, calibration error "
        f"{row['calibration error']:.3f}, student {row['student']:.3f}"
    )


# %%
# The features of the last hidden layer, of three classes, in the plane of the weights of
# these classes.
def plane(clf, classes=(0, 1, 2)):
    network = clf.net_.module_.eval()
    rows = np.isin(y_test, classes)
    with torch.no_grad():
        _, features = capture_features(network, torch.tensor(X_test[rows], dtype=torch.float32))
    last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
    weights = last.weight.detach().numpy()[list(classes)]
    basis = np.linalg.qr((weights[1:] - weights[0]).T)[0]
    return features.numpy() @ basis, y_test[rows]


figure, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained")
ax = axes[0, 0]
ax.plot([0, 1], [0, 1], color="0.7", lw=1)
for i, (name, row) in enumerate(results.items()):
    ax.plot(*row["curve"][:2], "o-", color=f"C{i}", label=name)
ax.set(xlabel="confidence", ylabel="accuracy", title="Reliability: on the line is calibrated")
ax.legend(fontsize=8)
ax = axes[0, 1]
errors = [row["calibration error"] for row in results.values()]
bars = ax.barh(list(results), errors, color=[f"C{i}" for i in range(len(results))])
ax.bar_label(bars, fmt=" {:.3f}")
ax.set(title="Calibration error", xlim=(0, 1.25 * max(errors)))
ax.invert_yaxis()
ax = axes[0, 2]
for i, row in enumerate(results.values()):
    ax.plot(row["accuracy"], i, "o", ms=9, color=f"C{i}", label="itself" if i == 0 else None)
    ax.plot(row["student"], i, "^", ms=9, color=f"C{i}", label="its student" if i == 0 else None)
ax.set(title="Accuracy", yticks=[])
ax.grid(axis="x", alpha=0.3)
ax.invert_yaxis()
ax.legend(loc="center", fontsize=8)
for ax, name in zip(axes[1], list(results)[:3], strict=True):
    points, labels = plane(results[name]["first"])
    for name_of_class, colour in zip((0, 1, 2), ("C0", "C1", "C2"), strict=True):
        ax.scatter(*points[labels == name_of_class].T, s=8, color=colour, label=str(name_of_class))
    ax.set(title=f"Features, {name}", xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
axes[1, 0].legend(title="class", markerscale=2)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "right_labels.png", dpi=150)
