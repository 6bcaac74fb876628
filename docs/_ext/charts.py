"""Charts drawn from the committed benchmark results when the pages are built.

``.. chart:: NAME`` shows one, with the alternative text as its content. Each is drawn twice, for
light and dark pages.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from docutils import nodes
from matplotlib.patches import FancyBboxPatch
from results import ALL_SETS, EACH_KIND, EACH_SET, NAMES, clean, noisy, table
from sphinx.util.docutils import SphinxDirective

CHARTS = {}
OURS, PEER, BEST = "#4c8bc9", "#9a9a9a", "#e07b39"
THEMES = {"light": "#222222", "dark": "#d8d8d8"}
PEERS = ("rf", "lr", "knn", "hgb", "mlp", "cl_mlp", "cl_hgb")


def chart(draw):
    """Register a function that draws a chart into a new figure and returns it."""
    CHARTS[draw.__name__] = draw
    return draw


def bars(ax, names, values, colours, text="{:.1f}"):
    """Draw horizontal bars with their numbers, the first on top."""
    position = np.arange(len(names))[::-1]
    ax.barh(position, values, color=colours, height=0.72)
    for y, value in zip(position, values, strict=True):
        ax.annotate(text.format(value), (value, y), (3, 0), textcoords="offset points",
                    va="center", size=9)  # fmt: skip
    ax.set_yticks(position, names)
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.spines[["top", "right"]].set_visible(False)


def colour(contender):
    """Return the colour of a contender: the default stands out, other libraries are grey."""
    if contender == "distilled_pool":
        return BEST
    return PEER if contender in PEERS else OURS


@chart
def robustness():
    """Mean accuracy of all contenders with noisy labels, and with clean ones."""
    content = table("robustness", ALL_SETS)
    names = list(content.rows)
    fig, ax = plt.subplots(figsize=(7.2, 7.6), layout="constrained")
    position = np.arange(len(names))[::-1]
    for y, name in zip(position, names, strict=True):
        shade = colour(name)
        ax.plot([noisy(name), clean(name)], [y, y], "-", color=shade, lw=1, alpha=0.5)
        ax.plot(noisy(name), y, "o", color=shade)
        ax.plot(clean(name), y, "D", ms=4, color="C2")
        ax.annotate(f"{noisy(name):.1f}", (noisy(name), y), (-6, 0), size=9, ha="right",
                    va="center", textcoords="offset points")  # fmt: skip
    for shade, label in ((BEST, "default"), (OURS, "other methods"), (PEER, "other libraries")):
        ax.plot([], [], "o", color=shade, label=f"{label}, noisy labels")
    ax.plot([], [], "D", ms=4, color="C2", label="clean labels")
    ax.set_yticks(position, [NAMES.get(n, n) for n in names])
    ax.set(xlim=(68, 90), ylim=(-0.7, len(names) - 0.3), xlabel="accuracy on clean test labels, %")
    ax.grid(axis="y", alpha=0.2)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.35, -0.07), ncols=2, frameon=False)
    return fig


@chart
def beside_forest():
    """The default, bagging and cross-entropy beside a random forest, on each set."""
    content = table("robustness", EACH_SET)
    sets = sorted(
        content.columns[1:],
        key=lambda s: content.number("distilled_pool", s) - content.number("rf", s),
        reverse=True,
    )
    fig, ax = plt.subplots(figsize=(7.2, 7), layout="constrained")
    position = np.arange(len(sets))[::-1]
    # The largest marker lies below, so that equal values show both.
    for name, marker, size, shade in (("bagging", "s", 9, OURS), ("distilled_pool", "o", 5, BEST),
                                      ("ce", "x", 6, PEER)):  # fmt: skip
        difference = [content.number(name, s) - content.number("rf", s) for s in sets]
        ax.plot(difference, position, marker, ms=size, color=shade, label=NAMES.get(name, name))
    ax.axvline(0, color="0.5", lw=1)
    ax.set_yticks(position, sets)
    ax.set(xlabel="points of accuracy above the random forest, noisy labels")
    ax.grid(axis="y", alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=3, frameon=False)
    return fig


@chart
def kinds_of_noise():
    """Six contenders with each kind of noise."""
    content = table("robustness", EACH_KIND)
    kinds = content.columns[1:]
    fig, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    # Larger markers lie below smaller ones, so that equal values show both.
    shown = {"bagging": (OURS, "s", 10), "rf": ("C2", "^", 8), "cl_hgb": ("C4", "v", 7),
             "distilled_pool": (BEST, "o", 5), "ce": ("C3", "x", 6),
             "hgb": ("C5", "+", 7)}  # fmt: skip
    for name, (shade, style, size) in shown.items():
        values = [content.number(name, kind) for kind in kinds]
        ax.plot(kinds, values, style, color=shade, label=NAMES.get(name, name), ms=size)
    ax.grid(axis="x", alpha=0.25)
    ax.set_ylabel("accuracy, %")
    ax.tick_params(axis="x", rotation=30)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, ncols=2, loc="lower left", fontsize=9)
    return fig


@chart
def smoothing_rates():
    """Accuracy against the smoothing rate at four noise rates, digits."""
    content = table("smoothing_stability", "digits, default")
    rates = [c for c in content.columns[1:] if "bounded" not in c]
    fig, ax = plt.subplots(figsize=(7.2, 4), layout="constrained")
    for i, (noise, shade) in enumerate(zip(content.rows, plt.cm.plasma(np.linspace(0.1, 0.8, 4)),
                                           strict=True)):  # fmt: skip
        values = [content.number(noise, rate) for rate in rates]
        ax.plot(range(len(rates)), values, "o-", color=shade, label=f"{float(noise):.0%} noisy")
        best = int(np.argmax(values))
        ax.plot(best, values[best], "*", ms=15, color=shade, label="best rate" if i == 3 else None)
    ax.axvline(rates.index("0"), color="0.5", lw=1, ls="--")
    ax.set_xticks(range(len(rates)), rates, rotation=40)
    ax.set(xlabel="smoothing rate", ylabel="clean test accuracy, %")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 0.9))
    return fig


@chart
def smoothing_targets():
    """The targets of a label at a positive, zero and negative rate, and losses of a mistake."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), layout="constrained")
    rates, classes = (0.4, 0, -0.8), 5
    for i, (rate, shade) in enumerate(zip(rates, ("C2", PEER, BEST), strict=True)):
        target = np.full(classes, rate / classes)
        target[2] += 1 - rate
        left.bar(np.arange(classes) + 0.27 * (i - 1), target, 0.25, color=shade,
                 label=f"rate {rate:g}")  # fmt: skip
        margin = np.linspace(-6, 6, 200)
        right.plot(margin, np.logaddexp(0, -margin) + rate / 2 * margin, color=shade)
    left.axhline(0, color="0.5", lw=1)
    left.set(xlabel="class; the label is 2", ylabel="weight in the loss", title="Target")
    left.legend(frameon=False, fontsize=9)
    right.axhline(0, color="0.5", lw=1)
    right.set(xlabel="margin of the label", ylabel="loss", title="Loss, two classes")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    return fig


