"""Export of one output file: content check, badge, mark and fingerprints of each frame, and the seal at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mien.batch.job import Exporter
from mien.batch.marking import FileMark
from mien.media.files.output_file import OutputFile
from mien.media.files.statement import shown_name
from mien.provenance.consent import Consent
from mien.provenance.credentials.claim import Claim, ConsentClaim, Hidden
from mien.provenance.fingerprint import fingerprint
from mien.provenance.label import Labeller
from mien.provenance.seal import Notary
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.types import Frame, Image, LabelledFrame

_FINGERPRINT_EVERY_S = 1.0  # as the verifier expects; see FRAME_FREQUENCIES


@dataclass(frozen=True, slots=True)
class PartNotes:
    """Notes on one part for the seal: fingerprints, ids of marks, and time and score of each check of its content."""

    fingerprints: tuple[int, ...] = ()
    mark_ids: tuple[int, ...] = ()
    scores: tuple[tuple[float, float], ...] = ()


class PartExporter(Exporter, Protocol):
    """Exporter that notes each part by itself."""

    def begin_part(self) -> None:
        """Treat the next frame as the first of all."""
        ...

    def end_part(self) -> PartNotes:
        """Return the notes since `begin_part`. Raises `ContentRefused`."""
        ...


class Export:
    """One output. `target` is the file that is changed, `before` are windows of it: a mark that they carry is kept.

    `consents` are those of all source faces.
    `strength` is that of the mark, as the output's format and quality need it (`mark_strength`). `title` and `target_title`
    are the names that the credentials give (default: those of the files). `hidden` says what was hidden, where no face is worn.
    """

    def __init__(
        self,
        target: Path,
        before: Iterable[Sequence[Image]],
        settings: Settings,
        consents: Sequence[Consent],
        content: FileContentCheck,
        notary: Notary | None,
        kind: str,
        title: str | None = None,
        target_title: str | None = None,
        *,
        strength: float,
        mark_id: int | None = None,
        hidden: Hidden | None = None,
    ) -> None:
        self._target = target
        self._settings = settings
        self._consents = tuple(consents)
        self._content = content
        self._notary = notary
        self._kind = kind
        self._title = title
        self._hidden = hidden
        self._target_title = target_title
        self._mark = FileMark(before, strength, headroom=kind == "video", first_id=mark_id)
        self._labeller = Labeller(settings, self._mark)
        self._fingerprints: list[int] = []
        self._taken_ids: set[int] = set()
        self._next_s = float("-inf")
        self._part_began = 0

    def begin_part(self) -> None:
        """Treat the next frame as the first of all: what is noted of a part depends on this part alone."""
        self._next_s = float("-inf")
        self._mark.begin_part()
        self._content.begin_part()
        self._part_began = len(self._fingerprints)

    def end_part(self) -> PartNotes:
        """Return the notes since `begin_part`. Raises `ContentRefused`."""
        fingerprints = tuple(self._fingerprints[self._part_began :])
        return PartNotes(fingerprints, tuple(sorted(self._mark.mark_ids)), self._content.end_part())

    def take(self, notes: PartNotes) -> None:
        """Take the notes of a part that was labelled elsewhere. Raises `ContentRefused`."""
        self._fingerprints += notes.fingerprints
        self._taken_ids.update(notes.mark_ids)
        self._content.take(notes.scores)

    def label(self, frame: Frame) -> LabelledFrame:
        """Return the frame as it may leave. Raises `ContentRefused` or `ProvenanceError`."""
        self._content.see(frame)
        due = frame.time_s >= self._next_s
        if due:
            self._next_s = frame.time_s + _FINGERPRINT_EVERY_S
        labelled = self._labeller.label(frame)
        if due:
            self._fingerprints.append(fingerprint(labelled.frame.image))
        return labelled

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        """Sign what lies in `output.temporary`, read it back and record it; return warnings for the user.

        Raises `ContentRefused` or `ProvenanceError`; then the output must not be committed.
        """
        if self._notary is None:
            raise RuntimeError("nothing is sealed without a notary")
        self._content.finish()
        for consent in self._consents:
            self._notary.consents.check(consent)
        claim = Claim(
            title=self._title or shown_name(output.path),
            engine=self._settings.engine if self._hidden is None else self._hidden.engine,
            mark_id=self._mark.first_id,
            label="shown" if self._settings.badge == "shown" else "off",
            label_note=label_note(self._settings),
            consents=tuple(ConsentClaim(each.statement, each.given_at) for each in self._consents),
            made_at=datetime.now(UTC),
            hidden=self._hidden,
        )
        return self._notary.seal(
            output.temporary,
            claim,
            self._kind,
            self._fingerprints,
            self._target,
            self._target_title or shown_name(self._target),
            self._mark.mark_ids | self._taken_ids,
        )


def label_note(settings: Settings) -> str:
    """Return the place and size of the badge, or the reason why it is switched off."""
    if settings.badge != "shown":
        return f"switched off for {settings.badge.removeprefix('off-')}"
    return f"{settings.badge_corner}, {settings.badge_size:g} of the shorter side, {settings.badge_style}"
