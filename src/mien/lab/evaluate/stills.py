"""Pairs of portraits: identity, pose, expression and proportions of the swapped face, and the seam at its border."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mien.face.mean_face import face_model
from mien.lab.evaluate import measures
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, drawn_points, frame_of, nearest
from mien.lab.evaluate.plots import face_crop, grid
from mien.lab.evaluate.portraits import Portrait, choose_pairs
from mien.lab.meshes import settled
from mien.swap.stages.reshape import reach
from mien.types import Array, Floats, Image

_SHEET_SIDE, _SHEET_PAIRS = 200, 60  # of the contact sheet: pixels a tile and most pairs; bounds the size of the report
_ROW_SIDE = 300  # pixels a tile of a hard pair
SAME_PERSON_BELOW = 0.6  # dlib's own threshold, so that the figure is comparable; what the product decides by is stricter
_MIN_GROUP_PAIRS = 10  # a smaller group is not reported: its mean says little

HARD_PAIRS: tuple[tuple[str, str, str], ...] = (
    ("smiling source on a closed mouth", "london/120_smiling.jpg", "london/124_neutral.jpg"),
    ("smiling source on a closed mouth", "omi/071.jpg", "omi/067.jpg"),
    ("closed mouth on a smiling target", "london/124_neutral.jpg", "london/120_smiling.jpg"),
    ("closed mouth on a smiling target", "omi/067.jpg", "omi/034.jpg"),
    ("beard on bare", "omi/029.jpg", "london/018_neutral.jpg"),
    ("beard on bare", "omi/063.jpg", "london/010_neutral.jpg"),
    ("bare on beard", "london/018_neutral.jpg", "omi/029.jpg"),
    ("bare on beard", "london/010_neutral.jpg", "omi/063.jpg"),
    ("glasses in the source", "omi/003.jpg", "london/104_neutral.jpg"),
    ("glasses in the source", "omi/078.jpg", "london/042_neutral.jpg"),
    ("glasses on the target", "london/104_neutral.jpg", "omi/003.jpg"),
    ("glasses on the target", "london/042_neutral.jpg", "omi/078.jpg"),
    ("30 degrees of yaw apart", "omi/072.jpg", "omi/058.jpg"),
    ("30 degrees of yaw apart", "omi/058.jpg", "omi/072.jpg"),
    ("30 degrees of yaw apart", "omi/019.jpg", "omi/076.jpg"),
    ("30 degrees of yaw apart", "omi/076.jpg", "london/086_neutral.jpg"),
    ("dark skin on light", "london/062_neutral.jpg", "london/018_neutral.jpg"),
    ("dark skin on light", "omi/045.jpg", "london/010_neutral.jpg"),
    ("light skin on dark", "london/018_neutral.jpg", "london/062_neutral.jpg"),
    ("light skin on dark", "london/100_neutral.jpg", "london/082_neutral.jpg"),
    ("very different light", "london/112_neutral.jpg", "omi/072.jpg"),
    ("very different light", "omi/054.jpg", "london/068_neutral.jpg"),
    ("very different light", "omi/035.jpg", "london/032_neutral.jpg"),
)
"""Difficulty, source and target; chosen by eye from the media."""


@dataclass(frozen=True, slots=True)
class PairResult:
    """One swap: distances of embeddings, degrees, errors in percent of the eye distance (docs/evaluate.md).

    `shape_ways` and `shape_lengths` are, for each proportion, the way of the result from the target's towards the source's,
    and the distance between these; both in squared eye distances, so that many pairs add up to one share. `expressions`
    are the errors of each expression, in percent of the eye distance.
    """

    source: str
    target: str
    to_source: float
    to_target: float
    cosine: float
    retrieved: bool
    retrieved_by_another: bool | None
    pose_degrees: float
    pose_axes: tuple[float, float, float]
    landmark_percent: float
    landmark_worn_percent: float
    expression_percent: float
    gaze_percent: float
    expressions: tuple[float, ...]
    shape_ways: tuple[float, ...]
    shape_lengths: tuple[float, ...]
    seam: float
    seam_worst: float
    seam_step: float
    outside_changed: int
    swapped: bool

    @property
    def pose_l2(self) -> float:
        """Root of the summed squares of the three angles, in degrees."""
        return float(np.linalg.norm(self.pose_axes))


@dataclass(frozen=True, slots=True)
class Gallery:
    """Embeddings of all portraits; `centre` is their mean, from which cosines are taken."""

    names: tuple[str, ...]
    people: tuple[str, ...]
    embeddings: Array
    centre: Array

    def cosine(self, a: Floats, b: Floats) -> float:
        """Return the cosine of two embeddings about the centre."""
        x, y = a - self.centre, b - self.centre
        return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-9))

    def nearest(self, embedding: Floats, without: str = "") -> str:
        """Return the person of the nearest portrait other than the one named `without`."""
        distance = np.linalg.norm(self.embeddings - embedding, axis=1)
        distance[[index for index, name in enumerate(self.names) if name == without]] = np.inf
        return self.people[int(distance.argmin())]


def gallery(people: Sequence[Portrait]) -> Gallery:
    """Return the gallery of the portraits."""
    embeddings = np.stack([portrait.embedding for portrait in people]).astype(np.float64)
    names, persons = tuple(p.name for p in people), tuple(p.person for p in people)
    return Gallery(names, persons, embeddings, embeddings.mean(0))


def evaluate_pair(lab: Lab, source: Portrait, target: Portrait, known: Gallery) -> tuple[PairResult, Image]:
    """Swap a pair through the whole pipeline and measure the result before label and encoding."""
    result = lab.picture_pipeline(source).swap_frame(frame_of(target.image, 0))
    image = result.frame.image
    own = target.landmarks.points
    drawn = nearest(drawn_points(result), own)
    tracked = nearest([face.landmarks.points for face in result.faces], own)
    landmarks = settled(image, drawn, lab.models)
    points = landmarks.points
    # What the settled fit sees in the target, moved as the drawing was moved: noise of the tracker's one fit stays out.
    worn = own + (drawn - tracked)
    embedding = lab.recogniser.describe(image, landmarks)
    ways, lengths = shape_ways(points, own, source.landmarks.points)
    seen, wanted = (measures.expressions(face).values() for face in (points, worn))
    whole, worst = measures.seam(image, worn, target.image, own)
    alone = known.people.count(source.person) < 2
    return (
        PairResult(
            source=source.name,
            target=target.name,
            to_source=float(np.linalg.norm(embedding - source.embedding)),
            to_target=float(np.linalg.norm(embedding - target.embedding)),
            cosine=known.cosine(embedding, source.embedding),
            retrieved=known.nearest(embedding) == source.person,
            retrieved_by_another=None if alone else known.nearest(embedding, source.name) == source.person,
            pose_degrees=measures.pose_error(points, own),
            pose_axes=measures.pose_axes(points, own),
            landmark_percent=measures.landmark_error(points, own),
            landmark_worn_percent=measures.landmark_error(points, worn),
            expression_percent=measures.expression_error(points, worn),
            gaze_percent=measures.gaze_error(points, own),
            expressions=tuple(100 * abs(a - b) for a, b in zip(seen, wanted, strict=True)),
            shape_ways=ways,
            shape_lengths=lengths,
            seam=whole,
            seam_worst=worst,
            seam_step=measures.seam_step(image, worn, target.image, own),
            outside_changed=changed_outside(image, target.image, [drawn, tracked]),
            swapped=result.swapped > 0,
        ),
        image,
    )


def shape_ways(result: Floats, target: Floats, source: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the way of each proportion towards the source's, (r - t) (s - t), and the whole way, (s - t)^2."""
    r, t, s = (np.array(list(measures.proportions(points).values())) for points in (result, target, source))
    return tuple(((r - t) * (s - t)).tolist()), tuple(((s - t) ** 2).tolist())


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure random pairs of studio portraits, the same in every run; groups by folder and the held-out people apart."""
    known = gallery(lab.people)
    pairs = choose_pairs(lab.studio, lab.length(lab.pairs))
    rows = []
    for source, target in pairs:
        rows.append((source, target, *evaluate_pair(lab, source, target, known)))
        progress()
    results = [result for _, _, result, _ in rows]
    kept = [person for person in lab.studio if person.held_out]
    extra = choose_pairs(kept, len(pairs) // 5) if len({person.person for person in kept}) > 1 else []
    held = []
    for source, target in extra:
        held.append(evaluate_pair(lab, source, target, known)[0])
        progress()
    groups = {"all": results, "held out": held}
    for group in sorted({person.group for person in lab.studio}):
        within = [r for r in results if r.source.startswith(f"{group}/") and r.target.startswith(f"{group}/")]
        groups[f"{group} only"] = within
    calibration = calibrate(lab.people, known)
    details = {
        "pairs": len(results),
        "groups": {
            name: summary(group, lab) for name, group in groups.items() if len(group) >= min(_MIN_GROUP_PAIRS, len(results))
        },
        "calibration": calibration,
        "worst": [_row(r) for r in sorted(results, key=lambda r: -r.to_source)[:10]],
    }
    sheet = contact_sheet([(source, target, image) for source, target, _, image in rows])
    bad = sorted(rows, key=lambda row: -row[2].to_source)[:8]
    return Section(
        "stills",
        "Stills: identity, pose, expression, shape",
        figures_of(results, calibration),
        details,
        (
            Sheet("Source, target, result; four pairs a line.", sheet),
            Sheet("The eight pairs farthest from their source.", contact_sheet([(s, t, i) for s, t, _, i in bad])),
        ),
        notes=() if held else ("No two people of this set are held out, so that no figures of theirs are reported.",),
    )


def measure_hard(lab: Lab, progress: Progress) -> Section:
    """Measure the hard pairs one by one."""
    known = gallery(lab.people)
    sheets, details, notes, found = [], {}, [], []
    for what, source_name, target_name in HARD_PAIRS:
        source, target = lab.find(source_name), lab.find(target_name)
        progress()
        if source is None or target is None:
            notes.append(f"NOT MEASURED: {what}, {source_name} on {target_name}: not in the folder.")
            continue
        result, image = evaluate_pair(lab, source, target, known)
        found.append(result)
        details[f"{what}: {source_name} on {target_name}"] = _row(result)
        tiles = [
            face_crop(source.image, source.landmarks.points, _ROW_SIDE),
            face_crop(target.image, target.landmarks.points, _ROW_SIDE),
            face_crop(image, target.landmarks.points, _ROW_SIDE),
        ]
        caption = (
            f"{what}: {source_name} on {target_name}; {result.to_source:.2f} from the source, {result.to_target:.2f} from "
            f"the target, pose {result.pose_l2:.1f}°, landmarks {result.landmark_worn_percent:.1f} %, seam {result.seam:.2f}"
        )
        sheets.append(Sheet(caption, np.hstack(tiles)))
    figures = (
        Figure("hard pairs: distance to the source", mean([r.to_source for r in found])),
        Figure("hard pairs below 0.6", 100 * mean([r.to_source < 0.6 for r in found]), "%"),
        Figure("hard pairs nearer to source", 100 * mean([r.to_source < r.to_target for r in found]), "%"),
        Figure("hard pairs: worst seam", max([r.seam for r in found], default=float("nan"))),
    )
    return Section("hard-pairs", "Hard pairs", figures, details, tuple(sheets), notes=tuple(notes))


def figures_of(results: Sequence[PairResult], calibration: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the figures with their goals."""
    expression = mean([r.expression_percent for r in results])
    smile = calibration["smile_expression_percent"]
    another = [r.retrieved_by_another for r in results if r.retrieved_by_another is not None]
    return (
        Figure("distance to the source", mean([r.to_source for r in results]), at_most=0.42),
        Figure("pairs below 0.6", 100 * mean([r.to_source < 0.6 for r in results]), "%", at_least=97),
        Figure("nearer to source than to target", 100 * mean([r.to_source < r.to_target for r in results]), "%", at_least=99),
        Figure("identity retrieval", 100 * mean([r.retrieved for r in results]), "%"),
        Figure("identity retrieval by another photo", 100 * mean([bool(value) for value in another]), "%"),
        Figure("cosine to the source", mean([r.cosine for r in results])),
        Figure("pose error, L2 of three angles", mean([r.pose_l2 for r in results]), "°", at_most=2),
        Figure("pose error, rotation", mean([r.pose_degrees for r in results]), "°", at_most=2),
        Figure("landmarks against the wanted", mean([r.landmark_worn_percent for r in results]), "%", at_most=2),
        Figure("landmarks against the target", mean([r.landmark_percent for r in results]), "%"),
        Figure("expression error", expression, "%"),
        Figure("expression error in smiles", expression / smile if smile else float("nan")),
        Figure("gaze error", mean([r.gaze_percent for r in results]), "%"),
        Figure("way to the source's proportions", 100 * _share(results), "%"),
        Figure("seam, steepness against the target", mean([r.seam for r in results]), at_most=1.1),
        Figure("seam, worst eighth", mean([r.seam_worst for r in results])),
        Figure("seam, step in tone", mean([r.seam_step for r in results]), "levels"),
        Figure("pixels changed outside", float(sum(r.outside_changed for r in results)), at_most=0),
    )


