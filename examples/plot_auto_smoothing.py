"""
A rate of smoothing that follows from the noise
===============================================

The noisier the labels, the more negative the rate of smoothing that serves best. With
``smoothing="auto"`` the fit finds out how noisy they are and how fast the network learns them by
heart, and says so.
"""

# %%
# Handwritten digits. In each of four training sets another share of labels is wrong.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Cross-entropy as it is, and with the rate that follows.
print("wrong  found  rate     ce   auto")
for share in (0.0, 0.2, 0.4, 0.6):
    noisy = corrupt_labels(y, share, random_state=0)
    plain = NoisyLabelClassifier("ce", random_state=0).fit(X, noisy)
    auto = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, noisy)
    print(
        f"{np.mean(noisy != y):5.2f}  {auto.noise_rate_:5.2f}  {auto.smoothing_:5.1f}"
        f"  {plain.score(X_test, y_test):.3f}  {auto.score(X_test, y_test):.3f}"
    )

# %%
# What was found, in words, and as a picture.
from sknoisy.plots import TransitionMatrixDisplay

noisy = corrupt_labels(y, 0.3, kind="pair", random_state=0)
clf = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, noisy)
print(clf.noise_report_)
display = TransitionMatrixDisplay.from_estimator(clf)
display.ax_.set_title("Each digit was taken for the next in 30 %")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    display.figure_.savefig(folder / "auto_smoothing.png", dpi=150)
