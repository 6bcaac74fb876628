import numpy as np
import pytest
import torch

from sknoisy.functional import Cut, draw_cut

rng = np.random.default_rng(0)
WEIGHT = torch.ones(6)
IMAGES = torch.tensor(rng.normal(size=(6, 2, 8, 12)))
TABLE = torch.tensor(rng.normal(size=(6, 5)))


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("x", [IMAGES, TABLE], ids=["images", "table"])
def test_entries_come_from_the_partner_and_labels_follow_their_fraction(x):
    target = torch.tensor(rng.dirichlet(np.ones(3), size=6))
    for _ in range(20):
        cut = draw_cut(x, WEIGHT, 1.0)
        mask = np.broadcast_to(cut.pasted.numpy(), x.shape[1:])
        partner = cut.partner.numpy()
        assert sorted(partner) == list(range(6))
        np.testing.assert_array_equal(cut(x), np.where(mask, x[partner], x))
        expected = (1 - mask.mean()) * target.numpy() + mask.mean() * target.numpy()[partner]
        np.testing.assert_allclose(cut.mix(target), expected)


def test_the_part_of_an_image_is_a_box_of_the_size_that_was_drawn():
    fractions = []
    for _ in range(400):
        mask = draw_cut(IMAGES, WEIGHT, 1.0).pasted.numpy()
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        np.testing.assert_array_equal(mask, np.outer(rows, columns))
        for inside in (rows, columns):
            # Without a gap.
            assert (np.diff(inside.astype(int)) == 1).sum() + inside[0] <= 1
        fractions.append(mask.mean())
    # Of a uniform fraction, on average the part of a box that is within the image.
    side = np.sqrt(rng.random(10**5))
    centres = rng.random((2, 10**5))
    inside = np.clip(centres + side / 2, 0, 1) - np.clip(centres - side / 2, 0, 1)
    assert np.mean(fractions) == pytest.approx(inside.prod(axis=0).mean(), abs=0.03)


def test_the_expected_fraction_of_columns_is_one_half():
    wide = torch.zeros(2, 200)
    fractions = [draw_cut(wide, torch.ones(2), 1.0).pasted.double().mean() for _ in range(400)]
    assert np.mean(fractions) == pytest.approx(0.5, abs=0.05)
    # Uniform, as Beta(1, 1).
    assert np.std(fractions) == pytest.approx(1 / np.sqrt(12), abs=0.03)


@pytest.mark.parametrize("params", [(0.0, 1.0), (1.0, 0.0)], ids=["alpha", "probability"])
@pytest.mark.parametrize("x", [IMAGES, TABLE], ids=["images", "table"])
def test_nothing_is_pasted(x, params):
    cut, target = draw_cut(x, WEIGHT, *params), torch.eye(6).double()
    assert torch.equal(cut(x), x)
    assert torch.equal(cut.mix(target), target)


def test_some_batches_are_left_as_they_are():
    applied = [bool(draw_cut(torch.zeros(2, 200), torch.ones(2), 1.0, 0.3).pasted.any())
               for _ in range(400)]  # fmt: skip
    assert np.mean(applied) == pytest.approx(0.3, abs=0.07)


def test_partners_are_drawn_in_proportion_to_their_weights():
    weight = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    assert set(draw_cut(TABLE, weight, 1.0).partner.tolist()) == {1, 3}


def test_by_hand():
    cut = Cut(torch.tensor([1, 0]), torch.tensor([False, True, True, False]))
    x = torch.arange(8.0).reshape(2, 4)
    assert cut(x).tolist() == [[0, 5, 6, 3], [4, 1, 2, 7]]
    assert cut.mix(torch.eye(2)).tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(("params", "name"), [((-1.0,), "alpha"), ((1.0, 1.5), "probability")])
def test_wrong_numbers_are_refused(params, name):
    with pytest.raises(ValueError, match=name):
        draw_cut(TABLE, WEIGHT, *params)