def summary(results: Sequence[PairResult], lab: Lab) -> dict[str, Any]:
    """Return means and tails of a group of pairs."""
    below = SAME_PERSON_BELOW
    axes = np.abs(np.array([r.pose_axes for r in results]))
    expressions = np.array([r.expressions for r in results]).mean(0)
    by_axis = {
        "pitch": float(axes[:, 0].mean()), "yaw": float(axes[:, 1].mean()), "roll": float(axes[:, 2].mean())
    }  # fmt: skip
    return {
        "pairs": len(results),
        "distance_to_source_mean": mean([r.to_source for r in results]),
        "distance_to_source_p95": _p95([r.to_source for r in results]),
        "distance_to_target_mean": mean([r.to_target for r in results]),
        "same_person_share": mean([r.to_source < below for r in results]),
        "nearer_to_source_share": mean([r.to_source < r.to_target for r in results]),
        "retrieval_share": mean([r.retrieved for r in results]),
        "cosine_mean": mean([r.cosine for r in results]),
        "pose_l2_mean": mean([r.pose_l2 for r in results]),
        "pose_l2_p95": _p95([r.pose_l2 for r in results]),
        "pose_axes_mean": by_axis,
        "pose_degrees_mean": mean([r.pose_degrees for r in results]),
        "pose_degrees_p95": _p95([r.pose_degrees for r in results]),
        "landmark_percent_mean": mean([r.landmark_percent for r in results]),
        "landmark_worn_percent_mean": mean([r.landmark_worn_percent for r in results]),
        "landmark_worn_percent_p95": _p95([r.landmark_worn_percent for r in results]),
        "expression_percent_mean": mean([r.expression_percent for r in results]),
        "gaze_percent_mean": mean([r.gaze_percent for r in results]),
        "expressions_percent_mean": dict(zip(measures.expressions(face_model().shape), expressions.tolist(), strict=True)),
        "shape_share": _share(results),
        "shape_shares": _shares(results),
        "seam_mean": mean([r.seam for r in results]),
        "seam_p95": _p95([r.seam for r in results]),
        "seam_step_mean": mean([r.seam_step for r in results]),
        "outside_changed_pixels": int(sum(r.outside_changed for r in results)),
        "not_swapped": int(sum(not r.swapped for r in results)),
    }


