"""The scripts that repeat papers: their contenders, what they record, and the published figures."""

import sys
from pathlib import Path

import _cells
import _data
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "papers"))

import flipping
import memorisation
import wei_uci

ORIGIN = _cells.Origin("a", "0", "2026-01-01", "")


@pytest.fixture
def few_epochs(monkeypatch):
    """Two epochs on 60 rows of noise, whatever the network."""
    rng = np.random.default_rng(0)
    clean = np.arange(60) % 3
    y = np.where(np.arange(60) < 20, (clean + 1) % 3, clean)
    cell = _data.Cell(rng.normal(size=(60, 4)).astype(np.float32), y, clean, rng.normal(
        size=(9, 4)).astype(np.float32), np.arange(9) % 3)  # fmt: skip
    monkeypatch.setattr(memorisation, "EPOCHS", (1, 2))
    monkeypatch.setattr(memorisation, "load", lambda *_: cell)
    return cell


@pytest.mark.parametrize("contender", memorisation.CONTENDERS)
def test_curves_have_four_shares_after_each_recorded_epoch(few_epochs, contender):
    values = memorisation.measure("mlp", contender, "0.4", 0)
    names = {f"{name}@{epoch}" for name in memorisation.CURVES for epoch in (1, 2)}
    assert set(values) == names | {"cpu"}
    assert all(values[f"memorised@{e}"] + values[f"corrected@{e}"] <= 1 for e in (1, 2))


def test_shares_are_of_rows_with_wrong_and_with_clean_labels(few_epochs):
    class Net:
        """It knows the true class of all rows but the first ten, whose wrong label it predicts."""

        history = [None]

        def predict_proba(self, X):
            if len(X) != 60:
                return np.eye(3)[few_epochs.y_test]
            return np.eye(3)[np.where(np.arange(60) < 10, few_epochs.y, few_epochs.clean)]

    curves = memorisation.Curves(few_epochs)
    curves.on_epoch_end(Net())
    assert curves.values == {"test@1": 1, "corrected@1": 0.5, "memorised@1": 0.5, "right@1": 1}


def test_differences_beside_the_paper_are_of_the_best_and_the_last_epoch():
    def row(*test):
        epochs = memorisation.EPOCHS
        padded = [test[0]] * (len(epochs) - len(test)) + list(test)
        values = dict.fromkeys((f"{n}@{e}" for n in memorisation.CURVES for e in epochs), 0.5)
        return _cells.Row(
            values | {f"test@{e}": v for e, v in zip(epochs, padded, strict=True)}, ORIGIN
        )

    rows = {("mlp", "ce", "0.4", 0): row(0.8, 0.5), ("mlp", "elr", "0.4", 0): row(0.7, 0.82, 0.6)}
    line = "| elr - ce | 0.4 | +7.3 (89.15 - 81.88) | 0.4 | +2.0 | +10.0 |  |  |"
    assert line in memorisation.beside_paper(rows)


def test_seeds_that_a_contender_lacks_are_left_out():
    rows = {
        ("cnn", contender, "0.4", seed): _cells.Row({}, ORIGIN)
        for contender in memorisation.ON_CNN
        for seed in range(2)
    }
    del rows["cnn", "mixup", "0.4", 1]
    assert {key[3] for key in memorisation.complete(rows)} == {0}


def test_the_mean_gradient_of_flipping_comes_near_that_of_smoothing():
    for line in flipping.expectation().splitlines()[2:]:
        distances = np.array(line.strip("| ").split(" | ")[1:], dtype=float)
        # A hundred times the draws make it ten times smaller.
        np.testing.assert_allclose(distances[2:] * 10, distances[:-2], rtol=0.5)


def test_only_seeds_with_all_cells_are_compared():
    values = {"accuracy": 0.5, "ece": 0.25, "log_loss": 1.0, "confidence": 0.75, "memorised": 0.1}
    rows = {
        (name, noise, contender, seed): _cells.Row(values, ORIGIN)
        for name in flipping.SETS
        for noise in flipping.NOISE
        for contender in flipping.CONTENDERS
        for seed in range(2)
    }
    del rows["digits", "none", "nothing", 1]
    text = flipping.report(rows)
    assert "and 1 seed, in %" in text
    assert "| nothing | 50.0 | 50.0 | 50.0 |" in text
    assert "| 0.10 | none | +0.0 |" in text


def test_the_published_table_has_a_figure_for_each_rate():
    assert {noise for _, noise in wei_uci.PUBLISHED} == set(wei_uci.NOISE)
    assert all(len(figures) == len(wei_uci.RATES) for figures in wei_uci.PUBLISHED.values())
