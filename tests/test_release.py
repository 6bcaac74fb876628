"""What a release needs: one version everywhere, figures that were measured, a light import."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "robustness.md"
# What `import sknoisy` may import at the top level beside torch, scikit-learn and the standard
# library. torch and scikit-learn import some of these themselves.
ALLOWED = {"filelock", "safetensors", "sknoisy", "skorch", "tabulate", "tqdm", "wcwidth"}
# Rows of the README's table, and the contender of the benchmark.
CONTENDERS = {
    "`NoisyLabelClassifier()`": "distilled_pool",
    '`NoisyLabelClassifier("bagging")`': "bagging",
    "random forest, at least ten samples in a leaf": "rf",
    "cleanlab's CleanLearning on gradient boosting": "cl_hgb",
    "25 nearest neighbours": "knn",
    "cleanlab's CleanLearning on `MLPClassifier`": "cl_mlp",
    "logistic regression": "lr",
    "gradient boosting": "hgb",
    "`MLPClassifier`": "mlp",
    '`NoisyLabelClassifier("ce")`, plain cross-entropy': "ce",
}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def measured():
    """Return mean accuracies with noisy and with clean labels, by contender."""
    section = RESULTS.read_text().split("## Mean over noisy cells: all sets")[1].split("## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if "|" in line][2:]
    return {row[0]: (float(row[2].split()[0]), round(float(row[4]), 1)) for row in rows}


def test_the_version_is_the_same_everywhere(project):
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text()
    assert citation[1] == project["version"]
    assert re.search(r'set version = "(.+?)"', recipe)[1] == project["version"]


def test_the_conda_recipe_needs_what_the_package_needs(project):
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text()
    run = recipe.split("  run:\n")[1].split("  run_constrained:")[0]
    needed = {line.strip("- ").replace(" ", "") for line in run.splitlines() if line.strip()}
    packages = {re.sub("^torch(?=>)", "pytorch", p) for p in project["dependencies"]}
    assert needed == packages | {"python" + project["requires-python"]}


@pytest.mark.parametrize("title", CONTENDERS)
def test_figures_of_the_readme_are_those_of_the_results(title):
    line = next(
        x for x in (ROOT / "README.md").read_text().splitlines() if x.startswith(f"| {title} |")
    )
    shown = [float(cell) for cell in line.strip("| ").split(" | ")[1:]]
    assert shown == [round(value, 1) for value in measured()[CONTENDERS[title]]]


def test_figures_of_the_first_screen_are_those_of_the_results():
    text = " ".join((ROOT / "README.md").read_text().split())
    noisy = {name: f"{values[0]:.1f}" for name, values in measured().items()}
    assert (
        f"with noisy labels {noisy['distilled_pool']} % on clean test labels, where a random "
        f"forest has {noisy['rf']}, cleanlab on gradient boosting {noisy['cl_hgb']} and plain "
        f"networks {noisy['ce']}"
    ) in text


@pytest.mark.slow
def test_the_import_adds_little_to_torch_and_scikit_learn():
    """It imports no large package but skorch; `benchmarks/import_time.py` measures the time."""
    code = (
        "import sys, torch, sklearn.ensemble, sklearn.model_selection, sklearn.svm; "
        "before = {m.partition('.')[0] for m in sys.modules}; import sknoisy; "
        "print(*{m.partition('.')[0] for m in sys.modules} - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    added = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert added <= ALLOWED, added - ALLOWED
