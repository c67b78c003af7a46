"""The report's HTML by parts: sections, figures, tables. Knows no simulation; everything that is text is escaped here.

Accessible by construction: a table has a caption, scopes and a named region that scrolls by keyboard; a figure has a
caption and is drawn twice, for a desk and for a phone, since text in a picture does not grow when the picture shrinks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from html import escape
from typing import Final

from deploy.simulate.plots import Frame

WIDE: Final = 700
NARROW: Final = 330
Draw = Callable[[Frame], str]


class Markup(str):
    """Text that is HTML already: written as it is."""

    __slots__ = ()


def html(text: str) -> str:
    """Give text as HTML; markup stays."""
    return text if isinstance(text, Markup) else escape(text)


def section(title: str, *inner: str) -> str:
    """Give a section with its heading; the parts are markup."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{''.join(inner)}\n</section>"


def heading(text: str) -> str:
    """Give a heading within a section."""
    return f"<h3>{escape(text)}</h3>\n"


def paragraph(text: str, css: str = "") -> str:
    """Give a paragraph."""
    styled = f' class="{css}"' if css else ""
    return f"<p{styled}>{html(text)}</p>\n"


def bullets(items: Sequence[str]) -> str:
    """Give a list."""
    return f"<ul>{''.join(f'<li>{html(item)}</li>' for item in items)}</ul>\n"


def link(title: str, url: str) -> Markup:
    """Give a link, or the title alone where the address is not one of the web."""
    if not url.startswith(("https://", "http://")):
        return Markup(escape(title))
    return Markup(f'<a href="{escape(url)}">{escape(title)}</a>')


def figure(name: str, title: str, said: str, draw: Draw) -> str:
    """Give a picture with its caption; `said` tells in words what it shows, `name` is its own on the page."""
    wide = draw(Frame(f"{name}-wide", title, said, WIDE))
    narrow = draw(Frame(f"{name}-narrow", title, said, NARROW))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div></figure>\n'
    )


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1, hide: Collection[str] = ()
) -> str:
    """Give a table; the first cell of a row is its heading. The first `words` columns are words, the others numbers.

    Columns to `hide` stand on a desk and on paper, not on a phone, where it says so.
    """
    css = [_css("" if at < words else "n", "x" if name in hide else "") for at, name in enumerate(head)]
    top = "".join(f'<th scope="col"{css[at]}>{html(text)}</th>' for at, text in enumerate(head))
    key = ' class="k"' if words == 1 else ""
    body = []
    for first, *rest in rows:
        cells = "".join(f"<td{css[at]}>{html(cell)}</td>" for at, cell in enumerate(rest, 1))
        body.append(f'<tr><th scope="row"{key}>{html(first)}</th>{cells}</tr>')
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>\n"
        + ('<p class="note narrow">A wider screen shows more columns.</p>\n' if set(hide) & set(head) else "")
    )


def _css(*names: str) -> str:
    own = " ".join(name for name in names if name)
    return f' class="{own}"' if own else ""
