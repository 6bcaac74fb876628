"""Export of a trained classifier to ONNX: from the samples to the probabilities."""

from __future__ import annotations

import copy
import io
import json
import os
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sknoisy._runtime.files import atomic_write
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._training.hook_checks import checked_log_proba
from sknoisy._training.net import SkorchNet
from sknoisy.methods import Method

__all__ = ["export_to_onnx"]

# The first version with all operations that are needed.
_OPSET = 17
_TOLERANCE = 1e-5


def export_to_onnx(clf: BaseEstimator, path: str | os.PathLike[str]) -> None:
    """Write a graph that computes the probabilities of a fitted classifier.

    Parameters
    ----------
    clf : NoisyLabelClassifier
    path : str or path-like

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed.
    RuntimeError
        If the graph computes something else, as of a network whose steps depend on its input.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the packages onnx and onnxruntime, which the extra sknoisy[onnx] has."
        ) from error
    net = clf.net_
    with default_torch_settings():
        predictor = _Predictor(net, channels_last=clf._channels_last).eval()
        samples = _samples(net, predictor.input_dtype, clf._channels_last)
        content = _traced(predictor, samples[:2])
        model = onnx.load_from_string(content)
        onnx.helper.set_model_props(model, _properties(clf))
        model.producer_name, model.producer_version = "sknoisy", version("sknoisy")
        onnx.checker.check_model(model, full_check=True)
        content = model.SerializeToString()
        with torch.no_grad():
            _check_same(content, samples, predictor)
    with atomic_write(path) as file:
        file.write(content)


class _Predictor(nn.Module):
    """All that is computed from the samples to the probabilities, on the CPU.

    Parameters
    ----------
    net : SkorchNet
    channels_last : bool
        Whether images have their channels last.

    Attributes
    ----------
    input_dtype : torch.dtype
        Double precision for a table with columns that single precision would blur.
    """

    def __init__(self, net: SkorchNet, channels_last: bool) -> None:
        super().__init__()
        is_table, columns = len(net.row_shape_) == 1, net.columns_
        self.columns = columns if is_table and columns and columns.changes_rows else None
        # onnxruntime has no convolutions in double precision.
        self.dtype = net.dtype if is_table else torch.float32
        self.input_dtype = torch.float64 if self.columns else self.dtype
        self.channels_last = channels_last
        self.network = _with_fixed_pooling(copy.deepcopy(net.module_).to("cpu", self.dtype))
        self.method = _with_constant_state(copy.deepcopy(net.criterion_).cpu())

    def forward(self, x: Tensor) -> Tensor:
        if self.channels_last:
            x = x.permute(0, 3, 1, 2)
        if self.columns is not None:
            x = self.columns(x)
        logits = self.network(x.to(self.dtype))
        return checked_log_proba(self.method, logits).exp().to(self.dtype)


def _with_constant_state(method: Method) -> Method:
    """Make the state of a method constant, so that no operation on it alone is in the graph."""
    for name, value in (*method.named_parameters(recurse=False), *method.named_buffers()):
        if "." not in name:
            delattr(method, name)
            method.__dict__[name] = value.detach()
    return method


class _FixedPooling(nn.Module):
    """Adaptive average pooling of images of one size, as products with two matrices.

    The operation itself has no equivalent in ONNX, unless the size is divisible.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = height, width

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (
            _averaging(int(n), n_out, x.dtype)
            for n, n_out in zip(x.shape[-2:], self.size, strict=True)
        )
        return rows @ x @ columns.T


def _averaging(n: int, n_out: int, dtype: torch.dtype) -> Tensor:
    """Return the matrix that averages n values to n_out, as torch does."""
    matrix = torch.zeros(n_out, n, dtype=dtype)
    for i in range(n_out):
        start, stop = i * n // n_out, -(-(i + 1) * n // n_out)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _with_fixed_pooling(network: nn.Module) -> nn.Module:
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.AdaptiveAvgPool2d):
                size: Any = layer.output_size
                height, width = (size, size) if isinstance(size, int) else size
                if (height, width) != (1, 1) and None not in (height, width):
                    setattr(parent, name, _FixedPooling(height, width))
    return network


def _samples(net: SkorchNet, dtype: torch.dtype, channels_last: bool) -> Tensor:
    """Draw samples with which the graph is traced and checked."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(5, *net.row_shape_))).to(dtype)
    if net.columns_ is not None and x.dim() == 2:
        x = x / torch.from_numpy(net.columns_.factor) + torch.from_numpy(net.columns_.offset)
    return x.permute(0, 2, 3, 1).contiguous() if channels_last else x.to(dtype)


def _traced(predictor: nn.Module, samples: Tensor) -> bytes:
    """Trace the computation, in which branches depend on the shapes and the weights only."""
    file: Any = io.BytesIO()
    with warnings.catch_warnings():
        # torch calls this exporter old, and warns of each length that is read. The new one refuses
        # branches that depend on the weights, and is twenty times slower.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            predictor,
            (samples,),
            file,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["X"],
            output_names=["probabilities"],
            dynamic_axes={"X": {0: "n_samples"}, "probabilities": {0: "n_samples"}},
        )
    return file.getvalue()


def _properties(clf: BaseEstimator) -> dict[str, str]:
    """Return the metadata of the graph; values are JSON."""
    names = getattr(clf, "feature_names_in_", None)
    classes = clf.classes_ if clf.classes_.dtype.kind in "biuf" else clf.classes_.astype(str)
    properties = {"classes_": classes.tolist(), "method": type(clf.method_).__name__}
    if names is not None:
        properties["feature_names_in_"] = names.tolist()
    return {name: json.dumps(value) for name, value in properties.items()}


def _check_same(content: bytes, samples: Tensor, predictor: nn.Module) -> None:
    """Compare the graph with the predictor, for several numbers of samples."""
    for n in (1, len(samples)):
        expected = predictor(samples[:n]).numpy()
        error = float(abs(_computed(content, samples[:n].numpy()) - expected).max())
        if not error <= _TOLERANCE:
            raise RuntimeError(
                f"The graph computes other probabilities than the classifier, by {error:.2g}. Does "
                "a step of the 'module' depend on the values of its input?"
            )


def _computed(content: bytes, X: np.ndarray) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X})[0]
