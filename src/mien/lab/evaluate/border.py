"""The border: photos of the target's own person in another light and tone, so that the true result is the target itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mien.assembly import factory
from mien.errors import MienError
from mien.lab.evaluate import lights, measures
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, drawn_points, frame_of, nearest
from mien.lab.evaluate.plots import face_crop, grid
from mien.lab.evaluate.portraits import Portrait
from mien.types import Array, Floats, Image

PEOPLE = 24  # about a minute and a half on two idle cores
_SEED = 17  # any; figures of the documentation are those of these people
_TILE_SIDE = 240  # pixels of a tile of the sheet

Tone = Callable[[Portrait], Image]
"""Drawing of a portrait in another light or tone, BGR uint8."""


@dataclass(frozen=True, slots=True)
class ToneTuning:
    """Lights and tones of the photos, as photos of one person differ; chosen by eye."""

    dark: float = 0.55
    bright: float = 1.3
    """Exposures."""
    tanned: tuple[float, float, float] = (0.45, 0.52, 0.62)
    cold: tuple[float, float, float] = (1.15, 0.98, 0.8)
    """Gains of blue, green and red."""
    lamp_degrees: float = 55.0
    """Way of a lamp to the side."""
    ambient: float = 0.55
    direct: float = 0.6
    """Light from everywhere and from that lamp."""


TUNING = ToneTuning()


def _exposed(gain: float) -> Tone:
    return lambda person: _times(person.image, np.full(3, gain, np.float32))


def _tinted(gains: tuple[float, float, float]) -> Tone:
    return lambda person: _times(person.image, np.array(gains, np.float32))


def _from_the_side(person: Portrait) -> Image:
    side = np.radians(TUNING.lamp_degrees)
    towards = np.array([np.sin(side), 0, -np.cos(side)], np.float32)
    facing = np.maximum(lights.normals(person.landmarks.points, person.image.shape[:2]) @ towards, 0)[:, :, None]
    return _times(person.image, TUNING.ambient + TUNING.direct * facing)


TONES: Mapping[str, Tone] = {
    "dark": _exposed(TUNING.dark),
    "bright": _exposed(TUNING.bright),
    "tanned": _tinted(TUNING.tanned),
    "cold": _tinted(TUNING.cold),
    "lamp at the side": _from_the_side,
}
"""Photos of a person, by name."""


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure the step in tone at the border against the true result."""
    steps: dict[str, list[float]] = {name: [] for name in TONES}
    levels: list[float] = []
    refused, tiles = 0, []
    people = chosen(lab, lab.length(PEOPLE))
    for person in people:
        progress()
        for name, tone in TONES.items():
            try:
                step, off, image = worn(lab, person, tone(person))
            except MienError:
                refused += 1
                continue
            steps[name].append(step)
            levels.append(off)
            row = tone(person), person.image, image
            tiles.append(np.hstack([face_crop(each, person.landmarks.points, _TILE_SIDE) for each in row]))
    every = [step for found in steps.values() for step in found]
    if not every:
        return Section("border", "The border", (), notes=("NOT MEASURED: no portrait can be worn.",))
    figures = (
        Figure("step in tone against the truth", mean(every), "levels", at_most=6),
        *(Figure(f"step in tone, {name}", mean(found), "levels") for name, found in steps.items()),
        Figure("difference from the truth beside the border", mean(levels), "levels"),
        Figure("photos refused", float(refused)),
    )
    caption = "The photo, the target, which is the truth, and the result."
    return Section("border", "The border: one person in another light", figures, sheets=(Sheet(caption, grid(tiles, 5)),))


def worn(lab: Lab, person: Portrait, photo: Image) -> tuple[float, float, Image]:
    """Return the step in tone, the mean difference from the truth inside the border, in levels, and the result."""
    face = factory.open_source(photo, lab.models)
    result = factory.open_picture_pipeline(lab.settings, lab.models, face).swap_frame(frame_of(person.image, 0))
    image, own = result.frame.image, person.landmarks.points
    tracked = nearest([each.landmarks.points for each in result.faces], own)
    drawn = own + (nearest(drawn_points(result), own) - tracked)
    change = measures.change_inside(image, drawn, person.image, own)
    return measures.seam_step(image, drawn, person.image, own), float(np.abs(change).mean()), image


def chosen(lab: Lab, count: int) -> list[Portrait]:
    """Return random people, none of those kept for the last look, half of them everyday pictures."""
    draw = np.random.default_rng(_SEED)
    found: list[Portrait] = []
    for everyday in (True, False):
        people = [each for each in lab.people if each.is_everyday is everyday and not each.is_closing]
        found += [people[int(number)] for number in draw.permutation(len(people))[: count // 2]]
    return found


def _times(image: Image, gain: Array | Floats) -> Image:
    return np.asarray(np.clip(image * gain + 0.5, 0, 255), np.uint8)
