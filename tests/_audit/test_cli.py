"""The command line: exit codes, files and messages."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sknoisy._audit.cli import main
from sknoisy._audit.progress import Progress
from sknoisy._audit.read import read_columns

FAST = ["--max-epochs", "3"]


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    frame = pd.DataFrame(
        {
            "a": group + rng.normal(size=200) / 5,
            "b": rng.choice(["p", "q"], 200),
            "who": np.arange(200) // 2,
            "sure": rng.random(200) > 0.9,
            "y": np.where(group, "NA", "no"),
        }
    )
    frame.loc[199, "y"] = None
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def run(data):
    def run(*options, out="r.html", label="y"):
        return main(
            ["audit", str(data), "--label", label, "--out", str(data.parent / out), *FAST, *options]
        )

    return run


def test_audit_of_a_file(run, data, capsys):
    before = data.read_bytes()
    assert run("--groups", "who", "--trusted", "sure", "--seed", "3") == 0
    assert data.read_bytes() == before
    assert {p.name for p in data.parent.iterdir()} == {
        "data.csv", "r.html", "r.json", "r.suspects.csv",
    }  # fmt: skip
    out = capsys.readouterr()
    assert "suspects in 199 rows" in out.out
    assert "Training ..." in out.err
    text = (data.parent / "r.json").read_text()
    assert '"random_state": 3' in text
    # "NA" is a label.
    assert '"name": "NA"' in text
    # These say nothing about a row.
    assert '"who"' not in text


def test_exit_code_depends_on_findings(run, capsys):
    assert run("--quiet") == 0
    assert run("--quiet", "--fail-on", "low") == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "Y"}, "has no column 'Y', but .*Did you mean 'y'"),
        ({"label": "a;y", "options": ["--sep", ";"]}, "There is only one column; pass --sep"),
        ({"out": "r.pdf"}, "--out must end with .html"),
        ({"out": "none/r.html"}, "there is no folder"),
        ({"options": ["--trusted", "b"]}, "'b' must hold true or false. Got"),
        ({"options": ["--groups", "y"]}, "must be different columns"),
        ({"options": ["--images", "b"]}, "images do not exist"),
        ({"options": ["--ignore", "q"]}, "'ignore' parameter of audit must have names"),
        ({"options": ["--seed", "-1"]}, "'random_state' parameter of audit"),
    ],
)
def test_usage_errors_exit_with_two(run, capsys, change, message):
    options = change.pop("options", [])
    assert run(*options, **change) == 2
    error = capsys.readouterr().err
    assert "sknoisy audit: error: " in error
    assert pytest.importorskip("re").search(message, error)


def test_files_that_are_no_table_exit_with_two(tmp_path, capsys):
    path = tmp_path / "d.csv"
    for content in (b"", b"y\n", b"a,y\n1,b,3,4\n1\n\n,,,,,,,\n", b"a,y\n\xff\xfe,b\n"):
        path.write_bytes(content)
        assert main(["audit", str(path), "--label", "y"]) == 2
        assert "error: " in capsys.readouterr().err
    assert main(["audit", str(tmp_path / "none.csv"), "--label", "y"]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_report_does_not_replace_the_data(tmp_path, capsys):
    path = tmp_path / "r.suspects.csv"
    path.write_text("a,y\n1,b\n2,c\n")
    assert main(["audit", str(path), "--label", "y", "--out", str(tmp_path / "r.html")]) == 2
    assert "would replace the data" in capsys.readouterr().err
    assert path.read_text().startswith("a,y")


@pytest.mark.parametrize(
    "answered",
    ["row,given,new,checked\n1,no,NA,False\n", "row,given,new,checked\n1,no,,x\n", "a;b\n1;2\n"],
    ids=["new label", "checked", "no sheet"],
)
def test_answers_of_a_reviewer_are_not_replaced(answered, run, data, capsys):
    sheet = data.parent / "r.suspects.csv"
    sheet.write_text(answered)
    assert run() == 2
    assert "has answers of a reviewer, or is no review sheet" in capsys.readouterr().err
    assert sheet.read_text() == answered
    assert not (data.parent / "r.html").exists()


def test_a_sheet_without_answers_is_replaced(run, data):
    assert run("--quiet") == 0
    assert run("--quiet", "--seed", "1") == 0
    assert '"random_state": 1' in (data.parent / "r.json").read_text()


def test_a_missing_encoder_names_its_package(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "skrub", None)
    assert run("--encoder", "skrub") == 2
    assert "--encoder skrub needs the package skrub: pip install skrub" in capsys.readouterr().err


def test_wrong_options_are_explained_by_the_parser(capsys):
    for arguments in ([], ["audit"], ["audit", "d.csv", "--label", "y", "--fail-on", "severe"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "invalid choice: 'severe'" in capsys.readouterr().err


def test_unexpected_errors_are_not_taken_for_findings(run, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise KeyError("a fault")

    monkeypatch.setattr("sknoisy._audit.cli.audit", broken)
    assert run() == 2
    assert "a fault" in capsys.readouterr().err


@pytest.mark.slow
def test_module_is_run_by_its_name(data):
    command = [
        sys.executable,
        "-m",
        "sknoisy",
        "audit",
        "data.csv",
        "--label",
        "y",
        *FAST,
        "--fail-on",
        "low",
    ]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert (data.parent / "report.html").exists()


def test_labels_are_text_and_cells_may_be_missing(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,y,g\n?,1,NA\nnull,,NA\n3,None,\n")
    X, y, groups, trusted = read_columns(path, "y", "g")
    assert y.tolist() == ["1", None, "None"]
    assert groups.tolist() == ["NA", "NA", ""]
    assert X["a"].isna().tolist() == [True, True, False]
    assert trusted is None


def test_progress_line_shows_the_time_left():
    class Terminal:
        text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    progress = Progress(terminal := Terminal())
    progress.stage("Training")
    progress.step("Training: epoch", 5, 20, seconds=60)
    assert terminal.text.endswith("\rTraining: epoch: 5 of 20, about 3 min left")
    progress.step("Training: epoch", 19, 20, seconds=19)
    assert "about 1 s left" in terminal.text
    progress.close()
    assert terminal.text.endswith(" \r")
