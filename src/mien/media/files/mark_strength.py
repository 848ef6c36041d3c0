"""Strength of the invisible mark, and the lowest quality that each output format needs for it.

Encoders remove faint texture first, so the mark grows as the quality falls, down to a quality below which no invisible mark
would survive.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarkNeed:
    """Requirements of one format. Strengths are multiples of the usual mark (`mien.provenance.mark.pattern.RMS`).

    The strength falls linearly from `strength_at_least` at `least_quality` to 1 at `plain_quality`.
    """

    least_quality: int
    strength_at_least: float
    plain_quality: int

    def quality(self, asked: int) -> int:
        """Return the quality that is encoded."""
        return max(asked, self.least_quality)

    def strength(self, asked: int) -> float:
        """Return the strength of the mark at the quality that is encoded."""
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
# VP9 and AV1 drop the mark with the dither and the grain of small animations, and a short file has too few frames to make up
# for it. Least z of the bundled portraits panned at 2 to 6 pixels a frame, as GIF, APNG and FFV1, 256 to 320 pixels wide, 3 to
# 48 frames. VP9 at 80: 5.3 at strength 1, 15.3 at 1.6; at 60, 9.4 at 1.6, 12.9 at 2.0; at 50, 9.8 at 2.25, 11.7 at 2.5. AV1 at
# 80: 2.7 at 1, 9.4 at 1.6, 11.2 at 1.9; at 90, 3.8 at 1, 16.4 at 1.6; at 70, 11.6 at 2.2; at 60, 10.5 at 2.5; at 50 even 2.5
# gives 4.8. H.264 (18.4 at strength 1), HEVC (14.2) and MPEG-4 (25.1 at 1.6) need nothing more at 80.
_SCANT = {
    "vp9": MarkNeed(least_quality=50, strength_at_least=2.5, plain_quality=100),
    "av1": MarkNeed(least_quality=60, strength_at_least=2.5, plain_quality=110),
}
# 19 portraits at 160, 320 and 720 pixels on the shorter side; z of at least 10 on the worst one.
_LOSSY = MarkNeed(least_quality=1, strength_at_least=2.0, plain_quality=80)
_PICTURES = {
    "JPEG": MarkNeed(least_quality=1, strength_at_least=1.3, plain_quality=50),
    **dict.fromkeys(("PNG", "APNG", "TIFF", "BMP"), MarkNeed(least_quality=1, strength_at_least=1.0, plain_quality=2)),
}


def video_need(codec: str, *, scant: bool = False) -> MarkNeed:
    """Return the requirements of a video codec, by the names of the setting `codec`; `scant` as in `Content`."""
    usual = _CODECS.get(codec, _VIDEO)
    return _SCANT.get(codec, usual) if scant else usual


def picture_need(kind: str) -> MarkNeed:
    """Return the requirements of a picture format, by Pillow's names; unknown formats count as lossy."""
    return _PICTURES.get(kind, _LOSSY)
