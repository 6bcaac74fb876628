import numpy as np
import pandas as pd
import pytest

import sknoisy

HOSTILE = '<script>document.title="hacked"</script>"\'&<img src=x onerror=alert(1)>\x00\ud800'


@pytest.fixture(scope="session")
def table():
    """A table of all kinds of columns, and labels of which one in ten is wrong."""
    rng = np.random.default_rng(0)
    n = 400
    kind = rng.choice(["a", "b", HOSTILE], n)
    X = pd.DataFrame(
        {
            "key": [f"k{v:05d}" for v in rng.permutation(n)],
            "kind": kind,
            "size <b>": rng.normal(size=n),
            "when": pd.date_range("2020-01-01", periods=n, freq="D").strftime("%Y-%m-%d"),
            "note": [" ".join(rng.choice(["red", "green", "blue"], 3)) for _ in range(n)],
            "given": "same",
        },
        index=[f"row {i}" for i in range(n)],
    )
    X.loc[X.index[::9], "size <b>"] = np.nan
    X.loc[X.index[1::9], "kind"] = None
    clean = np.where(X["kind"].isna(), "none", np.where(kind == "a", "yes", HOSTILE))
    y = clean.astype(object)
    wrong = rng.permutation(n)[: n // 10]
    y[wrong] = np.where(y[wrong] == "yes", "none", "yes")
    return X, pd.Series(y, index=X.index), clean


@pytest.fixture(scope="session")
def report(table):
    X, y, _ = table
    return sknoisy.audit(X, y, max_epochs=8, title=f"Audit of {HOSTILE}")
