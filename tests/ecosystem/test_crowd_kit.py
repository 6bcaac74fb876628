"""crowd-kit: posteriors of its aggregations are soft labels."""

import numpy as np
import pytest

from tests.factories import noisy_blobs, short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]


def test_posteriors_of_dawid_and_skene_are_soft_labels():
    pytest.importorskip("crowdkit")
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    X, y = noisy_blobs(150, noise_rate=0.0)
    rng = np.random.default_rng(0)
    rows = [
        {
            "task": task,
            "worker": worker,
            "label": label if rng.random() < right else rng.integers(3),
        }
        for task, label in enumerate(y)
        for worker, right in enumerate((0.9, 0.8, 0.5, 0.3))
    ]
    posteriors = DawidSkene(n_iter=30).fit_predict_proba(pd.DataFrame(rows))
    posteriors = posteriors.sort_index()[sorted(posteriors.columns)]
    clf = short(max_epochs=15).fit(X, posteriors.to_numpy())
    assert clf.score(X, y) > 0.9
