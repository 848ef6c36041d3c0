"""Comparison of the fast ways of computing with slow ones: compiled kernels, and networks as onnxruntime optimises them.

The slow kernels are compiled for any processor of the family and without fast arithmetic, in a process of their own; the slow
networks are run node by node as their files say. The first start on a machine compares with a frame that slow kernels have
drawn elsewhere, which takes a second; they are compiled here only where that frame differs.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import MienError
from mien.imaging import kernels
from mien.imaging.kernel_files import FOLDER_VARIABLE, kernel_folder
from mien.imaging.kernels import PLAIN_VARIABLE
from mien.media.files.output_file import output_error
from mien.models.library.store import Store
from mien.models.networks.detectors.yunet import YuNetSession
from mien.models.networks.detectors.yunet_blocks import YuNetBlocks
from mien.models.networks.mesh.blocks import MeshBlocks
from mien.models.networks.mesh.plan import MODEL as MESH
from mien.models.networks.vectors import computes_blocks
from mien.models.runtime.example_face import example_face, example_picture
from mien.models.runtime.half_precision import face_inputs
from mien.models.runtime.onnx_session import OnnxSession
from mien.settings import Settings
from mien.system.machine_record import MachineRecord, read_record, write_record
from mien.system.programs import environment, python_module
from mien.types import Array, Frame, Image

NETWORKS = "yunet", "face_mesh_478", "parser", "finish", "palm_192", "hand_224"
"""Embedded networks that run in frames."""
_REFERENCE = "assets/checked_frame.webp"
"""The last of `swapped_frames`, by slow kernels, without loss; `write_reference` makes it."""
_LOSSLESS = 101  # as OpenCV asks for WebP without loss
_FRAMES = 4  # the first shows a face, later ones use the memory of its track
_MAX_LEVELS = 6  # of 255 in one value: grain and steep edges; wrong arithmetic gives far more, all over the face
_STRAYS = 30  # values beyond that, of three colours: pixels at the border of two triangles, of which a frame has shown one
_MEAN_LEVELS = 0.25  # of all values; the same kernels for AVX-512 and for any x86-64 processor differ by less than 0.05
_MAX_SHARE = 1e-3  # of an output's largest value: sums are made in another order, which gives 1e-5 and less
_NARROW_WH = 96, 224  # pixels of a second canvas for the detector, whose rows end in all sizes of groups of pixels
_EVERY_SCORE = -1.0  # a least score that each cell of the detector reaches
_LEAST_VALUE = 0.01  # of an output; probabilities below it are noise of single precision


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result for one fast way, in words too."""

    fine: bool
    words: str


def check_once(store: Store) -> None:
    """Compare the fast ways with the slow ones unless that was done on this machine, and record the result.

    Raises `MienError` where one is wrong: this process may have loaded it already.
    """
    folder = kernel_folder()
    if kernels.are_checked():
        return
    networks, drawn = compare_networks(store), compare_with_reference()
    if not drawn.fine:
        drawn = compare_kernels()
    words = "; ".join(each.words for each in (drawn, networks) if not each.fine)
    remedy = "run the same command again: the slow way is used from now on"
    try:
        if folder is None:
            raise OSError("there is no folder for it")
        write_record(folder, MachineRecord(drawn.fine, networks.fine))
    except OSError as error:
        remedy = f"set {PLAIN_VARIABLE}=1, or XDG_CACHE_HOME to a folder where the result can be kept ({error})"
    if words:
        raise MienError(f"this machine computes wrong numbers the fast way: {words}", remedy)


def compare_with_reference() -> Comparison:
    """Swap the bundled face, and compare the last frame with the one that slow kernels have drawn elsewhere."""
    content = resources.files("mien").joinpath(_REFERENCE).read_bytes()
    reference = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return _compared(swapped_frames()[-1], reference)


def write_reference(path: Path) -> None:
    """Write the frame of `compare_with_reference`, by slow kernels: after a change of what mien draws."""
    frame = _swapped_elsewhere(plain=True)[-1]
    path.write_bytes(cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, _LOSSLESS])[1].tobytes())


def compare_networks(store: Store) -> Comparison:
    """Run each network both ways on the bundled face."""
    worst, name = 0.0, ""
    for each in NETWORKS:
        content = store.read(each)
        with OnnxSession(each, content, plain=False) as fast, OnnxSession(each, content, plain=True) as slow:
            feeds = face_inputs(fast.inputs, fast.dtypes, example_picture())
            quick, right = fast.run(feeds), slow.run(feeds)
            apart = max(_share(quick[output], right[output]) for output in right)
            if computes_blocks() and each == "yunet":
                apart = max(apart, _detector_apart(content, np.asarray(feeds["input"][0]), slow))
        if computes_blocks() and each == MESH:
            apart = max(apart, _blocks_apart(content, np.asarray(feeds["image"][0]), right))
        if apart >= worst:
            worst, name = apart, each
    fine = worst <= _MAX_SHARE
    return Comparison(
        fine, f"{len(NETWORKS)} networks differ from the slow way by at most {worst:.0e} of the largest value ({name})"
    )


