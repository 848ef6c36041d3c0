"""Makes concrete objects out of settings: models from the store, and the pipeline for one stream of frames."""

from dataclasses import dataclass, replace

from mien import openers
from mien.contracts import ContentClassifier, Detector, Engine, Finisher, Landmarker, Recogniser
from mien.engines.mesh import MeshEngine
from mien.live.loop import TrackingParts
from mien.models.faceid import FaceId
from mien.models.facemesh import FaceMesh
from mien.models.finish import FinishNet
from mien.models.opennsfw import OpenNsfw
from mien.models.pyramid import Pyramid
from mien.models.runtime import OnnxSession
from mien.models.shelf import Shelf
from mien.models.store import Store
from mien.models.yunet import YuNet
from mien.pipeline import Pipeline, Retouch, dress
from mien.settings import Settings
from mien.source import load_more, load_source, together
from mien.stages.content import FileContentCheck
from mien.stages.guard import DOUBT
from mien.stages.look import SharedLook
from mien.stages.tiled import TiledLook
from mien.stages.track import Tracker
from mien.stages.turned import TurnedLook
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
    landmarker: Landmarker
    finisher: Finisher
    shelf: Shelf

    def retouch_for(self, settings: Settings) -> Retouch:
        """The networks beside the engine that the settings name; raises a `ModelError`."""
        return Retouch(
            self.finisher if settings.finish == "on" else None,
            openers.open_segmenters(settings, self.shelf),
            openers.open_enhancer(settings, self.shelf),
        )


def open_models(settings: Settings, store: Store) -> Models:
    """Open the embedded models; raises a `ModelError`."""
    shelf = Shelf(store, settings.device, settings.precision)
    photo_detector, detector = _open_detectors(settings, shelf)
    return Models(
        photo_detector,
        detector,
        FaceMesh(OnnxSession("face_mesh_478", store.read("face_mesh_478"))),
        FinishNet(OnnxSession("finish", store.read("finish"))),
        shelf,
    )


def _open_detectors(settings: Settings, shelf: Shelf) -> tuple[Detector, Detector]:
    """What finds faces in photos, and what in videos."""
    if settings.detector != "yunet":
        sides = PHOTO_DETECT_SIZES, (settings.detect_size,)
        photo, video = (openers.open_detector(settings, shelf, each) for each in sides)
        return photo, video
    session, least = OnnxSession("yunet", shelf.store.read("yunet")), settings.detect_score
    steps = [(side, YuNet(session, longer_side=side, least_score=least)) for side in PHOTO_DETECT_SIZES]
    return Pyramid(steps), YuNet(session, longer_side=settings.detect_size, least_score=least)


def open_tracking(settings: Settings, shelf: Shelf) -> TrackingParts:
    """What follows faces in live frames: the detector looks at every frame, down to what is only doubtful.

    Another detector than YuNet finds faces beside it: what is doubtful, and what confirms a face, is known of YuNet only.
    """
    store = shelf.store
    session = OnnxSession("yunet", store.read("yunet"))
    least = min(DOUBT, settings.detect_score)
    sides = sorted({settings.detect_size, *(side for side in LIVE_DETECT_SIZES if side > settings.detect_size)})
    looks = [(side, YuNet(session, longer_side=side, least_score=least)) for side in sides]
    finder = None if settings.detector == "yunet" else openers.open_detector(settings, shelf, (settings.detect_size,))
    look = SharedLook(looks, settings.detect_score, finder)
    landmarker = FaceMesh(OnnxSession("face_mesh_478", store.read("face_mesh_478")))
    return TrackingParts(Tracker(look, landmarker, replace(settings, detect_every=1)), look)


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
    return MeshEngine(settings) if settings.engine == "mesh" else openers.open_engine(settings, shelf)


def open_source(photo: Image, models: Models, number: int | None = None) -> SourceFace:
    """The face to wear, out of a photo, BGR uint8; raises a `SourceFaceError`."""
    return load_source(photo, models.photo_detector, models.landmarker, number=number)


def add_photo(first: SourceFace, photo: Image, models: Models, recogniser: Recogniser) -> SourceFace:
    """The face with a further photo of the same person, BGR uint8; raises a `SourceFaceError`."""
    return together(first, load_more(photo, first, models.photo_detector, models.landmarker, recogniser))


def open_pipeline(settings: Settings, models: Models, source: SourceFace) -> Pipeline:
    """The main path for one video."""
    tracker = Tracker(models.detector, models.landmarker, settings)
    return Pipeline(tracker, dress(open_engine(settings, models.shelf), source, models.retouch_for(settings)), settings)


def open_picture_pipeline(settings: Settings, models: Models, source: SourceFace) -> Pipeline:
    """The main path for a single picture: searched finer, any way up, computed at its own resolution, nothing smoothed."""
    settings = replace(settings, resolution=max(PICTURE_RESOLUTION, settings.resolution), smoothing=0.0)
    tracker = Tracker(TurnedLook(TiledLook(models.photo_detector)), models.landmarker, settings)
    return Pipeline(tracker, dress(open_engine(settings, models.shelf), source, models.retouch_for(settings)), settings)
