"""Rates of identity on portraits and rendered tracks of known people, for the embedded recogniser and each installed one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from mien.assembly.cast_plan import EMBEDDED_RECOGNISER as EMBEDDED
from mien.contracts import Recogniser
from mien.lab.evaluate.figures import Figure, Section, Sheet
from mien.lab.evaluate.identity import Grouping, Known, Pairs, apart, grouping, limits_for, pairs_between, pairs_of, touched
from mien.lab.evaluate.lab import Lab, Progress
from mien.lab.evaluate.plots import grid
from mien.lab.evaluate.portraits import Portrait, placed
from mien.lab.evaluate.scenes import Head, noisy, shaded, to_frame_of
from mien.models.library.identity_limits import keep_limits
from mien.models.networks.recognisers.arcface import ArcFace
from mien.models.networks.recognisers.unit_length import UnitLength
from mien.models.runtime.session_cache import SessionCache
from mien.swap.people.look import Look, look_at, weight_of
from mien.swap.people.template import template_of, template_of_photo
from mien.swap.tracking.tracker import Tracker
from mien.types import Floats, Frame, IdentityLimits, Image, TrackedFace

VIEWS = 6  # of a track; its template is made of the best three
SIZES = (96, 64, 48, 40, 32)
"""Pixels of face height to which portraits are shrunk."""
YAW_BINS = ((0, 20), (20, 40), (40, 60))
"""Degrees of the rendered views that are reported together."""
SIZE_BINS = ((32, 48), (48, 80), (80, 200))
"""Pixels of face height of these views."""
_MOST_YAW = 60.0  # degrees; beyond, a rendering shows little of the portrait
_SEED = 41  # any; figures of the documentation are those of these views
_TUNED = ("london", 30), ("omi", 16)
"""Groups, and the number of their people: the 76 portraits of 46 people of the tuned set. All others are held out."""


@dataclass(frozen=True, slots=True)
class View:
    """A rendered view as the tracker sees it, or None where it does not, and its truth."""

    image: Image
    face: TrackedFace | None
    yaw: float
    height: float


@dataclass(frozen=True, slots=True)
class Track:
    """Views of one portrait."""

    portrait: Portrait
    views: tuple[View, ...]


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure all recognisers on the same portraits and tracks."""
    tuned, held_out = split_people(lab.people)
    shrunk = {size: [(each, shrink(each, size, lab)) for each in lab.people] for size in ([64] if lab.quick else SIZES)}
    progress()
    tracks = {}
    for name, portraits in (("tuned", tuned), ("held out", held_out)):
        tracks[name] = [track_of(each, number, lab) for number, each in enumerate(portraits[:: 4 if lab.quick else 1])]
        progress()
    figures: list[Figure] = []
    details = {}
    notes = [
        "Tracks are renderings of one portrait each, with a rough skull, noise, gamma, blur and JPEG; the person's other "
        "portrait makes another track. Synthetic faces are nearer to each other than real ones. No children, no masks."
    ]
    for name, recogniser in recognisers(lab).items():
        found, details[name], proposed = _measured(name, recogniser, lab, shrunk, tracks)
        figures += found
        notes += _stored(lab, name, proposed)
        progress()
    shown = [view.image for track in (*tracks["tuned"][:4], *tracks["held out"][:4]) for view in track.views]
    tiles = [np.asarray(cv2.resize(each, (160, 160)), np.uint8) for each in shown]
    sheet = Sheet("Six views of each of eight tracks.", grid(tiles, VIEWS))
    return Section("people", "Who is who", tuple(figures), details, (sheet,), notes=tuple(notes))


def recognisers(lab: Lab) -> dict[str, Recogniser]:
    """Return the embedded recogniser and those that are installed, by name."""
    sessions = SessionCache(lab.store, lab.settings.device, lab.settings.precision)
    entries = [entry for entry in lab.store.entries() if entry.family == "arcface" and lab.store.path(entry.id).is_file()]
    found: dict[str, Recogniser] = {EMBEDDED: lab.recogniser}
    found |= {entry.id: UnitLength(ArcFace(entry.id, sessions.session(entry)), _UNMEASURED) for entry in entries}
    return found


_UNMEASURED = IdentityLimits(photo=1.0, protect=1.0, cluster=1.0)  # replaced by what the run proposes; nothing is judged by it


def split_people(portraits: Sequence[Portrait]) -> tuple[list[Portrait], list[Portrait]]:
    """Return the portraits on which the limits were chosen, and the others."""
    chosen: set[str] = set()
    for group, count in _TUNED:
        chosen |= set(sorted({each.person for each in portraits if each.group == group})[:count])
    return [each for each in portraits if each.person in chosen], [each for each in portraits if each.person not in chosen]


