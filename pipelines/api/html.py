"""What notebooks show of an object: a heading and a table of figures, with every text escaped."""

from collections.abc import Mapping, Sequence
from html import escape

MOST_NAMES = 20
"""Names of a long list that are shown."""


def listed(names: Sequence[str]) -> str:
    """Names, of many the first."""
    return ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")


def figures_as_html(title: str, figures: Mapping[str, object]) -> str:
    """A table of two columns under a heading.

    Args:
        title: the heading.
        figures: what each row says, by its name.
    """
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(str(name))}</th>'
        f'<td style="text-align:left">{escape(str(value))}</td></tr>'
        for name, value in figures.items()
    )
    return f'<table><caption style="text-align:left"><b>{escape(title)}</b></caption><tbody>{rows}</tbody></table>'


def page_in_frame(page: str, title: str, height: int = 600) -> str:
    """A whole page inside another one, without scripts and without reach beyond its frame.

    Args:
        page: HTML.
        title: what the frame is called.
        height: in pixels.
    """
    return (
        f'<iframe srcdoc="{escape(page, quote=True)}" title="{escape(title, quote=True)}" sandbox="" '
        f'style="width:100%;height:{height}px;border:0"></iframe>'
    )
