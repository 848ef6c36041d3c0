"""The real implementations of the contracts, held to the same suites as the fakes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.models.library.store import Store
from mien.models.networks.age_net import AgeNet
from mien.models.networks.detectors.yunet import YuNet, YuNetSession
from mien.models.networks.face_mesh import FaceMesh, MeshSession
from mien.models.networks.nsfw import OpenNsfw
from mien.models.networks.recognisers.face_id import FaceId
from mien.models.runtime.onnx_session import OnnxSession
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.types import Array, Frame, Image, LabelledFrame, TrackedFace
from tests.support import conformance
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER, models, portrait

FEEDS: dict[str, dict[str, Array]] = {
    "yunet": {"input": np.zeros((1, 3, 192, 320), np.float32)},
    "face_mesh_478": {"image": np.zeros((1, 192, 192, 3), np.float32)},
    "face_id_128": {"image": np.zeros((2, 150, 150, 3), np.float32)},
    "open_nsfw": {"image": np.zeros((1, 224, 224, 3), np.float32)},
    "age_112": {"image": np.zeros((6, 112, 112, 3), np.float32)},
}


def _session(name: str) -> OnnxSession:
    return OnnxSession(name, Store().read(name))


@pytest.mark.parametrize("name", FEEDS)
def test_sessions(name: str) -> None:
    conformance.session_suite(lambda: _session(name), FEEDS[name])


@pytest.mark.parametrize(("path", "faces"), [(COLLINS, 1), (HOPPER, 1), (None, 0)])
def test_the_detector(path: Path | None, faces: int) -> None:
    image = np.zeros((300, 200, 3), np.uint8) if path is None else portrait(path).image.copy()
    conformance.detector_suite(lambda: YuNet(YuNetSession(_session("yunet")), longer_side=640), image, faces)


def test_the_landmarker() -> None:
    image = portrait(COLLINS).image.copy()
    five = models().photo_detector.detect(image)[0].points
    conformance.landmarker_suite(lambda: FaceMesh(MeshSession(_session("face_mesh_478"))), image, five)


def test_the_recogniser() -> None:
    face = portrait(HOPPER)
    conformance.recogniser_suite(lambda: FaceId(_session("face_id_128")), face.image.copy(), face.landmarks)


@pytest.mark.parametrize("path", [COLLINS, HOPPER])
def test_the_age_estimator(path: Path) -> None:
    conformance.age_suite(lambda: AgeNet(_session("age_112")), portrait(path).image.copy(), portrait(path).landmarks)


@pytest.mark.parametrize("path", [COLLINS, HOPPER])
def test_the_content_classifier(path: Path) -> None:
    conformance.classifier_suite(lambda: OpenNsfw(_session("open_nsfw")), portrait(path).image.copy())


@pytest.mark.parametrize("settings", [Settings(), Settings(resolution=128), Settings(light=0.0, eyes="target")])
def test_the_mesh_engine(settings: Settings) -> None:
    from mien.assembly.factory import open_source

    source = open_source(portrait(HOPPER).image, models())
    target = portrait(COLLINS)
    frame = Frame(target.image.copy(), 0, 0, Fraction(1))
    conformance.engine_suite(lambda: MeshEngine(settings), source, frame, TrackedFace(1, target.landmarks, 1))


class _CommittingWriter(VideoWriter):
    """A writer whose file appears when it is left without an error, as the file job sees to."""

    def __init__(self, reader: VideoReader, output: OutputFile) -> None:
        super().__init__(reader, output, Settings(quality=100), "mesh")
        self._entered = output

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[arg-type]
        if kind is None:
            self._entered.commit()
        self._entered.__exit__(None, None, None)


def test_the_video_writer(tmp_path: Path) -> None:
    made: list[Path] = []

    def make() -> conformance.SinkUnderTest:
        path = tmp_path / f"{len(made)}.mkv"
        made.append(path)
        reader = VideoReader(EXAMPLES / "clip.mp4", max_pixels=10**7, max_bytes=10**8)
        with reader:
            writer = _CommittingWriter(reader, OutputFile(path, overwrite=False).__enter__())
        return conformance.SinkUnderTest(writer, lambda: _decoded(path))

    conformance.sink_suite(make, _labelled, tolerance=4.0)
    assert {entry.suffix for entry in tmp_path.iterdir()} == {".mkv"}, "no temporary file is left"


def _labelled() -> Sequence[LabelledFrame]:
    labeller = Labeller(Settings(), Marker(0xABCDEF))
    frames = []
    for index in range(4):
        image = np.full((720, 1280, 3), 60, np.uint8)
        image[100:400, 100 + 50 * index : 400 + 50 * index] = (40, 120, 200)
        frames.append(labeller.label(Frame(image, index, index * 512, Fraction(1, 15360))))
    return frames


def _decoded(path: Path) -> list[Image]:
    if not path.exists():
        return []
    with av.open(str(path)) as container:
        return [np.array(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]