def shrink(portrait: Portrait, height: int, lab: Lab) -> View:
    """Return the portrait with a face so high, coded as JPEG, as the tracker sees it."""
    side = max(2 * height, 64)
    image, _ = placed(portrait, to_frame_of(portrait, (side / 2, side / 2), height), (side, side))
    return _seen(_coded(image, 85), 0.0, height, lab)


def track_of(portrait: Portrait, number: int, lab: Lab) -> Track:
    """Return random views of a portrait, the same in every run."""
    head, draw = Head(portrait), np.random.default_rng((_SEED, number))
    views = []
    for index in range(VIEWS):
        yaw, height = float(draw.uniform(-_MOST_YAW, _MOST_YAW)), float(np.exp(draw.uniform(np.log(32), np.log(200))))
        side = round(2.2 * height) + 40
        image, _ = head.draw(shaded((side, side)), yaw, height)
        lit = 255 * np.power(image / np.float32(255), draw.uniform(0.7, 1.4))
        blurred = cv2.GaussianBlur(lit, (0, 0), draw.uniform(0.3, 0.3 + height / 130))
        grainy = noisy(np.clip(blurred, 0, 255).astype(np.uint8), draw.uniform(1, 6), 100 * number + index)
        views.append(_seen(_coded(grainy, int(draw.integers(45, 91))), yaw, height, lab))
    return Track(portrait, tuple(views))


def _coded(image: Image, quality: int) -> Image:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert decoded is not None, "it was encoded by this process"
    return np.asarray(decoded, np.uint8)


def _seen(image: Image, yaw: float, height: float, lab: Lab) -> View:
    """Return a picture with its face, found as in the first frame of a film."""
    tracker = Tracker(lab.models.photo_detector, lab.models.landmarker, replace(lab.settings, smoothing=0.0))
    faces = tracker.update(Frame(image, 0, 0, Fraction(1)))
    return View(image, faces[0] if faces else None, yaw, height)


def _looks(track: Track, recogniser: Recogniser) -> list[Look]:
    """Return the looks of a track that count, a second apart."""
    found = [
        look_at(recogniser, view.image, view.face, float(number))
        for number, view in enumerate(track.views)
        if view.face is not None
    ]
    return [look for look in found if look is not None]


def _measured(
    name: str,
    recogniser: Recogniser,
    lab: Lab,
    shrunk: dict[int, list[tuple[Portrait, View]]],
    tracks: dict[str, list[Track]],
) -> tuple[list[Figure], dict[str, object], IdentityLimits | None]:
    """Return figures and details of one recogniser, and the limits that they propose."""
    gallery = np.stack([recogniser.describe(each.image, each.landmarks) for each in lab.people])
    names = [each.person for each in lab.people]
    portraits = pairs_of(gallery, names)
    known = {part: _known(each, recogniser) for part, each in tracks.items()}
    proposed = limits_for(portraits, known["tuned"].templates, known["tuned"].people)
    # What is installed has no limits of its own yet: it is judged by those that follow.
    limits = recogniser.limits if name == EMBEDDED else proposed
    if limits is None:
        return [Figure(f"{name}: tells people apart", 0.0, at_least=1.0)], {}, None
    figures = [
        Figure(f"{name}: strangers pass as a photo, below {limits.photo:g}", 100 * portraits.accepted(limits.photo), "%", 0.1),
        Figure(f"{name}: further photos that fail", 100 * portraits.rejected(limits.photo), "%", 1.0),
        Figure(f"{name}: strangers pass, below {limits.protect:g}", 100 * portraits.accepted(limits.protect), "%"),
    ]
    photos = Known(tuple(template_of_photo(each) for each in gallery), tuple(names), tuple(each.name for each in lab.people))
    figures += _touching(name, known["tuned"] + known["held out"], photos, limits)
    details: dict[str, object] = {
        "limits": _as_dict(limits),
        "proposed": None if proposed is None else _as_dict(proposed),
        "portraits": _rates(portraits, limits),
        "portraits by size": {str(size): _rates(_of_size(recogniser, lab, each), limits) for size, each in shrunk.items()},
        "views by yaw and size": _by_bin([*tracks["tuned"], *tracks["held out"]], recogniser, lab, gallery, limits),
    }
    for part, each in known.items():
        templates, people = each.templates, each.people
        result = grouping(templates, people, limits.cluster)
        figures += _figures(f"{name}, {part}", result, len(set(people)), len(tracks[part]) - len(people))
        farthest, nearest = apart(templates, people)
        details[f"tracks, {part}"] = {
            "tracks": len(people), "unknown": len(tracks[part]) - len(people), "people": len(set(people)),
            "farthest of one person": farthest, "nearest of two": nearest,
            "by limit": {
                f"{limit:.2f}": [result.found, result.mixed, result.split]
                for limit in np.linspace(0.75, 1.25, 11) * limits.cluster
                for result in (grouping(templates, people, float(limit)),)
            },
        }  # fmt: skip
    return figures, details, proposed


