"""What a file of a classifier contains, and the classifier that is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from torch import nn

from sknoisy._runtime.json_data import from_json, to_json
from sknoisy._training.net import SkorchNet
from sknoisy._training.persistence import weights_of
from sknoisy._training.plain import NETWORKS, from_plain, to_plain
from sknoisy._training.settings import make_views
from sknoisy._validation.row_names import index_of, parts_of_index
from sknoisy.methods import METHODS, Method

__all__ = ["classifier_from", "document_of", "given_parts"]

_LIBRARIES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy")
# What a net in a file may have, besides the parameters of its parts.
_OF_NET = frozenset({
    "batch_size", "callbacks", "columns_", "device", "dtype", "frozen_", "history_",
    "initialized_", "lr", "max_epochs", "method", "mixed", "module", "module_", "n_classes",
    "new_head_", "n_rows_", "noise_", "optimizer", "optimizer_", "random_state_", "row_shape_",
    "rows_digest_", "settings", "verbose",
})  # fmt: skip
# A folder of checkpoints, which are pickles: a file must not choose it.
_OF_ONE_MACHINE = ("checkpoint",)
# Lists of names that a net makes itself.
_NAMES_OF_PARTS = (
    "prefixes_", "cuda_dependent_attributes_", "_modules", "_criteria", "_optimizers",
)  # fmt: skip
# No network has more layers, all together; a file may say that it has any number.
_MAX_LAYERS = 10_000

_INSTEAD = (
    " Set it to something else if the loaded classifier need not train with it, or use pickle, "
    "joblib, cloudpickle or skops."
)


# ---- writing ------------------------------------------------------------------------------------


def document_of(clf: BaseEstimator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Convert a classifier to values of JSON and arrays.

    Parameters
    ----------
    clf : NoisyLabelClassifier
        Fitted or not.

    Returns
    -------
    document : dict
    arrays : dict of ndarray

    Raises
    ------
    TypeError
        If a parameter or an attribute cannot be stored without code.
    """
    net: SkorchNet | None = vars(clf).get("net_")
    arrays: dict[str, np.ndarray] = {}
    users = _users_parts(clf, net)

    def replaced(value: Any) -> Any:
        for name, part in users.items():
            if value is part:
                return {"$given": name}
        if isinstance(value, Method) and type(value) is users.get("method"):
            return {"$given_with": ["method", value.get_params(deep=False)]}
        if (parts := parts_of_index(value)) is not None:
            return {"$index": parts}
        return to_plain(value)

    params = clf.get_params(deep=False)
    stored = {
        name: _parameter_to_json(name, value, arrays, replaced)
        for name, value in params.items()
        if name not in _OF_ONE_MACHINE
    }
    attributes = {
        name: to_json(value, arrays, f"The attribute {name!r}", replaced)
        for name, value in vars(clf).items()
        if name not in params and name not in ("_dunder", "_metadata_request", "net_")
    }
    document = {
        "estimator": type(clf).__name__,
        "versions": {name: version(name) for name in _LIBRARIES},
        "given": {name: _name_of(part) for name, part in users.items()},
        "requests": _requests(clf),
        "params": stored,
        "attributes": attributes,
        "net": None if net is None else _net_to_json(clf, net, arrays, replaced),
    }
    return document, arrays


def _users_parts(clf: BaseEstimator, net: SkorchNet | None) -> dict[str, Any]:
    """Return the network and the method class that are the user's own, which a file only names."""
    modules = [clf.module, *([] if net is None else [net.module])]
    methods = [clf.method, *([] if net is None else [net.criterion_])]
    kinds = [type(part) if isinstance(part, Method) else part for part in methods]
    users: dict[str, Any] = {}
    for name, parts, table in (("module", modules, NETWORKS), ("method", kinds, METHODS)):
        unknown = [part for part in parts if part is not None and not _is_known(part, table)]
        if any(part is not unknown[0] for part in unknown):
            raise TypeError(
                f"The {name!r} parameter cannot be stored in a file without code, because it was "
                f"changed after the fit, with {unknown[1]!r:.100}. Got {unknown[0]!r:.100}."
            )
        if unknown:
            users[name] = unknown[0]
    return users


