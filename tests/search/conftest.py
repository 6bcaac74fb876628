import pytest

from sknoisy.search import _vectorized


@pytest.fixture
def group_sizes(monkeypatch):
    """The number of networks of each group that is trained together."""
    sizes, stack_networks = [], _vectorized.stack_networks

    def recorded(networks, *args):
        sizes.append(len(networks))
        return stack_networks(networks, *args)

    monkeypatch.setattr(_vectorized, "stack_networks", recorded)
    return sizes