def _stored(lab: Lab, name: str, proposed: IdentityLimits | None) -> list[str]:
    """Store the limits of an installed recogniser, so that it can be used; return what was done, as a note."""
    if name == EMBEDDED:
        return []
    if proposed is None:
        return [f"{name} tells nobody apart here; it has no limits, and cannot be used."]
    if lab.quick:
        return [f"The limits of {name} are rough and were not stored: run without --quick."]
    keep_limits(lab.store, lab.store.entry(name), proposed)
    return [f"The limits of {name} were stored: mien people --recogniser {name} uses them."]


def _figures(name: str, result: Grouping, people: int, unknown: int) -> list[Figure]:
    return [
        Figure(f"{name}: people found of {people}", float(result.found)),
        Figure(f"{name}: mixed", float(result.mixed), at_most=0),
        Figure(f"{name}: split", float(result.split), at_most=0),
        Figure(f"{name}: unknown tracks", float(unknown)),
    ]


def _known(tracks: Sequence[Track], recogniser: Recogniser) -> Known:
    found = [(template_of(_looks(track, recogniser)), track.portrait) for track in tracks]
    usable = [(template, portrait) for template, portrait in found if template is not None]
    return Known(
        tuple(template for template, _ in usable),
        tuple(portrait.person for _, portrait in usable),
        tuple(portrait.name for _, portrait in usable),
    )


def _touching(name: str, tracks: Known, photos: Known, limits: IdentityLimits) -> list[Figure]:
    """Return how often a stranger's face would be touched, and the person's own would not."""
    figures = []
    for kind, known in (("track", tracks), ("photo", photos)):
        wrong, missed = touched(tracks, known, limits)
        figures += [
            Figure(f"{name}: strangers touched, by a {kind}", 100 * wrong, "%", at_most=0.05),
            Figure(f"{name}: own faces missed, by a {kind}", 100 * missed, "%", at_most=1.0),
        ]
    return figures


def _of_size(recogniser: Recogniser, lab: Lab, shrunk: Sequence[tuple[Portrait, View]]) -> Pairs:
    seen = [(each, view.image, view.face) for each, view in shrunk if view.face is not None]
    described = np.stack([recogniser.describe(image, face.landmarks) for _, image, face in seen])
    return pairs_of(described, [each.person for each, _, _ in seen])


def _by_bin(
    tracks: Sequence[Track], recogniser: Recogniser, lab: Lab, gallery: Floats, limits: IdentityLimits
) -> dict[str, object]:
    """Return the rates of single views against portraits of the front, the view's own portrait left out."""
    seen = [(view, view.face, each.portrait) for each in tracks for view in each.views]
    known = [(view, face, portrait) for view, face, portrait in seen if face is not None]
    described = np.stack([recogniser.describe(view.image, face.landmarks) for view, face, _ in known])
    counted = np.array([[portrait.name != each.name for each in lab.people] for _, _, portrait in known])
    found: dict[str, object] = {}
    for low, high in YAW_BINS:
        for small, large in SIZE_BINS:
            chosen = [
                number
                for number, (view, _, _) in enumerate(known)
                if low <= abs(view.yaw) < high and small <= view.height < large
            ]
            if chosen:
                names = [known[number][2].person for number in chosen]
                others = [each.person for each in lab.people]
                pairs = pairs_between(described[chosen], names, gallery, others, counted[chosen])
                usable = [weight_of(float(np.ptp(face.landmarks.points[:, 1])), face.yaw) > 0 for _, face, _ in
                          (known[number] for number in chosen)]  # fmt: skip
                found[f"yaw {low}-{high}, {small}-{large} px"] = _rates(pairs, limits) | {
                    "views": len(chosen), "usable": sum(usable) / len(usable)
                }  # fmt: skip
    return found


def _rates(pairs: Pairs, limits: IdentityLimits) -> dict[str, object]:
    """Return the false accept and false reject rates at the limits."""
    return {
        "pairs of one, of two": [len(pairs.same), len(pairs.other)],
        "same median": float(np.median(pairs.same)) if len(pairs.same) else None,
        **{
            f"{name} {limit:.2f}: accepted, rejected": [pairs.accepted(limit), pairs.rejected(limit)]
            for name, limit in _as_dict(limits).items()
        },
    }


def _as_dict(limits: IdentityLimits) -> dict[str, float]:
    return {"photo": limits.photo, "protect": limits.protect, "cluster": limits.cluster}
