"""Networks that several test files train."""

from torch import nn

__all__ = ["Branching"]


class Branching(nn.Module):
    """Cannot be computed several times at once."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, x):
        logits = self.linear(x)
        return logits if logits.sum() > 0 else 2 * logits
