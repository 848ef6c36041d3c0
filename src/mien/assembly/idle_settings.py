"""Settings that do nothing with the others and the photos of a run: they are told, not refused."""

from collections.abc import Iterator, Sequence

from mien.settings import Settings
from mien.swap.persona import shows_glasses
from mien.types import SourceFace


def idle_notes(settings: Settings, sources: Sequence[SourceFace]) -> tuple[str, ...]:
    """Return a sentence for each setting that was changed and does nothing; `sources` are the faces to be worn."""
    return tuple(f"{setting} does nothing: {reason}" for setting, reason in _idle(settings, sources))


def _idle(settings: Settings, sources: Sequence[SourceFace]) -> Iterator[tuple[str, str]]:
    if settings.source_glasses == "on":
        if settings.engine != "mesh":
            yield "source_glasses = on", f"the engine {settings.engine} draws no glasses of a photo, mesh does"
        elif not any(map(shows_glasses, sources)):
            yield "source_glasses = on", "no glasses were found in the photo"
    if settings.parser == "off" or settings.occlusion == "off" or settings.segmenter != "none":
        reason = "it needs the parser (parser = on, occlusion not off, no segmenter)"
        if settings.glasses == "off":
            yield "glasses = off", reason
        if settings.beard != "auto":
            yield f"beard = {settings.beard}", reason
    if settings.gaze == "camera" and settings.eyes != "source":
        yield "gaze = camera", "the eyes are not the source's (eyes = source)"
    usual = Settings()
    if settings.enhancer == "none":
        for name in ("enhance_blend", "enhance_every", "fidelity"):
            if getattr(settings, name) != getattr(usual, name):
                yield f"{name} = {getattr(settings, name):g}", "no enhancer is chosen"
