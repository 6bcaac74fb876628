"""The methods, their base classes, and what their hooks receive."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from sknoisy._validation.constraints import check_params, did_you_mean
from sknoisy._validation.params import accepted_params
from sknoisy.methods._base import ClassLoss, Method, NetworkView
from sknoisy.methods._batch import Batch, EvaluationPass, TrainingStep
from sknoisy.methods.anl import ANL
from sknoisy.methods.backward import BackwardCorrection
from sknoisy.methods.bagging import Bagging
from sknoisy.methods.bi_tempered import BiTempered
from sknoisy.methods.bootstrap import Bootstrap
from sknoisy.methods.ce import CrossEntropy
from sknoisy.methods.co_learning import CoLearning
from sknoisy.methods.co_teaching import CoTeaching
from sknoisy.methods.confidence_penalty import ConfidencePenalty
from sknoisy.methods.cores2 import CORES2
from sknoisy.methods.cutmix import CutMix
from sknoisy.methods.distilled_pool import DistilledPool
from sknoisy.methods.disturb_label import DisturbLabel
from sknoisy.methods.dividemix import DivideMix
from sknoisy.methods.elr import ELR
from sknoisy.methods.elr_plus import ELRPlus
from sknoisy.methods.fine import FINE
from sknoisy.methods.forward import ForwardCorrection
from sknoisy.methods.gce import GCE
from sknoisy.methods.gjs import GJS
from sknoisy.methods.jal import JAL
from sknoisy.methods.jocor import JoCoR
from sknoisy.methods.js import JS
from sknoisy.methods.l2rw import L2RW
from sknoisy.methods.mae import MAE
from sknoisy.methods.meta_label_net import MetaLabelNet
from sknoisy.methods.mixup import Mixup
from sknoisy.methods.nce_rce import NCERCE
from sknoisy.methods.peer import PeerLoss
from sknoisy.methods.pencil import PENCIL
from sknoisy.methods.sce import SCE
from sknoisy.methods.selc import SELC
from sknoisy.methods.sop import SOP
from sknoisy.methods.sop_plus import SOPPlus
from sknoisy.methods.ssr import SSR
from sknoisy.methods.synthetic import Synthetic
from sknoisy.methods.trimmed import Trimmed
from sknoisy.methods.truncated_gce import TruncatedGCE
from sknoisy.methods.volminnet import VolMinNet

__all__ = [
    "CORES2",
    "PeerLoss",
    "BiTempered",
    "TruncatedGCE",
    "Trimmed",
    "ANL",
    "JAL",
    "GJS",
    "ELR",
    "FINE",
    "GCE",
    "JS",
    "L2RW",
    "MAE",
    "METHODS",
    "NCERCE",
    "PENCIL",
    "SCE",
    "SELC",
    "SOP",
    "SSR",
    "BackwardCorrection",
    "Bagging",
    "Batch",
    "Bootstrap",
    "ClassLoss",
    "CoLearning",
    "CoTeaching",
    "ConfidencePenalty",
    "CrossEntropy",
    "CutMix",
    "DistilledPool",
    "DisturbLabel",
    "DivideMix",
    "ELRPlus",
    "EvaluationPass",
    "ForwardCorrection",
    "JoCoR",
    "MetaLabelNet",
    "Method",
    "Mixup",
    "NetworkView",
    "SOPPlus",
    "Synthetic",
    "TrainingStep",
    "VolMinNet",
    "make_method",
]

METHODS: dict[str, type[Method]] = {
    "ce": CrossEntropy,
    "gce": GCE,
    "truncated_gce": TruncatedGCE,
    "mae": MAE,
    "sce": SCE,
    "nce_rce": NCERCE,
    "js": JS,
    "gjs": GJS,
    "jal": JAL,
    "anl": ANL,
    "bi_tempered": BiTempered,
    "bootstrap": Bootstrap,
    "confidence_penalty": ConfidencePenalty,
    "disturb_label": DisturbLabel,
    "mixup": Mixup,
    "cutmix": CutMix,
    "forward": ForwardCorrection,
    "backward": BackwardCorrection,
    "volminnet": VolMinNet,
    "peer": PeerLoss,
    "cores2": CORES2,
    "elr": ELR,
    "elr_plus": ELRPlus,
    "selc": SELC,
    "sop": SOP,
    "sop_plus": SOPPlus,
    "pencil": PENCIL,
    "synthetic": Synthetic,
    "co_teaching": CoTeaching,
    "jocor": JoCoR,
    "trimmed": Trimmed,
    "bagging": Bagging,
    "distilled_pool": DistilledPool,
    "dividemix": DivideMix,
    "fine": FINE,
    "ssr": SSR,
    "co_learning": CoLearning,
    "meta_label_net": MetaLabelNet,
    "l2rw": L2RW,
}


def make_method(method: str | type[Method] | Method, **params: Any) -> Method:
    """Make a new method from a name, a class or an instance.

    Parameters
    ----------
    method : str, Method class or Method instance
        An instance is cloned, not changed.
    **params
        Parameters of the method.

    Returns
    -------
    Method

    Raises
    ------
    TypeError
        If ``method`` is of another type, or an unknown name.
    ValueError
        If the method has no such parameter, or a value is not allowed.

    Examples
    --------
    >>> make_method("elr", beta=0.9)
    ELR(beta=0.9)
    """
    kind = METHODS.get(method, method) if isinstance(method, str) else method
    if isinstance(kind, Method):
        instance = clone(kind)
    elif isinstance(kind, type) and issubclass(kind, Method):
        instance = kind(**accepted_params(kind.__init__, params))  # type: ignore[misc]
    else:
        raise TypeError(
            f"The 'method' parameter must be a str among {sorted(METHODS)}, or a subclass or an "
            f"instance of Method. Got {kind!r} instead.{did_you_mean(kind, METHODS)}"
        )
    instance.set_params(**params)
    given = instance.get_params(deep=False)
    check_params(type(instance).__name__, instance._parameter_constraints, given)
    return instance
