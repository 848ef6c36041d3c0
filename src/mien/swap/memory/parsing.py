"""Classes and occluders that the parser sees on each face, over time.

The parser looks at a face in every other frame, and in the next one when something new came live or another face passes in
front; in between, what it saw moves with the mesh.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np

from mien.contracts import Parser
from mien.face.aligned_crop import cut
from mien.face.texels import facing, unwrap_mask
from mien.imaging import geometry
from mien.imaging.kernels import kernel
from mien.models.format.parsing import BEFORE_THE_FACE, FaceClass
from mien.swap.memory.look_turns import LookTurns
from mien.swap.memory.segmentation import followed, in_picture
from mien.types import Array, Frame, Mask, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class ParsingTuning:
    """Occluders found by the parser over time."""

    every_frames: int = 2
    """Frames between two looks at one face."""
    blur_texels: float = 0.8
    """Sigma of the blur against steps and trembling edges."""
    thin_gain: float = 1.6
    """Factor on the shares of hair and rims: what is thinner than a pixel of the crop never fills one.

    In single pictures it keeps 94 % of drawn strands of hair; 1.0 keeps 58 %, and 2.0 96 %, for half as much again of the skin
    between them.
    """
    max_share: float = 0.7
    """Share of the frontal part of a face beyond which the parser is not believed: if it errs, it shows the wearer."""
    max_share_live: float = 0.45
    """The same live, where nothing can be taken back."""
    doubtful_texels: int = 24
    """Texels, of about 10,000 of a face, that are seen covered and do not count yet, for a second look in the next frame."""
    dark_weight: float = 0.25
    """Weight of a new look in the mean by which a pair of glasses is dark or clear."""
    dark_share: float = 0.3
    """Share of the panes that hide the eye from which both do, and under which none does: one eye of the wearer beside one of
    the source would look like a fault."""
    dark_share_live: float = 0.6
    """The same for the clear pane of a pair live, where it must not show the wearer's eye."""
    least_panes: float = 0.003
    """Share of the crop under panes that tells anything of a pair of glasses."""
    beard_weight: float = 0.15
    """Weight of a new look in the mean of a beard, which does not change within a recording."""
    beard_weight_live: float = 0.03
    """The same live, where a beard that stays shows a part of the wearer: more than six looks have to agree."""
    least_beard: float = 0.004
    """Mean share of a beard in the crop under which there is none."""
    reach_texels: int = 9
    """Side of the square in which a second look has to agree with the first, live: what covers a face may move."""


TUNING = ParsingTuning()
_FREE_LEVEL = 64  # of the occlusion mask under which a texel is free
_THIN = FaceClass.HAIR, FaceClass.RIM


@dataclass(frozen=True, slots=True)
class Look:
    """One face so far: what was `parsed` last, and the `occluder`, uint8 (128, 128) as in `KnownFace.occluder`.

    `seen` is the occluder of the last look alone. `dark` is the mean share of the panes of glasses that hide the eye.
    """

    parsed: ParsedFace
    occluder: Mask
    seen: Mask
    dark: float = 0.0


