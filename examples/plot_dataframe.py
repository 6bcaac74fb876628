"""
A data frame with strings and missing values
============================================

Real tables have words, gaps and columns of very different units. A pipeline of scikit-learn encodes
them, and the names of the rows are kept to the end: the list of suspicious labels can be joined
with the table.
"""

# %%
# Loan applications. A loan is repaid if the income is high for the amount, except that students are
# given time. A quarter of the answers were typed into the wrong field.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.noise import corrupt_labels

rng = np.random.default_rng(0)
n = 2000
job = rng.choice(["clerk", "nurse", "student", "teacher"], n)
income = rng.lognormal(10.2, 0.4, n) * np.where(job == "student", 0.4, 1)
amount = rng.lognormal(9.2, 0.7, n)
repaid = np.where((income > 2.5 * amount) | (job == "student"), "yes", "no")
names = [f"L{i:04d}" for i in range(n)]
loans = pd.DataFrame({"job": job, "income": income, "amount": amount}, index=names)
loans["year"] = 1990 + rng.integers(0, 30, n)
loans.loc[rng.random(n) < 0.1, "income"] = np.nan
loans.loc[rng.random(n) < 0.05, "job"] = None
repaid = pd.Series(repaid, loans.index)
X, X_test, y_clean, y_test = train_test_split(loans, repaid, test_size=0.4, random_state=0)
y = pd.Series(corrupt_labels(y_clean, 0.25, random_state=0), X.index)
print(X.head(4))

# %%
# Words become indicator columns, gaps are filled and marked, and numbers need nothing.
columns = make_column_transformer(
    (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
    (SimpleImputer(add_indicator=True), make_column_selector(dtype_include="number")),
)
robust = make_pipeline(columns, NoisyLabelClassifier(random_state=0)).fit(X, y)
plain = make_pipeline(columns, NoisyLabelClassifier("ce", random_state=0)).fit(X, y)
for name, clf in (("default", robust), ("cross-entropy", plain)):
    print(f"{name:14} accuracy on clean test labels {clf.score(X_test, y_test):.3f}")

# %%
# The most suspicious answers, beside their rows.
issues = find_label_issues(robust, y)
found = X.loc[issues.index].assign(given=issues["given"], suggested=issues["suggested"])
print(found.head())
print(f"{len(issues)} listed, {(y != y_clean)[issues.index].mean():.0%} of them mislabelled")

# %%
# What the network has learned from wrong answers: the probability of repayment, with the true
# boundary. Crosses are the rows that the list holds for mislabelled.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained", sharey=True)
grid_income, grid_amount = np.meshgrid(np.geomspace(8e3, 8e4, 60), np.geomspace(1500, 6e4, 60))
grid = pd.DataFrame(
    {
        "job": "nurse",
        "income": grid_income.ravel(),
        "amount": grid_amount.ravel(),
        "year": 2005,
    }
)
nurses = X[(X["job"] == "nurse") & X["income"].notna()]
listed = nurses.index.isin(issues.index)
for ax, clf, title in zip(axes, (plain, robust), ("cross-entropy", "default"), strict=True):
    proba = clf.predict_proba(grid)[:, list(clf.classes_).index("yes")]
    shown = ax.pcolormesh(
        grid_income, grid_amount, proba.reshape(60, 60), cmap="RdBu", vmin=0, vmax=1
    )
    ax.plot(grid_income[0], grid_income[0] / 2.5, "k--", lw=1.5, label="true boundary")
    for answer, colour in (("yes", "#08306b"), ("no", "#67000d")):
        rows = y[nurses.index] == answer
        ax.scatter(
            nurses["income"][rows], nurses["amount"][rows], s=9, color=colour,
            label=f"given: {answer}",
        )  # fmt: skip
    if clf is robust:
        ax.plot(
            nurses["income"][listed], nurses["amount"][listed], "x", color="k", ms=7,
            label="listed as mislabelled",
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="income", title=f"Nurses, {title}")
    ax.set(xlim=(8e3, 8e4), ylim=(1500, 6e4))
    ax.set_xticks([1e4, 2e4, 4e4, 8e4], ["10k", "20k", "40k", "80k"])
    ax.set_yticks([2e3, 5e3, 1e4, 2e4, 5e4], ["2k", "5k", "10k", "20k", "50k"])
    ax.minorticks_off()
axes[0].set_ylabel("amount of the loan")
axes[1].legend(loc="lower left", fontsize=8)
figure.colorbar(shown, ax=axes, label="probability of repayment")

if "__file__" in globals():
    from pathlib import Path

    folder = Path(__file__).parent / "output"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "dataframe.png", dpi=150)
