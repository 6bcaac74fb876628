"""Ray: its backend for joblib, as the documentation has it."""

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from tests.factories import short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]


def test_a_search_on_ray_gives_the_same_scores(table):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    search = GridSearchCV(short(), {"smoothing": [0, 0.4]}, cv=2)
    expected = search.fit(*table).cv_results_["mean_test_score"]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with parallel_config(backend="ray", n_jobs=2):
            scores = search.fit(*table).cv_results_["mean_test_score"]
    finally:
        ray.shutdown()
    np.testing.assert_array_equal(scores, expected)
