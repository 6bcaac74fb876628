"""Write a file of the current version of the format, and what its classifier predicts."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sknoisy._runtime.container import FORMAT_VERSION
from tests.factories import noisy_blobs
from tests.test_loading import small

X, _ = noisy_blobs(40)
clf = small()
path = Path(__file__).parent / f"version_{FORMAT_VERSION}.sknoisy"
clf.save(path)
expected = {"n_iter_": clf.n_iter_, "classes_": clf.classes_.tolist()}
expected["predict_proba"] = clf.predict_proba(X).tolist()
expected["label_quality_"] = clf.label_quality_.tolist()
path.with_suffix(".json").write_text(json.dumps(expected))
