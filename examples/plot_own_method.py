"""
Write your own method
=====================

A loss is one number per class: its value if that class were the label. A class with one function is
a method; smoothing, weights, searches and saving work with it. With two more hooks it selects
samples as well.
"""

# %%
# The squared error of the probabilities (Brier score). It is bounded, so a label that the network
# rejects can only cost so much.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import expected_loss
from sknoisy.methods import ClassLoss, Method
from sknoisy.noise import corrupt_labels


class SquaredError(ClassLoss):
    """Squared distance of the probabilities from each label, times ``scale``."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def class_losses(self, logits):
        p = logits.softmax(dim=-1)
        return self.scale * (1 - 2 * p + (p**2).sum(dim=-1, keepdim=True))


# %%
# A related idea as sample selection, with two hooks: all samples have a loss, and those whose label
# is unlikely have no weight.
class DropUnlikely(Method):
    """Cross-entropy without the samples whose label has a low probability."""

    warmup = 0.1

    def __init__(self, floor=0.05):
        self.floor = floor

    def loss(self, logits, batch):
        return expected_loss(-logits.log_softmax(dim=-1), batch.target)

    def sample_weights(self, losses, batch):
        return (losses < -np.log(self.floor)).to(losses.dtype)


# %%
# Both are passed as classes, and their parameters by ``method__``.
X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
candidates = {
    "ce": {"method": "ce"},
    "gce": {"method": "gce"},
    "SquaredError": {"method": SquaredError},
    "SquaredError, smoothing -4": {"method": SquaredError, "smoothing": -4},
    "DropUnlikely": {"method": DropUnlikely, "method__floor": 0.1},
}
noise_rates = (0.0, 0.2, 0.4, 0.6)
accuracy = {
    name: [
        NoisyLabelClassifier(max_epochs=40, random_state=0, **params)
        .fit(X, corrupt_labels(y, rate, random_state=0))
        .score(X_test, y_test)
        for rate in noise_rates
    ]
    for name, params in candidates.items()
}
for name, values in accuracy.items():
    print(f"{name:26}", "  ".join(f"{value:.3f}" for value in values))

# %%
# Left: the losses against the probability of the label. Right: what they do under noise.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
p = torch.linspace(0.01, 1, 200)
logits = torch.stack([p.log(), (1.0001 - p).log()], dim=-1)
losses = {
    "cross-entropy": -p.log(),
    "SquaredError": SquaredError().class_losses(logits)[:, 0],
    "DropUnlikely": torch.where(p > 0.1, -p.log(), torch.nan),
}
for (name, values), colour, style in zip(
    losses.items(), ("C7", "C1", "C2"), ("-", "-", "--"), strict=True
):
    left.plot(p, values, style, color=colour, label=name, lw=2)
left.set(xlabel="probability of the label", ylabel="loss", title="One number per class")
left.legend()
for (name, values), colour in zip(accuracy.items(), ("C7", "C0", "C1", "C3", "C2"), strict=True):
    right.plot(noise_rates, values, "o-", color=colour, label=name)
right.set(xlabel="noise rate", ylabel="accuracy on clean test labels", title="Digits")
right.set_xticks(noise_rates)
right.legend()

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "own_method.png", dpi=150)
