"""Fit classifiers on the pretended device: ``python -m tests.pretended_device.run GROUP``.

Prints a line for each fault: an error, a result that differs from that of the CPU, or a wait of the
host or copy to the device in each step. What happens in each step is what grows with their number.
"""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import scipy.sparse
import torch

from sknoisy import METHODS, NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.embeddings import Embedder
from sknoisy.methods import CrossEntropy, make_method
from sknoisy.networks import FineTuned, ResNet
from tests.networks.foreign import WithFC
from tests.pretended_device.device import NAME, DeviceModule, PretendedDevice

rng = np.random.default_rng(0)
N_EPOCHS, N_ROWS = 3, 80
SIZES = (40, 10)
X = rng.normal(size=(N_ROWS, 6)).astype(np.float32)
y = np.arange(N_ROWS) % 3
X[:, 0] += 2 * y
IMAGES = rng.integers(0, 256, size=(N_ROWS, 1, 8, 8)).astype(np.uint8)
SOFT = 0.8 * np.eye(3)[y] + 0.2 / 3
TRUSTED = np.arange(N_ROWS) % 4 < 2
Predict = Callable[[str, int], np.ndarray]


class Waits(CrossEntropy):
    """Waits in each step."""

    def loss(self, logits, batch):
        return super().loss(logits, batch) * (1 + 0 * logits.sum().item())


class Mixes(CrossEntropy):
    """Makes a tensor on the CPU."""

    def loss(self, logits, batch):
        return super().loss(logits, batch) + torch.zeros(len(batch.y))


def fits(method: str | type = "ce", rows=X, labels=y, **params) -> Predict:
    """Return a function that fits a method on a device, with a batch size, and predicts."""
    passed = {"trusted": TRUSTED} if make_method(method).uses_trusted else {}
    passed |= {k: params.pop(k) for k in ("sample_weight", "groups") if k in params}
    settings = {"max_epochs": N_EPOCHS, "warmup": 1, "random_state": 0, **params}
    if "dropout" in make_method(method).module_params:
        # Kernels of dropout draw in another way than on the CPU.
        settings["module__dropout"] = 0.0

    def predict(device: str, batch_size: int) -> np.ndarray:
        clf = NoisyLabelClassifier(method, device=device, batch_size=batch_size, **settings)
        return clf.fit(rows, labels, **passed).predict_proba(rows)

    return predict


def searches(**params) -> Predict:
    """Return the same for a search, which trains its candidates and folds together."""

    def predict(device: str, batch_size: int) -> np.ndarray:
        clf = NoisyLabelClassifier(
            "ce", device=device, batch_size=batch_size, max_epochs=N_EPOCHS, random_state=0
        )
        search = SmoothingSearchCV(clf, smoothing=[-0.5, 0.0, 0.2], cv=2, **params)
        return np.r_[search.fit(X, y).cv_results_["mean_test_score"]]

    return predict


def continued(device: str, batch_size: int) -> np.ndarray:
    clf = NoisyLabelClassifier("elr", device=device, batch_size=batch_size, random_state=0)
    for _ in range(N_EPOCHS):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    return pickle.loads(pickle.dumps(clf)).predict_proba(X)


def embeds(device: str, batch_size: int) -> np.ndarray:
    torch.manual_seed(0)
    return Embedder(WithFC(n_channels=1), device=device, normalize=None).fit_transform(IMAGES)


def on_the_host(predict: Predict) -> Predict:
    """Report too little free memory for the rows, which then stay on the host."""

    def limited(device: str, batch_size: int) -> np.ndarray:
        free, DeviceModule.free = DeviceModule.free, 2**10
        try:
            return predict(device, batch_size)
        finally:
            DeviceModule.free = free

    return limited


def cases(group: str) -> dict[str, Predict]:
    """Return the named cases of a group."""
    if group.startswith("methods"):
        i, n = map(int, group.split()[1:])
        return {name: fits(name) for name in list(METHODS)[i::n]}
    if group == "data":
        found = {f"images, {name}": fits(name, IMAGES) for name in ("ce", "mixup", "dividemix")}
        found["images, distilled_pool"] = fits("distilled_pool", IMAGES, max_epochs=6)
        for name in ("ce", "dividemix", "synthetic", "distilled_pool"):
            found[f"rows on the host, {name}"] = on_the_host(fits(name))
        found["images, strong views"] = fits("ce", IMAGES, augment="strong")
        found["images on the host"] = on_the_host(fits("ce", IMAGES))
        small = partial(ResNet, n_blocks=(1, 1), widths=(4, 8))
        found["residual network"] = fits("ce", IMAGES, module=small)
        trained = partial(FineTuned, model=WithFC(n_channels=1), frozen=True)
        found["frozen network"] = fits("ce", IMAGES, module=trained)
        found["embeddings"] = embeds
        sparse = scipy.sparse.csr_array(np.where(X > 0, X, 0))
        found["sparse rows"] = fits("ce", sparse)
        return found
    if group == "planted":
        return {"Waits": fits(Waits), "Mixes": fits(Mixes)}
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    return {
        "smoothing": fits("ce", smoothing=-0.5),
        "automatic smoothing": fits("ce", smoothing="auto"),
        "early stopping": fits("ce", early_stopping=True),
        "soft labels and weights": fits("ce", labels=SOFT, sample_weight=np.linspace(1, 2, N_ROWS)),
        "groups": fits("bagging", groups=np.arange(N_ROWS) // 2),
        "bf16-mixed": fits("ce", precision="bf16-mixed"),
        "schedule": fits("ce", lr_schedule="cosine"),
        "dataset": fits("ce", dataset, None),
        "partial_fit": continued,
        "search": searches(),
        "search without refit": searches(refit=False),
    }


def faults_of(predict: Predict, tolerance: float = 1e-3) -> Iterator[str]:
    """Run a case on the device with few and with many steps, and on the CPU."""
    counts = []
    for batch_size in SIZES:
        with PretendedDevice() as device:
            result = predict(NAME, batch_size)
        counts.append(device.counts)
    expected = predict("cpu", SIZES[-1])
    if (difference := np.abs(result - expected).max()) > tolerance:
        yield f"results differ from those of the CPU by {difference:.2g}"
    n_more = N_EPOCHS * N_ROWS * (1 / SIZES[1] - 1 / SIZES[0])
    few, many = counts
    for place, n in many.items():
        if n - few[place] > n_more / 4:
            yield f"{n} times, {few[place]} with fewer steps: {place}"


def main(group: str) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name, predict in cases(group).items():
        try:
            # The device computes in full precision.
            tolerance = 0.05 if name == "bf16-mixed" else 1e-3
            for fault in faults_of(predict, tolerance):
                print(f"{name}: {fault}", flush=True)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