def _is_known(part: Any, table: Mapping[str, Any]) -> bool:
    return isinstance(part, str) or any(part is known for known in table.values())


def _name_of(part: Any) -> str:
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{named.__module__}.{named.__qualname__}"


def _parameter_to_json(name: str, value: Any, arrays: dict[str, np.ndarray], replaced: Any) -> Any:
    try:
        return to_json(value, arrays, f"The {name!r} parameter", replaced)
    except TypeError as error:
        raise TypeError(f"{error}{_INSTEAD}") from None


def _requests(clf: BaseEstimator) -> dict[str, Any]:
    """Return what was set by ``set_fit_request`` and the like."""
    if "_metadata_request" not in vars(clf):
        return {}
    routing = clf.get_metadata_routing()
    names = [name for name in ("fit", "partial_fit", "score") if hasattr(routing, name)]
    return {name: dict(getattr(routing, name).requests) for name in names}


def _net_to_json(
    clf: BaseEstimator, net: SkorchNet, arrays: dict[str, np.ndarray], replaced: Any
) -> dict[str, Any]:
    state = net.__getstate__()
    # Functions of the user are parameters of the classifier, too, and refused there.
    views, settings = make_views(clf.augment, net.row_shape_), net.settings
    settings = replace(
        settings,
        augment=_unless_users(settings.augment, views),
        lr_schedule=_unless_users(settings.lr_schedule, clf.lr_schedule),
    )
    state["settings"] = to_plain(settings)
    for name in ("criterion", "criterion_", *_NAMES_OF_PARTS):
        state.pop(name, None)
    if "callbacks_" in state:
        state = {k: v for k, v in state.items() if not k.startswith("callbacks")}
        state["callbacks"] = clf.callbacks
    if isinstance(net.module, nn.Module):
        state.update(weights_of(net.module_))
    state["method"] = [type(net.criterion_), net.criterion_.__getstate__()]
    unknown = sorted(name for name in state if name not in _OF_NET and "__" not in name)
    if unknown:
        raise TypeError(
            f"The attribute {unknown[0]!r} of net_ cannot be stored in a file without code. Use "
            "pickle, joblib, cloudpickle or skops."
        )
    return {
        name: to_json(value, arrays, f"The attribute {name!r} of net_", replaced)
        for name, value in state.items()
    }


def _unless_users(value: Any, other: Any) -> Any:
    """Return a value, or another one if it is a function of the user."""
    return other if callable(value) and to_plain(value) is value else value


# ---- reading ------------------------------------------------------------------------------------


def classifier_from(
    document: dict[str, Any],
    arrays: dict[str, np.ndarray],
    users: Mapping[str, Any],
    kind: type[BaseEstimator],
) -> BaseEstimator:
    """Make the classifier that :func:`document_of` has converted.

    Parameters
    ----------
    document : dict
        As in the file, not checked.
    arrays : dict of ndarray
    users : mapping of str to object
        The result of :func:`given_parts`.
    kind : type
        The class of the classifier.

    Returns
    -------
    BaseEstimator

    Raises
    ------
    Exception
        Of any type, if the document is not valid.
    """

    def restore(tag: str, content: Any) -> Any:
        if tag == "given":
            return users[content]
        if tag == "given_with":
            name, params = content
            return users[name]().set_params(**params)
        if (made := from_plain(plain := {tag: content})) is plain:
            raise ValueError(f"there is nothing of kind {tag!r}")
        return made

    def restore_names(tag: str, content: Any) -> Any:
        return index_of(content) if tag == "index" else restore(tag, content)

    def decoded(node: Any, restore: Callable[[str, Any], Any] = restore) -> dict[str, Any]:
        return from_json(node, arrays, restore)

    if document["estimator"] != kind.__name__:
        raise ValueError(f"there is no estimator {document['estimator']!r:.100}")
    params = decoded(document["params"])
    clf = kind(**{name: v for name, v in params.items() if name not in _OF_ONE_MACHINE})
    net = None if document["net"] is None else _net_from(decoded(document["net"]))
    # Elsewhere, an index might be taken for a list that is longer than the file.
    attributes = decoded(document["attributes"], restore_names)
    for name in attributes:
        is_method = callable(getattr(type(clf), name, None))
        if name.startswith("__") or is_method or name in vars(clf) or name == "net_":
            raise ValueError(f"there is no attribute {name!r}")
    vars(clf).update(attributes)
    with sklearn.config_context(enable_metadata_routing=True):
        for name, request in decoded(document["requests"]).items():
            if name in ("fit", "partial_fit", "score"):
                getattr(clf, f"set_{name}_request")(**request)
    if arrays:
        raise ValueError(f"{len(arrays)} arrays have no name")
    if net is not None:
        vars(clf)["net_"] = net
    return clf


