"""What one output file goes through beside its swap: content check, badge, mark, fingerprints, and the seal at the end."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mien.media.output import OutputFile
from mien.provenance.claim import Claim
from mien.provenance.consent import Consent
from mien.provenance.fingerprint import fingerprint
from mien.provenance.keeping import keeping_marker
from mien.provenance.mark import Marker, new_mark_id
from mien.seal import Notary, find_mark
from mien.settings import Settings
from mien.stages.content import FileContentCheck
from mien.stages.label import Labeller
from mien.types import Frame, Image, LabelledFrame

_FINGERPRINT_EVERY_S = 1.0


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
        self._marker = keeping_marker(find_mark(before)) or Marker(new_mark_id())
        self._labeller = Labeller(settings, self._marker)
        self._fingerprints: list[int] = []
        self._next_s = float("-inf")

    def label(self, frame: Frame) -> LabelledFrame:
        """The frame as it may leave. Raises `ContentRefused` or `ProvenanceError`."""
        self._content.see(frame)
        labelled = self._labeller.label(frame)
        if frame.time_s >= self._next_s:
            self._next_s = frame.time_s + _FINGERPRINT_EVERY_S
            self._fingerprints.append(fingerprint(labelled.frame.image))
        return labelled

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        """Sign what lies in `output.temporary`, read it back and note it; warnings for the person.

        Raises `ContentRefused` or `ProvenanceError`; then the output must not be committed.
        """
        self._content.finish()
        claim = Claim(
            title=self._title or output.path.name,
            engine=self._settings.engine,
            mark_id=self._marker.mark_id,
            label="shown" if self._settings.badge == "shown" else "off",
            label_note=label_note(self._settings),
            consent=self._consent.statement,
            consent_at=self._consent.given_at,
            made_at=datetime.now(UTC),
        )
        return self._notary.seal(output.temporary, claim, self._kind, self._fingerprints, self._target, self._target_title)


def label_note(settings: Settings) -> str:
    """Where the badge stands, or why it is switched off."""
    if settings.badge != "shown":
        return f"switched off for {settings.badge.removeprefix('off-')}"
    return f"{settings.badge_corner}, {settings.badge_size:g} of the shorter side, {settings.badge_style}"
