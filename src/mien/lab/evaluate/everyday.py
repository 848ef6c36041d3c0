"""Everyday pairs: photos as phones take them, on faces as people show them."""

from collections.abc import Sequence

import numpy as np

from mien.errors import UsageError
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, open_face
from mien.lab.evaluate.plots import face_crop
from mien.lab.evaluate.portraits import Portrait, choose_pairs
from mien.lab.evaluate.stills import PairResult, contact_sheet, evaluate_pair, gallery, summary
from mien.types import Image

PAIRS, CLOSING_PAIRS = 140, 60
"""Of the people that may be looked at while working, and of those who are kept for the last look."""
_PAGE_SIDE, _PAGE_PAIRS = 400, 4  # pixels a tile, about 1:1 for faces of 300 pixels, and pairs on a page of the sheet
_GOOD_PHOTO = 0.8  # score from which the photo counts as one without a plain fault


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure fixed pairs of the everyday folders; those of the people kept for the last look are reported apart, too."""
    people = [person for person in lab.people if person.is_everyday]
    if len({person.person for person in people if not person.is_closing}) < 2:
        note = "NOT MEASURED: no two people in the folders everyday and omi."
        return Section("everyday", "Everyday photos", (), notes=(note,))
    known = gallery(lab.people)
    sets = {
        "working": choose_pairs([person for person in people if not person.is_closing], lab.length(PAIRS)),
        "closing": choose_pairs([person for person in people if person.is_closing], lab.length(CLOSING_PAIRS)),
    }
    found: dict[str, list[PairResult]] = {name: [] for name in sets}
    groups: dict[str, list[PairResult]] = {"photos without a plain fault": [], "photos with one": []}
    rows: dict[str, list[tuple[Portrait, Portrait, Image]]] = {name: [] for name in sets}
    refused = []
    for name, pairs in sets.items():
        for source, target in pairs:
            progress()
            try:
                score = open_face(source, lab.models).score
                result, image = evaluate_pair(lab, source, target, known)
            except UsageError as error:
                refused.append(f"{source.name}: {error}")
                continue
            found[name].append(result)
            groups["photos without a plain fault" if score >= _GOOD_PHOTO else "photos with one"].append(result)
            rows[name].append((source, target, image))
    results = [result for name in sets for result in found[name]]
    details = {
        "pairs": sum(len(pairs) for pairs in sets.values()),
        "refused": refused,
        "groups": {name: summary(group, lab) for name, group in {**found, **groups}.items() if group},
    }
    # The closing pairs are shown only when they are asked for.
    shown = rows["working"]
    sheets = (Sheet("Pairs of the working set.", contact_sheet(shown)),) if shown else ()
    pages = _pages(rows["closing"]) if lab.sheet else ()
    return Section("everyday", "Everyday photos", _figures(results, len(refused)), details, sheets, pages=pages)


def _figures(results: Sequence[PairResult], refused: int) -> tuple[Figure, ...]:
    return (
        Figure("distance to the source", mean([r.to_source for r in results]), at_most=0.42),
        Figure("pairs below 0.6", 100 * mean([r.to_source < 0.6 for r in results]), "%", at_least=97),
        Figure("nearer to source than to target", 100 * mean([r.to_source < r.to_target for r in results]), "%", at_least=99),
        Figure("pose error, L2 of three angles", mean([r.pose_l2 for r in results]), "°", at_most=2),
        Figure("landmarks against the wanted", mean([r.landmark_worn_percent for r in results]), "%", at_most=1.5),
        Figure("seam, step in tone", mean([r.seam_step for r in results]), "levels", at_most=6),
        Figure("seam, steepness against the target", mean([r.seam for r in results]), at_most=1.1),
        Figure("pairs whose photo was refused", float(refused)),
    )


def _pages(rows: Sequence[tuple[Portrait, Portrait, Image]]) -> tuple[Sheet, ...]:
    """Return pages to judge by eye: source, target and result, a pair a line."""
    lines = [
        np.hstack(
            [
                face_crop(source.image, source.landmarks.points, _PAGE_SIDE),
                face_crop(target.image, target.landmarks.points, _PAGE_SIDE),
                face_crop(image, target.landmarks.points, _PAGE_SIDE),
            ]
        )
        for source, target, image in rows
    ]
    pages = [lines[start : start + _PAGE_PAIRS] for start in range(0, len(lines), _PAGE_PAIRS)]
    return tuple(Sheet(f"Pairs {_PAGE_PAIRS * number + 1} and on.", np.vstack(page)) for number, page in enumerate(pages))
