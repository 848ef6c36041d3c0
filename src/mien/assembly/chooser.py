"""Choice of what is covered in one file: what was found, people to keep, decisions; and the review of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.assembly.file_hiding import Findings, file_hash
from mien.assembly.hiding_review import Review
from mien.assembly.kept_faces import KeptFaces
from mien.assembly.review_page import Subject
from mien.batch.search import Searched
from mien.errors import UsageError
from mien.media.files.statement import shown_name
from mien.swap.hiding.choice import is_clear, is_left
from mien.swap.hiding.cover_plan import CoverPlan, FixedRegion
from mien.swap.hiding.decisions import MAX_BYTES, Decisions, decided, read_decisions
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_search import SearchTuning
from mien.swap.hiding.kept import KeptPeople
from mien.swap.hiding.path_search import PathTuning
from mien.swap.hiding.risks import moments_of
from mien.types import Frame


@dataclass(slots=True)
class Chooser:
    """Chooses for one target; finds the people to keep and checks the decisions before any work.

    Raises as `KeptFaces.watcher` and `read_decisions`, and `UsageError` for decisions on another file or part.
    """

    target: Path
    start_s: float | None
    end_s: float | None
    keep: tuple[str, ...]
    faces: KeptFaces
    decisions_file: Path | None
    review_folder: Path | None
    _kept: KeptPeople | None = field(default=None, init=False)
    _decisions: Decisions | None = field(default=None, init=False)
    _sha256: str = field(default="", init=False)
    _subject: Subject | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.decisions_file is not None or self.review_folder is not None:
            self._sha256 = file_hash(self.target)
        if self.decisions_file is not None:
            self._decisions = read_decisions(_content(self.decisions_file))
            self._decisions.check_fits(self._sha256, self.start_s, self.end_s)
        if self.keep:
            self._kept = self.faces.watcher(self.keep, self.target)

    def watch(self, frame: Frame, paths: list[FacePath]) -> None:
        """Take looks at the people of a frame that is searched."""
        if self._kept is not None:
            self._kept.see(frame, paths)

    def choose(self, searched: Searched, size_wh: tuple[int, int]) -> Findings:
        """Return the plan of the covers, and what is signed about it. Raises `UsageError` for decisions that do not fit."""
        paths, fixed = [path for path in searched.paths if not is_left(path)], list[FixedRegion]()
        if self._decisions is not None:
            paths, fixed = decided(self._decisions, searched.paths, searched.times, size_wh)
        shown = {} if self._kept is None else self._kept.spans(paths, searched.times)
        plan = CoverPlan(paths, searched.times, fixed, shown)
        hidden = tuple(path for path in paths if path.number not in shown)
        chosen = {path.number for path in paths}
        left = [path for path in searched.paths if path.number not in chosen]
        facts: dict[str, Any] = {
            "frames": len(searched.times), "faces": len(paths), "clear_faces": sum(map(is_clear, paths)),
            "left_faces": len(left), "regions": len(fixed),
            "kept_faces": len(shown), "score": PathTuning().birth_score, "enlarged_every": SearchTuning().enlarged_every,
        }  # fmt: skip
        if self._decisions is not None:
            facts["decisions_sha256"] = self._decisions.digest
        self._subject = Subject(shown_name(self.target), self._sha256, self.start_s, self.end_s, size_wh)
        return Findings(searched, plan, facts, self._review(searched, plan, size_wh), hidden)

    def _review(self, searched: Searched, plan: CoverPlan, size_wh: tuple[int, int]) -> Review | None:
        if self.review_folder is None:
            return None
        moments, left_out = moments_of(searched.paths, plan, size_wh)
        return Review(self.review_folder, moments, searched.times, left_out)

    def write_review(self, findings: Findings) -> Path | None:
        """Write the review page and return its path, None without a review. Raises `OutputError`."""
        if findings.review is None or self._subject is None:
            return None
        return findings.review.write(self._subject)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "name the decisions.json of the review page") from error
