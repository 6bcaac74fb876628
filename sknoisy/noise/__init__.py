"""Synthetic label noise for experiments, reproducible by a seed.

Papers define noise rates differently. Here a rate is the probability that a label is changed, in
the classes that the kind of noise affects. The only exception is ``symmetric_inclusive``: its rate
is the probability that a label is redrawn, possibly from its own class.
"""

from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._bad_label import bad_label
from sknoisy.noise._corruption import KINDS, NoiseManifest, corrupt_labels
from sknoisy.noise._instance import instance_dependent
from sknoisy.noise._pair import pair
from sknoisy.noise._symmetric import symmetric

__all__ = [
    "KINDS",
    "NoiseManifest",
    "asymmetric",
    "bad_label",
    "corrupt_labels",
    "instance_dependent",
    "pair",
    "symmetric",
]
