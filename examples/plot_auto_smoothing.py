"""
Estimate the noise and choose the smoothing rate in one fit
===========================================================

The more noise, the more negative the best smoothing rate. With ``smoothing="auto"`` the fit
estimates the noise rate and how fast the network memorises labels, and chooses the rate from them.
"""

# %%
# Handwritten digits, with four noise rates in the training set. The test labels stay clean.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The true and the estimated noise rate, the smoothing rate, and the clean test accuracy of
# cross-entropy without and with it.
print("noise  estimate  smoothing     ce   auto")
for rate in (0.0, 0.2, 0.4, 0.6):
    y_noisy = corrupt_labels(y, rate, random_state=0)
    plain = NoisyLabelClassifier("ce", random_state=0).fit(X, y_noisy)
    auto = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, y_noisy)
    print(
        f"{np.mean(y_noisy != y):5.2f}  {auto.noise_rate_:8.2f}  {auto.smoothing_:9.1f}"
        f"  {plain.score(X_test, y_test):.3f}  {auto.score(X_test, y_test):.3f}"
    )

# %%
# The estimates as a report, and the transition matrix as a plot.
from sknoisy.plots import TransitionMatrixDisplay

y_noisy = corrupt_labels(y, 0.3, kind="pair", random_state=0)
clf = NoisyLabelClassifier("ce", smoothing="auto", random_state=0).fit(X, y_noisy)
print(clf.noise_report_)
display = TransitionMatrixDisplay.from_estimator(clf)
display.ax_.set_title("Estimate of 30 % pair noise")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    display.figure_.savefig(folder / "auto_smoothing.png", dpi=150)
