"""tools/check_docs.py sees faults in the files of built pages."""

import pytest

from tools import check_docs


@pytest.fixture
def site(tmp_path):
    """A page with a picture and a style sheet, and the words that readers search."""
    (tmp_path / "picture.svg").write_text("<svg>" + "<path/>" * 20 + "</svg>")
    (tmp_path / "style.css").write_text("p { margin: 0 }" * 10)
    (tmp_path / "page.html").write_text(
        '<link rel="stylesheet" href="style.css"><img src="picture.svg" alt="A curve">'
        '<a href="https://example.org">elsewhere</a>'
    )
    words = '{"gpu":1,"resum":2,"imag":3,"text":4,"cleanlab":5,"checkpoint":6}'
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({words})")
    return tmp_path


def faults(site):
    page = site / "page.html"
    return [*check_docs.faults_of_file(page, site), *check_docs.faults_of_search_index(site)]


def test_a_page_without_faults(site):
    assert faults(site) == []


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ('<img src="missing.png" alt="x">', "missing.png is missing or empty"),
        ('<img src="empty.png" alt="x">', "empty.png is missing or empty"),
        ('<script src="https://cdn.example.org/x.js"></script>', "fetches https://cdn"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "fetches //fonts"),
        ('<img src="picture.svg">', "no text for the picture"),
        ('<span class="problematic">|x|</span>', "an error of the build"),
    ],
)
def test_a_fault_on_a_page_is_reported(site, added, fault):
    (site / "empty.png").touch()
    page = site / "page.html"
    page.write_text(page.read_text() + added)
    assert [fault in line for line in faults(site)] == [True]


def test_a_word_that_the_search_does_not_know_is_reported(site):
    index = site / "searchindex.js"
    index.write_text(index.read_text().replace("gpu", "cpu"))
    assert faults(site) == ["search: GPU is not in the index"]


def test_a_folder_without_pages_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="make docs"):
        check_docs.main(tmp_path)
