"""Synthetic label noise."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy.noise import KINDS, asymmetric, corrupt_labels, instance_dependent, pair, symmetric

INSTANCE_DEPENDENT = ("instance", "part_dependent", "bad_label")

rng = np.random.default_rng(0)


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.75])
def test_symmetric_matrix_matches_its_definition(inclusive, rate):
    T = symmetric(4, rate, inclusive=inclusive)
    changed = rate * 3 / 4 if inclusive else rate
    assert_allclose(T, (1 - changed) * np.eye(4) + changed / 3 * (1 - np.eye(4)))


def test_symmetric_noise_is_label_smoothing():
    """Lukasik et al. 2020: the smoothing rate is K / (K - 1) times the noise rate."""
    assert_allclose(symmetric(5, 0.4, inclusive=True), 0.6 * np.eye(5) + 0.4 / 5)
    assert_allclose(symmetric(5, 0.32), 0.6 * np.eye(5) + 0.4 / 5)


def test_pair_noise_changes_each_class_to_one_other():
    assert_allclose(pair(5, 0.2), 0.8 * np.eye(5) + 0.2 * np.roll(np.eye(5), 1, axis=1))
    T = pair(12, 0.2, swap=True)
    others = T - np.diag(T.diagonal())
    assert_allclose(others, others.T)
    assert_array_equal(np.flatnonzero(T.diagonal() == 1), [10, 11])
    assert T[9, 1] == T[2, 0] == T[4, 7] == T[3, 5] == T[6, 8] == 0.2


def test_mappings_of_cifar_classes_match_their_names():
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    T = asymmetric(10, 0.4)
    mapping = {names[i]: names[j] for i, j in zip(*np.nonzero(T * (1 - np.eye(10))), strict=True)}
    assert mapping == {
        "truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat",
    }  # fmt: skip
    for mapping in ("cifar100", "cifar100_blocks"):
        T = asymmetric(100, 0.99, mapping)
        assert_allclose(T.sum(axis=0), 1, err_msg="one class becomes each")
        assert_allclose(T.diagonal(), 0.01)
        # The cycles have length five.
        permutation = (T > 0.5).astype(int)
        assert_array_equal(np.linalg.matrix_power(permutation, 5), np.eye(100, dtype=int))
    blocks = asymmetric(100, 0.99, "cifar100_blocks").argmax(axis=1)
    assert_array_equal(blocks[:6], [1, 2, 3, 4, 0, 6])
    # One class of each superclass and the one it becomes, by position in alphabetical order.
    becomes = asymmetric(100, 0.99, "cifar100").argmax(axis=1)
    pairs = {
        "beaver": (4, 30, "dolphin"), "aquarium fish": (1, 32, "flatfish"),
        "orchid": (54, 62, "poppy"), "bottle": (9, 10, "bowl"), "apple": (0, 51, "mushroom"),
        "clock": (22, 39, "keyboard"), "bed": (5, 20, "chair"), "bee": (6, 7, "beetle"),
        "bear": (3, 42, "leopard"), "bridge": (12, 17, "castle"), "cloud": (23, 33, "forest"),
        "camel": (15, 19, "cattle"), "fox": (34, 63, "porcupine"), "crab": (26, 45, "lobster"),
        "baby": (2, 11, "boy"), "crocodile": (27, 29, "dinosaur"), "hamster": (36, 50, "mouse"),
        "maple": (47, 52, "oak"), "bicycle": (8, 13, "bus"), "lawn mower": (41, 69, "rocket"),
    }  # fmt: skip
    for name, (true, noisy, noisy_name) in pairs.items():
        assert becomes[true] == noisy, (name, noisy_name)
    assert (becomes[51], becomes[53]) == (53, 57), "mushroom to orange, orange to pear"


@pytest.mark.parametrize("labels", [list("abc"), [3, 5, 9], [-1.0, 0.0, 2.0], [True, False]])
@pytest.mark.parametrize("kind", ["symmetric", "symmetric_inclusive", "pair", *INSTANCE_DEPENDENT])
def test_labels_of_any_type_are_reproducible(labels, kind):
    y = np.array(labels)[rng.integers(len(labels), size=400)]
    X, before = rng.normal(size=(400, 3)), y.copy()
    noisy, manifest = corrupt_labels(y, 0.3, kind=kind, X=X, random_state=3, return_manifest=True)
    assert_array_equal(y, before)
    assert noisy.dtype == y.dtype
    assert set(noisy) <= set(labels)
    assert_array_equal(noisy, corrupt_labels(y, 0.3, kind=kind, X=X, random_state=3))
    assert (noisy != corrupt_labels(y, 0.3, kind=kind, X=X, random_state=4)).any()
    assert_array_equal(manifest.flipped, noisy != y)
    assert manifest.rate == manifest.flipped.mean()
    expected = 0.3 * (1 - 1 / len(labels)) if "inclusive" in kind else 0.3
    assert abs(manifest.rate - expected) < 0.07
    assert_array_equal(manifest.y, y)
    assert not np.shares_memory(manifest.y, y)
    counts = pd.crosstab(y, noisy).reindex(index=manifest.classes, columns=manifest.classes)
    fractions = (
        counts.to_numpy(float, na_value=0)
        / np.bincount(np.unique(y, return_inverse=True)[1])[:, None]
    )
    assert_allclose(manifest.transition_matrix, fractions)


@pytest.mark.parametrize(
    ("kind", "matrix"),
    {
        "symmetric": symmetric(100, 0.5),
        "symmetric_inclusive": symmetric(100, 0.5, inclusive=True),
        "pair": pair(100, 0.5),
        "pair_swap": pair(100, 0.5, swap=True),
        "asymmetric_cifar10": asymmetric(100, 0.5, "cifar10"),
        "asymmetric_cifar100": asymmetric(100, 0.5, "cifar100"),
        "asymmetric_cifar100_blocks": asymmetric(100, 0.5, "cifar100_blocks"),
    }.items(),
)
def test_each_kind_follows_its_matrix(kind, matrix):
    y = np.repeat(np.arange(100), 400)
    _, manifest = corrupt_labels(
        y, 0.5, kind=kind, exact=True, random_state=0, return_manifest=True
    )
    assert_allclose(manifest.transition_matrix, matrix, atol=1 / 400)


def test_kinds_are_listed():
    assert set(KINDS) == {
        "symmetric", "symmetric_inclusive", "pair", "pair_swap", "asymmetric_cifar10",
        "asymmetric_cifar100", "asymmetric_cifar100_blocks", *INSTANCE_DEPENDENT,
    }  # fmt: skip


def test_only_part_dependent_noise_has_projections_per_class():
    """Equal samples of two classes have the same noisy label or not."""
    X = np.repeat(rng.normal(size=(1, 4)), 40_000, axis=0) + 1e-9 * rng.normal(size=(40_000, 4))
    X[20_000:] *= -1
    y = np.arange(40_000) % 2
    for kind, same in (("instance", True), ("part_dependent", False)):
        _, m = corrupt_labels(
            y, 0.3, kind=kind, X=X, classes=[0, 1, 2, 3], random_state=1, return_manifest=True
        )
        noisy = corrupt_labels(y, 0.3, kind=kind, X=X, classes=[0, 1, 2, 3], random_state=1)
        fractions = [
            (noisy[m.flipped & (y == c) & (np.arange(40_000) < 20_000)] == 2).mean()
            / (noisy[m.flipped & (y == c) & (np.arange(40_000) < 20_000)] >= 2).mean()
            for c in (0, 1)
        ]
        assert np.isclose(*fractions, atol=0.03) == same


@pytest.mark.parametrize("rate", [0.0005, 0.01, 0.05, 0.1, 0.5, 0.74])
def test_noise_rates_of_samples_have_the_requested_mean(rate):
    X, codes = rng.normal(size=(40_000, 2)), rng.integers(4, size=40_000)
    p = instance_dependent(X, codes, 4, rate, random_state=0)
    noise_rates = 1 - p[np.arange(40_000), codes]
    assert abs(noise_rates.mean() - rate) < 0.002
    assert noise_rates.min() >= 0 and noise_rates.max() <= 1


def test_noisy_labels_follow_the_matrix():
    T = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    y = np.repeat(["a", "b", "c"], 20_000)
    _, manifest = corrupt_labels(y, T, random_state=0, return_manifest=True)
    assert_allclose(manifest.transition_matrix, T, atol=0.015)
    assert_array_equal(manifest.transition_matrix[T == 0], 0)


@pytest.mark.parametrize("n", [7, 100, 101])
def test_exact_noise_has_exact_counts(n):
    y = np.repeat([0, 1], n)
    _, m = corrupt_labels(y, [0.29, 0.4], exact=True, random_state=0, return_manifest=True)
    n_changed = [m.flipped[y == c].sum() for c in (0, 1)]
    assert n_changed == [int(np.floor(round(0.29 * n, 9))), int(np.floor(round(0.4 * n, 9)))]
    y = np.repeat(np.arange(5), n)
    _, m = corrupt_labels(y, 0.4, exact=True, random_state=0, return_manifest=True)
    counts = m.transition_matrix * n
    assert_allclose(counts.sum(axis=1) - counts.diagonal(), np.floor(round(0.4 * n, 9)))
    off = counts[~np.eye(5, dtype=bool)]
    assert off.max() - off.min() <= 1 + 1e-9


def test_classes_may_include_labels_that_are_not_in_y():
    noisy, manifest = corrupt_labels(
        ["a"] * 300, 0.5, classes=["a", "b", "c"], random_state=0, return_manifest=True
    )
    assert set(noisy) == {"a", "b", "c"}
    assert_array_equal(manifest.transition_matrix[1:], np.eye(3)[1:])


@pytest.mark.parametrize("dtype", ["int64", "category", "str"])
def test_a_series_stays_a_series(dtype):
    y = pd.Series([1, 2, 3] * 20, index=range(100, 160), name="target").astype(dtype)
    noisy = corrupt_labels(y, 0.5, random_state=0)
    pd.testing.assert_index_equal(noisy.index, y.index)
    assert (noisy.name, noisy.dtype) == ("target", y.dtype)
    assert 0.2 < (noisy.astype(str) != y.astype(str)).mean() < 0.8


def test_a_categorical_series_gets_new_categories():
    y = pd.Series(["a", "b"] * 50, dtype="category")
    noisy = corrupt_labels(y, 0.6, classes=["a", "b", "c"], random_state=0)
    assert not noisy.isna().any()
    assert list(noisy.dtype.categories) == ["a", "b", "c"]
    assert list(y.dtype.categories) == ["a", "b"]


@pytest.mark.parametrize("by_class", [True, False])
def test_instance_dependent_noise_depends_on_the_features(by_class):
    X, codes = rng.normal(size=(3000, 6)), rng.integers(4, size=3000)
    p = instance_dependent(X, codes, 4, 0.3, by_class=by_class, random_state=0)
    assert_allclose(p.sum(axis=1), 1)
    noise_rates = 1 - p[np.arange(3000), codes]
    assert abs(noise_rates.mean() - 0.3) < 0.01
    assert abs(noise_rates.std() - 0.1) < 0.01
    # The most likely noisy label depends on the features, but not on their scale and offset.
    assert len(set(np.where(np.eye(4)[codes] > 0, 0, p)[codes == 0].argmax(axis=1))) == 3
    again = instance_dependent(
        X.reshape(3000, 2, 3) * 5 + 1, codes, 4, 0.3, by_class=by_class, random_state=0
    )
    assert_allclose(again, p, rtol=1e-6)
    # With shared projections, equal samples have the same odds of two noisy labels.
    twins = instance_dependent(
        np.repeat(X[:2], 2, axis=0), [0, 1, 2, 3], 4, 0.3, by_class=by_class, random_state=0
    )
    ratios = twins[0, [2, 3]] / twins[1, [2, 3]]
    assert np.isclose(*ratios) != by_class


def test_rate_zero_changes_no_label():
    y = rng.integers(3, size=50)
    for kind in ("symmetric", "symmetric_inclusive", "pair", *INSTANCE_DEPENDENT):
        assert_array_equal(corrupt_labels(y, 0.0, kind=kind, X=rng.normal(size=(50, 2))), y)


@pytest.mark.parametrize(
    ("noise", "params", "message"),
    [
        (0.7, {}, r"range \[0, 0.666667\] .* Got 0.7"),
        (-0.1, {"kind": "pair"}, r"range \[0, 0.666667\] .* Got -0.1"),
        (0.7, {"kind": "pair"}, r"range \[0, 0.666667\] .* Got 0.7"),
        (np.nan, {}, "Got nan"),
        (
            0.2,
            {"kind": "symmetry"},
            "'kind' parameter of corrupt_labels must be a str among .* Got 'symmetry'",
        ),
        (0.2, {"kind": "instance"}, "needs X"),
        (0.2, {"kind": "instance", "X": np.ones((60, 2)), "exact": True}, "exact=False"),
        (0.2, {"kind": "instance", "X": np.ones((59, 2))}, "inconsistent numbers of samples"),
        (0.2, {"X": np.ones((59, 2))}, "inconsistent numbers of samples"),
        (0.2, {"kind": "pair_swap"}, "kind='pair_swap' needs at least 10 classes. Got 3"),
        (0.2, {"kind": "asymmetric_cifar10"}, "needs at least 10 classes. Got 3"),
        (0.2, {"kind": "asymmetric_cifar100"}, "needs at least 100 classes. Got 3"),
        (0.2, {"kind": "asymmetric_cifar100_blocks"}, "needs at least 100 classes. Got 3"),
        (
            np.eye(3),
            {"kind": "pari"},
            "'kind' parameter of corrupt_labels must be a str among .* Got 'pari'",
        ),
        (np.eye(3), {"kind": "pair"}, "must be 'symmetric', the default, .* Got 'pair'"),
        (np.eye(3), {"kind": "instance", "X": np.ones((60, 2))}, "must be 'symmetric'"),
        ([[1, 0], [0, 1]], {}, r"matrix of shape \(3, 3\)"),
        (np.eye(3) * 0.9, {}, "row 0 with minimum 0 and sum 0.9"),
        ([[1, 0, 0], [0, 1, 0], [0.5, 1, -0.5]], {}, "row 2 with minimum -0.5"),
        (
            [[1, 0, 0], [0, 1]],
            {},
            r"'noise' parameter must be an array of numbers with rows of equal length",
        ),
        ([["a", "b"], ["c", "d"]], {}, r"'noise' parameter must be an array of numbers"),
        (0.2, {"classes": [0, 1]}, r"valid labels that can be in y; got \[2\]"),
        (np.eye(3), {"classes": [2, 1, 0]}, r"classes must be sorted .* Got \[2, 1, 0\]"),
        (0.2, {"classes": ["a", "b"]}, "must all hold numbers or all strings"),
    ],
)
def test_invalid_arguments_raise(noise, params, message):
    with pytest.raises(ValueError, match=message):
        corrupt_labels(np.arange(60) % 3, noise, **params)
    with pytest.raises(TypeError, match=r"noise rate must be a number. Got '0.3'"):
        corrupt_labels([0, 1, 1], "0.3")
    with pytest.raises(ValueError, match="at least 2 classes"):
        corrupt_labels(np.zeros(5), 0.1)
    with pytest.raises(ValueError, match=r"'codes' parameter .* from 0 to 2. Got -1 to 1"):
        instance_dependent(np.ones((3, 1)), [0, -1, 1], 3, 0.3)
    with pytest.raises(ValueError, match="'n_classes' parameter must be at least 2"):
        symmetric(1, 0.0)
    with pytest.raises(ValueError, match="'mapping' parameter of asymmetric must be a str among"):
        asymmetric(10, 0.1, "cifar")
    with pytest.raises(ValueError, match=r"at least 10 with mapping='cifar10'. Got 3"):
        asymmetric(3, 0.1)
    with pytest.raises(ValueError, match=r"must hold encoded labels from 0 to 2. Got 3"):
        asymmetric(3, 0.1, {0: 3})
    for mapping in ([1, 2, 0], None, {0}):
        with pytest.raises(
            ValueError, match=r"'mapping' parameter .* must be a str among .* or a dict"
        ):
            asymmetric(3, 0.3, mapping)
    for mapping in ({"a": "b"}, {0: "b"}, {0: 1.5}, {-1: 0}):
        with pytest.raises(ValueError, match=r"'mapping' parameter .* must hold encoded labels"):
            asymmetric(3, 0.3, mapping)
    for matrix in (symmetric, pair, lambda k, rate: asymmetric(k, rate, {0: 1})):
        for n_classes in ("3", 3.5):
            with pytest.raises(
                TypeError, match=f"'n_classes' parameter must be an int. Got {n_classes!r}"
            ):
                matrix(n_classes, 0.3)
    with pytest.raises(ValueError, match=r"must be at least 10 with swap=True. Got 9"):
        pair(9, 0.1, swap=True)
    for matrix in (pair, symmetric, lambda k, rate: asymmetric(k, rate, {0: 1})):
        assert matrix(4, 0.75)[0, 0] == pytest.approx(0.25)
        with pytest.raises(ValueError, match=r"range \[0, 0.75\] .* Got 0.76"):
            matrix(4, 0.76)
    with pytest.raises(ValueError, match=r"'n_classes' parameter must be at least 2. Got 1"):
        pair(1, 0.0)


def test_a_frame_with_classes_in_another_order_raises():
    y, T = np.array(["cat", "dog", "fox"])[np.arange(60) % 3], asymmetric(3, 0.6, {0: 1})
    frame = pd.DataFrame(T, index=["cat", "dog", "fox"], columns=["cat", "dog", "fox"])
    expected = corrupt_labels(y, T, random_state=0)
    assert_array_equal(corrupt_labels(y, frame, random_state=0), expected)
    reordered = frame.iloc[::-1, ::-1]
    with pytest.raises(ValueError, match=r"columns of 'noise' must be .* Got \['fox', 'dog'"):
        corrupt_labels(y, reordered)
    with pytest.raises(ValueError, match=r"rows of 'noise' must be the classes in their order"):
        corrupt_labels(y, frame.iloc[::-1])
    # Names that are not the classes are ignored.
    unnamed = reordered.reset_index(drop=True).set_axis(["a", "b", "c"], axis=1)
    assert len(corrupt_labels(y, unnamed)) == 60


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 1, np.nan]), "Input y contains NaN"),
        (pd.Series([0, 1, pd.NA], dtype="Int64"), "Input y contains NaN"),
        (["a", "b", None], "Input y contains None"),
        (np.array(["a", "b", np.nan], dtype=object), "Input y contains NaN"),
        (np.array(["a", "b", 1], dtype=object), "must all hold numbers or all strings"),
    ],
)
@pytest.mark.parametrize("classes", [None, ["a", "b"]])
def test_missing_and_mixed_labels_raise(y, classes, message):
    with pytest.raises(ValueError, match=message):
        corrupt_labels(y, 0.2, classes=classes)
