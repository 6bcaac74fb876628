"""The HTML repr of a fitted classifier."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone

from sknoisy import NoisyLabelClassifier
from sknoisy._training.html_summary import summary
from tests.factories import noisy_blobs, short


@pytest.fixture(scope="module")
def fitted():
    X, y = noisy_blobs()
    frame = pd.DataFrame(X, index=[f"<b>{i}" for i in range(len(X))])
    return short(smoothing=-1.0).fit(frame, y)


def test_a_fitted_classifier_shows_noise_curve_and_first_rows(fitted):
    assert fitted._repr_html_().endswith(summary(fitted))
    assert fitted._repr_mimebundle_()["text/html"].endswith(summary(fitted))
    table = ElementTree.fromstring(summary(fitted).replace("<br>", "<br/>"))
    noise, curve, rows = table.findall("tbody/tr/td")
    assert noise.text == "Smoothing rate: -1"
    points = curve.find("svg/polyline").get("points").split()
    assert len(points) == 4
    names = [row[0].text for row in rows.findall("table/tbody/tr")]
    worst = np.argsort(fitted.label_quality_, kind="stable")[:5]
    assert names == [f"<b>{i}" for i in worst]  # escaped on the page


@pytest.mark.slow
def test_the_default_shows_its_noise_report():
    X, y = noisy_blobs()
    clf = NoisyLabelClassifier(max_epochs=3, random_state=0).fit(X, y)
    assert clf.noise_report_._repr_html_() in clf._repr_html_()


def test_without_a_fit_only_the_diagram_is_shown(fitted):
    assert summary(clone(fitted)) == ""
    assert "sknoisy-summary" not in clone(fitted)._repr_html_()


def test_text_is_shown_where_diagrams_are_switched_off(fitted):
    with config_context(display="text"):
        assert not hasattr(fitted, "_repr_html_")
        assert set(fitted._repr_mimebundle_()) == {"text/plain"}