def _detector_apart(content: bytes, rgb: Array, slow: OnnxSession) -> float:
    """Return how far the detector as kernels is from its network, as a share of the largest value."""
    canvas = np.ascontiguousarray(np.rint(255 * rgb[::-1]).astype(np.uint8).transpose(1, 2, 0))
    blocks, network, apart = YuNetBlocks(content), YuNetSession(slow), 0.0
    for each in (canvas, np.asarray(cv2.resize(canvas, _NARROW_WH, interpolation=cv2.INTER_AREA), np.uint8)):
        found, wanted = blocks.propose(each, _EVERY_SCORE), network.propose(each, _EVERY_SCORE)
        if len(found.scores) != len(wanted.scores):
            return float("inf")
        pairs = (found.scores, wanted.scores), (found.boxes_xyxy, wanted.boxes_xyxy), (found.points, wanted.points)
        apart = max(apart, *(_share(ours, theirs) for ours, theirs in pairs))
    return apart


def _blocks_apart(content: bytes, crop: Array, right: Mapping[str, Array]) -> float:
    """Return how far the face mesh as kernels is from its network, as a share of the largest value."""
    levels = np.rint(255 * crop[:, :, ::-1]).astype(np.uint8)
    landmarks, presence = MeshBlocks(content).landmarks(np.ascontiguousarray(levels))
    return max(_share(landmarks[None], right["landmarks"]), _share(np.array([presence]), right["score"]))


def compare_kernels(fast: Image | None = None) -> Comparison:
    """Swap the bundled face with both kinds of kernels, and compare the pictures. Raises a `MienError`.

    Where this process does without the fast ones, after an earlier check, they are tried again in another.
    """
    if fast is None:
        fast = swapped_frames() if kernels.FAST else _swapped_elsewhere(plain=False)
    return _compared(fast, _swapped_elsewhere(plain=True))


def _compared(fast: Image, right: Image) -> Comparison:
    if fast.shape != right.shape:
        return Comparison(False, "swapped frames differ in size from those of the slow way")
    apart = np.abs(fast.astype(np.int16) - right)
    strays = int((apart > _MAX_LEVELS).sum())
    fine = bool(strays <= _STRAYS and apart.mean() <= _MEAN_LEVELS)
    words = f"swapped frames differ from the slow way by {apart.mean():.3f} levels, {strays} values by more than {_MAX_LEVELS}"
    return Comparison(fine, words)


def _swapped_elsewhere(*, plain: bool) -> Image:
    """Return what `swapped_frames` does, from a process with new kernels of one kind. Raises `MienError`."""
    with tempfile.TemporaryDirectory(prefix="mien-check-") as folder:
        file, cache = Path(folder) / "frames.npy", Path(folder) / "kernels"
        try:
            # Networks run as they do here: kernels alone are compared.
            write_record(cache, MachineRecord(networks=read_record(kernel_folder()).networks))
        except OSError as error:
            raise output_error(error, cache) from error
        settings = {**environment(), PLAIN_VARIABLE: "1" if plain else "0", FOLDER_VARIABLE: str(cache)}
        done = subprocess.run(
            python_module(__name__, str(file)), stdin=subprocess.DEVNULL, capture_output=True, env=settings, check=False
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise MienError(f"the {'slow' if plain else 'fast'} kernels did not run: {said}")
        return np.asarray(np.load(file, allow_pickle=False), np.uint8)


def swapped_frames() -> Image:
    """Return a few swapped frames of the bundled face, uint8 (frames, height, width, 3); the same at every call."""
    settings = Settings()
    models = factory.open_models(settings, Store())
    pipeline = factory.open_pipeline(settings, models, example_face(models.landmarker))
    picture = np.pad(example_picture(), ((64, 64), (64, 64), (0, 0)), mode="edge")
    frames = []
    for index in range(_FRAMES):
        moved = np.ascontiguousarray(np.roll(picture, 2 * index, axis=1))
        frames.append(pipeline.swap_frame(Frame(moved, index, index, Fraction(1, 30))).frame.image)
    return np.stack(frames)


def _share(found: Array, wanted: Array) -> float:
    if not (np.isfinite(found).all() and np.isfinite(wanted).all()):
        return float("inf")
    largest = max(float(np.abs(wanted).max(initial=0)), _LEAST_VALUE)
    return float(np.abs(found.astype(np.float64) - wanted).max(initial=0)) / largest


def main(arguments: list[str]) -> None:
    """Write the swapped frames into the file that is named: `python -m mien.assembly.machine_check FILE`."""
    assert os.environ.get(PLAIN_VARIABLE), "the kind of kernels is asked for by the environment"
    np.save(arguments[0], swapped_frames(), allow_pickle=False)


if __name__ == "__main__":
    main(sys.argv[1:])
