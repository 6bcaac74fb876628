"""
Text with wrong labels
======================

Short texts by TF-IDF, with labels of which a fifth is wrong: the pipeline of scikit-learn is
unchanged but for the classifier at its end. The list of suspicious labels shows the texts.
"""

# %%
# Reports about four topics, each with a few words of its topic among common words. The labels were
# given in a hurry: *money* and *trade* are mixed up more often than the others.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.noise import corrupt_labels

words = {
    "health": "doctor nurse clinic fever vaccine patient heart dose".split(),
    "money": "bank loan interest credit market fund price budget".split(),
    "sport": "match goal coach league team final season score".split(),
    "trade": "export tariff port market price goods customs deal".split(),
}
common = "the a new after week report says over first again today will month people".split()
topics = np.array(list(words))
rng = np.random.default_rng(0)
y_clean = rng.choice(topics, 2400)
texts = np.array(
    [" ".join(rng.permutation([*rng.choice(words[y], 3), *rng.choice(common, 7)])) for y in y_clean]
)
T = np.array(
    [
        [0.85, 0.05, 0.05, 0.05],
        [0.05, 0.60, 0.05, 0.30],
        [0.05, 0.05, 0.85, 0.05],
        [0.03, 0.10, 0.02, 0.85],
    ]
)
texts, texts_test, y_clean, y_test = train_test_split(texts, y_clean, random_state=0)
y = corrupt_labels(y_clean, T, random_state=0)
mislabelled = y != y_clean
print(f"{mislabelled.mean():.0%} of the labels are wrong")

# %%
# The usual linear model, and two classifiers of this library, on the same features.
candidates = {
    "logistic regression": LogisticRegression(),
    "cross-entropy": NoisyLabelClassifier("ce", random_state=0),
    "default": NoisyLabelClassifier(random_state=0),
}
accuracy = {}
for name, clf in candidates.items():
    candidates[name] = make_pipeline(TfidfVectorizer(), clf).fit(texts, y)
    accuracy[name] = candidates[name].score(texts_test, y_test)
    print(f"{name:20} accuracy on clean test labels {accuracy[name]:.3f}")

# %%
# The most suspicious labels, and which topics are confused.
issues = find_label_issues(candidates["default"], y)
for row, issue in issues.head(6).iterrows():
    print(f"{issue['given']:>6} -> {issue['suggested']:6}  {texts[row]}")
print(f"{len(issues)} listed, {mislabelled[issues.index].mean():.0%} of them mislabelled")
print(candidates["default"][-1].noise_report_)

# %%
# Accuracy, and the transition matrix that the fit has estimated beside the true one.
figure, (left, *matrices) = plt.subplots(
    1, 3, figsize=(11, 3.6), layout="constrained", width_ratios=(1, 1, 1)
)
bars = left.barh(list(accuracy), list(accuracy.values()), color=["C7", "C7", "C1"])
left.bar_label(bars, fmt=" {:.3f}")
left.invert_yaxis()
left.set(xlim=(0, 1.2), xticks=np.linspace(0, 1, 6), title="Accuracy on clean test labels")
left.spines[["top", "right"]].set_visible(False)
estimate = candidates["default"][-1].transition_matrix_
for ax, matrix, title in zip(matrices, (T, estimate), ("True noise", "Estimated"), strict=True):
    ax.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
    for i, line in enumerate(matrix):
        for j, value in enumerate(line):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center",
                    color="w" if value > 0.5 else "k")  # fmt: skip
    ax.set_xticks(range(4), topics, rotation=30)
    ax.set_yticks(range(4), topics)
    ax.set(title=title, xlabel="given label", ylabel="true topic")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "text.png", dpi=150)
