"""
Signed smoothing: the more noise, the more negative the best rate
=================================================================

Label smoothing has a rate above zero. Below zero it undoes label noise. ``smoothing="auto"``
estimates the noise and the memorisation during the fit, and chooses the rate from them.
"""

# %%
# Handwritten digits, with four noise rates in the training set. The test labels stay clean.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
rates = [-64, -16, -4, -1, -0.3, 0, 0.2, 0.4, 0.8]

# %%
# Clean test accuracy of each rate, and the rate that one fit chooses by itself.
print("noise  estimate  chosen rate  cross-entropy  auto")
curves, autos = {}, {}
for noise in (0.0, 0.2, 0.4, 0.6):
    y_noisy = corrupt_labels(y, noise, random_state=0)
    clf = NoisyLabelClassifier("ce", max_epochs=50, random_state=0)
    curves[noise] = [
        clf.set_params(smoothing=rate).fit(X, y_noisy).score(X_test, y_test) for rate in rates
    ]
    auto = clf.set_params(smoothing="auto").fit(X, y_noisy)
    autos[noise] = auto.smoothing_, auto.score(X_test, y_test)
    plain = curves[noise][rates.index(0)]
    print(
        f"{noise:5.2f}  {auto.noise_rate_:8.2f}  {auto.smoothing_:11.1f}  {plain:13.3f}"
        f"  {autos[noise][1]:.3f}"
    )

# %%
# With clean labels a positive rate is best. With noisy ones negative rates win, by far where many
# labels are wrong. Squares: the rate that ``"auto"`` chooses, and its accuracy.
figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
position = np.arange(len(rates))
for colour, (noise, curve) in zip(plt.cm.plasma([0, 0.3, 0.6, 0.85]), curves.items(), strict=True):
    ax.plot(position, curve, "o-", color=colour, label=f"{noise:.0%} noisy labels")
    rate, accuracy = autos[noise]
    # Rates are drawn evenly, so what lies between two of them is drawn between them.
    ax.plot(np.interp(rate, rates, position), accuracy, "s", ms=10, mfc="none", mew=2, color=colour)
ax.plot([], [], "ks", ms=10, mfc="none", mew=2, label='smoothing="auto"')
ax.axvline(rates.index(0), color="0.6", ls="--", lw=1)
ax.set_xticks(position, [f"{rate:g}" for rate in rates])
ax.set(xlabel="smoothing rate", ylabel="accuracy on clean test labels", title="Digits")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "auto_smoothing.png", dpi=150)
