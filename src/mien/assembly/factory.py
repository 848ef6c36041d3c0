"""Construction of models and pipelines out of settings."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mien.assembly import registry
from mien.assembly.cast_plan import EMBEDDED_RECOGNISER, CastPlan
from mien.assembly.embedded_networks import EmbeddedNetworks, open_hand_finder
from mien.contracts import (
    AgeEstimator,
    ContentClassifier,
    Detector,
    Engine,
    HandFinder,
    Harmoniser,
    Landmarker,
    Parser,
    Recogniser,
)
from mien.imaging.kernel_files import kernel_folder
from mien.models.library.store import Store
from mien.models.networks.detectors.pyramid import Pyramid
from mien.models.networks.detectors.yunet import YuNet, YuNetNetwork, YuNetSession
from mien.models.networks.detectors.yunet_blocks import YuNetBlocks
from mien.models.networks.face_mesh import FaceMesh, MeshSession
from mien.models.networks.mesh.blocks import MeshBlocks
from mien.models.networks.nsfw import OpenNsfw
from mien.models.networks.recognisers.face_id import FaceId
from mien.models.networks.vectors import computes_blocks
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from mien.safety.content_check import FileContentCheck
from mien.safety.guard import LOW_CONFIDENCE_SCORE
from mien.settings import MOST_FACES, Settings
from mien.swap.cast import Cast, Member, Treatment
from mien.swap.persona import Retouch, open_persona
from mien.swap.pipeline import Pipeline
from mien.swap.source.load import Inspection, load_more, load_source, together
from mien.swap.tracking.parts import TrackingParts
from mien.swap.tracking.rotated_detector import FAR_SIDE, SWEEP_SIDE, RotatedDetector, RotatedSearch
from mien.swap.tracking.shared_detector import SharedDetector
from mien.swap.tracking.tiled_detector import TiledDetector
from mien.swap.tracking.tilted_heads import LIVE_PACE
from mien.swap.tracking.tracker import Tracker
from mien.system.machine_record import read_record
from mien.types import Image, SourceFace

if TYPE_CHECKING:
    from mien.swap.hiding.frame_search import FrameSearch

PHOTO_DETECT_SIZES = (320, 640, 1280)
"""Longer sides in pixels: a photo is searched once and may hold a close-up or a group far away."""
LIVE_DETECT_SIZES = (640, 1280)
"""Longer sides in pixels, in addition to the setting: for faces far away, which must not pass for an empty room."""
SEARCH_SIDE = 3840
"""Longer side in pixels up to which a frame is searched at its own size for faces to hide."""
PICTURE_RESOLUTION = 2048  # pixels of a face that the mesh engine computes at full size; time does not matter here


@dataclass(frozen=True, slots=True)
class Models:
    """Opened models that every run needs; `sessions` opens the installed ones."""

    photo_detector: Detector
    detector: Detector
    turned: RotatedSearch
    landmarker: Landmarker
    finisher: Harmoniser
    ages: AgeEstimator
    parser: Parser
    hand_finder: HandFinder
    sessions: SessionCache

    @property
    def inspection(self) -> Inspection:
        """The networks that find and judge a source face."""
        return Inspection(self.photo_detector, self.landmarker, self.ages, self.parser)

    def retouch_for(self, settings: Settings) -> Retouch:
        """Open the networks that the settings name in addition to the engine; raises a `ModelError`."""
        return Retouch(
            self.finisher if settings.finish == "on" else None,
            registry.open_segmenters(settings, self.sessions),
            registry.open_enhancer(settings, self.sessions),
            self.parser if settings.parser == "on" else None,
            self.hand_finder if settings.parser == "on" else None,
        )


def open_models(settings: Settings, store: Store, networks: EmbeddedNetworks | None = None) -> Models:
    """Open the embedded models; raises a `ModelError`. `networks` are those that are being opened already."""
    sessions = SessionCache(store, settings.device, settings.precision)
    # Meanwhile this thread reads the graphs of the networks that are kernels.
    with nullcontext(networks) if networks else EmbeddedNetworks(store) as opening:
        yunet = open_yunet(store)
        photo_detector, detector = _open_detectors(settings, sessions, yunet)
        turned = RotatedSearch(YuNet(yunet, longer_side=SWEEP_SIDE, min_score=LOW_CONFIDENCE_SCORE))
        landmarker = open_landmarker(store)
        opened = opening.finisher(), opening.ages(), opening.parser(), opening.hand_finder()
    return Models(photo_detector, detector, turned, landmarker, *opened, sessions)


def _open_detectors(settings: Settings, sessions: SessionCache, yunet: YuNetNetwork) -> tuple[Detector, Detector]:
    """Open the detector for photos and the one for videos."""
    photo = registry.open_detector(settings, sessions, PHOTO_DETECT_SIZES)
    video = registry.open_detector(settings, sessions, (settings.detect_size,))
    if photo is not None and video is not None:
        return photo, video
    least = settings.detect_score
    steps = [(side, YuNet(yunet, longer_side=side, min_score=least)) for side in PHOTO_DETECT_SIZES]
    return Pyramid(steps), YuNet(yunet, longer_side=settings.detect_size, min_score=least)


def open_tracking(settings: Settings, sessions: SessionCache) -> TrackingParts:
    """Open the tracker for live frames: the detector runs on every frame and reports low-confidence detections, too.

    Another detector than YuNet finds faces in addition to it: the scores that confirm a face are known for YuNet only.
    """
    store = sessions.store
    yunet = open_yunet(store)
    least = min(LOW_CONFIDENCE_SCORE, settings.detect_score)
    sides = sorted({settings.detect_size, *(side for side in LIVE_DETECT_SIZES if side > settings.detect_size)})
    looks = [(side, YuNet(yunet, longer_side=side, min_score=least)) for side in sides]
    finder = registry.open_detector(settings, sessions, (settings.detect_size,))
    detector = SharedDetector(looks, settings.detect_score, finder)
    landmarker = open_landmarker(store)
    near, far = (YuNet(yunet, longer_side=side, min_score=least) for side in (SWEEP_SIDE, FAR_SIDE))
    tracker = Tracker(detector, landmarker, replace(settings, detect_every=1), RotatedSearch(near, far), LIVE_PACE)
    return TrackingParts(tracker, detector)


def open_frame_search(store: Store) -> "FrameSearch":
    """Open the search for every face of a frame, doubtful ones too; raises a `ModelError`."""
    # For what is hidden alone.
    from mien.swap.hiding.frame_search import FrameSearch, SearchTuning
    from mien.swap.hiding.path_search import PathTuning

    yunet = open_yunet(store)
    search, scores = SearchTuning(), PathTuning()
    least = scores.birth_score
    return FrameSearch(
        YuNet(yunet, longer_side=SEARCH_SIDE, min_score=scores.follow_score),
        tuple(YuNet(yunet, longer_side=side, min_score=least) for side in search.coarse_sides),
        YuNet(yunet, longer_side=search.tile, min_score=search.tile_score),
        YuNet(yunet, longer_side=search.turned_side, min_score=least),
        RotatedSearch(YuNet(yunet, longer_side=SWEEP_SIDE, min_score=scores.follow_score)),
        open_hand_finder(store),
        open_landmarker(store),
    )


def open_yunet(store: Store) -> YuNetNetwork:
    """Open the network of the detector, as `open_landmarker` does."""
    content = store.read("yunet")
    return YuNetBlocks(content) if _has_blocks() else YuNetSession(OnnxSession("yunet", content))


def _has_blocks() -> bool:
    """Return True where networks as kernels are fast, and were not found wrong."""
    return computes_blocks() and read_record(kernel_folder()).networks


def open_landmarker(store: Store) -> FaceMesh:
    """Open the face mesh: as kernels where they are known to be right and fast, else as a session; raises a `ModelError`."""
    content = store.read("face_mesh_478")
    if _has_blocks():
        return FaceMesh(MeshBlocks(content))
    return FaceMesh(MeshSession(OnnxSession("face_mesh_478", content)))


def open_recogniser(store: Store) -> FaceId:
    """Open the embedded face descriptor; raises a `ModelError`."""
    return FaceId(OnnxSession(EMBEDDED_RECOGNISER, store.read(EMBEDDED_RECOGNISER)))


def open_recogniser_called(name: str, sessions: SessionCache) -> Recogniser:
    """Open the embedded face descriptor, or an installed one whose limits were measured; raises a `ModelError`."""
    if name == EMBEDDED_RECOGNISER:
        return open_recogniser(sessions.store)
    return registry.open_recogniser(name, sessions)


def open_classifier(store: Store) -> ContentClassifier:
    """Open the content check; raises a `ModelError`."""
    return OpenNsfw(OnnxSession("open_nsfw", store.read("open_nsfw")))


def open_content_check(store: Store) -> FileContentCheck:
    """Open the content check of one file; raises a `ModelError`."""
    return FileContentCheck(open_classifier(store))


def open_engine(settings: Settings, sessions: SessionCache) -> Engine:
    """Open the engine that the settings name; raises a `ModelError`."""
    return registry.open_engine(settings, sessions)


def open_source(photo: Image, models: Models, number: int | None = None) -> SourceFace:
    """Load the source face of a photo, BGR uint8; raises a `SourceFaceError`."""
    return load_source(photo, models.inspection, number=number)


def add_photo(first: SourceFace, photo: Image, models: Models, recogniser: Recogniser) -> SourceFace:
    """Add a photo of the same person, BGR uint8, to a source face; raises a `SourceFaceError`."""
    return together(first, load_more(photo, first, models.inspection, recogniser))


def open_pipeline(
    settings: Settings,
    models: Models,
    worn: SourceFace | CastPlan | Cast,
    *,
    zero_s: float = 0.0,
    secret: int | None = None,
) -> Pipeline:
    """Open the main path for one video; `worn` is the face of everyone, a plan of who wears which, or the cast of one.

    `zero_s` is what the clock of the frames shows at the beginning of the film, where the times of a plan begin. `secret` fixes
    the noise of covers.
    """
    settings = hiding_settings(settings, worn)
    worn = worn.on_clock(zero_s) if isinstance(worn, CastPlan) else worn
    tracker = Tracker(models.detector, models.landmarker, settings, models.turned)
    cast = worn if isinstance(worn, Cast) else open_cast(worn, settings, models)
    return Pipeline(tracker, cast, settings, secret=secret)


def open_picture_pipeline(
    settings: Settings, models: Models, worn: SourceFace | CastPlan, tracker: Tracker | None = None
) -> Pipeline:
    """Open the main path for one picture: full resolution, no smoothing, and the `tracker` of `open_picture_tracker`.

    `worn` as in `open_pipeline`; all faces are looked at, whatever it costs.
    """
    settings = replace(settings, resolution=max(PICTURE_RESOLUTION, settings.resolution), smoothing=0.0)
    settings = hiding_settings(settings, worn)
    tracker = tracker or open_picture_tracker(settings, models)
    return Pipeline(tracker, open_cast(worn, settings, models), settings, looks_a_frame=None)


def open_picture_tracker(settings: Settings, models: Models) -> Tracker:
    """Open the tracker of one picture: a finer search in all rotations, no smoothing."""
    settings = replace(settings, smoothing=0.0)
    return Tracker(RotatedDetector(TiledDetector(models.photo_detector)), models.landmarker, settings, models.turned)


def hiding_settings(settings: Settings, worn: SourceFace | CastPlan | Cast | Treatment) -> Settings:
    """Return the settings with every frame searched, for as many faces as can be followed, where all others are hidden.

    A `Treatment` is that of all others.
    """
    others = worn if isinstance(worn, str) else "leave" if isinstance(worn, SourceFace) else worn.others
    if others == "leave":
        return settings
    return replace(settings, faces=MOST_FACES, detect_every=1)


def open_hiding_tracker(settings: Settings, models: Models, *, picture: bool) -> Tracker:
    """Open the tracker of faces that wear stand-ins over covers: of a stream of frames, or of one picture."""
    if not picture:
        return Tracker(models.detector, models.landmarker, settings, models.turned)
    return open_picture_tracker(settings, models)


def open_cast(worn: SourceFace | CastPlan, settings: Settings, models: Models) -> Cast:
    """Prepare every source once, for one engine, with one set of networks beside it. Raises a `ModelError`."""
    plan = CastPlan(worn) if isinstance(worn, SourceFace) else worn
    engine, retouch = open_engine(settings, models.sessions), models.retouch_for(settings)
    personas = {source.digest: open_persona(engine, source, retouch) for source in plan.sources}
    everyone = None if plan.everyone is None else personas[plan.everyone.digest]
    members = tuple(
        Member(person, personas[worn.digest] if isinstance(worn, SourceFace) else worn) for person, worn in plan.members
    )
    recogniser = open_recogniser_called(plan.recogniser, models.sessions) if members else None
    return Cast(retouch, everyone, plan.choice, plan.others, members, recogniser)