@chart
def scores_regret():
    """Accuracy that is lost by choosing with each score."""
    shown = ["accuracy", "log loss", "corrected accuracy", "peer accuracy", "CORES score",
             "accuracy, 25% clean labels"]  # fmt: skip
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained", sharey=True)
    titles = ("Which rate of smoothing", "Which method")
    for ax, title in zip(axes, titles, strict=True):
        content = table("scores", title)
        always = next(row for row in content.rows if row.startswith("always"))
        rows = [*shown, always]
        values = [content.number(row, "regret, all cells") for row in rows]
        names = [*shown, "no choice: best on average"]
        bars(ax, names, values, [PEER] * len(shown) + [BEST], "{:.2f}")
        ax.set(title=title, xlabel="points lost", xlim=(0, 1.25 * max(values)))
    return fig


@chart
def label_issues():
    """Average precision of rankings of suspicious labels."""
    cases = {
        "music_genre": ("music_genre, worker", "one fit", "5 folds of default"),
        "cifar10_features, aggre": ("cifar10_features, aggre", "one fit", "5 folds of default"),
        "cifar10_features, worst": ("cifar10_features, worst", "one fit", "5 folds of default"),
        "cifar10, aggre, ResNet": ("cifar10, aggre resnet18", *["given probabilities"] * 2),
        "cifar10, worst, ResNet": ("cifar10, worst resnet18", *["given probabilities"] * 2),
        "mnist, verified errors": ("mnist", *["given probabilities"] * 2),
    }
    ours, theirs = [], []
    for title, ours_from, theirs_from in cases.values():
        content = table("label_issues", title)
        ours.append(content.number(f"find_label_issues, {ours_from}", "AP"))
        theirs.append(content.number(f"cleanlab, self_confidence, {theirs_from}", "AP"))
    fig, ax = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    position = np.arange(len(cases))[::-1]
    for values, shift, shade, name in ((ours, 0.19, BEST, "find_label_issues"),
                                       (theirs, -0.19, PEER, "cleanlab")):  # fmt: skip
        ax.barh(position + shift, values, 0.36, color=shade, label=name)
        for y, v in zip(position + shift, values, strict=True):
            ax.annotate(f"{v:.2f}", (v, y), (3, 0), textcoords="offset points", va="center", size=8)
    ax.set_yticks(position, list(cases))
    ax.set(xlabel="average precision", xlim=(0, 1.1))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=2)
    return fig


