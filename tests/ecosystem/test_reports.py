"""skops and skore: a model card, and a report."""

import pytest

from tests.factories import short

# Other libraries use what their dependencies have deprecated.
pytestmark = [pytest.mark.ecosystem, pytest.mark.filterwarnings("ignore")]


def test_a_model_card_has_the_parameters(table):
    card = pytest.importorskip("skops.card")
    text = card.Card(short(smoothing=-0.25).fit(*table)).render()
    assert "smoothing" in text
    assert "-0.25" in text


def test_a_report_of_skore_has_the_scores(table):
    skore = pytest.importorskip("skore")
    X, y = table
    clf = short().fit(X[:90], y[:90])
    report = skore.EstimatorReport(clf, X_test=X[90:], y_test=y[90:])
    assert report.metrics.accuracy() == pytest.approx(clf.score(X[90:], y[90:]))