class Parsing:
    """The parser's memory of one stream of frames; give it every frame, in order. A face lost for a frame starts afresh.

    `live`: it is believed less, and what it sees counts from the second look on, because the wearer must not be seen.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._turns = LookTurns(TUNING.every_frames)
        self._looks: dict[int, Look] = {}

    @property
    def seen(self) -> dict[int, ParsedFace]:
        """The last result for each face, by its `track_id`."""
        return {number: look.parsed for number, look in self._looks.items()}

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._turns.reset()
        self._looks = {}

    def update(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        parser: Parser | None,
        hands: Mapping[int, Mask] = MappingProxyType({}),
        behind: Mapping[int, frozenset[int]] = MappingProxyType({}),
        relieved: Container[int] = frozenset(),
    ) -> dict[int, Look]:
        """Return what is known of each face by its `track_id`; empty without a parser.

        `relieved` are the faces whose clear glasses come off. `hands` are textures of the hands before a face that the hand
        networks found. Faces in `behind` have others in front of them: what these uncover counts at once. The picture is not
        changed. Errors of the parser pass through, and nothing is remembered of that frame.
        """
        if parser is None:
            self.reset()
            return {}
        present = {face.track_id: face for face in faces}
        self._looks = {number: self._looks[number] for number in present if number in self._looks}
        looks = dict(self._looks)
        due = [present[number] for number in self._turns.due(present)]
        for face, parsed in zip(due, _parsed(frame, due, parser), strict=True):
            number = face.track_id
            before, hand = looks.get(number), hands.get(number)
            glasses, uncovered = number not in relieved, number in behind
            looks[number] = self._look(parsed, frame, face, before, hand, glasses=glasses, uncovered=uncovered)
            self._turns.looked(number, again=number in behind or (self._live and _is_doubtful(looks[number])))
        self._looks = looks
        return looks.copy()

    def _look(
        self,
        parsed: ParsedFace,
        frame: Frame,
        face: TrackedFace,
        before: Look | None,
        hand: Mask | None,
        *,
        glasses: bool,
        uncovered: bool,
    ) -> Look:
        dark = _darkness(parsed, before)
        sure = TUNING.dark_share_live if self._live else TUNING.dark_share
        shades = dark > TUNING.dark_share
        seen = before_the_face(parsed, frame, face, rims=glasses or shades, shades=shades, lenses=dark > sure)
        if hand is not None:
            seen = np.maximum(seen, hand)
        seen = self._believed(seen, face)
        beard = self._beard(parsed, face, seen, None if before is None else before.parsed.beard)
        known = replace(parsed, beard=beard, dark=shades)
        counted = seen
        if self._live:
            reach = np.ones((TUNING.reach_texels, TUNING.reach_texels), np.uint8)
            last = np.zeros_like(seen) if before is None else cv2.dilate(before.seen, reach)
            counted = np.minimum(seen, np.asarray(last, np.uint8))
        if before is not None and not uncovered:
            counted = followed(before.occluder, counted)
        return Look(known, counted, seen, dark)

    def _beard(self, parsed: ParsedFace, face: TrackedFace, seen: Mask, before: Mask | None) -> Mask | None:
        """Return the mean of a beard with this look, uint8 (side, side); None without one.

        What is hidden or turned away is not learnt. Live, it begins with nothing: a single look shows no part of the wearer.
        """
        share = parsed.shares[FaceClass.BEARD]
        if before is None:
            if float(share.mean()) < 255 * TUNING.least_beard:
                return None
            if not self._live:
                return unwrap_mask(share, parsed.points)
            before = np.zeros_like(seen)
        share, mean = unwrap_mask(share, parsed.points), np.empty_like(before)
        weight = TUNING.beard_weight_live if self._live else TUNING.beard_weight
        _learn_beard(before, share, facing(face.landmarks.points), seen, weight, mean)
        return mean

    def _believed(self, seen: Mask, face: TrackedFace) -> Mask:
        """Return the texture with soft edges, 0 where the face is turned away; all 0 when too much of it is hidden."""
        judged: Array = facing(face.landmarks.points) > 0
        soft = cv2.GaussianBlur(seen * judged, (0, 0), TUNING.blur_texels) * judged
        most = TUNING.max_share_live if self._live else TUNING.max_share
        believed = np.count_nonzero(soft > 127) <= most * np.count_nonzero(judged)
        return np.asarray(soft, np.uint8) if believed else np.zeros_like(seen)


@kernel
def _learn_beard(before: Array, share: Array, towards: Array, seen: Array, weight: float, mean: Array) -> None:
    """Move the mean of a beard uint8 (n, n) towards its `share` where the face is turned to the camera and free."""
    for v in range(mean.shape[0]):
        for u in range(mean.shape[1]):
            mean[v, u] = before[v, u]
            if towards[v, u] > 0 and seen[v, u] < _FREE_LEVEL:
                step = (np.float32(share[v, u]) - np.float32(before[v, u])) * np.float32(weight)
                mean[v, u] = np.uint8(np.rint(np.float32(before[v, u]) + step))


def _is_doubtful(look: Look) -> bool:
    """Return True when something was seen that does not count yet: the next frame decides."""
    return int(np.count_nonzero((look.seen > 127) & (look.occluder <= 127))) >= TUNING.doubtful_texels


def _parsed(frame: Frame, faces: list[TrackedFace], parser: Parser) -> list[ParsedFace]:
    if not faces:
        return []
    crops = [cut(frame.image, face.landmarks.points, parser.template, parser.side) for face in faces]
    shares = parser.parse([crop.image for crop in crops])
    return [
        ParsedFace(each, geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2]))
        for each, crop, face in zip(shares, crops, faces, strict=True)
    ]


def _darkness(parsed: ParsedFace, before: Look | None) -> float:
    """Return the mean share of the panes that hide the eye, with this look."""
    hiding, clear = (float(parsed.shares[kind].mean()) for kind in (FaceClass.SHADE, FaceClass.LENS))
    if hiding + clear < 255 * TUNING.least_panes:
        return 0.0 if before is None else (1 - TUNING.dark_weight) * before.dark
    now = hiding / (hiding + clear)
    return now if before is None else before.dark + TUNING.dark_weight * (now - before.dark)


def before_the_face(
    parsed: ParsedFace, frame: Frame, face: TrackedFace, *, rims: bool = True, shades: bool, lenses: bool
) -> Mask:
    """Return the share of each texel that lies before the face, uint8 (128, 128); nothing does outside the picture.

    `rims`, `shades` and `lenses`: those of glasses count, the panes that hide the eyes, and those that do not.
    """
    before = np.zeros(parsed.shares.shape[1:], np.uint8)
    glasses = {FaceClass.RIM: rims, FaceClass.SHADE: shades, FaceClass.LENS: lenses}
    for kind in (*BEFORE_THE_FACE, FaceClass.LENS):
        if not glasses.get(kind, True):
            continue
        share = parsed.shares[kind]
        cv2.add(before, cv2.convertScaleAbs(share, alpha=TUNING.thin_gain) if kind in _THIN else share, before)
    to_crop = geometry.similarity(face.landmarks.points[:, :2], parsed.points)
    before = before * in_picture(geometry.invert(to_crop), len(before), frame.image)
    return unwrap_mask(before, parsed.points)


def at_landmarks(parsed: ParsedFace, *kinds: int) -> Array:
    """Return the share of each class at each landmark, uint8 (k, 478)."""
    found = np.empty((len(kinds), len(parsed.points)), np.uint8)
    _read(parsed.shares, np.ascontiguousarray(parsed.points, np.float32), np.array(kinds), found)
    return found


@kernel
def _read(shares: Array, points: Array, kinds: Array, found: Array) -> None:
    """Write the levels of some planes of uint8 (n, h, w) at the pixels nearest to points float32 (m, 2): uint8 (k, m)."""
    for m in range(points.shape[0]):
        column = min(max(int(np.rint(points[m, 0])), 0), shares.shape[2] - 1)
        row = min(max(int(np.rint(points[m, 1])), 0), shares.shape[1] - 1)
        for k in range(kinds.shape[0]):
            found[k, m] = shares[kinds[k], row, column]
