"""Random views, by name and as functions."""

import numpy as np
import torch

from sknoisy.functional import (
    Cutout,
    FeatureCorruption,
    RandAugment,
    RandomFlip,
    RandomShift,
    make_augment,
)
from tests.corpus._cases import Bad, X, images, y
from tests.factories import short

table, batch = torch.tensor(X), torch.tensor(images)
pixels = (255 * batch).to(torch.uint8)
SHAPE = r"'row_shape' parameter must be the shape of a sample.*\[0, inf\). Got"
TENSOR = "must get a batch as a tensor. Got"
RETURN = "'augment' parameter must return"


def itself(x):
    return x


BAD = {
    "name": Bad(
        lambda: make_augment("wek", (3, 8, 8)), r"'name' parameter must be one of .* Got 'wek'"
    ),
    "name None": Bad(lambda: make_augment(None, (3, 8, 8)), "'name' parameter must .* Got None"),
    "list of names": Bad(lambda: make_augment(["weak"], (3, 8, 8)), r"'name' .* Got \['weak'\]"),
    "shape of a number": Bad(lambda: make_augment("weak", 3), f"{SHAPE} 3"),
    "shape None": Bad(lambda: make_augment("weak", None), f"{SHAPE} None"),
    "shape of text": Bad(lambda: make_augment("weak", "3"), f"{SHAPE} '3'"),
    "empty shape": Bad(lambda: make_augment("weak", ()), rf"{SHAPE} \(\)"),
    "negative shape": Bad(lambda: make_augment("weak", (-1, 8, 8)), rf"{SHAPE} \(-1, 8, 8\)"),
    "shape of floats": Bad(lambda: make_augment("strong", (3.0, 8, 8)), rf"{SHAPE} \(3.0, 8, 8\)"),
    "shift of an array": Bad(
        lambda: RandomShift()(images), f"RandomShift {TENSOR} ndarray", TypeError
    ),
    "flip of an array": Bad(
        lambda: RandomFlip()(images), f"RandomFlip {TENSOR} ndarray", TypeError
    ),
    "RandAugment of an array": Bad(lambda: RandAugment()(images), f"{TENSOR} ndarray", TypeError),
    "cutout of an array": Bad(lambda: Cutout()(images), f"Cutout {TENSOR} ndarray", TypeError),
    "corruption of an array": Bad(lambda: FeatureCorruption()(X), f"{TENSOR} ndarray", TypeError),
    "corruption of a list": Bad(lambda: FeatureCorruption()([1, 2]), f"{TENSOR} list", TypeError),
    "corruption of a number": Bad(lambda: FeatureCorruption()(torch.tensor(1.0)), r"shape \(\)"),
    "corruption of no row": Bad(lambda: FeatureCorruption()(table[:0]), r"at least one .*\(0, 4\)"),
    "shift of no image": Bad(lambda: RandomShift()(batch[:0]), r"at least one .*\(0, 3, 8, 8\)"),
    "shift of a table": Bad(lambda: RandomShift()(table), r"takes images of .* shape \(60, 4\)"),
    "flip of a table": Bad(lambda: RandomFlip(first=itself)(table), r"takes images .*\(60, 4\)"),
    "cutout of a table": Bad(lambda: Cutout(first=itself)(table), r"takes images .*\(60, 4\)"),
    "RandAugment of bytes": Bad(
        lambda: RandAugment()(pixels), r"must .* floating-point numbers. Got torch.uint8", TypeError
    ),
    "cutout of bytes": Bad(
        lambda: Cutout(first=itself)(pixels), "must .* floating-point .* torch.uint8", TypeError
    ),
    "RandAugment of booleans": Bad(lambda: RandAugment()(batch > 0.5), "Got torch.bool", TypeError),
    "no operation": Bad(
        lambda: RandAugment(n_operations=0), r"'n_operations' parameter .*\[1, inf\). Got 0"
    ),
    "half an operation": Bad(lambda: RandAugment(n_operations=1.5), "'n_operations' .* Got 1.5"),
    "magnitude": Bad(lambda: RandAugment(magnitude=2), r"'magnitude' parameter .*\[0, 1\]. Got 2"),
    "first": Bad(lambda: RandAugment(first=3), "'first' parameter .* callable.* Got 3", TypeError),
    "first of cutout": Bad(lambda: Cutout(first="a"), "'first' parameter .* Got 'a'", TypeError),
    "fraction of cutout": Bad(lambda: Cutout(fraction=-1), r"'fraction' .*\[0, 1\]. Got -1"),
    "fraction of a shift": Bad(lambda: RandomShift(fraction="a"), r"'fraction' .* Got 'a'"),
    "fraction misspelt": Bad(lambda: FeatureCorruption("atuo"), r"'fraction' .* Got 'atuo'"),
    "view None": Bad(
        lambda: short(augment=lambda x: None).fit(X, y), f"{RETURN} a tensor. Got None", TypeError
    ),
    "view of an array": Bad(
        lambda: short(augment=lambda x: x.numpy()).fit(X, y), f"{RETURN} .* Got ndarray", TypeError
    ),
    "view of fewer columns": Bad(
        lambda: short(augment=lambda x: x[:, :2]).fit(X, y), rf"{RETURN} .*4\).* Got \(60, 2\)"
    ),
    "view of fewer rows": Bad(
        lambda: short(augment=lambda x: x[:5]).fit(X, y), rf"{RETURN} .* Got \(5, 4\)"
    ),
    "view in double precision": Bad(
        lambda: short(augment=lambda x: x.double()).fit(X, y), f"{RETURN} .* and torch.float64"
    ),
    "view in place": Bad(
        lambda: short(augment=lambda x: x.mul_(2)).fit(X, y), f"{RETURN} a new tensor. Got"
    ),
    "view of NaN": Bad(lambda: short(augment=lambda x: x * np.nan).fit(X, y), f"{RETURN} finite"),
    "view of infinity": Bad(lambda: short(augment=lambda x: x / 0).fit(X, y), f"{RETURN} finite"),
    "view of images for a table": Bad(
        lambda: short(augment=RandomShift()).fit(X, y), r"takes images .*shape \(60, 4\)"
    ),
    "name in fit": Bad(
        lambda: short(augment="wek").fit(X, y), "'augment' parameter .* Got 'wek'.*mean 'weak'"
    ),
}

GOOD = {
    "weak for a table": lambda: short(augment="weak").fit(X, y),
    "strong for a table": lambda: short(augment="strong").fit(X, y),
    "strong for images": lambda: short(augment="strong").fit(images, y),
    "strong for bytes": lambda: short(augment="strong").fit(pixels, y),
    "module of torch": lambda: short(augment=torch.nn.Dropout(0.1)).fit(X, y),
    "shift of bytes": lambda: RandomShift()(pixels),
    "flip of bytes": lambda: RandomFlip()(pixels),
    "half precision": lambda: RandAugment()(batch.half()),
    "double precision": lambda: Cutout()(batch.double()),
    "one image": lambda: Cutout()(batch[:1]),
    "one pixel": lambda: RandomFlip()(batch[:, :, :1, :1]),
    "integers": lambda: FeatureCorruption(0.5)(torch.arange(6).reshape(3, 2)),
    "list as shape": lambda: make_augment("weak", [3, 8, 8]),
}
