"""A trained network with a new last layer: fine-tuned, or frozen but for that layer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

from torch import Tensor, nn

from sknoisy.networks._checks import check_sizes
from sknoisy.networks._heads import explain_head, n_repeats, remove_head
from sknoisy.networks.inputs import Standardize

__all__ = ["FineTuned"]


class FineTuned(nn.Module):
    """A trained network whose last layer is replaced by a new one.

    Images are standardised by the statistics of the training set for each channel, whatever their
    type and range, and images with one channel are repeated for a network that takes more. Several
    networks of a method start from the same backbone, with different heads.

    Parameters
    ----------
    n_in : int
        Number of channels, or of columns.
    n_out : int
        Number of classes.
    model : Module or callable
        A network of torchvision or timm, a network of this package, or another one whose last
        layer is in the attribute ``fc``, ``classifier``, ``head`` or ``heads`` or at the end of a
        Sequential. A callable returns it, such as a factory of torchvision in a
        ``functools.partial`` with its ``weights``. An instance is copied.
    frozen : bool, default=False
        Whether only the head is trained. The backbone then stays in evaluation mode: dropout is off
        and batch normalisation keeps its statistics.

    Attributes
    ----------
    backbone : Module
        The network without its last layer.
    head : Linear
        The new last layer.

    See Also
    --------
    sknoisy.embeddings.Embedder : Computes the outputs of a frozen network once.

    Examples
    --------
    A learning rate for each part: parameters of the backbone have names that begin with
    ``backbone``, after the number of the network in methods with several.

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.networks import FineTuned
    >>> X, y = load_digits(return_X_y=True)
    >>> trained = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU())
    >>> trained.fc = torch.nn.Linear(32, 1000)
    >>> clf = NoisyLabelClassifier(
    ...     "ce", module=FineTuned, module__model=trained, max_epochs=3, random_state=0,
    ...     lr=1e-2, optimizer__param_groups=[("*backbone*", {"lr": 1e-4})],
    ... )  # fmt: skip
    >>> clf.fit(X, y).module_.head
    Linear(in_features=32, out_features=10, bias=True)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        model: nn.Module | Callable[[], nn.Module],
        frozen: bool = False,
    ) -> None:
        super().__init__()
        check_sizes("FineTuned", n_in=n_in, n_out=n_out)
        backbone = copy.deepcopy(model) if isinstance(model, nn.Module) else model()
        if not isinstance(backbone, nn.Module):
            raise TypeError(
                "The 'model' parameter of FineTuned must be a torch Module or make one. Got "
                f"{model!r:.80} instead."
            )
        n_features = remove_head(backbone)
        if n_features is None:
            raise ValueError(
                "The 'model' parameter of FineTuned must be a network whose last layer can be "
                f"replaced. {explain_head(backbone)}"
            )
        self.frozen = frozen
        self.standardize = Standardize(n_in, bound=None)
        self.backbone = backbone
        self.head = nn.Linear(n_features, n_out)
        self._n_repeats = n_repeats(backbone, n_in)
        if frozen:
            backbone.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode of training; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        x = self.standardize(x)
        if self._n_repeats > 1:
            x = x.expand(-1, self._n_repeats, *x.shape[2:])
        return self.head(self.backbone(x).flatten(1))
