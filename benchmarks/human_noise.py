"""The worst human labels of CIFAR-10N, on features of all 50,000 images: the default beside peers.

    SKNOISY_DATA=... python benchmarks/human_noise.py [n_seeds]

The robustness table has the same set with 10,000 rows. Contenders are those of that table, and
``mlp_20``: one hidden layer of 256 for 20 epochs. Rows are the same in every fit; the seed is that
of the contender alone.
"""

from __future__ import annotations

import sys
import time
import warnings

from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import home, real_arrays
from robustness import DEFAULT, make
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CONTENDERS = (DEFAULT, "mlp_20", "lr", "elr", "ce", "mlp")


def contender(name: str, seed: int) -> BaseEstimator:
    if name == "mlp_20":
        network = MLPClassifier((256,), max_iter=20, random_state=seed)
        return make_pipeline(StandardScaler(), network)
    return make(name, seed)


def main() -> None:
    torch.set_num_threads(1)
    folder = home()
    if folder is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    X, clean, X_test, y_test, given = real_arrays("cifar10_features", folder)
    y = given["worst"].astype(int)
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = []
    for name in CONTENDERS:
        scores, seconds = [], []
        for seed in range(n_seeds):
            begin = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = contender(name, seed).fit(X, y)
            seconds.append(time.process_time() - begin)
            scores.append(100 * fitted.score(X_test, y_test))
            print(name, seed, scores[-1], seconds[-1], file=sys.stderr, flush=True)
        rows.append([name, float(np.mean(scores)), float(np.std(scores)), float(np.mean(seconds))])
    text = (
        f"# The worst human labels of CIFAR-10N\n\n{setting()}\n\nClean test accuracy in % with "
        f"all {len(X)} rows, of whose labels {100 * np.mean(y != clean):.0f} % are wrong; mean and "
        f"standard deviation over seeds 0 to {n_seeds - 1}; CPU seconds of a fit.\n\n"
    )
    save("human_noise", text + table(["contender", "accuracy", "std", "seconds"], rows))


if __name__ == "__main__":
    main()
