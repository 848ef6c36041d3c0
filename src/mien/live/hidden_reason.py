"""Reason why a face is hidden, in one word, as a hint for the wearer; what is veiled is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mien.safety.guard import DEFAULT_TUNING
from mien.types import Image, TrackedFace

HiddenReason = Literal["", "dark", "turned", "hand", "unseen", "asked", "no_face", "content", "failed"]
"""`dark`: too little light to tell; `turned`: the head is turned away; `hand`: a face is there but not confirmed, mostly behind
a hand; `unseen`: no face is found; `asked`: the wearer asked to be covered; `no_face`: none is chosen; `content`: the
content check withholds the frame; `failed`: the frame could not be made; empty while the face is worn."""


@dataclass(frozen=True, slots=True)
class HiddenReasonTuning:
    """Numbers of the reasons."""

    dark_grey_level: float = DEFAULT_TUNING.min_grey_level  # mean of the picture; below it the guard cannot tell, either
    turned_degrees: float = 45.0  # chosen: the detector confirms few heads beyond, and a head that turns on is lost soon
    sample_step: int = 8  # pixels; a mean over 1/64 of a 720p picture differs by less than a grey level


@dataclass(slots=True)
class HiddenReasons:
    """Finds the reason frame by frame, in order: a face that is lost is remembered as it was last seen."""

    tuning: HiddenReasonTuning = field(default_factory=HiddenReasonTuning)
    _last_yaw: float = 0.0

    def find(
        self, image: Image, faces: Sequence[TrackedFace], trusted: Sequence[TrackedFace], *, is_hidden: bool
    ) -> HiddenReason:
        """Return the reason, empty unless `is_hidden`; `image` is not yet veiled, `trusted` are the confirmed `faces`."""
        if faces:
            self._last_yaw = max(abs(face.yaw) for face in faces)
        if not is_hidden:
            return ""
        step = self.tuning.sample_step
        if float(image[::step, ::step, 1].mean()) < self.tuning.dark_grey_level:
            return "dark"
        if self._last_yaw > self.tuning.turned_degrees:
            return "turned"
        return "hand" if len(trusted) < len(faces) else "unseen"
