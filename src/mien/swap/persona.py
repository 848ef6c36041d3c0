"""Personas: a source face prepared for one engine, with the networks that work beside the engine."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.contracts import Engine, Enhancer, HandFinder, Harmoniser, Parser, Segmenter
from mien.face.mean_face import neutral
from mien.swap.stages.own_beard import shows_beard
from mien.types import Floats, SourceFace


@dataclass(frozen=True, slots=True)
class Retouch:
    """The networks beside the engine; the stage of an absent network returns its patches unchanged."""

    harmoniser: Harmoniser | None = None
    segmenters: tuple[Segmenter, ...] = ()
    enhancer: Enhancer | None = None
    parser: Parser | None = None
    hand_finder: HandFinder | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Persona:
    """A face to wear: `prepared` is what `engine` has made of `source`.

    `shape` is float32 (478, 3): the proportions of the source at rest, in the head frame; None for an engine that draws
    its own. `bearded`: the photo shows a beard; `glasses`: it shows glasses that the engine can draw.
    """

    engine: Engine
    source: SourceFace
    prepared: Any
    shape: Floats | None
    retouch: Retouch
    bearded: bool = False
    glasses: bool = False


def open_persona(engine: Engine, source: SourceFace, retouch: Retouch | None = None) -> Persona:
    """Prepare `source` for `engine`."""
    shape = None
    if engine.wants_reshape:
        shapes = [neutral(photo.landmarks.points) for photo in (source, *source.others)]
        shape = np.asarray(np.mean(shapes, axis=0), np.float32)
    retouch = Retouch() if retouch is None else retouch
    glasses = engine.wants_reshape and shows_glasses(source)
    return Persona(engine, source, engine.prepare(source), shape, retouch, shows_beard(source), glasses)


def shows_glasses(source: SourceFace) -> bool:
    """Return True when the photo shows glasses."""
    return any(fault.name == "glasses" for fault in source.faults)
