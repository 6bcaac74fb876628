"""Wrong labels made on purpose, for experiments: numpy in, numpy out, seeded.

Papers count noise differently. Here a rate is the share of labels that come out wrong, among those
that a kind of noise touches; ``symmetric_inclusive`` alone counts labels drawn anew, some of which
come out right.
"""

from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._corruption import KINDS, NoiseManifest, corrupt_labels
from sknoisy.noise._instance import instance_dependent
from sknoisy.noise._pair import pair
from sknoisy.noise._symmetric import symmetric

__all__ = [
    "KINDS",
    "NoiseManifest",
    "asymmetric",
    "corrupt_labels",
    "instance_dependent",
    "pair",
    "symmetric",
]
