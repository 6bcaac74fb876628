"""Parameters of the classifier and its parts; tests/test_wrong_parameters.py has more."""

import numpy as np
import torch
from skorch.callbacks import EpochTimer, LRScheduler
from torch import nn

from tests.corpus._cases import Bad, X, images, y
from tests.factories import short

NETWORKS = r"must be a str among \['cnn9', .*, a callable or None. Got"
MATRIX = r"'transition_matrix' parameter must .* rows that are at least 0 and sum to 1.* Got row 0"


def fit(**params):
    return short(**params).fit(X, y)


def normed(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))


def with_nan(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.constant_(layer.weight, np.nan)
    return layer


BAD = {
    "misspelt network": Bad(
        lambda: short(module="resnet1").fit(images, y), f"{NETWORKS} 'resnet1'.*mean 'resnet18'"
    ),
    "network for images": Bad(
        lambda: fit(module="resnet18"),
        "'module' parameter 'resnet18' is .* images. Got samples of 4",
    ),
    "module of a tensor": Bad(lambda: fit(module=torch.ones(3)), f"{NETWORKS} tensor"),
    "module of a list": Bad(lambda: fit(module=[8, 8]), rf"{NETWORKS} \[8, 8\]"),
    "module without values": Bad(
        lambda: fit(module=nn.Linear(4, 3, device="meta")), "'module' .* Got Linear.*device meta"
    ),
    "module of NaN": Bad(
        lambda: fit(module=with_nan), "'module' .*Linear returned NaN or infinity"
    ),
    "frozen module": Bad(
        lambda: fit(module=nn.Linear(4, 3).requires_grad_(False)), "'module' .* without a gradient"
    ),
    "module that returns X": Bad(
        lambda: fit(module=nn.Identity()), r"Identity returned shape \(2, 4\) .*expected \(2, 3\)"
    ),
    "batch norm of one row": Bad(
        lambda: fit(module=normed, batch_size=1),
        "'batch_size' parameter must be at least 2.* Got 1",
    ),
    "optimizer instance": Bad(
        lambda: fit(optimizer=torch.optim.SGD(nn.Linear(4, 3).parameters(), 0.1)),
        "'optimizer' parameter .* must be a str among .* Got SGD",
    ),
    "function that makes no optimizer": Bad(
        lambda: fit(optimizer=lambda parameters, lr: 3),
        "'optimizer' parameter must be .* callable that makes one. Got .* makes 3",
        TypeError,
    ),
    "momentum": Bad(
        lambda: fit(optimizer="sgd", optimizer__momentum=-1), "'optimizer' .* SGD failed: .*: -1"
    ),
    "momentum of text": Bad(
        lambda: fit(optimizer="sgd", optimizer__momentum="a"), "'optimizer' parameter: SGD failed"
    ),
    "betas": Bad(lambda: fit(optimizer__betas=(2, 0.9)), "Adam failed: Invalid beta .*: 2"),
    "weight decay": Bad(lambda: fit(optimizer__weight_decay=-1), "Adam failed: .*weight_decay.*-1"),
    "equal names of callbacks": Bad(
        lambda: fit(callbacks=[("a", EpochTimer()), ("a", EpochTimer())]), "duplicate .* name 'a'"
    ),
    "callback None": Bad(
        lambda: fit(callbacks=[None]), r"'callbacks' parameter must be .* Got \[None\]", TypeError
    ),
    "callbacks of a dict": Bad(lambda: fit(callbacks={"a": 1}), "'callbacks' .* Got {'a': 1}"),
    "two schedules": Bad(
        lambda: fit(lr_schedule="cosine", callbacks=[LRScheduler("StepLR", step_size=1)]),
        "'lr_schedule' parameter must be None .* Got lr_schedule='cosine'",
    ),
    "device of a number": Bad(lambda: fit(device=0), "'device' parameter .* must be .* Got 0"),
    "no device": Bad(lambda: fit(device=""), "'device' parameter .* '', which is not available"),
    "precision of a number": Bad(lambda: fit(precision=32), "'precision' .* must be .* Got 32"),
    "precision of a dtype": Bad(
        lambda: fit(precision=torch.float64), "'precision' .* torch.float64"
    ),
    "rates for 2 of 3 classes": Bad(
        lambda: fit(smoothing=[0.1, 0.2]), r"'smoothing' parameter must be .* 3 rates.* Got \[0.1"
    ),
    "NaN rate": Bad(lambda: fit(smoothing=[0.1, 0.2, np.nan]), "'smoothing' .* Got .*nan"),
    "set of rates": Bad(lambda: fit(smoothing={0.1}), "'smoothing' parameter must be .* Got {0.1}"),
    "warm-up without end": Bad(
        lambda: fit(warmup=10, smoothing="auto"), "'warmup' .* leave an epoch .* Got 10 with max_"
    ),
    "schedule None": Bad(
        lambda: fit(lr_schedule=lambda p: None), "'lr_schedule' parameter must return .* Got None"
    ),
    "schedule of a tensor": Bad(
        lambda: fit(lr_schedule=lambda p: torch.tensor(1.0)), "must return a factor .* Got tensor"
    ),
    "complex schedule": Bad(
        lambda: fit(lr_schedule=lambda p: 1j), "must return a factor .* Got 1j"
    ),
    "batch size of text": Bad(lambda: fit(batch_size="a"), "'batch_size' .* must be .* Got 'a'"),
    "large seed": Bad(
        lambda: fit(random_state=2**40), r"'random_state' .*\[0, 4294967295\].* Got 1"
    ),
    "generator of NumPy": Bad(
        lambda: fit(random_state=np.random.default_rng(0)), r"'random_state' .* Got Generator"
    ),
    "generator of torch": Bad(
        lambda: fit(random_state=torch.Generator()), "'random_state' .* Got <torch._C.Generator"
    ),
    "verbosity": Bad(lambda: fit(verbose=1.5), "'verbose' parameter .* must be .* Got 1.5"),
    "list of class weights": Bad(lambda: fit(class_weight=[1, 1, 1]), r"'class_weight' .* Got \[1"),
    "negative class weight": Bad(
        lambda: fit(class_weight={0: -1, 1: 2}), "'class_weight' parameter must .* Got {0: -1}"
    ),
    "infinite class weight": Bad(lambda: fit(class_weight={0: np.inf}), "Got {0: inf}"),
    "no class weight": Bad(lambda: fit(class_weight={0: 0, 1: 0, 2: 0}), "at least one non-zero"),
    "matrix of 2 classes": Bad(
        lambda: fit(method="forward", method__transition_matrix=np.eye(2)),
        r"'transition_matrix' parameter must be .* shape \(3, 3\).* Got one of shape \(2, 2\)",
    ),
    "negative matrix": Bad(
        lambda: fit(method="forward", method__transition_matrix=2 * np.eye(3) - 1 / 3),
        f"{MATRIX} with minimum -0.33",
    ),
    "matrix of ones": Bad(
        lambda: fit(method="forward", method__transition_matrix=np.ones((3, 3))),
        f"{MATRIX} .*sum 3",
    ),
    "matrix of NaN": Bad(
        lambda: fit(method="backward", method__transition_matrix=np.full((3, 3), np.nan)),
        f"{MATRIX} with minimum nan",
    ),
    "matrix without inverse": Bad(
        lambda: fit(method="backward", method__transition_matrix=np.full((3, 3), 1 / 3)),
        "'transition_matrix' parameter .* must have an inverse. Got .* condition number inf",
    ),
    "misspelt estimate": Bad(
        lambda: fit(method="forward", method__transition_matrix="hocc"),
        "'transition_matrix' parameter .* Got 'hocc' instead. Did you mean 'hoc'",
    ),
    "matrix of 3 dimensions": Bad(
        lambda: fit(method="forward", method__transition_matrix=np.ones((3, 3, 3))),
        r"'transition_matrix' .* Got one of shape \(3, 3, 3\)",
    ),
}

GOOD = {
    "large batches": lambda: fit(batch_size=10**30),
    "batch norm and one row left": lambda: fit(module=normed, batch_size=59),
    "module in double precision": lambda: fit(module=nn.Linear(4, 3).double()),
    "weights of some classes": lambda: fit(class_weight={0: 1, 1: 2}),
    "rate for each class": lambda: fit(smoothing=[0.1, -0.2, 0.0]),
    "rates of an array": lambda: fit(smoothing=np.array([0.1, -0.2, 0.0])),
    "NumPy numbers": lambda: fit(
        lr=np.float32(0.01), batch_size=np.int64(8), max_epochs=np.int8(2)
    ),
    "device object": lambda: fit(device=torch.device("cpu")),
    "warm-up of no epoch": lambda: fit(warmup=0),
    "matrix of lists": lambda: fit(
        method="forward", method__transition_matrix=[[0.8, 0.1, 0.1], [0, 1, 0], [0, 0, 1]]
    ),
}