@chart
def wei_uci():
    """Gain of each rate over rate 0 at five noise rates, mean over ten binary sets."""
    content = table("wei_uci", "Mean gain")
    rates = content.columns[1:]
    fig, ax = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
    shades = plt.cm.plasma(np.linspace(0, 0.85, len(content.rows)))
    for noise, shade in zip(content.rows, shades, strict=True):
        gains = [content.number(noise, rate) for rate in rates]
        ax.plot(range(len(rates)), gains, "o-", color=shade, label=f"{float(noise):.0%} noisy")
    ax.axhline(0, color="0.5", lw=1)
    ax.axvline(rates.index("0"), color="0.5", lw=1, ls="--")
    ax.set_xticks(range(len(rates)), rates)
    ax.set(xlabel="smoothing rate", ylabel="points above rate 0")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 0.9))
    return fig


@chart
def elr_curves():
    """Accuracy, and what becomes of wrong labels, with cross-entropy and with ELR, by epoch."""
    return _memorisation({"ce": PEER, "elr": OURS, "elr, no warm-up": BEST, "elr, beta=0": "C3"})


@chart
def mixnn_curves():
    """Accuracy, and what becomes of wrong labels, with mixtures of neighbours, by epoch."""
    return _memorisation({"ce": PEER, "mixup": "C2", "synthetic": BEST,
                          "synthetic, every 10th": "C4", "synthetic, recipe": OURS})  # fmt: skip


def _memorisation(shades):
    """Draw three panels over epochs, of the MLP with 40 % noise."""
    panels = {"clean test accuracy": "test accuracy, %",
              "wrong labels, memorised": "wrong labels memorised, %",
              "wrong labels, true": "wrong labels corrected, %"}  # fmt: skip
    fig, axes = plt.subplots(1, 3, figsize=(7.6, 3.1), layout="constrained")
    for ax, (title, label) in zip(axes, panels.items(), strict=True):
        content = table("memorisation", f"mlp, 0.4: {title}")
        epochs = content.columns[1:]
        for contender, shade in shades.items():
            values = [content.number(contender, epoch) for epoch in epochs]
            ax.plot([int(epoch) for epoch in epochs], values, color=shade, label=contender)
        ax.set_xlabel("epoch")
        ax.set_title(label, size=10)
        ax.spines[["top", "right"]].set_visible(False)
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center",
               ncols=len(shades))  # fmt: skip
    return fig


@chart
def flipping():
    """Accuracy and calibration error of smoothing, flipping and penalty, by rate."""
    kinds = {"smoothing": (OURS, "o-"), "flipping": (BEST, "s-"), "penalty": (PEER, "^-")}
    fig, axes = plt.subplots(2, 3, figsize=(7.6, 4.6), layout="constrained", sharex=True)
    for line, (title, label) in zip(axes, (("Accuracy", "accuracy, %"),
                                           ("Calibration", "calibration error, %")),
                                    strict=True):  # fmt: skip
        content = table("flipping", title)
        for ax, noise in zip(line, content.columns[1:], strict=True):
            for kind, (shade, style) in kinds.items():
                rows = [row for row in content.rows if row.startswith(kind)]
                rates = [0, *(float(row.split()[1]) for row in rows)]
                values = [content.number(row, noise) for row in ("nothing", *rows)]
                ax.plot(rates, values, style, ms=4, color=shade, label=kind)
            if title == "Accuracy":
                ax.set_title("clean labels" if noise == "none" else noise, size=10)
            ax.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel(label)
    for ax in axes[1]:
        ax.set_xlabel("rate, or weight of the penalty")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), frameon=False,
               loc="outside lower center", ncols=3)  # fmt: skip
    return fig


