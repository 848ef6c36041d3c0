"""Colours of a shared screen: a page that shows a sequence, and whether the skin of a face follows it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.check.requests.asks import COLOURS
from mien.check.requests.sighting import Sighting
from mien.types import Array


@dataclass(frozen=True, slots=True)
class ColourTuning:
    """Times of the sequence and bounds of the comparison."""

    step_s: float = 1.5
    """For which a colour stays: a call's delay varies by less."""
    most_delay_s: float = 4.0
    """Of call and camera together, between the click of the host and the face."""
    delay_step_s: float = 0.1
    least_pictures: int = 30
    """Below, a correlation means nothing."""
    least_correlation: float = 0.6
    """Of the skin's tint with the sequence, at the best of 41 delays. Of 150 simulated answers each, noise had 0.23 at the
    most, a drift with noise 0.46, a random walk 0.59; 60 with noise and 4 % of the screen's light had 0.67 and more."""


TUNING = ColourTuning()


@dataclass(frozen=True, slots=True)
class Followed:
    """Comparison of the skin with the sequence: the largest correlation, and the delay at which it is."""

    correlation: float
    delay_s: float

    @property
    def is_seen(self) -> bool:
        """True when the skin followed the sequence."""
        return self.correlation >= TUNING.least_correlation


def length_s(colours: Sequence[str]) -> float:
    """Return the length of a sequence in seconds."""
    return len(colours) * TUNING.step_s


def followed(colours: Sequence[str], during: Sequence[Sighting], from_s: float) -> Followed | None:
    """Return how far the skin followed a sequence that began at `from_s`; None with too few pictures."""
    seen = [(each.at_s, each.face.skin_bgr) for each in during if each.face is not None and sum(each.face.skin_bgr) > 0]
    best: Followed | None = None
    for step in range(round(TUNING.most_delay_s / TUNING.delay_step_s) + 1):
        delay_s = step * TUNING.delay_step_s
        lit = [(skin, _colour_at(colours, at_s - from_s - delay_s)) for at_s, skin in seen]
        pairs = [(skin, shown) for skin, shown in lit if shown is not None]
        if len(pairs) < TUNING.least_pictures:
            continue
        correlation = _correlation(np.array([_tint(skin) for skin, _ in pairs]), np.array([_tint(shown) for _, shown in pairs]))
        if best is None or correlation > best.correlation:
            best = Followed(correlation, delay_s)
    return best


def page_of(colours: Sequence[str]) -> str:
    """Return a page that shows the sequence, full of each colour, after a click; it loads nothing."""
    steps = [f"rgb({red}, {green}, {blue})" for blue, green, red in (COLOURS[name] for name in colours)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Colours</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'\"><style>html, body { height: 100%; margin: 0; background: #777 }</style></head><body>"
        f"<script>const steps = {json.dumps(steps)}; document.body.addEventListener('click', () => {{"
        "steps.forEach((colour, number) => setTimeout(() => { document.body.style.background = colour },"
        f"number * {round(1000 * TUNING.step_s)}));"
        f"setTimeout(() => {{ document.body.style.background = '#777' }}, {round(1000 * length_s(colours))}) }});"
        "</script></body></html>\n"
    )


def _colour_at(colours: Sequence[str], elapsed_s: float) -> tuple[int, int, int] | None:
    if not 0 <= elapsed_s < length_s(colours):
        return None
    return COLOURS[colours[int(elapsed_s // TUNING.step_s)]]


def _tint(bgr: Sequence[float]) -> tuple[float, float]:
    """Return blue and red against green, which exposure does not change, as logarithms."""
    blue, green, red = (max(float(value), 1.0) for value in bgr)
    return float(np.log(blue / green)), float(np.log(red / green))


def _correlation(skin: Array, shown: Array) -> float:
    """Return the mean correlation of both tints; a slow drift of the skin is taken out."""
    found = []
    line = np.linspace(-1, 1, len(skin))
    for column in range(skin.shape[1]):
        a, b = (
            skin[:, column] - np.polyval(np.polyfit(line, skin[:, column], 1), line),
            shown[:, column] - shown[:, column].mean(),
        )
        norm = float(np.sqrt((a @ a) * (b @ b)))
        found.append(float(a @ b) / norm if norm > 1e-9 else 0.0)
    return sum(found) / len(found)
