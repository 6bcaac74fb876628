"""The tables of the robustness benchmark."""

import _cells
import robustness


def test_a_change_is_counted_over_cells_measured_again(monkeypatch):
    old, new = _cells.Origin("a", "0", "d", "1"), _cells.Origin("b", "0", "e", "2")

    def rows(accuracies, origin):
        sets = ("wine", "german", "digits")
        return {
            ("ce", name, "none", 0): _cells.Row({"accuracy": value}, origin)
            for name, value in zip(sets, accuracies, strict=True)
        }

    before = rows([0.8, 0.9, 0.7], old)
    monkeypatch.setattr(type(robustness.CELLS), "rows_of", lambda self, revision: before)
    assert "| ce | 3 | -2.00 | 0.58 |" in robustness.change(rows([0.78, 0.89, 0.67], new), "x")
    assert robustness.change(rows([0.78, 0.89, 0.67], new), "x").endswith("| yes |")
    assert "| ce |" not in robustness.change(before, "x")
