"""Makes concrete objects out of settings: models from the store, and the pipeline for one stream of frames."""

from dataclasses import dataclass, replace

from mien.assembly import registry
from mien.contracts import ContentClassifier, Detector, Engine, Harmoniser, Landmarker, Recogniser
from mien.models.library.store import Store
from mien.models.networks.detectors.pyramid import Pyramid
from mien.models.networks.detectors.yunet import YuNet
from mien.models.networks.face_mesh import FaceMesh
from mien.models.networks.finish_net import FinishNet
from mien.models.networks.nsfw import OpenNsfw
from mien.models.networks.recognisers.face_id import FaceId
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import Shelf
from mien.safety.content_check import FileContentCheck
from mien.safety.guard import DOUBT
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.persona import Retouch, open_persona
from mien.swap.pipeline import Pipeline
from mien.swap.source.load import load_more, load_source, together
from mien.swap.tracking.parts import TrackingParts
from mien.swap.tracking.rotated_detector import FAR_SIDE, SWEEP_SIDE, RotatedDetector, RotatedSearch
from mien.swap.tracking.shared_detector import SharedDetector
from mien.swap.tracking.tiled_detector import TiledDetector
from mien.swap.tracking.tilted_heads import LIVE_PACE
from mien.swap.tracking.tracker import Tracker
from mien.types import Image, SourceFace

PHOTO_DETECT_SIZES = (320, 640, 1280)
"""A photo is searched once and may hold a close-up or a group far away."""
LIVE_DETECT_SIZES = (640, 1280)
"""Beside the setting: for faces far away, and so as not to take them for an empty room."""
PICTURE_RESOLUTION = 2048


@dataclass(frozen=True, slots=True)
class Models:
    """The opened models that every run needs."""

    photo_detector: Detector
    detector: Detector
    turned: RotatedSearch
    landmarker: Landmarker
    finisher: Harmoniser
    shelf: Shelf

    def retouch_for(self, settings: Settings) -> Retouch:
        """The networks beside the engine that the settings name; raises a `ModelError`."""
        return Retouch(
            self.finisher if settings.finish == "on" else None,
            registry.open_segmenters(settings, self.shelf),
            registry.open_enhancer(settings, self.shelf),
        )


def open_models(settings: Settings, store: Store) -> Models:
    """Open the embedded models; raises a `ModelError`."""
    shelf = Shelf(store, settings.device, settings.precision)
    yunet = OnnxSession("yunet", store.read("yunet"))
    photo_detector, detector = _open_detectors(settings, shelf, yunet)
    return Models(
        photo_detector,
        detector,
        RotatedSearch(YuNet(yunet, longer_side=SWEEP_SIDE, least_score=DOUBT)),
        FaceMesh(OnnxSession("face_mesh_478", store.read("face_mesh_478"))),
        FinishNet(OnnxSession("finish", store.read("finish"))),
        shelf,
    )


def _open_detectors(settings: Settings, shelf: Shelf, yunet: OnnxSession) -> tuple[Detector, Detector]:
    """What finds faces in photos, and what in videos."""
    if settings.detector != "yunet":
        sides = PHOTO_DETECT_SIZES, (settings.detect_size,)
        photo, video = (registry.open_detector(settings, shelf, each) for each in sides)
        return photo, video
    least = settings.detect_score
    steps = [(side, YuNet(yunet, longer_side=side, least_score=least)) for side in PHOTO_DETECT_SIZES]
    return Pyramid(steps), YuNet(yunet, longer_side=settings.detect_size, least_score=least)


def open_tracking(settings: Settings, shelf: Shelf) -> TrackingParts:
    """What follows faces in live frames: the detector looks at every frame, down to what is only doubtful.

    Another detector than YuNet finds faces beside it: what is doubtful, and what confirms a face, is known of YuNet only.
    """
    store = shelf.store
    session = OnnxSession("yunet", store.read("yunet"))
    least = min(DOUBT, settings.detect_score)
    sides = sorted({settings.detect_size, *(side for side in LIVE_DETECT_SIZES if side > settings.detect_size)})
    looks = [(side, YuNet(session, longer_side=side, least_score=least)) for side in sides]
    finder = None if settings.detector == "yunet" else registry.open_detector(settings, shelf, (settings.detect_size,))
    detector = SharedDetector(looks, settings.detect_score, finder)
    landmarker = FaceMesh(OnnxSession("face_mesh_478", store.read("face_mesh_478")))
    near, far = (YuNet(session, longer_side=side, least_score=least) for side in (SWEEP_SIDE, FAR_SIDE))
    tracker = Tracker(detector, landmarker, replace(settings, detect_every=1), RotatedSearch(near, far), LIVE_PACE)
    return TrackingParts(tracker, detector)


def open_recogniser(store: Store) -> FaceId:
    """Open the face descriptor; raises a `ModelError`."""
    return FaceId(OnnxSession("face_id_128", store.read("face_id_128")))


def open_classifier(store: Store) -> ContentClassifier:
    """Open the content check; raises a `ModelError`."""
    return OpenNsfw(OnnxSession("open_nsfw", store.read("open_nsfw")))


def open_content_check(store: Store) -> FileContentCheck:
    """The content check of one file; raises a `ModelError`."""
    return FileContentCheck(open_classifier(store))


def open_engine(settings: Settings, shelf: Shelf) -> Engine:
    """The engine that the settings name; raises a `ModelError`."""
    return MeshEngine(settings) if settings.engine == "mesh" else registry.open_engine(settings, shelf)


def open_source(photo: Image, models: Models, number: int | None = None) -> SourceFace:
    """The face to wear, out of a photo, BGR uint8; raises a `SourceFaceError`."""
    return load_source(photo, models.photo_detector, models.landmarker, number=number)


def add_photo(first: SourceFace, photo: Image, models: Models, recogniser: Recogniser) -> SourceFace:
    """The face with a further photo of the same person, BGR uint8; raises a `SourceFaceError`."""
    return together(first, load_more(photo, first, models.photo_detector, models.landmarker, recogniser))


def open_pipeline(settings: Settings, models: Models, source: SourceFace) -> Pipeline:
    """The main path for one video."""
    tracker = Tracker(models.detector, models.landmarker, settings, models.turned)
    return Pipeline(tracker, open_persona(open_engine(settings, models.shelf), source, models.retouch_for(settings)), settings)


def open_picture_pipeline(settings: Settings, models: Models, source: SourceFace) -> Pipeline:
    """The main path for a single picture: searched finer, any way up, computed at its own resolution, nothing smoothed."""
    settings = replace(settings, resolution=max(PICTURE_RESOLUTION, settings.resolution), smoothing=0.0)
    tracker = Tracker(RotatedDetector(TiledDetector(models.photo_detector)), models.landmarker, settings, models.turned)
    return Pipeline(tracker, open_persona(open_engine(settings, models.shelf), source, models.retouch_for(settings)), settings)
