"""Design tokens: colours are named once and can be read on every ground of the page."""

import re
from itertools import product
from pathlib import Path

import pytest

from mien import studio

STYLE = (Path(studio.__file__).parent / "static/style.css").read_text("utf-8")
LEAST_CONTRAST = 4.5  # WCAG 2.2 AA for text
LEAST_EDGE_CONTRAST = 3.0  # WCAG 2.2 AA for the borders of fields
THEMES = {
    "dark": r":root \{",
    "light": r':root\[data-theme="light"\] \{',
    "light of the system": r':root:not\(\[data-theme="dark"\]\) \{',
}


def tokens(opening: str) -> dict[str, str]:
    found = re.search(opening + r"(.*?)\n\s*\}", STYLE, re.DOTALL)
    assert found is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", found[1]))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    levels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_every_ground(theme: str) -> None:
    colours = tokens(THEMES[theme])
    pairs = [*product(("ink", "soft", "accent", "warm", "bad", "good"), ("ground", "panel", "raised"))]
    pairs += [("accent-ink", "accent"), ("bad-ink", "bad"), ("good-ink", "good")]
    poor = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < LEAST_CONTRAST} == {}
    assert min(contrast(colours["edge"], colours[ground]) for ground in ("panel", "raised")) >= LEAST_EDGE_CONTRAST


def test_motion_is_asked_for_and_never_the_default() -> None:
    outside = re.sub(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\} \}", "", STYLE)
    assert outside != STYLE
    assert not re.search(r"\b(animation|transition):", outside)
