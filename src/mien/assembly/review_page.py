"""Review page of an anonymised file: one local HTML file of risky moments, from which decisions are saved.

It holds no address and loads nothing. It shows crops of faces as they are, and whole pictures only under their covers.
"""

import base64
import html
import json
from collections.abc import Iterable
from dataclasses import dataclass

from mien.swap.hiding.decisions import VERSION
from mien.swap.hiding.risks import Box, Moment


@dataclass(frozen=True, slots=True)
class Shown:
    """A moment with its time in seconds, a JPEG crop as it is, and a JPEG of the whole picture under its covers."""

    moment: Moment
    time_s: float
    crop: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """File that is reviewed: its name, sha256, part in seconds, and size of its pictures."""

    name: str
    sha256: str
    start_s: float | None
    end_s: float | None
    size_wh: tuple[int, int]


_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;background:#16181b;color:#e8e8e8}
h1{font-size:1.3rem;margin:0 0 .3rem}p{max-width:60rem}.warn{color:#ffc966}
.card{display:flex;gap:1rem;align-items:flex-start;background:#22262b;border-radius:8px;padding:.8rem;margin:.8rem 0}
.crop{width:180px;height:180px;object-fit:contain;background:#000}
.whole{position:relative;cursor:crosshair;user-select:none;touch-action:none}
.whole img{display:block;width:480px;max-width:60vw}
.place{position:absolute;outline:2px dashed #fff;pointer-events:none;mix-blend-mode:difference}
.box{position:absolute;border:2px solid #ff5a5a;background:#ff5a5a55;pointer-events:none}
label{margin-right:1rem}button{font:inherit;padding:.5rem 1rem}input[type=number]{width:6rem}
.bar{position:sticky;top:0;background:#16181b;padding:.5rem 0;z-index:1}li button{padding:0 .5rem;margin-left:.5rem}
"""
_SCRIPT = """
const facts = JSON.parse(document.getElementById("facts").textContent);
const regions = [];
const two = value => Math.round(value * 1000) / 1000;
document.querySelectorAll(".whole").forEach(view => {
  let start = null, box = null;
  const at = event => {
    const area = view.getBoundingClientRect();
    const inside = (value, most) => Math.min(Math.max(value, 0), most);
    return [inside(event.clientX - area.left, area.width), inside(event.clientY - area.top, area.height)];
  };
  view.addEventListener("pointerdown", event => {
    start = at(event); box = document.createElement("div"); box.className = "box"; view.append(box);
    view.setPointerCapture(event.pointerId); event.preventDefault();
  });
  view.addEventListener("pointermove", event => {
    if (!start) return;
    const [x, y] = at(event);
    box.style.left = Math.min(x, start[0]) + "px"; box.style.top = Math.min(y, start[1]) + "px";
    box.style.width = Math.abs(x - start[0]) + "px"; box.style.height = Math.abs(y - start[1]) + "px";
  });
  view.addEventListener("pointerup", event => {
    if (!start) return;
    const [x, y] = at(event), area = view.getBoundingClientRect(), from = start;
    start = null;
    if (Math.abs(x - from[0]) < 4 || Math.abs(y - from[1]) < 4) { box.remove(); return; }
    const across = facts.size[0] / area.width, down = facts.size[1] / area.height, card = view.closest(".card");
    const low = [Math.min(x, from[0]), Math.min(y, from[1])], high = [Math.max(x, from[0]), Math.max(y, from[1])];
    const region = {from: Number(card.querySelector(".from").value), to: Number(card.querySelector(".to").value),
      box: [low[0] * across, low[1] * down, high[0] * across, high[1] * down].map(two)};
    const drawn = box, line = document.createElement("li"), drop = document.createElement("button");
    line.textContent = "region from " + region.from + " s to " + region.to + " s";
    drop.textContent = "remove";
    drop.addEventListener("click", () => { regions.splice(regions.indexOf(region), 1); drawn.remove(); line.remove(); });
    line.append(drop); card.querySelector("ul").append(line); regions.push(region);
  });
});
document.getElementById("save").addEventListener("click", () => {
  const faces = [];
  document.querySelectorAll(".card").forEach(card => {
    const choice = card.querySelector("input[type=radio]:checked").value;
    if (choice !== "as it is") faces.push({at: Number(card.dataset.at), box: JSON.parse(card.dataset.box), do: choice});
  });
  const say = words => { document.getElementById("said").textContent = words; };
  if (regions.some(region => !(region.to >= region.from))) { say("A region ends before it begins."); return; }
  const part = {start: facts.start, end: facts.end};
  const saved = {mien_decisions: facts.version, target_sha256: facts.sha256, ...part, faces, regions};
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(saved, null, 1)], {type: "application/json"}));
  link.download = "decisions.json";
  link.click();
  say(faces.length + " faces and " + regions.length + " regions saved as decisions.json.");
});
"""


def page(subject: Subject, shown: Iterable[Shown], left_out: int) -> bytes:
    """Return the page, UTF-8. `left_out` = moments of less risk that it does not show."""
    facts = {
        "version": VERSION, "sha256": subject.sha256, "start": subject.start_s, "end": subject.end_s, "size": subject.size_wh,
    }  # fmt: skip
    cards = "\n".join(_card(number, each, subject.size_wh) for number, each in enumerate(shown))
    more = f"<p>{left_out} moments of less risk are not shown.</p>" if left_out else ""
    empty = "<p>No risky moment was found. Watch the output all the same.</p>" if not cards else ""
    safe = json.dumps(facts).replace("<", "\\u003c")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Review of {html.escape(subject.name)}</title><style>{_STYLE}</style></head><body>
<h1>Review of {html.escape(subject.name)}</h1>
<p class="warn">This page shows faces as they are. It is readable by you alone; delete it when the review is done.</p>
<p>Most risky first. At the left the face as it is, at the right the picture as it was written, with the place outlined:
drag on it to cover a further region between the two times. Save the decisions, then run the same command again with
<code>--decisions decisions.json</code>. These are the moments that a search can doubt, not those that it does not know of:
watch the whole output afterwards.</p>
<div class="bar"><button id="save">Save decisions</button> <span id="said" role="status"></span></div>
{cards}{empty}{more}
<script type="application/json" id="facts">{safe}</script><script>{_SCRIPT}</script></body></html>
""".encode()


def _card(number: int, shown: Shown, size_wh: tuple[int, int]) -> str:
    moment = shown.moment
    name = f"do-{number}"
    state = "covered" if moment.covered else "not covered"
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{" checked" if value == "as it is" else ""}> {words}</label>'
        for value, words in (("as it is", f"leave it {state}"), ("cover", "cover"), ("keep", "keep visible"))
    )
    box = json.dumps([round(value, 2) for value in moment.box_xyxy])
    begin, end = max(shown.time_s - 0.5, 0.0), shown.time_s + 0.5
    return f"""<div class="card" data-at="{shown.time_s:.4f}" data-box="{box}">
<img class="crop" alt="the face as it is" src="data:image/jpeg;base64,{_coded(shown.crop)}">
<div><b>{shown.time_s:.2f} s</b>: {html.escape(moment.words)}<br>{choices}<br>
region from <input class="from" type="number" min="0" step="0.04" value="{begin:.2f}"> s
to <input class="to" type="number" min="0" step="0.04" value="{end:.2f}"> s<ul></ul></div>
<div class="whole"><img alt="the picture as it was written" draggable="false"
src="data:image/jpeg;base64,{_coded(shown.whole)}">{_outline(moment.box_xyxy, size_wh)}</div></div>"""


def _outline(box_xyxy: Box, size_wh: tuple[int, int]) -> str:
    (x1, y1, x2, y2), (wide, tall) = box_xyxy, size_wh
    shares = {"left": x1 / wide, "top": y1 / tall, "width": (x2 - x1) / wide, "height": (y2 - y1) / tall}
    return f"""<div class="place" style="{";".join(f"{name}:{share:.2%}" for name, share in shares.items())}"></div>"""


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
