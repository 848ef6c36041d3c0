"""Requests that the host reads aloud: their kinds, and a random list of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mien.errors import UsageError

Kind: TypeAlias = Literal["hand", "profile", "up", "cheek", "blink", "colours"]
"""Kind of a request."""
Side: TypeAlias = Literal["left", "right", ""]
"""Side of the person who is asked, as they know it: their own left is on the right of the picture."""
KINDS: tuple[Kind, ...] = get_args(Kind)
USUAL: tuple[Kind, ...] = ("hand", "profile", "up", "cheek", "blink")
"""Kinds that need nothing but a voice; colours need a shared screen."""
COLOURS = {"red": (40, 40, 230), "green": (50, 200, 40), "blue": (235, 60, 40), "white": (245, 245, 245)}
"""Colours of the shared screen, BGR: each lights skin in another way."""


@dataclass(frozen=True, slots=True)
class AskTuning:
    """Ranges of what is drawn at random."""

    delay_s: tuple[float, float] = (1.0, 6.0)
    """Pause before a request: nobody can prepare for its moment."""
    blinks: tuple[int, int] = (2, 4)
    """More are miscounted by people themselves."""
    colours: int = 6
    """Steps of a sequence of colours: one of 972, of which none repeats a colour at once."""


_TUNING = AskTuning()


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, `delay_s` after the one before. `count` is of blinks, `colours` of the shared screen."""

    kind: Kind
    side: Side = ""
    delay_s: float = 1.0
    count: int = 0
    colours: tuple[str, ...] = ()


def kinds_of(text: str) -> tuple[Kind, ...]:
    """Return the kinds that are named, with commas between them. Raises `UsageError`."""
    wanted = [each.strip() for each in text.split(",")]
    found: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind in wanted)
    if not found or set(wanted) - set(KINDS):
        raise UsageError(f"unknown requests {text!r}", f"requests are: {', '.join(KINDS)}; commas between them")
    return found


def draw_asks(kinds: Sequence[Kind], draw: random.Random, tuning: AskTuning = _TUNING) -> tuple[Ask, ...]:
    """Return the requests in random order, each at a random side after a random delay; a profile is asked of each side."""
    sides: tuple[Side, ...] = ("left", "right")
    asks: list[tuple[Kind, Side]] = []
    for kind in kinds:
        if kind == "profile":
            asks += [(kind, side) for side in sides]
        else:
            asks.append((kind, draw.choice(sides) if kind in {"hand", "cheek"} else ""))
    draw.shuffle(asks)
    found = []
    for kind, side in asks:
        delay_s = round(draw.uniform(*tuning.delay_s), 1)
        count = draw.randint(*tuning.blinks) if kind == "blink" else 0
        found.append(Ask(kind, side, delay_s, count, _sequence(draw, tuning.colours) if kind == "colours" else ()))
    return tuple(found)


def _sequence(draw: random.Random, steps: int) -> tuple[str, ...]:
    """Return colours of which none follows itself."""
    found: list[str] = []
    for _ in range(steps):
        found.append(draw.choice([name for name in COLOURS if name not in found[-1:]]))
    return tuple(found)
