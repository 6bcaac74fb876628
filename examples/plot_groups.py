"""
Groups: several rows of one patient
===================================

If rows of one patient are trained on and others held out, the network has seen the wrong label of
the patient before, and nothing looks wrong. ``groups`` keeps them together.
"""

# %%
# 300 patients with six similar recordings each. A quarter of the *patients* have a wrong diagnosis,
# which all of their rows have.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.metrics import issue_average_precision
from sknoisy.noise import corrupt_labels

rng = np.random.default_rng(0)
centres, diagnosis = make_classification(
    900, 12, n_informative=8, n_classes=3, class_sep=1.6, flip_y=0, random_state=0
)
X_test, y_test = centres[300:], diagnosis[300:]
given = corrupt_labels(diagnosis[:300], 0.25, random_state=0)
patients = np.repeat(np.arange(300), 6)
X = centres[:300][patients] + 0.2 * rng.normal(size=(1800, 12))
y, y_clean = given[patients], diagnosis[:300][patients]
mislabelled = y != y_clean

# %%
# Without groups, other rows of the same patient confirm the wrong diagnosis.
fits = {
    "without groups": NoisyLabelClassifier(random_state=0).fit(X, y),
    "with groups": NoisyLabelClassifier(random_state=0).fit(X, y, groups=patients),
}
ranked = {
    name: find_label_issues(clf, y, return_all=True).sort_index() for name, clf in fits.items()
}
for name, clf in fits.items():
    ranked[name] = find_label_issues(clf, y, return_all=True).sort_index()
    found = issue_average_precision(mislabelled, ranked[name]["quality"])
    print(
        f"{name:15} estimated noise rate {clf.noise_rate_:.2f} (true {mislabelled.mean():.2f}), "
        f"average precision {found:.2f}, test accuracy {clf.score(X_test, y_test):.3f}"
    )

# %%
# Label quality of rows with a right and a wrong diagnosis: without groups the two overlap.
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)
bins = np.linspace(0, 1, 31)
for ax, (name, issues) in zip(axes, ranked.items(), strict=True):
    for wrong, colour in ((False, "C0"), (True, "C1")):
        label = "wrong diagnosis" if wrong else "right diagnosis"
        ax.hist(
            issues["quality"][mislabelled == wrong], bins, color=colour, alpha=0.65, label=label
        )
    ax.set(title=name.capitalize(), xlabel="label quality")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("rows")
axes[1].legend(frameon=False)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "groups.png", dpi=150)