def calibrate(people: Sequence[Portrait], known: Gallery) -> dict[str, Any]:
    """Return the measures of unchanged pictures: one person, strangers, and the step from neutral to smiling."""
    same, other, cosine_same, cosine_other, smiles = [], [], [], [], []
    for number, a in enumerate(people):
        for b in people[number + 1 :]:
            distance, cosine = float(np.linalg.norm(a.embedding - b.embedding)), known.cosine(a.embedding, b.embedding)
            if a.person == b.person:
                same.append(distance)
                cosine_same.append(cosine)
                if "smiling" in a.name or "smiling" in b.name:
                    smiles.append(measures.expression_error(a.landmarks.points, b.landmarks.points))
            else:
                other.append(distance)
                cosine_other.append(cosine)
    return {
        "portraits": len(people),
        "people": len({portrait.person for portrait in people}),
        "same_person_distance_mean": mean(same),
        "strangers_distance_mean": mean(other),
        "same_person_cosine_mean": mean(cosine_same),
        "strangers_cosine_mean": mean(cosine_other),
        "strangers_cosine_p99": float(np.percentile(cosine_other, 99)) if cosine_other else float("nan"),
        "smile_expression_percent": mean(smiles) if smiles else 0.0,
    }


def contact_sheet(rows: Sequence[tuple[Portrait, Portrait, Image]]) -> Image:
    """Return source, target and result side by side, four pairs a line; BGR uint8."""
    tiles = [
        np.hstack(
            [
                face_crop(source.image, source.landmarks.points, _SHEET_SIDE),
                face_crop(target.image, target.landmarks.points, _SHEET_SIDE),
                face_crop(result, target.landmarks.points, _SHEET_SIDE),
            ]
        )
        for source, target, result in rows[:_SHEET_PAIRS]
    ]
    return grid(tiles, min(4, len(tiles)))


def changed_outside(image: Image, before: Image, faces: Sequence[Floats]) -> int:
    """Count the changed pixels outside all rectangles that the reshape may reach."""
    changed = (image != before).any(axis=2)
    for points in faces:
        x1, y1, x2, y2 = reach(points)
        changed[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = False
    return int(changed.sum())


def _share(results: Sequence[PairResult]) -> float:
    length = sum(sum(r.shape_lengths) for r in results)
    return sum(sum(r.shape_ways) for r in results) / length if length > 0 else float("nan")


def _shares(results: Sequence[PairResult]) -> dict[str, float]:
    """Return the way to the source's by proportion."""
    names = measures.proportions(face_model().shape)
    ways, lengths = (
        np.array(column).sum(0) for column in zip(*((r.shape_ways, r.shape_lengths) for r in results), strict=True)
    )
    return {name: float(way / max(length, 1e-9)) for name, way, length in zip(names, ways, lengths, strict=True)}


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95)) if len(values) else float("nan")


def _row(result: PairResult) -> dict[str, Any]:
    return {**asdict(result), "pose_l2": result.pose_l2}
