"""A report as one self-contained piece of HTML: inline style, figures as embedded SVG, no script, nothing fetched."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from sstpl._figures import style
from sstpl._overview import shown

_CSS = """
.sstpl-report { color-scheme: light; background: #fff; color: #1f2937; max-width: 54rem; margin: 0 auto;
  padding: 1.5rem; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
.sstpl-report h1 { font-size: 1.45rem; margin: 0 0 .25rem; font-weight: 650; }
.sstpl-report h2 { font-size: 1.1rem; margin: 2.4rem 0 .3rem; padding-top: 1.2rem; border-top: 1px solid #e5e7eb; }
.sstpl-report p { margin: .3rem 0 .8rem; max-width: 46rem; color: #4b5563; }
.sstpl-report dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .6rem;
  margin: 1rem 0 0; }
.sstpl-report dl div { background: #f9fafb; border: 1px solid #e5e7eb; border-radius: 6px; padding: .5rem .75rem; }
.sstpl-report dt { font-size: .75rem; color: #4b5563; }
.sstpl-report dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.sstpl-report figure { margin: .8rem 0; }
.sstpl-report img { max-width: 100%; height: auto; display: block; }
.sstpl-report figcaption { font-size: .8rem; color: #4b5563; max-width: 46rem; }
.sstpl-report details { margin: .8rem 0; }
.sstpl-report summary { cursor: pointer; color: #0072b2; font-size: .85rem; }
.sstpl-report .scroll { overflow-x: auto; }
.sstpl-report table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums;
  margin: .5rem 0; }
.sstpl-report th, .sstpl-report td { padding: .25rem .7rem; border-bottom: 1px solid #e5e7eb; text-align: right;
  background: none; white-space: nowrap; }
.sstpl-report th { font-weight: 600; color: #4b5563; }
.sstpl-report th.text, .sstpl-report td.text { text-align: left; }
"""

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # the same bytes every time, and no addresses


@dataclass(frozen=True)
class Plot:
    """A figure by name; the caption tells what it shows, and stands for it where it cannot be seen."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of text, numbers, truth values or None under a header, folded away under the title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Section:
    """A title, a few sentences, and what they are about."""

    title: str
    text: str
    parts: Sequence[Plot | Table]


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG, the same bytes every time."""
    buffer = io.BytesIO()
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(buffer, format="svg", dpi=120, metadata=_NO_METADATA)
    drawn = buffer.getvalue()
    return drawn[drawn.index(b"<svg") :]  # without the document type, which has an address


def _plot(plot: Plot) -> str:
    data = base64.b64encode(svg(plot.figure)).decode("ascii")
    caption = escape(plot.caption)
    return (
        f'<figure><img src="data:image/svg+xml;base64,{data}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    numeric = [
        all(row[i] is None or (isinstance(row[i], (int, float)) and not isinstance(row[i], bool)) for row in table.rows)
        for i in range(len(table.header))
    ]
    kinds = ["" if is_number else ' class="text"' for is_number in numeric]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.header, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(shown(value))}</td>" for value, kind in zip(row, kinds, strict=True))
        + "</tr>\n"
        for row in table.rows
    )
    return (
        f'<details><summary>{escape(table.title)}</summary><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div></details>"
    )


def fragment(title: str, headline: str, facts: Sequence[tuple[str, object]], sections: Sequence[Section]) -> str:
    """Return a report that can stand in another document; everything that is not markup is escaped."""
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(shown(value))}</dd></div>" for name, value in facts)
    blocks = [
        f"<style>{_CSS}</style>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(headline)}</p>",
        f"<dl>{cards}</dl>",
    ]
    for section in sections:
        blocks.append(f"<section><h2>{escape(section.title)}</h2>\n<p>{escape(section.text)}</p>")
        blocks += [_plot(part) if isinstance(part, Plot) else _table(part) for part in section.parts]
        blocks.append("</section>")
    return '<div class="sstpl-report">\n' + "\n".join(blocks) + "\n</div>"


def document(title: str, body: str) -> str:
    """Return a whole HTML document around a fragment."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
