"""Settings that do nothing with the others and the photos of a run: they are told, not refused."""

from collections.abc import Iterator, Sequence

from mien.settings import Settings
from mien.swap.persona import shows_glasses
from mien.types import Note, SourceFace

_REASONS = {
    "idle-engine": "the engine {engine} draws no glasses of a photo, mesh does",
    "idle-glasses": "no glasses were found in the photo",
    "idle-parser": "it needs the parser (parser = on, occlusion not off, no segmenter)",
    "idle-gaze": "the eyes are not the source's (eyes = source)",
    "idle-enhancer": "no enhancer is chosen",
}
"""Why a setting does nothing, by the key of the note."""


def idle_notes(settings: Settings, sources: Sequence[SourceFace]) -> tuple[str, ...]:
    """Return a sentence for each setting that was changed and does nothing; `sources` are the faces to be worn."""
    return tuple(
        Note.of(key, f"{{setting}} does nothing: {_REASONS[key]}", setting=setting, engine=settings.engine)
        for setting, key in _idle(settings, sources)
    )


def _idle(settings: Settings, sources: Sequence[SourceFace]) -> Iterator[tuple[str, str]]:
    if settings.source_glasses == "on":
        if settings.engine != "mesh":
            yield "source_glasses = on", "idle-engine"
        elif not any(map(shows_glasses, sources)):
            yield "source_glasses = on", "idle-glasses"
    if settings.parser == "off" or settings.occlusion == "off" or settings.segmenter != "none":
        if settings.glasses == "off":
            yield "glasses = off", "idle-parser"
        if settings.beard != "auto":
            yield f"beard = {settings.beard}", "idle-parser"
    if settings.gaze == "camera" and settings.eyes != "source":
        yield "gaze = camera", "idle-gaze"
    usual = Settings()
    if settings.enhancer == "none":
        for name in ("enhance_blend", "enhance_every", "fidelity"):
            if getattr(settings, name) != getattr(usual, name):
                yield f"{name} = {getattr(settings, name):g}", "idle-enhancer"
