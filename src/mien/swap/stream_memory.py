"""Memory of the faces of one stream of frames, from the usual appearance of each to the detail that was added to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mien.settings import Settings
from mien.swap.cast import Roles, Treatment, treated
from mien.swap.memory.brows import Brows
from mien.swap.memory.crossings import Crossings
from mien.swap.memory.hands import Hands
from mien.swap.memory.hidden_landmarks import HiddenLandmarks
from mien.swap.memory.observer import Observer
from mien.swap.memory.parsing import Parsing
from mien.swap.memory.segmentation import Segmentation
from mien.swap.persona import Persona, Retouch
from mien.swap.stages.cover import BLUR, SOLID, Cover, HeadRegion, region_of_points
from mien.swap.stages.enhance.stage import Enhancement
from mien.swap.stages.kept_glasses import KeptGlasses
from mien.swap.stages.own_glasses import takes_glasses_off
from mien.swap.stages.shave import Shaving
from mien.types import Frame, Image, TrackedFace


class StreamMemory:
    """Memory of the faces of one stream of frames; `live` as in `Enhancement`, `Segmentation` and `Parsing`.

    `still`: the stream is a single picture. `secret` fixes the noise of covers, as in `Cover`.
    """

    def __init__(self, *, live: bool = False, still: bool = False, secret: int | None = None) -> None:
        self._live = live
        self.still = still
        self.begin_tracking()
        self.begin_drawing()
        self._covers: tuple[tuple[Treatment, Cover], ...] = (("blur", Cover(BLUR, secret)), ("cover", Cover(SOLID, secret)))

    def begin_tracking(self) -> None:
        """Begin with nothing, in what is known of tracked faces."""
        self._observer = Observer()
        self._brows = Brows()
        self._crossings = Crossings()
        self._segmentation = Segmentation(live=self._live)
        self._parsing = Parsing(live=self._live)
        self._hands = Hands()
        self._hidden = HiddenLandmarks()

    def begin_drawing(self) -> None:
        """Begin with nothing, in what is known of drawn faces; an enhancer must have no thread."""
        self.enhancement = Enhancement(live=self._live)
        self.shaving = Shaving()
        self.glasses = KeptGlasses()

    @property
    def tracking(self) -> tuple[object, ...]:
        """All that is known of tracked faces."""
        return (
            self._observer, self._brows, self._crossings, self._segmentation, self._parsing, self._hands, self._hidden,
        )  # fmt: skip

    @tracking.setter
    def tracking(self, known: tuple[Any, ...]) -> None:
        self._observer, self._brows, self._crossings, self._segmentation, self._parsing, self._hands, self._hidden = known

    @property
    def drawing(self) -> tuple[object, ...]:
        """All that is known of drawn faces."""
        return self.enhancement, self.shaving, self.glasses

    @drawing.setter
    def drawing(self, known: tuple[Any, ...]) -> None:
        self.enhancement, self.shaving, self.glasses = known

    def cover_others(
        self,
        image: Image,
        faces: Sequence[TrackedFace],
        roles: Roles,
        beside: Sequence[tuple[int, HeadRegion]],
        others: Treatment,
    ) -> None:
        """Draw the covers of the faces whose role is one, in place; what is worn by others is laid over them.

        `beside` are heads, by `track_id`, that have the role of all `others` although their faces are not found.
        """
        for treatment, cover in self._covers:
            hidden = treated(roles, faces, treatment)
            regions = [(face.track_id, region_of_points(face.landmarks.points)) for face in hidden]
            cover.draw(image, [*regions, *(beside if treatment == others else ())])

    def reset_drawing(self) -> None:
        """Forget all drawn faces; the enhancer keeps its thread."""
        self.enhancement.reset()
        self.shaving.reset()
        self.glasses.reset()

    def close(self) -> bool:
        """End the enhancer's thread; False when the network still holds it."""
        return self.enhancement.close()

    def observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        retouch: Retouch,
        settings: Settings,
        worn: Mapping[int, Persona] | None = None,
    ) -> tuple[TrackedFace, ...]:
        """Return the faces with what is known of them.

        Only faces in `worn`, by `track_id` (None = all, and nobody's persona), and those in front of these are looked at: the
        others come back as they are.

        Occluders are found by the chosen segmenters, else by the parser, in files and live; without segmenters, or in addition
        to them with `occlusion` = on, by the faces' usual appearance, too.
        """
        faces = self._brows.lengthened(faces)
        behind = self._crossings.update(faces)
        if worn is None:
            return self._observe(frame, faces, behind, retouch, settings, {})
        concerned = {*worn, *(number for each in worn for number in behind.get(each, ()))}
        faces_concerned = tuple(face for face in faces if face.track_id in concerned)
        observed = self._observe(frame, faces_concerned, behind, retouch, settings, worn)
        known = {face.track_id: face for face in observed}
        return tuple(known.get(face.track_id, face) for face in faces)

    def _observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        behind: Mapping[int, frozenset[int]],
        retouch: Retouch,
        settings: Settings,
        worn: Mapping[int, Persona],
    ) -> tuple[TrackedFace, ...]:
        wanted = settings.occlusion != "off"
        segmenters = retouch.segmenters if wanted else ()
        predicted = self._segmentation.update(frame, faces, segmenters)
        parser = retouch.parser if wanted and not segmenters else None
        if parser is not None:
            faces = self._hidden.held(faces, self._parsing.seen, behind)
        hands = self._hands.update(frame, faces, self._parsing.seen, None if parser is None else retouch.hand_finder)
        others = {number for number, persona in worn.items() if persona.glasses}
        relieved = {each.track_id for each in faces if takes_glasses_off(settings, others=each.track_id in others)}
        looks = self._parsing.update(frame, faces, parser, hands, behind, relieved)
        predicted.update({number: look.occluder for number, look in looks.items()})
        by_appearance = settings.occlusion == "on" or (settings.occlusion == "files" and not self._live and not segmenters)
        return self._observer.observe(
            frame, faces, by_appearance=by_appearance, predicted=predicted, parsed=self._parsing.seen, behind=behind
        )
