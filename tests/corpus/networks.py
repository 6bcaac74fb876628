"""Networks, built alone."""

import torch
from torch import nn

from sknoisy.networks import (
    CNN,
    CNN9,
    MLP,
    BatchedMLP,
    Dropout,
    PiecewiseLinear,
    ResNet,
    Standardize,
    capture_features,
    preact_resnet18,
    replicate,
    resnet18,
    resnet34,
)
from tests.corpus._cases import Bad, X

SIZE = r"must be an int in the range \[1, inf\). Got"
SIZES = r"must hold ints in the range \[1, inf\). Got"
MLPS = "'networks' parameter of BatchedMLP must hold"

BAD = {
    "MLP of -1 columns": Bad(lambda: MLP(-1, 3), f"'n_in' parameter of MLP {SIZE} -1"),
    "MLP of text": Bad(lambda: MLP("4", 3), f"'n_in' parameter of MLP {SIZE} '4'"),
    "MLP of None": Bad(lambda: MLP(4, None), f"'n_out' parameter of MLP {SIZE} None"),
    "hidden layer of -1": Bad(lambda: MLP(4, 3, hidden=(8, -1)), rf"'hidden' .*{SIZES} \(8, -1\)"),
    "hidden None": Bad(lambda: MLP(4, 3, hidden=None), f"'hidden' parameter of MLP {SIZES} None"),
    "dropout of 2": Bad(lambda: MLP(4, 3, dropout=2), r"'dropout' .*\[0, 1\). Got 2"),
    "half a bin": Bad(lambda: MLP(4, 3, bins=1.5), r"'bins' .* 'auto' or an int .* Got 1.5"),
    "CNN of no channel": Bad(lambda: CNN(0, 3), f"'n_in' parameter of CNN {SIZE} 0"),
    "widths of text": Bad(
        lambda: CNN(1, 3, widths="ab"), f"'widths' parameter of CNN {SIZES} 'ab'"
    ),
    "widths None": Bad(lambda: CNN(1, 3, widths=None), f"'widths' parameter of CNN {SIZES} None"),
    "pooled to halves": Bad(lambda: CNN(1, 3, pooled=1.5), f"'pooled' parameter of CNN {SIZE} 1.5"),
    "CNN9 of no channel": Bad(lambda: CNN9(0, 3), f"'n_in' parameter of CNN9 {SIZE} 0"),
    "CNN9 of text": Bad(lambda: CNN9(3, "a"), f"'n_out' parameter of CNN9 {SIZE} 'a'"),
    "CNN9 dropout": Bad(lambda: CNN9(3, 3, dropout=1.5), r"'dropout' .*\[0, 1\). Got 1.5"),
    "ResNet of no channel": Bad(lambda: resnet18(0, 3), f"'n_in' parameter of ResNet {SIZE} 0"),
    "ResNet of no class": Bad(lambda: resnet18(3, 0), f"'n_out' parameter of ResNet {SIZE} 0"),
    "ResNet of 3.0 channels": Bad(lambda: resnet34(3.0, 3), f"'n_in' .*{SIZE} 3.0"),
    "ResNet of None": Bad(lambda: preact_resnet18(3, None), f"'n_out' .*{SIZE} None"),
    "too few blocks": Bad(
        lambda: ResNet(3, 3, n_blocks=(2,)), r"'n_blocks' .* each of the 4 widths. Got \(2,\)"
    ),
    "a stage of no block": Bad(
        lambda: ResNet(3, 3, n_blocks=(2, 0, 2, 2)), f"'n_blocks' .*{SIZES}"
    ),
    "blocks of a number": Bad(lambda: ResNet(3, 3, n_blocks=3), f"'n_blocks' .*{SIZES} 3"),
    "width of 0": Bad(lambda: ResNet(3, 3, widths=(64, 0, 1, 1)), f"'widths' .*{SIZES}"),
    "preactivated": Bad(
        lambda: ResNet(3, 3, preactivated="no"), "'preactivated' .* bool. Got 'no'"
    ),
    "half a column": Bad(lambda: Standardize(2.5), f"'n_in' parameter of Standardize {SIZE} 2.5"),
    "no bin": Bad(lambda: PiecewiseLinear(3, 0), f"'bins' parameter of PiecewiseLinear {SIZE} 0"),
    "bins of text": Bad(lambda: PiecewiseLinear(3, "auto"), f"'bins' .*{SIZE} 'auto'"),
    "probability of 1.5": Bad(
        lambda: Dropout(1.5), r"'p' parameter of Dropout .*\[0, 1\]. Got 1.5"
    ),
    "copies of a number": Bad(lambda: replicate(3, 2), "'build' .* callable .* Got 3", TypeError),
    "function of a number": Bad(
        lambda: replicate(lambda: 3, 1), "'build' parameter .* Module. Got .* returns 3", TypeError
    ),
    "1.5 copies": Bad(lambda: replicate(lambda: MLP(4, 3), 1.5), f"'n_networks' .*{SIZE} 1.5"),
    "batched MLPs of two sizes": Bad(
        lambda: BatchedMLP([MLP(4, 3), MLP(5, 3)]),
        rf"{MLPS} MLPs of the same sizes. Got .*\(128, 5",
    ),
    "no batched MLP": Bad(
        lambda: BatchedMLP([]), rf"{MLPS} at least one MLP.* Got \[\]", TypeError
    ),
    "batched CNN": Bad(lambda: BatchedMLP([CNN(1, 3)]), f"{MLPS} .* Got .CNN", TypeError),
    "features of a number": Bad(
        lambda: capture_features(3, torch.tensor(X)), "'network' .* Module. Got 3", TypeError
    ),
}

GOOD = {
    "no hidden layer": lambda: MLP(4, 3, hidden=()),
    "one output": lambda: MLP(4, 1),
    "lists as widths": lambda: CNN(1, 3, widths=[4, 8]),
    "CNN without convolutions": lambda: CNN(1, 3, widths=()),
    "features of a network without a linear layer": lambda: capture_features(
        nn.ReLU(), torch.tensor(X)
    ),
    "one copy": lambda: replicate(lambda: MLP(4, 3), 1),
    "copies of another network": lambda: replicate(lambda: CNN(1, 3), 2),
}
