"""The documentation: its examples run, its links lead somewhere, and its API pages miss nothing."""

import doctest
import re
from pathlib import Path

import pytest

import sstpl

ROOT = Path(__file__).resolve().parents[1]
DOCS, RESULTS = ROOT / "docs", ROOT / "bench" / "results"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "_results" not in path.parts)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PUBLIC = re.compile(r"^\.\. auto(?:class|function|exception|module|data):: (?:sstpl\.)?(\w+)", re.M)


def text(page):
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if EXAMPLE.search(text(page))])
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = "\n".join(EXAMPLE.findall(text(page)))
    result = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(examples, {}, page, page, 0))
    assert result.attempted > 0
    assert result.failed == 0


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_that_exist(page):
    for link in LINK.findall(text(page)):
        if link.startswith("https://") or "_figures/" in link:
            continue
        path, _, anchor = link.partition("#")
        target = ((DOCS / page).parent / path).resolve()
        if target.parent == DOCS / "_results":  # copied when the documentation is built
            target = RESULTS / target.name
            if not RESULTS.is_dir():
                continue  # as in a source distribution
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_figures_that_pages_show_are_drawn():
    shown = {Path(link).stem for page in PAGES for link in LINK.findall(text(page)) if "_figures/" in link}
    drawn = set(re.findall(r'^    "(\w+)": draw_', (DOCS / "figures.py").read_text(), re.M))
    assert {name for name in shown if not name.startswith("report-")} == drawn


def test_every_page_is_in_a_table_of_contents():
    listed = {"index", *re.findall(r"^((?:guide/|api/)?\w+)$", text("index.md"), re.M)}
    assert {page.removesuffix(".md") for page in PAGES} <= listed


def test_api_pages_have_every_public_name():
    documented = {name for path in (DOCS / "api").glob("*.rst") for name in PUBLIC.findall(path.read_text())}
    assert set(sstpl.__all__) <= documented


def test_oldest_versions_are_those_that_the_package_asks_for():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| (Python|scikit-learn|NumPy|SciPy) \| ([\d.]+) \|", text("guide/support.md"), re.M))
    asked = dict(re.findall(r'^    "(\w[\w-]*)>=([\d.]+)",$', project, re.M))
    asked["python"] = re.search(r'^requires-python = ">=([\d.]+)"', project, re.M).group(1)
    assert len(stated) == 4
    assert stated == {name: asked[name.lower()] for name in stated}
