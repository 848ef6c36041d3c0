"""Facts of a video or an animation that its output must keep."""

from dataclasses import dataclass
from fractions import Fraction

from mien.media.files.encoders import Content
from mien.media.frames.colour_space import ColourSpace
from mien.types import StreamInfo

_SCANT_FRAMES = 24
"""Frames of a window (`provenance/mark/windows.py`); fewer give less to accumulate. The mark in AV1 of a grainy video of 4
frames read with z 8.2."""
_SCANT_PIXELS = 300_000
"""AV1 at 80 and strength 1 lost the mark of animations at 256 to 440 pixels square (z 2.5 to 9); from 640 on it read with 18.7,
VP9 with 12.8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo(StreamInfo):
    """Properties that the writer must keep. Width, height and `pixel_aspect` (width by height of a pixel) are upright.

    Times are seconds on the clock of the file: `zero` is where a player's clock shows 0, `origin` becomes 0 in an output,
    `first` is that of the first picture; `begin` and `end` bound the wanted part, None = unbounded; `stream_end` is the end
    that the video stream states.

    `interlaced` is true for interlaced input; `fields` is the field shown first ("tff", "bff") if the frames still hold both.
    `alpha`: the frames have one; `flattened`: the input has one, and its frames were composited over white. `animated`: the
    input is an animated picture.
    """

    codec: str
    stream_index: int
    space: ColourSpace
    rotation: int
    pixel_aspect: Fraction
    interlaced: bool
    fields: str | None
    deep: bool
    alpha: bool
    flattened: bool
    dolby_vision: bool
    zero: Fraction
    origin: Fraction
    first: Fraction
    begin: Fraction | None
    end: Fraction | None
    stream_end: Fraction | None
    animated: bool = False

    @property
    def content(self) -> Content:
        """Return the properties that encoders depend on."""
        few = self.animated or (self.frame_count is not None and self.frame_count < _SCANT_FRAMES)
        return Content(self.alpha, self.fields, scant=few and self.width * self.height < _SCANT_PIXELS)

    @property
    def is_part(self) -> bool:
        """True if only a part of the file is wanted."""
        return self.begin is not None or self.end is not None
