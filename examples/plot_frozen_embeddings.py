"""
Learn from the features of a trained network
============================================

With few images, a network that was trained on others is the best start: its features are computed
once, and a classifier that is robust to label noise learns from them.
"""

# %%
# The trained network: here one for digits anywhere in a picture. With torchvision
# it would be ``models.resnet50(weights="DEFAULT")``, with ``image_size=224`` below.
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelClassifier
from sknoisy.embeddings import Embedder
from sknoisy.networks import ResNet
from sknoisy.noise import corrupt_labels

digits, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
X = np.zeros((len(y), 1, 16, 16), dtype=np.uint8)
for picture, digit, (i, j) in zip(X, digits, rng.integers(0, 9, size=(len(y), 2)), strict=True):
    picture[0, i : i + 8, j : j + 8] = 15 * digit.reshape(8, 8)
X_other, X, y_other, y = train_test_split(X, y, train_size=1200, stratify=y, random_state=0)
network = NoisyLabelClassifier(
    "ce", module=ResNet, module__n_blocks=(1, 1, 1), module__widths=(16, 32, 64), max_epochs=20,
    augment="weak", random_state=0,
)  # fmt: skip
trained = network.fit(X_other, y_other).module_

# %%
# The task: other pictures, of the digits 5 to 9; 100 for training, 30 % of them mislabelled.
X, y = X[y >= 5], y[y >= 5]
X_train, X_test, y_clean, y_test = train_test_split(
    X, y, train_size=100, stratify=y, random_state=0
)
y_train = corrupt_labels(y_clean, 0.3, exact=True, random_state=0)

# %%
# The embedder has no labels and no last layer of the network. Its outputs are kept in a folder, so
# that later fits, folds and sessions do not compute them again.
cache = TemporaryDirectory()
embedder = Embedder(trained, normalize=None, cache=cache.name)
clf = make_pipeline(embedder, NoisyLabelClassifier(random_state=0)).fit(X_train, y_train)
pixels = NoisyLabelClassifier(random_state=0).fit(X_train.reshape(100, -1), y_train)
print(f"accuracy from features: {clf.score(X_test, y_test):.3f}")
print(f"accuracy from pixels:   {pixels.score(X_test.reshape(len(X_test), -1), y_test):.3f}")

# %%
# The second time, features are read instead of computed.
for turn in ("first", "second"):
    folder = Path(cache.name) / "all"
    start = perf_counter()
    embedder.set_params(cache=folder).transform(X_other)
    print(f"{turn} time: {perf_counter() - start:.2f} s for {len(X_other)} images")

# %%
# Two directions of the features. Pictures of a digit are together, wherever it is in the picture;
# mislabelled samples are where others of their given label are not.
features = embedder.transform(X_train)
plane = PCA(2).fit(embedder.transform(X_test)).transform(features)
figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
for digit in range(5, 10):
    own = y_train == digit
    ax.scatter(*plane[own].T, label=f"given label {digit}", s=40)
wrong = y_train != y_clean
ax.scatter(*plane[wrong].T, s=140, facecolors="none", edgecolors="black", label="mislabelled")
ax.set(xlabel="first component", ylabel="second component", title="Features of a trained network")
ax.legend(fontsize=8)
cache.cleanup()

if "__file__" in globals():
    output = Path(__file__).parent / "output"
    output.mkdir(exist_ok=True)
    figure.savefig(output / "frozen_embeddings.png", dpi=150)
