"""Reports as one self-contained HTML page. Whatever comes from a file is escaped; the page loads nothing and runs nothing."""

import base64
from collections.abc import Sequence
from html import escape

from mien import __version__
from mien.provenance.report.file_report import FileReport, ReportRow
from mien.provenance.report.strip import Cell
from mien.provenance.report.words import say

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d1d1f; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 2.5rem 0 .5rem; overflow-wrap: anywhere }
p, li, td { overflow-wrap: anywhere } .note { color: #555 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .55rem .6rem; border-top: 1px solid #d8d8dc }
th { width: 7.5rem; font-weight: 600 } td.word { width: 6.5rem; white-space: nowrap }
td p { margin: 0 0 .35rem } details { margin-top: .4rem } details td { font-size: .86rem; padding: .2rem .5rem }
.strip { display: flex; height: 30px; margin: .6rem 0 .2rem; border: 1px solid #8a8a90 }
.strip i { flex: 1 1 0; border-right: 1px solid #fff }
.seen { background: #1f4e8c } .not { background: repeating-linear-gradient(135deg, #fff 0 4px, #b9b9bf 4px 5px) }
.dark { background: #fff } .sheet { display: flex; flex-wrap: wrap; gap: .6rem } figure { margin: 0 }
figcaption { font-size: .8rem; color: #555 } img { display: block; max-width: 200px; height: auto; border: 1px solid #d8d8dc }
video { display: block; width: 100%; height: auto; border: 1px solid #d8d8dc } .film { flex: 1 1 100% }
@media print { h1 { break-before: page } h1:first-of-type { break-before: avoid } }
"""


def page(reports: Sequence[FileReport], signed: str) -> str:
    """Return the HTML page of some reports; `signed` is the sentence on its signature."""
    bodies = "".join(_file(each) for each in reports)
    notes = (say("looked-for"), say("not-looked-for"), say("no-ela"), signed)
    return standing_page(_title(reports), say("preface"), bodies, notes)


def table_of(rows: Sequence[ReportRow]) -> str:
    """Return the HTML table of some rows."""
    return f"<table>{''.join(_row(row) for row in rows)}</table>"


def film_of(mp4: bytes, caption: str) -> str:
    """Return the HTML of a film without sound, which a click plays, over and over."""
    data = base64.b64encode(mp4).decode("ascii")
    return (
        f'<figure class="film"><video controls loop muted playsinline preload="metadata" src="data:video/mp4;base64,{data}">'
        f"</video><figcaption>{escape(caption)}</figcaption></figure>"
    )


def sheet_of(note: str, figures: Sequence[str]) -> str:
    """Return the HTML of a note and some figures, which are HTML."""
    return f'<p class="note">{escape(note)}</p><div class="sheet">{"".join(figures)}</div>'


def standing_page(title: str, preface: str, body: str, notes: Sequence[str]) -> str:
    """Return a page that stands alone; `body` is HTML, all else is text."""
    ends = "".join(f"<p>{escape(each)}</p>" for each in notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; media-src data:; '
        "style-src 'unsafe-inline'\">"
        f'<meta name="generator" content="mien {__version__}"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<p class="note">{escape(preface)}</p>{body}<hr>{ends}</body></html>\n'
    )


def _title(reports: Sequence[FileReport]) -> str:
    return say("title", name=reports[0].custody.name if len(reports) == 1 else f"{len(reports)} files")


def _file(report: FileReport) -> str:
    custody = report.custody
    versions = ", ".join(f"{name} {version}" for name, version in custody.versions)
    sheet = "".join(_picture(each.jpeg, f"{each.time_s:.1f} s") for each in report.pictures)
    if report.thumbnail is not None:
        sheet += _picture(report.thumbnail, "thumbnail in the file")
    return (
        f"<h1>{escape(custody.name)}</h1>{table_of(report.rows)}"
        f"{_strip(report)}"
        f'<p class="note">{escape(say("sheet"))}</p><div class="sheet">{sheet}</div>'
        f'<p class="note">File modified {custody.modified_at:%Y-%m-%d %H:%M:%S} UTC by its file system. {escape(versions)}; '
        f"{escape(custody.machine)}.</p>"
    )


def _row(row: ReportRow) -> str:
    sentences = "".join(f"<p>{escape(each)}</p>" for each in row.sentences)
    return f'<tr><th>{escape(row.subject)}</th><td class="word">{escape(row.seen)}</td><td>{sentences}{_fields(row)}</td></tr>'


def _fields(row: ReportRow) -> str:
    fields = row.details.get("fields")
    if not fields:
        return ""
    lines = "".join(
        f"<tr><td>{escape(str(each['where']))}</td><td>{escape(str(each['name']))}</td><td>{escape(str(each['value']))}</td></tr>"
        for each in fields
    )
    return f"<details open><summary>Fields</summary><table>{lines}</table></details>"


def _strip(report: FileReport) -> str:
    if report.strip is None or report.strip.length_s is None:
        return ""
    cells = "".join(_cell(cell) for cell in report.strip.cells)
    return (
        f'<div class="strip" role="img" aria-label="Mark by the second">{cells}</div>'
        f'<p class="note">Mark by the second, 0 to {report.strip.length_s:.1f} s. Blue: seen; hatched: not seen; '
        "white: cannot tell (a picture without features).</p>"
    )


def _cell(cell: Cell) -> str:
    number = f", number {cell.mark_id:06x}" if cell.mark_id is not None else ""
    kind = {"seen": "seen", "not seen": "not"}.get(cell.seen, "dark")
    return f'<i class="{kind}" title="{cell.start_s:.1f} s: {cell.seen}{number}"></i>'


def _picture(jpeg: bytes, caption: str) -> str:
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<figure><img alt="" src="data:image/jpeg;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
