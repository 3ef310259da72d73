"""The documentation: ``pip install '.[docs]'``, then ``sphinx-build -W docs build/docs``.

Pages are Markdown (MyST); the API pages are reStructuredText, which docstrings are written in. Before anything is read,
the figures are drawn (`figures.py`) and the results of the benchmarks are copied, as they are, to folders that git
ignores. Nothing is fetched, so the build needs no network.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from sstpl import __version__  # noqa: E402

project = "sstpl"
author = "the sstpl developers"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
default_role = "py:obj"  # `fit` in a docstring is a link where there is something to link to
add_module_names = False

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # the docstrings say more
autosummary_generate = False
numpydoc_show_class_members = False

myst_heading_anchors = 3
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_prev_next": True, "secondary_sidebar_items": ["page-toc"], "footer_end": []}
html_show_sourcelink = False
html_copy_source = False


def prepare(app: Any) -> None:
    """Draw the figures and copy the results."""
    import figures

    figures.draw(HERE / "_figures")
    results = HERE / "_results"
    shutil.rmtree(results, ignore_errors=True)
    shutil.copytree(ROOT / "bench" / "results", results, ignore=shutil.ignore_patterns("*.json"))


def plain_references(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Leave the text of links into scikit-learn's own pages, which inherited docstrings hold."""
    lines[:] = [re.sub(r":(?:ref|term):`([^`<]+?)(?: <[^`]*>)?`", r"\1", line) for line in lines]


def setup(app: Any) -> None:
    """Prepare before Sphinx looks for pages, and keep links to pages that are here."""
    app.connect("autodoc-process-docstring", plain_references)
    app.connect("builder-inited", prepare)
