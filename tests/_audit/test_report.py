"""The report: page, JSON, suspects and files."""

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import FunctionTransformer

import sknoisy
from sknoisy.issues import apply_review
from tests._audit.conftest import HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Tags(HTMLParser):
    """Collects the tags and attributes of a page, and whether they are closed."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "line", "rect", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_report_finds_the_wrong_labels(report, table):
    X, y, clean = table
    wrong = set(X.index[y.to_numpy() != clean])
    first = report.suspects["row"].iloc[:20]
    assert len(wrong & set(first)) >= 18
    assert "95 % interval" in report.verdict
    assert str(report).startswith(report.verdict)
    assert "SKN001" in {finding.code for finding in report.findings}
    assert report.is_at_least("low")


def test_nothing_of_the_data_is_markup_of_the_page(report):
    page = report.to_html()
    tags = Tags(page)
    assert not tags.open
    scripts = [tag for tag, _ in tags.seen if tag == "script"]
    assert len(scripts) == 1
    # Thumbnails would be the only images, and their addresses are data.
    assert all(attrs["src"].startswith("data:") for tag, attrs in tags.seen if tag == "img")
    assert not any(name.startswith("on") for _, attrs in tags.seen for name in attrs)
    assert html.escape(HOSTILE[:40]) in page
    assert "size &lt;b&gt;" in page
    assert not re.search(r"https?://", page)
    policy = next(a["content"] for t, a in tags.seen if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_page_says_what_it_rests_on(report):
    text = report.to_html()
    for part in (
        "contains raw rows",
        "random_state",
        sknoisy.__version__,
        "out-of-bag",
        "SKN001",
        "left out: all cells are alike",
        report.verdict,
    ):
        assert html.escape(part) in text


def test_json_has_no_rows_and_no_nan(report):
    numbers = report.to_dict()
    text = json.dumps(numbers, allow_nan=False)
    assert json.loads(text) == numbers
    assert numbers["schema"] == 1
    assert numbers["n_rows"] == 400
    rate = numbers["noise_rate"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert sum(c["n_rows"] for c in numbers["classes"]) == 400
    assert numbers["settings"]["random_state"] == 0


def test_files_are_written_together_and_the_suspects_can_be_applied(report, table, tmp_path):
    X, y, clean = table
    files = report.save(tmp_path / "r.html")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["r.html", "r.json", "r.suspects.csv"]
    assert [f.name for f in files] == ["r.html", "r.json", "r.suspects.csv"]
    assert json.loads(files[1].read_text(encoding="utf-8"))["n_suspects"] == len(report.suspects)
    sheet = pd.read_csv(files[2], dtype=str, keep_default_na=False)
    assert list(sheet.columns[:7]) == [
        "row", "given", "suggested", "new", "checked", "quality", "confidence",
    ]  # fmt: skip
    # A column of the data has the name of one of the sheet.
    assert "given_" in sheet.columns
    named = sheet.index[sheet["given"].isin(["yes", "none"])][:5]
    truth = pd.Series(clean, index=X.index)
    plain = [i for i in named if truth[sheet.loc[i, "row"]] in ("yes", "none")]
    sheet.loc[plain, "new"] = [truth[sheet.loc[i, "row"]] for i in plain]
    corrected, trusted = apply_review(y, sheet)
    assert trusted.sum() == len(plain) > 0
    assert (corrected[sheet.loc[plain, "row"]] == truth[sheet.loc[plain, "row"]]).all()


def test_a_failed_write_leaves_the_old_files(report, tmp_path, monkeypatch):
    target = tmp_path / "r.html"
    target.write_text("old")
    (tmp_path / "r.suspects.csv").mkdir()
    with pytest.raises(OSError):
        report.save(target)
    assert not [f for f in tmp_path.iterdir() if f.name.startswith(".")]
    with pytest.raises(ValueError, match=r"must end with '\.html'"):
        report.save(tmp_path / "report.txt")
    with pytest.raises(ValueError, match=r"'severity' parameter must be one of"):
        report.is_at_least("severe")


def test_the_same_seed_gives_the_same_report_and_changes_no_input(table, report):
    X, y, _ = table
    before = X.copy(), y.copy()
    again = sknoisy.audit(X, y, max_epochs=8)
    pd.testing.assert_frame_equal(again.suspects, report.suspects)
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_series_equal(y, before[1])


def test_rows_without_a_label_are_left_out(table):
    X, y, _ = table
    y = y.copy()
    y.iloc[:3] = None
    report = sknoisy.audit(X, y, max_epochs=3)
    assert report.to_dict()["n_rows"] == 397
    assert "3 rows have no label." in [finding.message for finding in report.findings]
    assert not set(report.suspects["row"]) & set(X.index[:3])


@pytest.mark.slow
def test_methods_without_out_of_bag_predictions_are_fitted_in_folds(table):
    X, y, clean = table
    report = sknoisy.audit(X, y, method="ce", max_epochs=10)
    assert "5 folds" in report.to_dict()["origin_of_predictions"]
    wrong = set(X.index[y.to_numpy() != clean])
    assert len(wrong & set(report.suspects["row"].iloc[:20])) >= 15
    with pytest.raises(ValueError, match="'trusted' parameter of audit needs a method with out-of"):
        sknoisy.audit(X, y, method="ce", trusted=np.arange(400) < 5)


@pytest.mark.slow
def test_trusted_rows_are_no_suspects_and_groups_are_kept_together(table):
    X, y, clean = table
    trusted = y.to_numpy() == clean
    trusted[200:] = False
    groups = np.arange(400) // 2
    report = sknoisy.audit(X, y, trusted=trusted, groups=groups, max_epochs=5)
    assert not set(report.suspects["row"]) & set(X.index[trusted])
    assert report.to_dict()["settings"]["groups"] == "given"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pixels", "paths", "column", "sparse", "encoder"])
def test_other_samples(kind, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    import scipy.sparse as sp

    digits = load_digits()
    y = digits.target[:300].copy()
    y[:10] = (y[:10] + 1) % 10
    X, params = digits.images[:300].astype(np.float32), {}
    if kind in ("paths", "column"):
        names = [f"{i}.png" for i in range(300)]
        for name, image in zip(names, digits.images, strict=False):
            Image.fromarray((15 * image).astype(np.uint8)).save(tmp_path / name)
        if kind == "column":
            X = pd.DataFrame({"file": names, "n": 1})
            params = {"images": "file", "folder": tmp_path}
        else:
            X = [str(tmp_path / name) for name in names]
    elif kind == "sparse":
        X = sp.csr_array(digits.data[:300])
    elif kind == "encoder":
        X = pd.DataFrame(digits.data[:300])
        params = {"encoder": FunctionTransformer(np.asarray)}
    report = sknoisy.audit(X, y, max_epochs=8, **params)
    # The rows are named by their positions.
    assert set(report.suspects["row"]) <= set(range(300))
    assert (report.to_html().count("<img") > 0) == (kind in ("pixels", "paths", "column"))


@pytest.mark.ecosystem
@pytest.mark.filterwarnings("default")
def test_skrub_as_the_encoder(table):
    skrub = pytest.importorskip("skrub")
    X, y, clean = table
    # It cannot encode characters that UTF-8 lacks.
    X = X.assign(kind=X["kind"].replace(HOSTILE, "c"))
    report = sknoisy.audit(X, y, encoder=skrub.TableVectorizer(), max_epochs=8)
    wrong = set(X.index[y.to_numpy() != clean])
    assert len(wrong & set(report.suspects["row"].iloc[:20])) >= 18


@pytest.mark.parametrize(
    ("X", "y", "params", "message"),
    [
        ([[1], [2], [3]], ["a", "a", "a"], {}, "must have at least two classes"),
        ([[i] for i in range(9)], list("abcdefghi"), {}, "The labels must be classes. Got 9"),
        (np.arange(90)[:, None] % 7, np.linspace(0, 1, 90) % 0.5, {}, "must hold discrete labels"),
        ([[1], [2], [4]], ["a", "b"], {}, "inconsistent numbers of samples"),
        (np.ones((4, 2)), list("abab"), {}, "No column says anything about the rows"),
        (np.eye(4), list("abab"), {"images": "p"}, "must be the name of a column"),
        (
            pd.DataFrame({"p": ["no.png"] * 4}),
            list("abab"),
            {"images": "p"},
            "4 of 4 images do not",
        ),
        (np.eye(4), list("abab"), {"ignore": ["q"]}, "'ignore' parameter of audit must have names"),
        (np.eye(4), list("abab"), {"random_state": None}, "'random_state' parameter of audit must"),
        (np.eye(4), list("abab"), {"encoder": "skurb"}, "'encoder' parameter of audit must"),
        (np.eye(4), np.eye(4), {}, "y"),
    ],
)
def test_invalid_arguments_raise(X, y, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sknoisy.audit(X, y, **params)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_browser_shows_the_page_without_errors_and_sorts(report, tmp_path):
    report.save(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    # The policy allows no script but that of the page, so the test is in the frame around it.
    (tmp_path / "test.html").write_text(
        f"""<iframe srcdoc="{html.escape(page)}" width="400"
      height="900"></iframe><pre id="out">failed</pre><script>
      document.querySelector("iframe").addEventListener("load", function (event) {{
        var inside = event.target.contentDocument;
        var cells = function () {{
          return Array.from(inside.querySelectorAll("table.sortable tbody tr")).map(
            function (row) {{ return Number(row.cells[3].dataset.v); }});
        }};
        var button = inside.querySelectorAll("table.sortable th button")[3];
        button.click(); var up = cells(); button.click(); var down = cells();
        var sorted = up.slice().sort(function (a, b) {{ return a - b; }});
        document.getElementById("out").textContent = JSON.stringify({{
          up: up.join() === sorted.join(), down: down.join() === sorted.reverse().join(),
          n: up.length, title: inside.title, scripts: inside.scripts.length,
          wide: inside.documentElement.scrollWidth, images: inside.images.length,
        }});
      }});</script>""",
        encoding="utf-8",
    )
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        "--virtual-time-budget=5000",
        f"--user-data-dir={tmp_path / 'profile'}",
        (tmp_path / "test.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    out = json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', done.stdout)[1]))
    assert out["up"] and out["down"]
    assert out["n"] == min(len(report.suspects), 200)
    assert "hacked" not in out["title"].replace('document.title="hacked"', "")
    assert out["scripts"] == 1
    assert out["images"] == 0
    # Nothing is wider than the frame; tables scroll by themselves.
    assert out["wide"] <= 400