@chart
def decision_tree():
    """Which method when, as a tree of questions, with measured accuracies."""
    fig, ax = plt.subplots(figsize=(7.6, 6.2), layout="constrained")
    ax.set(xlim=(0, 101), ylim=(0, 100))
    ax.axis("off")
    on = table("robustness", EACH_SET).number
    questions = [
        (20, 93, "Is a forest good enough?\nTry it first: seconds,\nno torch"),
        (20, 71, "Are many labels wrong?"),
        (20, 49, "Pixels, or features\nof a frozen network?"),
        (20, 27, "Do you need one\nsmall network?"),
    ]
    auto = table("auto_smoothing", "All sets").number("auto", "noisy cells")
    answers = [
        (75, 93, "yes", "RandomForestClassifier(min_samples_leaf=10)\n"
                        f"noisy {noisy('rf'):.1f} %, clean {clean('rf'):.1f} %"),
        (75, 71, "no", "any good classifier; boosting has\n"
                       f"clean {clean('hgb'):.1f} %, noisy only {noisy('hgb'):.1f} %"),
        (75, 49, "yes", 'NoisyLabelClassifier("bagging")\nhuman labels of images: '
                        f"{on('bagging', 'cifar10_features'):.1f} %,\ndefault "
                        f"{on('distilled_pool', 'cifar10_features'):.1f} %, forest "
                        f"{on('rf', 'cifar10_features'):.1f} %"),
        (75, 27, "yes", 'NoisyLabelClassifier("ce", smoothing="auto")\n'
                        f"noisy {auto:.1f} %"),
    ]  # fmt: skip
    last = (
        45,
        6,
        "NoisyLabelClassifier(): the default\n"
        f"noisy {noisy('distilled_pool'):.1f} %, clean {clean('distilled_pool'):.1f} %",
    )
    ink = plt.rcParams["text.color"]
    for x, y, text in questions:
        _box(ax, x, y, 38, 13, text, ink, "none")
    for x, y, answer, text in answers:
        _box(ax, x, y, 50, 12, text, OURS, OURS + "33")
        ax.annotate("", (x - 25, y), (39, y), arrowprops={"arrowstyle": "-|>", "color": ink})
        ax.text(44.5, y + 1.5, answer, ha="center")
    for (x, y, _), answer in zip(questions, ("no", "yes, or perhaps", "no", "no"), strict=True):
        ax.annotate("", (x, y - 15.5), (x, y - 6.5), arrowprops={"arrowstyle": "-|>", "color": ink})
        ax.text(x + 2, y - 11.2, answer)
    _box(ax, *last[:2], 88, 10, last[2], BEST, BEST + "33")
    return fig


def _box(ax, x, y, width, height, text, edge, face):
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=2",
            ec=edge, fc=face, lw=1.4,
        )
    )  # fmt: skip
    ax.text(x, y, text, ha="center", va="center", size=8.5)


class Chart(SphinxDirective):
    """Show a chart; the content says in words what it shows."""

    required_arguments = 1
    has_content = True

    def run(self):
        name = self.arguments[0]
        if name not in CHARTS:
            raise self.error(f"there is no chart {name!r}")
        alt = " ".join(self.content) or CHARTS[name].__doc__
        box = nodes.container(classes=["chart"])
        for theme in THEMES:
            box += nodes.image(uri=f"/_charts/{name}-{theme}.svg", alt=alt,
                               classes=[f"only-{theme}"])  # fmt: skip
        return [box]


def draw_all(app):
    """Draw every chart, where the results or this file have changed."""
    folder = Path(app.srcdir) / "_charts"
    folder.mkdir(exist_ok=True)
    results = Path(app.srcdir).parent / "benchmarks" / "results"
    newest = max(
        p.stat().st_mtime for p in [*results.glob("*.md"), *Path(__file__).parent.glob("*.py")]
    )
    for name, draw in CHARTS.items():
        for theme, ink in THEMES.items():
            path = folder / f"{name}-{theme}.svg"
            if path.exists() and path.stat().st_mtime > newest:
                continue
            style = dict.fromkeys(
                ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"),
                ink,
            )
            with plt.rc_context(style | {"svg.hashsalt": name, "font.size": 10}):
                figure = draw()
                figure.savefig(path, transparent=True, metadata={"Date": None})
                plt.close(figure)


def setup(app):
    app.connect("builder-inited", draw_all)
    app.add_directive("chart", Chart)
    return {"parallel_read_safe": True}
