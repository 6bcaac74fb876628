"""imbalanced-learn: the classifier at the end of a pipeline that resamples."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from tests.factories import noisy_blobs, short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]


def test_a_pipeline_resamples_the_training_folds_only():
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    X, y = noisy_blobs(200)
    keep = (y != 2) | (np.arange(200) % 5 == 0)
    X, y = X[keep], np.array(["a", "b", "rare"])[y[keep]]
    pipeline = make_pipeline(SMOTE(k_neighbors=3, random_state=0), short())
    pipeline.fit(X, y)
    assert len(pipeline[-1].label_quality_) == 3 * np.unique(y, return_counts=True)[1].max()
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.6
