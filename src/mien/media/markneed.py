"""The strength of the invisible mark and the least quality that each output format needs for it.

Encoders remove faint texture first, so the mark grows as the quality falls, down to a quality below which no mark that stays
invisible would survive.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarkNeed:
    """Requirements of one format. Strengths are multiples of the usual mark (`mien.provenance.mark.RMS`).

    The strength falls linearly from `strength_at_least` at `least_quality` to 1 at `plain_quality`.
    """

    least_quality: int
    strength_at_least: float
    plain_quality: int

    def quality(self, asked: int) -> int:
        """Return the quality that is really encoded."""
        return max(asked, self.least_quality)

    def strength(self, asked: int) -> float:
        """Return the strength of the mark at the quality that is really encoded."""
        missing = max(self.plain_quality - self.quality(asked), 0) / (self.plain_quality - self.least_quality)
        return 1 + (self.strength_at_least - 1) * missing


# Chosen so that every window of 24 frames reads with z of at least 9 (found from 7.5) on the worst of four clips and on plain
# black, which end credits are made of; docs/mark.md has the table.
_VIDEO = MarkNeed(least_quality=50, strength_at_least=2.25, plain_quality=70)
_CODECS = {
    "vp9": MarkNeed(least_quality=50, strength_at_least=2.25, plain_quality=80),
    "hevc": MarkNeed(least_quality=65, strength_at_least=2.0, plain_quality=80),
    "prores": MarkNeed(least_quality=1, strength_at_least=1.0, plain_quality=2),
    "mpeg4": MarkNeed(least_quality=80, strength_at_least=1.6, plain_quality=95),
}
# 19 portraits at 160, 320 and 720 pixels on the shorter side; z of at least 10 on the worst one.
_LOSSY = MarkNeed(least_quality=1, strength_at_least=2.0, plain_quality=80)
_PICTURES = {
    "JPEG": MarkNeed(least_quality=1, strength_at_least=1.3, plain_quality=50),
    **dict.fromkeys(("PNG", "APNG", "TIFF", "BMP"), MarkNeed(least_quality=1, strength_at_least=1.0, plain_quality=2)),
}


def video_need(codec: str) -> MarkNeed:
    """Return the requirements of a video codec, by the names of the setting `codec`."""
    return _CODECS.get(codec, _VIDEO)


def picture_need(kind: str) -> MarkNeed:
    """Return the requirements of a picture format, by Pillow's names; unknown formats count as lossy."""
    return _PICTURES.get(kind, _LOSSY)
