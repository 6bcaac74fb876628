"""How well wrong labels are found, and at what cost, beside cleanlab.

    SKNOISY_DATA=... python benchmarks/label_issues.py [n_seeds]

Real label errors: MNIST's test set (probabilities as published with the verified errors), one
answer of the crowd on music_genre, and CIFAR-10N on features of 10,000 images. On the latter two
``find_label_issues`` reads one fit of the default classifier; cleanlab reads predictions of the
same classifier, and of MLPClassifier, from five folds, which is how it is meant to be used. How
much ``label_quality_`` counts was chosen on the development half with seed 100.
"""

from __future__ import annotations

import sys
import time
import warnings

from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import home, load
from sklearn.base import ClassifierMixin
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.metrics import issue_average_precision, issue_precision_at_k

CELLS = (
    ("music_genre", "worker"), ("cifar10_features", "aggre"), ("cifar10_features", "rand1"),
    ("cifar10_features", "worst"),
)  # fmt: skip
RANKS = ("self_confidence", "normalized_margin")


def qualities_of_cleanlab(y: np.ndarray, p: np.ndarray) -> dict[str, np.ndarray]:
    from cleanlab.rank import get_label_quality_scores as score

    found = {f"cleanlab, {rank}": score(y, p, method=rank) for rank in RANKS}
    adjusted = score(y, p, method="self_confidence", adjust_pred_probs=True)
    return {**found, "cleanlab, adjusted self_confidence": adjusted}


def count_of_cleanlab(y: np.ndarray, p: np.ndarray) -> int:
    from cleanlab.filter import find_label_issues as find

    return int(find(y, p).sum())


def folds(
    clf: ClassifierMixin, X: np.ndarray, y: np.ndarray, seed: int
) -> tuple[np.ndarray, float]:
    begin = time.process_time()
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    p = cross_val_predict(clf, X, y, cv=cv, method="predict_proba")
    return p, time.process_time() - begin


def rows_of(name: str, noise: str, seed: int) -> list[list[object]]:
    cell = load(name, noise, seed)
    y, wrong = cell.y, cell.y != cell.clean
    begin = time.process_time()
    clf = NoisyLabelClassifier(random_state=seed).fit(cell.X, y)
    issues = find_label_issues(clf, y, return_all=True)
    seconds = time.process_time() - begin
    quality = issues["quality"].sort_index().to_numpy()
    n_wrong = issues.attrs["n_wrong"]
    rows = [["find_label_issues, one fit", quality, n_wrong, seconds]]
    rows.append(["label_quality_, the same fit", clf.label_quality_, None, seconds])
    mlp = make_pipeline(
        StandardScaler(), MLPClassifier((128, 128), max_iter=100, random_state=seed)
    )
    for who, model in (("default", NoisyLabelClassifier(random_state=seed)), ("MLP", mlp)):
        p, seconds = folds(model, cell.X, y, seed)
        count = count_of_cleanlab(y, p)
        ours = find_label_issues(p, y, return_all=True)
        scores = ours["quality"].sort_index().to_numpy()
        title = f"find_label_issues, 5 folds of {who}"
        rows.append([title, scores, ours.attrs["n_wrong"], seconds])
        for rank, scores in qualities_of_cleanlab(y, p).items():
            rows.append([f"{rank}, 5 folds of {who}", scores, count, seconds])
    return [[who, wrong, *rest] for who, *rest in rows]


def mnist(folder: str) -> list[list[object]]:
    d = np.load(f"{folder}/label_errors/mnist.npz", allow_pickle=True)
    y, p = d["given"].astype(int), d["pyx"].astype(float)
    names, wrong = list(d["vote_names"]), np.zeros(len(y), dtype=bool)
    # Verified: three of five people saw another label, or none or several.
    wrong[d["cand_index"][d["cand_votes"][:, names.index("given")] <= 2]] = True
    ours = find_label_issues(p, y, return_all=True)
    rows = [["find_label_issues, given probabilities", wrong,
             ours["quality"].sort_index().to_numpy(), ours.attrs["n_wrong"], None]]  # fmt: skip
    for rank, scores in qualities_of_cleanlab(y, p).items():
        rows.append([rank, wrong, scores, count_of_cleanlab(y, p), None])
    return rows


def main() -> None:
    folder = home()
    if folder is None:
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    torch.set_num_threads(1)
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    text = [f"# Wrong labels found\n\n{setting()}; seeds 0 to {n_seeds - 1}, means"]
    text.append(
        "AP: average precision in finding wrong labels; P@wrong: precision among as many as are "
        "wrong; expected: the number said to be wrong, over the true one; CPU seconds."
    )
    header = ["", "AP", "P@wrong", "expected / true", "seconds"]
    parts = {"mnist (verified errors)": [mnist(str(folder))]}
    for name, noise in CELLS:
        parts[f"{name}, {noise}"] = [rows_of(name, noise, seed) for seed in range(n_seeds)]
        print(name, noise, file=sys.stderr, flush=True)
    for title, found in parts.items():
        wrong = np.mean([rows[0][1].mean() for rows in found])
        lines = [_line([rows[i] for rows in found]) for i in range(len(found[0]))]
        text.append(f"## {title}: {100 * wrong:.2f} % wrong\n\n" + table(header, lines))
    save("label_issues", "\n\n".join(text))


def _line(runs: list[list]) -> list[object]:
    ap = np.mean([issue_average_precision(wrong, q) for _, wrong, q, *_ in runs])
    precision = np.mean(
        [issue_precision_at_k(wrong, q, int(wrong.sum())) for _, wrong, q, *_ in runs]
    )
    counts = [n / wrong.sum() for _, wrong, _, n, _ in runs if n is not None]
    seconds = [s for *_, s in runs if s is not None]
    return [
        runs[0][0], f"{ap:.3f}", f"{precision:.3f}",
        f"{np.mean(counts):.2f}" if counts else "", f"{np.mean(seconds):.0f}" if seconds else "",
    ]  # fmt: skip


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
