"""What one output file goes through beside its swap: content check, badge, mark, fingerprints, and the seal at the end."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mien.errors import MarkImpossible
from mien.media.output import OutputFile
from mien.provenance.claim import Claim
from mien.provenance.consent import Consent
from mien.provenance.fingerprint import fingerprint
from mien.provenance.keeping import keeping_marker
from mien.provenance.mark import Marker, new_mark_id
from mien.provenance.markreader import MarkFound
from mien.provenance.statement import shown_name
from mien.seal import Notary, find_mark
from mien.settings import Settings
from mien.stages.content import FileContentCheck
from mien.stages.label import Labeller
from mien.types import Frame, Image, LabelledFrame

_LOOK_EVERY_S = 1.0
_GENTLE = 60
"""Qualities below this cost the mark so much that it is laid on more strongly, up to 2.5 times."""
_SURELY_TWO = 15.0
"""A mark so clear whose number cannot be read is two marks."""


class Export:
    """One output. `target` is the file that is changed, `before` its first pictures: a mark that they carry is kept.

    `title` and `target_title` are the names that the credentials give (default: those of the files).
    """

    def __init__(
        self,
        target: Path,
        before: Iterable[Image],
        settings: Settings,
        consent: Consent,
        content: FileContentCheck,
        notary: Notary,
        kind: str,
        title: str | None = None,
        target_title: str | None = None,
    ) -> None:
        self._target = target
        self._settings = settings
        self._consent = consent
        self._content = content
        self._notary = notary
        self._kind = kind
        self._title = title
        self._target_title = target_title
        marker = _marker(find_mark(before), settings)
        self._mark_id = self._mark_id_now = marker.mark_id
        self._labeller = Labeller(settings, marker)
        self._fingerprints: list[int] = []
        self._next_s = float("-inf")

    def label(self, frame: Frame) -> LabelledFrame:
        """The frame as it may leave. Raises `ContentRefused` or `ProvenanceError`."""
        self._content.see(frame)
        due = frame.time_s >= self._next_s
        if due:
            self._next_s = frame.time_s + _LOOK_EVERY_S
            self._keep_mark_of(frame)
        labelled = self._labeller.label(frame)
        if due:
            self._fingerprints.append(fingerprint(labelled.frame.image))
        return labelled

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        """Sign what lies in `output.temporary`, read it back and note it; warnings for the person.

        Raises `ContentRefused` or `ProvenanceError`; then the output must not be committed.
        """
        self._content.finish()
        self._notary.consents.check(self._consent)
        claim = Claim(
            title=self._title or shown_name(output.path),
            engine=self._settings.engine,
            mark_id=self._mark_id,
            label="shown" if self._settings.badge == "shown" else "off",
            label_note=label_note(self._settings),
            consent=self._consent.statement,
            consent_at=self._consent.given_at,
            made_at=datetime.now(UTC),
        )
        return self._notary.seal(
            output.temporary,
            claim,
            self._kind,
            self._fingerprints,
            self._target,
            self._target_title or shown_name(self._target),
        )

    def _keep_mark_of(self, frame: Frame) -> None:
        """A film may be put together from several that are marked: each part keeps its number."""
        kept = keeping_marker(find_mark([frame.image]))
        if kept is not None and kept.mark_id != self._mark_id_now:
            self._mark_id_now = kept.mark_id
            self._labeller = Labeller(self._settings, kept)


def label_note(settings: Settings) -> str:
    """Where the badge stands, or why it is switched off."""
    if settings.badge != "shown":
        return f"switched off for {settings.badge.removeprefix('off-')}"
    return f"{settings.badge_corner}, {settings.badge_size:g} of the shorter side, {settings.badge_style}"


def _marker(found: MarkFound | None, settings: Settings) -> Marker:
    """That of the target where it has one, else a new one: stronger where the encoder will leave less of it."""
    if found is not None and found.mark_id is None and found.z >= _SURELY_TWO:
        raise MarkImpossible(
            "the target carries marks that lie over each other; one more could not be read",
            "use the file from before it was marked twice",
        )
    return keeping_marker(found) or Marker(new_mark_id(), strength=1 + max(_GENTLE - settings.quality, 0) / _GENTLE * 1.5)
