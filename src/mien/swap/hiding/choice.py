"""Choice of the paths that are covered unless somebody decides otherwise."""

from dataclasses import dataclass

from mien.swap.hiding.face_path import FacePath


@dataclass(frozen=True, slots=True)
class ChoiceTuning:
    """Doubt in which nothing is covered; evidence: `mien evaluate --only anonymise`."""

    lone_score: float = 0.5
    """A face with one look that starts a path, and none with this score, is a doubtful one."""
    sure_score: float = 0.84
    """A face with this score is never taken for a hand."""
    least_hand_looks: int = 2
    hand_share: float = 0.5
    """Looks for a hand, and the share of them that must find one: of 13 hands in clips 11 have it, of 24 profiles none."""
    least_mesh_looks: int = 2
    most_sightings: int = 12
    """Looks for a mesh, all without one and all on a person's hands and clothes, after which a small doubtful face is none,
    unless it was seen this often."""
    most_firm_share: float = 0.05
    faint_score: float = 0.6
    """So is one below this score that is hardly ever seen but at the place where it was: a pattern of a wall."""
    passing_share: float = 0.5
    """Share of the finds in front of a person, gone a moment before and after, from which all may be a passing hand."""
    least_scene_frames: int = 8
    """Unless its scene is shorter than this, as a picture is: then there is no second look, and a close reading does."""


TUNING = ChoiceTuning()


def is_hand(path: FacePath, tuning: ChoiceTuning = TUNING) -> bool:
    """Return True for a path of doubtful faces in whose place a hand was found, mostly."""
    hand = path.hand_looks >= tuning.least_hand_looks and path.hands >= tuning.hand_share * path.hand_looks
    return hand and path.best_score < tuning.sure_score


def is_none(path: FacePath, tuning: ChoiceTuning = TUNING) -> bool:
    """Return True for doubtful faces on which no mesh ever fits: small ones on clothes, and faint patterns."""
    if path.mesh_looks < tuning.least_mesh_looks or path.meshes or path.best_score >= tuning.sure_score:
        return False
    in_reach = path.in_reach == path.mesh_looks and len(path) <= tuning.most_sightings
    return in_reach or (path.best_score < tuning.faint_score and path.firm <= tuning.most_firm_share * len(path))


def is_passing(path: FacePath, tuning: ChoiceTuning = TUNING) -> bool:
    """Return True for doubtful finds in front of a person that no mesh fits and that come and go within frames.

    Most are hands; of 108 faces that flash by, 12 are taken for such, too. So they are covered, and a person decides.
    """
    if path.best_score >= tuning.sure_score or path.meshes or len(path) > tuning.most_sightings:
        return False
    in_front = path.mesh_looks > 0 and path.in_front == path.mesh_looks
    return in_front and path.passings > 0 and path.passings >= tuning.passing_share * path.passing_looks


def is_clear(path: FacePath, tuning: ChoiceTuning = TUNING) -> bool:
    """Return True for a path that was once seen clearly as a face; all others are covered because they may be one."""
    return path.best_score >= tuning.sure_score


def is_left(path: FacePath) -> bool:
    """Return True for a path that is not covered."""
    return is_doubtful(path) or is_hand(path) or is_none(path)


def is_doubtful(path: FacePath, tuning: ChoiceTuning = TUNING) -> bool:
    """Return True for a path that is left alone: one look of low confidence in a long scene, or without a close reading."""
    scene = (path.first.frame if path.last_bound is None else path.last_bound) - path.first_bound + 1
    return path.firm <= 1 and path.best_score < tuning.lone_score and (scene >= tuning.least_scene_frames or not path.confirmed)
