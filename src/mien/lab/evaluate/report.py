"""Report of an evaluation: one page of HTML without scripts or outside resources."""

import base64
import html
from collections.abc import Callable, Sequence

from mien.lab.evaluate.figures import Figure, Section
from mien.lab.evaluate.plots import svg
from mien.types import Image

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --good: #197a35; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --good: #6fce8b; --bad: #ff8f86 } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1280px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0 0 1rem } td, th { text-align: left; padding: .2rem .9rem .2rem 0;
border-bottom: 1px solid var(--line); vertical-align: top } td.value { font-variant-numeric: tabular-nums }
.reached { color: var(--good) } .missed { color: var(--bad); font-weight: 600 } figure { margin: 0 0 1.2rem }
figcaption { font-size: 13px; opacity: .8 } img, video { max-width: 100%; height: auto }
.row { display: flex; flex-wrap: wrap; gap: 1rem } .row figure { flex: 1 1 400px; max-width: 640px }
svg { width: 100%; height: auto } svg text { font-size: 14px; fill: currentColor } svg .grid { stroke: var(--line) }
h2 { margin-top: 2.5rem; border-top: 2px solid var(--line); padding-top: .6rem } .note { opacity: .85 }
"""

Jpeg = Callable[[Image], bytes]
"""Labels a picture and encodes it."""


def page(heading: str, facts: Sequence[str], sections: Sequence[Section], jpeg: Jpeg) -> str:
    """Return the page; it expects clips in `clips/NAME.mp4` beside it."""
    judged = [figure for section in sections for figure in section.figures if figure.bar]
    missed = [figure for figure in judged if figure.verdict != "reached"]
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{html.escape(heading)}</title><style>{_STYLE}</style><h1>{html.escape(heading)}</h1>",
        *(f"<p>{html.escape(fact)}</p>" for fact in facts),
        f"<p>{len(judged) - len(missed)} of {len(judged)} goals are reached.</p>",
        "<nav>",
        " · ".join(f"<a href='#{section.name}'>{html.escape(section.title)}</a>" for section in sections),
        "</nav>",
    ]
    for section in sections:
        parts += _section(section, jpeg)
    return "\n".join([*parts, "</html>\n"])


def _section(section: Section, jpeg: Jpeg) -> list[str]:
    parts = [f"<h2 id='{section.name}'>{html.escape(section.title)}</h2>", _table(section.figures)]
    parts += [f"<p class='note'>{html.escape(note)}</p>" for note in section.notes]
    parts.append(f"<p class='note'>Measured in {section.seconds:.0f} s.</p>")
    for sheet in section.sheets:
        data = base64.b64encode(jpeg(sheet.image)).decode("ascii")
        height, width = sheet.image.shape[:2]
        caption = html.escape(sheet.caption)
        parts.append(
            f"<figure><img loading='lazy' width='{width}' height='{height}' alt='{caption}' "
            f"src='data:image/jpeg;base64,{data}'><figcaption>{caption}</figcaption></figure>"
        )
    parts.append("<div class='row'>")
    parts += [f"<figure>{svg(plot)}<figcaption>{html.escape(plot.caption)}</figcaption></figure>" for plot in section.plots]
    parts.append("</div><div class='row'>")
    for clip in section.clips:
        if clip.frames:
            parts.append(
                f"<figure><video controls muted loop preload='none' src='clips/{html.escape(clip.name)}.mp4'></video>"
                f"<figcaption>{html.escape(clip.caption)}; left the target, right the result</figcaption></figure>"
            )
    return [*parts, "</div>"]


def _table(figures: Sequence[Figure]) -> str:
    rows = ["<table><tr><th>figure<th>measured<th>goal<th></tr>"]
    for figure in figures:
        kind = {"reached": "reached", "": ""}.get(figure.verdict, "missed")
        rows.append(
            f"<tr><td>{html.escape(figure.name)}<td class='value'>{html.escape(figure.shown)}<td>{figure.bar}"
            f"<td class='{kind}'>{figure.verdict}</tr>"
        )
    return "\n".join([*rows, "</table>"])
