"""Assets of the face model from portraits and clips: `python -m mien.lab.training.facemodel FACES CLIPS --out OUT`.

FACES holds NAME_neutral.jpg and NAME_smiling.jpg of the same people; CLIPS holds videos of one speaking face each. Only
means and common directions of variation are stored.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.assembly import factory
from mien.errors import UsageError
from mien.face import landmark_sets
from mien.face.mean_face import head_pose
from mien.imaging import geometry
from mien.media.files.picture_read import read_picture
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import LANDMARK_COUNT, Array, Floats, Image


@dataclass(frozen=True, slots=True)
class FaceModelTuning:
    """Numbers behind the committed assets; chosen by eye, not searched for."""

    identities: int = 30  # modes in which people differ
    expressions: int = 16  # modes in which a face moves; the size of the assets follows from it
    noise: float = 0.03  # eye distances that the modes leave unexplained; a larger value removes less from a face
    rounds: int = 3  # of fitting modes and rests in turn
    settling_fits: int = 3  # fits of the landmarks on a newly found face
    min_presence: float = 0.7  # of the mesh; the face is found again below it
    cylinder_depth: float = 1.0  # of the texture's axis behind the origin, in eye distances
    texture_share: float = 0.96  # of the texture that the face fills; the rest is a margin for interpolation


TUNING = FaceModelTuning()


@dataclass(frozen=True, slots=True)
class Samples:
    """Landmarks in pictures, float64: `neutral` and `smiling` (people, 478, 3), one array (frames, 478, 3) a clip."""

    neutral: Array
    smiling: Array
    clips: tuple[Array, ...]


def gather(faces: Path, clips: Sequence[Path]) -> Samples:
    """Return the landmarks of all portraits and clips; raises a `MienError`."""
    models = factory.open_models(Settings(), Store())
    neutral = sorted(faces.glob("*_neutral.jpg"))
    if len(neutral) < 2:
        raise UsageError(f"{faces} holds fewer than two NAME_neutral.jpg", "name the folder of the London set")
    smiling = [path.with_name(path.name.replace("_neutral", "_smiling")) for path in neutral]
    still = [np.stack([next(_followed([_picture(path)], models)) for path in paths]) for paths in (neutral, smiling)]
    moving = [np.stack(list(_followed(_frames(path), models))) for path in clips]
    return Samples(still[0], still[1], tuple(moving))


def _picture(path: Path) -> Image:
    settings = Settings()
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


def _frames(path: Path) -> Iterator[Image]:
    settings = Settings()
    with VideoReader(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
        while (frame := reader.read()) is not None:
            yield frame.image


def _followed(images: Iterator[Image] | Sequence[Image], models: factory.Models) -> Iterator[Array]:
    """Yield the landmarks (478, 3), float64, of each picture with a face of sufficient presence."""
    around: Floats | None = None
    for image in images:
        if around is None:
            found = models.photo_detector.detect(image)
            if not found:
                continue
            around = found[0].points
            for _ in range(TUNING.settling_fits):
                around = models.landmarker.fit(image, around).points
        landmarks = models.landmarker.fit(image, around)
        around = landmarks.points if landmarks.presence >= TUNING.min_presence else None
        if around is not None:
            yield landmarks.points.astype(np.float64)


def mean_face(neutral: Array) -> tuple[Array, Array]:
    """Return the mean shape (478, 3) in the head frame and the mirror indices (478,) of faces (n, 478, 3)."""
    rigid = list(landmark_sets.RIGID_POINTS)
    known = _loop_mirrors()
    left, right = np.array(list(known)), np.array(list(known.values()))
    mean = _unit(neutral[0])
    mirror = np.arange(LANDMARK_COUNT)
    for _ in range(6):
        mean = _unit(np.stack([_aligned(points, mean, rigid) for points in neutral]).mean(0))
        flipped = mean * [-1, 1, 1]
        rotation = geometry.rotation_between(flipped[right], mean[left])
        flipped = (flipped - flipped[right].mean(0)) @ rotation.T + mean[left].mean(0)
        mirror = _mirrors(np.linalg.norm(mean[:, None] - flipped[None], axis=2), known)
        half = (mean + flipped[mirror]) / 2
        across = half[left] - half[right]
        across = across[np.linalg.norm(across, axis=1) > 0.2]
        x = (across * np.sign(across[:, :1])).sum(0)
        x /= np.linalg.norm(x)
        y = half[152] - half[10]
        y -= x * (y @ x)
        y /= np.linalg.norm(y)
        half = (half - half[rigid].mean(0)) @ np.stack([x, y, np.cross(x, y)]).T
        mean = _unit((half + half[mirror] * [-1, 1, 1]) / 2)
    return mean, mirror


def texture_coordinates(smiling: Array, mean: Array, mirror: Array) -> Array:
    """Return coordinates (478, 2), 0..1: the mean smile, whose lips are apart, unrolled from a cylinder."""
    rigid = list(landmark_sets.RIGID_POINTS)
    smile = np.stack([_aligned(points, mean, rigid) for points in smiling]).mean(0)
    x, y, z = ((smile + smile[mirror] * [-1, 1, 1]) / 2).T
    angle = np.arctan2(x, TUNING.cylinder_depth - z)
    skin = slice(0, landmark_sets.SKIN_POINTS)
    u = 0.5 + TUNING.texture_share / np.ptp(angle[skin]) * angle
    v = (1 - TUNING.texture_share) / 2 + TUNING.texture_share / np.ptp(y[skin]) * (y - y[skin].min())
    return np.stack([u, v], axis=1)


def expression_modes(samples: Samples, mirror: Array) -> tuple[Array, Array]:
    """Return directions (16, 1434) in which faces move, and a reader (16, 1434) of the amount of each in a face.

    People differ along identity modes (neutral faces), each of them moves along expression modes (smile against neutral,
    frames against the clip's neutral face); both are fitted to a face together, each as likely as it was found to be
    (a Gaussian prior each), so that neither takes what belongs to the other. Mirrored copies double all samples.
    """
    neutral, smiling = (_doubled(_unplaced(points), mirror) for points in (samples.neutral, samples.smiling))
    clips = [_unplaced(points) for points in samples.clips]
    mean = neutral.mean(0)
    identity, identity_size = _modes((neutral - mean) / np.sqrt(len(neutral)), TUNING.identities)
    rests = [clip.reshape(len(clip), -1).mean(0) for clip in clips]
    expression, reader = identity, identity
    for _ in range(TUNING.rounds):
        moves = [(smiling - neutral) / np.sqrt(len(neutral))]
        for clip, rest in zip(clips, rests, strict=True):
            both = _doubled(clip - rest.reshape(-1, 3), mirror)
            moves.append(both / np.sqrt(len(both)))
        expression, size = _modes(np.concatenate(moves), TUNING.expressions)
        basis = np.concatenate([identity, expression])
        prior = np.diag(TUNING.noise**2 / np.concatenate([identity_size, size]) ** 2)
        reader = np.linalg.solve(basis @ basis.T + prior, basis)[TUNING.identities :]
        flat = [clip.reshape(len(clip), -1) for clip in clips]
        rests = [np.median(rows - ((rows - mean) @ reader.T) @ expression, axis=0) for rows in flat]
    return expression, reader


def write_assets(samples: Samples, folder: Path) -> None:
    """Write face_model.csv and face_expressions.npz to `folder`."""
    mean, mirror = mean_face(samples.neutral)
    uv = texture_coordinates(samples.smiling, mean, mirror)
    lines = [
        "# The face model: x,y,z (head frame, outer eye corners 1 apart), u,v (texture, 0..1), mirrored landmark; "
        "one landmark a line.",
        "# Mean neutral face of the Face Research Lab London Set (CC BY 4.0, DeBruine and Jones 2017), made symmetric; "
        "u,v from its mean smile.",
    ]
    rows = zip(mean, uv, mirror, strict=True)
    lines += [",".join([*(f"{value:.5f}" for value in (*point, *place)), str(other)]) for point, place, other in rows]
    folder.joinpath("face_model.csv").write_text("\n".join(lines) + "\n", "utf-8")
    modes, reader = expression_modes(samples, mirror)
    np.savez_compressed(folder / "face_expressions.npz", modes=modes.astype(np.float16), reader=reader.astype(np.float16))


def _unplaced(points: Array) -> Array:
    return np.stack([head_pose(face.astype(np.float32)).unplace(face) for face in points]).astype(np.float64)


def _doubled(shapes: Array, mirror: Array) -> Array:
    """Return rows (2n, 1434): the shapes (n, 478, 3) and their mirror images."""
    both = np.concatenate([shapes, shapes[:, mirror] * [-1, 1, 1]])
    return both.reshape(len(both), -1)


def _modes(rows: Array, count: int) -> tuple[Array, Array]:
    _, size, directions = np.linalg.svd(rows, full_matrices=False)
    return directions[:count], size[:count]


def _unit(points: Array) -> Array:
    right, left = landmark_sets.EYE_CORNERS
    centred = points - points[list(landmark_sets.RIGID_POINTS)].mean(0)
    unit: Array = centred / np.linalg.norm(centred[right] - centred[left])
    return unit


def _aligned(points: Array, onto: Array, by: list[int]) -> Array:
    rotation = geometry.rotation_between(points[by], onto[by])
    turned = (points - points[by].mean(0)) @ rotation.T
    centred = onto[by] - onto[by].mean(0)
    aligned: Array = turned * (turned[by] * centred).sum() / (turned[by] ** 2).sum() + onto[by].mean(0)
    return aligned


def _loop_mirrors() -> dict[int, int]:
    """Return the mirrored landmarks of the loops, given by their order."""
    oval, right, left, lips = landmark_sets.FACE_OVAL, landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.INNER_LIPS
    pairs = {oval[i]: oval[-i % len(oval)] for i in range(len(oval))}
    for i in range(len(right)):
        other = left[(8 - i) % len(left)]
        pairs |= {right[i]: other, other: right[i]}
    return pairs | {lips[i]: lips[(10 - i) % len(lips)] for i in range(len(lips))}


def _mirrors(distance: Array, known: dict[int, int]) -> Array:
    """Return the nearest landmark of the mirrored face, made mutual: nearest pairs first where two claim the same."""
    mirror = distance.argmin(1)
    for one, other in known.items():
        mirror[one] = other
    unsure = [int(i) for i in np.nonzero(mirror[mirror] != np.arange(len(mirror)))[0]]
    done: set[int] = set()
    for _, one, other in sorted((float(distance[i, j]), i, j) for i in unsure for j in unsure):
        if one not in done and other not in done:
            mirror[one], mirror[other] = other, one
            done |= {one, other}
    return np.asarray(mirror)


def main() -> None:
    """Read the command line and write the assets."""
    parser = argparse.ArgumentParser(description="Make the assets of the face model.")
    parser.add_argument("faces", type=Path, help="folder of NAME_neutral.jpg and NAME_smiling.jpg")
    parser.add_argument("clips", type=Path, nargs="*", help="videos of one speaking face each")
    parser.add_argument("--out", type=Path, required=True, help="folder for face_model.csv and face_expressions.npz")
    given = parser.parse_args()
    write_assets(gather(given.faces, given.clips), given.out)


if __name__ == "__main__":
    main()