def given_parts(names: Any, module: Any, method: Any) -> dict[str, Any]:
    """Check that the parts are given which the file only names, and no others.

    Parameters
    ----------
    names : dict of str to str
        Names of the code, as in the file, not checked.
    module, method
        Parameters of :func:`sknoisy.load`.

    Returns
    -------
    dict of str to object
        The network and the class of the method.
    """
    names = names if isinstance(names, dict) else {}
    for part, value in (("module", module), ("method", method)):
        if part in names and value is None:
            name = str(names[part])
            raise TypeError(
                f"The {part!r} parameter of load must be given, because the file does not contain "
                f"the code of {name:.100}: pass {part}={name.rpartition('.')[2]:.100}."
            )
        if part not in names and value is not None:
            raise TypeError(
                f"The {part!r} parameter of load must be None, because the {part} of the file is "
                f"one of sknoisy. Got {value!r:.100} instead."
            )
    kind = type(method) if isinstance(method, Method) else method
    if method is not None and not (isinstance(kind, type) and issubclass(kind, Method)):
        raise TypeError(
            "The 'method' parameter of load must be a subclass or an instance of Method. Got "
            f"{method!r:.100} instead."
        )
    if kind is not None and kind.__name__ != (name := str(names["method"]).rpartition(".")[2]):
        raise TypeError(
            f"The 'method' parameter of load must be the class {name:.100}, whose parameters and "
            f"state the file has. Got {kind.__name__} instead."
        )
    if module is not None and not callable(module):
        raise TypeError(
            "The 'module' parameter of load must be a class or an instance of Module, or a "
            f"callable that makes one. Got {module!r:.100} instead."
        )
    return {"module": module, "method": kind}


def _net_from(state: dict[str, Any]) -> SkorchNet:
    unknown = sorted(name for name in state if name not in _OF_NET and "__" not in name)
    if unknown:
        raise ValueError(f"there is no attribute {unknown[0]!r} of net_")
    kind, state_of_method = state.pop("method")
    method = kind.__new__(kind)
    method.__setstate__(state_of_method)
    _check_size(state, method)
    net = SkorchNet.__new__(SkorchNet)
    net.__setstate__({**state, "criterion": method, "criterion_": method})
    return net


def _check_size(state: dict[str, Any], method: Method) -> None:
    """Refuse a number of layers that would take much time and memory to make.

    The numbers of units need no limit: they must be those of the arrays.
    """
    if not (isinstance(method.n_networks, int) and isinstance(state.get("history_", []), list)):
        raise ValueError("n_networks is no int, or history_ no list")
    params = [value for name, value in state.items() if name.startswith("module__")]
    lists = [value for value in params if isinstance(value, list | tuple)]
    n_layers = 1 + sum(map(len, lists)) + sum(state.get("module__n_blocks", ()))
    if method.n_networks * n_layers > _MAX_LAYERS:
        raise ValueError(
            f"the network has more than {_MAX_LAYERS} layers: {method.n_networks} times {n_layers}"
        )
